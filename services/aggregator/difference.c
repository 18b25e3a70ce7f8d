/* Events are differences: what the stored copy of a document says against what it will say now. */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "crypto/hash.h"
#include "proto/end_of_life.h"
#include "proto/event.h"
#include "proto/members.h"
#include "services/aggregator/core.h"
#include "base/poison.h"

enum {
    RUNNING_BYTES_MAX = 8192, /* of the running versions in an event; longer lists are cut, and say so */
    DATA_BYTES_MAX = 64 * 1024
};

#define MEMBER_CHANGE "change"
#define MEMBER_PREVIOUS "previous"
#define MEMBER_RUNNING "running"

/* The outbox of one document in the making. */
typedef struct {
    ov_buf *out;
    unsigned count;
    char key[SUBJECT_MAX], before[32], after[64];
    int64_t time_ms;
} outbox;

/* What the document is made from now: with the stored copy's sequence it names the difference. */
static void name_cause(const doc *d, ov_str body, char out[64])
{
    const entry *e = (const entry *)d;
    if (d->kind == DOC_ENTRY && !e->gone) {
        ov_hex(e->digest, sizeof e->digest, out);
        return;
    }
    unsigned char hash[OV_SHA256_BYTES];
    ov_sha256(body, hash);
    ov_hex(hash, 16, out);
}

static void outbox_begin(outbox *o, const aggregate *a, const doc *d, ov_str body, ov_buf *out)
{
    *o = (outbox){.out = out, .time_ms = d->cause_ms};
    document_key(a, d, o->key);
    /* What comes again after its document went is another event: the input that caused it tells them apart. */
    if (d->exists)
        snprintf(o->before, sizeof o->before, "%llu", (unsigned long long)d->seq);
    else
        snprintf(o->before, sizeof o->before, "0@%lld", (long long)d->cause_ms);
    name_cause(d, body, o->after);
}

static void outbox_add(outbox *o, event_type type, const char *agent_id, const char *tracker, const ov_buf *data)
{
    char id[33];
    event_id(ov_str_of(o->key), ov_str_of(o->before), ov_str_of(o->after), o->count, id);
    event e = {.type = type,
               .agent = ov_str_of(agent_id),
               .tracker = ov_str_of(tracker),
               .data = ov_buf_str(data),
               .time = {o->time_ms},
               .id = id};
    ov_buf_append_char(o->out, o->count++ ? ',' : '[');
    event_encode(&e, o->out);
}

static void outbox_end(outbox *o)
{
    if (o->count) ov_buf_append_char(o->out, ']');
}

/* ---- entries ---- */

/* The sorted distinct texts of an array of strings. */
typedef struct {
    ov_str *items;
    size_t count;
    ov_json_arena arena;
} text_set;

static int by_text(const void *left, const void *right)
{
    return ov_str_cmp(*(const ov_str *)left, *(const ov_str *)right);
}

static void text_set_clear(text_set *s)
{
    free(s->items);
    ov_json_arena_clear(&s->arena);
    *s = (text_set){0};
}

static void text_set_of(ov_str array, text_set *ret)
{
    if (strings_decode(array, REPORT_VERSIONS_MAX, &ret->items, &ret->count, &ret->arena, "uniqVersions", NULL) !=
        OV_OK)
        return;
    if (!ret->count) return;
    qsort(ret->items, ret->count, sizeof *ret->items, by_text);
    size_t kept = 0;
    for (size_t i = 0; i < ret->count; i++)
        if (!kept || !ov_str_eq(ret->items[kept - 1], ret->items[i])) ret->items[kept++] = ret->items[i];
    ret->count = kept;
}

static bool text_set_eq(const text_set *a, const text_set *b)
{
    if (a->count != b->count) return false;
    for (size_t i = 0; i < a->count; i++)
        if (!ov_str_eq(a->items[i], b->items[i])) return false;
    return true;
}

/* Copies what lives in another buffer. */
static void text_set_keep(text_set *s)
{
    for (size_t i = 0; i < s->count; i++) s->items[i] = ov_json_arena_copy(&s->arena, s->items[i]);
}

/* The running versions of a raw version member; views into it where it was decoded before. */
static void running_of(const blob *version, text_set *ret)
{
    *ret = (text_set){0};
    if (!version) return;
    if (version->uniq_len) {
        text_set_of((ov_str){version->bytes + version->uniq_at, version->uniq_len}, ret);
        return;
    }
    OV_CLEANUP(ov_buf_clear) ov_buf buf = OV_BUF(REPORT_BYTES_MAX + 1024);
    OV_CLEANUP(report_clear) report r = {0};
    if (binding_decode(blob_str(version), &buf, &r, NULL) != OV_OK) return;
    text_set_of(r.uniq_versions, ret);
    text_set_keep(ret);
}

/* False when it was cut. */
static bool write_set(ov_json_writer *w, const char *name, const text_set *s)
{
    size_t from = w->out->len, i = 0;
    ov_json_open_array(w, name);
    for (; i < s->count && w->out->len - from < RUNNING_BYTES_MAX; i++) ov_json_write_str(w, NULL, s->items[i]);
    ov_json_close_array(w);
    return i == s->count;
}

/* Whoever compares the lists must know that they are not whole. */
static void write_truncated(ov_json_writer *w, bool whole)
{
    if (!whole) ov_json_write_bool(w, MEMBER_TRUNCATED, true);
}

static void add_running(outbox *o, const entry *e, const char *change, const text_set *before, const text_set *now)
{
    OV_CLEANUP(ov_buf_clear) ov_buf data = OV_BUF(DATA_BYTES_MAX);
    ov_json_writer w = ov_json_writer_on(&data);
    ov_json_open_object(&w, NULL);
    ov_json_write_c(&w, MEMBER_CHANGE, change);
    bool whole = write_set(&w, MEMBER_PREVIOUS, before);
    whole &= write_set(&w, MEMBER_RUNNING, now);
    write_truncated(&w, whole);
    ov_json_close_object(&w);
    outbox_add(o, EVENT_RUNNING, e->agent->id, e->id, &data);
}

static void add_state(outbox *o, const aggregate *a, const entry *e, const entry_view *v, const text_set *now)
{
    OV_CLEANUP(ov_buf_clear) ov_buf data = OV_BUF(DATA_BYTES_MAX);
    ov_json_writer w = ov_json_writer_on(&data);
    ov_json_open_object(&w, NULL);
    ov_json_open_object(&w, MEMBER_PREVIOUS);
    ov_json_write_c(&w, MEMBER_STATE, state_value_name((state_value)e->stored_state));
    ov_json_write_str(&w, MEMBER_LATEST_VERSION, intern_text(a->l.texts, e->stored_latest));
    ov_json_close_object(&w);
    ov_json_write_c(&w, MEMBER_STATE, state_value_name(v->state));
    ov_json_write_str(&w, MEMBER_LATEST_VERSION, v->latest);
    member_write_str(&w, MEMBER_REASON, v->reason);
    write_truncated(&w, write_set(&w, MEMBER_RUNNING, now));
    ov_json_close_object(&w);
    outbox_add(o, EVENT_STATE, e->agent->id, e->id, &data);
}

/* The day came for a version that the stored copy knew to be before its end: what is first known is no news. */
static void add_end(outbox *o, const aggregate *a, const entry *e, const lifespan *s)
{
    OV_CLEANUP(ov_buf_clear) ov_buf data = OV_BUF(DATA_BYTES_MAX);
    OV_CLEANUP(end_of_life_clear) end_of_life end = {0};
    char date[END_OF_LIFE_DATE + 1] = "";
    if (end_of_life_decode(intern_text(a->l.texts, s->said), &end, NULL) != OV_OK) return;
    if (end.date_s) end_of_life_date(end.date_s, date);
    ov_json_writer w = ov_json_writer_on(&data);
    ov_json_open_object(&w, NULL);
    ov_json_write_str(&w, MEMBER_PRODUCT, end.product);
    ov_json_write_str(&w, MEMBER_CYCLE, end.cycle);
    member_write_str(&w, MEMBER_DATE, ov_str_of(date));
    ov_json_write_str(&w, MEMBER_RUNNING_VERSION, ov_str_sub(ov_str_of(s->running), 0, RUNNING_BYTES_MAX));
    ov_json_close_object(&w);
    outbox_add(o, EVENT_END_OF_LIFE, e->agent->id, e->id, &data);
}

static void add_ends(outbox *o, const aggregate *a, const entry *e)
{
    if (!e->stored_living || !e->ends || !e->ends->of) return;
    OV_CLEANUP(ov_map_clear) ov_map living = {0};
    ending_living_set(a, e->stored_living, ov_str_of(e->ends->of->product), &living);
    for (uint32_t i = 0; i < e->ends->count; i++) {
        const lifespan *s = e->ends->ends[i].span;
        if (s->known && s->reached && ov_map_remove(&living, ov_str_of(s->running))) add_end(o, a, e, s);
    }
}

/* While a lost list comes back nothing that its absence caused is news. */
static bool is_calm(const aggregate *a, const entry *e)
{
    return e->rule && e->rule->list->source->quiet_until_ms > a->l.clock_ms;
}

static void difference_entry(outbox *o, const aggregate *a, const entry *e)
{
    bool was = e->d.exists && !e->stored_gone, is = !e->gone;
    if (!was && !is) return;
    OV_CLEANUP(text_set_clear) text_set before = {0};
    OV_CLEANUP(text_set_clear) text_set now = {0};
    running_of(was ? e->stored_report : NULL, &before);
    running_of(is ? e->report : NULL, &now);
    if (was != is) {
        add_running(o, e, is ? "appeared" : "gone", &before, &now);
        return;
    }
    if (e->report != e->stored_report && !text_set_eq(&before, &now)) add_running(o, e, "changed", &before, &now);
    entry_view v;
    entry_look(e, a->l.texts, &v);
    bool moved =
        v.state != (state_value)e->stored_state || !ov_str_eq(v.latest, intern_text(a->l.texts, e->stored_latest));
    if (moved && !is_calm(a, e)) add_state(o, a, e, &v, &now);
    add_ends(o, a, e);
}

/* ---- sources ---- */

typedef struct {
    ov_str rule, latest;
} known_rule;

static const ov_field known_rule_fields[] = {
    {MEMBER_RULE, OV_FIELD_STRING, true, offsetof(known_rule, rule)},
    {MEMBER_LATEST_VERSION, OV_FIELD_STRING, true, offsetof(known_rule, latest)},
};

/* What the stored rules said, by rule. */
typedef struct {
    known_rule *items;
    size_t count;
    ov_json_arena arena;
} known_rules;

static void known_rules_clear(known_rules *k)
{
    free(k->items);
    ov_json_arena_clear(&k->arena);
}

static void known_rules_of(const char *raw, known_rules *ret)
{
    if (items_decode(ov_str_of(raw), known_rule_fields, OV_COUNT(known_rule_fields), sizeof(known_rule), SIZE_MAX / 64,
                     &ret->items, &ret->count, &ret->arena, "rules", NULL) != OV_OK)
        ret->count = 0;
}

static int by_known_rule(const void *key, const void *item)
{
    return ov_str_cmp(*(const ov_str *)key, ((const known_rule *)item)->rule);
}

/* Whether latest is above previous; a release after none, a withdrawal to none. */
static bool is_higher(ov_str latest, ov_str previous)
{
    OV_CLEANUP(ov_version_free_p) ov_version *l = NULL;
    OV_CLEANUP(ov_version_free_p) ov_version *p = NULL;
    if (ov_version_parse(latest, &l, NULL) != OV_OK) return false;
    if (ov_version_parse(previous, &p, NULL) != OV_OK) return true;
    int order = ov_version_compare(l, p);
    return order ? order > 0 : ov_str_cmp(latest, previous) > 0;
}

static void add_latest(outbox *o, const upstream *u, ov_str latest, ov_str previous)
{
    OV_CLEANUP(ov_buf_clear) ov_buf data = OV_BUF(DATA_BYTES_MAX);
    ov_json_writer w = ov_json_writer_on(&data);
    ov_json_open_object(&w, NULL);
    ov_json_write_c(&w, MEMBER_SOURCE, u->key);
    ov_json_write_str(&w, MEMBER_LATEST_VERSION, latest);
    ov_json_write_str(&w, MEMBER_PREVIOUS, previous);
    ov_json_close_object(&w);
    outbox_add(o, is_higher(latest, previous) ? EVENT_RELEASE : EVENT_WITHDRAWN, NULL, NULL, &data);
}

static void add_looks(outbox *o, const upstream *u, bool failing)
{
    OV_CLEANUP(ov_buf_clear) ov_buf data = OV_BUF(DATA_BYTES_MAX);
    ov_json_writer w = ov_json_writer_on(&data);
    ov_json_open_object(&w, NULL);
    ov_json_write_c(&w, MEMBER_SOURCE, u->key);
    ov_json_write_c(&w, MEMBER_CHANGE, failing ? "failing" : "recovered");
    ov_json_write_c(&w, MEMBER_FAILURE, lookup_failure_name(u->last.failure));
    ov_json_write_str(&w, MEMBER_MESSAGE, ov_str_sub(u->last.message, 0, RUNNING_BYTES_MAX));
    ov_json_close_object(&w);
    outbox_add(o, EVENT_SOURCE, NULL, NULL, &data);
}

static void difference_source(outbox *o, const aggregate *a, const upstream *u)
{
    bool failing = upstream_is_failing(u);
    bool looked = u->looked && u->last.outcome != LOOKUP_DEFERRED;
    if (looked && failing != u->stored_failing && u->quiet_until_ms <= a->l.clock_ms) add_looks(o, u, failing);
    if (!u->stored_rules || !u->d.exists) return;
    OV_CLEANUP(known_rules_clear) known_rules before = {0};
    OV_CLEANUP(known_rules_clear) known_rules now = {0};
    OV_CLEANUP(ov_buf_clear) ov_buf raw = OV_BUF(16 * 1024 * 1024);
    document_rules(a, u, &raw);
    ov_buf_append_char(&raw, '\0');
    if (raw.failed) return;
    known_rules_of(u->stored_rules, &before);
    known_rules_of(raw.ptr, &now);
    if (!before.count) return;
    for (size_t i = 0; i < now.count; i++) {
        const known_rule *was = bsearch(&now.items[i].rule, before.items, before.count, sizeof *was, by_known_rule);
        if (was && !ov_str_eq(was->latest, now.items[i].latest)) add_latest(o, u, now.items[i].latest, was->latest);
    }
}

/* ---- agents ---- */

static void difference_agent(outbox *o, const agent *ag)
{
    agent_value now = agent_state(ag);
    const char *change = NULL;
    if (!ag->d.exists)
        change = now == AGENT_EXPIRED ? NULL : "appeared";
    else if (now == ag->stored_state)
        change = NULL;
    else if (now == AGENT_EXPIRED)
        change = "expired";
    else if (now == AGENT_CONFLICT)
        change = "conflict";
    else
        change = ag->stored_state == AGENT_EXPIRED ? "returned" : "resolved";
    if (!change) return;
    OV_CLEANUP(ov_buf_clear) ov_buf data = OV_BUF(DATA_BYTES_MAX);
    ov_json_writer w = ov_json_writer_on(&data);
    ov_json_open_object(&w, NULL);
    ov_json_write_c(&w, MEMBER_CHANGE, change);
    ov_json_close_object(&w);
    outbox_add(o, EVENT_AGENT, ag->id, NULL, &data);
}

void difference_render(const aggregate *a, const doc *d, ov_str body, ov_buf *out)
{
    if (d->quiet || d->kind == DOC_VERDICT || d->kind == DOC_LIVE || d->kind == DOC_STREAMS) return;
    outbox o;
    outbox_begin(&o, a, d, body, out);
    if (d->kind == DOC_ENTRY) difference_entry(&o, a, (const entry *)d);
    if (d->kind == DOC_SOURCE) difference_source(&o, a, (const upstream *)d);
    if (d->kind == DOC_AGENT) difference_agent(&o, (const agent *)d);
    outbox_end(&o);
}
