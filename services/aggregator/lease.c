/* Takes a lease that stands still or was given up, renews it, and knows by its own clock when it is no longer safe. */
#include "services/aggregator/lease.h"

#include "base/poison.h"

static lease_action store(lease *l, ov_mono now)
{
    l->in_flight = true;
    l->sending = now;
    return LEASE_STORE;
}

static void watch(lease *l, ov_mono now)
{
    l->stage = LEASE_WATCHING;
    l->known = l->is_free = false;
    l->observe_at = now;
}

bool lease_is_held(const lease *l, ov_mono now)
{
    return l->stage == LEASE_HELD && ov_mono_since(now, l->sent) < LEASE_KEEP_MS;
}

lease_action lease_next(lease *l, ov_mono now)
{
    if (l->stage == LEASE_HELD && !lease_is_held(l, now)) watch(l, now);
    if (l->in_flight) return LEASE_NOTHING;
    if (l->stage == LEASE_HELD) return ov_mono_since(now, l->sending) < LEASE_RENEW_MS ? LEASE_NOTHING : store(l, now);
    if (l->known && (l->is_free || ov_mono_since(now, l->still_since) >= LEASE_STILL_MS)) return store(l, now);
    if (now.ms < l->observe_at.ms) return LEASE_NOTHING;
    l->observe_at = ov_mono_after(now, LEASE_OBSERVE_MS);
    return LEASE_OBSERVE;
}

void lease_observed(lease *l, uint64_t revision, bool is_free, ov_mono now)
{
    if (l->stage != LEASE_WATCHING) return;
    if (!l->known || revision != l->revision) l->still_since = now;
    l->known = true;
    l->revision = revision;
    l->is_free = is_free || revision == 0;
}

void lease_unobserved(lease *l, ov_mono now)
{
    if (l->stage == LEASE_WATCHING) watch(l, ov_mono_after(now, LEASE_OBSERVE_MS));
}

void lease_stored(lease *l, lease_answer answer, uint64_t seq, ov_mono now)
{
    l->in_flight = false;
    if (answer == LEASE_STORED) {
        l->stage = LEASE_HELD;
        l->revision = seq;
        l->sent = l->sending;
    } else if (answer == LEASE_REFUSED || l->stage == LEASE_WATCHING) {
        watch(l, now);
    }
}
