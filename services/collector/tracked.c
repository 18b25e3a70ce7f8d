/* Makes a tracker from its object and its report from what it saw. */
#include "services/collector/tracked.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "proto/subjects.h"
#include "services/collector/status.h"

#include "base/poison.h"

/* ---- the tracker ---- */

static ov_str created_at(const cluster_event *e)
{
    return ov_json_member_str(ov_json_member(e->object, "metadata"), "creationTimestamp");
}

static uint64_t spec_hash(const cluster_event *e)
{
    const cJSON *spec = ov_json_member(e->object, "spec");
    OV_CLEANUP(ov_free_p) char *text = spec ? cJSON_PrintUnformatted(spec) : NULL;
    return ov_str_hash(ov_str_of(text));
}

static ov_str spec_name(const cluster_event *e)
{
    ov_str name = ov_json_member_str(ov_json_member(e->object, "spec"), "name");
    return name.len > 0 && name.len <= ID_MAX ? name : e->name;
}

tracked *tracked_new(const cluster_event *e, ov_str key)
{
    ov_err problem = {0};
    tracked *k = ov_zalloc(sizeof *k);
    k->key = ov_dup(key);
    k->ns = ov_dup(e->ns);
    k->id = ov_dup(spec_name(e));
    k->created = ov_dup(created_at(e));
    k->given = spec_hash(e);
    if (tracker_parse(e->object, &k->spec, &problem) != OV_OK) {
        k->problem = ov_dup(ov_str_of(problem.msg));
        ov_log_warn("tracker is invalid", "tracker", k->key, "id", k->id, "err", problem.msg);
    } else if (k->spec->remote_problem.msg[0]) {
        ov_log_warn("tracker has no usable remote version", "tracker", k->key, "id", k->id, "err",
                    k->spec->remote_problem.msg);
    } else if (k->spec->remote_note.msg[0]) {
        ov_log_info("tracker may mean something else", "tracker", k->key, "id", k->id, "note",
                    k->spec->remote_note.msg);
    }
    return k;
}

void tracked_free(tracked *k, texts *t)
{
    free(k->key);
    free(k->ns);
    free(k->id);
    free(k->created);
    free(k->problem);
    free(k->older);
    tracker_free(k->spec);
    observed_clear(&k->seen, t);
    free(k);
}

bool tracked_is_of(const tracked *k, const cluster_event *e)
{
    return ov_str_eq(ov_str_of(k->created), created_at(e));
}

bool tracked_is_same(const tracked *k, const cluster_event *e)
{
    return k->given == spec_hash(e) && tracked_is_of(k, e);
}

bool tracked_is_older(const tracked *a, const tracked *b)
{
    int by_time = ov_str_cmp(ov_str_of(a->created), ov_str_of(b->created));
    return by_time ? by_time < 0 : ov_str_cmp(ov_str_of(a->key), ov_str_of(b->key)) < 0;
}

/* ---- the report ---- */

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

static void set_problem(report *r, ov_err *message, report_reason reason, const char *text)
{
    ov_fail(message, OV_OK, "%s", text);
    r->reason = reason;
    r->message = ov_str_of(message->msg);
}

static void summarize(const tracked *k, const texts *t, report *r, report_version **ret_versions, ov_err *message)
{
    r->id = ov_str_of(k->id);
    r->ns = ov_str_of(k->ns);
    if (k->duplicate) {
        ov_fail(message, OV_OK, "the older tracker %s has the name \"%s\"", k->older, k->id);
        r->reason = REPORT_DUPLICATE_NAME;
        r->message = ov_str_of(message->msg);
        return;
    }
    if (!k->spec) {
        set_problem(r, message, REPORT_INVALID_SPEC, k->problem);
        return;
    }
    observed_summarize(&k->seen, t, tracker_kind_shown(&k->spec->kind), r, ret_versions, message);
    r->has_remote = k->spec->has_remote;
    r->remote = k->spec->remote;
    if (k->group->problem == CLUSTER_FORBIDDEN) set_problem(r, message, REPORT_FORBIDDEN, k->group->problem_text);
    if (k->group->problem == CLUSTER_UNKNOWN_KIND) set_problem(r, message, REPORT_UNKNOWN_KIND, k->group->problem_text);
}

void tracked_render(const tracked *k, const texts *t, ov_str agent_id, ov_str tags, ov_buf *body)
{
    OV_CLEANUP(ov_free_p) report_version *versions = NULL;
    ov_err message = {0};
    report r = {.agent_id = agent_id, .tags = tags};
    summarize(k, t, &r, &versions, &message);
    ov_buf_reset(body);
    report_encode(&r, body);
    if (body->failed || r.version_count > REPORT_VERSIONS_MAX) render_too_large(k->id, &r, body);
}

/* ---- the status ---- */

static void copy_text(char *out, size_t size, ov_str text)
{
    snprintf(out, size, "%.*s", OV_STR_ARG(text.len < size ? text : (ov_str){0}));
}

static const cJSON *ready_condition(const cJSON *status)
{
    const cJSON *conditions = ov_json_member(status, "conditions"), *one;
    cJSON_ArrayForEach(one, conditions)
    {
        if (ov_str_eq(ov_json_member_str(one, "type"), OV_STR("Ready"))) return one;
    }
    return NULL;
}

bool tracked_note_status(tracked *k, const cluster_event *e)
{
    const cJSON *metadata = ov_json_member(e->object, "metadata"), *status = ov_json_member(e->object, "status");
    const cJSON *generation = ov_json_member(metadata, "generation");
    const cJSON *ready = cJSON_IsObject(status) ? ready_condition(status) : NULL;
    uint64_t before = k->status.stored;
    int64_t generation_before = k->status.generation;
    k->status.stored = status_hash(status);
    k->status.generation = cJSON_IsNumber(generation) ? (int64_t)generation->valuedouble : 0;
    copy_text(k->status.ready, sizeof k->status.ready, ov_json_member_str(ready, "status"));
    copy_text(k->status.since, sizeof k->status.since, ov_json_member_str(ready, "lastTransitionTime"));
    return k->status.stored != before || k->status.generation != generation_before;
}

/* As Kubernetes writes times: whole seconds. */
static void format_seconds(ov_wall t, char out[OV_WALL_TEXT])
{
    enum { SECONDS_END = sizeof "2026-01-02T03:04:05" - 1 };
    ov_wall_format(t, out);
    out[SECONDS_END] = 'Z';
    out[SECONDS_END + 1] = '\0';
}

void tracked_render_status(const tracked *k, const texts *t, ov_wall now, ov_buf *body)
{
    OV_CLEANUP(ov_free_p) report_version *versions = NULL;
    ov_err message = {0};
    char since[OV_WALL_TEXT];
    report r = {0};
    summarize(k, t, &r, &versions, &message);
    status_view v = {.found = &r, .spec = k->spec, .generation = k->status.generation};
    bool same = strcmp(k->status.ready, status_is_ready(&v) ? "True" : "False") == 0 && k->status.since[0];
    if (same)
        copy_text(since, sizeof since, ov_str_of(k->status.since));
    else
        format_seconds(now, since);
    v.since = ov_str_of(since);
    for (v.versions_max = STATUS_VERSIONS_MAX;; v.versions_max /= 2) {
        ov_buf_reset(body);
        status_write(&v, body);
        if (!body->failed || v.versions_max == 0) return;
    }
}
