/* Reads and writes the order to look at one source. */
#include "proto/job.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "proto/members.h"
#include "proto/subjects.h"

#include "base/poison.h"

enum { JOB_MSG_ID_BYTES = 256 };

typedef struct {
    job j;
    int64_t schema;
    ov_str lists;
} job_wire;

static const ov_field job_fields[] = {
    {MEMBER_SCHEMA, OV_FIELD_I64, true, offsetof(job_wire, schema)},
    {MEMBER_SOURCE, OV_FIELD_STRING, true, offsetof(job_wire, j.source)},
    {MEMBER_PROVIDER, OV_FIELD_STRING, true, offsetof(job_wire, j.provider)},
    {MEMBER_STRATEGY, OV_FIELD_STRING, true, offsetof(job_wire, j.strategy)},
    {MEMBER_REPO, OV_FIELD_STRING, true, offsetof(job_wire, j.repo)},
    {MEMBER_LISTS, OV_FIELD_ARRAY, false, offsetof(job_wire, lists)},
    {MEMBER_EPOCH, OV_FIELD_I64, true, offsetof(job_wire, j.epoch)},
    {MEMBER_AFTER, OV_FIELD_I64, true, offsetof(job_wire, j.after)},
    {MEMBER_FRESH_LISTS, OV_FIELD_BOOL, false, offsetof(job_wire, j.fresh_lists)},
    {MEMBER_ETAG, OV_FIELD_STRING, false, offsetof(job_wire, j.etag)},
    {MEMBER_LAST_MODIFIED, OV_FIELD_STRING, false, offsetof(job_wire, j.last_modified)},
    {MEMBER_CREDENTIAL, OV_FIELD_STRING, false, offsetof(job_wire, j.credential)},
    {MEMBER_FAILURES, OV_FIELD_I64, false, offsetof(job_wire, j.failures)},
};

static ov_status job_check(const job_wire *w, ov_err *err)
{
    ov_status st = schema_check(w->schema, "job", err);
    if (st == OV_OK && !w->j.source.len) st = ov_fail(err, OV_INVALID, "job: " MEMBER_SOURCE ": missing");
    if (st == OV_OK) st = nonnegative_check(w->j.epoch, "job: " MEMBER_EPOCH, err);
    if (st == OV_OK) st = nonnegative_check(w->j.after, "job: " MEMBER_AFTER, err);
    if (st == OV_OK) st = range_check(w->j.failures, JOB_FAILURES_MAX, "job: " MEMBER_FAILURES, err);
    return st;
}

static void job_wire_clear(job_wire *w)
{
    job_clear(&w->j);
}

ov_status job_decode(ov_str body, job *ret, ov_err *err)
{
    OV_CLEANUP(job_wire_clear) job_wire w = {0};
    ov_status st = size_check(body, JOB_BYTES_MAX, "job", err);
    if (st == OV_OK) st = ov_json_fields_of(body, job_fields, OV_COUNT(job_fields), &w, &w.j.arena, "job: ", err);
    if (st == OV_OK) st = job_check(&w, err);
    if (st == OV_OK)
        st = strings_decode(w.lists, JOB_LISTS_MAX, &w.j.lists, &w.j.list_count, &w.j.arena, "job: " MEMBER_LISTS, err);
    if (st != OV_OK) return st;
    *ret = w.j;
    w.j = (job){0};
    return OV_OK;
}

void job_clear(job *j)
{
    free(j->lists);
    ov_json_arena_clear(&j->arena);
    *j = (job){0};
}

void job_encode(const job *j, ov_buf *out)
{
    ov_json_writer w = ov_json_writer_on(out);
    ov_json_open_object(&w, NULL);
    schema_write(&w);
    ov_json_write_str(&w, MEMBER_SOURCE, j->source);
    ov_json_write_str(&w, MEMBER_PROVIDER, j->provider);
    ov_json_write_str(&w, MEMBER_STRATEGY, j->strategy);
    ov_json_write_str(&w, MEMBER_REPO, j->repo);
    if (j->list_count) {
        ov_json_open_array(&w, MEMBER_LISTS);
        for (size_t i = 0; i < j->list_count; i++) ov_json_write_str(&w, NULL, j->lists[i]);
        ov_json_close_array(&w);
    }
    ov_json_write_i64(&w, MEMBER_EPOCH, j->epoch);
    ov_json_write_i64(&w, MEMBER_AFTER, j->after);
    member_write_bool(&w, MEMBER_FRESH_LISTS, j->fresh_lists);
    member_write_str(&w, MEMBER_ETAG, j->etag);
    member_write_str(&w, MEMBER_LAST_MODIFIED, j->last_modified);
    member_write_str(&w, MEMBER_CREDENTIAL, j->credential);
    member_write_i64(&w, MEMBER_FAILURES, j->failures);
    ov_json_close_object(&w);
}

void job_msg_id(const job *j, char out[JOB_MSG_ID_BYTES])
{
    char token[SUBJECT_TOKEN_MAX + 1];
    subject_escape(j->source, token);
    snprintf(out, JOB_MSG_ID_BYTES, "%s-%" PRId64, token, j->after);
}
