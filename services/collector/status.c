/* Writes the status of one tracker and tells whether two say the same. */
#include "services/collector/status.h"

#include "json/writer.h"
#include "proto/members.h"
#include "version/version.h"

#include "base/poison.h"

#define READY "Ready"
#define TRANSITION "lastTransitionTime"

bool status_is_ready(const status_view *v)
{
    return v->found->reason == REPORT_FINE && !(v->spec && v->spec->remote_problem.msg[0]);
}

/* ---- what was found ---- */

static void write_versions(ov_json_writer *w, const report *r, size_t max)
{
    size_t listed = r->version_count < max ? r->version_count : max;
    ov_json_open_array(w, MEMBER_UNIQ_VERSIONS);
    for (size_t i = 0; i < listed; i++) ov_json_write_str(w, NULL, r->versions[i].running_version);
    ov_json_close_array(w);
    ov_json_open_array(w, MEMBER_VERSIONS);
    for (size_t i = 0; i < listed; i++) {
        const report_version *v = &r->versions[i];
        ov_json_open_object(w, NULL);
        ov_json_write_i64(w, MEMBER_RESOURCE_COUNT, v->resource_count);
        ov_json_write_str(w, MEMBER_RESOURCE_KIND, v->resource_kind);
        ov_json_write_str(w, MEMBER_EXTRACTED_FROM, v->extracted_from);
        ov_json_write_str(w, MEMBER_VERSION, v->running_version);
        ov_json_close_object(w);
    }
    ov_json_close_array(w);
}

/* The highest running version; what does not parse is none. */
static void write_latest(ov_json_writer *w, const report *r)
{
    OV_CLEANUP(ov_version_free_p) ov_version *best = NULL;
    for (size_t i = 0; i < r->version_count; i++) {
        OV_CLEANUP(ov_version_free_p) ov_version *one = NULL;
        if (ov_version_parse(r->versions[i].running_version, &one, NULL) != OV_OK) continue;
        if (best && ov_version_compare(one, best) <= 0) continue;
        ov_version_free(best);
        best = OV_TAKE(one);
    }
    if (best)
        ov_json_write_str(w, MEMBER_LATEST_VERSION, best->original);
    else
        ov_json_write_null(w, MEMBER_LATEST_VERSION);
}

/* ---- the spec as it was resolved ---- */

static void write_text(ov_json_writer *w, const char *name, ov_str text)
{
    if (text.len > 0)
        ov_json_write_str(w, name, text);
    else
        ov_json_write_null(w, name);
}

static void write_extraction(ov_json_writer *w, ov_str pattern, ov_str result)
{
    ov_json_open_object(w, MEMBER_EXTRACTION);
    ov_json_open_object(w, MEMBER_REGEX);
    ov_json_write_str(w, MEMBER_PATTERN, pattern);
    ov_json_write_str(w, MEMBER_RESULT, result);
    ov_json_close_object(w);
    ov_json_close_object(w);
}

static void write_local(ov_json_writer *w, const tracker_spec *spec)
{
    ov_json_open_object(w, "localVersion");
    ov_json_write_c(w, MEMBER_STRATEGY, local_strategy_name(spec->strategy));
    write_text(w, "fieldSelector", spec->field_selector);
    write_text(w, "container", spec->container);
    write_extraction(w, spec->pattern, spec->result);
    ov_json_close_object(w);
}

static void write_remote(ov_json_writer *w, const report_remote *remote)
{
    ov_json_open_object(w, MEMBER_REMOTE_VERSION);
    write_text(w, MEMBER_PROVIDER, remote->provider);
    write_text(w, MEMBER_STRATEGY, remote->strategy);
    write_text(w, MEMBER_REPO, remote->repo);
    write_text(w, MEMBER_CHART, remote->chart);
    write_extraction(w, remote->pattern, remote->result);
    write_text(w, MEMBER_CONSTRAINT, remote->constraint);
    write_text(w, MEMBER_END_OF_LIFE, remote->end_of_life);
    ov_json_close_object(w);
}

/* ---- the condition ---- */

static void write_message(ov_json_writer *w, const status_view *v)
{
    ov_err text = {0};
    const report *r = v->found;
    if (r->reason != REPORT_FINE) {
        ov_json_write_str(w, MEMBER_MESSAGE, r->message);
        return;
    }
    if (v->spec && v->spec->remote_problem.msg[0])
        ov_fail(&text, OV_OK, "%s", v->spec->remote_problem.msg);
    else if (v->spec && v->spec->remote_note.msg[0])
        ov_fail(&text, OV_OK, "%s", v->spec->remote_note.msg);
    else if (r->version_count > v->versions_max)
        ov_fail(&text, OV_OK, "%zu versions run; the first %zu are listed here", r->version_count, v->versions_max);
    else
        ov_fail(&text, OV_OK, "%zu versions of %lld objects", r->version_count, (long long)r->count);
    ov_json_write_c(w, MEMBER_MESSAGE, text.msg);
}

static const char *reason_of(const status_view *v)
{
    if (v->found->reason != REPORT_FINE) return report_reason_name(v->found->reason);
    return status_is_ready(v) ? "Extracted" : "InvalidRemoteVersion";
}

static void write_condition(ov_json_writer *w, const status_view *v)
{
    ov_json_open_array(w, "conditions");
    ov_json_open_object(w, NULL);
    ov_json_write_c(w, "type", READY);
    ov_json_write_c(w, "status", status_is_ready(v) ? "True" : "False");
    ov_json_write_c(w, MEMBER_REASON, reason_of(v));
    write_message(w, v);
    ov_json_write_str(w, TRANSITION, v->since);
    ov_json_write_i64(w, "observedGeneration", v->generation);
    ov_json_close_object(w);
    ov_json_close_array(w);
}

void status_write(const status_view *v, ov_buf *out)
{
    ov_json_writer w = ov_json_writer_on(out);
    ov_json_open_object(&w, NULL);
    ov_json_open_object(&w, "status");
    ov_json_write_str(&w, MEMBER_ID, v->found->id);
    ov_json_write_str(&w, MEMBER_NAMESPACE, v->found->ns);
    ov_json_write_i64(&w, "totalResourceCount", v->found->count);
    write_versions(&w, v->found, v->versions_max);
    write_latest(&w, v->found);
    if (v->spec)
        write_local(&w, v->spec);
    else
        ov_json_write_null(&w, "localVersion");
    if (v->spec && v->spec->has_remote)
        write_remote(&w, &v->spec->remote);
    else
        ov_json_write_null(&w, MEMBER_REMOTE_VERSION);
    ov_json_write_i64(&w, "observedGeneration", v->generation);
    write_condition(&w, v);
    ov_json_close_object(&w);
    ov_json_close_object(&w);
}

/* ---- comparing ---- */

static uint64_t mix(uint64_t h, uint64_t with)
{
    h ^= with + UINT64_C(0x9e3779b97f4a7c15) + (h << 6) + (h >> 2);
    h ^= h >> 31;
    return h * UINT64_C(0xbf58476d1ce4e5b9);
}

/* The order of an object's members does not count, so they are summed. Depth is the strict reader's. */
static uint64_t hash_value(const cJSON *v)
{
    uint64_t h = (uint64_t)(unsigned char)v->type;
    if (cJSON_IsString(v)) return mix(h, ov_str_hash(ov_str_of(v->valuestring)));
    if (cJSON_IsNumber(v)) return mix(h, (uint64_t)(int64_t)v->valuedouble);
    bool ordered = cJSON_IsArray(v);
    for (const cJSON *m = v->child; m; m = m->next) {
        if (cJSON_IsNull(m) || (m->string && ov_str_eq(ov_str_of(m->string), OV_STR(TRANSITION)))) continue;
        uint64_t one = mix(m->string ? ov_str_hash(ov_str_of(m->string)) : 0, hash_value(m));
        h = ordered ? mix(h, one) : h + one;
    }
    return mix(h, 1);
}

uint64_t status_hash(const cJSON *status)
{
    return status && cJSON_IsObject(status) ? hash_value(status) : 0;
}
