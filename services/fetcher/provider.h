/* A provider: one kind of upstream. It says where the first page is, reads a page and finds the next; paging, limits,
 * budget and failure kinds are the look's (look.h). */
#ifndef OPVIC_FETCHER_PROVIDER_H
#define OPVIC_FETCHER_PROVIDER_H

#include "crypto/secret.h"
#include "fetch/fetch.h"
#include "proto/job.h"
#include "services/fetcher/versions.h"

/* What an operator sets about providers. */
typedef struct {
    const char *github_api_url; /* without a slash at its end */
} provider_options;

/* What is sent to one origin: one of the three, the others are NULL. */
typedef struct {
    const ov_secret *bearer;
    const char *authorization; /* "Basic ..." */
    const char *header, *value;
} provider_credential;

/* A page's next bytes: 1 to max of them, or 0 at its end. OV_FAILED when it broke off. */
typedef ov_status (*provider_read)(void *arg, char *out, size_t max, size_t *ret_len, ov_err *err);

typedef struct {
    const char *name;   /* as in proto/source.h */
    const char *accept; /* Accept: of every request */
    bool api;           /* has a budget; a 403 may mean that it is spent */
    /* Appends the URL. OV_INVALID when the job's repo or strategy is none of this provider. */
    ov_status (*first_url)(const provider_options *o, const job *j, ov_buf *out, ov_err *err);
    /* Reads one page to its end into the wanted lists. OV_INVALID: the page is not what this upstream serves. */
    ov_status (*parse)(const job *j, provider_read read, void *arg, version_lists *lists, ov_err *err);
    /* The next page's URL from the answer's head; NULL: there is but one page. false at the last. */
    bool (*next)(const ov_fetch_result *page, char *out, size_t size);
} provider;

extern const provider provider_github, provider_helm;
/* In the order of the table of proto/source.h; NULL-terminated. */
extern const provider *const provider_table[];
/* By its name, or NULL. */
const provider *provider_find(ov_str name);

#endif
