/* Applies what a cluster gives to the trackers that want it, and names the reports that change by it. */
#include "services/collector/tracking.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "services/collector/extract/extract.h"
#include "services/collector/tracking_parts.h"

#include "base/poison.h"

tracking *tracking_new(ov_str agent_id, ov_str tags)
{
    tracking *t = ov_zalloc(sizeof *t);
    t->agent_id = ov_dup(agent_id);
    t->tags = ov_dup(tags);
    t->version = OV_BUF(EXTRACT_VERSION_MAX);
    t->from = OV_BUF(EXTRACT_VALUE_MAX);
    return t;
}

void tracking_read_versions_apart(tracking *t)
{
    t->versions_apart = true;
}

static void group_free(tracked_group *g)
{
    free(g->kind);
    free(g->items);
    free(g->problem_text);
    free(g);
}

void tracking_free(tracking *t)
{
    if (!t) return;
    size_t at = 0;
    ov_str key;
    void *value;
    while (ov_map_next(&t->trackers, &at, &key, &value)) tracked_free(value, &t->texts);
    ov_map_clear(&t->trackers);
    at = 0;
    while (ov_map_next(&t->groups, &at, &key, &value)) group_free(value);
    ov_map_clear(&t->groups);
    ov_map_clear(&t->owners);
    ov_map_clear(&t->gone);
    texts_clear(&t->texts);
    ov_buf_clear(&t->version);
    ov_buf_clear(&t->from);
    free(t->current_id);
    free(t->agent_id);
    free(t->tags);
    free(t);
}

/* "namespace/name" in out; false when a name is longer than any that Kubernetes takes. */
static bool write_key(char out[2 * CLUSTER_NAME_MAX + 1], const cluster_event *e, ov_str *ret)
{
    if (e->ns.len > CLUSTER_NAME_MAX || e->name.len > CLUSTER_NAME_MAX) return false;
    if (e->ns.len > 0) memcpy(out, e->ns.ptr, e->ns.len);
    out[e->ns.len] = '/';
    if (e->name.len > 0) memcpy(out + e->ns.len + 1, e->name.ptr, e->name.len);
    *ret = (ov_str){out, e->ns.len + 1 + e->name.len};
    return true;
}

/* ---- whose report may have changed ---- */

void tracking_mark_dirty(tracking *t, tracked *k)
{
    if (k->dirty) return;
    k->dirty = true;
    k->dirty_before = t->dirty_last;
    k->dirty_behind = NULL;
    *(t->dirty_last ? &t->dirty_last->dirty_behind : &t->dirty_first) = k;
    t->dirty_last = k;
}

void tracking_mark_clean(tracking *t, tracked *k)
{
    if (!k->dirty) return;
    k->dirty = false;
    *(k->dirty_before ? &k->dirty_before->dirty_behind : &t->dirty_first) = k->dirty_behind;
    *(k->dirty_behind ? &k->dirty_behind->dirty_before : &t->dirty_last) = k->dirty_before;
}

/* ---- trackers ---- */

static tracked_group *group_of(tracking *t, const tracker_kind *kind)
{
    char room[KIND_VERSIONED_MAX];
    bool apart = t->versions_apart && !kind->builtin;
    ov_str name = apart ? kind_versioned(kind->api_version, kind->kind, room) : kind->all;
    tracked_group *g = ov_map_get(&t->groups, name);
    if (g) return g;
    g = ov_zalloc(sizeof *g);
    g->kind = ov_dup(name);
    ov_map_put(&t->groups, name, g);
    return g;
}

static void group_join(tracking *t, tracked *k)
{
    if (!k->spec) return;
    tracked_group *g = group_of(t, &k->spec->kind);
    ov_grow(&g->items, &g->cap, g->count + 1, sizeof *g->items);
    k->group = g;
    k->place = g->count;
    g->items[g->count++] = k;
    g->wants_reread = true;
}

static void group_leave(tracking *t, tracked *k)
{
    tracked_group *g = k->group;
    if (!g) return;
    g->items[k->place] = g->items[--g->count];
    g->items[k->place]->place = k->place;
    if (g->count > 0) return;
    ov_map_remove(&t->groups, ov_str_of(g->kind));
    group_free(g);
}

static void tracker_drop(tracking *t, tracked *k)
{
    ov_map_remove(&t->trackers, ov_str_of(k->key));
    if (ov_map_get(&t->owners, ov_str_of(k->id)) == k) {
        ov_map_remove(&t->owners, ov_str_of(k->id));
        ov_map_put(&t->gone, ov_str_of(k->id), t);
    }
    t->owners_stale = true;
    group_leave(t, k);
    tracking_mark_clean(t, k);
    tracking_forget_status(t, k);
    tracked_free(k, &t->texts);
}

static void tracker_on_object(tracking *t, const cluster_event *e, ov_str key, unsigned round)
{
    tracked *k = ov_map_get(&t->trackers, key);
    bool running = k && k->status.running && tracked_is_of(k, e);
    if (k && !tracked_is_same(k, e)) {
        tracker_drop(t, k);
        k = NULL;
    }
    if (!k) {
        k = tracked_new(e, key);
        k->status.running = running; /* of the same object; two at once could arrive in either order */
        ov_map_put(&t->trackers, key, k);
        group_join(t, k);
        tracking_mark_dirty(t, k);
        t->owners_stale = true;
    } else {
        t->overlaps |= k->section != e->section;
    }
    k->section = e->section;
    k->round = round;
    if (tracked_note_status(k, e)) tracking_mark_status(t, k);
}

static void trackers_on_event(tracking *t, const cluster_event *e, ov_str key, unsigned round)
{
    if (e->type == CLUSTER_OBJECT) {
        tracker_on_object(t, e, key, round);
        return;
    }
    tracked *k = ov_map_get(&t->trackers, key);
    if (k) tracker_drop(t, k);
}

/* Each id belongs to its oldest tracker; the others are duplicates and report nothing. */
void tracking_settle_owners(tracking *t)
{
    if (!t->owners_stale) return;
    t->owners_stale = false;
    ov_map_clear(&t->owners);
    size_t at = 0;
    ov_str key;
    void *value;
    while (ov_map_next(&t->trackers, &at, &key, &value)) {
        tracked *k = value, *owner = ov_map_get(&t->owners, ov_str_of(k->id));
        if (!owner || tracked_is_older(k, owner)) ov_map_put(&t->owners, ov_str_of(k->id), k);
    }
    at = 0;
    while (ov_map_next(&t->trackers, &at, &key, &value)) {
        tracked *k = value;
        const tracked *owner = ov_map_get(&t->owners, ov_str_of(k->id));
        bool duplicate = owner != k;
        if (duplicate && !k->duplicate)
            ov_log_warn("tracker has the name of an older one", "tracker", k->key, "id", k->id, "older", owner->key);
        if (k->duplicate && !duplicate) tracking_mark_dirty(t, k);
        if (k->duplicate != duplicate) tracking_mark_status(t, k);
        k->duplicate = duplicate;
        free(k->older);
        k->older = duplicate ? ov_dup(ov_str_of(owner->key)) : NULL;
        ov_map_remove(&t->gone, ov_str_of(k->id));
    }
}

static void trackers_sweep(tracking *t, unsigned section, unsigned round)
{
    size_t at = 0;
    ov_str key;
    void *value;
    while (ov_map_next(&t->trackers, &at, &key, &value)) {
        tracked *k = value;
        if (k->section != section || k->round == round) continue;
        tracker_drop(t, k);
        t->wants_all |= t->overlaps;
    }
}

/* ---- objects ---- */

static bool observe(tracking *t, tracked *k, const cluster_event *e, uint32_t object, unsigned round)
{
    ov_err why = {0};
    bool fine = extract_version(k->spec, e->object, &t->version, &t->from, &why) == EXTRACT_FINE;
    ov_str version = fine ? ov_buf_str(&t->version) : (ov_str){0};
    ov_str from = t->from.ptr ? ov_buf_str(&t->from) : OV_STR("");
    return observed_set(&k->seen, &t->texts, object, e->section, round, version, from, fine ? NULL : why.msg);
}

/* Of an object that nothing is kept of and that no tracker matches nothing is kept. */
static void objects_on_event(tracking *t, const tracked_group *g, const cluster_event *e, ov_str key, unsigned round)
{
    uint32_t object = texts_find(&t->texts, key);
    if (object) texts_hold(&t->texts, object);
    for (size_t i = 0; i < g->count; i++) {
        tracked *k = g->items[i];
        bool changed = false;
        if (e->type == CLUSTER_OBJECT && tracker_matches(k->spec, e->object)) {
            if (!object) object = texts_add(&t->texts, key);
            changed = observe(t, k, e, object, round);
        } else if (object) {
            changed = observed_remove(&k->seen, &t->texts, object);
        }
        if (changed) tracking_mark_dirty(t, k);
    }
    texts_drop(&t->texts, object);
}

static void objects_sweep(tracking *t, unsigned section, unsigned round)
{
    size_t at = 0;
    ov_str key;
    void *value;
    while (ov_map_next(&t->trackers, &at, &key, &value)) {
        tracked *k = value;
        if (!observed_sweep(&k->seen, &t->texts, section, round)) continue;
        tracking_mark_dirty(t, k);
        t->wants_all |= k->seen.overlaps;
    }
}

static void give_event(tracking *t, const tracked_group *g, const cluster_event *e)
{
    char room[2 * CLUSTER_NAME_MAX + 1];
    ov_str key;
    unsigned round = t->rounds[e->section];
    if (!write_key(room, e, &key)) return;
    if (g)
        objects_on_event(t, g, e, key, round);
    else
        trackers_on_event(t, e, key, round);
}

/* A text is parsed only when somebody wants what stands in it. */
static void object_on_event(tracking *t, const cluster_event *e)
{
    const tracked_group *g = ov_map_get(&t->groups, e->kind);
    if (!g && !ov_str_eq(e->kind, OV_STR(CLUSTER_TRACKERS))) return;
    OV_CLEANUP(ov_json_tree_p) cJSON *tree = NULL;
    cluster_event whole = *e;
    ov_err err = {0};
    if (e->type == CLUSTER_OBJECT && !e->object) {
        if (ov_json_tree(e->json, &tree, &err) != OV_OK) return; /* the source has accepted it with the same reader */
        whole.object = tree;
    }
    give_event(t, g, &whole);
}

/* A reading that begins now gives everything that the trackers of now match. */
static void group_begin(tracked_group *g)
{
    if (g) g->is_reading = true;
    for (size_t i = 0; g && i < g->count; i++) g->items[i]->is_read = true;
}

static void group_end(tracking *t, tracked_group *g)
{
    if (g) g->is_reading = false;
    for (size_t i = 0; g && i < g->count; i++) {
        tracked *k = g->items[i];
        if (!k->is_read || k->is_whole) continue;
        k->is_whole = true;
        tracking_mark_dirty(t, k);
    }
}

static void problem_on_event(tracking *t, tracked_group *g, const cluster_event *e)
{
    if (!g) return;
    bool appears = g->problem == CLUSTER_UNKNOWN_KIND && e->problem == CLUSTER_FINE;
    free(g->problem_text);
    g->problem = e->problem;
    g->problem_text = e->problem != CLUSTER_FINE ? ov_dup(e->text) : NULL;
    for (size_t i = 0; i < g->count; i++) {
        tracked *k = g->items[i];
        if (appears) k->is_read = k->is_whole = false; /* its first reading follows: until then nothing is known */
        tracking_mark_dirty(t, k);
    }
}

void tracking_on_event(void *arg, const cluster_event *e)
{
    tracking *t = arg;
    if (e->section >= CLUSTER_SECTIONS_MAX) return;
    tracked_group *g = ov_map_get(&t->groups, e->kind);
    switch (e->type) {
    case CLUSTER_SNAPSHOT:
        ++t->rounds[e->section];
        group_begin(g);
        break;
    case CLUSTER_READY:
        trackers_sweep(t, e->section, t->rounds[e->section]);
        objects_sweep(t, e->section, t->rounds[e->section]);
        group_end(t, ov_map_get(&t->groups, e->kind));
        t->trackers_read |= ov_str_eq(e->kind, OV_STR(CLUSTER_TRACKERS));
        break;
    case CLUSTER_PROBLEM:
        problem_on_event(t, g, e);
        break;
    case CLUSTER_OBJECT:
    case CLUSTER_GONE:
        object_on_event(t, e);
        break;
    }
}

bool tracking_takes_reread(tracking *t, ov_str *ret_kind)
{
    size_t at = 0;
    ov_str kind;
    void *value;
    bool wants_all = t->wants_all;
    t->wants_all = false;
    while (ov_map_next(&t->groups, &at, &kind, &value)) {
        tracked_group *g = value;
        bool wanted = g->wants_reread;
        g->wants_reread = false;
        if (!wanted || wants_all) continue;
        *ret_kind = kind;
        return true;
    }
    *ret_kind = OV_STR("");
    return wants_all;
}

void tracking_each_kind(const tracking *t, void (*each)(void *arg, ov_str event_kind, const tracker_kind *kind),
                        void *arg)
{
    size_t at = 0;
    ov_str kind;
    void *value;
    while (ov_map_next(&t->groups, &at, &kind, &value))
        each(arg, kind, &((const tracked_group *)value)->items[0]->spec->kind);
}

/* ---- counts ---- */

void tracking_count(const tracking *t, tracking_counts *ret)
{
    *ret = (tracking_counts){0};
    size_t at = 0;
    ov_str key;
    void *value;
    while (ov_map_next(&t->trackers, &at, &key, &value)) {
        const tracked *k = value;
        ret->trackers++;
        ret->invalid += !k->spec;
        ret->duplicates += k->duplicate;
        ret->objects += k->seen.count;
        ret->failed += k->seen.failed;
    }
}

void tracking_each_failed(const tracking *t, void (*each)(void *arg, const char *id, size_t failed), void *arg)
{
    size_t at = 0;
    ov_str key;
    void *value;
    while (ov_map_next(&t->trackers, &at, &key, &value)) {
        const tracked *k = value;
        if (!k->duplicate) each(arg, k->id, k->seen.failed);
    }
}
