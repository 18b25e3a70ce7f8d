/* The events of anchored nodes, kept so that aliases can give them again; inside lib/yaml alone. */
#ifndef OV_YAML_RECORD_H
#define OV_YAML_RECORD_H

#include "base/map.h"
#include "yaml/yaml.h"

typedef struct {
    ov_yaml_event event; /* its text is at text_at in the record's text */
    size_t text_at;
} ov_yaml_recorded;

typedef struct {
    size_t first, end; /* its events; end is 0 while the node is open */
    size_t depth;
} ov_yaml_anchor;

/* Zero is empty but for text.max. */
typedef struct {
    ov_yaml_recorded *events;
    size_t count, cap;
    ov_buf text;
    ov_yaml_anchor *anchors; /* in the order of the document */
    size_t anchor_count, anchor_cap;
    ov_map names;     /* anchor's name -> its index + 1 */
    size_t open;      /* anchors whose node is not yet complete */
    size_t next, end; /* what an alias still has to give */
    size_t expanded;
} ov_yaml_record;

/* Forgets all, as at the beginning of a document. */
void ov_yaml_record_clear(ov_yaml_record *r);
/* The node that begins with the next added event is called name. */
void ov_yaml_record_anchor(ov_yaml_record *r, ov_str name, size_t depth);
/* Keeps an event while an anchored node is open. text_at is where a replayed event's text stands, SIZE_MAX for a new
 * one. false when the anchored nodes are too large. */
bool ov_yaml_record_add(ov_yaml_record *r, const ov_yaml_event *e, size_t text_at);
/* Starts to give the node again. OV_NOT_FOUND: no such anchor; OV_INVALID: the node is still open (it would hold
 * itself); OV_FAILED: too many events. */
ov_status ov_yaml_record_replay(ov_yaml_record *r, ov_str name);
/* The next event of the running replay; false when none runs. */
bool ov_yaml_record_next(ov_yaml_record *r, ov_yaml_event *ret, size_t *ret_text_at);

#endif
