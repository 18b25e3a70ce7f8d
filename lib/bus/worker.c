/* The bus's own thread: connects, replaces what ended, times stores out, looks after the readers. */
#include <stdlib.h>

#include "base/random.h"
#include "bus/internal.h"

#include "base/poison.h"

enum { RECHECK_BURIED_MS = 100 };

/* ---- waiting ---- */

static struct timespec as_timespec(int64_t ms)
{
    return (struct timespec){.tv_sec = ms / 1000, .tv_nsec = (ms % 1000) * 1000000};
}

void ov_bus_kick_locked(ov_bus *bus)
{
    bus->kicked = true;
    pthread_cond_signal(&bus->kick);
}

void ov_bus_kick(ov_bus *bus)
{
    pthread_mutex_lock(&bus->mu);
    ov_bus_kick_locked(bus);
    pthread_mutex_unlock(&bus->mu);
}

bool ov_bus_wait_moved(ov_bus *bus, ov_mono deadline)
{
    struct timespec at = as_timespec(deadline.ms);
    return pthread_cond_timedwait(&bus->moved, &bus->mu, &at) == 0;
}

void ov_bus_nap(ov_bus *bus, int64_t ms)
{
    ov_mono deadline = ov_mono_after(ov_mono_now(), ms);
    pthread_mutex_lock(&bus->mu);
    while (!bus->closing && ov_bus_wait_moved(bus, deadline)) {
    }
    pthread_mutex_unlock(&bus->mu);
}

/* ---- changes ---- */

static void tell(ov_bus *bus, ov_bus_change change, const char *text)
{
    if (bus->on_change) bus->on_change(bus->arg, change, text);
}

/* A server that stays away is told about once, not at every try. */
static void tell_failure(ov_bus *bus, ov_status s, const char *reason)
{
    if (strncmp(bus->last_reason, reason, sizeof bus->last_reason - 1) == 0) return;
    snprintf(bus->last_reason, sizeof bus->last_reason, "%s", reason);
    tell(bus, s == OV_FAILED ? OV_BUS_REFUSED : OV_BUS_DOWN, reason);
}

/* ---- links ---- */

static void subscribe_listeners(ov_bus *bus, ov_bus_link *link);

static void link_up(ov_bus *bus, ov_bus_link *link)
{
    subscribe_listeners(bus, link);
    pthread_mutex_lock(&bus->mu);
    bus->link = link;
    bus->max_payload = link->max_payload > 0 ? link->max_payload : bus->max_payload;
    bool up = !link->closed && !link->broken;
    bus->up = up;
    pthread_cond_broadcast(&bus->moved);
    pthread_mutex_unlock(&bus->mu);
    if (!up) return; /* buried on the next round */
    ov_backoff_reset(&bus->backoff);
    bus->last_reason[0] = '\0';
    tell(bus, OV_BUS_UP, bus->shown);
}

static void try_connect(ov_bus *bus)
{
    ov_err err = {0};
    ov_bus_link *link = NULL;
    ov_status s = ov_bus_link_connect(bus, &link, &err);
    if (!s) {
        link_up(bus, link);
        return;
    }
    bus->next_connect_ms = ov_mono_now().ms + ov_backoff_next_ms(&bus->backoff, ov_random_u64());
    tell_failure(bus, s, err.msg);
}

static void bury(ov_bus *bus, ov_bus_link *link)
{
    pthread_mutex_lock(&bus->mu);
    bool was_up = bus->link == link && !bus->last_reason[0];
    bool finish = bus->finish;
    bus->link = NULL;
    bus->up = false;
    link->next = bus->buried;
    bus->buried = link;
    pthread_cond_broadcast(&bus->moved);
    pthread_mutex_unlock(&bus->mu);
    ov_bus_wire_close(&link->wire);
    ov_bus_denials_link_ended(bus);
    ov_bus_store_fail_all(bus, finish ? "the bus is closed" : "the connection was lost");
    bus->next_connect_ms = ov_mono_now().ms + ov_backoff_next_ms(&bus->backoff, ov_random_u64());
    if (was_up && !finish) tell(bus, OV_BUS_DOWN, "the connection was lost");
}

/* Frees the buried links that nobody is inside any more; true when all are gone. */
static bool reap(ov_bus *bus)
{
    ov_bus_link *done = NULL;
    pthread_mutex_lock(&bus->mu);
    for (ov_bus_link **at = &bus->buried; *at;) {
        ov_bus_link *link = *at;
        if (!link->closed || link->users > 0) {
            at = &link->next;
            continue;
        }
        *at = link->next;
        link->next = done;
        done = link;
    }
    bool all = !bus->buried;
    pthread_mutex_unlock(&bus->mu);
    while (done) {
        ov_bus_link *link = done;
        done = link->next;
        ov_bus_link_free(link);
    }
    return all;
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Fails only when the link is ending. */
static void subscribe_answers_again(ov_bus_link *link)
{
    ov_err ignored;
    natsSubscription_Destroy(OV_TAKE(link->answers));
    if (ov_bus_link_subscribe_answers(link, &ignored)) link->answers = NULL;
}

static int64_t serve_link(ov_bus *bus, int64_t now_ms)
{
    pthread_mutex_lock(&bus->mu);
    ov_bus_link *link = bus->link;
    bool over = link && (link->closed || link->broken);
    pthread_mutex_unlock(&bus->mu);
    if (over) bury(bus, link);
    int64_t next = reap(bus) ? INT64_MAX : now_ms + RECHECK_BURIED_MS;
    if (link && !over) {
        subscribe_listeners(bus, link);
        if (ov_bus_is_retry_due(bus, bus->answers, now_ms)) subscribe_answers_again(link);
        return next;
    }
    if (now_ms < bus->next_connect_ms) return earlier(next, bus->next_connect_ms);
    try_connect(bus);
    return now_ms;
}

/* ---- core subscriptions ---- */

static void on_core_message(natsConnection *nc, natsSubscription *sub, natsMsg *msg, void *closure)
{
    (void)nc, (void)sub;
    ov_bus_listener *l = closure;
    l->cb(l->arg, ov_bus_in_new(l->bus, msg, NULL));
}

static void subscribe_listener(ov_bus_listener *l, ov_bus_link *link, int64_t now_ms)
{
    if (l->sub && l->epoch == link->epoch && !ov_bus_is_retry_due(l->bus, l->subject, now_ms)) return;
    natsSubscription_Destroy(l->sub);
    l->sub = NULL;
    l->epoch = link->epoch;
    /* Fails only when the link is ending; the next one brings it back. */
    ov_err ignored;
    if (ov_bus_link_subscribe(link, l->subject, on_core_message, l, &l->sub, &ignored)) l->sub = NULL;
}

static void subscribe_listeners(ov_bus *bus, ov_bus_link *link)
{
    pthread_mutex_lock(&bus->mu);
    ov_bus_listener *first = bus->listeners; /* grows at the head only */
    pthread_mutex_unlock(&bus->mu);
    for (ov_bus_listener *l = first; l; l = l->next) subscribe_listener(l, link, ov_mono_now().ms);
}

ov_status ov_bus_subscribe(ov_bus *bus, const char *subject, ov_bus_on_message cb, void *arg, ov_err *err)
{
    if (!subject || !ov_bus_subject_is_valid(subject, true))
        return ov_fail(err, OV_INVALID, "subscribe: subject \"%.100s\": expected tokens", subject ? subject : "");
    ov_bus_listener *l = ov_zalloc(sizeof *l);
    *l = (ov_bus_listener){.bus = bus, .subject = ov_dup(ov_str_of(subject)), .cb = cb, .arg = arg};
    pthread_mutex_lock(&bus->mu);
    l->next = bus->listeners;
    bus->listeners = l;
    ov_bus_kick_locked(bus);
    pthread_mutex_unlock(&bus->mu);
    return OV_OK;
}

/* ---- the loop ---- */

static void sleep_until(ov_bus *bus, int64_t at_ms)
{
    struct timespec at = as_timespec(at_ms);
    pthread_mutex_lock(&bus->mu);
    while (!bus->kicked && !bus->finish) {
        if (at_ms == INT64_MAX)
            pthread_cond_wait(&bus->kick, &bus->mu);
        else if (pthread_cond_timedwait(&bus->kick, &bus->mu, &at))
            break;
    }
    bus->kicked = false;
    pthread_mutex_unlock(&bus->mu);
}

static bool is_finished(ov_bus *bus)
{
    pthread_mutex_lock(&bus->mu);
    bool finish = bus->finish;
    pthread_mutex_unlock(&bus->mu);
    return finish;
}

/* Nothing of nats.c may call into memory that goes: waits until it said that each link is over and each callback back.
 */
static void end_links(ov_bus *bus)
{
    ov_bus_link *link = bus->link;
    if (link) bury(bus, link);
    while (!reap(bus)) {
        struct timespec at = as_timespec(ov_mono_now().ms + RECHECK_BURIED_MS);
        pthread_mutex_lock(&bus->mu);
        while (!bus->kicked && pthread_cond_timedwait(&bus->kick, &bus->mu, &at) == 0) {
        }
        bus->kicked = false;
        pthread_mutex_unlock(&bus->mu);
    }
}

void *ov_bus_worker(void *arg)
{
    ov_bus *bus = arg;
    while (!is_finished(bus)) {
        int64_t now_ms = ov_mono_now().ms;
        int64_t next = serve_link(bus, now_ms);
        next = earlier(next, ov_bus_store_expire(bus, ov_mono_now().ms));
        next = earlier(next, ov_bus_readers_serve(bus, ov_mono_now().ms));
        next = earlier(next, ov_bus_denials_serve(bus, ov_mono_now().ms));
        sleep_until(bus, next);
    }
    end_links(bus);
    nats_ReleaseThreadMemory();
    return NULL;
}
