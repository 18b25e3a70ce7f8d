/* Applies inputs: carries the time on, finds whom a message concerns, lets plans and expiry follow. */
#include "services/aggregator/aggregate.h"

#include <stdlib.h>

#include "base/mem.h"
#include "services/aggregator/core.h"
#include "base/poison.h"

enum {
    WHEEL_STEPS = 512,   /* of an expiration */
    DAY_STEP_MS = 60000, /* how late a day may come; what lies ahead is passed over every seventeen hours */
    PLAN_STEP_MS = 100,
    JOIN_MAX = 64 * 1024 * 1024,
    DOCUMENT_MAX = 64 * 1024 * 1024,
    JOIN_PENDING_MAX = 256 * 1024 * 1024
};

const char *input_stream_name(input_stream s)
{
    static const char *const names[] = {
        [INPUT_STATE] = STREAM_STATE, [INPUT_REPORTS] = STREAM_REPORTS, [INPUT_LISTS] = STREAM_LISTS};
    return names[s];
}

aggregate *aggregate_new(const aggregate_options *o)
{
    aggregate *a = ov_zalloc(sizeof *a);
    a->options = *o;
    a->l.texts = intern_new();
    int64_t step_ms = o->expiration_ms / WHEEL_STEPS;
    a->entry_wheel = wheel_new(step_ms > 0 ? step_ms : 1);
    a->agent_wheel = wheel_new(step_ms > 0 ? step_ms : 1);
    a->plan_wheel = wheel_new(PLAN_STEP_MS);
    a->day_wheel = wheel_new(DAY_STEP_MS);
    a->list_joiner = parts_joiner_new(JOIN_MAX, JOIN_PENDING_MAX);
    a->state_joiner = parts_joiner_new(JOIN_MAX, JOIN_PENDING_MAX);
    a->body = OV_BUF(DOCUMENT_MAX);
    a->events = OV_BUF(DOCUMENT_MAX);
    a->streams_doc.kind = DOC_STREAMS;
    for (size_t i = 0; i < STATE_LIVE_SHARDS; i++) a->shards[i].d.kind = DOC_LIVE;
    return a;
}

static void free_agents(aggregate *a)
{
    size_t at = 0;
    ov_str token;
    void *each;
    while (ov_map_next(&a->agents, &at, &token, &each)) {
        agent *ag = each;
        size_t inner = 0;
        void *e;
        while (ov_map_next(&ag->entries, &inner, &token, &e)) {
            binding_clear(a, e);
            ((entry *)e)->d.queued = false;
            entry_free(&a->pool, e, a->l.texts);
        }
        agent_free(ag, a->l.texts);
    }
    ov_map_clear(&a->agents);
}

static void free_rules(aggregate *a)
{
    size_t at = 0;
    ov_str key;
    void *each;
    while (ov_map_next(&a->verdicts, &at, &key, &each)) verdict_free(each, a->l.texts);
    at = 0;
    while (ov_map_next(&a->rules, &at, &key, &each)) rule_free(each, a->l.texts);
    at = 0;
    while (ov_map_next(&a->upstreams, &at, &key, &each)) upstream_free(each);
    ov_map_clear(&a->verdicts);
    ov_map_clear(&a->rules);
    ov_map_clear(&a->upstreams);
}

static void free_queues(aggregate *a)
{
    effect e;
    while (aggregate_next_effect(a, &e)) effect_clear(&e);
    free(a->effects);
    for (size_t i = 0; i < a->dead_count; i++) effect_clear(&a->dead[i]);
    free(a->dead);
    baseline_outboxes_clear(a);
    free(a->outboxes);
    ov_buf_clear(&a->body);
    ov_buf_clear(&a->events);
    ov_map_clear(&a->recalled);
}

void aggregate_free(aggregate *a)
{
    if (!a) return;
    a->l.dirty = (doc_queue){0}; /* what is queued goes before what follows it */
    free_agents(a);
    free_rules(a);
    free_queues(a);
    for (size_t i = 0; i < STATE_LIVE_SHARDS; i++) free(a->shards[i].agents);
    entry_pool_clear(&a->pool);
    wheel_free(a->entry_wheel);
    wheel_free(a->agent_wheel);
    wheel_free(a->plan_wheel);
    wheel_free(a->day_wheel);
    parts_joiner_free(a->list_joiner);
    parts_joiner_free(a->state_joiner);
    intern_free(a->l.texts);
    free(a);
}

bool aggregate_is_replay(const aggregate *a, const input *in)
{
    return in->seq <= a->in[in->stream].replay_until;
}

int64_t aggregate_arrival_ms(const aggregate *a, const input *in)
{
    if (aggregate_is_replay(a, in)) return 0;
    return a->clock_runs ? a->l.clock_ms : in->stored_at.ms;
}

bool aggregate_all_ready(const aggregate *a)
{
    for (size_t i = 0; i < INPUT_STREAMS; i++)
        if (!a->in[i].ready) return false;
    return true;
}

/* Only time with the bus counts, but for the calendar. */
static void carry_time(aggregate *a, ov_mono now)
{
    int64_t passed = ov_mono_since(now, a->now);
    if (a->bus_up && a->clock_runs && passed > 0) a->l.clock_ms += passed;
    if (a->l.calendar_ms && passed > 0) a->l.calendar_ms += passed;
    a->now = now;
}

static void take_report_stream(aggregate *a, const input *in)
{
    subject_parsed s;
    subject_parse(in->subject, &s);
    if (s.kind == SUBJECT_REPORT) {
        merge_report(a, in, &s);
    } else if (s.kind == SUBJECT_HEARTBEAT && in->data.len) {
        judge_heartbeat(a, in, &s);
    } else if (s.kind == SUBJECT_INVENTORY && in->data.len) {
        judge_inventory(a, in, &s);
    } else if (in->data.len) {
        ov_err err = {0};
        (void)ov_fail(&err, OV_INVALID, "subject: expected a report, a heartbeat or an inventory");
        effects_undecodable(a, in, &err);
    }
}

static void newest(int64_t *at, int64_t candidate)
{
    if (candidate > *at) *at = candidate;
}

static void take_message(aggregate *a, const input *in)
{
    newest(&a->newest_ms, in->stored_at.ms);
    newest(&a->l.calendar_ms, in->stored_at.ms);
    a->l.cause_ms = in->stored_at.ms;
    if (in->stream == INPUT_REPORTS) {
        newest(&a->newest_report_ms, in->stored_at.ms);
        take_report_stream(a, in);
    } else if (in->stream == INPUT_LISTS) {
        newest(&a->newest_list_ms, in->stored_at.ms);
        lists_message(a, in);
    } else {
        baseline_message(a, in);
    }
    if (in->seq > a->in[in->stream].last_seq) a->in[in->stream].last_seq = in->seq;
}

static void take_refresh(aggregate *a, const input *in)
{
    subject_parsed s;
    subject_parse(in->subject, &s);
    upstream *u = s.kind == SUBJECT_ASK_REFRESH_ONE ? ov_map_get(&a->upstreams, s.token[0]) : NULL;
    if (!u) return;
    u->refresh = true;
    plan_consider(a, u);
}

static void tick(aggregate *a)
{
    if (!a->l.settled || !aggregate_all_ready(a)) return;
    a->l.cause_ms = a->newest_ms;
    expiry_run(a);
    lists_refresh_stale(a);
    ending_run(a);
    collect_compare(a);
}

static void lead(aggregate *a, bool leading, int64_t epoch)
{
    a->leading = leading;
    a->epoch = epoch;
    if (!leading) {
        collect_let_go(a);
        return;
    }
    effects_flush_dead(a);
    plan_consider_all(a);
    ledger_mark(&a->l, &a->streams_doc);
}

void aggregate_apply(aggregate *a, const input *in, ov_mono now)
{
    carry_time(a, now);
    switch (in->kind) {
    case INPUT_MESSAGE:
        take_message(a, in);
        break;
    case INPUT_SNAPSHOT:
        snapshot_begin(a, in);
        break;
    case INPUT_READY:
        snapshot_ready(a, in);
        break;
    case INPUT_REFRESH:
        take_refresh(a, in);
        break;
    case INPUT_TICK:
        tick(a);
        break;
    case INPUT_CLOCK:
        break;
    case INPUT_BUS_UP:
    case INPUT_BUS_DOWN:
        a->bus_up = in->kind == INPUT_BUS_UP;
        break;
    case INPUT_LEAD:
    case INPUT_FOLLOW:
        lead(a, in->kind == INPUT_LEAD, (int64_t)in->seq);
        break;
    }
    if (a->plan_first || in->kind == INPUT_CLOCK) plan_run(a);
}

const aggregate_counters *aggregate_figures(const aggregate *a)
{
    return &a->counters;
}

/* Those that some tracker asks for. */
static size_t count_sources(const aggregate *a)
{
    size_t at = 0, n = 0;
    ov_str token;
    void *u;
    while (ov_map_next(&a->upstreams, &at, &token, &u)) n += ((const upstream *)u)->rule_count > 0;
    return n;
}

void aggregate_measure(const aggregate *a, aggregate_sizes *ret)
{
    *ret = (aggregate_sizes){.agents = a->agents.count,
                             .entries = a->pool.live - a->gone,
                             .gone = a->gone,
                             .rules = a->rules.count,
                             .verdicts = a->verdicts.count,
                             .sources = count_sources(a),
                             .dirty = a->l.dirty.count + a->held,
                             .outboxes = a->outbox_count};
}

bool aggregate_is_settled(const aggregate *a)
{
    return a->l.settled;
}

bool aggregate_is_ready(const aggregate *a, input_stream s)
{
    return a->in[s].ready;
}

int64_t aggregate_newest_ms(const aggregate *a)
{
    return a->newest_ms;
}

uint64_t aggregate_position(const aggregate *a, input_stream s)
{
    return a->in[s].last_seq;
}
