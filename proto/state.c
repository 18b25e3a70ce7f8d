/* Reads and writes the documents of the state bucket. */
#include "proto/state.h"

#include <stdlib.h>

#include "base/mem.h"
#include "proto/members.h"
#include "proto/report.h"
#include "proto/subjects.h"

#include "base/poison.h"

enum { STATE_BYTES_MAX = 64 * 1024 * 1024 };

static const char *const state_names[] = {
    [STATE_UP_TO_DATE] = "upToDate",          [STATE_BEHIND] = "behind",           [STATE_AHEAD] = "ahead",
    [STATE_UNKNOWN_REMOTE] = "unknownRemote", [STATE_PENDING] = "pending",         [STATE_STALE] = "stale",
    [STATE_NO_CANDIDATE] = "noCandidate",     [STATE_UNPARSEABLE] = "unparseable", [STATE_INVALID] = "invalid",
};
static const char *const agent_names[] = {
    [AGENT_ALIVE] = "alive",
    [AGENT_CONFLICT] = "conflict",
    [AGENT_EXPIRED] = "expired",
};

const char *state_value_name(state_value s)
{
    return state_names[s];
}

bool state_value_parse(ov_str name, state_value *ret)
{
    unsigned value;
    if (choice_decode(name, state_names, OV_COUNT(state_names), "", &value, NULL) != OV_OK) return false;
    *ret = (state_value)value;
    return true;
}

const char *agent_value_name(agent_value a)
{
    return agent_names[a];
}

/* FNV-1a: stands in stored keys, so it must never change. */
unsigned state_live_shard(ov_str agent)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (size_t i = 0; i < agent.len; i++) {
        hash ^= (unsigned char)agent.ptr[i];
        hash *= UINT64_C(1099511628211);
    }
    return (unsigned)((hash ^ hash >> 32) % STATE_LIVE_SHARDS);
}

static ov_status state_decode(ov_str name, const char *path, state_value *ret, ov_err *err)
{
    unsigned value = 0;
    ov_status st = choice_decode(name, state_names, OV_COUNT(state_names), path, &value, err);
    if (st == OV_OK) *ret = (state_value)value;
    return st;
}

/* ---- entry ---- */

typedef struct {
    entry_doc d;
    int64_t schema;
    ov_str state, versions;
} entry_wire;

static const ov_field entry_fields[] = {
    {MEMBER_SCHEMA, OV_FIELD_I64, true, offsetof(entry_wire, schema)},
    {MEMBER_AGENT_ID, OV_FIELD_STRING, true, offsetof(entry_wire, d.agent_id)},
    {MEMBER_ID, OV_FIELD_STRING, true, offsetof(entry_wire, d.id)},
    {MEMBER_GONE_AT, OV_FIELD_I64, false, offsetof(entry_wire, d.gone_at)},
    {MEMBER_STATE, OV_FIELD_STRING, false, offsetof(entry_wire, state)},
    {MEMBER_REASON, OV_FIELD_STRING, false, offsetof(entry_wire, d.reason)},
    {MEMBER_LATEST_VERSION, OV_FIELD_STRING, false, offsetof(entry_wire, d.latest)},
    {MEMBER_REPORT, OV_FIELD_OBJECT, false, offsetof(entry_wire, d.report)},
    {MEMBER_VERSIONS, OV_FIELD_ARRAY, false, offsetof(entry_wire, versions)},
    {MEMBER_OUTBOX, OV_FIELD_ARRAY, false, offsetof(entry_wire, d.outbox)},
};

typedef struct {
    ov_str verdict, state, reason, latest, end_of_life;
} entry_version_wire;

static const ov_field entry_version_fields[] = {
    {MEMBER_VERDICT, OV_FIELD_STRING, true, offsetof(entry_version_wire, verdict)},
    {MEMBER_STATE, OV_FIELD_STRING, true, offsetof(entry_version_wire, state)},
    {MEMBER_REASON, OV_FIELD_STRING, false, offsetof(entry_version_wire, reason)},
    {MEMBER_LATEST_VERSION, OV_FIELD_STRING, true, offsetof(entry_version_wire, latest)},
    {MEMBER_END_OF_LIFE, OV_FIELD_OBJECT, false, offsetof(entry_version_wire, end_of_life)},
};

static ov_status entry_versions_decode(entry_wire *w, ov_err *err)
{
    entry_doc *d = &w->d;
    OV_CLEANUP(ov_free_p) entry_version_wire *wire = NULL;
    size_t count = 0;
    ov_status st = items_decode(w->versions, entry_version_fields, OV_COUNT(entry_version_fields), sizeof *wire,
                                REPORT_VERSIONS_MAX, &wire, &count, &d->arena, "entry: " MEMBER_VERSIONS, err);
    if (st != OV_OK || !count) return st;
    d->versions = ov_calloc(count, sizeof *d->versions);
    d->version_count = count;
    for (size_t i = 0; st == OV_OK && i < count; i++) {
        entry_version *v = &d->versions[i];
        *v = (entry_version){.verdict = wire[i].verdict,
                             .reason = wire[i].reason,
                             .latest = wire[i].latest,
                             .end_of_life = wire[i].end_of_life};
        st = state_decode(wire[i].state, "entry: " MEMBER_VERSIONS "[]." MEMBER_STATE, &v->state, err);
    }
    return st;
}

/* What an entry that is not gone must have. */
static ov_status entry_present_decode(entry_wire *w, ov_err *err)
{
    if (!w->d.report.len) return ov_fail(err, OV_INVALID, "entry: " MEMBER_REPORT ": missing");
    if (!w->d.latest.len) return ov_fail(err, OV_INVALID, "entry: " MEMBER_LATEST_VERSION ": missing");
    if (!w->versions.len) return ov_fail(err, OV_INVALID, "entry: " MEMBER_VERSIONS ": missing");
    ov_status st = state_decode(w->state, "entry: " MEMBER_STATE, &w->d.state, err);
    return st == OV_OK ? entry_versions_decode(w, err) : st;
}

static void entry_wire_clear(entry_wire *w)
{
    entry_doc_clear(&w->d);
}

ov_status entry_doc_decode(ov_str body, entry_doc *ret, ov_err *err)
{
    OV_CLEANUP(entry_wire_clear) entry_wire w = {0};
    ov_status st = size_check(body, STATE_BYTES_MAX, "entry", err);
    if (st == OV_OK) st = ov_json_fields_of(body, entry_fields, OV_COUNT(entry_fields), &w, &w.d.arena, "entry: ", err);
    if (st == OV_OK) st = schema_check(w.schema, "entry", err);
    if (st == OV_OK) st = subject_id_check(w.d.agent_id, "entry: " MEMBER_AGENT_ID, err);
    if (st == OV_OK) st = subject_id_check(w.d.id, "entry: " MEMBER_ID, err);
    if (st == OV_OK) st = nonnegative_check(w.d.gone_at, "entry: " MEMBER_GONE_AT, err);
    if (st == OV_OK && !w.d.gone_at) st = entry_present_decode(&w, err);
    if (st != OV_OK) return st;
    *ret = w.d;
    w.d = (entry_doc){0};
    return OV_OK;
}

void entry_doc_clear(entry_doc *d)
{
    free(d->versions);
    ov_json_arena_clear(&d->arena);
    *d = (entry_doc){0};
}

static void entry_versions_write(ov_json_writer *w, const entry_doc *d)
{
    ov_json_open_array(w, MEMBER_VERSIONS);
    for (size_t i = 0; i < d->version_count; i++) {
        const entry_version *v = &d->versions[i];
        ov_json_open_object(w, NULL);
        ov_json_write_str(w, MEMBER_VERDICT, v->verdict);
        ov_json_write_c(w, MEMBER_STATE, state_value_name(v->state));
        member_write_str(w, MEMBER_REASON, v->reason);
        ov_json_write_str(w, MEMBER_LATEST_VERSION, v->latest);
        member_write_raw(w, MEMBER_END_OF_LIFE, v->end_of_life);
        ov_json_close_object(w);
    }
    ov_json_close_array(w);
}

void entry_doc_encode(const entry_doc *d, ov_buf *out)
{
    ov_json_writer w = ov_json_writer_on(out);
    ov_json_open_object(&w, NULL);
    schema_write(&w);
    ov_json_write_str(&w, MEMBER_AGENT_ID, d->agent_id);
    ov_json_write_str(&w, MEMBER_ID, d->id);
    if (d->gone_at) {
        ov_json_write_i64(&w, MEMBER_GONE_AT, d->gone_at);
    } else {
        ov_json_write_c(&w, MEMBER_STATE, state_value_name(d->state));
        member_write_str(&w, MEMBER_REASON, d->reason);
        ov_json_write_str(&w, MEMBER_LATEST_VERSION, d->latest);
        ov_json_write_raw(&w, MEMBER_REPORT, d->report);
        entry_versions_write(&w, d);
    }
    member_write_raw(&w, MEMBER_OUTBOX, d->outbox);
    ov_json_close_object(&w);
}

/* ---- verdict ---- */

typedef struct {
    verdict_doc d;
    int64_t schema;
    ov_str state;
} verdict_wire;

static const ov_field verdict_fields[] = {
    {MEMBER_SCHEMA, OV_FIELD_I64, true, offsetof(verdict_wire, schema)},
    {MEMBER_ID, OV_FIELD_STRING, true, offsetof(verdict_wire, d.id)},
    {MEMBER_SOURCE, OV_FIELD_STRING, true, offsetof(verdict_wire, d.source)},
    {MEMBER_STATE, OV_FIELD_STRING, true, offsetof(verdict_wire, state)},
    {MEMBER_REASON, OV_FIELD_STRING, false, offsetof(verdict_wire, d.reason)},
    {MEMBER_GAP, OV_FIELD_OBJECT, true, offsetof(verdict_wire, d.gap)},
    {MEMBER_BEHIND_SINCE, OV_FIELD_I64, false, offsetof(verdict_wire, d.behind_since_s)},
    {MEMBER_OUTBOX, OV_FIELD_ARRAY, false, offsetof(verdict_wire, d.outbox)},
};

static void verdict_wire_clear(verdict_wire *w)
{
    verdict_doc_clear(&w->d);
}

ov_status verdict_doc_decode(ov_str body, verdict_doc *ret, ov_err *err)
{
    OV_CLEANUP(verdict_wire_clear) verdict_wire w = {0};
    ov_status st = size_check(body, STATE_BYTES_MAX, "verdict", err);
    if (st == OV_OK)
        st = ov_json_fields_of(body, verdict_fields, OV_COUNT(verdict_fields), &w, &w.d.arena, "verdict: ", err);
    if (st == OV_OK) st = schema_check(w.schema, "verdict", err);
    if (st == OV_OK && !w.d.id.len) st = ov_fail(err, OV_INVALID, "verdict: " MEMBER_ID ": missing");
    if (st == OV_OK) st = state_decode(w.state, "verdict: " MEMBER_STATE, &w.d.state, err);
    if (st != OV_OK) return st;
    *ret = w.d;
    w.d = (verdict_doc){0};
    return OV_OK;
}

void verdict_doc_clear(verdict_doc *d)
{
    ov_json_arena_clear(&d->arena);
    *d = (verdict_doc){0};
}

void verdict_doc_encode(const verdict_doc *d, ov_buf *out)
{
    ov_json_writer w = ov_json_writer_on(out);
    ov_json_open_object(&w, NULL);
    schema_write(&w);
    ov_json_write_str(&w, MEMBER_ID, d->id);
    ov_json_write_str(&w, MEMBER_SOURCE, d->source);
    ov_json_write_c(&w, MEMBER_STATE, state_value_name(d->state));
    member_write_str(&w, MEMBER_REASON, d->reason);
    ov_json_write_raw(&w, MEMBER_GAP, d->gap);
    member_write_i64(&w, MEMBER_BEHIND_SINCE, d->behind_since_s);
    member_write_raw(&w, MEMBER_OUTBOX, d->outbox);
    ov_json_close_object(&w);
}

/* ---- source ---- */

typedef struct {
    source_doc d;
    int64_t schema;
} source_wire;

static const ov_field source_fields[] = {
    {MEMBER_SCHEMA, OV_FIELD_I64, true, offsetof(source_wire, schema)},
    {MEMBER_SOURCE, OV_FIELD_STRING, true, offsetof(source_wire, d.source)},
    {MEMBER_PROVIDER, OV_FIELD_STRING, true, offsetof(source_wire, d.provider)},
    {MEMBER_STRATEGY, OV_FIELD_STRING, true, offsetof(source_wire, d.strategy)},
    {MEMBER_REPO, OV_FIELD_STRING, true, offsetof(source_wire, d.repo)},
    {MEMBER_OUTCOME, OV_FIELD_STRING, true, offsetof(source_wire, d.outcome)},
    {MEMBER_FAILURE, OV_FIELD_STRING, false, offsetof(source_wire, d.failure)},
    {MEMBER_MESSAGE, OV_FIELD_STRING, false, offsetof(source_wire, d.message)},
    {MEMBER_FAILURES, OV_FIELD_I64, false, offsetof(source_wire, d.failures)},
    {MEMBER_COMPLETE_AT, OV_FIELD_I64, false, offsetof(source_wire, d.complete_at_s)},
    {MEMBER_NEXT_TRY_AT, OV_FIELD_I64, false, offsetof(source_wire, d.next_try_s)},
    {MEMBER_BUDGET_REMAINING, OV_FIELD_I64, false, offsetof(source_wire, d.budget_remaining)},
    {MEMBER_LISTS, OV_FIELD_ARRAY, false, offsetof(source_wire, d.lists)},
    {MEMBER_RULES, OV_FIELD_ARRAY, false, offsetof(source_wire, d.rules)},
    {MEMBER_OUTBOX, OV_FIELD_ARRAY, false, offsetof(source_wire, d.outbox)},
};

static void source_wire_clear(source_wire *w)
{
    source_doc_clear(&w->d);
}

ov_status source_doc_decode(ov_str body, source_doc *ret, ov_err *err)
{
    OV_CLEANUP(source_wire_clear) source_wire w = {.d.budget_remaining = -1};
    ov_status st = size_check(body, STATE_BYTES_MAX, "source", err);
    if (st == OV_OK)
        st = ov_json_fields_of(body, source_fields, OV_COUNT(source_fields), &w, &w.d.arena, "source: ", err);
    if (st == OV_OK) st = schema_check(w.schema, "source", err);
    if (st == OV_OK && !w.d.source.len) st = ov_fail(err, OV_INVALID, "source: " MEMBER_SOURCE ": missing");
    if (st == OV_OK) st = nonnegative_check(w.d.failures, "source: " MEMBER_FAILURES, err);
    if (st != OV_OK) return st;
    *ret = w.d;
    w.d = (source_doc){0};
    return OV_OK;
}

void source_doc_clear(source_doc *d)
{
    ov_json_arena_clear(&d->arena);
    *d = (source_doc){0};
}

void source_doc_encode(const source_doc *d, ov_buf *out)
{
    ov_json_writer w = ov_json_writer_on(out);
    ov_json_open_object(&w, NULL);
    schema_write(&w);
    ov_json_write_str(&w, MEMBER_SOURCE, d->source);
    ov_json_write_str(&w, MEMBER_PROVIDER, d->provider);
    ov_json_write_str(&w, MEMBER_STRATEGY, d->strategy);
    ov_json_write_str(&w, MEMBER_REPO, d->repo);
    ov_json_write_str(&w, MEMBER_OUTCOME, d->outcome);
    member_write_str(&w, MEMBER_FAILURE, d->failure);
    member_write_str(&w, MEMBER_MESSAGE, d->message);
    ov_json_write_i64(&w, MEMBER_FAILURES, d->failures);
    member_write_i64(&w, MEMBER_COMPLETE_AT, d->complete_at_s);
    member_write_i64(&w, MEMBER_NEXT_TRY_AT, d->next_try_s);
    if (d->budget_remaining >= 0) ov_json_write_i64(&w, MEMBER_BUDGET_REMAINING, d->budget_remaining);
    ov_json_write_raw(&w, MEMBER_LISTS, d->lists.len ? d->lists : OV_STR("[]"));
    ov_json_write_raw(&w, MEMBER_RULES, d->rules.len ? d->rules : OV_STR("[]"));
    member_write_raw(&w, MEMBER_OUTBOX, d->outbox);
    ov_json_close_object(&w);
}

/* ---- agent ---- */

typedef struct {
    agent_doc d;
    int64_t schema;
    ov_str state;
} agent_wire;

static const ov_field agent_fields[] = {
    {MEMBER_SCHEMA, OV_FIELD_I64, true, offsetof(agent_wire, schema)},
    {MEMBER_AGENT_ID, OV_FIELD_STRING, true, offsetof(agent_wire, d.agent_id)},
    {MEMBER_TAGS, OV_FIELD_OBJECT, false, offsetof(agent_wire, d.tags)},
    {MEMBER_STATE, OV_FIELD_STRING, true, offsetof(agent_wire, state)},
    {MEMBER_REASON, OV_FIELD_STRING, false, offsetof(agent_wire, d.reason)},
    {MEMBER_INSTANCE, OV_FIELD_STRING, false, offsetof(agent_wire, d.instance)},
    {MEMBER_INSTANCE_SEQ, OV_FIELD_I64, false, offsetof(agent_wire, d.instance_seq)},
    {MEMBER_OLDER, OV_FIELD_ARRAY, false, offsetof(agent_wire, d.older)},
    {MEMBER_WANTED, OV_FIELD_ARRAY, false, offsetof(agent_wire, d.wanted)},
    {MEMBER_INVENTORY_WANTED, OV_FIELD_BOOL, false, offsetof(agent_wire, d.inventory_wanted)},
    {MEMBER_REPORT_PERIOD, OV_FIELD_I64, false, offsetof(agent_wire, d.report_period_ms)},
    {MEMBER_FIRST_SEEN, OV_FIELD_I64, false, offsetof(agent_wire, d.first_seen_s)},
    {MEMBER_OUTBOX, OV_FIELD_ARRAY, false, offsetof(agent_wire, d.outbox)},
};

static void agent_wire_clear(agent_wire *w)
{
    agent_doc_clear(&w->d);
}

static ov_status agent_check(agent_wire *w, ov_err *err)
{
    unsigned state = 0;
    ov_status st = schema_check(w->schema, "agent", err);
    if (st == OV_OK) st = subject_id_check(w->d.agent_id, "agent: " MEMBER_AGENT_ID, err);
    if (st == OV_OK)
        st = choice_decode(w->state, agent_names, OV_COUNT(agent_names), "agent: " MEMBER_STATE, &state, err);
    if (st == OV_OK) st = tags_check(w->d.tags, REPORT_TAGS_MAX, "agent: " MEMBER_TAGS, err);
    if (st == OV_OK)
        st = strings_decode(w->d.wanted, REPORT_VERSIONS_MAX, NULL, NULL, &w->d.arena, "agent: " MEMBER_WANTED, err);
    if (st == OV_OK)
        st = strings_decode(w->d.older, STATE_OLDER_MAX, NULL, NULL, &w->d.arena, "agent: " MEMBER_OLDER, err);
    if (st == OV_OK) st = nonnegative_check(w->d.instance_seq, "agent: " MEMBER_INSTANCE_SEQ, err);
    if (st == OV_OK) st = nonnegative_check(w->d.report_period_ms, "agent: " MEMBER_REPORT_PERIOD, err);
    w->d.state = (agent_value)state;
    return st;
}

ov_status agent_doc_decode(ov_str body, agent_doc *ret, ov_err *err)
{
    OV_CLEANUP(agent_wire_clear) agent_wire w = {0};
    ov_status st = size_check(body, STATE_BYTES_MAX, "agent", err);
    if (st == OV_OK) st = ov_json_fields_of(body, agent_fields, OV_COUNT(agent_fields), &w, &w.d.arena, "agent: ", err);
    if (st == OV_OK) st = agent_check(&w, err);
    if (st != OV_OK) return st;
    *ret = w.d;
    w.d = (agent_doc){0};
    return OV_OK;
}

void agent_doc_clear(agent_doc *d)
{
    ov_json_arena_clear(&d->arena);
    *d = (agent_doc){0};
}

void agent_doc_encode(const agent_doc *d, ov_buf *out)
{
    ov_json_writer w = ov_json_writer_on(out);
    ov_json_open_object(&w, NULL);
    schema_write(&w);
    ov_json_write_str(&w, MEMBER_AGENT_ID, d->agent_id);
    ov_json_write_raw(&w, MEMBER_TAGS, d->tags.len ? d->tags : OV_STR("{}"));
    ov_json_write_c(&w, MEMBER_STATE, agent_value_name(d->state));
    member_write_str(&w, MEMBER_REASON, d->reason);
    member_write_str(&w, MEMBER_INSTANCE, d->instance);
    member_write_i64(&w, MEMBER_INSTANCE_SEQ, d->instance_seq);
    member_write_raw(&w, MEMBER_OLDER, d->older);
    ov_json_write_raw(&w, MEMBER_WANTED, d->wanted.len ? d->wanted : OV_STR("[]"));
    ov_json_write_bool(&w, MEMBER_INVENTORY_WANTED, d->inventory_wanted);
    ov_json_write_i64(&w, MEMBER_REPORT_PERIOD, d->report_period_ms);
    member_write_i64(&w, MEMBER_FIRST_SEEN, d->first_seen_s);
    member_write_raw(&w, MEMBER_OUTBOX, d->outbox);
    ov_json_close_object(&w);
}
