/* Tail: what all entries share that run one version under one rule; the end of a gap's item and of its metric series.
 */
#ifndef OPVIC_API_TAIL_H
#define OPVIC_API_TAIL_H

#include <stdatomic.h>

#include "proto/state.h"

enum {
    TAIL_SERIES = 3,             /* majors, minors, patches */
    TAIL_LABEL_BYTES_MAX = 1024, /* of a joined list in a label; what is cut ends in TAIL_LABEL_CUT */
};
#define TAIL_LABEL_CUT "..."
#define TAIL_MISSING "missing" /* latestVersion where none is known */

/* Immutable and shared by threads; freed with the last reference. */
typedef struct {
    atomic_uint refs;
    state_value state;
    bool missing; /* no latest version is known: no gap series */
    ov_str latest;
    ov_str gap;                 /* members without the opening brace: "latestVersion":...} */
    ov_str series[TAIL_SERIES]; /* ,available_major_versions="..."} 2\n */
    char bytes[];
} tail;

/* The caller owns one reference. OV_INVALID: the verdict's gap is not one. */
OV_MUST_CHECK ov_status tail_of_verdict(const verdict_doc *d, tail **ret, ov_err *err);
/* For a version without a verdict: nothing is available, and the state says why. */
tail *tail_plain(state_value state, ov_str reason, ov_str latest);
tail *tail_ref(tail *t);
void tail_unref(tail *t); /* NULL is fine */

#endif
