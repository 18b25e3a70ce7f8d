/* The one queue into an owner thread: many may put, the owner takes; waiting in it is flow control, not loss. */
#ifndef OV_BASE_INBOX_H
#define OV_BASE_INBOX_H

#include <stdbool.h>
#include <stddef.h>

#include "base/clock.h"

typedef struct ov_inbox ov_inbox;

/* capacity is above what its consumers may have in flight. drop (may be NULL) is called for items that are still inside
 * when the inbox is freed. */
ov_inbox *ov_inbox_new(size_t capacity, void (*drop)(void *item));
void ov_inbox_free(ov_inbox *in);
void ov_inbox_free_p(ov_inbox **in);

/* Waits for room. false when the inbox is stopped: the item stays the caller's. */
bool ov_inbox_put(ov_inbox *in, void *item);
/* false when full (counted, for messages that may be lost) or stopped: the item stays the caller's. */
bool ov_inbox_try_put(ov_inbox *in, void *item);
/* The oldest item, or NULL at the deadline or once stopped and empty. The caller owns it. */
void *ov_inbox_take(ov_inbox *in, ov_mono deadline);
/* Wakes every waiter; from now on nothing is put, what is inside can still be taken. */
void ov_inbox_stop(ov_inbox *in);
bool ov_inbox_is_stopped(ov_inbox *in);
size_t ov_inbox_length(ov_inbox *in);
size_t ov_inbox_dropped(ov_inbox *in);
/* Called (from the putting or stopping thread, without the lock) after each put and after the stop: wakes a loop that
 * sleeps elsewhere. */
void ov_inbox_on_put(ov_inbox *in, void (*wake)(void *arg), void *arg);

#endif
