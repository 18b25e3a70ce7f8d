/* Reads and writes what is left of a host's budget. */
#include "proto/budget.h"

#include "proto/members.h"

#include "base/poison.h"

typedef struct {
    budget_doc d;
    int64_t schema;
} budget_wire;

static const ov_field budget_fields[] = {
    {MEMBER_SCHEMA, OV_FIELD_I64, true, offsetof(budget_wire, schema)},
    {MEMBER_HOST, OV_FIELD_STRING, true, offsetof(budget_wire, d.host)},
    {MEMBER_CREDENTIAL, OV_FIELD_STRING, false, offsetof(budget_wire, d.credential)},
    {MEMBER_LIMIT, OV_FIELD_I64, false, offsetof(budget_wire, d.state.limit)},
    {MEMBER_REMAINING, OV_FIELD_I64, false, offsetof(budget_wire, d.state.remaining)},
    {MEMBER_RESET_AT, OV_FIELD_I64, false, offsetof(budget_wire, d.state.reset_s)},
    {MEMBER_PERIOD, OV_FIELD_I64, false, offsetof(budget_wire, d.state.period_s)},
    {MEMBER_WAIT_UNTIL, OV_FIELD_I64, false, offsetof(budget_wire, d.state.wait_s)},
    {MEMBER_ALONE_UNTIL, OV_FIELD_I64, false, offsetof(budget_wire, d.state.alone_s)},
    {MEMBER_UNLIMITED_UNTIL, OV_FIELD_I64, false, offsetof(budget_wire, d.state.unlimited_s)},
};

static ov_status numbers_check(const budget_state *s, ov_err *err)
{
    ov_status st = nonnegative_check(s->limit, "budget: " MEMBER_LIMIT, err);
    if (st == OV_OK) st = nonnegative_check(s->remaining, "budget: " MEMBER_REMAINING, err);
    if (st == OV_OK) st = nonnegative_check(s->reset_s, "budget: " MEMBER_RESET_AT, err);
    if (st == OV_OK) st = nonnegative_check(s->period_s, "budget: " MEMBER_PERIOD, err);
    if (st == OV_OK) st = nonnegative_check(s->wait_s, "budget: " MEMBER_WAIT_UNTIL, err);
    if (st == OV_OK) st = nonnegative_check(s->alone_s, "budget: " MEMBER_ALONE_UNTIL, err);
    if (st == OV_OK) st = nonnegative_check(s->unlimited_s, "budget: " MEMBER_UNLIMITED_UNTIL, err);
    return st;
}

static void budget_wire_clear(budget_wire *w)
{
    budget_doc_clear(&w->d);
}

ov_status budget_doc_decode(ov_str body, budget_doc *ret, ov_err *err)
{
    OV_CLEANUP(budget_wire_clear) budget_wire w = {0};
    ov_status st = size_check(body, BUDGET_BYTES_MAX, "budget", err);
    if (st == OV_OK)
        st = ov_json_fields_of(body, budget_fields, OV_COUNT(budget_fields), &w, &w.d.arena, "budget: ", err);
    if (st == OV_OK) st = schema_check(w.schema, "budget", err);
    if (st == OV_OK && (!w.d.host.len || w.d.host.len > BUDGET_HOST_MAX))
        st = ov_fail(err, OV_INVALID, "budget: " MEMBER_HOST ": expected 1 to %d bytes", BUDGET_HOST_MAX);
    if (st == OV_OK && w.d.credential.len > BUDGET_CREDENTIAL_MAX)
        st = ov_fail(err, OV_INVALID, "budget: " MEMBER_CREDENTIAL ": more than %d bytes", BUDGET_CREDENTIAL_MAX);
    if (st == OV_OK) st = numbers_check(&w.d.state, err);
    if (st != OV_OK) return st;
    *ret = w.d;
    w.d = (budget_doc){0};
    return OV_OK;
}

void budget_doc_clear(budget_doc *d)
{
    ov_json_arena_clear(&d->arena);
    *d = (budget_doc){0};
}

void budget_doc_encode(const budget_doc *d, ov_buf *out)
{
    const budget_state *s = &d->state;
    ov_json_writer w = ov_json_writer_on(out);
    ov_json_open_object(&w, NULL);
    schema_write(&w);
    ov_json_write_str(&w, MEMBER_HOST, d->host);
    member_write_str(&w, MEMBER_CREDENTIAL, d->credential);
    member_write_i64(&w, MEMBER_LIMIT, s->limit);
    member_write_i64(&w, MEMBER_REMAINING, s->remaining);
    member_write_i64(&w, MEMBER_RESET_AT, s->reset_s);
    member_write_i64(&w, MEMBER_PERIOD, s->period_s);
    member_write_i64(&w, MEMBER_WAIT_UNTIL, s->wait_s);
    member_write_i64(&w, MEMBER_ALONE_UNTIL, s->alone_s);
    member_write_i64(&w, MEMBER_UNLIMITED_UNTIL, s->unlimited_s);
    ov_json_close_object(&w);
}
