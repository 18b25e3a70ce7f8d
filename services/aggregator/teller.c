/* Events go out pipelined, each expecting the end that the one before makes; after any doubt the stream's end says what
 * is there. */
#include "services/aggregator/teller.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/random.h"
#include "bus/streams.h"
#include "json/fields.h"
#include "proto/event.h"
#include "proto/subjects.h"
#include "base/poison.h"

enum { CHUNK = 512, WAIT_MIN_MS = 100, WAIT_MAX_MS = 5000 };

struct telling {
    outbox_place place;
    char *subject, *id, *body;
    size_t len;
};

bool outbox_place_parse(ov_str text, outbox_place *ret)
{
    ov_str seq;
    outbox_place p;
    if (!ov_str_split(&text, '.', &seq) || !ov_str_to_u64(seq, &p.seq) || !ov_str_to_u64(text, &p.index)) return false;
    *ret = p;
    return true;
}

bool outbox_place_is_after(outbox_place a, outbox_place b)
{
    return a.seq != b.seq ? a.seq > b.seq : a.index > b.index;
}

static void telling_clear(telling *t)
{
    free(t->subject);
    free(t->id);
    free(t->body);
}

static void forget_all(teller *t)
{
    for (size_t i = 0; i < t->count; i++) telling_clear(&t->items[i]);
    t->count = t->done = 0;
}

void teller_begin(teller *t, uint64_t last_seq)
{
    forget_all(t);
    t->last_seq = last_seq;
    t->unsure = false;
    t->backoff = (ov_backoff){.base_ms = WAIT_MIN_MS, .max_ms = WAIT_MAX_MS};
    t->try_at = (ov_mono){0};
}

void teller_clear(teller *t)
{
    forget_all(t);
    free(t->items);
    stored_clear(&t->group);
    *t = (teller){0};
}

static ov_status add_one(teller *t, outbox_place place, ov_str raw, ov_err *err)
{
    OV_CLEANUP(event_head_clear) event_head h = {0};
    char subject[SUBJECT_MAX], type[64];
    ov_status st = event_head_decode(raw, &h, err);
    if (st != OV_OK) return st;
    snprintf(type, sizeof type, "%.*s", OV_STR_ARG(h.type));
    subject_event(type, h.agent, h.tracker, subject);
    ov_grow(&t->items, &t->cap, t->count + 1, sizeof *t->items);
    t->items[t->count++] = (telling){
        .place = place, .subject = ov_dup(ov_str_of(subject)), .id = ov_dup(h.id), .body = ov_dup(raw), .len = raw.len};
    return OV_OK;
}

ov_status teller_add(teller *t, uint64_t seq, ov_str outbox, outbox_place after, ov_err *err)
{
    ov_json_reader r;
    bool more = false;
    ov_json_reader_init(&r, outbox);
    ov_status st = ov_json_array_begin(&r, "outbox", err);
    for (uint64_t i = 0; st == OV_OK; i++) {
        ov_str raw = {0};
        st = ov_json_array_next(&r, &more, "outbox", err);
        if (st != OV_OK || !more) return st;
        st = ov_json_skip(&r, &raw, err);
        outbox_place place = {seq, i};
        if (st == OV_OK && outbox_place_is_after(place, after)) st = add_one(t, place, raw, err);
    }
    return st;
}

size_t teller_pending(const teller *t)
{
    return t->count - t->done;
}

bool teller_is_quiet(const teller *t)
{
    return stored_is_done(&t->group);
}

void teller_abandon(teller *t)
{
    forget_all(t);
    t->sending = 0;
}

ov_status teller_read_end(ov_bus *bus, uint64_t *ret_last_seq, outbox_place *ret_place, int64_t *ret_epoch, ov_err *err)
{
    ov_bus_stream_info info;
    OV_CLEANUP(ov_bus_in_free_p) ov_bus_in *last = NULL;
    ov_status st = ov_bus_stream_state(bus, STREAM_EVENTS, &info, err);
    if (st != OV_OK) return st == OV_NOT_FOUND ? OV_RETRY : st;
    *ret_last_seq = info.last_seq;
    st = ov_bus_last_message(bus, STREAM_EVENTS, SUBJECT_EVENTS, &last, err);
    if (st != OV_OK) return st;
    if (ov_bus_in_seq(last) > info.last_seq) return ov_fail(err, OV_RETRY, "stream %s: it moves", STREAM_EVENTS);
    uint64_t epoch = 0;
    *ret_place = (outbox_place){0};
    (void)outbox_place_parse(ov_bus_in_header(last, HEADER_OUTBOX), ret_place);
    (void)ov_str_to_u64(ov_bus_in_header(last, HEADER_EPOCH), &epoch);
    *ret_epoch = (int64_t)epoch;
    return OV_OK;
}

static void wait_longer(teller *t, const char *why, ov_mono now)
{
    if (!t->problem[0]) ov_log_warn("events wait", "error", why);
    snprintf(t->problem, sizeof t->problem, "%s", why);
    t->failures++;
    t->unsure = true;
    t->try_at = ov_mono_after(now, ov_backoff_next_ms(&t->backoff, ov_random_u64()));
}

/* Takes in the answers of the chunk under way. */
static void take_answers(teller *t, ov_mono now)
{
    size_t sent = t->sending;
    t->sending = 0;
    for (size_t i = 0; i < sent; i++) {
        const ov_bus_stored *r = &t->group.items[i].result;
        if (r->status != OV_OK) {
            wait_longer(t, r->text, now);
            return;
        }
        /* What was stored before did not move the end. */
        if (r->duplicate)
            t->unsure = true;
        else
            t->last_seq = r->seq;
        t->done++;
        t->published++;
    }
    if (t->problem[0]) ov_log_info("events are published again");
    t->problem[0] = '\0';
    ov_backoff_reset(&t->backoff);
}

/* What stands at the stream's end says which events are there. */
static teller_state read_end(teller *t, ov_bus *bus, int64_t epoch, ov_mono now)
{
    ov_err err = {0};
    outbox_place place = {0};
    int64_t last_epoch = 0;
    uint64_t last_seq = 0;
    ov_status st = teller_read_end(bus, &last_seq, &place, &last_epoch, &err);
    if (st != OV_OK && st != OV_NOT_FOUND) {
        wait_longer(t, err.msg, now);
        return TELLER_BUSY;
    }
    if (st == OV_OK && last_epoch > epoch) return TELLER_FENCED;
    t->last_seq = last_seq;
    t->unsure = false;
    while (st == OV_OK && t->done < t->count && !outbox_place_is_after(t->items[t->done].place, place)) {
        t->done++;
        t->published++;
    }
    return TELLER_BUSY;
}

static void send_chunk(teller *t, ov_bus *bus, ov_inbox *inbox, int64_t epoch)
{
    size_t n = t->count - t->done < CHUNK ? t->count - t->done : CHUNK;
    char epoch_text[24], place[48];
    snprintf(epoch_text, sizeof epoch_text, "%" PRId64, epoch);
    stored_begin(&t->group, inbox, n);
    t->sending = n;
    for (size_t i = 0; i < n; i++) {
        const telling *x = &t->items[t->done + i];
        snprintf(place, sizeof place, "%" PRIu64 ".%" PRIu64, x->place.seq, x->place.index);
        ov_bus_out m = OV_BUS_OUT(x->subject, ((ov_str){x->body, x->len}));
        m.msg_id = x->id;
        m.headers[0] = (ov_bus_header){HEADER_OUTBOX, place};
        m.headers[1] = (ov_bus_header){HEADER_EPOCH, epoch_text};
        m.expect_last_seq = (int64_t)(t->last_seq + i);
        stored_send(&t->group, i, bus, &m);
    }
}

teller_state teller_step(teller *t, ov_bus *bus, ov_inbox *inbox, int64_t epoch, ov_mono now)
{
    if (!stored_is_done(&t->group)) return TELLER_BUSY;
    if (t->sending) take_answers(t, now);
    if (t->done == t->count) {
        forget_all(t);
        return TELLER_IDLE;
    }
    if (now.ms < t->try_at.ms) return TELLER_BUSY;
    if (t->unsure && read_end(t, bus, epoch, now) == TELLER_FENCED) return TELLER_FENCED;
    if (!t->unsure && t->done < t->count) send_chunk(t, bus, inbox, epoch);
    return TELLER_BUSY;
}
