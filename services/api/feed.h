/* Feed: carries the state bucket from the bus into the mirror and publishes its views; owns the mirror. */
#ifndef OPVIC_API_FEED_H
#define OPVIC_API_FEED_H

#include "base/inbox.h"
#include "bus/bus.h"
#include "metrics/metrics.h"
#include "services/api/mirror.h"

enum {
    FEED_INBOX = 8192,           /* messages between the bus and the owner; a full inbox slows the reader down */
    FEED_BATCH_MS = 5,           /* views are not made more often */
    FEED_TICK_MS = 1000,         /* how often waiting entries are looked at when nothing arrives */
    FEED_LOST_MS = 60000,        /* a lost bucket's leader may take to write everything again */
    FEED_LOGGED_SUBJECTS = 1024, /* undecodable subjects that are logged; all are counted */
    FEED_BODY_BYTES = 64 * 1024 * 1024,
    FEED_PENDING_BYTES = 128 * 1024 * 1024
};

typedef struct feed feed;
/* views and metrics outlive the feed. */
feed *feed_new(view_holder *views, ov_metrics *metrics);
void feed_free(feed *f);

/* Starts reading. */
OV_MUST_CHECK ov_status feed_open(feed *f, ov_bus *bus, ov_err *err);
void feed_close(feed *f);
/* Wakes the owner for good. */
void feed_stop(void *f);
/* From the bus: the connection came or went. Any thread. */
void feed_bus_changed(feed *f, bool up);

/* Takes what arrives for FEED_TICK_MS, or until the state is complete for the first time; the owner's thread. */
void feed_step(feed *f);
/* The bucket was read to its end once: answers are complete from then on. Any thread. */
bool feed_is_ready(const feed *f);
/* What it waits for before that ("stream KV_opvic_state"). */
void feed_waiting_for(feed *f, char out[128]);
/* Seconds since the answers were last known to be current: since the bus was last heard; 0 while they are. Any thread.
 */
int64_t feed_age_s(const feed *f);

#endif
