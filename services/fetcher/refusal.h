/* What an answer other than the page means: which kind of failure, and when to try again. */
#ifndef OPVIC_FETCHER_REFUSAL_H
#define OPVIC_FETCHER_REFUSAL_H

#include "fetch/fetch.h"
#include "proto/lookup.h"

typedef struct {
    lookup_failure failure;
    int64_t next_try_s; /* Unix seconds, where upstream named it; 0: as refusal_next_try_s says */
    char text[128];
} refusal;

/* body: its beginning. api: a 403 may be a spent budget
 * (https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api). */
void refusal_judge(const ov_fetch_result *answer, ov_str body, bool api, int64_t now_s, refusal *ret);
/* What an answer that did not come means; f is not OV_FETCH_OK. */
lookup_failure refusal_of_transport(ov_fetch_failure f);
/* When to look again: at the time that upstream named, else (named_s 0) as the kind of failure deserves. Either way the
 * distance grows with the failures in a row (this one included), up to an hour of our own. */
int64_t refusal_next_try_s(lookup_failure f, int64_t named_s, int64_t failures, int64_t now_s);
/* A time that upstream named, kept within a day from now. */
int64_t refusal_bound(int64_t next_try_s, int64_t now_s);

#endif
