/* Finds documents that differ from their stored copies, hands them out to be written, and takes in how that went. */
#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "services/aggregator/core.h"
#include "base/poison.h"

enum {
    LOOKS_MAX = 4096, /* documents compared in one go: the owner has other work */
    DOCUMENT_MAX = 64 * 1024 * 1024,
    LIVE_INTERVAL_MS = 5000
};

/* What a stored copy will say. */
typedef struct {
    uint64_t hash;
    blob *report;
    text_id latest, living;
    uint8_t state;
    bool gone;
    char *rules;
    bool failing;
} facts;

static void facts_free(facts *f, intern *texts)
{
    if (!f) return;
    blob_drop(f->report);
    intern_drop(texts, f->latest);
    intern_drop(texts, f->living);
    free(f->rules);
    free(f);
}

static void entry_facts(aggregate *a, const entry *e, facts *f)
{
    f->gone = e->gone;
    if (e->gone) return;
    entry_view v;
    entry_look(e, a->l.texts, &v);
    f->report = blob_share(e->report);
    f->latest = intern_hold(a->l.texts, v.latest);
    f->living = ending_living(a, e);
    f->state = (uint8_t)v.state;
}

static void source_facts(const aggregate *a, const upstream *u, facts *f)
{
    OV_CLEANUP(ov_buf_clear) ov_buf rules = OV_BUF(DOCUMENT_MAX);
    document_rules(a, u, &rules);
    f->rules = ov_buf_take(&rules, NULL);
    bool told = u->looked && u->last.outcome != LOOKUP_DEFERRED;
    f->failing = told ? upstream_is_failing(u) : u->stored_failing;
}

static facts *facts_of(aggregate *a, const doc *d, uint64_t hash)
{
    facts *f = ov_zalloc(sizeof *f);
    f->hash = hash;
    if (d->kind == DOC_ENTRY) entry_facts(a, (const entry *)d, f);
    if (d->kind == DOC_SOURCE) source_facts(a, (const upstream *)d, f);
    if (d->kind == DOC_AGENT) f->state = (uint8_t)agent_state((const agent *)d);
    return f;
}

static void entry_stored(aggregate *a, entry *e, facts *f)
{
    blob_drop(e->stored_report);
    e->stored_report = OV_TAKE(f->report);
    intern_drop(a->l.texts, e->stored_latest);
    e->stored_latest = f->latest;
    intern_drop(a->l.texts, e->stored_living);
    e->stored_living = f->living;
    f->latest = f->living = 0;
    e->stored_state = f->state;
    e->stored_gone = f->gone;
}

static void source_stored(upstream *u, facts *f)
{
    free(u->stored_rules);
    u->stored_rules = OV_TAKE(f->rules);
    u->stored_failing = f->failing;
}

/* The stored copy says this now. */
static void facts_apply(aggregate *a, doc *d, facts *f)
{
    if (d->kind == DOC_ENTRY) entry_stored(a, (entry *)d, f);
    if (d->kind == DOC_SOURCE) source_stored((upstream *)d, f);
    if (d->kind == DOC_AGENT) ((agent *)d)->stored_state = (agent_value)f->state;
    d->hash = f->hash;
}

/* Whether there shall be no such document. */
static bool is_unwanted(const doc *d)
{
    switch ((doc_kind)d->kind) {
    case DOC_ENTRY:
        return ((const entry *)d)->removed;
    case DOC_VERDICT:
        return ((const verdict *)d)->wanted == 0;
    case DOC_SOURCE:
        return ((const upstream *)d)->rule_count == 0;
    case DOC_AGENT:
        return ((const agent *)d)->removed;
    default:
        return false;
    }
}

/* An upstream without rules stays while its look is known: the next job names it. */
static void forget_upstream(aggregate *a, upstream *u)
{
    if (u->looked || u->plan_queued) return;
    size_t at = 0;
    ov_str token;
    void *l;
    while (ov_map_next(&u->lists, &at, &token, &l))
        if (((upstream_list *)l)->present || upstream_list_is_read(l)) return;
    ov_map_remove(&a->upstreams, ov_str_of(u->token));
    upstream_free(u);
}

/* Nobody wants it and nothing is stored: its owner goes. */
static void forget(aggregate *a, doc *d)
{
    assert(!d->queued && !d->in_flight && !d->held);
    switch ((doc_kind)d->kind) {
    case DOC_ENTRY:
        roster_drop_entry(a, (entry *)d);
        break;
    case DOC_VERDICT:
        if (!((verdict *)d)->ref_count) binding_release_verdict(a, (verdict *)d);
        break;
    case DOC_SOURCE:
        forget_upstream(a, (upstream *)d);
        break;
    case DOC_AGENT:
        if (!((agent *)d)->entries.count) roster_drop_agent(a, (agent *)d);
        break;
    default:
        break;
    }
}

static bool can_render(const doc *d)
{
    if (d->kind == DOC_ENTRY) return ((const entry *)d)->gone || ((const entry *)d)->report;
    if (d->kind == DOC_LIVE) return d->exists || ((const live_shard *)d)->count;
    if (d->kind == DOC_SOURCE) return ((const upstream *)d)->key != NULL;
    return true;
}

static void fill(const aggregate *a, doc *d, aggregate_write *w)
{
    char key[SUBJECT_MAX];
    document_key(a, d, key);
    *w = (aggregate_write){.doc = d, .key = ov_dup(ov_str_of(key))};
    d->in_flight = true;
}

/* Puts the outbox behind the object's members. */
static void put_outbox(const ov_buf *events, ov_buf *body)
{
    if (!events->len) return;
    body->len--;
    ov_buf_append_c(body, OUTBOX_BEGIN);
    ov_buf_append_str(body, ov_buf_str(events));
    ov_buf_append_char(body, '}');
}

static void keep(const ov_buf *events, const ov_buf *body, aggregate_write *write)
{
    if (events->len) {
        write->outbox = ov_dup(ov_buf_str(events));
        write->outbox_len = events->len;
    }
    write->body = ov_dup(ov_buf_str(body));
    write->len = body->len;
}

/* The stored copy says the same: what it says is known again, though its report's bytes may be new. */
static void take_equal(aggregate *a, doc *d, uint64_t hash)
{
    facts *same = facts_of(a, d, hash);
    facts_apply(a, d, same);
    facts_free(same, a->l.texts);
    d->cause_ms = 0;
}

/* Told once, until it fits again. */
static void note_size(aggregate *a, doc *d, bool fits)
{
    if (!fits && !d->oversize) {
        a->counters.oversize++;
        document_key(a, d, a->counters.oversize_key);
    }
    d->oversize = !fits;
}

/* Renders and compares; true when it differs. With write NULL nothing is handed out. */
static bool examine_wanted(aggregate *a, doc *d, aggregate_write *write)
{
    ov_buf *body = &a->body;
    ov_buf_reset(body);
    document_render(a, d, body);
    if (body->failed) {
        note_size(a, d, false);
        return false;
    }
    uint64_t hash = ov_str_hash(ov_buf_str(body));
    if (d->exists && d->hash == hash) {
        take_equal(a, d, hash);
        return false;
    }
    if (!write) return true;
    ov_buf_reset(&a->events);
    difference_render(a, d, ov_buf_str(body), &a->events);
    put_outbox(&a->events, body);
    if (a->events.failed || body->failed) {
        note_size(a, d, false);
        return false;
    }
    fill(a, d, write);
    write->facts = facts_of(a, d, hash);
    keep(&a->events, body, write);
    return true;
}

/* True when the document must be written or deleted. */
static bool examine(aggregate *a, doc *d, aggregate_write *write)
{
    if (!is_unwanted(d)) return can_render(d) && examine_wanted(a, d, write);
    if (!d->exists) {
        forget(a, d);
        return false;
    }
    if (write) fill(a, d, write);
    return true;
}

static bool waits(const entry *e)
{
    return (e->rule && e->rule->due) || (e->ends && e->ends->of && e->ends->of->due);
}

/* Its events are not told yet, or what it will show is being worked on. */
static bool must_wait(const doc *d)
{
    if (d->telling) return true;
    if (d->kind == DOC_ENTRY) return waits((const entry *)d);
    if (d->kind == DOC_VERDICT) return ((const verdict *)d)->rule && ((const verdict *)d)->rule->due;
    return d->kind == DOC_SOURCE && ((const upstream *)d)->due_rules > 0;
}

static bool hold_back(aggregate *a, doc *d)
{
    if (!must_wait(d)) return false;
    if (!d->held) a->held++;
    d->held = true;
    return true;
}

void collect_release(aggregate *a, doc *d)
{
    if (!d->held || must_wait(d)) return;
    d->held = false;
    a->held--;
    ledger_mark(&a->l, d);
}

void collect_told(aggregate *a, doc *d)
{
    d->telling = false;
    collect_release(a, d);
}

void collect_let_go(aggregate *a)
{
    snapshot_each_doc(a, collect_told);
}

static size_t collect_live(aggregate *a, aggregate_write *items, size_t max, ov_mono now)
{
    size_t n = 0;
    for (size_t i = 0; i < STATE_LIVE_SHARDS && n < max; i++) {
        live_shard *s = &a->shards[i];
        if (!s->dirty || s->d.in_flight) continue;
        if (s->written_ms && now.ms - s->written_ms < LIVE_INTERVAL_MS) continue;
        s->dirty = false;
        s->written_ms = now.ms;
        n += examine(a, &s->d, &items[n]);
    }
    return n;
}

static bool may_collect(const aggregate *a)
{
    return a->leading && a->l.settled && aggregate_all_ready(a);
}

bool aggregate_has_work(const aggregate *a)
{
    return may_collect(a) && a->l.dirty.count > 0;
}

size_t aggregate_collect(aggregate *a, aggregate_write *items, size_t max, size_t bytes_max, ov_mono now)
{
    if (!may_collect(a)) return 0;
    size_t n = collect_live(a, items, max, now), bytes = 0;
    for (size_t looks = 0; n < max && bytes < bytes_max && looks < LOOKS_MAX; looks++) {
        doc *d = doc_take(&a->l.dirty);
        if (!d) break;
        if (d->in_flight) {
            doc_mark(&a->l.dirty, d, 0);
            continue;
        }
        if (hold_back(a, d) || !examine(a, d, &items[n])) continue;
        bytes += items[n].len + items[n].outbox_len;
        n++;
    }
    return n;
}

/* A standby compares too: what equals the leader's copy need not be looked at when it takes over. */
void collect_compare(aggregate *a)
{
    if (a->leading || !a->l.settled || !aggregate_all_ready(a)) return;
    for (size_t left = a->l.dirty.count < LOOKS_MAX ? a->l.dirty.count : LOOKS_MAX; left; left--) {
        doc *d = doc_take(&a->l.dirty);
        if (!hold_back(a, d) && examine(a, d, NULL)) doc_mark(&a->l.dirty, d, 0);
    }
}

static void item_free(aggregate *a, aggregate_write *w)
{
    facts_free(w->facts, a->l.texts);
    free(w->key);
    free(w->body);
    free(w->outbox);
    *w = (aggregate_write){0};
}

void aggregate_written(aggregate *a, aggregate_write *w, uint64_t seq)
{
    doc *d = w->doc;
    d->in_flight = d->quiet = false;
    d->seq = seq;
    d->mark = a->in[INPUT_STATE].mark;
    d->exists = w->body != NULL;
    d->telling = w->outbox != NULL;
    note_size(a, d, true);
    if (w->facts) facts_apply(a, d, w->facts);
    item_free(a, w);
    if (d->queued || d->held) return;
    d->cause_ms = 0;
    if (!d->exists) ledger_mark(&a->l, d); /* forgotten with the next look, unless it is wanted again */
}

void aggregate_unwritten(aggregate *a, aggregate_write *w)
{
    doc *d = w->doc;
    d->in_flight = false;
    if (d->kind == DOC_LIVE)
        ((live_shard *)d)->dirty = true;
    else
        ledger_mark(&a->l, d);
    item_free(a, w);
}

void aggregate_refused(aggregate *a, aggregate_write *w)
{
    w->doc->in_flight = false;
    note_size(a, w->doc, false);
    item_free(a, w);
}
