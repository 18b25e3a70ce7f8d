/* Judges agents by their heartbeats: equal digests keep everything alive, others are settled by the agent's own list.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "crypto/hash.h"
#include "services/aggregator/core.h"
#include "base/poison.h"

static int64_t number_of(ov_str s)
{
    uint64_t n = 0;
    return ov_str_to_u64(s, &n) && n <= INT64_MAX ? (int64_t)n : 0;
}

static void ask(aggregate *a, const agent *ag)
{
    if (!a->leading || !a->l.settled) return;
    ask_report q = {.report_period_ms = a->options.report_period_ms, .inventory_wanted = ag->inventory_wanted};
    q.wanted = ov_calloc(ag->wanted.count + 1, sizeof *q.wanted);
    size_t at = 0;
    ov_str id;
    void *value;
    while (ov_map_next(&ag->wanted, &at, &id, &value)) q.wanted[q.wanted_count++] = id;
    OV_CLEANUP(ov_buf_clear) ov_buf body = OV_BUF(REPORT_BYTES_MAX);
    ask_report_encode(&q, &body);
    free(q.wanted);
    if (body.failed) return;
    char subject[SUBJECT_MAX];
    subject_ask_report(ov_str_of(ag->id), subject);
    effect *e = effects_add(a, EFFECT_ASK);
    e->subject = ov_dup(ov_str_of(subject));
    e->body = ov_buf_take(&body, &e->len);
}

static void set_inventory_wanted(aggregate *a, agent *ag, bool wanted)
{
    if (ag->inventory_wanted == wanted) return;
    ag->inventory_wanted = wanted;
    ledger_mark(&a->l, &ag->d);
}

/* An older instance's entries wait for the newest one's list. */
static bool has_strangers(const agent *ag)
{
    size_t at = 0;
    ov_str token;
    void *each;
    while (ov_map_next(&ag->entries, &at, &token, &each)) {
        const entry *e = each;
        if (!e->gone && e->instance && !e->counted) return true;
    }
    return false;
}

/* The stream lost what is wanted: what is known of it stands in until the agent sends it again. */
static bool lacks_reports(const agent *ag)
{
    size_t at = 0;
    ov_str token;
    void *each;
    while (ag->wanted.count && ov_map_next(&ag->entries, &at, &token, &each)) {
        const entry *e = each;
        if (!e->gone && e->instance && !e->in_stream) return true;
    }
    return false;
}

static bool agrees(const agent *ag)
{
    char sum[REPORT_DIGEST_HEX];
    inventory_digest_hex(&ag->sum, sum);
    return ag->counted == ag->beat_count && strcmp(sum, ag->beat_digest) == 0;
}

static void forget_wanted(aggregate *a, agent *ag)
{
    if (!ag->wanted.count) return;
    ov_map_clear(&ag->wanted);
    ledger_mark(&a->l, &ag->d);
}

static void judge_beat(aggregate *a, agent *ag)
{
    if (ag->revision_max > ag->beat_revision) return; /* it was said before what is known */
    bool fine = agrees(ag) && !lacks_reports(ag);
    if (fine && (ag->listed || !has_strangers(ag))) {
        forget_wanted(a, ag);
        set_inventory_wanted(a, ag, false);
        return;
    }
    if (!ag->listed || !ag->wanted.count) set_inventory_wanted(a, ag, true);
    ask(a, ag);
}

static void take_beat(aggregate *a, agent *ag, const heartbeat *h, const input *in)
{
    bool first = !ag->beat;
    ag->beat = true;
    ag->beat_revision = number_of(in->revision);
    ag->beat_count = h->count;
    memcpy(ag->beat_digest, h->digest.ptr, h->digest.len < sizeof ag->beat_digest ? h->digest.len : 0);
    ag->beat_digest[sizeof ag->beat_digest - 1] = '\0';
    int64_t at = aggregate_arrival_ms(a, in);
    if (at > ag->beat_ms) ag->beat_ms = at;
    if (!a->l.settled || aggregate_is_replay(a, in)) return;
    judge_beat(a, ag);
    if (first && !ag->inventory_wanted && !ag->wanted.count) ask(a, ag); /* tells the report period */
}

/* True when the newest instance speaks; notes a new one and conflicts in the agent's document. beat NULL: an inventory.
 */
static bool hear(aggregate *a, agent *ag, const input *in, const heartbeat *beat)
{
    bool conflict = ag->conflict, other = ag->other_cluster;
    uint64_t began = ag->instance_seq;
    int64_t at = aggregate_arrival_ms(a, in);
    speaker by = agent_hear(ag, in->instance, in->seq, at, a->l.texts);
    if (by == SPEAKER_OLDER && beat && !aggregate_is_replay(a, in)) agent_older_beats(ag, beat->fingerprint, at);
    if (by == SPEAKER_NEWEST && beat) agent_set_cluster(ag, beat->fingerprint);
    if (conflict != ag->conflict || other != ag->other_cluster || began != ag->instance_seq) ledger_mark(&a->l, &ag->d);
    if (by != SPEAKER_OLDER) roster_heard(a, ag, in);
    return by == SPEAKER_NEWEST;
}

void judge_heartbeat(aggregate *a, const input *in, const subject_parsed *s)
{
    OV_CLEANUP(heartbeat_clear) heartbeat h = {0};
    ov_err err = {0};
    ov_status st = heartbeat_decode(HEARTBEAT_BUS, in->data, &h, &err);
    if (st == OV_OK && !subject_token_is(s->token[0], h.agent_id))
        st = ov_fail(&err, OV_INVALID, "heartbeat: agentId: not the subject's");
    if (st != OV_OK) {
        effects_undecodable(a, in, &err);
        return;
    }
    agent *ag = roster_agent(a, s->token[0], h.agent_id);
    if (!hear(a, ag, in, &h)) return;
    roster_tags(a, ag, h.tags, in->seq);
    take_beat(a, ag, &h, in);
}

/* Whether the list may judge the entry: its own instance's up to its revision, or an older instance's from before. */
static bool is_judged(const agent *ag, const entry *e, const input *in, const intern *texts)
{
    if (e->gone || !e->report || !e->instance || !e->in_stream || e->seq > in->seq) return false;
    bool own = ov_str_eq(intern_text(texts, e->instance), ov_str_of(ag->instance));
    return !own || e->revision <= number_of(in->revision);
}

static void adopt(aggregate *a, agent *ag, entry *e)
{
    agent_uncount(ag, e);
    if (intern_set(a->l.texts, &e->instance, ov_str_of(ag->instance))) e->revision = 0;
    agent_count(ag, e, a->l.texts);
}

static void judge_known(aggregate *a, agent *ag, const ov_map *items, const input *in)
{
    size_t at = 0;
    ov_str token;
    void *each;
    while (ov_map_next(&ag->entries, &at, &token, &each)) {
        entry *e = each;
        if (!is_judged(ag, e, in, a->l.texts)) continue;
        const inventory_item *item = ov_map_get(items, ov_str_of(e->id));
        if (!item) {
            merge_end(a, e, (int64_t)e->seq);
            continue;
        }
        char digest[REPORT_DIGEST_HEX];
        ov_hex(e->digest, sizeof e->digest, digest);
        if (ov_str_eq(item->digest, ov_str_of(digest)))
            adopt(a, ag, e);
        else if (agent_want(ag, item->id))
            ledger_mark(&a->l, &ag->d);
    }
}

static void want_unknown(aggregate *a, agent *ag, const inventory *all)
{
    for (size_t i = 0; i < all->count; i++) {
        char token[SUBJECT_TOKEN_MAX + 1];
        subject_escape(all->items[i].id, token);
        const entry *e = ov_map_get(&ag->entries, ov_str_of(token));
        if (e && !e->gone && e->report && e->in_stream) continue;
        if (agent_want(ag, all->items[i].id)) ledger_mark(&a->l, &ag->d);
    }
}

static void take_inventory(aggregate *a, agent *ag, const inventory *all, const input *in)
{
    OV_CLEANUP(ov_map_clear) ov_map items = {0};
    for (size_t i = 0; i < all->count; i++) ov_map_put(&items, all->items[i].id, &all->items[i]);
    ag->listed = true;
    set_inventory_wanted(a, ag, false);
    judge_known(a, ag, &items, in);
    want_unknown(a, ag, all);
    if (ag->wanted.count) ask(a, ag);
}

void judge_inventory(aggregate *a, const input *in, const subject_parsed *s)
{
    OV_CLEANUP(inventory_clear) inventory all = {0};
    ov_err err = {0};
    ov_status st = inventory_decode(in->data, &all, &err);
    if (st == OV_OK && !subject_token_is(s->token[0], all.agent_id))
        st = ov_fail(&err, OV_INVALID, "inventory: agentId: not the subject's");
    if (st != OV_OK) {
        effects_undecodable(a, in, &err);
        return;
    }
    agent *ag = roster_agent(a, s->token[0], all.agent_id);
    if (hear(a, ag, in, NULL)) take_inventory(a, ag, &all, in);
}

void judge_ask_all(aggregate *a, agent *ag)
{
    if (!ag->instance[0]) return; /* posts everything anyway */
    size_t at = 0;
    ov_str token;
    void *each;
    while (ov_map_next(&ag->entries, &at, &token, &each)) {
        const entry *e = each;
        if (!e->gone && e->instance) agent_want(ag, ov_str_of(e->id));
    }
    ag->inventory_wanted = true;
    ledger_mark(&a->l, &ag->d);
    ask(a, ag);
}
