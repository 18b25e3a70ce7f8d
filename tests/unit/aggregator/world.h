/* A bus in memory around one aggregate: streams that keep the last of each subject, a leader's writes, kills at any
 * point. */
#ifndef OPVIC_TESTS_AGGREGATOR_WORLD_H
#define OPVIC_TESTS_AGGREGATOR_WORLD_H

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "json/fields.h"
#include "proto/event.h"
#include "proto/heartbeat.h"
#include "proto/list.h"
#include "proto/lookup.h"
#include "proto/report.h"
#include "proto/state.h"
#include "proto/subjects.h"
#include "services/aggregator/aggregate.h"
#include "services/aggregator/telling.h"
#include "support/check.h"

typedef struct {
    char *subject, *data, *instance, *revision, *inputs, *epoch;
    size_t len;
    uint64_t seq;
    int64_t stored_ms;
    bool dead; /* a later one has its subject */
} message;

typedef struct {
    message *items;
    size_t count, cap;
    uint64_t last_seq;
    int64_t created_ms;
} stream;

typedef struct {
    char *subject, *id, *type, *agent, *tracker, *body;
    outbox_place place;
    outbox_mark mark; /* its headers */
} told;

typedef struct {
    stream in[INPUT_STREAMS];
    size_t fed[INPUT_STREAMS]; /* items given to the aggregate */
    told *events;
    size_t event_count, event_cap;
    tellings waiting;
    bool idles;          /* rules are worked on in small steps, now and then */
    const char *refused; /* agent whose events the bus refuses, or NULL */
    aggregate *a;
    aggregate_options options;
    int64_t wall_ms, mono_ms;
    uint64_t epoch;
} world;

/* Where a leader dies. */
typedef enum { KILL_NEVER, KILL_BEFORE_EVENTS, KILL_AMID_EVENTS, KILL_AMID_STATE } kill_point;

static inline void message_clear(message *m)
{
    free(m->subject);
    free(m->data);
    free(m->instance);
    free(m->revision);
    free(m->inputs);
    free(m->epoch);
    *m = (message){0};
}

static inline void stream_clear(stream *s)
{
    for (size_t i = 0; i < s->count; i++) message_clear(&s->items[i]);
    free(s->items);
    *s = (stream){0};
}

static inline void world_init(world *w)
{
    *w = (world){.options = {.source_interval_ms = 1800000,
                             .expiration_ms = 3600000,
                             .report_period_ms = 21600000,
                             .retention_ms = 86400000},
                 .wall_ms = 1700000000000,
                 .mono_ms = 5000};
    for (size_t i = 0; i < INPUT_STREAMS; i++) w->in[i].created_ms = 1600000000000 + (int64_t)i;
}

static inline void world_clear(world *w)
{
    aggregate_free(w->a);
    tellings_clear(&w->waiting);
    for (size_t i = 0; i < INPUT_STREAMS; i++) stream_clear(&w->in[i]);
    for (size_t i = 0; i < w->event_count; i++) {
        told *t = &w->events[i];
        free(t->subject);
        free(t->id);
        free(t->type);
        free(t->agent);
        free(t->tracker);
        free(t->body);
    }
    free(w->events);
    *w = (world){0};
}

static inline char *dup_c(const char *c)
{
    return ov_dup(ov_str_of(c));
}

static inline uint64_t world_store(world *w, input_stream s, const char *subject, ov_str data, const char *instance,
                                   const char *revision)
{
    stream *st = &w->in[s];
    for (size_t i = 0; i < st->count; i++)
        if (!st->items[i].dead && strcmp(st->items[i].subject, subject) == 0) st->items[i].dead = true;
    ov_grow(&st->items, &st->cap, st->count + 1, sizeof *st->items);
    st->items[st->count++] = (message){.subject = dup_c(subject),
                                       .data = ov_dup(data),
                                       .len = data.len,
                                       .instance = dup_c(instance),
                                       .revision = dup_c(revision),
                                       .inputs = dup_c(""),
                                       .epoch = dup_c(""),
                                       .seq = ++st->last_seq,
                                       .stored_ms = w->wall_ms};
    return st->last_seq;
}

static inline void world_apply(world *w, const input *in)
{
    aggregate_apply(w->a, in, (ov_mono){w->mono_ms});
}

static inline void world_signal(world *w, input_kind kind)
{
    world_apply(w, &(input){.kind = kind, .seq = w->epoch});
}

static inline void world_give(world *w, input_stream s, const message *m)
{
    world_apply(w, &(input){.kind = INPUT_MESSAGE,
                            .stream = s,
                            .subject = ov_str_of(m->subject),
                            .data = {m->data, m->len},
                            .instance = ov_str_of(m->instance),
                            .revision = ov_str_of(m->revision),
                            .inputs = ov_str_of(m->inputs),
                            .epoch = ov_str_of(m->epoch),
                            .seq = m->seq,
                            .stored_at = {m->stored_ms}});
}

/* A reader (again) begins: what the stream holds now, then ready. */
static inline void world_snapshot(world *w, input_stream s)
{
    stream *st = &w->in[s];
    world_apply(w, &(input){.kind = INPUT_SNAPSHOT, .stream = s, .seq = st->last_seq, .stored_at = {st->created_ms}});
    for (size_t i = 0; i < st->count; i++)
        if (!st->items[i].dead) world_give(w, s, &st->items[i]);
    w->fed[s] = st->count;
    world_apply(w, &(input){.kind = INPUT_READY, .stream = s, .seq = st->last_seq});
}

/* Gives what arrived since. */
static inline void world_feed(world *w)
{
    for (size_t s = 0; s < INPUT_STREAMS; s++)
        for (; w->fed[s] < w->in[s].count; w->fed[s]++) world_give(w, (input_stream)s, &w->in[s].items[w->fed[s]]);
}

/* ---- events ---- */

static inline void world_store_event(world *w, const telling *e, outbox_mark mark)
{
    event_head h = {0};
    ov_err err = {0};
    char untold[96], own[48];
    CHECK_OK(event_head_decode((ov_str){e->body, e->len}, &h, &err), &err);
    ov_grow(&w->events, &w->event_cap, w->event_count + 1, sizeof *w->events);
    told *t = &w->events[w->event_count++];
    *t = (told){.subject = ov_dup(ov_str_of(e->subject)),
                .id = ov_dup(h.id),
                .type = ov_dup(h.type),
                .agent = ov_dup(h.agent),
                .tracker = ov_dup(h.tracker),
                .body = ov_dup((ov_str){e->body, e->len}),
                .place = e->place};
    event_head_clear(&h);
    outbox_mark_write(&mark, e->place, untold);
    snprintf(own, sizeof own, "%" PRIu64 ".%" PRIu64, e->place.seq, e->place.index);
    CHECK(outbox_mark_parse(ov_str_of(own), ov_str_of(untold), &t->mark));
}

static inline bool world_is_refused(const world *w, const telling *e)
{
    char part[64];
    if (!w->refused) return false;
    snprintf(part, sizeof part, ".%s.", w->refused);
    return strstr(e->subject, part) != NULL;
}

/* By the subject's last event. */
static inline bool world_is_told(const world *w, const telling *e)
{
    for (size_t i = w->event_count; i-- > 0;)
        if (strcmp(w->events[i].subject, e->subject) == 0) return !outbox_place_is_after(e->place, w->events[i].place);
    return false;
}

/* One chunk, as a teller sends it: what stands behind a refused one is not stored. */
static inline void world_publish_chunk(world *w, telling **chunk, size_t n, size_t *left)
{
    bool broken = false, stored[8] = {0}, refused[8] = {0};
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        if (chunk[i]->in_doubt && world_is_told(w, chunk[i]))
            tellings_told(&w->waiting, chunk[i]);
        else
            chunk[kept++] = chunk[i];
    }
    for (size_t i = 0; i < kept; i++) {
        outbox_mark mark = tellings_mark(&w->waiting, chunk[i]);
        refused[i] = world_is_refused(w, chunk[i]);
        broken |= refused[i] || !*left;
        if (broken) continue;
        world_store_event(w, chunk[i], mark);
        stored[i] = true;
        --*left;
    }
    for (size_t i = kept; i-- > 0;) {
        if (stored[i])
            tellings_told(&w->waiting, chunk[i]);
        else if (refused[i])
            tellings_refused(&w->waiting, chunk[i], "no");
        else
            tellings_back(&w->waiting, chunk[i]);
    }
}

/* At most max events. */
static inline void world_publish(world *w, size_t max)
{
    telling *chunk[8];
    telling_box *b;
    size_t n = tellings_take_refused(&w->waiting, chunk, 2);
    world_publish_chunk(w, chunk, n, &max);
    while (max && (n = tellings_take(&w->waiting, chunk, 8))) world_publish_chunk(w, chunk, n, &max);
    while ((b = tellings_next_told(&w->waiting))) {
        aggregate_told(w->a, ov_str_of(b->key), b->seq);
        telling_box_free(b);
    }
    aggregate_published(w->a, tellings_floor(&w->waiting, w->in[INPUT_STATE].last_seq + 1));
}

/* What the last event's headers say; without any event each must be asked for. */
static inline outbox_mark world_mark(const world *w)
{
    return w->event_count ? w->events[w->event_count - 1].mark : (outbox_mark){.to = {UINT64_MAX, 0}};
}

/* A new leader takes over what its predecessor did not tell. */
static inline void world_take_over(world *w)
{
    size_t count;
    ov_err err = {0};
    outbox_mark mark = world_mark(w);
    tellings_begin(&w->waiting, w->event_count ? mark.to : (outbox_place){0});
    aggregate_published(w->a, mark.from.seq);
    const aggregate_outbox *boxes = aggregate_outboxes(w->a, &count);
    for (size_t i = 0; i < count; i++) {
        aggregate_hold(w->a, ov_str_of(boxes[i].key), boxes[i].seq);
        CHECK_OK(
            tellings_add(&w->waiting, boxes[i].key, boxes[i].seq, (ov_str){boxes[i].outbox, boxes[i].len}, &mark, &err),
            &err);
    }
    world_signal(w, INPUT_LEAD);
    world_publish(w, SIZE_MAX);
}

/* Writes one batch as a leader does; false when there was nothing (or the leader died). */
static inline bool world_flush_once(world *w, kill_point kill, size_t kill_at)
{
    enum { BATCH = 16 };
    aggregate_write items[BATCH];
    char inputs[64], epoch[32];
    ov_err err = {0};
    while (!w->idles && aggregate_work(w->a, 1000)) {
    }
    size_t n = aggregate_collect(w->a, items, BATCH, 1 << 20, (ov_mono){w->mono_ms}), stored = 0;
    snprintf(inputs, sizeof inputs, "%" PRIu64 ",%" PRIu64, aggregate_position(w->a, INPUT_REPORTS),
             aggregate_position(w->a, INPUT_LISTS));
    snprintf(epoch, sizeof epoch, "%" PRIu64, w->epoch);
    for (size_t i = 0; i < n; i++) {
        if (kill == KILL_AMID_STATE && i >= kill_at) break;
        ov_str body = items[i].body ? (ov_str){items[i].body, items[i].len} : OV_STR("");
        uint64_t seq = world_store(w, INPUT_STATE, items[i].key, body, "", "");
        message *m = &w->in[INPUT_STATE].items[w->in[INPUT_STATE].count - 1];
        free(m->inputs);
        free(m->epoch);
        m->inputs = dup_c(inputs);
        m->epoch = dup_c(epoch);
        ov_str outbox = {items[i].outbox, items[i].outbox_len};
        if (outbox.len) CHECK_OK(tellings_add(&w->waiting, items[i].key, seq, outbox, NULL, &err), &err);
        aggregate_written(w->a, &items[i], seq);
        stored++;
    }
    for (size_t i = stored; i < n; i++) aggregate_unwritten(w->a, &items[i]);
    if (kill == KILL_NEVER)
        world_publish(w, SIZE_MAX);
    else if (kill == KILL_AMID_EVENTS)
        world_publish(w, kill_at + 1);
    return n > 0 && kill == KILL_NEVER;
}

static inline void world_drain_effects(world *w)
{
    effect e;
    while (aggregate_next_effect(w->a, &e)) effect_clear(&e);
}

static inline void world_flush(world *w)
{
    while (world_flush_once(w, KILL_NEVER, 0)) world_feed(w);
    world_drain_effects(w);
}

/* A fresh process: reads state, then the inputs, leads, tells what its predecessor did not. */
static inline void world_start(world *w)
{
    aggregate_free(w->a);
    w->a = aggregate_new(&w->options);
    w->epoch++;
    if (w->event_count) aggregate_published(w->a, world_mark(w).from.seq);
    world_signal(w, INPUT_BUS_UP);
    for (size_t s = 0; s < INPUT_STREAMS; s++) world_snapshot(w, (input_stream)s);
    world_take_over(w);
}

/* Time passes with the bus up. */
static inline void world_wait(world *w, int64_t ms)
{
    w->wall_ms += ms;
    w->mono_ms += ms;
    world_signal(w, INPUT_CLOCK);
    world_signal(w, INPUT_TICK);
}

/* ---- what fleets send ---- */

static inline ov_buf report_body(const char *agent, const char *tracker, const char *const *versions, size_t count,
                                 const report_remote *remote)
{
    report_version items[16];
    for (size_t i = 0; i < count; i++)
        items[i] = (report_version){.running_version = ov_str_of(versions[i]),
                                    .resource_count = 1,
                                    .resource_kind = OV_STR("Pods"),
                                    .extracted_from = OV_STR("app")};
    report r = {.agent_id = ov_str_of(agent),
                .tags = OV_STR("{\"one\":\"tag\"}"),
                .id = ov_str_of(tracker),
                .ns = OV_STR("opvic"),
                .count = (int64_t)count,
                .versions = items,
                .version_count = count,
                .has_remote = remote != NULL};
    if (remote) r.remote = *remote;
    ov_buf out = OV_BUF(REPORT_BYTES_MAX);
    report_encode(&r, &out);
    return out;
}

static inline uint64_t world_report_by(world *w, const char *agent, const char *tracker, const char *version,
                                       const report_remote *remote, const char *instance, const char *revision)
{
    ov_buf body = report_body(agent, tracker, &version, 1, remote);
    char subject[SUBJECT_MAX];
    subject_report(ov_str_of(agent), ov_str_of(tracker), subject);
    uint64_t seq = world_store(w, INPUT_REPORTS, subject, ov_buf_str(&body), instance, revision);
    ov_buf_clear(&body);
    return seq;
}

static inline uint64_t world_report(world *w, const char *agent, const char *tracker, const char *version,
                                    const report_remote *remote)
{
    return world_report_by(w, agent, tracker, version, remote, "", "");
}

static inline void world_tombstone(world *w, const char *agent, const char *tracker)
{
    char subject[SUBJECT_MAX];
    subject_report(ov_str_of(agent), ov_str_of(tracker), subject);
    world_store(w, INPUT_REPORTS, subject, OV_STR(""), "", "");
}

static inline void world_store_list(world *w, const list *l)
{
    OV_CLEANUP(ov_buf_clear) ov_buf out = OV_BUF(LIST_BYTES_MAX);
    char subject[SUBJECT_MAX];
    list_encode(l, &out);
    subject_list(l->source, l->list, subject);
    world_store(w, INPUT_LISTS, subject, ov_buf_str(&out), "", "");
}

static inline void world_list(world *w, const char *source, const char *name, const char *const *versions, size_t count,
                              bool truncated)
{
    list_version *items = ov_calloc(count + 1, sizeof *items);
    for (size_t i = 0; i < count; i++) items[i].version = items[i].app_version = ov_str_of(versions[i]);
    list l = {.source = ov_str_of(source),
              .list = ov_str_of(name),
              .versions = items,
              .count = count,
              .truncated = truncated};
    world_store_list(w, &l);
    free(items);
}

/* next_try_s: Unix seconds; 0: the usual interval. */
static inline void world_look_until(world *w, const char *source, lookup_outcome outcome, lookup_failure failure,
                                    int64_t next_try_s)
{
    lookup_list lists[1] = {{.list = OV_STR(""), .digest = OV_STR("00000000000000000000000000000000"), .count = 1}};
    lookup l = {.source = ov_str_of(source),
                .provider = OV_STR("github"),
                .strategy = OV_STR("releases"),
                .repo = OV_STR("acme/app"),
                .outcome = outcome,
                .failure = failure,
                .message = ov_str_of(failure ? "HTTP 500" : ""),
                .next_try_s = next_try_s,
                .failures = failure ? 1 : 0,
                .lists = lists,
                .list_count = failure ? 0 : 1,
                .looked_at_s = w->wall_ms / 1000,
                .complete_at_s = failure ? 0 : w->wall_ms / 1000,
                .budget_remaining = -1};
    ov_buf out = OV_BUF(1 << 20);
    lookup_encode(&l, &out);
    char subject[SUBJECT_MAX];
    subject_lookup(l.source, subject);
    world_store(w, INPUT_LISTS, subject, ov_buf_str(&out), "", "");
    ov_buf_clear(&out);
}

static inline void world_look(world *w, const char *source, lookup_outcome outcome, lookup_failure failure)
{
    world_look_until(w, source, outcome, failure, 0);
}

/* ---- what stands in state ---- */

static inline ov_str world_doc(const world *w, const char *key)
{
    const stream *st = &w->in[INPUT_STATE];
    for (size_t i = st->count; i-- > 0;)
        if (!st->items[i].dead && strcmp(st->items[i].subject, key) == 0)
            return (ov_str){st->items[i].data, st->items[i].len};
    return (ov_str){0};
}

/* "<state> <latest>", "gone", or "" when there is none. */
static inline const char *world_entry(const world *w, const char *agent, const char *tracker)
{
    static char text[256];
    char key[SUBJECT_MAX];
    key_entry(ov_str_of(agent), ov_str_of(tracker), key);
    ov_str body = world_doc(w, key);
    entry_doc d = {0};
    ov_err err = {0};
    text[0] = '\0';
    if (!body.len || entry_doc_decode(body, &d, &err) != OV_OK) return text;
    if (d.gone_at)
        snprintf(text, sizeof text, "gone");
    else
        snprintf(text, sizeof text, "%s %.*s", state_value_name(d.state), OV_STR_ARG(d.latest));
    entry_doc_clear(&d);
    return text;
}

/* How many events of that type (NULL: any) and agent (NULL: any) were told whose bodies hold part. */
static inline size_t world_events(const world *w, const char *type, const char *agent, const char *part)
{
    size_t n = 0;
    for (size_t i = 0; i < w->event_count; i++) {
        const told *t = &w->events[i];
        if (type && strcmp(t->type, type) != 0) continue;
        if (agent && strcmp(t->agent, agent) != 0) continue;
        if (part && !strstr(t->body, part)) continue;
        n++;
    }
    return n;
}

static const report_remote acme = {.provider = {"github", 6}, .strategy = {"releases", 8}, .repo = {"acme/app", 8}};
static const char acme_source[] = "github/releases/acme/app";

#endif
