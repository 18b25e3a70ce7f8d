/* Decides, as the leader alone may, who was silent for too long, and forgets what nobody needs to remember. */
#include <stddef.h>

#include "services/aggregator/core.h"
#include "base/poison.h"

enum { CONFLICT_MS = 5 * 60 * 1000 /* an older instance that is silent for so long is no conflict any more */ };

static void entry_fire(void *arg, wheel_node *n)
{
    aggregate *a = arg;
    entry *e = (entry *)((char *)n - offsetof(entry, node));
    if (e->gone) {
        e->removed = true;
        ledger_mark(&a->l, &e->d);
        return;
    }
    int64_t due = agent_entry_seen(e->agent, e, a->l.texts) + a->options.expiration_ms;
    if (due > a->l.clock_ms) {
        wheel_arm(a->entry_wheel, &e->node, due);
        return;
    }
    a->counters.expired++;
    merge_end(a, e, (int64_t)e->seq);
}

static void agent_fire(void *arg, wheel_node *n)
{
    aggregate *a = arg;
    agent *ag = (agent *)((char *)n - offsetof(agent, node));
    int64_t due = ag->seen_ms + a->options.expiration_ms;
    if (!ag->expired && due <= a->l.clock_ms) {
        ag->expired = true;
        ag->expired_at = a->in[INPUT_REPORTS].last_seq;
        roster_mark_live(a, ag);
        ledger_mark(&a->l, &ag->d);
    } else if (ag->expired && ag->seen_ms + a->options.retention_ms <= a->l.clock_ms && !ag->entries.count) {
        ag->removed = true;
        ledger_mark(&a->l, &ag->d);
        return;
    }
    wheel_arm(a->agent_wheel, &ag->node, due > a->l.clock_ms ? due : a->l.clock_ms + a->options.expiration_ms);
}

static void resolve_conflicts(aggregate *a)
{
    size_t at = 0;
    ov_str token;
    void *each;
    while (ov_map_next(&a->agents, &at, &token, &each)) {
        agent *ag = each;
        if (!ag->conflict || a->l.clock_ms - ag->older_seen_ms < CONFLICT_MS) continue;
        ag->conflict = ag->other_cluster = false;
        ledger_mark(&a->l, &ag->d);
    }
}

void expiry_run(aggregate *a)
{
    if (!a->leading || !a->l.settled) return;
    wheel_advance(a->entry_wheel, a->l.clock_ms, entry_fire, a);
    wheel_advance(a->agent_wheel, a->l.clock_ms, agent_fire, a);
    resolve_conflicts(a);
}
