/* A bounded ring of pointers behind one mutex; putters wait for room, the owner waits for items or its deadline. */
#include "base/inbox.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/poison.h"

struct ov_inbox {
    pthread_mutex_t lock; /* guards everything below but capacity and drop, which never change */
    pthread_cond_t filled, room;
    size_t first, length, dropped;
    bool stopped;
    void (*wake)(void *arg);
    void *wake_arg;
    void (*drop)(void *item);
    size_t capacity;
    void *items[];
};

ov_inbox *ov_inbox_new(size_t capacity, void (*drop)(void *item))
{
    assert(capacity > 0);
    ov_inbox *in = ov_zalloc(sizeof *in + capacity * sizeof in->items[0]);
    in->capacity = capacity;
    in->drop = drop;
    pthread_condattr_t monotonic; /* deadlines must not move when somebody sets the clock */
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&in->filled, &monotonic);
    pthread_cond_init(&in->room, NULL);
    pthread_condattr_destroy(&monotonic);
    pthread_mutex_init(&in->lock, NULL);
    return in;
}

/* The oldest item; the lock is held and there is one. */
static void *pop(ov_inbox *in)
{
    void *item = in->items[in->first];
    in->first = (in->first + 1) % in->capacity;
    in->length--;
    return item;
}

void ov_inbox_free(ov_inbox *in)
{
    if (!in) return;
    while (in->length > 0) {
        void *item = pop(in);
        if (in->drop) in->drop(item);
    }
    pthread_cond_destroy(&in->filled);
    pthread_cond_destroy(&in->room);
    pthread_mutex_destroy(&in->lock);
    free(in);
}

void ov_inbox_free_p(ov_inbox **in)
{
    ov_inbox_free(*in);
}

/* Takes the lock, which the caller holds, away: the wake-up must not run under it. */
static bool push_and_unlock(ov_inbox *in, void *item)
{
    in->items[(in->first + in->length) % in->capacity] = item;
    in->length++;
    void (*wake)(void *arg) = in->wake;
    void *arg = in->wake_arg;
    pthread_cond_signal(&in->filled);
    pthread_mutex_unlock(&in->lock);
    if (wake) wake(arg);
    return true;
}

bool ov_inbox_put(ov_inbox *in, void *item)
{
    assert(item);
    pthread_mutex_lock(&in->lock);
    while (!in->stopped && in->length == in->capacity) pthread_cond_wait(&in->room, &in->lock);
    if (!in->stopped) return push_and_unlock(in, item);
    pthread_mutex_unlock(&in->lock);
    return false;
}

bool ov_inbox_try_put(ov_inbox *in, void *item)
{
    assert(item);
    pthread_mutex_lock(&in->lock);
    if (!in->stopped && in->length < in->capacity) return push_and_unlock(in, item);
    if (!in->stopped) in->dropped++;
    pthread_mutex_unlock(&in->lock);
    return false;
}

static struct timespec to_timespec(ov_mono t)
{
    if (t.ms < 0) t.ms = 0;
    return (struct timespec){.tv_sec = t.ms / 1000, .tv_nsec = (t.ms % 1000) * 1000000};
}

void *ov_inbox_take(ov_inbox *in, ov_mono deadline)
{
    struct timespec until = to_timespec(deadline);
    int waited = 0;
    pthread_mutex_lock(&in->lock);
    while (in->length == 0 && !in->stopped && waited == 0)
        waited = pthread_cond_timedwait(&in->filled, &in->lock, &until);
    void *item = in->length > 0 ? pop(in) : NULL;
    if (item) pthread_cond_signal(&in->room);
    pthread_mutex_unlock(&in->lock);
    return item;
}

void ov_inbox_stop(ov_inbox *in)
{
    pthread_mutex_lock(&in->lock);
    in->stopped = true;
    pthread_cond_broadcast(&in->filled);
    pthread_cond_broadcast(&in->room);
    void (*wake)(void *arg) = in->wake;
    void *arg = in->wake_arg;
    pthread_mutex_unlock(&in->lock);
    if (wake) wake(arg); /* a loop that sleeps elsewhere is a waiter too */
}

bool ov_inbox_is_stopped(ov_inbox *in)
{
    pthread_mutex_lock(&in->lock);
    bool stopped = in->stopped;
    pthread_mutex_unlock(&in->lock);
    return stopped;
}

size_t ov_inbox_length(ov_inbox *in)
{
    pthread_mutex_lock(&in->lock);
    size_t length = in->length;
    pthread_mutex_unlock(&in->lock);
    return length;
}

size_t ov_inbox_dropped(ov_inbox *in)
{
    pthread_mutex_lock(&in->lock);
    size_t dropped = in->dropped;
    pthread_mutex_unlock(&in->lock);
    return dropped;
}

void ov_inbox_on_put(ov_inbox *in, void (*wake)(void *arg), void *arg)
{
    pthread_mutex_lock(&in->lock);
    in->wake = wake;
    in->wake_arg = arg;
    pthread_mutex_unlock(&in->lock);
}
