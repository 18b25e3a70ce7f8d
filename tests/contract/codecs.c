/* The messages' decoders and encoders behind one signature. */
#include "codecs.h"

#include "base/clock.h"
#include "base/mem.h"
#include "proto/budget.h"
#include "proto/event.h"
#include "proto/heartbeat.h"
#include "proto/job.h"
#include "proto/list.h"
#include "proto/lookup.h"
#include "proto/members.h"
#include "proto/parts.h"
#include "proto/report.h"
#include "proto/state.h"
#include "proto/subjects.h"

#include "base/poison.h"

/* For messages with one struct, one decoder and one encoder. */
#define ROUND(name, type, decode, encode, clear)                 \
    static ov_status name(ov_str body, ov_buf *out, ov_err *err) \
    {                                                            \
        OV_CLEANUP(clear) type value = {0};                      \
        ov_status st = decode(body, &value, err);                \
        if (st == OV_OK) encode(&value, out);                    \
        return st;                                               \
    }

ROUND(round_report, report, report_decode, report_encode, report_clear)
ROUND(round_ask, ask_report, ask_report_decode, ask_report_encode, ask_report_clear)
ROUND(round_job, job, job_decode, job_encode, job_clear)
ROUND(round_list, list, list_decode, list_encode, list_clear)
ROUND(round_lookup, lookup, lookup_decode, lookup_encode, lookup_clear)
ROUND(round_entry, entry_doc, entry_doc_decode, entry_doc_encode, entry_doc_clear)
ROUND(round_verdict, verdict_doc, verdict_doc_decode, verdict_doc_encode, verdict_doc_clear)
ROUND(round_source, source_doc, source_doc_decode, source_doc_encode, source_doc_clear)
ROUND(round_agent, agent_doc, agent_doc_decode, agent_doc_encode, agent_doc_clear)
ROUND(round_epoch, epoch_doc, epoch_doc_decode, epoch_doc_encode, epoch_doc_clear)
ROUND(round_budget, budget_doc, budget_doc_decode, budget_doc_encode, budget_doc_clear)

static ov_status round_heartbeat_form(heartbeat_form form, ov_str body, ov_buf *out, ov_err *err)
{
    OV_CLEANUP(heartbeat_clear) heartbeat h = {0};
    ov_status st = heartbeat_decode(form, body, &h, err);
    if (st == OV_OK) heartbeat_encode(form, &h, out);
    return st;
}

static ov_status round_heartbeat(ov_str body, ov_buf *out, ov_err *err)
{
    return round_heartbeat_form(HEARTBEAT_BUS, body, out, err);
}

static ov_status round_heartbeat_http(ov_str body, ov_buf *out, ov_err *err)
{
    return round_heartbeat_form(HEARTBEAT_HTTP, body, out, err);
}

static ov_status round_inventory(ov_str body, ov_buf *out, ov_err *err)
{
    OV_CLEANUP(inventory_clear) inventory i = {0};
    ov_status st = inventory_decode(body, &i, err);
    if (st == OV_OK) inventory_encode(i.agent_id, i.items, i.count, out);
    return st;
}

typedef struct {
    live_item *items;
    size_t count, cap;
    ov_json_arena arena;
} live_list;

static void live_list_clear(live_list *l)
{
    ov_free_p(&l->items);
    ov_json_arena_clear(&l->arena);
}

static ov_status live_list_add(void *arg, ov_str agent, int64_t last_heartbeat_s, ov_err *err)
{
    live_list *l = arg;
    (void)err;
    ov_grow(&l->items, &l->cap, l->count + 1, sizeof *l->items);
    l->items[l->count++] = (live_item){ov_json_arena_copy(&l->arena, agent), last_heartbeat_s};
    return OV_OK;
}

static ov_status round_live(ov_str body, ov_buf *out, ov_err *err)
{
    OV_CLEANUP(live_list_clear) live_list l = {0};
    ov_status st = live_doc_decode(body, live_list_add, &l, err);
    if (st == OV_OK) live_doc_encode(l.items, l.count, out);
    return st;
}

typedef struct {
    ov_str time, data;
} event_rest;

static const ov_field event_rest_fields[] = {
    {MEMBER_TIME, OV_FIELD_STRING, true, offsetof(event_rest, time)},
    {MEMBER_DATA, OV_FIELD_OBJECT, true, offsetof(event_rest, data)},
};

static event_type type_of(ov_str name)
{
    for (unsigned t = EVENT_RUNNING; t < EVENT_EPOCH; t++) {
        if (ov_str_eq(name, ov_str_of(event_type_name((event_type)t)))) return (event_type)t;
    }
    return EVENT_EPOCH;
}

static ov_status round_event(ov_str body, ov_buf *out, ov_err *err)
{
    OV_CLEANUP(event_head_clear) event_head head = {0};
    OV_CLEANUP(ov_json_arena_clear) ov_json_arena arena = {0};
    event_rest rest = {0};
    ov_wall time = {0};
    ov_status st = event_head_decode(body, &head, err);
    if (st == OV_OK)
        st = ov_json_fields_of(body, event_rest_fields, OV_COUNT(event_rest_fields), &rest, &arena, "event: ", err);
    if (st == OV_OK) st = ov_wall_parse(rest.time, &time, err);
    if (st != OV_OK) return st;
    OV_CLEANUP(ov_free_p) char *id = ov_dup(head.id);
    event e = {.type = type_of(head.type),
               .agent = head.agent,
               .tracker = head.tracker,
               .data = rest.data,
               .time = time,
               .id = id};
    event_encode(&e, out);
    return OV_OK;
}

/* A manifest alone gives no body; that it is read is all there is to see. */
static ov_status round_manifest(ov_str body, ov_buf *out, ov_err *err)
{
    parts_joiner *j = parts_joiner_new(1 << 24, 1 << 24);
    ov_str subject, joined;
    ov_status st = parts_join(j, OV_STR(STATE_PREFIX "verdict.v"), body, &subject, &joined, err);
    if (st == OV_OK && !joined.ptr) ov_buf_append_str(out, body);
    parts_joiner_free(j);
    return st;
}

static const codec codecs[] = {
    {"report", round_report},
    {"heartbeat", round_heartbeat},
    {"heartbeat-http", round_heartbeat_http},
    {"inventory", round_inventory},
    {"ask", round_ask},
    {"job", round_job},
    {"list", round_list},
    {"lookup", round_lookup},
    {"event", round_event},
    {"entry", round_entry},
    {"verdict", round_verdict},
    {"source", round_source},
    {"agent", round_agent},
    {"live", round_live},
    {"epoch", round_epoch},
    {"budget", round_budget},
    {"manifest", round_manifest},
};

const codec *codec_find(const char *message)
{
    for (size_t i = 0; i < OV_COUNT(codecs); i++) {
        if (strcmp(codecs[i].message, message) == 0) return &codecs[i];
    }
    return NULL;
}
