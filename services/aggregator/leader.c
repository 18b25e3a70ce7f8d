/* Takes over step by step without ever blocking for long; any doubt ends in standing down and taking over again. */
#include "services/aggregator/leader.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/random.h"
#include "bus/streams.h"
#include "proto/event.h"
#include "proto/state.h"
#include "proto/streams.h"
#include "proto/subjects.h"
#include "base/poison.h"

enum {
    TRY_MIN_MS = 100,
    TRY_MAX_MS = 10000,
    READ_PATIENCE_MS = 10000, /* a reader that does not reach a stream's end is opened again */
    POLL_MS = 250,
    MOVING_POLL_MS = 20,
    LEASE_STORE_MS = 500, /* a renewal that takes longer is tried again, while the last one still counts */
    RESIGN_MS = 1000
};

void leader_init(leader *l)
{
    ov_random_hex(l->instance, 8);
    l->backoff = (ov_backoff){.base_ms = TRY_MIN_MS, .max_ms = TRY_MAX_MS};
}

void leader_clear(leader *l)
{
    stored_clear(&l->fence);
}

bool leader_leads(const leader *l)
{
    return l->stage == LEADER_LEADS;
}

ov_mono leader_deadline(const leader *l, ov_mono now)
{
    if (l->stage == LEADER_LEADS && flush_is_busy(l->flush, now)) return now;
    bool moving = l->stage != LEADER_FOLLOWS && l->stage != LEADER_LEADS;
    return ov_mono_after(now, moving ? MOVING_POLL_MS : POLL_MS);
}

/* ---- the lease ---- */

/* Waits for its answer, which comes by a way of its own: what readers bring meanwhile cannot hold it up. */
static void store_lease(leader *l, const char *holder, int64_t timeout_ms)
{
    OV_CLEANUP(ov_buf_clear) ov_buf body = OV_BUF(4096);
    epoch_doc d = {.epoch = l->epoch > l->lease_epoch ? l->epoch : l->lease_epoch, .leader = ov_str_of(holder)};
    epoch_doc_encode(&d, &body);
    ov_bus_out m = OV_BUS_OUT(LEASE_KEY, ov_buf_str(&body));
    m.expect_last_subject_seq = (int64_t)l->lease.revision;
    ov_bus_stored r = {.status = OV_RETRY};
    if (ov_bus_store_wait(l->bus, &m, timeout_ms, &r, NULL) != OV_OK) r.status = OV_RETRY;
    lease_answer answer = r.status == OV_OK ? LEASE_STORED : r.wrong_sequence ? LEASE_REFUSED : LEASE_UNCERTAIN;
    lease_stored(&l->lease, answer, r.seq, ov_mono_now());
}

static void observe_lease(leader *l, ov_mono now)
{
    OV_CLEANUP(ov_bus_in_free_p) ov_bus_in *m = NULL;
    OV_CLEANUP(epoch_doc_clear) epoch_doc d = {0};
    ov_err err = {0};
    ov_status st = ov_bus_is_up(l->bus) ? ov_bus_last_message(l->bus, STREAM_LEASE, LEASE_KEY, &m, &err) : OV_RETRY;
    if (st == OV_NOT_FOUND) {
        ov_bus_stream_info info; /* no key, or no stream? */
        if (ov_bus_stream_state(l->bus, STREAM_LEASE, &info, &err) == OV_OK)
            lease_observed(&l->lease, 0, true, now);
        else
            lease_unobserved(&l->lease, now);
        return;
    }
    if (st != OV_OK) {
        lease_unobserved(&l->lease, now);
        return;
    }
    bool is_free = !ov_bus_in_data(m).len;
    if (epoch_doc_decode(ov_bus_in_data(m), &d, &err) == OV_OK) {
        is_free = !d.leader.len || ov_str_eq(d.leader, ov_str_of(l->instance));
        if (d.epoch > l->lease_epoch) l->lease_epoch = d.epoch;
    }
    lease_observed(&l->lease, ov_bus_in_seq(m), is_free, now);
}

static void step_lease(leader *l, ov_mono now)
{
    lease_action action = lease_next(&l->lease, now);
    if (action == LEASE_OBSERVE) {
        observe_lease(l, now);
        action = lease_next(&l->lease, now);
    }
    if (action == LEASE_STORE) store_lease(l, l->instance, LEASE_STORE_MS);
}

/* ---- standing down ---- */

static void try_later(leader *l, const char *step, const char *why, ov_mono now)
{
    int64_t wait_ms = ov_backoff_next_ms(&l->backoff, ov_random_u64());
    ov_log_warn("cannot lead yet", "step", step, "error", why, "retry_ms", OV_FMT("%" PRId64, wait_ms));
    l->stage = LEADER_FOLLOWS;
    l->try_at = ov_mono_after(now, wait_ms);
}

/* What we wrote was not read back: only a new snapshot tells what stands there. */
static void read_state_again(leader *l)
{
    ov_err err = {0};
    l->is_fresh[INPUT_STATE] = false;
    if (readers_open(l->readers, INPUT_STATE, &err) != OV_OK) ov_log_error("cannot read the state", "error", err.msg);
}

void leader_stands_down(leader *l, const char *why, ov_mono now)
{
    if (l->stage == LEADER_FOLLOWS) return;
    bool led = l->stage == LEADER_LEADS;
    l->stage = LEADER_FOLLOWS;
    l->try_at = ov_mono_after(now, ov_backoff_next_ms(&l->backoff, ov_random_u64()));
    flush_abandon(l->flush);
    if (!led) return;
    l->problem[0] = '\0';
    ov_log_info("stands down", "epoch", OV_FMT("%" PRId64, l->epoch), "reason", why);
    aggregate_apply(l->core, &(input){.kind = INPUT_FOLLOW}, now);
    if (!l->flush->closing) read_state_again(l); /* a process that ends need not know */
}

void leader_hears(leader *l, input_stream s, ov_bus_read_kind kind, ov_mono now)
{
    if (kind == OV_READ_MESSAGE) return;
    l->is_fresh[s] = kind == OV_READ_READY;
    if (kind != OV_READ_SNAPSHOT || s != INPUT_STATE || l->stage != LEADER_LEADS) return;
    /* This snapshot is the new truth: it need not be asked for once more. */
    leader_stands_down(l, "the state stream is read again", now);
}

/* ---- taking over ---- */

static ov_status highest_epoch(leader *l, int64_t *ret, ov_err *err)
{
    char key[SUBJECT_MAX];
    key_meta("epoch", key);
    OV_CLEANUP(ov_bus_in_free_p) ov_bus_in *m = NULL;
    OV_CLEANUP(epoch_doc_clear) epoch_doc d = {0};
    *ret = l->lease_epoch > l->epoch ? l->lease_epoch : l->epoch;
    ov_status st = ov_bus_last_message(l->bus, STREAM_STATE, key, &m, err);
    if (st == OV_NOT_FOUND) return OV_OK;
    if (st != OV_OK) return st;
    if (epoch_doc_decode(ov_bus_in_data(m), &d, err) == OV_OK && d.epoch > *ret) *ret = d.epoch;
    return OV_OK;
}

static ov_status read_ends(leader *l, ov_err *err)
{
    ov_bus_stream_info info;
    for (size_t s = 0; s < INPUT_STREAMS; s++) {
        ov_status st = ov_bus_stream_state(l->bus, input_stream_name((input_stream)s), &info, err);
        if (st != OV_OK) return st;
        l->wanted[s] = info.last_seq;
    }
    l->state_last = l->wanted[INPUT_STATE];
    return OV_OK;
}

static void send_state_fence(leader *l)
{
    char key[SUBJECT_MAX], epoch[24];
    OV_CLEANUP(ov_buf_clear) ov_buf body = OV_BUF(4096);
    key_meta("epoch", key);
    snprintf(epoch, sizeof epoch, "%" PRId64, l->epoch);
    epoch_doc_encode(&(epoch_doc){.epoch = l->epoch, .leader = ov_str_of(l->instance)}, &body);
    ov_bus_out m = OV_BUS_OUT(key, ov_buf_str(&body));
    m.headers[0] = (ov_bus_header){HEADER_EPOCH, epoch};
    m.expect_last_seq = (int64_t)l->state_last;
    stored_begin(&l->fence, l->inbox, 1);
    stored_send(&l->fence, 0, l->bus, &m);
}

static void begin(leader *l, ov_mono now)
{
    ov_err err = {0};
    int64_t highest = 0;
    if (now.ms < l->try_at.ms || !flush_is_quiet(l->flush) || !stored_is_done(&l->fence)) return;
    if (!aggregate_is_settled(l->core) || !l->is_fresh[INPUT_STATE]) return;
    ov_status st = highest_epoch(l, &highest, &err);
    if (st == OV_OK) st = read_ends(l, &err);
    if (st != OV_OK) {
        try_later(l, "read the streams' ends", err.msg, now);
        return;
    }
    l->epoch = highest + 1;
    l->stage = LEADER_FENCES_STATE;
    send_state_fence(l);
}

static void send_events_fence(leader *l)
{
    char subject[SUBJECT_MAX], epoch[24], place[48], untold[96], id[64];
    OV_CLEANUP(ov_buf_clear) ov_buf data = OV_BUF(4096);
    OV_CLEANUP(ov_buf_clear) ov_buf body = OV_BUF(8192);
    const outbox_mark *mark = &l->events.mark;
    snprintf(epoch, sizeof epoch, "%" PRId64, l->epoch);
    snprintf(place, sizeof place, "%" PRIu64 ".%" PRIu64, mark->to.seq, mark->to.index);
    outbox_mark_write(mark, mark->to, untold);
    snprintf(id, sizeof id, "epoch-%s-%s", epoch, l->instance);
    epoch_doc_encode(&(epoch_doc){.epoch = l->epoch, .leader = ov_str_of(l->instance)}, &data);
    event_encode(&(event){.type = EVENT_EPOCH, .data = ov_buf_str(&data), .time = ov_wall_now(), .id = id}, &body);
    subject_event(event_type_name(EVENT_EPOCH), (ov_str){0}, (ov_str){0}, subject);
    ov_bus_out m = OV_BUS_OUT(subject, ov_buf_str(&body));
    m.headers[0] = (ov_bus_header){HEADER_OUTBOX, place};
    m.headers[1] = (ov_bus_header){HEADER_EPOCH, epoch};
    if (untold[0]) m.headers[2] = (ov_bus_header){HEADER_UNTOLD, untold};
    m.expect_last_seq = (int64_t)l->events.last_seq;
    stored_begin(&l->fence, l->inbox, 1);
    stored_send(&l->fence, 0, l->bus, &m);
}

/* The last event says what was told. One that names what the state stream never held: that stream was lost. */
static void fence_events(leader *l, ov_mono now)
{
    ov_err err = {0};
    outbox_end *e = &l->events;
    outbox_place here = {l->fenced_at, 0};
    ov_status st = outbox_read_end(l->bus, e, &err);
    if (st != OV_OK && st != OV_NOT_FOUND) {
        try_later(l, "read the events' end", err.msg, now);
        return;
    }
    if (st == OV_OK && e->mark.to.seq > l->state_last) {
        ov_log_warn("the state was lost: it is written again without events");
        aggregate_state_lost(l->core);
        e->mark = outbox_mark_at(here);
    } else if (st == OV_NOT_FOUND) {
        e->mark = (outbox_mark){.to = here}; /* nobody knows: each subject is asked */
    } else if (e->open) {
        e->mark.to = here;
    }
    l->stage = LEADER_FENCES_EVENTS;
    send_events_fence(l);
}

/* A fence was refused. What somebody must mend is told; another one that was faster is no such thing. */
static void fence_refused(leader *l, const char *step, const ov_bus_stored *r, ov_mono now)
{
    bool lasts = r->full || (r->status == OV_FAILED && !r->wrong_sequence);
    snprintf(l->problem, sizeof l->problem, "%s", lasts ? r->text : "");
    try_later(l, step, r->text, now);
}

static void step_state_fence(leader *l, ov_mono now)
{
    if (!stored_is_done(&l->fence)) return;
    const ov_bus_stored *r = &l->fence.items[0].result;
    if (r->status != OV_OK) {
        fence_refused(l, "write the epoch into the state", r, now);
        return;
    }
    l->fenced_at = r->seq;
    l->wanted[INPUT_STATE] = r->seq;
    fence_events(l, now);
}

static void step_events_fence(leader *l, ov_mono now)
{
    if (!stored_is_done(&l->fence)) return;
    const ov_bus_stored *r = &l->fence.items[0].result;
    if (r->status != OV_OK) {
        fence_refused(l, "write the epoch into the events", r, now);
        return;
    }
    teller_begin(l->teller, r->seq, l->events.mark.to);
    l->reads_since = now;
    l->stage = LEADER_READS;
}

/* A stream whose end does not come is read anew: what stood there last may have been removed. */
static void read_again(leader *l, input_stream s, ov_mono now)
{
    ov_err err = {0};
    l->reads_since = now;
    l->is_fresh[s] = false;
    if (readers_open(l->readers, s, &err) != OV_OK) ov_log_error("cannot read a stream", "error", err.msg);
}

static bool has_read(leader *l, ov_mono now)
{
    for (size_t s = 0; s < INPUT_STREAMS; s++) {
        bool reached = aggregate_position(l->core, (input_stream)s) >= l->wanted[s];
        if (reached && l->is_fresh[s] && aggregate_is_ready(l->core, (input_stream)s)) continue;
        bool stuck = l->is_fresh[s] && ov_inbox_length(l->inbox) == 0;
        if (stuck && ov_mono_since(now, l->reads_since) > READ_PATIENCE_MS) read_again(l, (input_stream)s, now);
        return false;
    }
    return true;
}

/* What the event stream cannot hold any more, or never held, says nothing about what was told: an outbox from before
 * that was told, or is too old to matter, unless its place says that it was not. */
static bool is_past(const leader *l, const aggregate_outbox *o)
{
    if (outbox_place_is_after((outbox_place){o->seq, 0}, l->events.mark.to)) return false;
    return o->stored_ms < l->events.created.ms || aggregate_newest_ms(l->core) - o->stored_ms > l->events_max_age_ms;
}

/* What the predecessor did not tell goes first; its documents wait for it. */
static void take_over_outboxes(leader *l)
{
    size_t count;
    ov_err err = {0};
    aggregate_published(l->core, l->events.mark.from.seq);
    const aggregate_outbox *boxes = aggregate_outboxes(l->core, &count);
    for (size_t i = 0; i < count; i++) {
        const aggregate_outbox *o = &boxes[i];
        if (is_past(l, o)) continue;
        aggregate_hold(l->core, ov_str_of(o->key), o->seq);
        if (tellings_add(&l->teller->waiting, o->key, o->seq, (ov_str){o->outbox, o->len}, &l->events.mark, &err) !=
            OV_OK)
            ov_log_error("events dropped", "key", o->key, "error", err.msg);
    }
    if (teller_pending(l->teller))
        ov_log_info("tells what may not have been told", "events", OV_FMT("%zu", teller_pending(l->teller)));
    aggregate_published(l->core, tellings_floor(&l->teller->waiting, l->fenced_at));
}

static void begin_leading(leader *l, ov_mono now)
{
    take_over_outboxes(l);
    flush_begin(l->flush, l->epoch, l->fenced_at);
    l->written = l->flush->written;
    l->problem[0] = '\0';
    l->stage = LEADER_LEADS;
    ov_log_info("leads", "epoch", OV_FMT("%" PRId64, l->epoch));
    aggregate_apply(l->core, &(input){.kind = INPUT_LEAD, .seq = (uint64_t)l->epoch}, now);
    aggregate_apply(l->core, &(input){.kind = INPUT_TICK}, now);
}

static void step_leading(leader *l, ov_mono now)
{
    char why[160] = "";
    if (!flush_step(l->flush, now, why)) {
        ov_log_warn("cannot go on writing", "error", why);
        leader_stands_down(l, why, now);
        return;
    }
    if (l->flush->written != l->written) ov_backoff_reset(&l->backoff);
    litter_step(l->litter, l->bus, now);
}

void leader_step(leader *l, ov_mono now)
{
    step_lease(l, now);
    now = ov_mono_now(); /* renewing took its time */
    if (!lease_is_held(&l->lease, now)) {
        leader_stands_down(l, "the lease was lost", now);
        return;
    }
    switch (l->stage) {
    case LEADER_FOLLOWS:
        begin(l, now);
        break;
    case LEADER_FENCES_STATE:
        step_state_fence(l, now);
        break;
    case LEADER_FENCES_EVENTS:
        step_events_fence(l, now);
        break;
    case LEADER_READS:
        if (has_read(l, now)) begin_leading(l, now);
        break;
    case LEADER_LEADS:
        step_leading(l, now);
        break;
    }
}

void leader_resigns(leader *l)
{
    if (lease_is_held(&l->lease, ov_mono_now())) store_lease(l, "", RESIGN_MS);
}
