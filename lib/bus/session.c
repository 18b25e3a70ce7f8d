/* The worker's half of a reader: begins a session (snapshot, then live), notices that one is over, begins the next. */
#include <stdlib.h>

#include "base/random.h"
#include "bus/api.h"
#include "bus/session.h"
#include "json/writer.h"

#include "base/poison.h"

/* ---- the stream and the consumer ---- */

typedef struct {
    ov_wall created;
    uint64_t last_seq, messages;
    bool single; /* one replica */
} stream_facts;

static ov_status read_stream(ov_bus_reader *r, stream_facts *ret, ov_err *err)
{
    char subject[320];
    snprintf(subject, sizeof subject, "STREAM.INFO.%s", r->stream);
    OV_CLEANUP(ov_json_tree_p) cJSON *info = NULL;
    ov_status s = ov_bus_api(r->bus, subject, OV_STR(""), OV_BUS_READER_API_MS, &info, NULL, err);
    if (s) return s;
    const cJSON *state = ov_json_member(info, "state");
    *ret = (stream_facts){.created = ov_bus_json_time(info, "created"),
                          .last_seq = (uint64_t)ov_bus_json_int(state, "last_seq"),
                          .messages = (uint64_t)ov_bus_json_int(state, "messages"),
                          .single = ov_bus_json_int(ov_json_member(info, "config"), "num_replicas") <= 1};
    return OV_OK;
}

static void write_filters(ov_json_writer *w, const ov_bus_reader *r)
{
    if (r->filter_count == 1) ov_json_write_c(w, "filter_subject", r->filters[0]);
    if (r->filter_count < 2) return;
    ov_json_open_array(w, "filter_subjects"); /* 2.10; older servers pass over it */
    for (size_t i = 0; i < r->filter_count; i++) ov_json_write_c(w, NULL, r->filters[i]);
    ov_json_close_array(w);
}

/* What an ordered consumer is (https://github.com/nats-io/nats-architecture-and-design/blob/main/adr/ADR-17.md).
 * Delivers everything: with one message a subject that is the same as the last of each, and the counts are right. */
static void write_consumer(ov_buf *out, const ov_bus_reader *r, const char *deliver)
{
    ov_json_writer w = ov_json_writer_on(out);
    ov_json_open_object(&w, NULL);
    ov_json_write_c(&w, "stream_name", r->stream);
    ov_json_open_object(&w, "config");
    ov_json_write_c(&w, "deliver_subject", deliver);
    ov_json_write_c(&w, "deliver_policy", "all");
    ov_json_write_c(&w, "ack_policy", "none");
    ov_json_write_c(&w, "replay_policy", "instant");
    ov_json_write_i64(&w, "max_deliver", 1);
    ov_json_write_bool(&w, "flow_control", true);
    ov_json_write_i64(&w, "idle_heartbeat", (int64_t)OV_BUS_HEARTBEAT_MS * 1000000);
    ov_json_write_bool(&w, "mem_storage", true);
    ov_json_write_i64(&w, "num_replicas", 1);
    write_filters(&w, r);
    ov_json_close_object(&w);
    ov_json_close_object(&w);
}

/* *ret_empty: the consumer had nothing to give when it was made. */
static ov_status create_consumer(ov_bus_reader *r, const char *deliver, bool *ret_empty, ov_err *err)
{
    OV_CLEANUP(ov_buf_clear) ov_buf body = OV_BUF(256 * 1024);
    write_consumer(&body, r, deliver);
    ov_status s = ov_buf_finish(&body, "reader: filters", err);
    if (s) return s;
    char subject[320];
    snprintf(subject, sizeof subject, "CONSUMER.CREATE.%s", r->stream);
    OV_CLEANUP(ov_json_tree_p) cJSON *info = NULL;
    s = ov_bus_api(r->bus, subject, ov_buf_str(&body), OV_BUS_READER_API_MS, &info, NULL, err);
    if (s) return s;
    /* With messages delivered already the answer says nothing about what is still on its way. */
    *ret_empty = ov_bus_json_int(info, "num_pending") == 0 &&
                 ov_bus_json_int(ov_json_member(info, "delivered"), "consumer_seq") == 0;
    return OV_OK;
}

/* ---- a session ---- */

static void end_session(ov_bus_reader *r)
{
    pthread_mutex_lock(&r->emit);
    natsSubscription *sub = OV_TAKE(r->sub);
    pthread_mutex_unlock(&r->emit);
    natsSubscription_Destroy(sub);
    r->live = false;
}

/* The server's flow control bounds what waits here; the library's own limits would drop messages before that. */
static void lift_limits(natsSubscription *sub)
{
    enum { PENDING_MESSAGES = 4 * 1024 * 1024, PENDING_BYTES = 256 * 1024 * 1024 };
    (void)natsSubscription_SetPendingLimits(sub, PENDING_MESSAGES, PENDING_BYTES);
}

/* Tells the owner, then listens: under emit, so that nothing of a former session comes in between. */
static ov_status begin_snapshot(ov_bus_reader *r, ov_bus_link *link, const stream_facts *facts, const char *deliver,
                                ov_err *err)
{
    ov_status s = OV_OK;
    pthread_mutex_lock(&r->emit);
    r->lost = false;
    r->ready = false;
    r->consumer_seq = 0;
    r->last_seq = facts->last_seq;
    r->pending_is_exact = facts->single;
    if (r->closed)
        s = ov_fail(err, OV_RETRY, "reader: closed");
    else
        ov_bus_reader_emit(r, OV_READ_SNAPSHOT, facts->created);
    if (!s) s = ov_bus_link_subscribe(link, deliver, ov_bus_reader_on_delivery, r, &r->sub, err);
    if (!s) lift_limits(r->sub);
    pthread_mutex_unlock(&r->emit);
    return s;
}

static void finish_empty(ov_bus_reader *r)
{
    pthread_mutex_lock(&r->emit);
    if (!r->closed && !r->lost) ov_bus_reader_emit_ready(r);
    pthread_mutex_unlock(&r->emit);
}

static ov_status begin_session(ov_bus_reader *r, ov_bus_link *link, ov_err *err)
{
    stream_facts before, after;
    ov_status s = read_stream(r, &before, err);
    if (s) return s;
    char deliver[OV_BUS_INBOX_MAX];
    snprintf(deliver, sizeof deliver, "%s.r.%u.%u", r->bus->inbox, r->id, r->sessions++);
    s = begin_snapshot(r, link, &before, deliver, err);
    if (s) return s;
    r->live = true;
    r->epoch = link->epoch;
    r->heard_ms = ov_mono_now().ms;
    bool empty;
    s = create_consumer(r, deliver, &empty, err);
    if (s) return s;
    s = read_stream(r, &after, err);
    if (s) return s;
    if (after.created.ms != before.created.ms)
        return ov_fail(err, OV_RETRY, "stream %s: made anew meanwhile", r->stream);
    if (empty && (before.single || before.messages == 0)) finish_empty(r);
    return OV_OK;
}

static void try_session(ov_bus_reader *r, int64_t now_ms)
{
    OV_CLEANUP(ov_bus_link_release_p) ov_bus_link *link = ov_bus_link_use(r->bus);
    ov_err err = {0};
    if (!link) {
        r->next_try_ms = INT64_MAX; /* a new link kicks the worker */
        return;
    }
    ov_status s = begin_session(r, link, &err);
    /* Also after a success: a session that is lost at once must not become a busy loop. */
    r->next_try_ms = now_ms + ov_backoff_next_ms(&r->backoff, ov_random_u64());
    if (!s) {
        ov_bus_reader_set_waiting(r, false);
        return;
    }
    end_session(r);
    ov_bus_reader_set_waiting(r, true);
}

/* ---- looking after ---- */

/* Nothing came for long, though nothing waits to be handed over: not even heartbeats. */
static bool is_silent(ov_bus_reader *r, int64_t now_ms)
{
    int messages = 0, bytes = 0;
    if (now_ms - r->heard_ms < OV_BUS_SILENCE_MS || r->busy) return false;
    return natsSubscription_GetPending(r->sub, &messages, &bytes) != NATS_OK || messages == 0;
}

static bool is_over(ov_bus_reader *r, uint64_t epoch, int64_t now_ms)
{
    if (r->ready) ov_backoff_reset(&r->backoff);
    return r->closed || r->lost || r->epoch != epoch || is_silent(r, now_ms);
}

static int64_t serve(ov_bus_reader *r, uint64_t epoch, int64_t now_ms)
{
    if (r->live && is_over(r, epoch, now_ms)) {
        end_session(r);
        ov_bus_reader_set_waiting(r, true);
    }
    if (r->closed || epoch == 0) return INT64_MAX;
    if (!r->live && r->epoch != epoch) r->next_try_ms = 0; /* the first try on a new link is at once */
    r->epoch = epoch;
    if (!r->live && now_ms >= r->next_try_ms) try_session(r, now_ms);
    return r->live ? now_ms + OV_BUS_HEARTBEAT_MS : r->next_try_ms;
}

int64_t ov_bus_readers_serve(ov_bus *bus, int64_t now_ms)
{
    pthread_mutex_lock(&bus->mu);
    ov_bus_reader *first = bus->readers; /* grows at the head only */
    uint64_t epoch = bus->up && bus->link ? bus->link->epoch : 0;
    pthread_mutex_unlock(&bus->mu);
    int64_t next = INT64_MAX;
    for (ov_bus_reader *r = first; r; r = r->next) {
        int64_t at = serve(r, epoch, now_ms);
        if (at < next) next = at;
    }
    return next;
}
