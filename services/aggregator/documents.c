/* Renders the documents of the state bucket from the model; the same model gives the same bytes. */
#include <stddef.h>
#include <stdlib.h>

#include "base/mem.h"
#include "proto/members.h"
#include "services/aggregator/core.h"
#include "base/poison.h"

enum { FRAGMENT_MAX = 16 * 1024 * 1024 };

#define MEMBER_CANDIDATES "candidates"
#define MEMBER_DROPPED "dropped"
#define MEMBER_FILTER "filter"
#define MEMBER_EXAMPLE "example"

static void render_entry(const aggregate *a, const entry *e, ov_buf *out)
{
    entry_doc d = {.agent_id = ov_str_of(e->agent->id), .id = ov_str_of(e->id)};
    if (e->gone) {
        d.gone_at = e->gone_at;
        entry_doc_encode(&d, out);
        return;
    }
    entry_view v;
    entry_look(e, a->l.texts, &v);
    d.state = v.state;
    d.reason = v.reason;
    d.latest = v.latest;
    d.report = blob_str(e->report);
    OV_CLEANUP(ov_free_p) entry_version *versions = ov_calloc((size_t)e->slot_count + 1, sizeof *versions);
    d.versions = versions;
    d.version_count = e->slot_count;
    for (uint32_t i = 0; i < e->slot_count; i++) {
        entry_slot_look(e, i, a->l.texts, &v);
        const verdict *said = e->fault || e->slots[i].over ? NULL : e->slots[i].verdict;
        versions[i] = (entry_version){.verdict = ov_str_of(said ? said->id : ""),
                                      .state = v.state,
                                      .reason = v.reason,
                                      .latest = v.latest,
                                      .end_of_life = ending_said(a, e, i)};
    }
    entry_doc_encode(&d, out);
}

static void render_verdict(const aggregate *a, const verdict *v, ov_buf *out)
{
    verdict_doc d = {.id = ov_str_of(v->id),
                     .source = ov_str_of(v->rule->list->source->key),
                     .state = v->state,
                     .reason = intern_text(a->l.texts, v->reason),
                     .gap = {v->gap, v->gap_len},
                     .behind_since_s = v->behind_since_s};
    verdict_doc_encode(&d, out);
}

static int by_list_name(const void *left, const void *right)
{
    const upstream_list *a = *(upstream_list *const *)left, *b = *(upstream_list *const *)right;
    return ov_str_cmp(ov_str_of(a->name), ov_str_of(b->name));
}

static int by_rule_id(const void *left, const void *right)
{
    return strcmp((*(rule *const *)left)->id, (*(rule *const *)right)->id);
}

/* The lists that rules read, sorted by name; the caller frees. */
static upstream_list **used_lists(const upstream *u, size_t *ret_count)
{
    upstream_list **lists = ov_calloc(u->lists.count + 1, sizeof *lists);
    size_t at = 0, count = 0;
    ov_str token;
    void *l;
    while (ov_map_next(&u->lists, &at, &token, &l))
        if (upstream_list_is_read(l)) lists[count++] = l;
    qsort(lists, count, sizeof *lists, by_list_name);
    *ret_count = count;
    return lists;
}

static void write_lists(const upstream *u, ov_buf *out)
{
    size_t count;
    OV_CLEANUP(ov_free_p) upstream_list **lists = used_lists(u, &count);
    ov_json_writer w = ov_json_writer_on(out);
    ov_json_open_array(&w, NULL);
    for (size_t i = 0; i < count; i++) {
        ov_json_open_object(&w, NULL);
        ov_json_write_c(&w, MEMBER_LIST, lists[i]->name);
        ov_json_write_i64(&w, MEMBER_COUNT, (int64_t)lists[i]->versions.count);
        ov_json_close_object(&w);
    }
    ov_json_close_array(&w);
}

static void write_dropped(const ov_candidates *c, ov_json_writer *w)
{
    ov_json_write_i64(w, MEMBER_CANDIDATES, (int64_t)c->count);
    ov_json_open_array(w, MEMBER_DROPPED);
    for (ov_filter f = 0; f < OV_FILTERS; f++) {
        if (!c->dropped[f].count) continue;
        ov_json_open_object(w, NULL);
        ov_json_write_c(w, MEMBER_FILTER, ov_filter_name(f));
        ov_json_write_i64(w, MEMBER_COUNT, (int64_t)c->dropped[f].count);
        ov_json_write_c(w, MEMBER_EXAMPLE, c->dropped[f].example);
        ov_json_close_object(w);
    }
    ov_json_close_array(w);
}

/* A rule stands there once its list was known: what it says later is news. */
static rule **known_rules(const upstream *u, size_t *ret_count)
{
    rule **rules = ov_calloc(u->rule_count + 1, sizeof *rules);
    size_t at = 0, count = 0;
    ov_str token;
    void *l;
    while (ov_map_next(&u->lists, &at, &token, &l))
        for (rule *r = ((upstream_list *)l)->rules; r; r = r->next_in_list)
            if (r->list->present || r->stands == STANDING_ABSENT) rules[count++] = r;
    qsort(rules, count, sizeof *rules, by_rule_id);
    *ret_count = count;
    return rules;
}

void document_rules(const aggregate *a, const upstream *u, ov_buf *out)
{
    size_t count;
    OV_CLEANUP(ov_free_p) rule **rules = known_rules(u, &count);
    ov_json_writer w = ov_json_writer_on(out);
    ov_json_open_array(&w, NULL);
    for (size_t i = 0; i < count; i++) {
        ov_json_open_object(&w, NULL);
        ov_json_write_c(&w, MEMBER_RULE, rules[i]->id);
        ov_json_write_c(&w, MEMBER_LIST, rules[i]->list->name);
        ov_json_write_str(&w, MEMBER_LATEST_VERSION, intern_text(a->l.texts, rules[i]->latest));
        write_dropped(&rules[i]->candidates, &w);
        ov_json_close_object(&w);
    }
    ov_json_close_array(&w);
}

static void render_source(const aggregate *a, const upstream *u, ov_buf *out)
{
    OV_CLEANUP(ov_buf_clear) ov_buf lists = OV_BUF(FRAGMENT_MAX);
    OV_CLEANUP(ov_buf_clear) ov_buf rules = OV_BUF(FRAGMENT_MAX);
    write_lists(u, &lists);
    document_rules(a, u, &rules);
    source_doc d = {.source = ov_str_of(u->key),
                    .provider = ov_str_of(u->provider),
                    .strategy = ov_str_of(u->strategy),
                    .repo = ov_str_of(u->repo),
                    .outcome = OV_STR(""),
                    .budget_remaining = -1,
                    .lists = ov_buf_str(&lists),
                    .rules = ov_buf_str(&rules)};
    if (u->looked) {
        d.outcome = ov_str_of(lookup_outcome_name(u->last.outcome));
        d.failure = ov_str_of(lookup_failure_name(u->last.failure));
        d.message = u->last.message;
        d.failures = u->last.failures;
        d.complete_at_s = u->last.complete_at_s;
        d.next_try_s = u->last.next_try_s;
        d.budget_remaining = u->last.budget_remaining;
    }
    source_doc_encode(&d, out);
    out->failed |= lists.failed || rules.failed;
}

static int by_text(const void *left, const void *right)
{
    return ov_str_cmp(*(const ov_str *)left, *(const ov_str *)right);
}

static void write_wanted(const agent *ag, ov_buf *out)
{
    OV_CLEANUP(ov_free_p) ov_str *ids = ov_calloc(ag->wanted.count + 1, sizeof *ids);
    size_t at = 0, count = 0;
    ov_str id;
    void *value;
    while (ov_map_next(&ag->wanted, &at, &id, &value)) ids[count++] = id;
    qsort(ids, count, sizeof *ids, by_text);
    ov_json_writer w = ov_json_writer_on(out);
    ov_json_open_array(&w, NULL);
    for (size_t i = 0; i < count; i++) ov_json_write_str(&w, NULL, ids[i]);
    ov_json_close_array(&w);
}

static void write_older(const aggregate *a, const agent *ag, ov_buf *out)
{
    if (!ag->conflict) return;
    ov_str names[AGENT_OLDER];
    size_t count = 0;
    for (size_t i = 0; i < AGENT_OLDER; i++)
        if (ag->older[i]) names[count++] = intern_text(a->l.texts, ag->older[i]);
    qsort(names, count, sizeof *names, by_text);
    ov_json_writer w = ov_json_writer_on(out);
    ov_json_open_array(&w, NULL);
    for (size_t i = 0; i < count; i++) ov_json_write_str(&w, NULL, names[i]);
    ov_json_close_array(&w);
}

static void render_agent(const aggregate *a, const agent *ag, ov_buf *out)
{
    OV_CLEANUP(ov_buf_clear) ov_buf wanted = OV_BUF(FRAGMENT_MAX);
    OV_CLEANUP(ov_buf_clear) ov_buf older = OV_BUF(FRAGMENT_MAX);
    write_wanted(ag, &wanted);
    write_older(a, ag, &older);
    agent_doc d = {.agent_id = ov_str_of(ag->id),
                   .tags = ov_str_of(ag->tags),
                   .state = agent_state(ag),
                   .reason = agent_reason(ag),
                   .instance = ov_str_of(ag->instance),
                   .instance_seq = (int64_t)ag->instance_seq,
                   .older = ov_buf_str(&older),
                   .wanted = ov_buf_str(&wanted),
                   .inventory_wanted = ag->inventory_wanted,
                   .report_period_ms = a->options.report_period_ms,
                   .first_seen_s = ag->first_seen_s};
    agent_doc_encode(&d, out);
    out->failed |= wanted.failed || older.failed;
}

static int by_agent(const void *left, const void *right)
{
    return ov_str_cmp(((const live_item *)left)->agent, ((const live_item *)right)->agent);
}

static void render_live(const live_shard *s, ov_buf *out)
{
    OV_CLEANUP(ov_free_p) live_item *items = ov_calloc(s->count + 1, sizeof *items);
    size_t count = 0;
    for (size_t i = 0; i < s->count; i++) {
        const agent *ag = s->agents[i];
        if (!ag->expired) items[count++] = (live_item){ov_str_of(ag->id), ag->heartbeat_s};
    }
    qsort(items, count, sizeof *items, by_agent);
    live_doc_encode(items, count, out);
}

static void render_streams(const aggregate *a, ov_buf *out)
{
    ov_json_writer w = ov_json_writer_on(out);
    ov_json_open_object(&w, NULL);
    schema_write(&w);
    ov_json_write_i64(&w, STREAMS_REPORTS, a->in[INPUT_REPORTS].created_ms);
    ov_json_write_i64(&w, STREAMS_LISTS, a->in[INPUT_LISTS].created_ms);
    ov_json_close_object(&w);
}

void document_render(const aggregate *a, const doc *d, ov_buf *out)
{
    switch ((doc_kind)d->kind) {
    case DOC_ENTRY:
        render_entry(a, (const entry *)d, out);
        break;
    case DOC_VERDICT:
        render_verdict(a, (const verdict *)d, out);
        break;
    case DOC_SOURCE:
        render_source(a, (const upstream *)d, out);
        break;
    case DOC_AGENT:
        render_agent(a, (const agent *)d, out);
        break;
    case DOC_LIVE:
        render_live((const live_shard *)d, out);
        break;
    case DOC_STREAMS:
        render_streams(a, out);
        break;
    }
}

void document_key(const aggregate *a, const doc *d, char out[SUBJECT_MAX])
{
    switch ((doc_kind)d->kind) {
    case DOC_ENTRY:
        key_entry(ov_str_of(((const entry *)d)->agent->id), ov_str_of(((const entry *)d)->id), out);
        break;
    case DOC_VERDICT:
        key_verdict(ov_str_of(((const verdict *)d)->id), out);
        break;
    case DOC_SOURCE:
        key_source(ov_str_of(((const upstream *)d)->key), out);
        break;
    case DOC_AGENT:
        key_agent(ov_str_of(((const agent *)d)->id), out);
        break;
    case DOC_LIVE:
        key_live((unsigned)((const live_shard *)d - a->shards), out);
        break;
    case DOC_STREAMS:
        key_meta("streams", out);
        break;
    }
}
