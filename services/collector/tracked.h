/* One VersionTracker as it was given: its spec, the objects that match it, the report that says so. */
#ifndef OPVIC_COLLECTOR_TRACKED_H
#define OPVIC_COLLECTOR_TRACKED_H

#include "services/collector/cluster/cluster.h"
#include "services/collector/extract/tracker.h"
#include "services/collector/observed.h"

typedef struct tracked tracked;
typedef struct tracked_group tracked_group;
struct tracked {
    char *key; /* "namespace/name" of the VersionTracker */
    char *ns;
    char *id;           /* spec.name, or the object's name when it has none */
    char *created;      /* creationTimestamp, RFC 3339: texts compare as times */
    uint64_t given;     /* the spec's hash: an equal one changes nothing */
    tracker_spec *spec; /* NULL: invalid */
    char *problem;      /* then: why */
    unsigned section, round;
    bool duplicate; /* an older tracker has its id */
    observed seen;
    /* Where the tracking keeps it: among those of its kind, and in the list of those whose report may have changed. */
    tracked_group *group;
    size_t place;
    bool dirty;
    tracked *dirty_before, *dirty_behind;
};

/* e gives the VersionTracker. A spec that is wrong, or may mean something else, is logged. tracked_free ends it; t are
 * the texts of what it saw. */
tracked *tracked_new(const cluster_event *e, ov_str key);
void tracked_free(tracked *k, texts *t);

/* The event gives the same spec of the same object again. */
bool tracked_is_same(const tracked *k, const cluster_event *e);
/* Of two trackers with one id the older one may report. */
bool tracked_is_older(const tracked *a, const tracked *b);

/* The report's body; one that passes body's maximum is replaced by one that says so. tags: raw JSON object. */
void tracked_render(const tracked *k, const texts *t, ov_str agent_id, ov_str tags, ov_buf *body);

#endif
