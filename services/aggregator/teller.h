/* Teller: publishes the events of written documents, in order, each once, however often that must be tried. */
#ifndef OPVIC_AGGREGATOR_TELLER_H
#define OPVIC_AGGREGATOR_TELLER_H

#include "base/backoff.h"
#include "services/aggregator/stored.h"

/* Where an event stands: the state sequence of its document and its place in the outbox. */
typedef struct {
    uint64_t seq, index;
} outbox_place;
/* "<seq>.<index>"; false when it is not one. */
bool outbox_place_parse(ov_str text, outbox_place *ret);
bool outbox_place_is_after(outbox_place a, outbox_place b);

typedef struct telling telling;
typedef struct {
    telling *items;
    size_t count, cap;
    size_t done;    /* of them are stored */
    size_t sending; /* under way behind them */
    stored_group group;
    uint64_t last_seq; /* of the event stream, as far as it is ours */
    bool unsure;       /* the stream's end must be read first */
    ov_backoff backoff;
    ov_mono try_at;
    uint64_t published, failures; /* for ever */
    char problem[160];            /* why the last try failed; "" since a success */
} teller;

/* With the sequence of this leader's epoch record in the event stream. */
void teller_begin(teller *t, uint64_t last_seq);
void teller_clear(teller *t);
/* The events of a document's outbox (raw JSON array) that stand after a place. OV_INVALID: no outbox. */
OV_MUST_CHECK ov_status teller_add(teller *t, uint64_t seq, ov_str outbox, outbox_place after, ov_err *err);
size_t teller_pending(const teller *t);

typedef enum {
    TELLER_IDLE,
    TELLER_BUSY,
    TELLER_FENCED /* another leader writes events */
} teller_state;
teller_state teller_step(teller *t, ov_bus *bus, ov_inbox *inbox, int64_t epoch, ov_mono now);
/* Forgets what was not told; safe while stores are under way. */
void teller_abandon(teller *t);
/* Nothing of it is under way. */
bool teller_is_quiet(const teller *t);

/* The last event's place and epoch, and the stream's end. OV_NOT_FOUND: there is no event; ret_last_seq is set also
 * then. */
OV_MUST_CHECK ov_status teller_read_end(ov_bus *bus, uint64_t *ret_last_seq, outbox_place *ret_place,
                                        int64_t *ret_epoch, ov_err *err);

#endif
