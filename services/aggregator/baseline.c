/* Takes in stored documents: the baseline that computed ones are compared with, and the events that may not be
 * published yet. */
#include <stdlib.h>

#include "base/mem.h"
#include "proto/members.h"
#include "services/aggregator/core.h"
#include "base/poison.h"

/* The hash by which a document is compared with its stored copy. */
static uint64_t hash_of(aggregate *a, ov_str body, ov_str outbox)
{
    size_t begin = sizeof OUTBOX_BEGIN - 1;
    if (!outbox.len || (size_t)(outbox.ptr - body.ptr) < begin) return ov_str_hash(body);
    const char *end = outbox.ptr + outbox.len;
    ov_buf_reset(&a->body);
    ov_buf_append(&a->body, body.ptr, (size_t)(outbox.ptr - body.ptr) - begin);
    ov_buf_append(&a->body, end, body.len - (size_t)(end - body.ptr));
    return ov_str_hash(ov_buf_str(&a->body));
}

/* ---- outboxes ---- */

static bool is_published(const aggregate *a, uint64_t seq)
{
    return seq < a->published_seq;
}

static void keep_outbox(aggregate *a, const input *in, ov_str key, ov_str outbox)
{
    if (!outbox.len || is_published(a, in->seq)) return;
    ov_grow(&a->outboxes, &a->outbox_cap, a->outbox_count + 1, sizeof *a->outboxes);
    a->outboxes[a->outbox_count++] = (aggregate_outbox){
        .seq = in->seq, .stored_ms = in->stored_at.ms, .key = ov_dup(key), .outbox = ov_dup(outbox), .len = outbox.len};
}

static void outbox_clear(aggregate_outbox *o)
{
    free(o->key);
    free(o->outbox);
}

void baseline_outboxes_clear(aggregate *a)
{
    for (size_t i = 0; i < a->outbox_count; i++) outbox_clear(&a->outboxes[i]);
    a->outbox_count = 0;
}

void aggregate_published(aggregate *a, uint64_t seq)
{
    a->published_seq = seq;
    size_t kept = 0;
    for (size_t i = 0; i < a->outbox_count; i++) {
        if (is_published(a, a->outboxes[i].seq))
            outbox_clear(&a->outboxes[i]);
        else
            a->outboxes[kept++] = a->outboxes[i];
    }
    a->outbox_count = kept;
}

const aggregate_outbox *aggregate_outboxes(const aggregate *a, size_t *ret_count)
{
    *ret_count = a->outbox_count;
    return a->outboxes;
}

/* ---- documents ---- */

/* "<reports>,<lists>" */
static void note_inputs(aggregate *a, const input *in, uint64_t *ret_reports)
{
    uint64_t lists = 0;
    ov_str rest = in->inputs, part;
    *ret_reports = 0;
    if (!ov_str_split(&rest, ',', &part) || !ov_str_to_u64(part, ret_reports)) return;
    if (!ov_str_to_u64(rest, &lists)) return;
    if (*ret_reports > a->stored_inputs[INPUT_REPORTS]) a->stored_inputs[INPUT_REPORTS] = *ret_reports;
    if (lists > a->stored_inputs[INPUT_LISTS]) a->stored_inputs[INPUT_LISTS] = lists;
}

static void note_stored(aggregate *a, doc *d, const input *in, uint64_t hash)
{
    d->exists = true;
    d->quiet = false;
    d->seq = in->seq;
    d->hash = hash;
    d->mark = a->in[INPUT_STATE].mark;
    ledger_mark(&a->l, d);
}

static void entry_is_gone(aggregate *a, entry *e, int64_t gone_at)
{
    e->stored_gone = true;
    if (e->in_stream && e->seq > (uint64_t)gone_at) return; /* a later report undoes it */
    if (!e->gone) merge_end(a, e, gone_at);
    if (gone_at > e->gone_at) e->gone_at = gone_at;
}

static void entry_is_stored(aggregate *a, entry *e, const entry_doc *d)
{
    e->stored_gone = false;
    bool same = e->report && ov_str_eq(blob_str(e->report), d->report);
    blob_drop(e->stored_report);
    e->stored_report = same ? blob_share(e->report) : blob_new(d->report, OV_STR(""));
    intern_set(a->l.texts, &e->stored_latest, d->latest);
    intern_drop(a->l.texts, e->stored_living);
    e->stored_living = ending_recall(a, d);
    e->stored_state = (uint8_t)d->state;
}

static ov_status take_entry(aggregate *a, const input *in, const subject_parsed *s, ov_str body, ov_err *err)
{
    OV_CLEANUP(entry_doc_clear) entry_doc d = {0};
    ov_status st = entry_doc_decode(body, &d, err);
    if (st == OV_OK && (!subject_token_is(s->token[0], d.agent_id) || !subject_token_is(s->token[1], d.id)))
        st = ov_fail(err, OV_INVALID, "entry: not the key's");
    if (st != OV_OK) return st;
    agent *ag = roster_agent(a, s->token[0], d.agent_id);
    entry *e = roster_entry(a, ag, s->token[1], d.id);
    note_stored(a, &e->d, in, hash_of(a, body, d.outbox));
    if (d.gone_at)
        entry_is_gone(a, e, d.gone_at);
    else
        entry_is_stored(a, e, &d);
    keep_outbox(a, in, s->manifest, d.outbox);
    return OV_OK;
}

static ov_status take_verdict(aggregate *a, const input *in, const subject_parsed *s, ov_str body, ov_err *err)
{
    OV_CLEANUP(verdict_doc_clear) verdict_doc d = {0};
    ov_status st = verdict_doc_decode(body, &d, err);
    if (st == OV_OK && (!subject_token_is(s->token[0], d.id) || d.id.len != 32))
        st = ov_fail(err, OV_INVALID, "verdict: id: not the key's");
    if (st != OV_OK) return st;
    verdict *v = ov_map_get(&a->verdicts, d.id);
    if (!v) {
        v = verdict_new(d.id);
        ov_map_put(&a->verdicts, d.id, v);
    }
    note_stored(a, &v->d, in, hash_of(a, body, d.outbox));
    keep_outbox(a, in, s->manifest, d.outbox);
    return OV_OK;
}

static ov_status take_source(aggregate *a, const input *in, const subject_parsed *s, ov_str body, ov_err *err)
{
    OV_CLEANUP(source_doc_clear) source_doc d = {0};
    ov_status st = source_doc_decode(body, &d, err);
    if (st == OV_OK && !subject_token_is(s->token[0], d.source)) st = ov_fail(err, OV_INVALID, "source: not the key's");
    if (st != OV_OK) return st;
    upstream *u = plan_upstream(a, s->token[0]);
    upstream_name(u, d.source, d.provider, d.strategy, d.repo);
    note_stored(a, &u->d, in, hash_of(a, body, d.outbox));
    free(u->stored_rules);
    u->stored_rules = d.rules.len ? ov_dup(d.rules) : NULL;
    u->stored_failing = ov_str_eq(d.outcome, ov_str_of(lookup_outcome_name(LOOKUP_FAILED)));
    keep_outbox(a, in, s->manifest, d.outbox);
    return OV_OK;
}

static void take_wanted(agent *ag, ov_str array)
{
    OV_CLEANUP(ov_json_arena_clear) ov_json_arena arena = {0};
    OV_CLEANUP(ov_free_p) ov_str *ids = NULL;
    size_t count = 0;
    if (strings_decode(array, INVENTORY_ITEMS_MAX, &ids, &count, &arena, "wanted", NULL) != OV_OK) return;
    for (size_t i = 0; i < count; i++) agent_want(ag, ids[i]);
}

static void take_older(aggregate *a, agent *ag, ov_str array)
{
    OV_CLEANUP(ov_json_arena_clear) ov_json_arena arena = {0};
    OV_CLEANUP(ov_free_p) ov_str *names = NULL;
    size_t count = 0;
    if (strings_decode(array, STATE_OLDER_MAX, &names, &count, &arena, "older", NULL) != OV_OK) return;
    for (size_t i = 0; i < count; i++) agent_know_older(ag, names[i], a->l.texts);
}

/* What no message of the report stream has said yet. */
static void agent_recall(aggregate *a, agent *ag, const agent_doc *d, const input *in, uint64_t inputs)
{
    roster_tags(a, ag, d->tags, ag->tags_seq);
    if (d->instance.len && d->instance.len <= INSTANCE_MAX) {
        memcpy(ag->instance, d->instance.ptr, d->instance.len);
        ag->instance[d->instance.len] = '\0';
        ag->instance_seq = d->instance_seq ? (uint64_t)d->instance_seq : inputs;
        ag->instance_ms = in->stored_at.ms;
    }
    take_older(a, ag, d->older);
    ag->conflict = d->state == AGENT_CONFLICT;
    ag->expired = d->state == AGENT_EXPIRED;
    ag->expired_at = ag->expired ? inputs : 0;
    ag->inventory_wanted = d->inventory_wanted;
    take_wanted(ag, d->wanted);
}

static ov_status take_agent(aggregate *a, const input *in, const subject_parsed *s, ov_str body, ov_err *err)
{
    OV_CLEANUP(agent_doc_clear) agent_doc d = {0};
    ov_status st = agent_doc_decode(body, &d, err);
    if (st == OV_OK && !subject_token_is(s->token[0], d.agent_id))
        st = ov_fail(err, OV_INVALID, "agent: agentId: not the key's");
    if (st != OV_OK) return st;
    uint64_t inputs;
    note_inputs(a, in, &inputs);
    agent *ag = roster_agent(a, s->token[0], d.agent_id);
    note_stored(a, &ag->d, in, hash_of(a, body, d.outbox));
    if (d.first_seen_s && (!ag->first_seen_s || d.first_seen_s < ag->first_seen_s)) ag->first_seen_s = d.first_seen_s;
    if (!ag->seen_ms) agent_recall(a, ag, &d, in, inputs);
    if (d.state == AGENT_EXPIRED && a->in[INPUT_REPORTS].last_seq <= inputs) {
        ag->expired = true;
        ag->expired_at = inputs;
    }
    ag->stored_state = d.state;
    keep_outbox(a, in, s->manifest, d.outbox);
    return OV_OK;
}

static ov_status recall_heartbeat(void *arg, ov_str id, int64_t last_s, ov_err *err)
{
    (void)err;
    aggregate *a = arg;
    char token[SUBJECT_TOKEN_MAX + 1];
    subject_escape(id, token);
    agent *ag = ov_map_get(&a->agents, ov_str_of(token));
    if (!ag && !a->l.settled && last_s > 0) ov_map_put(&a->recalled, id, (void *)(uintptr_t)last_s);
    if (ag && last_s > ag->heartbeat_s) ag->heartbeat_s = last_s;
    return OV_OK;
}

static ov_status take_live(aggregate *a, const input *in, const subject_parsed *s, ov_str body, ov_err *err)
{
    uint64_t shard = 0;
    if (!ov_str_to_u64(s->token[0], &shard) || shard >= STATE_LIVE_SHARDS)
        return ov_fail(err, OV_INVALID, "live: no such shard");
    ov_status st = live_doc_decode(body, recall_heartbeat, a, err);
    if (st != OV_OK) return st;
    doc *d = &a->shards[shard].d;
    d->exists = true;
    d->seq = in->seq;
    d->hash = ov_str_hash(body);
    d->mark = a->in[INPUT_STATE].mark;
    a->shards[shard].dirty = true;
    return OV_OK;
}

typedef struct {
    int64_t schema, reports, lists;
} streams_wire;

static const ov_field streams_fields[] = {
    {MEMBER_SCHEMA, OV_FIELD_I64, true, offsetof(streams_wire, schema)},
    {STREAMS_REPORTS, OV_FIELD_I64, false, offsetof(streams_wire, reports)},
    {STREAMS_LISTS, OV_FIELD_I64, false, offsetof(streams_wire, lists)},
};

static ov_status take_meta(aggregate *a, const input *in, const subject_parsed *s, ov_str body, ov_err *err)
{
    if (!subject_token_is(s->token[0], OV_STR("streams"))) return OV_OK;
    OV_CLEANUP(ov_json_arena_clear) ov_json_arena arena = {0};
    streams_wire w = {0};
    ov_status st = ov_json_fields_of(body, streams_fields, OV_COUNT(streams_fields), &w, &arena, "streams: ", err);
    if (st != OV_OK) return st;
    a->stored_created[INPUT_REPORTS] = w.reports;
    a->stored_created[INPUT_LISTS] = w.lists;
    note_stored(a, &a->streams_doc, in, ov_str_hash(body));
    return OV_OK;
}

/* The document that a key names, if it is known. */
static doc *known_doc(aggregate *a, const subject_parsed *s)
{
    void *found = NULL;
    if (s->kind == SUBJECT_VERDICT) found = ov_map_get(&a->verdicts, s->token[0]);
    if (s->kind == SUBJECT_SOURCE) found = ov_map_get(&a->upstreams, s->token[0]);
    if (s->kind == SUBJECT_AGENT || s->kind == SUBJECT_ENTRY) found = ov_map_get(&a->agents, s->token[0]);
    if (s->kind == SUBJECT_ENTRY && found) found = ov_map_get(&((agent *)found)->entries, s->token[1]);
    return found;
}

/* The document of that key, if the copy at seq is what is known of it. */
static doc *copy_at(aggregate *a, ov_str key, uint64_t seq)
{
    subject_parsed s;
    subject_parse(key, &s);
    doc *d = known_doc(a, &s);
    return d && d->exists && d->seq == seq ? d : NULL;
}

void aggregate_hold(aggregate *a, ov_str key, uint64_t seq)
{
    doc *d = copy_at(a, key, seq);
    if (d) d->telling = true;
}

void aggregate_told(aggregate *a, ov_str key, uint64_t seq)
{
    doc *d = copy_at(a, key, seq);
    if (d) collect_told(a, d);
}

static void take_deletion(aggregate *a, const input *in, const subject_parsed *s)
{
    doc *d = known_doc(a, s);
    if (!d || in->seq <= d->seq) return;
    d->exists = false;
    d->seq = in->seq;
    /* The leader has forgotten it: it need not be remembered here. */
    if (d->kind == DOC_ENTRY) ((entry *)d)->removed = ((entry *)d)->gone;
    if (d->kind == DOC_AGENT) ((agent *)d)->removed = ((agent *)d)->expired;
    ledger_mark(&a->l, d);
}

static ov_status take(aggregate *a, const input *in, const subject_parsed *s, ov_str body, ov_err *err)
{
    uint64_t inputs;
    note_inputs(a, in, &inputs);
    switch (s->kind) {
    case SUBJECT_ENTRY:
        return take_entry(a, in, s, body, err);
    case SUBJECT_VERDICT:
        return take_verdict(a, in, s, body, err);
    case SUBJECT_SOURCE:
        return take_source(a, in, s, body, err);
    case SUBJECT_AGENT:
        return take_agent(a, in, s, body, err);
    case SUBJECT_LIVE:
        return take_live(a, in, s, body, err);
    case SUBJECT_META:
        return take_meta(a, in, s, body, err);
    default:
        return ov_fail(err, OV_INVALID, "key: unknown");
    }
}

static bool is_own(const aggregate *a, const input *in)
{
    uint64_t epoch = 0;
    return a->leading && ov_str_to_u64(in->epoch, &epoch) && epoch == (uint64_t)a->epoch;
}

void baseline_message(aggregate *a, const input *in)
{
    if (is_own(a, in)) return; /* its answer told */
    subject_parsed s;
    subject_parse(in->subject, &s);
    ov_err err = {0};
    if (!in->data.len) {
        if (s.kind != SUBJECT_STATE_PART) take_deletion(a, in, &s);
        return;
    }
    ov_str subject = {0}, body = {0};
    ov_status st = parts_join(a->state_joiner, in->subject, in->data, &subject, &body, &err);
    if (st != OV_OK || !body.ptr) {
        if (st != OV_OK) effects_undecodable(a, in, &err);
        return;
    }
    if (subject.ptr != in->subject.ptr) subject_parse(subject, &s); /* a manifest's, of the part that completed it */
    doc *d = known_doc(a, &s);
    /* A known copy's events still count when this process wrote it and could not tell them. */
    if (d && d->exists && d->seq && in->seq <= d->seq && is_published(a, in->seq)) {
        d->mark = a->in[INPUT_STATE].mark;
        return;
    }
    st = take(a, in, &s, body, &err);
    if (st != OV_OK) effects_undecodable(a, in, &err);
}
