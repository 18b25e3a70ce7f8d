/* Streams begin again and end their snapshots: marks, sweeps what was not given, and settles once all were read. */
#include <stdlib.h>

#include "services/aggregator/core.h"
#include "base/poison.h"

static void each_entry(aggregate *a, void (*fn)(aggregate *a, entry *e))
{
    size_t at = 0;
    ov_str token;
    void *each;
    while (ov_map_next(&a->agents, &at, &token, &each)) {
        const agent *ag = each;
        size_t inner = 0;
        void *e;
        while (ov_map_next(&ag->entries, &inner, &token, &e)) fn(a, e);
    }
}

static void each_value(aggregate *a, const ov_map *m, void (*fn)(aggregate *a, doc *d))
{
    size_t at = 0;
    ov_str key;
    void *d;
    while (ov_map_next(m, &at, &key, &d)) fn(a, d);
}

void snapshot_each_doc(aggregate *a, void (*fn)(aggregate *a, doc *d))
{
    size_t at = 0;
    ov_str token;
    void *each;
    while (ov_map_next(&a->agents, &at, &token, &each)) {
        each_value(a, &((agent *)each)->entries, fn);
        fn(a, &((agent *)each)->d);
    }
    each_value(a, &a->verdicts, fn);
    each_value(a, &a->upstreams, fn);
    for (size_t i = 0; i < STATE_LIVE_SHARDS; i++) fn(a, &a->shards[i].d);
    fn(a, &a->streams_doc);
}

static void mark_doc(aggregate *a, doc *d)
{
    if (d->kind == DOC_LIVE)
        ((live_shard *)d)->dirty = true;
    else
        ledger_mark(&a->l, d);
}

/* ---- a stream begins again ---- */

static bool is_lost(const aggregate *a, const input *in)
{
    const input_state *s = &a->in[in->stream];
    if (s->begun) return in->stored_at.ms != s->created_ms || in->seq < s->last_seq;
    int64_t known = a->stored_created[in->stream];
    return (known && known != in->stored_at.ms) || a->stored_inputs[in->stream] > in->seq;
}

static void forget_doc(aggregate *a, doc *d)
{
    d->exists = false;
    d->seq = 0;
    d->quiet = true;
    mark_doc(a, d);
}

void aggregate_state_lost(aggregate *a)
{
    snapshot_each_doc(a, forget_doc);
}

/* Sequences begin again: what was known by them is not. */
static void forget_seq(aggregate *a, entry *e)
{
    (void)a;
    e->seq = 0;
    e->in_stream = false;
    if (e->gone) e->gone_at = 0;
}

static void reports_lost(aggregate *a)
{
    each_entry(a, forget_seq);
    size_t at = 0;
    ov_str token;
    void *each;
    while (ov_map_next(&a->agents, &at, &token, &each)) {
        agent *ag = each;
        ag->instance_seq = ag->tags_seq = ag->expired_at = 0;
    }
}

static void look_lost(upstream *u)
{
    u->look_seq = 0;
    u->job_out = u->fresh_tried = false;
    u->refresh = true;
    u->last.etag = u->last.last_modified = OV_STR("");
}

static void lists_lost(aggregate *a)
{
    size_t at = 0;
    ov_str token;
    void *each;
    while (ov_map_next(&a->upstreams, &at, &token, &each)) {
        upstream *u = each;
        look_lost(u);
        plan_consider(a, u);
        if (!u->looked && u->d.exists) u->quiet_until_ms = INT64_MAX;
    }
}

void snapshot_begin(aggregate *a, const input *in)
{
    input_state *s = &a->in[in->stream];
    s->lost = is_lost(a, in);
    s->replay_until = s->begun && !s->lost ? s->last_seq : 0;
    s->ready = false;
    s->begun = true;
    s->created_ms = in->stored_at.ms;
    s->mark++;
    if (s->lost) s->last_seq = 0;
    if (in->stream == INPUT_STATE) {
        parts_joiner_reset(a->state_joiner);
        baseline_outboxes_clear(a);
        if (s->lost) aggregate_state_lost(a);
    }
    if (in->stream == INPUT_LISTS) parts_joiner_reset(a->list_joiner);
    if (s->lost && in->stream == INPUT_REPORTS) reports_lost(a);
    if (s->lost && in->stream == INPUT_LISTS) lists_lost(a);
    if (in->stream != INPUT_STATE) ledger_mark(&a->l, &a->streams_doc);
}

/* ---- a snapshot was given whole ---- */

static void sweep_doc(aggregate *a, doc *d)
{
    if (!d->exists || d->mark == a->in[INPUT_STATE].mark) return;
    forget_doc(a, d);
}

/* The stream lacks the report: the stored copy stands in for the report until the collector sends it again. */
static void keep_entry(aggregate *a, entry *e)
{
    ov_err err = {0};
    if (e->gone) {
        e->removed = true;
    } else if (!e->report && binding_make_from_stored(a, e, &err) != OV_OK) {
        merge_end(a, e, 1);
        e->removed = true;
    }
    if (e->seen_ms == 0) e->seen_ms = a->l.clock_ms;
    if (!e->gone && !e->node.next) wheel_arm(a->entry_wheel, &e->node, e->seen_ms + a->options.expiration_ms);
    ledger_mark(&a->l, &e->d);
}

static void sweep_entry(aggregate *a, entry *e)
{
    const input_state *s = &a->in[INPUT_REPORTS];
    if (e->mark == s->mark) {
        if (!e->gone && !e->report) keep_entry(a, e); /* only an older instance's report stands there */
        return;
    }
    e->in_stream = false;
    if (s->lost) {
        keep_entry(a, e);
    } else if (e->gone) {
        e->removed = true;
        ledger_mark(&a->l, &e->d);
    } else {
        merge_end(a, e, (int64_t)(e->seq ? e->seq : s->last_seq));
    }
}

static void ask_agents(aggregate *a)
{
    size_t at = 0;
    ov_str token;
    void *each;
    while (ov_map_next(&a->agents, &at, &token, &each)) {
        agent *ag = each;
        if (!ag->seen_ms) ag->seen_ms = a->l.clock_ms;
        judge_ask_all(a, ag);
    }
}

static void sweep_reports(aggregate *a)
{
    each_entry(a, sweep_entry);
    if (a->in[INPUT_REPORTS].lost) ask_agents(a);
}

/* A list that the stream lacks stays as it is known, and is looked up again. */
static void sweep_lists(aggregate *a)
{
    size_t at = 0;
    ov_str token;
    void *each;
    while (ov_map_next(&a->upstreams, &at, &token, &each)) {
        upstream *u = each;
        bool lacks = u->looked && u->mark != a->in[INPUT_LISTS].mark;
        size_t inner = 0;
        void *l;
        while (ov_map_next(&u->lists, &inner, &token, &l))
            lacks |= ((upstream_list *)l)->present && ((upstream_list *)l)->mark != a->in[INPUT_LISTS].mark;
        if (!lacks) continue;
        look_lost(u);
        plan_consider(a, u);
    }
}

static void start_clock(aggregate *a)
{
    if (a->clock_runs) return;
    a->clock_runs = true;
    int64_t start = a->newest_report_ms;
    if (!start) start = a->newest_list_ms;
    a->l.clock_ms = start ? start : a->newest_ms;
}

/* Looks may be younger than the newest report; on the time line nothing comes from the future. */
static void clamp_look(aggregate *a, upstream *u)
{
    if (u->looked_ms <= a->l.clock_ms) return;
    u->complete_ms -= u->looked_ms - a->l.clock_ms;
    u->looked_ms = a->l.clock_ms;
}

static void settle_upstreams(aggregate *a)
{
    size_t at = 0;
    ov_str token;
    void *each;
    while (ov_map_next(&a->upstreams, &at, &token, &each)) {
        upstream *u = each;
        clamp_look(a, u);
        u->stale = upstream_is_stale(u, a->l.clock_ms, a->options.source_interval_ms);
        size_t inner = 0;
        void *l;
        while (ov_map_next(&u->lists, &inner, &token, &l)) binding_refresh_list(a, l, true);
        plan_consider(a, u);
    }
}

static void arm_gone(aggregate *a, entry *e)
{
    if (e->gone && !e->removed) wheel_arm(a->entry_wheel, &e->node, a->l.clock_ms + a->options.retention_ms);
}

static void settle_agents(aggregate *a)
{
    size_t at = 0;
    ov_str token;
    void *each;
    while (ov_map_next(&a->agents, &at, &token, &each)) {
        agent *ag = each;
        if (ag->conflict && !ag->older_seen_ms) ag->older_seen_ms = a->l.clock_ms;
        if (!ag->node.next) wheel_arm(a->agent_wheel, &ag->node, ag->seen_ms + a->options.expiration_ms);
    }
}

static void settle(aggregate *a)
{
    a->l.settled = true;
    sweep_doc(a, &a->streams_doc);
    snapshot_each_doc(a, sweep_doc);
    sweep_reports(a);
    settle_upstreams(a);
    settle_agents(a);
    each_entry(a, arm_gone);
    ov_map_clear(&a->recalled);
    snapshot_each_doc(a, mark_doc);
}

void snapshot_ready(aggregate *a, const input *in)
{
    input_state *s = &a->in[in->stream];
    s->ready = true;
    if (in->seq > s->last_seq) s->last_seq = in->seq;
    if (in->stream == INPUT_REPORTS) start_clock(a);
    if (!a->l.settled) {
        if (aggregate_all_ready(a)) settle(a);
        return;
    }
    if (in->stream == INPUT_STATE) snapshot_each_doc(a, sweep_doc);
    if (in->stream == INPUT_REPORTS) sweep_reports(a);
    if (in->stream == INPUT_LISTS) sweep_lists(a);
}
