/* Reads and writes the body in which an agent tells which versions of one thing run. */
#include "proto/report.h"

#include <stdlib.h>

#include "base/map.h"
#include "base/mem.h"
#include "crypto/hash.h"
#include "proto/members.h"
#include "proto/subjects.h"

#include "base/poison.h"

static const char *const reason_names[] = {
    [REPORT_FINE] = "",
    [REPORT_NOTHING_MATCHED] = "NothingMatched",
    [REPORT_SOME_FAILED] = "SomeFailed",
    [REPORT_INVALID_SPEC] = "InvalidSpec",
    [REPORT_DUPLICATE_NAME] = "DuplicateName",
    [REPORT_FORBIDDEN] = "Forbidden",
    [REPORT_UNKNOWN_KIND] = "UnknownKind",
};

const char *report_reason_name(report_reason r)
{
    return reason_names[r];
}

/* A report with the raw members that its decoder reads in a second step. */
typedef struct {
    report r;
    ov_str versions, extraction, regex, condition, reason;
} report_wire;

static const ov_field report_fields[] = {
    {MEMBER_AGENT_ID, OV_FIELD_STRING, true, offsetof(report_wire, r.agent_id)},
    {MEMBER_AGENT_TAGS, OV_FIELD_OBJECT, false, offsetof(report_wire, r.tags)},
    {MEMBER_VERSION, OV_FIELD_OBJECT, true, offsetof(report_wire, r.version)},
};
static const ov_field tracker_fields[] = {
    {MEMBER_ID, OV_FIELD_STRING, true, offsetof(report_wire, r.id)},
    {MEMBER_NAMESPACE, OV_FIELD_STRING, true, offsetof(report_wire, r.ns)},
    {MEMBER_COUNT, OV_FIELD_I64, true, offsetof(report_wire, r.count)},
    {MEMBER_UNIQ_VERSIONS, OV_FIELD_ARRAY, true, offsetof(report_wire, r.uniq_versions)},
    {MEMBER_VERSIONS, OV_FIELD_ARRAY, true, offsetof(report_wire, versions)},
    {MEMBER_REMOTE_VERSION, OV_FIELD_OBJECT, false, offsetof(report_wire, r.remote_raw)},
    {MEMBER_CONDITION, OV_FIELD_OBJECT, false, offsetof(report_wire, condition)},
};
static const ov_field version_fields[] = {
    {MEMBER_RUNNING_VERSION, OV_FIELD_STRING, false, offsetof(report_version, running_version)},
    {MEMBER_RESOURCE_COUNT, OV_FIELD_I64, false, offsetof(report_version, resource_count)},
    {MEMBER_RESOURCE_KIND, OV_FIELD_STRING, false, offsetof(report_version, resource_kind)},
    {MEMBER_EXTRACTED_FROM, OV_FIELD_STRING, false, offsetof(report_version, extracted_from)},
};
static const ov_field remote_fields[] = {
    {MEMBER_PROVIDER, OV_FIELD_STRING, false, offsetof(report_wire, r.remote.provider)},
    {MEMBER_STRATEGY, OV_FIELD_STRING, false, offsetof(report_wire, r.remote.strategy)},
    {MEMBER_REPO, OV_FIELD_STRING, false, offsetof(report_wire, r.remote.repo)},
    {MEMBER_CHART, OV_FIELD_STRING, false, offsetof(report_wire, r.remote.chart)},
    {MEMBER_EXTRACTION, OV_FIELD_OBJECT, false, offsetof(report_wire, extraction)},
    {MEMBER_CONSTRAINT, OV_FIELD_STRING, false, offsetof(report_wire, r.remote.constraint)},
    {MEMBER_END_OF_LIFE, OV_FIELD_STRING, false, offsetof(report_wire, r.remote.end_of_life)},
};
static const ov_field extraction_fields[] = {
    {MEMBER_REGEX, OV_FIELD_OBJECT, false, offsetof(report_wire, regex)},
};
static const ov_field regex_fields[] = {
    {MEMBER_PATTERN, OV_FIELD_STRING, false, offsetof(report_wire, r.remote.pattern)},
    {MEMBER_RESULT, OV_FIELD_STRING, false, offsetof(report_wire, r.remote.result)},
};
static const ov_field condition_fields[] = {
    {MEMBER_REASON, OV_FIELD_STRING, true, offsetof(report_wire, reason)},
    {MEMBER_MESSAGE, OV_FIELD_STRING, false, offsetof(report_wire, r.message)},
};

#define IN_REPORT "report: "
#define IN_TRACKER IN_REPORT MEMBER_VERSION
#define IN_REMOTE IN_TRACKER "." MEMBER_REMOTE_VERSION

/* One object of the wire struct; an absent one is fine. */
static ov_status part_decode(ov_str raw, const ov_field *fields, size_t count, report_wire *w, const char *path,
                             ov_err *err)
{
    return raw.len ? ov_json_fields_of(raw, fields, count, w, &w->r.arena, path, err) : OV_OK;
}
#define PART_DECODE(raw, table, w, path, err) part_decode((raw), (table), OV_COUNT(table), (w), (path), (err))

static ov_status agent_check(const report *r, ov_err *err)
{
    ov_status st = subject_id_check(r->agent_id, IN_REPORT MEMBER_AGENT_ID, err);
    return st == OV_OK ? tags_check(r->tags, REPORT_TAGS_MAX, IN_REPORT MEMBER_AGENT_TAGS, err) : st;
}

static ov_status tracker_check(const report *r, ov_err *err)
{
    ov_status st = subject_id_check(r->id, IN_TRACKER "." MEMBER_ID, err);
    if (st == OV_OK && !r->ns.len) st = ov_fail(err, OV_INVALID, IN_TRACKER "." MEMBER_NAMESPACE ": missing");
    return st == OV_OK ? nonnegative_check(r->count, IN_TRACKER "." MEMBER_COUNT, err) : st;
}

static ov_status versions_decode(report_wire *w, ov_err *err)
{
    static const char path[] = IN_TRACKER "." MEMBER_VERSIONS;
    report *r = &w->r;
    ov_status st = items_decode(w->versions, version_fields, OV_COUNT(version_fields), sizeof *r->versions,
                                REPORT_VERSIONS_MAX, &r->versions, &r->version_count, &r->arena, path, err);
    for (size_t i = 0; st == OV_OK && i < r->version_count; i++) {
        if (r->versions[i].resource_count < 0)
            st = ov_fail(err, OV_INVALID, "%s[%zu]." MEMBER_RESOURCE_COUNT ": expected at least 0", path, i);
    }
    if (st != OV_OK) return st;
    return strings_decode(r->uniq_versions, REPORT_VERSIONS_MAX, NULL, NULL, &r->arena,
                          IN_TRACKER "." MEMBER_UNIQ_VERSIONS, err);
}

static ov_status remote_decode(report_wire *w, ov_err *err)
{
    ov_status st = PART_DECODE(w->r.remote_raw, remote_fields, w, IN_REMOTE, err);
    if (st == OV_OK) st = PART_DECODE(w->extraction, extraction_fields, w, IN_REMOTE "." MEMBER_EXTRACTION, err);
    if (st == OV_OK) st = PART_DECODE(w->regex, regex_fields, w, IN_REMOTE "." MEMBER_EXTRACTION "." MEMBER_REGEX, err);
    w->r.has_remote = w->r.remote.provider.len || w->r.remote.repo.len;
    return st;
}

static ov_status condition_decode(report_wire *w, ov_err *err)
{
    static const char path[] = IN_TRACKER "." MEMBER_CONDITION;
    ov_status st = PART_DECODE(w->condition, condition_fields, w, path, err);
    if (st != OV_OK || !w->reason.len) return st;
    unsigned reason = 0;
    st = choice_decode(w->reason, reason_names, OV_COUNT(reason_names),
                       IN_TRACKER "." MEMBER_CONDITION "." MEMBER_REASON, &reason, err);
    w->r.reason = (report_reason)reason;
    return st;
}

static void report_wire_clear(report_wire *w)
{
    report_clear(&w->r);
}

static ov_status version_decode(report_wire *w, ov_err *err)
{
    ov_status st = PART_DECODE(w->r.version, tracker_fields, w, IN_TRACKER, err);
    if (st == OV_OK) st = tracker_check(&w->r, err);
    if (st == OV_OK) st = versions_decode(w, err);
    if (st == OV_OK) st = remote_decode(w, err);
    return st == OV_OK ? condition_decode(w, err) : st;
}

ov_status report_decode(ov_str body, report *ret, ov_err *err)
{
    OV_CLEANUP(report_wire_clear) report_wire w = {0};
    ov_status st = size_check(body, REPORT_BYTES_MAX, "report", err);
    if (st == OV_OK)
        st = ov_json_fields_of(body, report_fields, OV_COUNT(report_fields), &w, &w.r.arena, IN_REPORT, err);
    if (st == OV_OK) st = agent_check(&w.r, err);
    if (st == OV_OK) st = version_decode(&w, err);
    if (st != OV_OK) return st;
    *ret = w.r;
    w.r = (report){0};
    return OV_OK;
}

ov_status report_decode_version(ov_str version, report *ret, ov_err *err)
{
    OV_CLEANUP(report_wire_clear) report_wire w = {.r.version = version};
    if (!version.len) return ov_fail(err, OV_INVALID, IN_TRACKER ": missing");
    ov_status st = version_decode(&w, err);
    if (st != OV_OK) return st;
    *ret = w.r;
    w.r = (report){0};
    return OV_OK;
}

void report_clear(report *r)
{
    free(r->versions);
    ov_json_arena_clear(&r->arena);
    *r = (report){0};
}

/* Each running version once, in the order of first sight. */
static void uniq_write(ov_json_writer *w, const report *r)
{
    OV_CLEANUP(ov_map_clear) ov_map seen = {0};
    ov_json_open_array(w, MEMBER_UNIQ_VERSIONS);
    for (size_t i = 0; i < r->version_count; i++) {
        ov_str v = r->versions[i].running_version;
        if (!ov_map_put(&seen, v, w)) ov_json_write_str(w, NULL, v);
    }
    ov_json_close_array(w);
}

static void versions_write(ov_json_writer *w, const report *r)
{
    ov_json_open_array(w, MEMBER_VERSIONS);
    for (size_t i = 0; i < r->version_count; i++) {
        const report_version *v = &r->versions[i];
        ov_json_open_object(w, NULL);
        ov_json_write_str(w, MEMBER_RUNNING_VERSION, v->running_version);
        ov_json_write_i64(w, MEMBER_RESOURCE_COUNT, v->resource_count);
        ov_json_write_str(w, MEMBER_RESOURCE_KIND, v->resource_kind);
        ov_json_write_str(w, MEMBER_EXTRACTED_FROM, v->extracted_from);
        ov_json_close_object(w);
    }
    ov_json_close_array(w);
}

static void remote_write(ov_json_writer *w, const report_remote *remote)
{
    ov_json_open_object(w, MEMBER_REMOTE_VERSION);
    ov_json_write_str(w, MEMBER_PROVIDER, remote->provider);
    ov_json_write_str(w, MEMBER_STRATEGY, remote->strategy);
    ov_json_write_str(w, MEMBER_REPO, remote->repo);
    member_write_str(w, MEMBER_CHART, remote->chart);
    ov_json_open_object(w, MEMBER_EXTRACTION);
    ov_json_open_object(w, MEMBER_REGEX);
    ov_json_write_str(w, MEMBER_PATTERN, remote->pattern);
    ov_json_write_str(w, MEMBER_RESULT, remote->result);
    ov_json_close_object(w);
    ov_json_close_object(w);
    member_write_str(w, MEMBER_CONSTRAINT, remote->constraint);
    member_write_str(w, MEMBER_END_OF_LIFE, remote->end_of_life);
    ov_json_close_object(w);
}

static void condition_write(ov_json_writer *w, const report *r)
{
    if (r->reason == REPORT_FINE) return;
    ov_json_open_object(w, MEMBER_CONDITION);
    ov_json_write_c(w, MEMBER_REASON, report_reason_name(r->reason));
    member_write_str(w, MEMBER_MESSAGE, r->message);
    ov_json_close_object(w);
}

void report_encode(const report *r, ov_buf *out)
{
    ov_json_writer w = ov_json_writer_on(out);
    ov_json_open_object(&w, NULL);
    ov_json_write_str(&w, MEMBER_AGENT_ID, r->agent_id);
    member_write_raw(&w, MEMBER_AGENT_TAGS, r->tags);
    ov_json_open_object(&w, MEMBER_VERSION);
    ov_json_write_str(&w, MEMBER_ID, r->id);
    ov_json_write_str(&w, MEMBER_NAMESPACE, r->ns);
    ov_json_write_i64(&w, MEMBER_COUNT, r->count);
    uniq_write(&w, r);
    versions_write(&w, r);
    if (r->has_remote) remote_write(&w, &r->remote);
    condition_write(&w, r);
    ov_json_close_object(&w);
    ov_json_close_object(&w);
}

void report_digest(ov_str body, char out[REPORT_DIGEST_HEX])
{
    unsigned char hash[OV_SHA256_BYTES];
    ov_sha256(body, hash);
    ov_hex(hash, (REPORT_DIGEST_HEX - 1) / 2, out);
}
