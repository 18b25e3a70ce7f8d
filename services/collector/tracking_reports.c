/* Which report is to be rendered now: one that changed, whose objects were read whole, and that waited for others. */
#include <stdlib.h>

#include "base/mem.h"
#include "services/collector/tracking_parts.h"

#include "base/poison.h"

/* A tracker that goes on changing waits longer each time, up to so many times the first wait. */
enum { GATHER_GROWTH_MAX = 50, GATHER_CALM = 4 };

static bool next_gone(tracking *t, ov_str *ret_id)
{
    size_t at = 0;
    ov_str id;
    void *value;
    if (!ov_map_next(&t->gone, &at, &id, &value)) return false;
    free(t->current_id);
    t->current_id = ov_dup(id);
    ov_map_remove(&t->gone, ov_str_of(t->current_id));
    *ret_id = ov_str_of(t->current_id);
    return true;
}

void tracking_touch(tracking *t)
{
    size_t at = 0;
    ov_str key;
    void *value;
    while (ov_map_next(&t->trackers, &at, &key, &value)) tracking_mark_dirty(t, value);
}

/* What a tracker says before its objects were read, or while they are read again, would be wrong, unless they cannot be
 * read at all. */
static bool is_sayable(const tracking *t, const tracked *k, const tracking_pace *pace)
{
    if (k->duplicate) return false;
    if (!pace || !pace->by_kind) return true;
    if (!k->spec) return t->trackers_read; /* an older one with its name may be among those that come */
    return k->group->problem != CLUSTER_FINE || (k->is_whole && !k->group->is_reading);
}

/* The first change of a calm tracker waits for gather_ms, so that what comes with it shares its report. */
static ov_mono due_at(tracked *k, const tracking_pace *pace)
{
    if (k->due.ms == 0) k->due = ov_mono_after(pace->now, k->reported.ms ? k->gather_ms : 0);
    return k->due;
}

static void note_report(tracked *k, const tracking_pace *pace)
{
    bool calm = k->reported.ms == 0 || ov_mono_since(pace->now, k->reported) > GATHER_CALM * k->gather_ms;
    int64_t longer = 2 * k->gather_ms, most = GATHER_GROWTH_MAX * pace->gather_ms;
    k->gather_ms = calm ? pace->gather_ms : longer < most ? longer : most;
    k->reported = pace->now;
    k->due = (ov_mono){0};
}

static bool is_due(tracked *k, const tracking_pace *pace, ov_mono *next)
{
    if (!pace) return true;
    ov_mono due = due_at(k, pace);
    if (due.ms <= pace->now.ms) return true;
    if (due.ms < next->ms) *next = due;
    return false;
}

bool tracking_next_change(tracking *t, const tracking_pace *pace, ov_str *ret_id, ov_buf *body, ov_mono *ret_next)
{
    *ret_next = (ov_mono){INT64_MAX};
    tracking_settle_owners(t);
    ov_buf_reset(body);
    if (next_gone(t, ret_id)) return true;
    for (tracked *k = t->dirty_first; k; k = k->dirty_behind) {
        if (!is_sayable(t, k, pace) || !is_due(k, pace, ret_next)) continue;
        tracking_mark_clean(t, k);
        if (pace) note_report(k, pace);
        tracked_render(k, &t->texts, ov_str_of(t->agent_id), ov_str_of(t->tags), body);
        tracking_mark_status(t, k);
        *ret_id = ov_str_of(k->id);
        return true;
    }
    return false;
}
