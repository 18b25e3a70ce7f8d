/* What may be asked of a host whose requests are counted: apply(state, event, now) -> decision; no I/O, no clock.
 *
 * A host that told a limit is asked only with a reservation: remaining counts what nobody has reserved, and only falls
 * within a period, however late or early answers come. A request whose answer never came stays spent until the reset. A
 * share of the limit is never reserved: it is for people and programs that use the same credential or address, and for
 * what upstream counts and we do not (redirects, tokens of Apps). In the last second of a period nobody begins, so that
 * what was granted by the old period is not counted by the new one. After the reset, and of a provider with an API
 * before anything is known, one request goes alone and its answer tells; the others wait for it. */
#ifndef OPVIC_FETCHER_BUDGET_RULES_H
#define OPVIC_FETCHER_BUDGET_RULES_H

#include <stdbool.h>

#include "proto/budget.h"

enum {
    BUDGET_ALONE_S = 30,      /* one that went alone and never came back is waited for so long */
    BUDGET_UNLIMITED_S = 600, /* a host that told no limit is not suspected of one again for so long */
    BUDGET_GUARD_S = 1,
    BUDGET_MINUTE_S = 60,       /* a period whose end is not told */
    BUDGET_BOUND_S = 24 * 3600, /* no time to wait is believed beyond it */
    BUDGET_RESERVE_PERCENT_MAX = 90
};

typedef enum {
    BUDGET_TAKE,     /* one request is to be sent */
    BUDGET_ANSWERED, /* its answer came */
    BUDGET_LOST,     /* no answer came */
    BUDGET_TOLD_OFF, /* upstream said: not before until_s */
    BUDGET_RETURN    /* count reservations of the period that ends at until_s were not used */
} budget_event_kind;

typedef struct {
    budget_event_kind kind;
    bool api;                /* TAKE: a limit is to be expected before any is told */
    int64_t reserve_percent; /* TAKE: of the limit */
    bool alone;              /* ANSWERED, LOST: the request went alone */
    bool told;               /* ANSWERED: with the two below */
    bool served;             /* ANSWERED: by a host that is well; without told: it has no limit */
    int64_t remaining, limit /* 0: not told */;
    int64_t until_s; /* ANSWERED: of the reset by our clock, 0: not told; TOLD_OFF; RETURN */
    int64_t count;   /* RETURN; TAKE: it is the first of so many, and does not begin what cannot be ended */
} budget_event;

typedef enum {
    BUDGET_FREE,     /* go; nothing is counted */
    BUDGET_RESERVED, /* go; one was taken */
    BUDGET_ALONE,    /* go; all others wait for the answer */
    BUDGET_WAIT      /* do not go before until_s */
} budget_verdict;

typedef enum {
    BUDGET_WHY_NONE,
    BUDGET_WHY_SPENT,
    BUDGET_WHY_TOLD_OFF,
    BUDGET_WHY_ALONE,  /* somebody's request that goes alone is under way */
    BUDGET_WHY_UNKNOWN /* it could not be asked what is left; never of budget_apply */
} budget_why;
const char *budget_why_text(budget_why w); /* for people: behind "not asked: " */

typedef struct {
    bool changed; /* the state is to be stored before anybody acts on it */
    budget_verdict verdict;
    budget_why why;
    int64_t until_s; /* WAIT: the earliest; RESERVED: the end of the period that it counts in */
    int64_t gap_ms;  /* WAIT: the rate at which those who wait may come back */
} budget_decision;

/* Verdict, why, until_s and gap_ms are for TAKE alone. */
budget_decision budget_apply(budget_state *s, const budget_event *e, int64_t now_s);
/* What is never reserved of limit. */
int64_t budget_reserve(int64_t limit, int64_t percent);

#endif
