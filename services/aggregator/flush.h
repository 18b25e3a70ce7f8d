/* Flush: batches of documents are written, their events follow; a document whose events are not all told yet waits, the
 * others go on. */
#ifndef OPVIC_AGGREGATOR_FLUSH_H
#define OPVIC_AGGREGATOR_FLUSH_H

#include "proto/parts.h"
#include "services/aggregator/aggregate.h"
#include "services/aggregator/litter.h"
#include "services/aggregator/teller.h"

enum { FLUSH_DOCUMENTS = 1024, FLUSH_BYTES = 4 * 1024 * 1024 };

typedef struct {
    aggregate *core;
    ov_bus *bus;
    ov_inbox *inbox;
    teller *teller;
    litter *litter;

    bool writing; /* a batch is under way */
    bool closing; /* no further batch begins */
    int64_t epoch;
    uint64_t last_seq; /* of the state stream, as far as it is ours */
    aggregate_write items[FLUSH_DOCUMENTS];
    parts cuts[FLUSH_DOCUMENTS];
    size_t count;
    stored_group group;
    ov_mono try_at, refused_at; /* the store has no room: documents are tried one by one */
    uint64_t written, refusals; /* messages, for ever */
    char full[160];             /* what the store says that has no room; "": it takes everything */
} flush;

/* With the sequence of this leader's epoch record in the state stream. */
void flush_begin(flush *f, int64_t epoch, uint64_t last_seq);
/* Goes on as far as it can; false when this leader may not go on: what says why. */
bool flush_step(flush *f, ov_mono now, char what[160]);
/* It need not wait for anything to go on. */
bool flush_is_busy(const flush *f, ov_mono now);
/* Something is under way or can be sent: not what is refused. */
bool flush_is_moving(const flush *f);
/* Leaves the batch: whether its rest is stored, only the stream can tell. */
void flush_abandon(flush *f);
/* Nothing of it is under way. */
bool flush_is_quiet(const flush *f);

#endif
