/* Flush: a batch of documents is written, then its events; only then may its documents be written again. */
#ifndef OPVIC_AGGREGATOR_FLUSH_H
#define OPVIC_AGGREGATOR_FLUSH_H

#include "proto/parts.h"
#include "services/aggregator/aggregate.h"
#include "services/aggregator/litter.h"
#include "services/aggregator/teller.h"

enum { FLUSH_DOCUMENTS = 1024, FLUSH_BYTES = 4 * 1024 * 1024 };

typedef enum { FLUSH_IDLE, FLUSH_WRITING, FLUSH_TELLING } flush_stage;

typedef struct {
    aggregate *core;
    ov_bus *bus;
    ov_inbox *inbox;
    teller *teller;
    litter *litter;

    flush_stage stage;
    bool closing; /* no further batch begins */
    int64_t epoch;
    uint64_t last_seq; /* of the state stream, as far as it is ours */
    aggregate_write items[FLUSH_DOCUMENTS];
    parts cuts[FLUSH_DOCUMENTS];
    size_t count;
    stored_group group;
    uint64_t written; /* messages, for ever */
} flush;

/* With the sequence of this leader's epoch record in the state stream. */
void flush_begin(flush *f, int64_t epoch, uint64_t last_seq);
/* Goes on as far as it can; false when this leader may not go on: what says why. */
bool flush_step(flush *f, ov_mono now, char what[160]);
/* Leaves the batch: whether its rest is stored, only the stream can tell. */
void flush_abandon(flush *f);
/* Nothing of it is under way. */
bool flush_is_quiet(const flush *f);

#endif
