/* Applies what a cluster gives to the trackers that want it, and renders the reports that change by it. */
#include "services/collector/tracking.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "proto/subjects.h"
#include "services/collector/extract/extract.h"
#include "services/collector/observed.h"

#include "base/poison.h"

enum { KEY_MAX = 1024 };

typedef struct {
    char *key; /* "namespace/name" of the VersionTracker */
    char *ns;
    char *id;           /* spec.name, or the object's name when it has none */
    char *created;      /* creationTimestamp, RFC 3339: texts compare as times */
    char *text;         /* the spec as it was given: an equal one changes nothing */
    tracker_spec *spec; /* NULL: invalid, for the reason in problem */
    ov_err problem;
    unsigned section, round;
    bool dirty, duplicate;
    observed seen;
} tracked;

struct tracking {
    char *agent_id, *tags;
    ov_map trackers; /* key -> tracked */
    ov_map owners;   /* id -> the tracked that may report under it */
    ov_map gone;     /* ids whose tombstone must be told -> any pointer */
    unsigned rounds[CLUSTER_SECTIONS_MAX];
    bool owners_stale, wants_reread;
    bool overlaps; /* some tracker was given by more than one section */
    ov_buf version, from;
    char *current_id;
};

tracking *tracking_new(ov_str agent_id, ov_str tags)
{
    tracking *t = ov_zalloc(sizeof *t);
    t->agent_id = ov_dup(agent_id);
    t->tags = ov_dup(tags);
    t->version = OV_BUF(EXTRACT_VERSION_MAX);
    t->from = OV_BUF(EXTRACT_VALUE_MAX);
    return t;
}

static void tracked_free(tracked *k)
{
    free(k->key);
    free(k->ns);
    free(k->id);
    free(k->created);
    free(k->text);
    tracker_free(k->spec);
    observed_clear(&k->seen);
    free(k);
}

void tracking_free(tracking *t)
{
    if (!t) return;
    size_t at = 0;
    ov_str key;
    void *value;
    while (ov_map_next(&t->trackers, &at, &key, &value)) tracked_free(value);
    ov_map_clear(&t->trackers);
    ov_map_clear(&t->owners);
    ov_map_clear(&t->gone);
    ov_buf_clear(&t->version);
    ov_buf_clear(&t->from);
    free(t->current_id);
    free(t->agent_id);
    free(t->tags);
    free(t);
}

static char *object_key(ov_str ns, ov_str name)
{
    ov_buf key = OV_BUF(KEY_MAX);
    ov_buf_append_str(&key, ns);
    ov_buf_append_char(&key, '/');
    ov_buf_append_str(&key, name);
    return ov_buf_take(&key, NULL);
}

/* ---- trackers ---- */

static void tracker_drop(tracking *t, tracked *k)
{
    ov_map_remove(&t->trackers, ov_str_of(k->key));
    if (ov_map_get(&t->owners, ov_str_of(k->id)) == k) {
        ov_map_remove(&t->owners, ov_str_of(k->id));
        ov_map_put(&t->gone, ov_str_of(k->id), t);
    }
    t->owners_stale = true;
    tracked_free(k);
}

static ov_str created_at(const cluster_event *e)
{
    return ov_json_member_str(ov_json_member(e->object, "metadata"), "creationTimestamp");
}

static bool is_unchanged(const tracked *k, const cluster_event *e, ov_str text)
{
    return ov_str_eq(ov_str_of(k->text), text) && ov_str_eq(ov_str_of(k->created), created_at(e));
}

static ov_str spec_name(const cluster_event *e)
{
    ov_str name = ov_json_member_str(ov_json_member(e->object, "spec"), "name");
    return name.len > 0 && name.len <= ID_MAX ? name : e->name;
}

static tracked *tracker_make(const cluster_event *e, char *key, char *text)
{
    tracked *k = ov_zalloc(sizeof *k);
    k->key = key;
    k->text = text;
    k->ns = ov_dup(e->ns);
    k->id = ov_dup(spec_name(e));
    k->created = ov_dup(created_at(e));
    k->dirty = true;
    if (tracker_parse(e->object, &k->spec, &k->problem) != OV_OK)
        ov_log_warn("tracker is invalid", "tracker", k->key, "id", k->id, "err", k->problem.msg);
    else if (k->spec->remote_problem.msg[0])
        ov_log_warn("tracker has no usable remote version", "tracker", k->key, "id", k->id, "err",
                    k->spec->remote_problem.msg);
    else if (k->spec->remote_note.msg[0])
        ov_log_info("tracker may mean something else", "tracker", k->key, "id", k->id, "note",
                    k->spec->remote_note.msg);
    return k;
}

static void tracker_on_object(tracking *t, const cluster_event *e, unsigned round)
{
    OV_CLEANUP(ov_free_p) char *key = object_key(e->ns, e->name);
    const cJSON *spec = ov_json_member(e->object, "spec");
    OV_CLEANUP(ov_free_p) char *text = spec ? cJSON_PrintUnformatted(spec) : ov_dup(OV_STR("null"));
    tracked *k = ov_map_get(&t->trackers, ov_str_of(key));
    if (k && !is_unchanged(k, e, ov_str_of(text))) {
        tracker_drop(t, k);
        k = NULL;
    }
    if (!k) {
        k = tracker_make(e, OV_TAKE(key), OV_TAKE(text));
        ov_map_put(&t->trackers, ov_str_of(k->key), k);
        t->owners_stale = t->wants_reread = true;
    } else {
        t->overlaps |= k->section != e->section;
    }
    k->section = e->section;
    k->round = round;
}

static bool is_older(const tracked *a, const tracked *b)
{
    int by_time = ov_str_cmp(ov_str_of(a->created), ov_str_of(b->created));
    return by_time ? by_time < 0 : ov_str_cmp(ov_str_of(a->key), ov_str_of(b->key)) < 0;
}

/* Each id belongs to its oldest tracker; the others are duplicates and report nothing. */
static void owners_settle(tracking *t)
{
    if (!t->owners_stale) return;
    t->owners_stale = false;
    ov_map_clear(&t->owners);
    size_t at = 0;
    ov_str key;
    void *value;
    while (ov_map_next(&t->trackers, &at, &key, &value)) {
        tracked *k = value, *owner = ov_map_get(&t->owners, ov_str_of(k->id));
        if (!owner || is_older(k, owner)) ov_map_put(&t->owners, ov_str_of(k->id), k);
    }
    at = 0;
    while (ov_map_next(&t->trackers, &at, &key, &value)) {
        tracked *k = value;
        const tracked *owner = ov_map_get(&t->owners, ov_str_of(k->id));
        bool duplicate = owner != k;
        if (duplicate && !k->duplicate)
            ov_log_warn("tracker has the name of an older one", "tracker", k->key, "id", k->id, "older", owner->key);
        k->dirty |= k->duplicate && !duplicate;
        k->duplicate = duplicate;
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
        t->wants_reread |= t->overlaps;
    }
}

/* ---- objects ---- */

static void tracked_observe(tracking *t, tracked *k, const cluster_event *e, ov_str key, unsigned round)
{
    ov_err why = {0};
    bool fine = extract_version(k->spec, e->object, &t->version, &t->from, &why) == EXTRACT_FINE;
    ov_str version = fine ? ov_buf_str(&t->version) : (ov_str){0};
    ov_str from = t->from.ptr ? ov_buf_str(&t->from) : OV_STR("");
    k->dirty |= observed_set(&k->seen, key, e->section, round, version, from, fine ? NULL : why.msg);
}

static void objects_on_event(tracking *t, const cluster_event *e, unsigned round)
{
    resource_kind kind;
    if (!resource_kind_find(e->kind, &kind)) return;
    OV_CLEANUP(ov_free_p) char *key = object_key(e->ns, e->name);
    size_t at = 0;
    ov_str tracker_key;
    void *value;
    while (ov_map_next(&t->trackers, &at, &tracker_key, &value)) {
        tracked *k = value;
        if (!k->spec || k->spec->kind != kind) continue;
        if (e->type == CLUSTER_OBJECT && tracker_matches(k->spec, e->object))
            tracked_observe(t, k, e, ov_str_of(key), round);
        else
            k->dirty |= observed_remove(&k->seen, ov_str_of(key));
    }
}

static void objects_sweep(tracking *t, unsigned section, unsigned round)
{
    size_t at = 0;
    ov_str key;
    void *value;
    while (ov_map_next(&t->trackers, &at, &key, &value)) {
        tracked *k = value;
        if (!observed_sweep(&k->seen, section, round)) continue;
        k->dirty = true;
        t->wants_reread |= k->seen.overlaps;
    }
}

void tracking_on_event(void *arg, const cluster_event *e)
{
    tracking *t = arg;
    if (e->section >= CLUSTER_SECTIONS_MAX) return;
    unsigned *round = &t->rounds[e->section];
    bool is_tracker = ov_str_eq(e->kind, OV_STR(CLUSTER_TRACKERS));
    if (e->type == CLUSTER_SNAPSHOT) {
        ++*round;
    } else if (e->type == CLUSTER_READY) {
        trackers_sweep(t, e->section, *round);
        objects_sweep(t, e->section, *round);
    } else if (!is_tracker) {
        objects_on_event(t, e, *round);
    } else if (e->type == CLUSTER_OBJECT) {
        tracker_on_object(t, e, *round);
    } else {
        OV_CLEANUP(ov_free_p) char *key = object_key(e->ns, e->name);
        tracked *k = ov_map_get(&t->trackers, ov_str_of(key));
        if (k) tracker_drop(t, k);
    }
}

bool tracking_takes_reread(tracking *t)
{
    bool wanted = t->wants_reread;
    t->wants_reread = false;
    return wanted;
}

/* ---- reports ---- */

/* In the place of a report that is too large for the way to the control plane. */
static void render_too_large(const char *id, report *r, ov_buf *body)
{
    ov_err message = {0};
    (void)ov_fail(&message, OV_OK,
                  "the report of %zu versions is larger than %zu bytes or %d versions: narrow the selector",
                  r->version_count, body->max, REPORT_VERSIONS_MAX);
    ov_log_error("report is too large", "id", id, "err", message.msg);
    r->version_count = 0;
    r->reason = REPORT_SOME_FAILED;
    r->message = ov_str_of(message.msg);
    ov_buf_reset(body);
    report_encode(r, body);
}

static void render(const tracking *t, const tracked *k, ov_buf *body)
{
    OV_CLEANUP(ov_free_p) report_version *versions = NULL;
    ov_err message = {0};
    report r = {
        .agent_id = ov_str_of(t->agent_id), .tags = ov_str_of(t->tags), .id = ov_str_of(k->id), .ns = ov_str_of(k->ns)};
    if (k->spec) {
        observed_summarize(&k->seen, resource_kind_name(k->spec->kind), &r, &versions, &message);
        r.has_remote = k->spec->has_remote;
        r.remote = k->spec->remote;
    } else {
        r.reason = REPORT_INVALID_SPEC;
        r.message = ov_str_of(k->problem.msg);
    }
    ov_buf_reset(body);
    report_encode(&r, body);
    if (body->failed || r.version_count > REPORT_VERSIONS_MAX) render_too_large(k->id, &r, body);
}

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
    while (ov_map_next(&t->trackers, &at, &key, &value)) ((tracked *)value)->dirty = true;
}

bool tracking_next_change(tracking *t, ov_str *ret_id, ov_buf *body)
{
    owners_settle(t);
    ov_buf_reset(body);
    if (next_gone(t, ret_id)) return true;
    size_t at = 0;
    ov_str key;
    void *value;
    while (ov_map_next(&t->trackers, &at, &key, &value)) {
        tracked *k = value;
        if (!k->dirty || k->duplicate) continue;
        k->dirty = false;
        render(t, k, body);
        *ret_id = ov_str_of(k->id);
        return true;
    }
    return false;
}

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
        ret->objects += k->seen.objects.count;
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
