/* Reads and writes how the last look at a source went. */
#include "proto/lookup.h"

#include <stdlib.h>

#include "proto/end_of_life.h"
#include "proto/job.h"
#include "proto/members.h"
#include "proto/report.h"

#include "base/poison.h"

enum { LOOKUP_BYTES_MAX = 8 * 1024 * 1024 };

static const char *const outcome_names[] = {
    [LOOKUP_COMPLETE] = "complete",
    [LOOKUP_NOT_MODIFIED] = "notModified",
    [LOOKUP_FAILED] = "failed",
    [LOOKUP_DEFERRED] = "deferred",
};
static const char *const failure_names[] = {
    [FAILURE_NONE] = "",
    [FAILURE_NOT_FOUND] = "notFound",
    [FAILURE_UNAUTHORIZED] = "unauthorized",
    [FAILURE_RATE_LIMITED] = "rateLimited",
    [FAILURE_UNREACHABLE] = "unreachable",
    [FAILURE_TIMEOUT] = "timeout",
    [FAILURE_TLS] = "tls",
    [FAILURE_TOO_LARGE] = "tooLarge",
    [FAILURE_MALFORMED] = "malformed",
    [FAILURE_REFUSED_TARGET] = "refusedTarget",
    [FAILURE_UNSUPPORTED] = "unsupported",
    [FAILURE_EMPTIED] = "emptied",
    [FAILURE_CHANGING] = "changing",
};

const char *lookup_outcome_name(lookup_outcome o)
{
    return outcome_names[o];
}

const char *lookup_failure_name(lookup_failure f)
{
    return failure_names[f];
}

typedef struct {
    lookup l;
    int64_t schema;
    ov_str outcome, failure, lists;
} lookup_wire;

static const ov_field lookup_fields[] = {
    {MEMBER_SCHEMA, OV_FIELD_I64, true, offsetof(lookup_wire, schema)},
    {MEMBER_SOURCE, OV_FIELD_STRING, true, offsetof(lookup_wire, l.source)},
    {MEMBER_PROVIDER, OV_FIELD_STRING, true, offsetof(lookup_wire, l.provider)},
    {MEMBER_STRATEGY, OV_FIELD_STRING, true, offsetof(lookup_wire, l.strategy)},
    {MEMBER_REPO, OV_FIELD_STRING, true, offsetof(lookup_wire, l.repo)},
    {MEMBER_OUTCOME, OV_FIELD_STRING, true, offsetof(lookup_wire, outcome)},
    {MEMBER_FAILURE, OV_FIELD_STRING, false, offsetof(lookup_wire, failure)},
    {MEMBER_MESSAGE, OV_FIELD_STRING, false, offsetof(lookup_wire, l.message)},
    {MEMBER_STATUS, OV_FIELD_I64, false, offsetof(lookup_wire, l.status)},
    {MEMBER_NEXT_TRY_AT, OV_FIELD_I64, false, offsetof(lookup_wire, l.next_try_s)},
    {MEMBER_FAILURES, OV_FIELD_I64, false, offsetof(lookup_wire, l.failures)},
    {MEMBER_REQUESTS, OV_FIELD_I64, false, offsetof(lookup_wire, l.requests)},
    {MEMBER_ETAG, OV_FIELD_STRING, false, offsetof(lookup_wire, l.etag)},
    {MEMBER_LAST_MODIFIED, OV_FIELD_STRING, false, offsetof(lookup_wire, l.last_modified)},
    {MEMBER_CREDENTIAL, OV_FIELD_STRING, false, offsetof(lookup_wire, l.credential)},
    {MEMBER_LISTS, OV_FIELD_ARRAY, true, offsetof(lookup_wire, lists)},
    {MEMBER_EPOCH, OV_FIELD_I64, true, offsetof(lookup_wire, l.epoch)},
    {MEMBER_AFTER, OV_FIELD_I64, true, offsetof(lookup_wire, l.after)},
    {MEMBER_LOOKED_AT, OV_FIELD_I64, true, offsetof(lookup_wire, l.looked_at_s)},
    {MEMBER_COMPLETE_AT, OV_FIELD_I64, false, offsetof(lookup_wire, l.complete_at_s)},
    {MEMBER_BUDGET_REMAINING, OV_FIELD_I64, false, offsetof(lookup_wire, l.budget_remaining)},
};
static const ov_field list_fields[] = {
    {MEMBER_LIST, OV_FIELD_STRING, true, offsetof(lookup_list, list)},
    {MEMBER_DIGEST, OV_FIELD_STRING, false, offsetof(lookup_list, digest)},
    {MEMBER_COUNT, OV_FIELD_I64, false, offsetof(lookup_list, count)},
    {MEMBER_EMPTIED, OV_FIELD_BOOL, false, offsetof(lookup_list, emptied)},
};

static ov_status choices_decode(lookup_wire *w, ov_err *err)
{
    unsigned outcome = 0, failure = 0;
    ov_status st =
        choice_decode(w->outcome, outcome_names, OV_COUNT(outcome_names), "lookup: " MEMBER_OUTCOME, &outcome, err);
    if (st == OV_OK)
        st =
            choice_decode(w->failure, failure_names, OV_COUNT(failure_names), "lookup: " MEMBER_FAILURE, &failure, err);
    w->l.outcome = (lookup_outcome)outcome;
    w->l.failure = (lookup_failure)failure;
    return st;
}

static ov_status numbers_check(const lookup *l, ov_err *err)
{
    ov_status st = nonnegative_check(l->epoch, "lookup: " MEMBER_EPOCH, err);
    if (st == OV_OK) st = nonnegative_check(l->after, "lookup: " MEMBER_AFTER, err);
    if (st == OV_OK) st = range_check(l->failures, JOB_FAILURES_MAX, "lookup: " MEMBER_FAILURES, err);
    if (st == OV_OK) st = nonnegative_check(l->requests, "lookup: " MEMBER_REQUESTS, err);
    if (st == OV_OK) st = range_check(l->next_try_s, END_OF_LIFE_S_MAX, "lookup: " MEMBER_NEXT_TRY_AT, err);
    if (st == OV_OK) st = range_check(l->looked_at_s, END_OF_LIFE_S_MAX, "lookup: " MEMBER_LOOKED_AT, err);
    if (st == OV_OK) st = range_check(l->complete_at_s, END_OF_LIFE_S_MAX, "lookup: " MEMBER_COMPLETE_AT, err);
    return st;
}

static ov_status lists_decode(lookup_wire *w, ov_err *err)
{
    lookup *l = &w->l;
    ov_status st = items_decode(w->lists, list_fields, OV_COUNT(list_fields), sizeof *l->lists, JOB_LISTS_MAX,
                                &l->lists, &l->list_count, &l->arena, "lookup: " MEMBER_LISTS, err);
    for (size_t i = 0; st == OV_OK && i < l->list_count; i++) {
        if (l->lists[i].digest.len)
            st = hex_check(l->lists[i].digest, REPORT_DIGEST_HEX - 1, "lookup: " MEMBER_LISTS "[]." MEMBER_DIGEST, err);
    }
    return st;
}

static void lookup_wire_clear(lookup_wire *w)
{
    lookup_clear(&w->l);
}

ov_status lookup_decode(ov_str body, lookup *ret, ov_err *err)
{
    OV_CLEANUP(lookup_wire_clear) lookup_wire w = {.l.budget_remaining = -1};
    ov_status st = size_check(body, LOOKUP_BYTES_MAX, "lookup", err);
    if (st == OV_OK)
        st = ov_json_fields_of(body, lookup_fields, OV_COUNT(lookup_fields), &w, &w.l.arena, "lookup: ", err);
    if (st == OV_OK) st = schema_check(w.schema, "lookup", err);
    if (st == OV_OK && !w.l.source.len) st = ov_fail(err, OV_INVALID, "lookup: " MEMBER_SOURCE ": missing");
    if (st == OV_OK) st = choices_decode(&w, err);
    if (st == OV_OK) st = numbers_check(&w.l, err);
    if (st == OV_OK) st = lists_decode(&w, err);
    if (st != OV_OK) return st;
    *ret = w.l;
    w.l = (lookup){0};
    return OV_OK;
}

void lookup_clear(lookup *l)
{
    free(l->lists);
    ov_json_arena_clear(&l->arena);
    *l = (lookup){0};
}

static void lists_write(ov_json_writer *w, const lookup *l)
{
    ov_json_open_array(w, MEMBER_LISTS);
    for (size_t i = 0; i < l->list_count; i++) {
        ov_json_open_object(w, NULL);
        ov_json_write_str(w, MEMBER_LIST, l->lists[i].list);
        member_write_str(w, MEMBER_DIGEST, l->lists[i].digest);
        ov_json_write_i64(w, MEMBER_COUNT, l->lists[i].count);
        member_write_bool(w, MEMBER_EMPTIED, l->lists[i].emptied);
        ov_json_close_object(w);
    }
    ov_json_close_array(w);
}

void lookup_encode(const lookup *l, ov_buf *out)
{
    ov_json_writer w = ov_json_writer_on(out);
    ov_json_open_object(&w, NULL);
    schema_write(&w);
    ov_json_write_str(&w, MEMBER_SOURCE, l->source);
    ov_json_write_str(&w, MEMBER_PROVIDER, l->provider);
    ov_json_write_str(&w, MEMBER_STRATEGY, l->strategy);
    ov_json_write_str(&w, MEMBER_REPO, l->repo);
    ov_json_write_c(&w, MEMBER_OUTCOME, lookup_outcome_name(l->outcome));
    if (l->failure != FAILURE_NONE) ov_json_write_c(&w, MEMBER_FAILURE, lookup_failure_name(l->failure));
    member_write_str(&w, MEMBER_MESSAGE, l->message);
    member_write_i64(&w, MEMBER_STATUS, l->status);
    member_write_i64(&w, MEMBER_NEXT_TRY_AT, l->next_try_s);
    ov_json_write_i64(&w, MEMBER_FAILURES, l->failures);
    ov_json_write_i64(&w, MEMBER_REQUESTS, l->requests);
    member_write_str(&w, MEMBER_ETAG, l->etag);
    member_write_str(&w, MEMBER_LAST_MODIFIED, l->last_modified);
    member_write_str(&w, MEMBER_CREDENTIAL, l->credential);
    lists_write(&w, l);
    ov_json_write_i64(&w, MEMBER_EPOCH, l->epoch);
    ov_json_write_i64(&w, MEMBER_AFTER, l->after);
    ov_json_write_i64(&w, MEMBER_LOOKED_AT, l->looked_at_s);
    member_write_i64(&w, MEMBER_COMPLETE_AT, l->complete_at_s);
    if (l->budget_remaining >= 0) ov_json_write_i64(&w, MEMBER_BUDGET_REMAINING, l->budget_remaining);
    ov_json_close_object(&w);
}
