/* What must still be told: the newest report of each tracker, one in flight each; what was delivered is the inventory.
 * Pure: no clock, no bus; the loop asks what to send and says what became of it. */
#ifndef OPVIC_COLLECTOR_DELIVERY_H
#define OPVIC_COLLECTOR_DELIVERY_H

#include "base/clock.h"
#include "proto/heartbeat.h"

typedef struct delivery delivery;

enum {
    DELIVERY_PERIOD_MS =
        6 * 3600 * 1000 /* an unchanged report is sent again, until the aggregator tells another period */
};

/* random: any 64 bits, for the spread of repeats and retries. */
delivery *delivery_new(uint64_t random);
void delivery_free(delivery *d);

/* The newest report of a tracker; an empty body means that the tracker is gone. Equal bytes change nothing. */
void delivery_put(delivery *d, ov_str tracker, ov_str body, ov_mono now);

typedef struct {
    ov_str tracker, body; /* valid until the next delivery_put or delivery_done */
    int64_t revision;
} delivery_item;
/* The next report to send now, marked as in flight; false when there is none. */
bool delivery_next(delivery *d, ov_mono now, delivery_item *ret);
typedef enum {
    DELIVERY_STORED,
    DELIVERY_RETRY,  /* not stored, or not known: sent again after a wait */
    DELIVERY_REFUSED /* never stored as it is: waits for a change */
} delivery_outcome;
void delivery_done(delivery *d, ov_str tracker, int64_t revision, delivery_outcome outcome, ov_mono now);

/* What the aggregator asked for. */
void delivery_ask(delivery *d, const ask_report *ask, ov_mono now);
/* Every report is due again (an HTTP control plane without heartbeats). */
void delivery_repeat_all(delivery *d, ov_mono now);

/* When delivery_next could give something next; far in the future when nothing waits. */
ov_mono delivery_wake_at(const delivery *d, ov_mono now);

/* What a heartbeat says: the delivered trackers and the revision up to which everything was delivered. */
typedef struct {
    int64_t count, revision;
    char digest[REPORT_DIGEST_HEX];
    bool inventory_wanted; /* it was asked for, and nothing waits */
    bool inventory_due;    /* the set changed since the last inventory, or it was asked for, and nothing waits */
} delivery_summary;
void delivery_summarize(delivery *d, delivery_summary *ret);
/* The items of the inventory, in byte order of their ids; *ret_items is freed by the caller, its texts are views. */
size_t delivery_inventory(const delivery *d, inventory_item **ret_items);
/* It is on its way: a wish for one that comes from now on is another wish. */
void delivery_inventory_flies(delivery *d);
/* It was stored, with the digest that the summary gave then. */
void delivery_inventory_sent(delivery *d, ov_str digest);

/* Waiting or in flight, and how long ago the last report was stored (-1: never). */
size_t delivery_pending(const delivery *d);
int64_t delivery_age_ms(const delivery *d, ov_mono now);

#endif
