/* Checks what agents post, hands it to the bus and answers once it is stored. */
#include "services/api/intake.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "proto/heartbeat.h"
#include "proto/report.h"
#include "proto/subjects.h"

#include "base/poison.h"

enum { ANSWER_BYTES_MAX = 64 * 1024 * 1024, REVISION_BYTES = 24 };

/* One request whose messages are on their way; freed with the last of them. */
typedef struct {
    ov_http_deferred *deferred;
    ov_buf body; /* of the 202 */
    atomic_uint left;
    atomic_int status; /* ov_status: the first that was not OV_OK */
} submission;

void intake_unavailable(ov_http_answer *a, const char *why)
{
    ov_http_error(a, 503, "%s", why);
    ov_http_set_header(a, "Retry-After", "%d", INTAKE_RETRY_AFTER_S);
}

static void submission_answer(submission *s, ov_http_answer *a)
{
    switch ((ov_status)atomic_load(&s->status)) {
    case OV_OK:
        a->status = 202;
        a->body = s->body;
        s->body = (ov_buf){0};
        break;
    case OV_INVALID:
        ov_http_error(a, 413, "more than the bus takes");
        break;
    case OV_FAILED:
        intake_unavailable(a, "the bus refused to store it");
        break;
    default:
        intake_unavailable(a, "the bus did not store it in time");
        break;
    }
}

static void submission_settle(submission *s, ov_status st)
{
    int fine = OV_OK;
    if (st != OV_OK) atomic_compare_exchange_strong(&s->status, &fine, (int)st);
    if (atomic_fetch_sub(&s->left, 1) != 1) return;
    ov_http_answer a = {0};
    submission_answer(s, &a);
    ov_http_complete(s->deferred, &a);
    ov_buf_clear(&s->body);
    free(s);
}

static void on_stored(void *arg, const ov_bus_stored *result)
{
    submission_settle(arg, result->status);
}

/* Publishes one of the submission's messages. */
static void submission_store(ov_bus *bus, submission *s, const ov_bus_out *m)
{
    ov_err err = {0};
    ov_status st = ov_bus_store(bus, m, INTAKE_STORE_MS, on_stored, s, &err);
    if (st != OV_OK) submission_settle(s, st);
}

/* Takes over the body of the 202. */
static submission *submission_new(const ov_http_request *r, ov_http_answer *a, ov_buf *body, unsigned messages)
{
    submission *s = ov_zalloc(sizeof *s);
    s->body = *body;
    *body = (ov_buf){0};
    atomic_init(&s->left, messages);
    atomic_init(&s->status, OV_OK);
    s->deferred = ov_http_defer(r, INTAKE_ANSWER_MS, 503, "the bus did not store it in time");
    a->deferred = s->deferred;
    return s;
}

/* Instance and revision as headers of a message. */
typedef struct {
    char instance[INSTANCE_MAX + 1], revision[REVISION_BYTES];
} origin;

static void origin_set(origin *o, ov_str instance, int64_t revision)
{
    snprintf(o->instance, sizeof o->instance, "%.*s", OV_STR_ARG(instance));
    snprintf(o->revision, sizeof o->revision, "%" PRId64, revision);
}

static void origin_add(const origin *o, ov_bus_out *m)
{
    if (!o->instance[0]) return;
    m->headers[0] = (ov_bus_header){HEADER_INSTANCE, o->instance};
    m->headers[1] = (ov_bus_header){HEADER_REVISION, o->revision};
}

static ov_status origin_read(const ov_http_request *r, origin *o, ov_err *err)
{
    ov_str instance = ov_http_header(r, HEADER_INSTANCE), revision = ov_http_header(r, HEADER_REVISION);
    uint64_t number = 0;
    *o = (origin){0};
    if (!instance.len) return OV_OK;
    ov_status st = instance_check(instance, HEADER_INSTANCE, err);
    if (st != OV_OK) return st;
    if (revision.len && (!ov_str_to_u64(revision, &number) || number > INT64_MAX))
        return ov_fail(err, OV_INVALID, HEADER_REVISION ": expected a number");
    origin_set(o, instance, (int64_t)number);
    return OV_OK;
}

/* What one message may have: the rest of the server's limit is for headers and for those who copy it. */
static bool fits(const ov_bus *bus, size_t len, ov_http_answer *a)
{
    int64_t limit = ov_bus_max_payload(bus) / 4 * 3;
    if ((int64_t)len <= limit) return true;
    ov_http_error(a, 413, "more than %" PRId64 " bytes", limit);
    return false;
}

void intake_report(ov_bus *bus, const ov_http_request *r, ov_http_answer *a)
{
    OV_CLEANUP(report_clear) report rep = {0};
    ov_str body = ov_http_body(r);
    ov_err err = {0};
    origin from;
    if (!fits(bus, body.len, a)) return;
    ov_status st = report_decode(body, &rep, &err);
    if (st == OV_OK) st = origin_read(r, &from, &err);
    if (st != OV_OK) {
        ov_http_error(a, 400, "%s", err.msg);
        return;
    }
    if (!ov_bus_is_up(bus)) {
        intake_unavailable(a, "the bus is away");
        return;
    }
    char subject[SUBJECT_MAX];
    subject_report(rep.agent_id, rep.id, subject);
    ov_bus_out m = OV_BUS_OUT(subject, body);
    origin_add(&from, &m);
    ov_buf text = OV_BUF(ANSWER_BYTES_MAX);
    ov_buf_append_c(&text, "{\"message\":\"data received\"}");
    submission_store(bus, submission_new(r, a, &text, 1), &m);
}

static void ask_take(view_holder *views, ov_str agent, ov_buf *out)
{
    OV_CLEANUP(view_unref_p) view *v = view_holder_take(views);
    const block *b = view_find(v, agent);
    if (b)
        ov_buf_append_str(out, b->ask);
    else
        block_ask_unknown(out);
}

/* The agent's id from the path, and what it sent. */
static ov_status heartbeat_take(const ov_http_request *r, heartbeat *h, inventory *items, ov_err *err)
{
    ov_str agent = ov_http_param(r, 0);
    ov_status st = subject_id_check(agent, "agent", err);
    if (st == OV_OK) st = heartbeat_decode(HEARTBEAT_HTTP, ov_http_body(r), h, err);
    if (st != OV_OK) return st;
    h->agent_id = agent;
    return inventory_decode_items(h->inventory, items, err);
}

static void heartbeat_submit(ov_bus *bus, const heartbeat *h, const inventory *items, submission *s)
{
    OV_CLEANUP(ov_buf_clear) ov_buf beat = OV_BUF(ANSWER_BYTES_MAX), list = OV_BUF(ANSWER_BYTES_MAX);
    char subject[SUBJECT_MAX];
    origin from;
    origin_set(&from, h->instance, h->revision);
    if (h->inventory.len) { /* first, so that the heartbeat finds it */
        inventory_encode(h->agent_id, items->items, items->count, &list);
        subject_inventory(h->agent_id, subject);
        ov_bus_out m = OV_BUS_OUT(subject, ov_buf_str(&list));
        origin_add(&from, &m);
        submission_store(bus, s, &m);
    }
    heartbeat_encode(HEARTBEAT_BUS, h, &beat);
    subject_heartbeat(h->agent_id, subject);
    ov_bus_out m = OV_BUS_OUT(subject, ov_buf_str(&beat));
    origin_add(&from, &m);
    submission_store(bus, s, &m);
}

void intake_heartbeat(ov_bus *bus, view_holder *views, const ov_http_request *r, ov_http_answer *a)
{
    OV_CLEANUP(heartbeat_clear) heartbeat h = {0};
    OV_CLEANUP(inventory_clear) inventory items = {0};
    ov_err err = {0};
    if (!fits(bus, ov_http_body(r).len, a)) return;
    if (heartbeat_take(r, &h, &items, &err) != OV_OK) {
        ov_http_error(a, 400, "%s", err.msg);
        return;
    }
    if (!ov_bus_is_up(bus)) {
        intake_unavailable(a, "the bus is away");
        return;
    }
    ov_buf text = OV_BUF(ANSWER_BYTES_MAX);
    ask_take(views, h.agent_id, &text);
    heartbeat_submit(bus, &h, &items, submission_new(r, a, &text, h.inventory.len ? 2 : 1));
}
