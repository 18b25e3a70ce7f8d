/* Look: the insides of one look, for its own files alone: look.c the loop, look_page.c one request and the page that
 * comes, look_refused.c answers that are no page, look_budget.c what may be sent, look_again.c whether what was read is
 * one state of upstream. */
#ifndef OPVIC_FETCHER_LOOK_STATE_H
#define OPVIC_FETCHER_LOOK_STATE_H

#include "services/fetcher/asking.h"
#include "services/fetcher/look.h"

typedef struct {
    const look_options *o;
    ov_fetch *fetch;
    const job *j;
    const provider *p;
    budget *left;
    look_result *r;
    int64_t now_s; /* when it began */
    ov_mono began;
    budget_key api_key, key; /* of the job's own way, and of the present request */
    hosts_ticket place;      /* at the host of first */
    asking asking;
    bool conditional;
    bool anonymous; /* the first page is asked for without a credential */
    bool checking;  /* all pages were read, and are asked for once more */
    bool moved;     /* the pages moved while they were read before */
    size_t *ends;   /* of each page: the versions up to its end */
    size_t ends_cap;
    char total[32];              /* what the first page says that there is on all pages */
    bool unbudgeted;             /* p is another way than the job's own provider */
    unsigned page, granted_page; /* granted_page: the number of the page that was authorized last, from 1 */
    char first[ASKING_URL_BYTES], url[ASKING_URL_BYTES];
} look;

typedef enum {
    STEP_NEXT,    /* url is the next page */
    STEP_DONE,    /* all pages were read, or none has changed */
    STEP_AGAIN,   /* the same page once more, authorized now */
    STEP_RESTART, /* a later page changed: everything is to be read */
    STEP_FAILED
} look_step;

/* look_page.c: one request, and the page that comes */
/* Asks for the page at url, and reads it. */
look_step look_next_step(look *l);
/* Reads the page to its end; false: it broke off or is none, and the look has failed. */
bool look_parse_page(look *l, ov_fetch_stream *s, provider_page *page, ov_fetch_result *answer);
/* Where to after this page. The next one must be at the host that was asked or the one that a redirect of it led to:
 * no list sends us elsewhere. */
look_step look_step_on(look *l, provider_page *page, const ov_fetch_result *answer);
/* Whether a page of a list was read: git's first page but leads to one. */
bool look_has_list(const look *l);
/* What was read so far is the list; why, for people, or "". */
look_step look_cut(look *l, const char *why);
provider_page look_page_of(look *l);
/* The validator of page n among those of all pages; empty when there is none. */
ov_str look_etag_of(ov_str joined, unsigned n);

/* look_refused.c: why it ends without a list */
look_step look_fail(look *l, lookup_failure failure, const char *where, const char *what);
look_step look_fail_transport(look *l, const ov_fetch_result *answer);
look_step look_fail_credential(look *l, const credential_failure *why);
/* What was read is not one state of upstream: once more, or that is the end. */
look_step look_fail_moved(look *l);
look_step look_judge(look *l, const ov_fetch_result *answer, ov_str body);
/* An answer that is no page: a challenge is met, else it is judged. Closes s. */
look_step look_step_refused(look *l, ov_fetch_stream *s);

/* look_budget.c: what may be sent */
/* Unix seconds. */
int64_t look_now(const look *l);
void look_key_of(const look *l, const char *url, budget_key *ret);
/* Sends what the host's budget allows now: STEP_NEXT, *ret is open and counted; STEP_DONE: the
 * list is cut, no period would allow the rest. */
look_step look_send(look *l, const ov_fetch_request *q, ov_fetch_stream **ret);
/* The same for a request beside the pages, such as one for a token: STEP_NEXT, *ret is its answer. */
look_step look_send_aside(look *l, const ov_fetch_request *q, ov_fetch_result *ret);
/* What one look was told holds for all. */
void look_note_wait(look *l, const ov_fetch_result *answer, int64_t until_s);
look_step look_defer(look *l, const budget_key *k, const budget_decision *wait);
/* The other way to the same list, if there is one. The validators that are known are another server's then. */
bool look_goes_on_unbudgeted(look *l);

/* look_again.c */
/* After the last page; see look.h. */
look_step look_check_unmoved(look *l);

#endif
