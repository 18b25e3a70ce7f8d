/* YAML as a bounded stream of events, and whole documents as JSON text. */
#ifndef OV_YAML_YAML_H
#define OV_YAML_YAML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/status.h"
#include "base/str.h"

enum {
    OV_YAML_DEPTH_MAX = 100,                /* open mappings and sequences */
    OV_YAML_SCALAR_MAX = 4 * 1024 * 1024,   /* bytes of one scalar */
    OV_YAML_ANCHORED_MAX = 8 * 1024 * 1024, /* bytes of all anchored nodes of a document */
    OV_YAML_EXPANDED_MAX = 1000 * 1000      /* events that aliases put into one document */
};

/* Gives the next bytes of the stream: 1 to max of them, or 0 at its end. Any status but OV_OK ends the reading with it.
 * The parser underneath cannot be suspended, so bytes are pulled: whoever receives them from a socket reads in here,
 * blocking. */
typedef ov_status (*ov_yaml_read)(void *arg, char *out, size_t max, size_t *ret_len, ov_err *err);

typedef enum {
    OV_YAML_END, /* of the stream; again and again */
    OV_YAML_DOCUMENT,
    OV_YAML_DOCUMENT_END,
    OV_YAML_MAPPING,
    OV_YAML_MAPPING_END,
    OV_YAML_SEQUENCE,
    OV_YAML_SEQUENCE_END,
    OV_YAML_SCALAR
} ov_yaml_type;

typedef enum {
    OV_YAML_TAG_NONE,
    OV_YAML_TAG_STR,
    OV_YAML_TAG_INT,
    OV_YAML_TAG_FLOAT,
    OV_YAML_TAG_BOOL,
    OV_YAML_TAG_NULL,
    OV_YAML_TAG_MERGE,
    OV_YAML_TAG_BINARY,
    OV_YAML_TAG_OTHER
} ov_yaml_tag;

typedef struct {
    ov_yaml_type type;
    ov_yaml_tag tag;
    bool plain;          /* a scalar without quotes and tag: ov_yaml_resolve tells what it is */
    bool key;            /* the node stands where a mapping has its keys */
    ov_str text;         /* of a scalar; valid until the next call; UTF-8 without NUL */
    size_t depth;        /* mappings and sequences around the node */
    size_t line, column; /* from 1 on; of an aliased node where it was anchored */
} ov_yaml_event;

typedef enum {
    OV_YAML_REFUSE_ALIASES, /* for foreign lists, where nobody needs them */
    OV_YAML_EXPAND_ALIASES  /* an alias gives its node's events again, within the limits above */
} ov_yaml_aliases;

typedef struct ov_yaml ov_yaml;

/* arg must outlive the reader. */
ov_yaml *ov_yaml_new(ov_yaml_read read, void *arg, ov_yaml_aliases aliases);
/* Over a text in memory, which must outlive the reader. */
ov_yaml *ov_yaml_new_text(ov_str text, ov_yaml_aliases aliases);
void ov_yaml_free(ov_yaml *y);
void ov_yaml_free_p(ov_yaml **y);

/* The next event. OV_INVALID "line 3, column 5: ..."; the read callback's status as it is. A failure is final.
 * Duplicate keys are the caller's business. */
OV_MUST_CHECK ov_status ov_yaml_next(ov_yaml *y, ov_yaml_event *ret, ov_err *err);
/* Passes the rest of the mapping or sequence that the given event has just begun; nothing for a scalar. */
OV_MUST_CHECK ov_status ov_yaml_skip(ov_yaml *y, const ov_yaml_event *begun, ov_err *err);
/* "line 3, column 5: what: text" as OV_INVALID, for a caller's own complaint about an event. */
ov_status ov_yaml_fail(const ov_yaml_event *at, const char *what, ov_str text, ov_err *err);

typedef enum { OV_YAML_STRING, OV_YAML_NULL, OV_YAML_BOOL, OV_YAML_INT, OV_YAML_FLOAT } ov_yaml_kind;

typedef struct {
    ov_yaml_kind kind;
    char json[40]; /* its JSON text; empty for strings, infinities and NaN */
} ov_yaml_value;

/* What a scalar means, as Kubernetes' tools read YAML (sigs.k8s.io/yaml): YAML 1.1's null, booleans (yes and on are
 * true), integers (0x1f, 0o17, 017, 0b1, 1_000) and floats; dates are strings. OV_INVALID when the text is not what its
 * tag says. */
OV_MUST_CHECK ov_status ov_yaml_resolve(const ov_yaml_event *scalar, ov_yaml_value *ret, ov_err *err);

/* Appends the next document to out as JSON text; *ret_more is false when there is none (out is then unchanged). Scalars
 * are resolved, keys become strings, merge keys (<<) are applied: a mapping's own keys win, then the earlier source.
 * Expects a reader with OV_YAML_EXPAND_ALIASES where documents may use them. OV_INVALID: what JSON cannot hold (NaN, a
 * mapping as a key), duplicate keys, more levels than lib/json reads, more than out's maximum. */
OV_MUST_CHECK ov_status ov_yaml_to_json(ov_yaml *y, ov_buf *out, bool *ret_more, ov_err *err);

#endif
