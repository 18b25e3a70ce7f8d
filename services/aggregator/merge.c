/* Merges reports: equal bytes cost one timestamp, others bind their entry anew; an empty body ends it. */
#include "crypto/hash.h"
#include "services/aggregator/core.h"
#include "base/poison.h"

/* What is gone is remembered until its report cannot come again from the stream. */
static void remember_gone(aggregate *a, entry *e)
{
    wheel_arm(a->entry_wheel, &e->node, a->l.clock_ms + a->options.retention_ms);
}

void merge_end(aggregate *a, entry *e, int64_t gone_at)
{
    agent_uncount(e->agent, e);
    binding_clear(a, e);
    blob_drop(e->report);
    e->report = NULL;
    if (!e->gone) a->gone++;
    e->gone = true;
    e->gone_at = gone_at > 0 ? gone_at : 1;
    remember_gone(a, e);
    ledger_mark(&a->l, &e->d);
}

static void revive(aggregate *a, entry *e)
{
    if (e->gone) a->gone--;
    e->gone = e->removed = false;
}

static int64_t revision_of(const input *in)
{
    uint64_t n = 0;
    if (!ov_str_to_u64(in->revision, &n) || n > INT64_MAX) return 0;
    return (int64_t)n;
}

/* What changes with every report, its bytes equal or not. */
static void stamp(aggregate *a, entry *e, const input *in, bool by_instance)
{
    e->seq = in->seq;
    int64_t at = aggregate_arrival_ms(a, in);
    if (at > e->seen_ms) e->seen_ms = at;
    e->mark = a->in[INPUT_REPORTS].mark;
    e->in_stream = true;
    e->revision = revision_of(in);
    intern_set(a->l.texts, &e->instance, by_instance ? in->instance : OV_STR(""));
    if (!e->node.next) wheel_arm(a->entry_wheel, &e->node, e->seen_ms + a->options.expiration_ms);
}

static void unwant(aggregate *a, agent *ag, const entry *e)
{
    if (agent_unwant(ag, ov_str_of(e->id))) ledger_mark(&a->l, &ag->d);
}

static void take_same(aggregate *a, entry *e, const input *in)
{
    bool by_instance = in->instance.len > 0;
    bool moved = e->revision != revision_of(in) || !ov_str_eq(intern_text(a->l.texts, e->instance), in->instance);
    if (moved) agent_uncount(e->agent, e);
    stamp(a, e, in, by_instance);
    if (moved) agent_count(e->agent, e, a->l.texts);
    unwant(a, e->agent, e);
    a->counters.same++;
}

/* The stored copy's bytes are shared when they are the same. */
static void keep_version(entry *e, const report *r)
{
    ov_str version = r->version;
    if (e->report && ov_str_eq(blob_str(e->report), version)) return;
    blob_drop(e->report);
    bool stored = e->stored_report && ov_str_eq(blob_str(e->stored_report), version);
    e->report = stored ? blob_share(e->stored_report) : blob_new(version, r->uniq_versions);
}

static void take_changed(aggregate *a, entry *e, const input *in, const report *r, const unsigned char digest[16])
{
    agent_uncount(e->agent, e);
    bool rebind = !e->report || e->gone || !ov_str_eq(blob_str(e->report), r->version);
    revive(a, e);
    keep_version(e, r);
    if (rebind) binding_make(a, e, r);
    memcpy(e->digest, digest, sizeof e->digest);
    wheel_disarm(&e->node);
    stamp(a, e, in, in->instance.len > 0);
    agent_count(e->agent, e, a->l.texts);
    roster_tags(a, e->agent, r->tags.len ? r->tags : OV_STR("{}"), in->seq);
    unwant(a, e->agent, e);
    ledger_mark(&a->l, &e->d);
    a->counters.changed++;
}

/* A report that was decided to be gone is still in the stream: noted, no more. */
static bool is_decided(const entry *e, const input *in)
{
    return e && e->gone && in->seq <= (uint64_t)e->gone_at;
}

static void note_decided(aggregate *a, entry *e)
{
    e->mark = a->in[INPUT_REPORTS].mark;
    e->in_stream = true;
}

/* Whether this instance's word counts; notes a conflict. */
static bool may_speak(aggregate *a, agent *ag, const input *in)
{
    bool conflict = ag->conflict;
    uint64_t began = ag->instance_seq;
    speaker by = agent_hear(ag, in->instance, in->seq, aggregate_arrival_ms(a, in), a->l.texts);
    if (conflict != ag->conflict || began != ag->instance_seq) ledger_mark(&a->l, &ag->d);
    return by != SPEAKER_OLDER;
}

/* An older instance's word stands in the stream where the newest one's stood: what is known of the entry stays. */
static void pass_over(const aggregate *a, entry *e)
{
    if (e) e->mark = a->in[INPUT_REPORTS].mark;
}

static void take_tombstone(aggregate *a, agent *ag, entry *e, const input *in)
{
    if (!ag || !e || in->seq < e->seq) return;
    if (!may_speak(a, ag, in)) {
        pass_over(a, e);
        return;
    }
    roster_heard(a, ag, in);
    e->seq = in->seq;
    note_decided(a, e);
    unwant(a, ag, e);
    if (e->gone)
        e->gone_at = (int64_t)in->seq;
    else
        merge_end(a, e, (int64_t)in->seq);
}

static ov_status check_subject(const subject_parsed *s, const report *r, ov_err *err)
{
    if (!subject_token_is(s->token[0], r->agent_id))
        return ov_fail(err, OV_INVALID, "report: agentId: not the subject's");
    if (!subject_token_is(s->token[1], r->id)) return ov_fail(err, OV_INVALID, "report: version.id: not the subject's");
    return OV_OK;
}

static ov_status take_new(aggregate *a, const input *in, const subject_parsed *s, const unsigned char digest[16],
                          ov_err *err)
{
    OV_CLEANUP(report_clear) report r = {0};
    ov_status st = report_decode(in->data, &r, err);
    if (st == OV_OK) st = check_subject(s, &r, err);
    if (st != OV_OK) return st;
    agent *ag = roster_agent(a, s->token[0], r.agent_id);
    if (!may_speak(a, ag, in)) {
        pass_over(a, ov_map_get(&ag->entries, s->token[1]));
        return OV_OK;
    }
    roster_heard(a, ag, in);
    take_changed(a, roster_entry(a, ag, s->token[1], r.id), in, &r, digest);
    return OV_OK;
}

void merge_report(aggregate *a, const input *in, const subject_parsed *s)
{
    agent *ag = ov_map_get(&a->agents, s->token[0]);
    entry *e = ag ? ov_map_get(&ag->entries, s->token[1]) : NULL;
    a->counters.merged++;
    if (is_decided(e, in)) {
        note_decided(a, e);
        roster_heard(a, ag, in);
        return;
    }
    if (!in->data.len) {
        take_tombstone(a, ag, e, in);
        return;
    }
    if (e && e->in_stream && in->seq < e->seq) return;
    unsigned char hash[OV_SHA256_BYTES];
    ov_sha256(in->data, hash);
    if (e && e->in_stream && !e->gone && e->report && memcmp(hash, e->digest, sizeof e->digest) == 0) {
        if (!may_speak(a, ag, in)) {
            pass_over(a, e);
            return;
        }
        roster_heard(a, ag, in);
        take_same(a, e, in);
        return;
    }
    ov_err err = {0};
    if (take_new(a, in, s, hash, &err) != OV_OK) effects_undecodable(a, in, &err);
}
