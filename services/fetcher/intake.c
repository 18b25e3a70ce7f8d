/* A line and a count of free workers behind one mutex. */
#include "services/fetcher/intake.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/poison.h"

struct intake {
    pthread_mutex_t lock; /* of all below */
    pthread_cond_t moved; /* a worker is free, or has taken something; or stopped */
    pthread_cond_t filled;
    intake_place *first, *last;
    size_t free, waiting;
    bool stopped;
};

intake *intake_new(void)
{
    intake *in = ov_zalloc(sizeof *in);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&in->moved, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_cond_init(&in->filled, NULL);
    pthread_mutex_init(&in->lock, NULL);
    return in;
}

void intake_free(intake *in)
{
    if (!in) return;
    pthread_cond_destroy(&in->moved);
    pthread_cond_destroy(&in->filled);
    pthread_mutex_destroy(&in->lock);
    free(in);
}

/* ---- with the lock ---- */

static bool wait_moved(intake *in, ov_mono deadline)
{
    struct timespec at = {.tv_sec = deadline.ms / 1000, .tv_nsec = deadline.ms % 1000 * 1000000};
    return pthread_cond_timedwait(&in->moved, &in->lock, &at) == 0;
}

static void line_up(intake *in, intake_place *place)
{
    place->next = NULL;
    place->state = INTAKE_IN_LINE;
    if (in->last)
        in->last->next = place;
    else
        in->first = place;
    in->last = place;
    in->waiting++;
    pthread_cond_signal(&in->filled);
}

static void *pop(intake *in)
{
    intake_place *place = in->first;
    in->first = place->next;
    if (!in->first) in->last = NULL;
    place->state = INTAKE_HANDED_OVER;
    in->waiting--;
    return place->load;
}

/* ---- handing over ---- */

bool intake_wait_for_room(intake *in, ov_mono deadline)
{
    pthread_mutex_lock(&in->lock);
    bool timely = true;
    while (!in->stopped && in->free <= in->waiting && timely) timely = wait_moved(in, deadline);
    bool room = !in->stopped && in->free > in->waiting;
    pthread_mutex_unlock(&in->lock);
    return room;
}

bool intake_has_room(intake *in)
{
    pthread_mutex_lock(&in->lock);
    bool room = !in->stopped && in->free > in->waiting;
    pthread_mutex_unlock(&in->lock);
    return room;
}

void intake_rest(intake *in, ov_mono deadline)
{
    pthread_mutex_lock(&in->lock);
    while (!in->stopped && wait_moved(in, deadline)) {
    }
    pthread_mutex_unlock(&in->lock);
}

bool intake_offer(intake *in, intake_place *place, ov_mono deadline)
{
    bool timely = true;
    pthread_mutex_lock(&in->lock);
    if (place->state == INTAKE_OUTSIDE && !in->stopped) line_up(in, place);
    while (!in->stopped && place->state == INTAKE_IN_LINE && timely) timely = wait_moved(in, deadline);
    bool handed_over = place->state == INTAKE_HANDED_OVER;
    if (handed_over) place->state = INTAKE_OUTSIDE;
    pthread_mutex_unlock(&in->lock);
    return handed_over;
}

void *intake_take(intake *in)
{
    pthread_mutex_lock(&in->lock);
    in->free++;
    pthread_cond_broadcast(&in->moved);
    while (!in->stopped && !in->first) pthread_cond_wait(&in->filled, &in->lock);
    void *load = in->stopped ? NULL : pop(in);
    in->free--;
    pthread_cond_broadcast(&in->moved);
    pthread_mutex_unlock(&in->lock);
    return load;
}

void intake_stop(intake *in)
{
    pthread_mutex_lock(&in->lock);
    in->stopped = true;
    pthread_cond_broadcast(&in->moved);
    pthread_cond_broadcast(&in->filled);
    pthread_mutex_unlock(&in->lock);
}

bool intake_is_stopped(intake *in)
{
    pthread_mutex_lock(&in->lock);
    bool stopped = in->stopped;
    pthread_mutex_unlock(&in->lock);
    return stopped;
}
