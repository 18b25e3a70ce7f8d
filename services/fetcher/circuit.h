/* Sets a failing host aside: closed (asked), open (not asked until a time that grows), half open (one look tries).
 * Pure. Kept by each process for itself: what fails may be the way from here to there, each process pays but one look a
 * wait for knowing, and sharing it would cost a write on the bus for each failure. What a host itself asks for (to be
 * left alone, a spent budget) is shared (budget.h). */
#ifndef OPVIC_FETCHER_CIRCUIT_H
#define OPVIC_FETCHER_CIRCUIT_H

#include <stdbool.h>

#include "base/backoff.h"

enum {
    CIRCUIT_FAILURES = 5, /* in a row open it */
    CIRCUIT_WAIT_MS = 5000,
    CIRCUIT_WAIT_MAX_MS = 5 * 60 * 1000,
    CIRCUIT_TRY_MS = 3 * 60 * 1000 /* a try that never told how it went is waited for so long */
};

typedef enum { CIRCUIT_CLOSED, CIRCUIT_HALF_OPEN, CIRCUIT_OPEN } circuit_state;

typedef struct {
    unsigned failures; /* in a row */
    bool open, trying; /* trying: one look is under way to see */
    int64_t until_ms;  /* open: nobody asks before it */
    ov_backoff backoff;
} circuit;

void circuit_init(circuit *c);
/* Whether a look may begin, *ret_try: as the one that tries. Else *ret_until_ms. */
bool circuit_admits(circuit *c, int64_t now_ms, bool *ret_try, int64_t *ret_until_ms);
void circuit_succeeded(circuit *c);
/* tried: of circuit_admits. random: any 64 random bits. */
void circuit_failed(circuit *c, bool tried, int64_t now_ms, uint64_t random);
/* The look ended without telling anything of the host. */
void circuit_untold(circuit *c, bool tried, int64_t now_ms);
circuit_state circuit_state_of(const circuit *c);

#endif
