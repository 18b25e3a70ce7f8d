/* Writes a batch pipelined, each message expecting the end that the one before makes; tells its events; begins again.
 */
#include "services/aggregator/flush.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/log.h"
#include "proto/members.h"
#include "proto/subjects.h"
#include "base/poison.h"

#define KV_OPERATION "KV-Operation" /* how NATS marks a deleted key */
#define KV_DELETED "DEL"

void flush_begin(flush *f, int64_t epoch, uint64_t last_seq)
{
    f->stage = FLUSH_IDLE;
    f->epoch = epoch;
    f->last_seq = last_seq;
}

bool flush_is_quiet(const flush *f)
{
    return stored_is_done(&f->group) && teller_is_quiet(f->teller);
}

static void clear_cuts(flush *f)
{
    for (size_t i = 0; i < f->count; i++) parts_clear(&f->cuts[i]);
}

/* A manifest carries its document's outbox too. */
static void cut(flush *f, size_t i, size_t limit)
{
    const aggregate_write *w = &f->items[i];
    OV_CLEANUP(ov_buf_clear) ov_buf extra = OV_BUF(1024 * 1024);
    if (w->outbox && w->len > limit) {
        ov_buf_append_c(&extra, ",\"" MEMBER_OUTBOX "\":");
        ov_buf_append(&extra, w->outbox, w->outbox_len);
    }
    parts_split(w->key, w->body ? (ov_str){w->body, w->len} : OV_STR(""), ov_buf_str(&extra), limit, &f->cuts[i]);
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

/* Whether all messages of an item stand where they were expected; *at moves behind them. */
static bool is_stored(flush *f, size_t i, size_t *at, char what[160])
{
    bool stored = true;
    for (size_t k = 0; k < f->cuts[i].count; k++, (*at)++) {
        const ov_bus_stored *r = &f->group.items[*at].result;
        if (r->status == OV_OK && r->seq == f->last_seq + *at + 1) continue;
        if (stored && !*what)
            snprintf(what, 160, "%s", r->status == OV_OK ? "another sequence than expected" : r->text);
        stored = false;
    }
    return stored;
}

static void item_is_stored(flush *f, size_t i, uint64_t seq, ov_mono now)
{
    aggregate_write *w = &f->items[i];
    ov_err err = {0};
    ov_str outbox = {w->outbox, w->outbox_len};
    if (w->outbox && teller_add(f->teller, seq, outbox, (outbox_place){0}, &err) != OV_OK)
        ov_log_error("events dropped", "key", w->key, "error", err.msg);
    if (w->body)
        litter_written(f->litter, ov_str_of(w->key), f->cuts[i].revision, now);
    else
        litter_deleted(f->litter, ov_str_of(w->key), seq, now);
    aggregate_written(f->core, w, seq);
}

/* Takes in the answers; false when one of them was not the expected one. */
static bool take_answers(flush *f, ov_mono now, char what[160])
{
    size_t at = 0;
    bool fine = true;
    what[0] = '\0';
    for (size_t i = 0; i < f->count; i++) {
        fine = is_stored(f, i, &at, what) && fine;
        if (fine)
            item_is_stored(f, i, f->last_seq + at, now);
        else
            aggregate_unwritten(f->core, &f->items[i]);
    }
    clear_cuts(f);
    f->count = 0;
    f->last_seq += at;
    f->written += fine ? at : 0;
    return fine;
}

static bool step_writing(flush *f, ov_mono now, char what[160])
{
    if (!stored_is_done(&f->group)) return true;
    f->stage = FLUSH_TELLING;
    return take_answers(f, now, what);
}

static bool step_telling(flush *f, ov_mono now, char what[160])
{
    teller_state s = teller_step(f->teller, f->bus, f->inbox, f->epoch, now);
    if (s == TELLER_FENCED) snprintf(what, 160, "another leader publishes events");
    if (s == TELLER_IDLE) {
        f->stage = FLUSH_IDLE;
        aggregate_published(f->core, f->last_seq + 1, 0);
    }
    return s != TELLER_FENCED;
}

bool flush_step(flush *f, ov_mono now, char what[160])
{
    if (f->stage == FLUSH_WRITING && !step_writing(f, now, what)) return false;
    if (f->stage == FLUSH_TELLING && !step_telling(f, now, what)) return false;
    if (f->stage != FLUSH_IDLE || f->closing) return true;
    f->count = aggregate_collect(f->core, f->items, FLUSH_DOCUMENTS, FLUSH_BYTES, now);
    if (!f->count) return true;
    f->stage = FLUSH_WRITING;
    send_all(f);
    return true;
}

void flush_abandon(flush *f)
{
    for (size_t i = 0; i < f->count; i++) aggregate_unwritten(f->core, &f->items[i]);
    clear_cuts(f);
    f->count = 0;
    f->stage = FLUSH_IDLE;
    teller_abandon(f->teller);
}
