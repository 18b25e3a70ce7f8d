/* Decides who speaks for an agent and what its newest instance keeps alive. */
#include "services/aggregator/agent.h"

#include <stdlib.h>

#include "base/mem.h"
#include "crypto/hash.h"
#include "base/poison.h"

/* A rolling restart runs two instances for a while: that is no conflict yet. */
enum { OVERLAP_MS = 90000, OVERLAP_BEATS = 3 };

agent *agent_new(ov_str token, ov_str id)
{
    agent *a = ov_zalloc(sizeof *a);
    a->d.kind = DOC_AGENT;
    a->token = ov_dup(token);
    a->id = ov_dup(id);
    a->tags = ov_dup(OV_STR("{}"));
    return a;
}

void agent_free(agent *a, intern *texts)
{
    wheel_disarm(&a->node);
    for (size_t i = 0; i < AGENT_OLDER; i++) intern_drop(texts, a->older[i]);
    ov_map_clear(&a->entries);
    ov_map_clear(&a->wanted);
    free(a->token);
    free(a->id);
    free(a->tags);
    free(a);
}

agent_value agent_state(const agent *a)
{
    if (a->expired) return AGENT_EXPIRED;
    return a->conflict ? AGENT_CONFLICT : AGENT_ALIVE;
}

static void toggle(agent *a, const entry *e)
{
    char digest[REPORT_DIGEST_HEX];
    ov_hex(e->digest, sizeof e->digest, digest);
    inventory_digest_toggle(&a->sum, ov_str_of(e->id), ov_str_of(digest));
}

void agent_count(agent *a, entry *e, const intern *texts)
{
    if (e->counted || e->gone || !e->report || !e->instance) return;
    if (!ov_str_eq(intern_text(texts, e->instance), ov_str_of(a->instance))) return;
    toggle(a, e);
    e->counted = true;
    a->counted++;
    if (e->revision > a->revision_max) a->revision_max = e->revision;
}

void agent_uncount(agent *a, entry *e)
{
    if (!e->counted) return;
    toggle(a, e);
    e->counted = false;
    a->counted--;
}

static bool is_older(const agent *a, ov_str instance, const intern *texts)
{
    for (size_t i = 0; i < AGENT_OLDER; i++)
        if (a->older[i] && ov_str_eq(intern_text(texts, a->older[i]), instance)) return true;
    return false;
}

static void add_older(agent *a, ov_str instance, intern *texts)
{
    intern_drop(texts, a->older[AGENT_OLDER - 1]);
    memmove(&a->older[1], &a->older[0], (AGENT_OLDER - 1) * sizeof a->older[0]);
    a->older[0] = intern_hold(texts, instance);
}

void agent_know_older(agent *a, ov_str instance, intern *texts)
{
    if (instance.len && !is_older(a, instance, texts) && !ov_str_eq(instance, ov_str_of(a->instance)))
        add_older(a, instance, texts);
}

static void begin_instance(agent *a, ov_str instance, uint64_t seq, int64_t now_ms, intern *texts)
{
    if (a->instance[0]) add_older(a, ov_str_of(a->instance), texts);
    memcpy(a->instance, instance.ptr, instance.len);
    a->instance[instance.len] = '\0';
    a->instance_seq = seq;
    a->instance_ms = now_ms;
    a->beat = a->listed = a->inventory_wanted = false;
    a->sum = (inventory_digest){0};
    a->counted = 0;
    a->revision_max = 0;
    a->older_beats = 0;
    a->other_cluster = false;
    a->fingerprint[0] = '\0';
    size_t at = 0;
    ov_str key;
    void *e;
    while (ov_map_next(&a->entries, &at, &key, &e)) ((entry *)e)->counted = false;
}

speaker agent_hear(agent *a, ov_str instance, uint64_t seq, int64_t now_ms, intern *texts)
{
    if (!instance.len || instance.len > INSTANCE_MAX) return SPEAKER_NONE;
    if (ov_str_eq(instance, ov_str_of(a->instance))) return SPEAKER_NEWEST;
    bool late = seq > a->instance_seq;
    if (!is_older(a, instance, texts)) {
        if (!a->instance[0] || late) {
            begin_instance(a, instance, seq, now_ms, texts);
            return SPEAKER_NEWEST;
        }
        add_older(a, instance, texts);
    }
    if (!late) return SPEAKER_BEFORE;
    if (a->expired && seq > a->expired_at) { /* the newest fell silent for good: the older one is all there is */
        begin_instance(a, instance, seq, now_ms, texts);
        return SPEAKER_NEWEST;
    }
    if (now_ms - a->instance_ms > OVERLAP_MS) {
        a->conflict = true;
        a->older_seen_ms = now_ms;
    }
    return SPEAKER_OLDER;
}

void agent_set_cluster(agent *a, ov_str fingerprint)
{
    ov_str known = ov_str_sub(fingerprint, 0, AGENT_FINGERPRINT);
    if (known.len > 0) memcpy(a->fingerprint, known.ptr, known.len);
    a->fingerprint[known.len] = '\0';
}

void agent_older_beats(agent *a, ov_str fingerprint, int64_t now_ms)
{
    ov_str theirs = ov_str_sub(fingerprint, 0, AGENT_FINGERPRINT), ours = ov_str_of(a->fingerprint);
    a->other_cluster |= theirs.len > 0 && ours.len > 0 && !ov_str_eq(theirs, ours);
    if (++a->older_beats < OVERLAP_BEATS && !a->other_cluster) return;
    a->conflict = true;
    a->older_seen_ms = now_ms;
}

ov_str agent_reason(const agent *a)
{
    if (!a->conflict || a->expired) return OV_STR("");
    return a->other_cluster ? OV_STR("a collector of another cluster reports under this id")
                            : OV_STR("an older instance still reports");
}

int64_t agent_entry_seen(const agent *a, const entry *e, const intern *texts)
{
    if (!a->beat || !e->instance || e->revision > a->beat_revision || a->beat_ms <= e->seen_ms) return e->seen_ms;
    return ov_str_eq(intern_text(texts, e->instance), ov_str_of(a->instance)) ? a->beat_ms : e->seen_ms;
}

bool agent_want(agent *a, ov_str tracker)
{
    if (ov_map_get(&a->wanted, tracker)) return false;
    if (a->wanted.count >= INVENTORY_ITEMS_MAX) return false;
    ov_map_put(&a->wanted, tracker, a);
    return true;
}

bool agent_unwant(agent *a, ov_str tracker)
{
    return a->wanted.count && ov_map_remove(&a->wanted, tracker);
}
