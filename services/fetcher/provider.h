/* A provider: one kind of upstream. It says where the first page is, reads a page and finds the next; paging, limits,
 * budget and failure kinds are the look's (look.h). */
#ifndef OPVIC_FETCHER_PROVIDER_H
#define OPVIC_FETCHER_PROVIDER_H

#include "crypto/secret.h"
#include "fetch/fetch.h"
#include "proto/job.h"
#include "services/fetcher/credentials_entry.h"
#include "services/fetcher/versions.h"

/* What an operator sets about providers. */
typedef struct {
    const char *github_api_url; /* without a slash at its end */
} provider_options;

/* What is sent to one origin: one of the three, the others are NULL. Lives as long as the look. */
typedef struct {
    const ov_secret *bearer;
    const char *authorization; /* "Basic ..." */
    const char *header, *value;
    char id[CREDENTIAL_ID]; /* as credentials_id; also where there is but an identity token and nothing to send */
} provider_credential;

/* A page's next bytes: 1 to max of them, or 0 at its end. OV_FAILED when it broke off. */
typedef ov_status (*provider_read)(void *arg, char *out, size_t max, size_t *ret_len, ov_err *err);

/* How a page is asked for, beyond its URL. */
typedef struct {
    const char *method; /* NULL: GET */
    ov_str body;        /* of a POST, which is never redirected */
    const char *content_type;
    const char *accept;
    const char *header, *value; /* one more header, or NULL */
} provider_request;

/* A page while it is read, and once it was. */
typedef struct {
    const job *j;
    version_lists *lists;
    const char *first_url;
    unsigned number; /* from 0 */
    size_t items;    /* parse counts what upstream lists, left out or not; of a page that did not change it is 1 when a
                        page behind it is known, else 0 */
    size_t named;    /* of the items those that have a name or need none */
    const ov_fetch_result *answer; /* its head; NULL while it is parsed */
} provider_page;

/* An answer 401, and the means to do something about it. */
typedef struct {
    const job *j;
    const char *text; /* its WWW-Authenticate, lines joined by commas */
    const char *url;  /* whose answer it is */
    bool known;       /* there is a credential for that URL's origin */
    /* or NULL: of that URL's origin, for its token server alone */
    const ov_secret *identity_token;
    /* GETs a url within the look's limits, or POSTs a form there. A GET at another origin than the refused URL's
     * carries that one's credential only when it is the same as the refused one's: else whoever names a token server
     * would get a token of any. OV_FAILED: the look has noted why. */
    ov_status (*ask)(void *arg, const char *url, ov_str form, ov_buf *body, ov_err *err);
    void *arg;
} provider_challenge;

typedef struct provider provider;
struct provider {
    const char *name;   /* as in proto/source.h */
    const char *accept; /* Accept: of every request that names no other */
    const char *media;  /* what a page's Content-Type must hold, where there is one; NULL: anything but HTML */
    bool numbered;      /* pages are counted off anew each time: what is added or removed meanwhile moves the rest */
    bool api;           /* has a budget; a 403 may mean that it is spent */
    bool unchanged_is_free; /* an answer 304 to who shows a credential is not counted in it */
    /* or NULL. The provider that does such a job instead, or NULL. */
    const provider *(*variant)(const job *j);
    /* Appends the URL. OV_INVALID when the job's repo or strategy is none of this provider. */
    ov_status (*first_url)(const provider_options *o, const job *j, ov_buf *out, ov_err *err);
    /* or NULL: one that gives the same list without this one's budget; it appends that one's URL. NULL: none does. */
    const provider *(*unbudgeted)(const provider_options *o, const job *j, ov_buf *out);
    void (*request)(unsigned number, provider_request *ret); /* or NULL: a GET as it is */
    /* Reads one page to its end into the wanted lists. OV_INVALID: the page is not what this upstream serves. */
    ov_status (*parse)(provider_page *page, provider_read read, void *arg, ov_err *err);
    /* The next page's URL; NULL: there is but one page. false at the last. */
    bool (*next)(const provider_page *page, char *out, size_t size);
    /* or NULL. What the further requests to the refused URL's origin carry: *ret_token, or with NULL the credential
     * itself. OV_NOT_FOUND: nothing that could help; OV_INVALID: upstream's answer about it makes no sense. */
    ov_status (*authorize)(const provider_challenge *c, ov_secret **ret_token, ov_err *err);
};

extern const provider provider_github, provider_helm, provider_oci, provider_git, provider_gitlab, provider_gitea,
    provider_endoflife;
/* In the order of the table of proto/source.h; NULL-terminated. */
extern const provider *const provider_table[];
/* By its name, or NULL. */
const provider *provider_find(ov_str name);
/* The one that does the job, or NULL. */
const provider *provider_of(const job *j);

/* ---- what several of them need */

/* Everything but letters, digits and -._~ as %HH (RFC 3986, section 2.1). */
void provider_append_escaped(ov_buf *out, ov_str text);
/* "strategy: \"x\": expected one of releases, tags" unless it is one of the two (other may be NULL). */
OV_MUST_CHECK ov_status provider_check_strategy(const job *j, const char *one, const char *other, ov_err *err);
/* Unix seconds of an RFC 3339 time, or of a date alone; 0 when it is neither. */
int64_t provider_date_s(ov_str text);
/* The Link header's next page. */
bool provider_link_next(const provider_page *page, char *out, size_t size);
/* Where no Link tells: the next page of a first URL that ends in "page=1". */
bool provider_count_up(const provider_page *page, char *out, size_t size);
/* At least so many names with slashes between, of letters, digits and -_. alone. */
bool provider_is_path(ov_str path, size_t names_min);

#endif
