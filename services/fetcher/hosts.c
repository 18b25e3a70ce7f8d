/* One record a host: how many looks are in, how long they take, its circuit, and the line of those who wait. */
#include "services/fetcher/hosts.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/random.h"
#include "base/poison.h"

enum {
    UNSEEN_MS = 500, /* what a look is thought to take before one was seen */
    SEEN_WEIGHT = 4, /* the last look counts for a quarter of the average */
    WAIT_MIN_MS = 1000,
    GAP_MIN_MS = 5,
    ASK_AGAIN_MS = 20 /* whether a worker is free */
};

typedef struct {
    int64_t in, took_ms; /* took_ms: on average; 0: none was seen */
    circuit circuit;
    spread busy, aside;
} host;

void hosts_init(hosts *h, const hosts_options *o)
{
    *h = (hosts){.o = *o};
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&h->left, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_mutex_init(&h->lock, NULL);
}

void hosts_clear(hosts *h)
{
    size_t at = 0;
    ov_str name;
    void *each;
    while (ov_map_next(&h->each, &at, &name, &each)) free(each);
    ov_map_clear(&h->each);
    pthread_cond_destroy(&h->left);
    pthread_mutex_destroy(&h->lock);
}

/* ---- with the lock ---- */

static void make_room(hosts *h)
{
    size_t at = 0;
    ov_str name;
    void *each;
    while (h->each.count >= HOSTS_MAX && ov_map_next(&h->each, &at, &name, &each)) {
        host *x = each;
        if (x->in) continue;
        (void)ov_map_remove(&h->each, name);
        free(x);
    }
}

static host *host_of(hosts *h, const char *name)
{
    host *x = ov_map_get(&h->each, ov_str_of(name));
    if (x) return x;
    make_room(h);
    x = ov_zalloc(sizeof *x);
    circuit_init(&x->circuit);
    ov_map_put(&h->each, ov_str_of(name), x);
    return x;
}

static int64_t room_of(const hosts *h, const host *x)
{
    return x->took_ms >= HOSTS_SLOW_MS ? 1 : h->o.at_once;
}

static int64_t gap_of(const hosts *h, const host *x)
{
    int64_t gap_ms = (x->took_ms ? x->took_ms : UNSEEN_MS) / room_of(h, x);
    return gap_ms > GAP_MIN_MS ? gap_ms : GAP_MIN_MS;
}

/* Spread works with seconds from the clock's start; what it gives is turned into a wait again. */
static int64_t wait_in(spread *line, int64_t earliest_ms, int64_t gap_ms, int64_t now_ms)
{
    int64_t at_s = spread_next_s(line, (earliest_ms + 999) / 1000, gap_ms, ov_random_u64());
    int64_t wait_ms = at_s * 1000 - now_ms;
    return wait_ms > WAIT_MIN_MS ? wait_ms : WAIT_MIN_MS;
}

static void note(const hosts *h, const char *name, const host *x, circuit_state before)
{
    circuit_state now = circuit_state_of(&x->circuit);
    if (h->o.changed && now != before) h->o.changed(h->o.arg, name, now);
}

static void admit(hosts *h, host *x, hosts_ticket *t, int64_t now_ms)
{
    int64_t until_ms = 0;
    circuit_state before = circuit_state_of(&x->circuit);
    if (x->in >= room_of(h, x)) {
        t->verdict = HOSTS_BUSY;
        t->wait_ms = wait_in(&x->busy, now_ms + WAIT_MIN_MS, gap_of(h, x), now_ms);
        if (t->wait_ms > HOSTS_BUSY_MAX_MS)
            t->wait_ms = HOSTS_BUSY_MAX_MS / 2 + (int64_t)(ov_random_u64() % (HOSTS_BUSY_MAX_MS / 2));
    } else if (!circuit_admits(&x->circuit, now_ms, &t->tries, &until_ms)) {
        t->verdict = HOSTS_ASIDE;
        t->wait_ms = wait_in(&x->aside, until_ms, gap_of(h, x), now_ms);
    } else {
        x->in++;
        t->began_ms = now_ms;
    }
    note(h, t->host, x, before);
}

/* Until there is a place, or the worker is needed. */
static void wait_for_place(hosts *h, const char *name)
{
    ov_mono end = ov_mono_after(ov_mono_now(), HOSTS_PATIENCE_MS);
    for (;;) {
        const host *x = host_of(h, name);
        ov_mono now = ov_mono_now(), until = ov_mono_after(now, ASK_AGAIN_MS);
        struct timespec at = {.tv_sec = until.ms / 1000, .tv_nsec = until.ms % 1000 * 1000000};
        if (x->in < room_of(h, x) || now.ms >= end.ms || !h->o.may_wait || !h->o.may_wait(h->o.wait_arg)) return;
        (void)pthread_cond_timedwait(&h->left, &h->lock, &at);
    }
}

/* ---- coming and going ---- */

hosts_ticket hosts_enter(hosts *h, const char *name)
{
    hosts_ticket t = {.verdict = HOSTS_IN};
    snprintf(t.host, sizeof t.host, "%s", name);
    pthread_mutex_lock(&h->lock);
    wait_for_place(h, t.host);
    admit(h, host_of(h, t.host), &t, ov_mono_now().ms);
    pthread_mutex_unlock(&h->lock);
    return t;
}

void hosts_leave(hosts *h, const hosts_ticket *t, hosts_outcome outcome)
{
    int64_t now_ms = ov_mono_now().ms;
    pthread_mutex_lock(&h->lock);
    host *x = host_of(h, t->host);
    circuit_state before = circuit_state_of(&x->circuit);
    x->in--;
    pthread_cond_broadcast(&h->left);
    if (outcome != HOSTS_UNTOLD) {
        int64_t took_ms = now_ms - t->began_ms + 1;
        x->took_ms = x->took_ms ? (x->took_ms * (SEEN_WEIGHT - 1) + took_ms) / SEEN_WEIGHT : took_ms;
    }
    if (outcome == HOSTS_WELL) circuit_succeeded(&x->circuit);
    if (outcome == HOSTS_FAILED) circuit_failed(&x->circuit, t->tries, now_ms, ov_random_u64());
    if (outcome == HOSTS_UNTOLD) circuit_untold(&x->circuit, t->tries, now_ms);
    note(h, t->host, x, before);
    pthread_mutex_unlock(&h->lock);
}
