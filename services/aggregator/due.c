/* Says when a source is due: at once when first needed or when a wanted list is missing, else each interval, never
 * before upstream wants to be asked. */
#include "services/aggregator/due.h"

#include "services/aggregator/lifecycle.h"
#include "base/poison.h"

/* Up to a tenth of the interval earlier, by the source's name: looks that began together part. FNV-1a. */
static int64_t spread_ms(const upstream *u, int64_t interval_ms)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (const char *c = u->token; *c; c++) hash = (hash ^ (unsigned char)*c) * UINT64_C(1099511628211);
    return (int64_t)((hash ^ hash >> 32) % (uint64_t)(interval_ms / 10 + 1));
}

/* It was stored before lists named cycles. */
static bool lacks_cycles(const upstream_list *l)
{
    return l->lifecycle && l->versions.count && !cycle_index_count(&l->lifecycle->cycles);
}

static bool lacks_list(const upstream *u)
{
    size_t at = 0;
    ov_str token;
    void *each;
    while (ov_map_next(&u->lists, &at, &token, &each)) {
        const upstream_list *l = each;
        if (!upstream_list_is_read(l)) continue;
        if (l->present && lacks_cycles(l)) return true;
        if (l->present) continue;
        const lookup_list *said = upstream_last_list(u, ov_str_of(l->name));
        if (!said || said->digest.len) return true;
    }
    return false;
}

/* Before this no look makes sense; 0: no such time. */
static int64_t next_try_ms(const upstream *u)
{
    if (u->last.next_try_s <= 0) return 0;
    int64_t wait_s = u->last.next_try_s - u->last.looked_at_s;
    return u->looked_ms + (wait_s < DUE_WAIT_MAX_MS / 1000 ? wait_s * 1000 : DUE_WAIT_MAX_MS);
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* Its time was not upstream's wish: who asks for a look may know that the cause is gone. */
static bool is_mendable(const upstream *u)
{
    return u->last.outcome == LOOKUP_FAILED && u->last.failure != FAILURE_RATE_LIMITED;
}

static int64_t wanted_at(const upstream *u, int64_t interval_ms, bool fresh)
{
    if (!u->looked) return 0;
    int64_t earliest = next_try_ms(u), asked = u->refresh ? u->looked_ms + DUE_REFRESH_MS : DUE_NEVER;
    if (u->last.outcome == LOOKUP_DEFERRED || (u->last.outcome == LOOKUP_FAILED && earliest))
        return is_mendable(u) ? earlier(asked, earliest) : earliest;
    int64_t at = earlier(asked, u->looked_ms + interval_ms - spread_ms(u, interval_ms));
    if (fresh && !u->fresh_tried && u->last.outcome != LOOKUP_FAILED) at = 0;
    return later(at, earliest);
}

int64_t due_at(const upstream *u, int64_t interval_ms, bool *ret_fresh)
{
    if (!u->rule_count || !u->key) return DUE_NEVER;
    *ret_fresh = lacks_list(u);
    int64_t at = later(wanted_at(u, interval_ms, *ret_fresh), u->gather_until_ms);
    return u->job_out ? later(at, u->job_ms + DUE_PATIENCE_MS) : at;
}
