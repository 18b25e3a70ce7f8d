/* What an answer other than the page means: which kind of failure, and when to try again. */
#ifndef OPVIC_FETCHER_REFUSAL_H
#define OPVIC_FETCHER_REFUSAL_H

#include "fetch/fetch.h"
#include "proto/lookup.h"

typedef struct {
    lookup_failure failure;
    int64_t next_try_s; /* Unix seconds; 0: the usual interval */
    char text[128];
} refusal;

/* body: its beginning. api: a 403 may be a spent budget
 * (https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api). failures: in a row before this one.
 */
void refusal_judge(const ov_fetch_result *answer, ov_str body, bool api, int64_t now_s, int64_t failures, refusal *ret);
/* What an answer that did not come means; f is not OV_FETCH_OK. */
lookup_failure refusal_of_transport(ov_fetch_failure f);
/* A time that upstream named, kept within a day from now. */
int64_t refusal_bound(int64_t next_try_s, int64_t now_s);

#endif
