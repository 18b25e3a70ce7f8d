/* Writes a batch pipelined, each message expecting the end that the one before makes; hands its events to the teller.
 */
#include "services/aggregator/flush.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/log.h"
#include "proto/members.h"
#include "proto/subjects.h"
#include "base/poison.h"

enum {
    FULL_WAIT_MS = 50,
    FULL_CALM_MS = 5000 /* small documents may fit between large ones that do not: then it is still full */
};

#define KV_OPERATION "KV-Operation" /* how NATS marks a deleted key */
#define KV_DELETED "DEL"

void flush_begin(flush *f, int64_t epoch, uint64_t last_seq)
{
    f->writing = false;
    f->epoch = epoch;
    f->last_seq = last_seq;
    f->try_at = (ov_mono){0};
}

bool flush_is_quiet(const flush *f)
{
    return stored_is_done(&f->group) && teller_is_quiet(f->teller);
}

static void clear_cuts(flush *f)
{
    for (size_t i = 0; i < f->count; i++) parts_clear(&f->cuts[i]);
}

/* An outbox travels in its document's body, and is cut with it. */
static void cut(flush *f, size_t i, size_t limit)
{
    const aggregate_write *w = &f->items[i];
    parts_split(w->key, w->body ? (ov_str){w->body, w->len} : OV_STR(""), limit, &f->cuts[i]);
}

typedef struct {
    char inputs[48], epoch[24];
} headers;

static void send_item(flush *f, size_t i, size_t *at, const headers *h)
{
    for (size_t k = 0; k < f->cuts[i].count; k++, (*at)++) {
        const parts_message *p = &f->cuts[i].messages[k];
        ov_bus_out m = OV_BUS_OUT(p->subject, p->data);
        m.headers[0] = (ov_bus_header){HEADER_INPUTS, h->inputs};
        m.headers[1] = (ov_bus_header){HEADER_EPOCH, h->epoch};
        if (!f->items[i].body) m.headers[2] = (ov_bus_header){KV_OPERATION, KV_DELETED};
        m.expect_last_seq = (int64_t)(f->last_seq + *at);
        stored_send(&f->group, *at, f->bus, &m);
    }
}

static void send_all(flush *f)
{
    headers h;
    size_t limit = (size_t)ov_bus_max_payload(f->bus) / 4 * 3, messages = 0, at = 0;
    snprintf(h.inputs, sizeof h.inputs, "%" PRIu64 ",%" PRIu64, aggregate_position(f->core, INPUT_REPORTS),
             aggregate_position(f->core, INPUT_LISTS));
    snprintf(h.epoch, sizeof h.epoch, "%" PRId64, f->epoch);
    for (size_t i = 0; i < f->count; i++) {
        cut(f, i, limit);
        messages += f->cuts[i].count;
    }
    stored_begin(&f->group, f->inbox, messages);
    for (size_t i = 0; i < f->count; i++) send_item(f, i, &at, &h);
}

static void item_is_stored(flush *f, size_t i, uint64_t seq, ov_mono now)
{
    aggregate_write *w = &f->items[i];
    ov_err err = {0};
    ov_str outbox = {w->outbox, w->outbox_len};
    if (w->outbox && tellings_add(&f->teller->waiting, w->key, seq, outbox, NULL, &err) != OV_OK)
        ov_log_error("events dropped", "key", w->key, "error", err.msg);
    if (w->body)
        litter_written(f->litter, ov_str_of(w->key), f->cuts[i].revision, now);
    else
        litter_deleted(f->litter, ov_str_of(w->key), seq, now);
    aggregate_written(f->core, w, seq);
}

/* How many messages of the batch stand where they were expected, from its first one on. */
static size_t count_stored(const flush *f)
{
    size_t n = 0;
    for (; n < f->group.count; n++) {
        const ov_bus_stored *r = &f->group.items[n].result;
        if (r->status != OV_OK || r->seq != f->last_seq + n + 1) break;
    }
    return n;
}

/* The first one that is not stored was refused for want of room, or for good, and all behind it for that reason: the
 * stream's end is still known. */
static bool is_refused(const flush *f, size_t first)
{
    const ov_bus_stored *r = &f->group.items[first].result;
    if (!r->full && r->status != OV_INVALID) return false;
    for (size_t n = first; n < f->group.count; n++) {
        r = &f->group.items[n].result;
        if (!r->full && r->status != OV_INVALID && !r->wrong_sequence) return false;
    }
    return true;
}

static void note_full(flush *f, const ov_bus_stored *r, ov_mono now)
{
    f->refusals++;
    f->refused_at = now;
    f->try_at = ov_mono_after(now, FULL_WAIT_MS);
    if (!f->full[0]) ov_log_error("the state has no room: what is new cannot be shown", "error", r->text);
    snprintf(f->full, sizeof f->full, "%s", r->text);
}

/* What was refused is tried again and again: no refusal for a while means that all of it fits. */
static void note_room(flush *f, ov_mono now)
{
    if (!f->full[0] || f->writing || ov_mono_since(now, f->refused_at) < FULL_CALM_MS) return;
    ov_log_info("the state has room again");
    f->full[0] = '\0';
}

/* Of an item that is not stored. */
static void item_is_refused(flush *f, size_t i, const ov_bus_stored *r)
{
    if (r->status != OV_INVALID) {
        aggregate_unwritten(f->core, &f->items[i]);
        return;
    }
    f->refusals++;
    ov_log_error("a document is refused", "key", f->items[i].key, "error", r->text);
    aggregate_refused(f->core, &f->items[i]);
}

/* Gives each item its answer; of the messages the first ones are stored. */
static void settle_items(flush *f, size_t stored, ov_mono now)
{
    size_t at = 0;
    for (size_t i = 0; i < f->count; i++) {
        size_t begin = at;
        at += f->cuts[i].count;
        if (at <= stored)
            item_is_stored(f, i, f->last_seq + at, now);
        else
            item_is_refused(f, i, &f->group.items[begin > stored ? begin : stored].result);
    }
}

/* Takes in the answers; false when only the stream can tell what stands there now. */
static bool take_answers(flush *f, ov_mono now, char what[160])
{
    size_t stored = count_stored(f), all = f->group.count;
    const ov_bus_stored *first = &f->group.items[stored].result;
    bool refused = stored < all && is_refused(f, stored);
    if (stored < all && !refused)
        snprintf(what, 160, "%s", first->status == OV_OK ? "another sequence than expected" : first->text);
    if (refused && first->full) note_full(f, first, now);
    settle_items(f, stored, now);
    clear_cuts(f);
    f->count = 0;
    f->writing = false;
    f->last_seq += stored;
    f->written += stored;
    return stored == all || refused;
}

static void let_told_go(flush *f)
{
    bool any = false;
    telling_box *b;
    while ((b = tellings_next_told(&f->teller->waiting))) {
        aggregate_told(f->core, ov_str_of(b->key), b->seq);
        telling_box_free(b);
        any = true;
    }
    if (any) aggregate_published(f->core, tellings_floor(&f->teller->waiting, f->last_seq + 1));
}

static void write_batch(flush *f, ov_mono now)
{
    size_t max = f->full[0] ? 1 : FLUSH_DOCUMENTS;
    f->count = aggregate_collect(f->core, f->items, max, FLUSH_BYTES, now);
    if (!f->count) return;
    f->writing = true;
    send_all(f);
}

bool flush_step(flush *f, ov_mono now, char what[160])
{
    if (f->writing && stored_is_done(&f->group) && !take_answers(f, now, what)) return false;
    if (!teller_step(f->teller, f->bus, f->inbox, f->epoch, now)) {
        snprintf(what, 160, "another leader publishes events");
        return false;
    }
    let_told_go(f);
    note_room(f, now);
    if (!f->writing && !f->closing && now.ms >= f->try_at.ms) write_batch(f, now);
    return true;
}

bool flush_is_moving(const flush *f)
{
    return f->writing || f->teller->sent_count || tellings_is_ready(&f->teller->waiting);
}

bool flush_is_busy(const flush *f, ov_mono now)
{
    if (teller_is_busy(f->teller, now)) return true;
    return !f->writing && !f->closing && now.ms >= f->try_at.ms && aggregate_has_work(f->core);
}

void flush_abandon(flush *f)
{
    for (size_t i = 0; i < f->count; i++) aggregate_unwritten(f->core, &f->items[i]);
    clear_cuts(f);
    f->count = 0;
    f->writing = false;
    f->full[0] = '\0';
    teller_abandon(f->teller);
}
