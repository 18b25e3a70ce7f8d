/* Pulls jobs one by one from a durable consumer: one request under way at a time, its inbox new on every link. */
#include <stdlib.h>

#include "bus/api.h"
#include "bus/internal.h"
#include "json/writer.h"

#include "base/poison.h"

enum {
    SLICE_MS = 250,         /* a wait is cut so that the bus's closing is noticed */
    PULL_MIN_MS = 100,      /* a request waits at the server at least so long, */
    PULL_MAX_MS = 30000,    /* at most */
    DRAIN_MS = 1000,        /* for what is on its way when a puller closes */
    PULL_GRACE_MS = 2000,   /* an expired request must have been answered by then */
    MAX_ACK_PENDING = 10000 /* above what all workers hold and what is delayed */
};

struct ov_bus_puller {
    ov_bus *bus;
    char *stream, *durable, *filter;
    int64_t ack_wait_ms;
    unsigned id, subscriptions;
    uint64_t epoch; /* of the link that sub is on */
    natsSubscription *sub;
    char inbox[OV_BUS_INBOX_MAX];
    bool known;             /* the consumer was there on this link */
    int64_t asked_at_ms;    /* when the last request was sent */
    int64_t asked_until_ms; /* when the request under way is surely over; 0: none is */
};

/* ---- the consumer ---- */

static void write_consumer(ov_buf *out, const ov_bus_puller *p)
{
    ov_json_writer w = ov_json_writer_on(out);
    ov_json_open_object(&w, NULL);
    ov_json_write_c(&w, "stream_name", p->stream);
    ov_json_open_object(&w, "config");
    ov_json_write_c(&w, "durable_name", p->durable);
    ov_json_write_c(&w, "deliver_policy", "all");
    ov_json_write_c(&w, "ack_policy", "explicit");
    ov_json_write_c(&w, "replay_policy", "instant");
    ov_json_write_i64(&w, "ack_wait", p->ack_wait_ms * 1000000);
    ov_json_write_i64(&w, "max_deliver", -1);
    ov_json_write_i64(&w, "max_ack_pending", MAX_ACK_PENDING);
    if (p->filter) ov_json_write_c(&w, "filter_subject", p->filter);
    ov_json_close_object(&w);
    ov_json_close_object(&w);
}

static ov_status create_consumer(ov_bus_puller *p, ov_err *err)
{
    OV_CLEANUP(ov_buf_clear) ov_buf body = OV_BUF(16384);
    write_consumer(&body, p);
    ov_status s = ov_buf_finish(&body, "puller: consumer", err);
    if (s) return s;
    char subject[600];
    snprintf(subject, sizeof subject, "CONSUMER.DURABLE.CREATE.%s.%s", p->stream, p->durable);
    OV_CLEANUP(ov_json_tree_p) cJSON *info = NULL;
    return ov_bus_api(p->bus, subject, ov_buf_str(&body), OV_BUS_API_MS, &info, NULL, err);
}

/* An existing consumer stays as it is: another worker or an operator made it so. */
static ov_status ensure_consumer(ov_bus_puller *p, ov_err *err)
{
    if (p->known) return OV_OK;
    char subject[600];
    snprintf(subject, sizeof subject, "CONSUMER.INFO.%s.%s", p->stream, p->durable);
    OV_CLEANUP(ov_json_tree_p) cJSON *info = NULL;
    ov_status s = ov_bus_api(p->bus, subject, OV_STR(""), OV_BUS_API_MS, &info, NULL, err);
    if (s == OV_NOT_FOUND) s = create_consumer(p, err);
    if (s == OV_NOT_FOUND) s = ov_fail(err, OV_RETRY, "stream %s: not there yet", p->stream);
    p->known = s == OV_OK;
    return s;
}

/* ---- the inbox ---- */

static void give_back(ov_bus_puller *p, natsMsg *msg)
{
    ov_bus_delivery d;
    if (!ov_bus_delivery_parse(ov_str_of(natsMsg_GetReply(msg)), &d)) {
        ov_bus_msg_discard(msg);
        return;
    }
    OV_CLEANUP(ov_bus_in_free_p) ov_bus_in *m = ov_bus_in_new(p->bus, msg, &d);
    ov_bus_nak(m, 0);
}

/* A job that the server hands out after the last pull gave up goes back to the queue now, instead of after its ack
 * wait: draining ends the server's interest first, then gives what was sent before that. */
static void drop_inbox(ov_bus_puller *p)
{
    natsMsg *msg = NULL;
    if (p->sub && p->asked_until_ms > 0 && natsSubscription_DrainTimeout(p->sub, DRAIN_MS) == NATS_OK)
        while (natsSubscription_NextMsg(&msg, p->sub, DRAIN_MS) == NATS_OK) give_back(p, msg);
    natsSubscription_Destroy(p->sub);
    p->sub = NULL;
}

static ov_status open_inbox(ov_bus_puller *p, ov_bus_link *link, ov_err *err)
{
    if (p->sub && p->epoch == link->epoch) return OV_OK;
    drop_inbox(p);
    p->known = false;
    p->asked_until_ms = 0;
    /* Never the name of a former one: a request that the server still holds must not find anybody. */
    snprintf(p->inbox, sizeof p->inbox, "%s.p.%u.%u", p->bus->inbox, p->id, p->subscriptions++);
    p->epoch = link->epoch;
    natsStatus s = natsConnection_SubscribeSync(&p->sub, link->nc, p->inbox);
    if (s == NATS_OK) return OV_OK;
    p->sub = NULL;
    return ov_bus_link_failed(link, s, p->inbox, err);
}

/* ---- one pull ---- */

static void next_subject(const ov_bus_puller *p, char out[600])
{
    snprintf(out, 600, "$JS.API.CONSUMER.MSG.NEXT.%s.%s", p->stream, p->durable);
}

static ov_status ask(ov_bus_puller *p, ov_bus_link *link, int64_t wait_ms, ov_err *err)
{
    int64_t now_ms = ov_mono_now().ms;
    if (p->asked_until_ms > now_ms) return OV_OK;
    int64_t expires_ms = wait_ms < PULL_MIN_MS ? PULL_MIN_MS : wait_ms > PULL_MAX_MS ? PULL_MAX_MS : wait_ms;
    char subject[600], body[80];
    next_subject(p, subject);
    int len = snprintf(body, sizeof body, "{\"batch\":1,\"expires\":%lld}", (long long)expires_ms * 1000000);
    ov_bus_denials_try(p->bus, OV_BUS_PUBLISH, subject);
    natsStatus s = natsConnection_PublishRequest(link->nc, subject, p->inbox, body, len);
    if (s != NATS_OK) return ov_bus_link_failed(link, s, subject, err);
    p->asked_at_ms = now_ms;
    p->asked_until_ms = now_ms + expires_ms + PULL_GRACE_MS;
    return OV_OK;
}

/* The request is over, without a message. */
static ov_status take_status(ov_bus_puller *p, int status, ov_err *err)
{
    enum { NO_MESSAGES = 404, EXPIRED = 408 };
    p->asked_until_ms = 0;
    if (status == NO_MESSAGES || status == EXPIRED) return OV_NOT_FOUND;
    p->known = false; /* 409: the consumer changed or went; 503: nobody took the request */
    return ov_fail(err, OV_RETRY, "consumer %s of stream %s: status %d", p->durable, p->stream, status);
}

static ov_status take_message(ov_bus_puller *p, natsMsg *msg, ov_bus_in **ret, ov_err *err)
{
    ov_bus_delivery d;
    if (ov_bus_delivery_parse(ov_str_of(natsMsg_GetReply(msg)), &d)) {
        p->asked_until_ms = 0;
        *ret = ov_bus_in_new(p->bus, msg, &d);
        return OV_OK;
    }
    int status = ov_bus_msg_status(msg);
    ov_bus_msg_discard(msg);
    return take_status(p, status, err);
}

static bool is_closing(ov_bus *bus)
{
    pthread_mutex_lock(&bus->mu);
    bool closing = bus->closing;
    pthread_mutex_unlock(&bus->mu);
    return closing;
}

/* Nobody would ever answer. */
static ov_status check_rights(ov_bus_puller *p, int64_t since_ms, ov_err *err)
{
    char subject[600], what[OV_BUS_DENIAL_TEXT];
    next_subject(p, subject);
    bool unheard = ov_bus_are_answers_denied(p->bus, what);
    if (!unheard && !ov_bus_is_denied(p->bus, OV_BUS_PUBLISH, subject, since_ms, what)) return OV_OK;
    p->asked_until_ms = 0;
    if (unheard) drop_inbox(p); /* to be made anew: the server does not know it */
    return ov_fail(err, OV_FAILED, "permission denied: %.230s", what);
}

static ov_status await_message(ov_bus_puller *p, ov_bus_link *link, ov_mono deadline, ov_bus_in **ret, ov_err *err)
{
    int64_t since_ms = p->asked_at_ms;
    for (;;) {
        int64_t left_ms = ov_mono_since(deadline, ov_mono_now());
        if (left_ms <= 0) return OV_NOT_FOUND;
        if (is_closing(p->bus)) return ov_fail(err, OV_RETRY, "bus: closing");
        natsMsg *msg = NULL;
        natsStatus s = natsSubscription_NextMsg(&msg, p->sub, left_ms < SLICE_MS ? left_ms : SLICE_MS);
        if (s == NATS_OK) return take_message(p, msg, ret, err);
        if (s != NATS_TIMEOUT) return ov_bus_link_failed(link, s, "pull", err);
        ov_status denied = check_rights(p, since_ms, err);
        if (denied) return denied;
    }
}

static ov_status pull_once(ov_bus_puller *p, ov_bus_link *link, ov_mono deadline, ov_bus_in **ret, ov_err *err)
{
    ov_status s = check_rights(p, ov_mono_now().ms - OV_BUS_DENIED_RETRY_MS, err);
    if (!s) s = open_inbox(p, link, err);
    if (!s) s = ensure_consumer(p, err);
    if (!s) s = ask(p, link, ov_mono_since(deadline, ov_mono_now()), err);
    if (!s) s = await_message(p, link, deadline, ret, err);
    return s;
}

static ov_bus_link *wait_for_link(ov_bus *bus, ov_mono deadline)
{
    ov_bus_link *link = ov_bus_link_use(bus);
    if (link) return link;
    pthread_mutex_lock(&bus->mu);
    while (!bus->up && !bus->closing && ov_bus_wait_moved(bus, deadline)) {
    }
    pthread_mutex_unlock(&bus->mu);
    return ov_bus_link_use(bus);
}

ov_status ov_bus_pull(ov_bus_puller *p, int64_t wait_ms, ov_bus_in **ret, ov_err *err)
{
    ov_mono deadline = ov_mono_after(ov_mono_now(), wait_ms);
    for (;;) {
        OV_CLEANUP(ov_bus_link_release_p) ov_bus_link *link = wait_for_link(p->bus, deadline);
        if (!link) return ov_fail(err, OV_RETRY, "bus: not connected");
        ov_status s = pull_once(p, link, deadline, ret, err);
        int64_t left_ms = ov_mono_since(deadline, ov_mono_now());
        if (s == OV_NOT_FOUND && left_ms > 0) continue; /* the server's clock was ahead */
        if (s == OV_NOT_FOUND) return ov_fail(err, s, "consumer %s: no message", p->durable);
        /* A caller that comes again at once must not spin. */
        if (s && left_ms > 0) ov_bus_nap(p->bus, left_ms < SLICE_MS ? left_ms : SLICE_MS);
        return s;
    }
}

/* ---- opening and closing ---- */

ov_status ov_bus_puller_open(ov_bus *bus, const char *stream, const char *durable, const char *filter,
                             int64_t ack_wait_ms, ov_bus_puller **ret, ov_err *err)
{
    if (!stream || !ov_bus_name_is_valid(stream))
        return ov_fail(err, OV_INVALID, "puller: stream \"%.100s\": expected a name", stream ? stream : "");
    if (!durable || !ov_bus_name_is_valid(durable))
        return ov_fail(err, OV_INVALID, "puller: consumer \"%.100s\": expected a name", durable ? durable : "");
    if (filter && !ov_bus_subject_is_valid(filter, true))
        return ov_fail(err, OV_INVALID, "puller: filter \"%.100s\": expected a subject", filter);
    ov_bus_puller *p = ov_zalloc(sizeof *p);
    *p = (ov_bus_puller){.bus = bus,
                         .stream = ov_dup(ov_str_of(stream)),
                         .durable = ov_dup(ov_str_of(durable)),
                         .filter = filter ? ov_dup(ov_str_of(filter)) : NULL,
                         .ack_wait_ms = ack_wait_ms,
                         .id = atomic_fetch_add(&bus->pullers_made, 1)};
    *ret = p;
    return OV_OK;
}

void ov_bus_puller_close(ov_bus_puller *p)
{
    if (!p) return;
    drop_inbox(p);
    free(p->stream);
    free(p->durable);
    free(p->filter);
    free(p);
}
