/* Teller: publishes the events of written documents, in order, each once, however often that must be tried. */
#ifndef OPVIC_AGGREGATOR_TELLER_H
#define OPVIC_AGGREGATOR_TELLER_H

#include "base/backoff.h"
#include "services/aggregator/stored.h"
#include "services/aggregator/telling.h"

enum { TELLER_CHUNK = 512 };

typedef struct {
    tellings waiting;
    telling *sent[TELLER_CHUNK]; /* under way */
    size_t sent_count;
    stored_group group;
    uint64_t last_seq; /* of the event stream, as far as it is ours */
    bool unsure;       /* the stream's end must be read first */
    ov_backoff backoff, again;
    ov_mono try_at;
    ov_mono again_at;             /* when refused subjects are tried again */
    size_t again_max;             /* how many of them at a time */
    uint64_t published, failures; /* for ever */
    size_t refusals_logged;
    char problem[160]; /* why the last try failed; "" since a success */
} teller;

/* With the sequence of this leader's epoch record in the event stream, and the last place that it calls told. */
void teller_begin(teller *t, uint64_t last_seq, outbox_place high);
void teller_clear(teller *t);
size_t teller_pending(const teller *t);
/* Goes on as far as it can; false when another leader publishes events. */
bool teller_step(teller *t, ov_bus *bus, ov_inbox *inbox, int64_t epoch, ov_mono now);
/* It need not wait for anything to go on. */
bool teller_is_busy(const teller *t, ov_mono now);
/* Forgets what was not told; safe while stores are under way. */
void teller_abandon(teller *t);
/* Nothing of it is under way. */
bool teller_is_quiet(const teller *t);

#endif
