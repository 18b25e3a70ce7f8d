/* Agents and entries come and go here, with their places in maps, shards and wheels. */
#include <stdlib.h>

#include "base/mem.h"
#include "services/aggregator/core.h"
#include "base/poison.h"

static live_shard *shard_of(aggregate *a, const agent *ag)
{
    return &a->shards[state_live_shard(ov_str_of(ag->id))];
}

void roster_mark_live(aggregate *a, const agent *ag)
{
    shard_of(a, ag)->dirty = true;
}

static void shard_add(aggregate *a, agent *ag)
{
    live_shard *s = shard_of(a, ag);
    ov_grow(&s->agents, &s->cap, s->count + 1, sizeof(agent *));
    ag->in_shard = (uint32_t)s->count;
    s->agents[s->count++] = ag;
}

static void shard_remove(aggregate *a, agent *ag)
{
    live_shard *s = shard_of(a, ag);
    agent *last = s->agents[--s->count];
    s->agents[ag->in_shard] = last;
    last->in_shard = ag->in_shard;
    s->dirty = true;
}

agent *roster_agent(aggregate *a, ov_str token, ov_str id)
{
    agent *ag = ov_map_get(&a->agents, token);
    if (ag) return ag;
    ag = agent_new(token, id);
    ov_map_put(&a->agents, token, ag);
    shard_add(a, ag);
    ag->heartbeat_s = (int64_t)(uintptr_t)ov_map_get(&a->recalled, id);
    ledger_mark(&a->l, &ag->d);
    return ag;
}

static void revive(aggregate *a, agent *ag)
{
    if (!ag->expired && !ag->removed) return;
    ag->expired = ag->removed = false;
    roster_mark_live(a, ag);
    ledger_mark(&a->l, &ag->d);
}

void roster_heard(aggregate *a, agent *ag, const input *in)
{
    int64_t at = aggregate_arrival_ms(a, in);
    if (at > ag->seen_ms) ag->seen_ms = at;
    int64_t heard_s = in->stored_at.ms / 1000;
    if (heard_s > ag->heartbeat_s) {
        ag->heartbeat_s = heard_s;
        roster_mark_live(a, ag);
    }
    if (!ag->first_seen_s) ag->first_seen_s = heard_s;
    if (in->seq > ag->expired_at) revive(a, ag);
    if (!ag->node.next) wheel_arm(a->agent_wheel, &ag->node, at + a->options.expiration_ms);
}

void roster_tags(aggregate *a, agent *ag, ov_str tags, uint64_t seq)
{
    if (!tags.len || seq < ag->tags_seq) return;
    ag->tags_seq = seq;
    if (ov_str_eq(tags, ov_str_of(ag->tags))) return;
    free(ag->tags);
    ag->tags = ov_dup(tags);
    ledger_mark(&a->l, &ag->d);
}

void roster_drop_agent(aggregate *a, agent *ag)
{
    shard_remove(a, ag);
    ov_map_remove(&a->agents, ov_str_of(ag->token));
    agent_free(ag, a->l.texts);
}

entry *roster_entry(aggregate *a, agent *ag, ov_str token, ov_str id)
{
    entry *e = ov_map_get(&ag->entries, token);
    if (e) return e;
    e = entry_new(&a->pool, ag, id);
    ov_map_put(&ag->entries, token, e);
    return e;
}

void roster_drop_entry(aggregate *a, entry *e)
{
    char token[SUBJECT_TOKEN_MAX + 1];
    subject_escape(ov_str_of(e->id), token);
    agent_uncount(e->agent, e);
    binding_clear(a, e);
    if (e->gone) a->gone--;
    ov_map_remove(&e->agent->entries, ov_str_of(token));
    entry_free(&a->pool, e, a->l.texts);
}
