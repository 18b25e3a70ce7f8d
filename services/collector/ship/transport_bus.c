/* Publishes to the reports' stream and hands what became of it to the loop. */
#include "services/collector/ship/transport_bus.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "proto/subjects.h"

#include "base/poison.h"

typedef struct {
    ov_bus *bus;
    ov_inbox *inbox;
    char *agent_id, *instance;
} bus_transport;

/* A store in flight: the event that its callback completes, and where it goes. */
typedef struct {
    ov_inbox *inbox;
    transport_event *event;
} flight;

static transport_outcome outcome_of(ov_status s)
{
    switch (s) {
    case OV_OK:
        return TRANSPORT_STORED;
    case OV_INVALID:
        return TRANSPORT_REFUSED;
    case OV_FAILED:
        return TRANSPORT_DENIED;
    default:
        return TRANSPORT_RETRY;
    }
}

static void on_stored(void *arg, const ov_bus_stored *result)
{
    OV_CLEANUP(ov_free_p) flight *f = arg;
    f->event->outcome = outcome_of(result->status);
    snprintf(f->event->text, sizeof f->event->text, "%s", result->text);
    if (!ov_inbox_put(f->inbox, f->event)) transport_event_free(f->event);
}

static ov_status store(bus_transport *t, const char *subject, ov_str body, int64_t revision, transport_event *event,
                       ov_err *err)
{
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)revision);
    ov_bus_out m = OV_BUS_OUT(subject, body);
    m.headers[0] = (ov_bus_header){HEADER_INSTANCE, t->instance};
    m.headers[1] = (ov_bus_header){HEADER_REVISION, text};
    flight *f = ov_alloc(sizeof *f);
    *f = (flight){t->inbox, event};
    ov_status st = ov_bus_store(t->bus, &m, TRANSPORT_BUS_STORE_MS, on_stored, f, err);
    if (st == OV_OK) return OV_OK;
    transport_event_free(event);
    free(f);
    return st;
}

static bool bus_is_up(const void *self)
{
    const bus_transport *t = self;
    return ov_bus_is_up(t->bus);
}

static size_t bus_reports_max(const void *self)
{
    (void)self;
    return TRANSPORT_BUS_REPORTS;
}

/* Subject and headers count too, which is what the last quarter is for. */
static size_t bus_body_max(const void *self)
{
    const bus_transport *t = self;
    size_t max = (size_t)ov_bus_max_payload(t->bus) / 4 * 3;
    return max < REPORT_BYTES_MAX ? max : REPORT_BYTES_MAX;
}

static ov_status bus_report(void *self, ov_str tracker, ov_str body, int64_t revision, ov_err *err)
{
    bus_transport *t = self;
    char subject[SUBJECT_MAX];
    transport_event *event = transport_event_new(TRANSPORT_REPORT);
    event->tracker = ov_dup(tracker);
    event->revision = revision;
    subject_report(ov_str_of(t->agent_id), tracker, subject);
    return store(t, subject, body, revision, event, err);
}

static ov_status send_inventory(bus_transport *t, const heartbeat *h, const inventory_item *items, size_t count,
                                ov_err *err)
{
    char subject[SUBJECT_MAX];
    OV_CLEANUP(ov_buf_clear) ov_buf body = OV_BUF(bus_body_max(t));
    inventory_encode(h->agent_id, items, count, &body);
    ov_status st = ov_buf_finish(&body, "inventory", err);
    if (st != OV_OK) return st;
    transport_event *event = transport_event_new(TRANSPORT_INVENTORY);
    snprintf(event->digest, sizeof event->digest, "%.*s", OV_STR_ARG(h->digest));
    subject_inventory(h->agent_id, subject);
    return store(t, subject, ov_buf_str(&body), h->revision, event, err);
}

/* The inventory goes ahead, so that the heartbeat's digest is judged against what it says. */
static ov_status bus_heartbeat(void *self, const heartbeat *h, const inventory_item *items, size_t count, ov_err *err)
{
    bus_transport *t = self;
    char subject[SUBJECT_MAX];
    OV_CLEANUP(ov_buf_clear) ov_buf body = OV_BUF(bus_body_max(t));
    heartbeat_encode(HEARTBEAT_BUS, h, &body);
    ov_status st = ov_buf_finish(&body, "heartbeat", err);
    if (st == OV_OK && items) st = send_inventory(t, h, items, count, err);
    if (st != OV_OK) return st;
    subject_heartbeat(h->agent_id, subject);
    return store(t, subject, ov_buf_str(&body), h->revision, transport_event_new(TRANSPORT_HEARTBEAT), err);
}

static void on_ask(void *arg, ov_bus_in *m)
{
    bus_transport *t = arg;
    OV_CLEANUP(ov_bus_in_free_p) ov_bus_in *message = m;
    ov_str body = ov_bus_in_data(message);
    if (body.len > REPORT_BYTES_MAX) return;
    transport_event *event = transport_event_new(TRANSPORT_ASK);
    event->ask = ov_dup(body);
    event->ask_len = body.len;
    if (!ov_inbox_try_put(t->inbox, event)) transport_event_free(event); /* a hint: the aggregator asks again */
}

static void bus_free(void *self)
{
    bus_transport *t = self;
    free(t->agent_id);
    free(t->instance);
    free(t);
}

ov_status transport_bus_open(ov_bus *bus, ov_inbox *inbox, ov_str agent_id, const char *instance, transport *ret,
                             ov_err *err)
{
    char subject[SUBJECT_MAX];
    bus_transport *t = ov_zalloc(sizeof *t);
    *t = (bus_transport){bus, inbox, ov_dup(agent_id), ov_dup(ov_str_of(instance))};
    subject_ask_report(agent_id, subject);
    ov_status st = ov_bus_subscribe(bus, subject, on_ask, t, err);
    if (st != OV_OK) {
        bus_free(t);
        return st;
    }
    *ret = (transport){.self = t,
                       .name = "the bus",
                       .is_up = bus_is_up,
                       .reports_max = bus_reports_max,
                       .body_max = bus_body_max,
                       .report = bus_report,
                       .heartbeat = bus_heartbeat,
                       .free = bus_free};
    return OV_OK;
}
