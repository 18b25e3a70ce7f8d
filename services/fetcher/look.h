/* One look at a source: asks page by page, within limits, and says how it went. No bus, no state but the budget. */
#ifndef OPVIC_FETCHER_LOOK_H
#define OPVIC_FETCHER_LOOK_H

#include "fetch/fetch.h"
#include "proto/lookup.h"
#include "services/fetcher/budget.h"
#include "services/fetcher/credentials_app.h"
#include "services/fetcher/hosts.h"
#include "services/fetcher/provider.h"

typedef struct {
    provider_options providers;
    const ov_fetch_policy *policy;
    int64_t pages_max;                     /* of one list; what lies beyond makes it truncated */
    int64_t bytes_max;                     /* of all bodies of one look, decompressed */
    int64_t connect_ms, idle_ms, total_ms; /* total: of the whole look */
    const volatile bool *stop;             /* or NULL */
    void (*alive)(void *arg);              /* or NULL: called as the look moves on */
    /* or NULL: after each request, with what was asked and what came (status 0: no answer). */
    void (*asked)(void *arg, const char *url, unsigned status);
    void *arg;
    hosts *hosts; /* or NULL: any number of looks at any host */
    /* or NULL: none. What to send to the URL's origin; false: nothing, or credential_failure says why not. */
    bool (*credential)(void *arg, const char *url, provider_credential *ret);
    const credential_failure *(*credential_failure)(void *arg);
    const ov_secret *(*identity_token)(void *arg, const char *url); /* or NULL; as credentials_identity_token */
    const char *(*credential_id)(void *arg, const char *url, char out[CREDENTIAL_ID]); /* or NULL; as credentials_id */
    void *credential_arg;
} look_options;

enum { LOOK_ETAGS_BYTES = 16 * 1024 };

typedef struct {
    lookup_outcome outcome;
    lookup_failure failure;
    bool stopped; /* options.stop ended it: there is no outcome */
    char message[256];
    unsigned status;
    int64_t next_try_s, requests;
    int64_t budget_remaining, budget_limit, budget_reset_s; /* as the last answer told; -1, 0, 0: it did not */
    uint64_t bytes;                                         /* on the wire */
    ov_buf etag; /* of all pages, space between; empty: no conditional request next time */
    char last_modified[OV_FETCH_VALUE_MAX];
    char credential[CREDENTIAL_ID]; /* what the first page was asked with; "": nothing */
    version_lists lists;            /* what a complete look found */
} look_result;

/* Where upstream numbers its pages, what is removed while they are read may hide an item between two of them. Totals on
 * every page tell that for nothing. Without them the pages are asked for once more by their ETags, the last but one as
 * the last, since only a page that was read before the change shows it: answers without a body that cost no budget
 * where a credential was given; where none was, the first page alone, which is where most changes are. That is paid
 * only when a list has changed. A page whose ETag is another is compared by its versions; when they are the same, no
 * further one is asked for: such ETags change with counts of downloads. A list that moved is read again, once. */

/* conditional: what the job's validators stand for is known to be stored still. now_s: Unix seconds. *ret is always
 * filled and needs look_result_clear; the job must outlive it. */
void look_run(const look_options *o, ov_fetch *f, const job *j, bool conditional, int64_t now_s, budget *left,
              look_result *ret);
void look_result_clear(look_result *r);

#endif
