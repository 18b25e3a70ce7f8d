/* Hands reports and heartbeats to the transport and applies what it answers to the delivery. */
#include "services/collector/ship/shipping.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"

#include "base/poison.h"

enum { HEARTBEAT_RETRY_MS = 2000, IDLE_MS = 3600 * 1000 };

struct shipping {
    shipping_options o;
    transport to;
    delivery *reports;
    size_t flying;
    bool heartbeats, heartbeat_flying, inventory_flying;
    bool heartbeat_sent_once, heartbeat_whole, heartbeat_stored, heartbeats_unknown;
    bool was_down, is_failing, refused_any;
    ov_mono heartbeat_at;
    uint64_t delivered;
    char denied[200], problem[200];
};

shipping *shipping_new(const shipping_options *o, const transport *to)
{
    shipping *s = ov_zalloc(sizeof *s);
    s->o = *o;
    s->to = *to;
    s->reports = delivery_new(o->random);
    return s;
}

void shipping_free(shipping *s)
{
    if (!s) return;
    delivery_free(s->reports);
    free(s);
}

void shipping_put(shipping *s, ov_str tracker, ov_str body, ov_mono now)
{
    delivery_put(s->reports, tracker, body, now);
}

void shipping_begin_heartbeats(shipping *s, ov_mono now)
{
    if (s->heartbeats) return;
    s->heartbeats = true;
    s->heartbeat_at = ov_mono_after(now, s->o.interval_ms);
}

static void log_refused(shipping *s, ov_str tracker, const char *text)
{
    OV_CLEANUP(ov_free_p) char *id = ov_dup(tracker);
    ov_log_error("report is refused, waiting for the tracker to change", "tracker", id, "err", text);
    s->refused_any = true;
}

/* Told when it begins and when it ends, not at each try. */
static void note_failure(shipping *s, const char *text)
{
    if (!s->is_failing) ov_log_warn("delivery fails, trying again", "to", s->to.name, "err", text);
    s->is_failing = true;
    snprintf(s->problem, sizeof s->problem, "%s", text);
}

static void note_success(shipping *s)
{
    if (s->is_failing) ov_log_info("delivery works again", "to", s->to.name);
    s->is_failing = false;
    s->problem[0] = s->denied[0] = '\0';
}

static void note_denied(shipping *s, const char *text)
{
    if (s->denied[0]) return; /* one stands for all that is refused */
    ov_log_error("delivery is not allowed", "to", s->to.name, "err", text);
    snprintf(s->denied, sizeof s->denied, "%s", text);
}

/* ---- reports ---- */

static void finish_report(shipping *s, ov_str tracker, int64_t revision, delivery_outcome outcome, const char *text,
                          ov_mono now)
{
    if (outcome == DELIVERY_REFUSED) log_refused(s, tracker, text);
    delivery_done(s->reports, tracker, revision, outcome, now);
}

static void send_reports(shipping *s, ov_mono now)
{
    delivery_item item;
    while (s->flying < s->to.reports_max(s->to.self) && delivery_next(s->reports, now, &item)) {
        ov_err err = {0};
        ov_status st = s->to.report(s->to.self, item.tracker, item.body, item.revision, &err);
        if (st == OV_OK) {
            s->flying++;
            continue;
        }
        if (st != OV_INVALID) note_failure(s, err.msg);
        finish_report(s, item.tracker, item.revision, st == OV_INVALID ? DELIVERY_REFUSED : DELIVERY_RETRY, err.msg,
                      now);
    }
}

/* ---- heartbeats ---- */

static bool heartbeat_due(const shipping *s, const delivery_summary *sum, ov_mono now)
{
    if (!s->heartbeats || s->heartbeat_flying || s->inventory_flying) return false;
    bool is_first = !s->heartbeat_sent_once && delivery_pending(s->reports) == 0;
    return is_first || sum->inventory_wanted || now.ms >= s->heartbeat_at.ms;
}

static ov_status send_heartbeat(shipping *s, const delivery_summary *sum, bool with_inventory, ov_err *err)
{
    OV_CLEANUP(ov_free_p) inventory_item *items = NULL;
    size_t count = with_inventory ? delivery_inventory(s->reports, &items) : 0;
    heartbeat h = {.agent_id = s->o.agent_id,
                   .tags = s->o.tags,
                   .instance = ov_str_of(s->o.instance),
                   .revision = sum->revision,
                   .count = sum->count,
                   .digest = ov_str_of(sum->digest),
                   .fingerprint = s->o.fingerprint};
    ov_status st = s->to.heartbeat(s->to.self, &h, items, count, err);
    if (st != OV_OK) return st;
    s->heartbeat_flying = true;
    s->inventory_flying = with_inventory;
    if (with_inventory) delivery_inventory_flies(s->reports);
    return OV_OK;
}

static void beat(shipping *s, ov_mono now)
{
    delivery_summary sum;
    ov_err err = {0};
    delivery_summarize(s->reports, &sum);
    if (!heartbeat_due(s, &sum, now)) return;
    ov_status st = send_heartbeat(s, &sum, sum.inventory_due, &err);
    if (st == OV_INVALID && sum.inventory_due) {
        ov_log_error("inventory cannot be sent", "err", err.msg);
        delivery_inventory_flies(s->reports);
        delivery_inventory_sent(s->reports, ov_str_of(sum.digest));
        st = send_heartbeat(s, &sum, false, &err);
    }
    if (st != OV_OK) note_failure(s, err.msg);
    if (st == OV_OK) s->heartbeat_whole = delivery_pending(s->reports) == 0;
    s->heartbeat_sent_once |= st == OV_OK;
    s->heartbeat_at = ov_mono_after(now, st == OV_OK ? s->o.interval_ms : HEARTBEAT_RETRY_MS);
    if (st == OV_OK && s->heartbeats_unknown) delivery_repeat_all(s->reports, now);
}

static ov_mono earliest(ov_mono a, ov_mono b)
{
    return a.ms < b.ms ? a : b;
}

ov_mono shipping_step(shipping *s, ov_mono now)
{
    if (!s->to.is_up(s->to.self)) return ov_mono_after(now, IDLE_MS);
    beat(s, now);
    send_reports(s, now);
    ov_mono wake = ov_mono_after(now, IDLE_MS);
    if (s->flying < s->to.reports_max(s->to.self)) wake = delivery_wake_at(s->reports, now);
    if (s->heartbeats && !s->heartbeat_flying) wake = earliest(wake, s->heartbeat_at);
    return wake;
}

/* ---- what came back ---- */

static delivery_outcome delivery_outcome_of(transport_outcome o)
{
    if (o == TRANSPORT_STORED) return DELIVERY_STORED;
    return o == TRANSPORT_REFUSED ? DELIVERY_REFUSED : DELIVERY_RETRY;
}

static void note_outcome(shipping *s, const transport_event *e)
{
    if (e->outcome == TRANSPORT_STORED || e->outcome == TRANSPORT_REFUSED) note_success(s);
    if (e->outcome == TRANSPORT_RETRY) note_failure(s, e->text);
    if (e->outcome == TRANSPORT_DENIED) note_denied(s, e->text);
}

static void on_heartbeat(shipping *s, const transport_event *e, ov_mono now)
{
    s->heartbeat_flying = false;
    if (e->outcome == TRANSPORT_STORED) {
        s->heartbeats_unknown = false;
        s->heartbeat_stored |= s->heartbeat_whole;
    } else if (e->outcome == TRANSPORT_NO_HEARTBEATS) {
        if (!s->heartbeats_unknown)
            ov_log_info("control plane knows no heartbeats, posting every report each interval");
        s->heartbeats_unknown = true;
        s->heartbeat_stored |= s->heartbeat_whole;
    } else if (s->heartbeat_at.ms - now.ms > HEARTBEAT_RETRY_MS) {
        s->heartbeat_at = ov_mono_after(now, HEARTBEAT_RETRY_MS);
    }
    if (e->outcome == TRANSPORT_REFUSED) ov_log_error("heartbeat is refused", "to", s->to.name, "err", e->text);
}

static void on_inventory(shipping *s, const transport_event *e)
{
    s->inventory_flying = false;
    if (e->outcome == TRANSPORT_STORED) delivery_inventory_sent(s->reports, ov_str_of(e->digest));
}

static void on_ask(shipping *s, const transport_event *e, ov_mono now)
{
    ask_report ask = {0};
    ov_err err = {0};
    if (ask_report_decode((ov_str){e->ask, e->ask_len}, &ask, &err) != OV_OK) {
        ov_log_warn("answer to a heartbeat could not be read, ignored", "err", err.msg);
        return;
    }
    delivery_ask(s->reports, &ask, now);
    ask_report_clear(&ask);
}

void shipping_on_event(shipping *s, const transport_event *e, ov_mono now)
{
    if (e->kind != TRANSPORT_ASK) note_outcome(s, e);
    switch (e->kind) {
    case TRANSPORT_REPORT:
        if (s->flying > 0) s->flying--;
        s->delivered += e->outcome == TRANSPORT_STORED;
        finish_report(s, ov_str_of(e->tracker), e->revision, delivery_outcome_of(e->outcome), e->text, now);
        break;
    case TRANSPORT_HEARTBEAT:
        on_heartbeat(s, e, now);
        break;
    case TRANSPORT_INVENTORY:
        on_inventory(s, e);
        break;
    case TRANSPORT_ASK:
        on_ask(s, e, now);
        break;
    }
}

void shipping_describe(const shipping *s, ov_mono now, shipping_state *ret)
{
    *ret = (shipping_state){.pending = delivery_pending(s->reports),
                            .is_drained = s->flying == 0 && !s->heartbeat_flying && !s->inventory_flying,
                            .heartbeat_stored = s->heartbeat_stored,
                            .refused_any = s->refused_any,
                            .delivered = s->delivered,
                            .age_ms = delivery_age_ms(s->reports, now),
                            .denied = s->denied,
                            .problem = s->problem};
}
