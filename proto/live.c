/* Reads and writes the small documents of state: who lives, and who leads. */
#include "proto/members.h"
#include "proto/state.h"

#include "base/poison.h"

enum { LIVE_BYTES_MAX = 64 * 1024 * 1024 };

typedef struct {
    int64_t schema;
    ov_str agents;
} live_wire;

static const ov_field live_fields[] = {
    {MEMBER_SCHEMA, OV_FIELD_I64, true, offsetof(live_wire, schema)},
    {MEMBER_AGENTS, OV_FIELD_OBJECT, true, offsetof(live_wire, agents)},
};

static ov_status live_agents_decode(ov_str object, live_each each, void *arg, ov_err *err)
{
    static const char path[] = "live: " MEMBER_AGENTS;
    ov_json_reader r;
    bool more = false;
    ov_json_reader_init(&r, object);
    ov_status st = ov_json_object_begin(&r, path, err);
    while (st == OV_OK) {
        OV_CLEANUP(ov_json_arena_clear) ov_json_arena arena = {0};
        ov_str agent;
        ov_json_token seconds;
        int64_t at_s = 0;
        st = ov_json_object_next(&r, &more, &agent, &arena, path, err);
        if (st != OV_OK || !more) return st;
        st = ov_json_next(&r, &seconds, err);
        if (st == OV_OK) st = ov_json_token_i64(&seconds, &at_s, err);
        if (st != OV_OK) return ov_fail_in(err, st, path);
        st = each(arg, agent, at_s, err);
    }
    return st;
}

ov_status live_doc_decode(ov_str body, live_each each, void *arg, ov_err *err)
{
    OV_CLEANUP(ov_json_arena_clear) ov_json_arena arena = {0};
    live_wire w = {0};
    ov_status st = size_check(body, LIVE_BYTES_MAX, "live", err);
    if (st == OV_OK) st = ov_json_fields_of(body, live_fields, OV_COUNT(live_fields), &w, &arena, "live: ", err);
    if (st == OV_OK) st = schema_check(w.schema, "live", err);
    return st == OV_OK ? live_agents_decode(w.agents, each, arg, err) : st;
}

void live_doc_encode(const live_item *items, size_t count, ov_buf *out)
{
    ov_json_writer w = ov_json_writer_on(out);
    ov_json_open_object(&w, NULL);
    schema_write(&w);
    ov_json_open_object(&w, MEMBER_AGENTS);
    for (size_t i = 0; i < count; i++) {
        if (i) ov_buf_append_char(out, ',');
        ov_json_quote(out, items[i].agent);
        ov_buf_append_char(out, ':');
        ov_buf_append_i64(out, items[i].last_heartbeat_s);
    }
    ov_json_close_object(&w);
    ov_json_close_object(&w);
}

typedef struct {
    epoch_doc d;
    int64_t schema;
} epoch_wire;

static const ov_field epoch_fields[] = {
    {MEMBER_SCHEMA, OV_FIELD_I64, true, offsetof(epoch_wire, schema)},
    {MEMBER_EPOCH, OV_FIELD_I64, true, offsetof(epoch_wire, d.epoch)},
    {MEMBER_LEADER, OV_FIELD_STRING, true, offsetof(epoch_wire, d.leader)},
};

static void epoch_wire_clear(epoch_wire *w)
{
    epoch_doc_clear(&w->d);
}

ov_status epoch_doc_decode(ov_str body, epoch_doc *ret, ov_err *err)
{
    OV_CLEANUP(epoch_wire_clear) epoch_wire w = {0};
    ov_status st = ov_json_fields_of(body, epoch_fields, OV_COUNT(epoch_fields), &w, &w.d.arena, "epoch: ", err);
    if (st == OV_OK) st = schema_check(w.schema, "epoch", err);
    if (st == OV_OK) st = nonnegative_check(w.d.epoch, "epoch: " MEMBER_EPOCH, err);
    if (st != OV_OK) return st;
    *ret = w.d;
    w.d = (epoch_doc){0};
    return OV_OK;
}

void epoch_doc_clear(epoch_doc *d)
{
    ov_json_arena_clear(&d->arena);
    *d = (epoch_doc){0};
}

void epoch_doc_encode(const epoch_doc *d, ov_buf *out)
{
    ov_json_writer w = ov_json_writer_on(out);
    ov_json_open_object(&w, NULL);
    schema_write(&w);
    ov_json_write_i64(&w, MEMBER_EPOCH, d->epoch);
    ov_json_write_str(&w, MEMBER_LEADER, d->leader);
    ov_json_close_object(&w);
}
