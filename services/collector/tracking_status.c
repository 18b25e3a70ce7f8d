/* Which tracker's status is to be written: one that does not say what it should, and was not written so already. */
#include "services/collector/status.h"
#include "services/collector/tracking_parts.h"

#include "base/poison.h"

void tracking_mark_status(tracking *t, tracked *k)
{
    if (!k->status.due) t->statuses_due++;
    k->status.due = true;
}

static void mark_clean(tracking *t, tracked *k)
{
    if (k->status.due) t->statuses_due--;
    k->status.due = false;
}

static void set_outdated(tracking *t, tracked *k, bool pruned, bool refused)
{
    t->statuses_outdated -= k->status.pruned || k->status.refused;
    t->statuses_outdated += pruned || refused;
    k->status.pruned = pruned;
    k->status.refused = refused;
}

void tracking_forget_status(tracking *t, tracked *k)
{
    mark_clean(t, k);
    set_outdated(t, k, false, false);
}

bool tracking_has_status(const tracking *t)
{
    return t->statuses_due > 0;
}

size_t tracking_count_outdated(const tracking *t)
{
    return t->statuses_outdated;
}

/* Renders what the status should be; true when that is to be written. */
static bool is_wanted(const tracking *t, tracked *k, ov_wall now, ov_buf *body, uint64_t *ret_hash)
{
    OV_CLEANUP(ov_json_tree_p) cJSON *patch = NULL;
    ov_buf_reset(body);
    tracked_render_status(k, &t->texts, now, body);
    if (body->failed || ov_json_tree(ov_buf_str(body), &patch, NULL) != OV_OK) return false;
    *ret_hash = status_hash(ov_json_member(patch, "status"));
    return *ret_hash != k->status.stored && *ret_hash != k->status.written;
}

/* A tracker that was never reported is still being read. */
static bool is_known(const tracking *t, const tracked *k)
{
    if (k->duplicate || !k->spec) return t->trackers_read;
    return (k->is_whole && !k->dirty) || k->group->problem != CLUSTER_FINE;
}

bool tracking_next_status(tracking *t, ov_wall now, ov_str *ret_key, ov_buf *body, uint64_t *ret_hash)
{
    size_t at = 0;
    ov_str key;
    void *value;
    tracking_settle_owners(t);
    while (t->statuses_due > 0 && ov_map_next(&t->trackers, &at, &key, &value)) {
        tracked *k = value;
        if (!k->status.due || k->status.running || !is_known(t, k)) continue;
        mark_clean(t, k);
        if (!is_wanted(t, k, now, body, ret_hash)) continue;
        k->status.running = true;
        *ret_key = ov_str_of(k->key);
        return true;
    }
    return false;
}

/* One was kept whole, so that the definition became another one. */
static void retry_pruned(tracking *t)
{
    size_t at = 0;
    ov_str key;
    void *value;
    while (t->statuses_outdated > 0 && ov_map_next(&t->trackers, &at, &key, &value)) {
        tracked *k = value;
        if (!k->status.pruned) continue;
        set_outdated(t, k, false, false);
        k->status.written = 0;
        tracking_mark_status(t, k);
    }
}

void tracking_status_done(tracking *t, ov_str key, uint64_t hash, tracking_status_outcome outcome)
{
    tracked *k = ov_map_get(&t->trackers, key);
    if (!k || !k->status.running) return; /* another one has its name now */
    k->status.running = false;
    if (outcome == TRACKING_STATUS_RETRY) {
        tracking_mark_status(t, k);
        return;
    }
    k->status.written = hash;
    set_outdated(t, k, outcome == TRACKING_STATUS_PRUNED, outcome == TRACKING_STATUS_REFUSED);
    if (outcome == TRACKING_STATUS_WRITTEN) retry_pruned(t);
}
