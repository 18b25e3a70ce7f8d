/* Takes messages out of the inbox, feeds the mirror, publishes a view when a batch is over. */
#include "services/api/feed.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "proto/parts.h"
#include "proto/subjects.h"

#include "base/poison.h"

struct feed {
    ov_inbox *inbox;
    _Atomic(ov_bus_reader *) reader; /* NULL before it is opened and once it is closed */
    mirror *mirror;
    parts_joiner *joiner;
    view_holder *views;
    ov_metric *undecodable, *entries, *agents;
    ov_map logged;
    size_t logged_count;
    ov_mono publish_at, published_at;
    bool batch;          /* something was applied since the last view */
    ov_wall created;     /* the stream's identity */
    uint64_t seen_seq;   /* its highest sequence seen */
    bool keeps, filled;  /* the bucket was lost: what it held stays until it is written again; the snapshot was read */
    ov_mono keeps_until; /* 0: nobody writes yet */
    atomic_bool ready, up, current;
    _Atomic int64_t stale_since_ms; /* monotonic; read while not current */
};

typedef struct {
    ov_bus_read_kind kind;
    ov_bus_in *message;
    ov_wall stream_created; /* of a snapshot */
    uint64_t last_seq;
    ov_mono heard; /* before the snapshot */
} item;

static void item_free(void *p)
{
    item *i = p;
    if (!i) return;
    ov_bus_in_free(i->message);
    free(i);
}

feed *feed_new(view_holder *views, ov_metrics *metrics)
{
    feed *f = ov_zalloc(sizeof *f);
    f->inbox = ov_inbox_new(FEED_INBOX, item_free);
    f->mirror = mirror_new();
    f->joiner = parts_joiner_new(FEED_BODY_BYTES, FEED_PENDING_BYTES);
    f->views = views;
    f->undecodable = ov_metrics_add(metrics, OV_METRIC_COUNTER, "opvic_api_undecodable_total",
                                    "State documents that could not be read", NULL, 1);
    f->entries =
        ov_metrics_add(metrics, OV_METRIC_GAUGE, "opvic_api_entries", "Trackers of agents held in memory", NULL, 1);
    f->agents = ov_metrics_add(metrics, OV_METRIC_GAUGE, "opvic_api_agents", "Agents held in memory", NULL, 1);
    atomic_store(&f->stale_since_ms, ov_mono_now().ms);
    return f;
}

void feed_free(feed *f)
{
    if (!f) return;
    feed_close(f);
    ov_inbox_free(f->inbox);
    mirror_free(f->mirror);
    parts_joiner_free(f->joiner);
    ov_map_clear(&f->logged);
    free(f);
}

/* On the library's thread: a full inbox holds the reader back. */
static void on_read(void *arg, const ov_bus_read *event)
{
    feed *f = arg;
    item *i = ov_alloc(sizeof *i);
    *i = (item){.kind = event->kind,
                .message = event->kind == OV_READ_MESSAGE ? event->message : NULL,
                .stream_created = event->stream_created,
                .last_seq = event->last_seq,
                .heard = event->heard};
    if (!ov_inbox_put(f->inbox, i)) item_free(i);
}

ov_status feed_open(feed *f, ov_bus *bus, ov_err *err)
{
    static const char *const filters[] = {STATE_PREFIX ">", NULL};
    ov_bus_reader *reader;
    ov_status st = ov_bus_reader_open(bus, STREAM_STATE, filters, on_read, f, &reader, err);
    if (st == OV_OK) atomic_store(&f->reader, reader);
    return st;
}

void feed_close(feed *f)
{
    ov_bus_reader_close(atomic_exchange(&f->reader, NULL));
}

void feed_stop(void *arg)
{
    feed *f = arg;
    ov_inbox_stop(f->inbox);
}

static void current_begin(feed *f)
{
    if (atomic_load(&f->up)) atomic_store(&f->current, true);
}

/* What is known was current when the bus was last heard. */
static void current_end(feed *f, ov_mono heard)
{
    if (atomic_exchange(&f->current, false)) atomic_store(&f->stale_since_ms, heard.ms);
}

/* When the reader was last heard; now when there is none. The bus outlives those who ask. */
static ov_mono heard_at(const feed *f)
{
    const ov_bus_reader *reader = atomic_load(&f->reader);
    return reader ? ov_bus_reader_heard(reader) : ov_mono_now();
}

void feed_bus_changed(feed *f, bool up)
{
    atomic_store(&f->up, up);
    if (!up) current_end(f, heard_at(f));
}

bool feed_is_ready(const feed *f)
{
    return atomic_load(&f->ready);
}

void feed_waiting_for(feed *f, char out[128])
{
    ov_bus_reader_waiting_for(atomic_load(&f->reader), out);
}

int64_t feed_age_s(const feed *f)
{
    /* A server that hangs is silent long before its connection counts as lost. */
    bool current = atomic_load(&f->current);
    ov_mono since = current ? heard_at(f) : (ov_mono){atomic_load(&f->stale_since_ms)};
    int64_t age_ms = ov_mono_since(ov_mono_now(), since);
    return current && age_ms <= OV_BUS_READER_QUIET_MS ? 0 : age_ms / 1000;
}

static void refuse(feed *f, ov_str subject, const ov_err *err)
{
    ov_metric_add(f->undecodable, NULL, 1);
    mirror_keep(f->mirror, subject);
    if (f->logged_count >= FEED_LOGGED_SUBJECTS || ov_map_put(&f->logged, subject, f)) return;
    f->logged_count++;
    OV_CLEANUP(ov_free_p) char *text = ov_dup(subject);
    ov_log_warn("ignored a state document that cannot be read", "subject", text, "error", err->msg);
}

static void take_message(feed *f, const ov_bus_in *m)
{
    ov_str subject, body;
    ov_err err = {0};
    ov_status st = parts_join(f->joiner, ov_bus_in_subject(m), ov_bus_in_data(m), &subject, &body, &err);
    if (st == OV_OK && !body.ptr) return; /* a part, or a manifest that waits for parts */
    if (st == OV_OK) st = mirror_apply(f->mirror, subject, body, &err);
    if (st == OV_OK) return;
    subject_parsed s;
    subject_parse(ov_bus_in_subject(m), &s);
    refuse(f, s.manifest, &err);
}

static void publish(feed *f)
{
    ov_mono now = ov_mono_now();
    view *v = mirror_publish(f->mirror, now);
    if (v) view_holder_put(f->views, v);
    mirror_counts counts = mirror_count(f->mirror);
    ov_metric_set(f->entries, NULL, (double)counts.entries);
    ov_metric_set(f->agents, NULL, (double)counts.agents);
    f->published_at = now;
    f->batch = false;
}

/* Another stream than before, or one that went back: the leader writes what it knows again. */
static void begin_snapshot(feed *f, const item *i)
{
    bool lost = i->stream_created.ms != f->created.ms || i->last_seq < f->seen_seq;
    if (feed_is_ready(f) && lost) {
        ov_log_warn("the state was lost: its answers stay until it is written again");
        f->keeps = true;
        f->keeps_until = (ov_mono){0};
    }
    f->created = i->stream_created;
    f->seen_seq = i->last_seq;
    f->filled = false;
    current_end(f, i->heard);
    parts_joiner_reset(f->joiner);
    mirror_snapshot_begin(f->mirror);
}

static void note_message(feed *f, uint64_t seq)
{
    if (seq > f->seen_seq) f->seen_seq = seq;
    if (f->keeps && !f->keeps_until.ms) f->keeps_until = ov_mono_after(ov_mono_now(), FEED_LOST_MS);
}

static void end_snapshot(feed *f)
{
    f->keeps = false;
    mirror_snapshot_end(f->mirror);
    publish(f);
    current_begin(f);
    mirror_counts counts = mirror_count(f->mirror);
    if (!atomic_exchange(&f->ready, true))
        ov_log_info("state is complete", "agents", OV_FMT("%zu", counts.agents), "entries",
                    OV_FMT("%zu", counts.entries));
}

static void take_item(feed *f, const item *i)
{
    switch (i->kind) {
    case OV_READ_SNAPSHOT:
        begin_snapshot(f, i);
        break;
    case OV_READ_MESSAGE:
        note_message(f, ov_bus_in_seq(i->message));
        take_message(f, i->message);
        break;
    case OV_READ_READY:
        f->filled = true;
        if (!f->keeps) end_snapshot(f);
        break;
    }
}

/* Ends what the loss of the bucket began: everything is there again, or will not come. */
static void look_after_loss(feed *f, ov_mono now)
{
    if (!f->keeps || !f->filled) return;
    bool late = f->keeps_until.ms && now.ms >= f->keeps_until.ms;
    if (late || mirror_snapshot_is_whole(f->mirror)) end_snapshot(f);
}

static void batch_open(feed *f, ov_mono now)
{
    if (f->batch) return;
    f->batch = true;
    f->publish_at = ov_mono_after(f->published_at, FEED_BATCH_MS);
    if (f->publish_at.ms < now.ms) f->publish_at = now;
}

void feed_step(feed *f)
{
    bool was_ready = feed_is_ready(f);
    ov_mono now = ov_mono_now(), until = ov_mono_after(now, FEED_TICK_MS);
    while (now.ms < until.ms && feed_is_ready(f) == was_ready && !ov_inbox_is_stopped(f->inbox)) {
        item *i = ov_inbox_take(f->inbox, f->batch && was_ready ? f->publish_at : until);
        now = ov_mono_now();
        if (i) {
            batch_open(f, now);
            take_item(f, i);
            item_free(i);
        }
        if (f->batch && was_ready && now.ms >= f->publish_at.ms) publish(f);
    }
    look_after_loss(f, now);
    if (feed_is_ready(f) && mirror_count(f->mirror).waiting) publish(f);
}
