/* The book of budgets: what is left of each host for each credential, agreed on by all workers of all fetchers through
 * a store that compares and sets; without a store it is the process's own.
 *
 * Each entry is a copy of what is stored, read again when it is older than BUDGET_FRESH_MS, so that what a host told
 * one fetcher (a Retry-After, a budget that is spent) holds for all of them within that time; a reservation is written
 * before its request goes out, and a refused write means that the copy was old. A host that never told a limit costs a
 * read now and then and no write. An answer that upstream does not count (unchanged, with a credential) leaves its
 * reservation in the process's hand for the next request; what is in hand goes back when the process ends in order.
 * When the store cannot be asked, a host with a limit is not asked. */
#ifndef OPVIC_FETCHER_BUDGET_H
#define OPVIC_FETCHER_BUDGET_H

#include <pthread.h>

#include "base/map.h"
#include "fetch/fetch.h"
#include "fetch/url.h"
#include "services/fetcher/budget_rules.h"
#include "services/fetcher/credentials_entry.h"
#include "services/fetcher/spread.h"

enum {
    BUDGET_FRESH_MS = 200,
    BUDGET_PATIENCE_MS = 500, /* for a request that goes alone; who is not served then comes back later */
    BUDGET_ENTRIES_MAX = 4096
};

typedef struct {
    /* "host", or "host:port" where the port is not the scheme's: that of an API; what else the host serves is not
     * counted with it and is "host/helm", "host/git" and so on. */
    char host[OV_URL_HOST_MAX + 12];
    char credential[CREDENTIAL_ID]; /* "" is anonymous */
} budget_key;
/* protocol: a provider's name, NULL for an API. false: not an http or https URL. */
bool budget_key_of(const char *url, const char *credential, const char *protocol, budget_key *ret);

/* Where all fetchers meet. One entry is asked for by one thread at a time. */
typedef struct {
    /* What is stored; revision 0: nothing. What cannot be read is logged and counts as nothing, with its revision.
     * OV_RETRY, OV_FAILED: the store cannot be asked. */
    ov_status (*load)(void *arg, const budget_key *k, budget_state *ret, uint64_t *ret_revision, ov_err *err);
    /* OV_NOT_FOUND: something else than revision is stored. */
    ov_status (*save)(void *arg, const budget_key *k, const budget_state *s, uint64_t revision, uint64_t *ret_revision,
                      ov_err *err);
    void *arg;
} budget_store;

typedef struct {
    const budget_store *store; /* NULL: the process's own alone; lives as long as the book */
    int64_t reserve_percent;   /* of a limit, never reserved */
    /* or NULL: what is stored was read or written; from any thread: must only note. */
    void (*seen)(void *arg, const budget_key *k, const budget_state *s);
    void *arg;
} budget_options;

typedef struct {
    pthread_mutex_t lock; /* of all below */
    pthread_cond_t moved; /* somebody is done with an entry */
    budget_options o;
    ov_map entries;
    unsigned changes; /* of all entries */
} budget;

void budget_init(budget *b); /* without a store, nothing kept back */
void budget_clear(budget *b);
/* Before it is used. */
void budget_configure(budget *b, const budget_options *o);

/* Before a request to k, whose provider has an API with a limit or has not; the first of so many, as far as is known.
 * May ask the store, and may wait
 * BUDGET_PATIENCE_MS for a request that goes alone. Each decision but WAIT is followed by one of budget_answered and
 * budget_lost. */
budget_decision budget_take(budget *b, const budget_key *k, bool api, int64_t count, int64_t now_s);
/* What an answer told of a limit. */
typedef struct {
    bool told;
    int64_t remaining, limit /* 0: not told */, reset_s /* by our clock; 0: not told */;
} budget_told;
/* The answer's head. unchanged_is_free: upstream does not count an answer 304 to who shows a credential. */
void budget_answered(budget *b, const budget_key *k, const budget_decision *taken, const ov_fetch_result *head,
                     bool unchanged_is_free, int64_t now_s, budget_told *ret);
void budget_lost(budget *b, const budget_key *k, const budget_decision *taken, int64_t now_s);
/* Upstream said to all: not before until_s. */
void budget_told_off(budget *b, const budget_key *k, int64_t until_s, int64_t now_s);
/* When one who gives up at this WAIT may come back: each who asks is told another time. */
int64_t budget_turn_s(budget *b, const budget_key *k, const budget_decision *wait);
/* Whether k may not be asked now, as far as this process knows; *ret is the WAIT then. */
bool budget_is_spent(budget *b, const budget_key *k, int64_t now_s, budget_decision *ret);
/* What k grants all fetchers a period; 0: it has told no limit. */
int64_t budget_granted(budget *b, const budget_key *k);
/* A copy of what is known; zeros when nothing is. */
budget_state budget_look_up(budget *b, const budget_key *k);
/* Gives back what is in hand. */
void budget_return(budget *b, int64_t now_s);

#endif
