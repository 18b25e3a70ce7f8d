/* Writes events as CloudEvents and reads back what a publisher needs of one. */
#include "proto/event.h"

#include "crypto/hash.h"
#include "proto/members.h"

#include "base/poison.h"

#define TYPE_PREFIX "io.opvic."

enum { EVENT_ID_DIGITS = 32, EVENT_BYTES_MAX = 1024 * 1024 };

static const char *const type_names[] = {
    [EVENT_RUNNING] = "running",       [EVENT_STATE] = "state",   [EVENT_RELEASE] = "release",
    [EVENT_WITHDRAWN] = "withdrawn",   [EVENT_SOURCE] = "source", [EVENT_AGENT] = "agent",
    [EVENT_END_OF_LIFE] = "endOfLife", [EVENT_EPOCH] = "epoch",
};

const char *event_type_name(event_type t)
{
    return type_names[t];
}

static void subject_write(ov_json_writer *w, const event *e)
{
    if (!e->agent.ptr) return;
    OV_CLEANUP(ov_buf_clear) ov_buf subject = OV_BUF(4096);
    ov_buf_append_str(&subject, e->agent);
    if (e->tracker.ptr) {
        ov_buf_append_char(&subject, '/');
        ov_buf_append_str(&subject, e->tracker);
    }
    ov_json_write_str(w, MEMBER_SUBJECT, ov_buf_str(&subject));
}

void event_encode(const event *e, ov_buf *out)
{
    char time[OV_WALL_TEXT], type[64];
    ov_wall_format(e->time, time);
    size_t prefix = sizeof TYPE_PREFIX - 1, name = strlen(event_type_name(e->type)) + 1;
    memcpy(type, TYPE_PREFIX, prefix);
    memcpy(type + prefix, event_type_name(e->type), name);
    ov_json_writer w = ov_json_writer_on(out);
    ov_json_open_object(&w, NULL);
    ov_json_write_c(&w, MEMBER_SPECVERSION, "1.0");
    ov_json_write_c(&w, MEMBER_ID, e->id);
    ov_json_write_c(&w, MEMBER_SOURCE, "opvic");
    ov_json_write_c(&w, MEMBER_TYPE, type);
    subject_write(&w, e);
    ov_json_write_c(&w, MEMBER_TIME, time);
    ov_json_write_c(&w, MEMBER_DATACONTENTTYPE, "application/json");
    if (e->agent.ptr) ov_json_write_str(&w, MEMBER_AGENTID, e->agent);
    if (e->tracker.ptr) ov_json_write_str(&w, MEMBER_TRACKERID, e->tracker);
    ov_json_write_raw(&w, MEMBER_DATA, e->data);
    ov_json_close_object(&w);
}

void event_id(ov_str key, ov_str previous_digest, ov_str next_digest, unsigned index, char out[EVENT_ID_DIGITS + 1])
{
    unsigned char place[4] = {(unsigned char)index, (unsigned char)(index >> 8), (unsigned char)(index >> 16),
                              (unsigned char)(index >> 24)};
    unsigned char hash[OV_SHA256_BYTES];
    ov_str pieces[] = {key, previous_digest, next_digest, {(const char *)place, sizeof place}};
    ov_sha256_pieces(pieces, OV_COUNT(pieces), hash);
    ov_hex(hash, EVENT_ID_DIGITS / 2, out);
}

static const ov_field head_fields[] = {
    {MEMBER_ID, OV_FIELD_STRING, true, offsetof(event_head, id)},
    {MEMBER_TYPE, OV_FIELD_STRING, true, offsetof(event_head, type)},
    {MEMBER_AGENTID, OV_FIELD_STRING, false, offsetof(event_head, agent)},
    {MEMBER_TRACKERID, OV_FIELD_STRING, false, offsetof(event_head, tracker)},
};

ov_status event_head_decode(ov_str body, event_head *ret, ov_err *err)
{
    OV_CLEANUP(event_head_clear) event_head h = {0};
    ov_status st = size_check(body, EVENT_BYTES_MAX, "event", err);
    if (st == OV_OK) st = ov_json_fields_of(body, head_fields, OV_COUNT(head_fields), &h, &h.arena, "event: ", err);
    if (st != OV_OK) return st;
    if (!h.id.len) return ov_fail(err, OV_INVALID, "event: " MEMBER_ID ": missing");
    if (!ov_str_starts(h.type, OV_STR(TYPE_PREFIX)))
        return ov_fail(err, OV_INVALID, "event: " MEMBER_TYPE ": expected " TYPE_PREFIX "...");
    h.type = ov_str_sub(h.type, sizeof TYPE_PREFIX - 1, h.type.len);
    *ret = h;
    h = (event_head){0};
    return OV_OK;
}

void event_head_clear(event_head *h)
{
    ov_json_arena_clear(&h->arena);
    *h = (event_head){0};
}
