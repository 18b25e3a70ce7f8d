/* Leader: from holding the lease to writing: fences in both streams, all inputs read to their end.
 */
#ifndef OPVIC_AGGREGATOR_LEADER_H
#define OPVIC_AGGREGATOR_LEADER_H

#include "services/aggregator/flush.h"
#include "services/aggregator/lease.h"
#include "services/aggregator/readers.h"

typedef enum {
    LEADER_FOLLOWS,
    LEADER_FENCES_STATE,  /* the epoch record of the state stream is under way */
    LEADER_FENCES_EVENTS, /* that of the event stream */
    LEADER_READS,         /* until everything is taken in that stood there */
    LEADER_LEADS
} leader_stage;

typedef struct {
    aggregate *core;
    ov_bus *bus;
    ov_inbox *inbox;
    readers *readers;
    flush *flush;
    teller *teller;
    litter *litter;
    int64_t events_max_age_ms; /* what the event stream keeps */

    char instance[17];
    lease lease;
    int64_t lease_epoch; /* the highest that the lease's records named */

    leader_stage stage;
    int64_t epoch;
    stored_group fence;
    uint64_t state_last, fenced_at; /* the state stream's end before and with our record */
    outbox_end events;              /* the event stream's end before our record */
    uint64_t wanted[INPUT_STREAMS]; /* must be taken in first */
    bool is_fresh[INPUT_STREAMS];   /* the reader at hand gave its snapshot */
    ov_mono reads_since;
    ov_backoff backoff;
    ov_mono try_at;
    uint64_t written;  /* by the flush when it began to lead */
    char problem[160]; /* what keeps it from leading until somebody acts; "" otherwise */
} leader;

void leader_init(leader *l);
void leader_clear(leader *l);
/* Goes on as far as it can. */
void leader_step(leader *l, ov_mono now);
bool leader_leads(const leader *l);
/* When it has something to do at the latest. */
ov_mono leader_deadline(const leader *l, ov_mono now);
/* A reader of that stream begins again or is ready: before the core hears of it. */
void leader_hears(leader *l, input_stream s, ov_bus_read_kind kind, ov_mono now);
/* Stops writing at once and forgets what it thinks the state stream holds. */
void leader_stands_down(leader *l, const char *why, ov_mono now);
/* Gives the lease up, so that the next one takes over at once; waits a moment for the answer. */
void leader_resigns(leader *l);

#endif
