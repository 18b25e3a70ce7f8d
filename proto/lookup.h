/* Look-up: how the last look at a source went; the outcome of a job, stored before the job is acknowledged. */
#ifndef OPVIC_PROTO_LOOKUP_H
#define OPVIC_PROTO_LOOKUP_H

#include "base/buf.h"
#include "base/clock.h"
#include "json/fields.h"

typedef enum {
    LOOKUP_COMPLETE,     /* every wanted list was published (or was the same as before) */
    LOOKUP_NOT_MODIFIED, /* upstream said so: the lists stand */
    LOOKUP_FAILED,       /* the lists stand, with their age */
    LOOKUP_DEFERRED      /* not asked: budget, Retry-After; planned again at next_try */
} lookup_outcome;
const char *lookup_outcome_name(lookup_outcome o);

typedef enum {
    FAILURE_NONE,
    FAILURE_NOT_FOUND,
    FAILURE_UNAUTHORIZED,
    FAILURE_RATE_LIMITED,
    FAILURE_UNREACHABLE,
    FAILURE_TIMEOUT,
    FAILURE_TLS,
    FAILURE_TOO_LARGE,
    FAILURE_MALFORMED,
    FAILURE_REFUSED_TARGET,
    FAILURE_UNSUPPORTED,
    FAILURE_EMPTIED, /* a list that had versions came without any: the next look that finds it so counts */
    FAILURE_CHANGING /* pages changed while they were read, twice */
} lookup_failure;
const char *lookup_failure_name(lookup_failure f); /* "", "notFound", "unauthorized", "rateLimited", ... */

typedef struct {
    ov_str list;
    ov_str digest; /* of the list's body, REPORT_DIGEST_HEX - 1 digits; empty: the source has no such list (a chart that
                      is not in the index) */
    int64_t count;
    bool emptied; /* a look since found it without versions, which does not count at the first time */
} lookup_list;

typedef struct {
    ov_str source, provider, strategy, repo;
    lookup_outcome outcome;
    lookup_failure failure;
    ov_str message;     /* for people; never holds a secret */
    int64_t status;     /* last HTTP status, 0: none */
    int64_t next_try_s; /* Unix seconds before which no look makes sense; 0: the usual interval */
    int64_t failures;   /* in a row, this one included */
    int64_t requests;   /* made for this look */
    ov_str etag, last_modified;
    ov_str credential;  /* which one the validators were got with, a short hash; empty: none */
    lookup_list *lists; /* known lists with what they were at the last complete look */
    size_t list_count;
    int64_t epoch, after;     /* of the job it answers */
    int64_t looked_at_s;      /* when */
    int64_t complete_at_s;    /* when the lists were last known to be complete; 0: never */
    int64_t budget_remaining; /* of the provider's credential, -1: unknown */
    ov_json_arena arena;
} lookup;
OV_MUST_CHECK ov_status lookup_decode(ov_str body, lookup *ret, ov_err *err);
void lookup_clear(lookup *l);
void lookup_encode(const lookup *l, ov_buf *out);

#endif
