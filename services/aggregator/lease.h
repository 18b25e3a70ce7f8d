/* Lease: who may lead, without clocks that must agree: a revision that stands still may be taken; pure. */
#ifndef OPVIC_AGGREGATOR_LEASE_H
#define OPVIC_AGGREGATOR_LEASE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"

enum {
    LEASE_OBSERVE_MS = 250, /* between two looks of a standby */
    LEASE_STILL_MS = 3000,  /* a revision that did not move for so long has no holder */
    LEASE_RENEW_MS = 500,   /* between two renewals */
    LEASE_KEEP_MS = 2000    /* a holder stops so long after it sent its last confirmed renewal */
};

typedef enum { LEASE_WATCHING, LEASE_HELD } lease_stage;

/* Zero watches. */
typedef struct {
    lease_stage stage;
    bool known;          /* revision was observed */
    bool is_free;        /* released by its holder, or our own from before */
    bool in_flight;      /* a store is unanswered */
    uint64_t revision;   /* of the lease's key; 0: there is none */
    ov_mono still_since; /* when the revision was first seen */
    ov_mono observe_at;
    ov_mono sending, sent; /* the store under way, the last confirmed one */
} lease;

typedef enum {
    LEASE_NOTHING,
    LEASE_OBSERVE, /* read the key, then lease_observed */
    LEASE_STORE    /* store it expecting revision, then lease_stored */
} lease_action;

lease_action lease_next(lease *l, ov_mono now);
/* revision 0: no such key. is_free: nobody holds it, or ourselves. */
void lease_observed(lease *l, uint64_t revision, bool is_free, ov_mono now);
/* What could not be read says nothing. */
void lease_unobserved(lease *l, ov_mono now);
typedef enum { LEASE_STORED, LEASE_REFUSED /* another revision stands there */, LEASE_UNCERTAIN } lease_answer;
void lease_stored(lease *l, lease_answer answer, uint64_t seq, ov_mono now);
/* May it act as the leader now? */
bool lease_is_held(const lease *l, ov_mono now);

#endif
