/* Applies documents of the state bucket and turns what changed into the next view. */
#include "services/api/mirror.h"

#include <stdlib.h>

#include "base/mem.h"
#include "proto/subjects.h"
#include "services/api/mirror_parts.h"

#include "base/poison.h"

enum { MIRROR_LOOK_MS = 1000 };

mirror *mirror_new(void)
{
    mirror *m = ov_zalloc(sizeof *m);
    m->github_remaining = -1;
    return m;
}

void mirror_free(mirror *m)
{
    if (!m) return;
    while (m->order_count) mirror_agent_drop(m, m->order[m->order_count - 1]);
    size_t at = 0;
    ov_str key;
    void *v;
    while (ov_map_next(&m->verdicts, &at, &key, &v)) mirror_verdict_set(m, v, NULL, 0);
    at = 0;
    while (ov_map_next(&m->verdicts, &at, &key, &v)) mirror_verdict_release(m, v);
    mirror_sources_clear(m);
    ov_map_clear(&m->agents);
    ov_map_clear(&m->verdicts);
    free(m->order);
    free(m->queue);
    free(m->waiting);
    free(m->changed);
    free(m);
}

void mirror_snapshot_begin(mirror *m)
{
    m->generation++;
}

/* An agent that neither a document nor an entry nor a sign of life speaks of. */
static bool is_forgotten(const mirror_agent *a)
{
    return !a->known && !a->count && !a->heartbeat_s;
}

static void agent_forget(mirror *m, mirror_agent *a)
{
    if (!a->known) return;
    a->known = false;
    a->hash = 0;
    free(OV_TAKE(a->tags));
    free(OV_TAKE(a->wanted));
    mirror_agent_touch(m, a);
}

static void agent_sweep(mirror *m, mirror_agent *a)
{
    for (size_t i = a->count; i-- > 0;) {
        if (a->entries[i]->mark != m->generation) mirror_entry_drop(m, a->entries[i]);
    }
    if (a->mark != m->generation) agent_forget(m, a);
    if (a->live_mark != m->generation) a->heartbeat_s = 0;
    if (is_forgotten(a)) mirror_agent_touch(m, a); /* taken out by the next publish */
}

bool mirror_snapshot_is_whole(const mirror *m)
{
    for (size_t i = 0; i < m->order_count; i++) {
        const mirror_agent *a = m->order[i];
        if (a->known && a->mark != m->generation) return false;
        for (size_t k = 0; k < a->count; k++)
            if (a->entries[k]->mark != m->generation) return false;
    }
    return true;
}

void mirror_snapshot_end(mirror *m)
{
    for (size_t i = 0; i < m->order_count; i++) agent_sweep(m, m->order[i]);
    size_t at = 0;
    ov_str key;
    void *value;
    while (ov_map_next(&m->verdicts, &at, &key, &value)) {
        mirror_verdict *v = value;
        if (v->mark == m->generation) continue;
        if (v->tail) mirror_verdict_set(m, v, NULL, 0);
        mirror_verdict_release(m, v);
    }
    mirror_sources_sweep(m);
}

static ov_status not_of_subject(const char *what, ov_err *err)
{
    return ov_fail(err, OV_INVALID, "%s: its id is not the one of its subject", what);
}

static ov_status entry_apply(mirror *m, const subject_parsed *s, ov_str body, ov_err *err)
{
    OV_CLEANUP(entry_doc_clear) entry_doc d = {0};
    ov_status st = entry_doc_decode(body, &d, err);
    if (st != OV_OK) return st;
    if (!subject_token_is(s->token[0], d.agent_id) || !subject_token_is(s->token[1], d.id))
        return not_of_subject("entry", err);
    mirror_agent *a = ov_map_get(&m->agents, d.agent_id);
    mirror_entry *e = a ? mirror_entry_find(a, d.id) : NULL;
    if (d.gone_at > 0) {
        if (e) mirror_entry_drop(m, e);
        return OV_OK;
    }
    if (e && ov_str_eq(shared_text_of(e->document), body)) {
        e->mark = m->generation;
        return OV_OK;
    }
    OV_CLEANUP(report_clear) report r = {0};
    st = report_decode_version(d.report, &r, err);
    if (st != OV_OK) return st;
    if (r.version_count != d.version_count || !ov_str_eq(r.id, d.id))
        return ov_fail(err, OV_INVALID, "entry: its report is another one");
    if (!e) e = mirror_entry_get(m, mirror_agent_get(m, d.agent_id), d.id);
    e->mark = m->generation;
    mirror_entry_set(m, e, &d, shared_text_new(body));
    return OV_OK;
}

static ov_status verdict_apply(mirror *m, const subject_parsed *s, ov_str body, ov_err *err)
{
    OV_CLEANUP(verdict_doc_clear) verdict_doc d = {0};
    ov_status st = verdict_doc_decode(body, &d, err);
    if (st != OV_OK) return st;
    if (!subject_token_is(s->token[0], d.id)) return not_of_subject("verdict", err);
    uint64_t hash = ov_str_hash(body);
    mirror_verdict *v = ov_map_get(&m->verdicts, d.id);
    tail *t = NULL;
    if (!v || !v->tail || v->hash != hash) {
        st = tail_of_verdict(&d, &t, err);
        if (st != OV_OK) return st;
        v = mirror_verdict_get(m, d.id);
        mirror_verdict_set(m, v, t, hash);
    }
    v->mark = m->generation;
    return OV_OK;
}

static ov_status source_apply(mirror *m, const subject_parsed *s, ov_str body, ov_err *err)
{
    OV_CLEANUP(source_doc_clear) source_doc d = {0};
    ov_status st = source_doc_decode(body, &d, err);
    if (st == OV_OK) mirror_source_set(m, s->token[0], &d);
    if (st != OV_OK || d.budget_remaining < 0 || !ov_str_eq(d.provider, OV_STR("github"))) return st;
    m->dirty |= m->github_remaining != d.budget_remaining;
    m->github_remaining = d.budget_remaining;
    return OV_OK;
}

static void raw_replace(char **to, ov_str raw)
{
    free(*to);
    *to = raw.len ? ov_dup(raw) : NULL;
}

static ov_status agent_apply(mirror *m, const subject_parsed *s, ov_str body, ov_err *err)
{
    OV_CLEANUP(agent_doc_clear) agent_doc d = {0};
    ov_status st = agent_doc_decode(body, &d, err);
    if (st != OV_OK) return st;
    if (!subject_token_is(s->token[0], d.agent_id)) return not_of_subject("agent", err);
    mirror_agent *a = mirror_agent_get(m, d.agent_id);
    uint64_t hash = ov_str_hash(body);
    a->mark = m->generation;
    if (a->known && a->hash == hash) return OV_OK;
    a->known = true;
    a->hash = hash;
    a->state = d.state;
    a->inventory_wanted = d.inventory_wanted;
    a->report_period_ms = d.report_period_ms;
    a->first_seen_s = d.first_seen_s;
    raw_replace(&a->tags, d.tags);
    raw_replace(&a->wanted, d.wanted);
    mirror_agent_touch(m, a);
    return OV_OK;
}

static ov_status live_each_apply(void *arg, ov_str agent, int64_t last_heartbeat_s, ov_err *err)
{
    mirror *m = arg;
    ov_status st = subject_id_check(agent, "live", err);
    if (st != OV_OK) return st;
    mirror_agent *a = mirror_agent_get(m, agent);
    a->live_mark = m->generation;
    if (a->heartbeat_s == last_heartbeat_s) return OV_OK;
    a->heartbeat_s = last_heartbeat_s;
    if (a->known) mirror_agent_touch(m, a);
    return OV_OK;
}

/* Most ids are their own tokens; the others are few enough to be tried. */
static bool is_plain(ov_str token)
{
    return ov_str_find(token, '=', 0) == token.len;
}

static mirror_agent *agent_of_token(const mirror *m, ov_str token)
{
    if (is_plain(token)) return ov_map_get(&m->agents, token);
    for (size_t i = 0; i < m->order_count; i++) {
        if (subject_token_is(token, ov_str_of(m->order[i]->id))) return m->order[i];
    }
    return NULL;
}

static mirror_entry *entry_of_tokens(const mirror *m, const subject_parsed *s)
{
    const mirror_agent *a = agent_of_token(m, s->token[0]);
    if (a && is_plain(s->token[1])) return mirror_entry_find(a, s->token[1]);
    for (size_t i = 0; a && i < a->count; i++) {
        if (subject_token_is(s->token[1], ov_str_of(a->entries[i]->id))) return a->entries[i];
    }
    return NULL;
}

static mirror_verdict *verdict_of_token(const mirror *m, ov_str token)
{
    return ov_map_get(&m->verdicts, token); /* verdicts' ids are hexadecimal: their tokens are themselves */
}

static void remove_key(mirror *m, const subject_parsed *s)
{
    if (s->kind == SUBJECT_ENTRY) {
        mirror_entry *e = entry_of_tokens(m, s);
        if (e) mirror_entry_drop(m, e);
    } else if (s->kind == SUBJECT_VERDICT) {
        mirror_verdict *v = verdict_of_token(m, s->token[0]);
        if (!v) return;
        mirror_verdict_set(m, v, NULL, 0);
        mirror_verdict_release(m, v);
    } else if (s->kind == SUBJECT_AGENT) {
        mirror_agent *a = agent_of_token(m, s->token[0]);
        if (a) agent_forget(m, a);
    } else if (s->kind == SUBJECT_SOURCE) {
        mirror_source_remove(m, s->token[0]);
    }
}

ov_status mirror_apply(mirror *m, ov_str subject, ov_str body, ov_err *err)
{
    subject_parsed s;
    subject_parse(subject, &s);
    if (!body.len) {
        remove_key(m, &s);
        return OV_OK;
    }
    switch (s.kind) {
    case SUBJECT_ENTRY:
        return entry_apply(m, &s, body, err);
    case SUBJECT_VERDICT:
        return verdict_apply(m, &s, body, err);
    case SUBJECT_SOURCE:
        return source_apply(m, &s, body, err);
    case SUBJECT_AGENT:
        return agent_apply(m, &s, body, err);
    case SUBJECT_LIVE:
        return live_doc_decode(body, live_each_apply, m, err);
    default:
        return OV_OK; /* the leader's own records mean nothing here */
    }
}

void mirror_keep(mirror *m, ov_str subject)
{
    subject_parsed s;
    subject_parse(subject, &s);
    mirror_entry *e = s.kind == SUBJECT_ENTRY ? entry_of_tokens(m, &s) : NULL;
    mirror_verdict *v = s.kind == SUBJECT_VERDICT ? verdict_of_token(m, s.token[0]) : NULL;
    mirror_agent *a = s.kind == SUBJECT_AGENT ? agent_of_token(m, s.token[0]) : NULL;
    if (e) e->mark = m->generation;
    if (v) v->mark = m->generation;
    if (a) a->mark = m->generation;
    if (s.kind == SUBJECT_SOURCE) mirror_source_keep(m, s.token[0]);
}

/* Entries that wait are looked at when a document of theirs comes, and now and then. */
static void entries_render(mirror *m, ov_mono now)
{
    if (ov_mono_since(now, m->waiting_looked) >= MIRROR_LOOK_MS) {
        m->waiting_looked = now;
        for (size_t i = 0; i < m->waiting_count; i++) mirror_entry_queue(m, m->waiting[i]);
    }
    for (size_t i = 0; i < m->queue_count; i++) {
        m->queue[i]->queued = false;
        mirror_entry_render(m, m->queue[i], now);
    }
    m->queue_count = 0;
}

static void cards_rebuild(mirror_agent *a)
{
    OV_CLEANUP(ov_free_p) card **items = ov_calloc(a->count, sizeof(card *));
    size_t count = 0;
    for (size_t i = 0; i < a->count; i++) {
        if (a->entries[i]->card) items[count++] = card_ref(a->entries[i]->card);
    }
    block_cards_unref(a->cards);
    a->cards = block_cards_new(items, count);
    a->cards_changed = false;
}

static void block_rebuild(mirror_agent *a)
{
    if (a->cards_changed) cards_rebuild(a);
    block_unref(a->block);
    a->block = NULL;
    if (!a->known && !a->cards->count) return;
    block_agent who = {.id = ov_str_of(a->id),
                       .tags = ov_str_of(a->tags),
                       .listed = a->known && a->state != AGENT_EXPIRED,
                       .heartbeat_s = a->heartbeat_s ? a->heartbeat_s : a->first_seen_s,
                       .wanted = ov_str_of(a->wanted),
                       .inventory_wanted = a->inventory_wanted,
                       .report_period_ms = a->report_period_ms};
    a->block = block_new(&who, a->cards);
}

static view *view_make(const mirror *m)
{
    OV_CLEANUP(ov_free_p) block **blocks = ov_calloc(m->order_count, sizeof(block *));
    size_t count = 0;
    for (size_t i = 0; i < m->order_count; i++) {
        if (m->order[i]->block) blocks[count++] = block_ref(m->order[i]->block);
    }
    return view_new(blocks, count, m->github_remaining, shared_text_ref(m->source_lines));
}

view *mirror_publish(mirror *m, ov_mono now)
{
    entries_render(m, now);
    m->dirty |= mirror_sources_render(m);
    if (!m->changed_count && !m->dirty) return NULL;
    while (m->changed_count) {
        mirror_agent *a = m->changed[--m->changed_count];
        a->queued = false;
        block_rebuild(a);
        if (is_forgotten(a)) mirror_agent_drop(m, a);
    }
    m->dirty = false;
    return view_make(m);
}

mirror_counts mirror_count(const mirror *m)
{
    return (mirror_counts){.agents = m->order_count,
                           .entries = m->entry_count,
                           .verdicts = m->verdicts.count,
                           .waiting = m->waiting_count};
}
