/* A reader as its owner sees it, and the delivery thread's half: order, gaps, flow control, the end of the snapshot. */
#include <stdlib.h>

#include "bus/session.h"

#include "base/poison.h"

/* ---- events, with emit held ---- */

void ov_bus_reader_emit(ov_bus_reader *r, ov_bus_read_kind kind, ov_wall stream_created)
{
    ov_bus_read event = {
        .kind = kind, .stream_created = stream_created, .last_seq = r->last_seq, .heard = ov_bus_reader_heard(r)};
    r->cb(r->arg, &event);
}

void ov_bus_reader_emit_ready(ov_bus_reader *r)
{
    if (r->ready) return;
    r->ready = true;
    ov_bus_reader_emit(r, OV_READ_READY, (ov_wall){0});
}

static void lose(ov_bus_reader *r)
{
    r->lost = true;
    ov_bus_kick(r->bus);
}

/* ---- messages ---- */

static bool is_wanted(const ov_bus_reader *r, ov_str subject)
{
    /* One filter is the server's. Several are checked here too: a server before 2.10 knows one at most. */
    if (r->filter_count < 2) return true;
    for (size_t i = 0; i < r->filter_count; i++)
        if (ov_bus_subject_matches(ov_str_of(r->filters[i]), subject)) return true;
    return false;
}

static void emit_message(ov_bus_reader *r, natsMsg *msg, const ov_bus_delivery *d)
{
    if (!is_wanted(r, ov_str_of(natsMsg_GetSubject(msg)))) {
        ov_bus_msg_discard(msg);
        return;
    }
    ov_bus_read event = {.kind = OV_READ_MESSAGE, .message = ov_bus_in_new(r->bus, msg, d)};
    r->cb(r->arg, &event);
}

static void take_message(ov_bus_reader *r, natsMsg *msg, const ov_bus_delivery *d)
{
    if (d->consumer_seq != r->consumer_seq + 1) {
        ov_bus_msg_discard(msg);
        lose(r);
        return;
    }
    r->consumer_seq = d->consumer_seq;
    if (d->stream_seq > r->last_seq) ov_bus_reader_emit_ready(r);
    emit_message(r, msg, d);
    if (d->stream_seq >= r->last_seq || (d->pending == 0 && r->pending_is_exact)) ov_bus_reader_emit_ready(r);
}

/* ---- heartbeats and flow control ---- */

static bool header_number(natsMsg *msg, const char *name, uint64_t *ret)
{
    const char *text = NULL;
    return natsMsgHeader_Get(msg, name, &text) == NATS_OK && text && ov_str_to_u64(ov_str_of(text), ret);
}

static void allow_more(const ov_bus_reader *r, natsConnection *nc, const char *subject)
{
    ov_bus_denials_try(r->bus, OV_BUS_PUBLISH, subject);
    (void)natsConnection_Publish(nc, subject, NULL, 0);
}

/* The consumer is idle: either all was given, or something was lost on the way. */
static void take_heartbeat(ov_bus_reader *r, natsConnection *nc, natsMsg *msg)
{
    const char *stalled = NULL;
    uint64_t last;
    if (natsMsgHeader_Get(msg, "Nats-Consumer-Stalled", &stalled) == NATS_OK && stalled && *stalled)
        allow_more(r, nc, stalled);
    else if (!header_number(msg, "Nats-Last-Consumer", &last))
        return;
    else if (last == r->consumer_seq)
        ov_bus_reader_emit_ready(r);
    else
        lose(r);
}

static void take_control(ov_bus_reader *r, natsConnection *nc, natsMsg *msg)
{
    enum { STATUS_CONTROL = 100 };
    const char *reply = natsMsg_GetReply(msg);
    if (ov_bus_msg_status(msg) != STATUS_CONTROL) lose(r);
    /* Everything before it was handed over, since one thread does both. */
    else if (reply && *reply)
        allow_more(r, nc, reply);
    else
        take_heartbeat(r, nc, msg);
}

static void take(ov_bus_reader *r, natsConnection *nc, natsMsg *msg)
{
    ov_bus_delivery d;
    if (ov_bus_delivery_parse(ov_str_of(natsMsg_GetReply(msg)), &d)) {
        take_message(r, msg, &d);
        return;
    }
    take_control(r, nc, msg);
    ov_bus_msg_discard(msg);
}

void ov_bus_reader_on_delivery(natsConnection *nc, natsSubscription *sub, natsMsg *msg, void *reader)
{
    ov_bus_reader *r = reader;
    r->busy = true;
    pthread_mutex_lock(&r->emit);
    if (r->closed || r->lost || sub != r->sub)
        ov_bus_msg_discard(msg);
    else
        take(r, nc, msg);
    pthread_mutex_unlock(&r->emit);
    r->heard_ms = ov_mono_now().ms;
    r->busy = false;
}

/* ---- opening and closing ---- */

static void reader_free(ov_bus_reader *r)
{
    natsSubscription_Destroy(r->sub);
    for (size_t i = 0; i < r->filter_count; i++) free(r->filters[i]);
    free(r->filters);
    free(r->stream);
    pthread_mutex_destroy(&r->emit);
    free(r);
}

void ov_bus_readers_free(ov_bus *bus)
{
    while (bus->readers) {
        ov_bus_reader *r = bus->readers;
        bus->readers = r->next;
        reader_free(r);
    }
}

static ov_status check_filters(const char *const *filters, size_t *ret_count, ov_err *err)
{
    size_t count = 0;
    for (; filters && filters[count]; count++)
        if (!ov_bus_subject_is_valid(filters[count], true))
            return ov_fail(err, OV_INVALID, "reader: filter \"%.100s\": expected a subject", filters[count]);
    *ret_count = count;
    return OV_OK;
}

ov_status ov_bus_reader_open(ov_bus *bus, const char *stream, const char *const *filters, ov_bus_on_read cb, void *arg,
                             ov_bus_reader **ret, ov_err *err)
{
    size_t count = 0;
    if (!stream || !ov_bus_name_is_valid(stream))
        return ov_fail(err, OV_INVALID, "reader: stream \"%.100s\": expected a name", stream ? stream : "");
    ov_status s = check_filters(filters, &count, err);
    if (s) return s;
    ov_bus_reader *r = ov_zalloc(sizeof *r);
    r->bus = bus;
    r->stream = ov_dup(ov_str_of(stream));
    r->filters = ov_calloc(count + 1, sizeof *r->filters);
    r->filter_count = count;
    for (size_t i = 0; i < count; i++) r->filters[i] = ov_dup(ov_str_of(filters[i]));
    r->cb = cb;
    r->arg = arg;
    r->backoff = (ov_backoff){.base_ms = 200, .max_ms = 2000};
    pthread_mutex_init(&r->emit, NULL);
    r->waiting = true;
    pthread_mutex_lock(&bus->mu);
    r->id = bus->readers_made++;
    r->next = bus->readers;
    bus->readers = r;
    ov_bus_kick_locked(bus);
    pthread_mutex_unlock(&bus->mu);
    *ret = r;
    return OV_OK;
}

/* The memory stays until the bus is closed: a message that is on its way may still name the reader. */
void ov_bus_reader_close(ov_bus_reader *r)
{
    if (!r) return;
    pthread_mutex_lock(&r->emit);
    r->closed = true;
    pthread_mutex_unlock(&r->emit);
    ov_bus_kick(r->bus);
}

ov_mono ov_bus_reader_heard(const ov_bus_reader *r)
{
    return (ov_mono){atomic_load(&r->heard_ms)};
}

void ov_bus_reader_set_waiting(ov_bus_reader *r, bool waiting)
{
    pthread_mutex_lock(&r->bus->mu);
    r->waiting = waiting;
    pthread_mutex_unlock(&r->bus->mu);
}

void ov_bus_reader_waiting_for(ov_bus_reader *r, char out[128])
{
    pthread_mutex_lock(&r->bus->mu);
    out[0] = '\0';
    if (r->waiting) snprintf(out, 128, "stream %.110s", r->stream);
    pthread_mutex_unlock(&r->bus->mu);
}
