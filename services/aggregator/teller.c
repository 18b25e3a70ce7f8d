/* Events go out pipelined, each expecting the end that the one before makes; after any doubt the stream says what is
 * there. A subject that the bus refuses waits alone and is tried again now and then. */
#include "services/aggregator/teller.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/log.h"
#include "base/random.h"
#include "proto/subjects.h"
#include "base/poison.h"

enum {
    DOUBTS_MAX = 64, /* questions to the stream in one go: the owner has other work */
    WAIT_MIN_MS = 100,
    WAIT_MAX_MS = 5000,
    AGAIN_MIN_MS = 1000,
    AGAIN_MAX_MS = 5000,
    AGAIN_FEW = 4,      /* refused subjects that are tried again at a time, while none is taken */
    REFUSALS_LOGGED = 8 /* the others are counted */
};

void teller_begin(teller *t, uint64_t last_seq, outbox_place high)
{
    tellings_begin(&t->waiting, high);
    t->sent_count = 0;
    t->last_seq = last_seq;
    t->unsure = false;
    t->backoff = (ov_backoff){.base_ms = WAIT_MIN_MS, .max_ms = WAIT_MAX_MS};
    t->again = (ov_backoff){.base_ms = AGAIN_MIN_MS, .max_ms = AGAIN_MAX_MS};
    t->again_max = AGAIN_FEW;
    t->try_at = t->again_at = (ov_mono){0};
    t->refusals_logged = 0;
}

void teller_clear(teller *t)
{
    tellings_clear(&t->waiting);
    stored_clear(&t->group);
    *t = (teller){0};
}

size_t teller_pending(const teller *t)
{
    return t->waiting.count;
}

bool teller_is_quiet(const teller *t)
{
    return stored_is_done(&t->group);
}

void teller_abandon(teller *t)
{
    tellings_clear(&t->waiting);
    t->sent_count = 0;
    t->problem[0] = '\0';
}

bool teller_is_busy(const teller *t, ov_mono now)
{
    return !t->sent_count && tellings_is_ready(&t->waiting) && now.ms >= t->try_at.ms;
}

static void wait_longer(teller *t, const char *why, ov_mono now)
{
    if (!t->problem[0]) ov_log_warn("events wait", "error", why);
    snprintf(t->problem, sizeof t->problem, "%s", why);
    t->failures++;
    t->unsure = true;
    t->try_at = ov_mono_after(now, ov_backoff_next_ms(&t->backoff, ov_random_u64()));
}

/* ---- answers ---- */

/* This subject is refused, whatever becomes of the others. */
static bool is_refusal(const ov_bus_stored *r)
{
    return r->status == OV_INVALID || (r->status == OV_FAILED && !r->wrong_sequence && !r->full);
}

static void take_refusal(teller *t, telling *e, const char *why)
{
    t->failures++;
    if (t->refusals_logged < REFUSALS_LOGGED) {
        t->refusals_logged++;
        ov_log_warn("an event is refused: its document waits", "subject", e->subject, "error", why);
    }
    tellings_refused(&t->waiting, e, why);
}

typedef struct {
    size_t told, refused;
    const char *problem; /* of those that are neither */
} outcome;

static void take_answer(teller *t, telling *e, const ov_bus_stored *r, outcome *o)
{
    if (r->status == OV_OK) {
        if (!o->told) t->last_seq = r->seq; /* the last one comes first */
        t->unsure |= r->duplicate;          /* what was stored before did not move the end */
        t->published++;
        o->told++;
        tellings_told(&t->waiting, e);
        return;
    }
    t->unsure = true;
    if (is_refusal(r)) {
        o->refused++;
        take_refusal(t, e, r->text);
        return;
    }
    o->problem = r->text;
    if (r->status == OV_RETRY)
        tellings_doubtful(&t->waiting, e);
    else
        tellings_back(&t->waiting, e);
}

static void note_refused(teller *t, const outcome *o, ov_mono now)
{
    size_t left = tellings_refused_count(&t->waiting);
    if (o->refused) {
        t->again_max = AGAIN_FEW;
        t->again_at = ov_mono_after(now, ov_backoff_next_ms(&t->again, ov_random_u64()));
    } else if (left && o->told) {
        t->again_max = TELLER_CHUNK;
    }
    if (left) return;
    if (t->refusals_logged) ov_log_info("no event is refused any more");
    t->refusals_logged = 0;
    ov_backoff_reset(&t->again);
}

/* Takes in the answers of the chunk under way, the last one first: what goes back keeps its order. What stands behind a
 * refused one met another end than it expected: that is no problem of its own. */
static void take_answers(teller *t, ov_mono now)
{
    outcome o = {0};
    size_t n = t->sent_count;
    t->sent_count = 0;
    while (n--) take_answer(t, t->sent[n], &t->group.items[n].result, &o);
    note_refused(t, &o, now);
    if (o.problem && !o.refused) {
        wait_longer(t, o.problem, now);
        return;
    }
    if (!o.told) return;
    if (t->problem[0]) ov_log_info("events are published again");
    t->problem[0] = '\0';
    ov_backoff_reset(&t->backoff);
}

/* ---- sending ---- */

static bool read_end(teller *t, ov_bus *bus, int64_t epoch, ov_mono now)
{
    ov_err err = {0};
    int64_t last_epoch = 0;
    if (outbox_read_epoch(bus, &t->last_seq, &last_epoch, &err) != OV_OK) {
        wait_longer(t, err.msg, now);
        return true;
    }
    t->unsure = false;
    return last_epoch <= epoch;
}

/* Leaves out of the chunk what is told; false when the stream does not answer, then all of it is put back. */
static bool settle_doubts(teller *t, ov_bus *bus, telling **chunk, size_t *count, ov_mono now)
{
    ov_err err = {0};
    ov_status st = OV_OK;
    bool told[TELLER_CHUNK] = {0};
    for (size_t i = 0; st == OV_OK && i < *count; i++)
        if (chunk[i]->in_doubt) st = outbox_is_told(bus, chunk[i]->subject, chunk[i]->place, &told[i], &err);
    for (size_t i = *count; st != OV_OK && i > 0; i--) tellings_back(&t->waiting, chunk[i - 1]);
    size_t kept = 0;
    for (size_t i = 0; st == OV_OK && i < *count; i++) {
        chunk[i]->in_doubt = false;
        if (told[i])
            tellings_told(&t->waiting, chunk[i]);
        else
            chunk[kept++] = chunk[i];
    }
    *count = kept;
    if (st != OV_OK) wait_longer(t, err.msg, now);
    return st == OV_OK;
}

static void send_one(teller *t, size_t i, ov_bus *bus, const char *epoch)
{
    telling *e = t->sent[i];
    char place[48], untold[96];
    outbox_mark mark = tellings_mark(&t->waiting, e);
    outbox_mark_write(&mark, e->place, untold);
    snprintf(place, sizeof place, "%" PRIu64 ".%" PRIu64, e->place.seq, e->place.index);
    ov_bus_out m = OV_BUS_OUT(e->subject, ((ov_str){e->body, e->len}));
    m.msg_id = e->id;
    m.headers[0] = (ov_bus_header){HEADER_OUTBOX, place};
    m.headers[1] = (ov_bus_header){HEADER_EPOCH, epoch};
    if (untold[0]) m.headers[2] = (ov_bus_header){HEADER_UNTOLD, untold};
    m.expect_last_seq = (int64_t)(t->last_seq + i);
    stored_send(&t->group, i, bus, &m);
}

static void send_chunk(teller *t, ov_bus *bus, ov_inbox *inbox, int64_t epoch, size_t count)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRId64, epoch);
    stored_begin(&t->group, inbox, count);
    t->sent_count = count;
    for (size_t i = 0; i < count; i++) send_one(t, i, bus, text);
}

/* What is sure fills a chunk; where the stream must be asked a few are enough. */
static size_t take_chunk(teller *t, ov_mono now)
{
    size_t n = 0;
    if (now.ms >= t->again_at.ms) n = tellings_take_refused(&t->waiting, t->sent, t->again_max);
    if (!n) n = tellings_take(&t->waiting, t->sent, TELLER_CHUNK);
    size_t doubts = 0, kept = 0;
    for (; kept < n && doubts < DOUBTS_MAX; kept++) doubts += t->sent[kept]->in_doubt;
    while (n > kept) tellings_back(&t->waiting, t->sent[--n]);
    return kept;
}

bool teller_step(teller *t, ov_bus *bus, ov_inbox *inbox, int64_t epoch, ov_mono now)
{
    if (!stored_is_done(&t->group)) return true;
    if (t->sent_count) take_answers(t, now);
    if (!t->waiting.count || now.ms < t->try_at.ms) return true;
    if (!tellings_is_ready(&t->waiting) && now.ms < t->again_at.ms) return true;
    if (t->unsure && !read_end(t, bus, epoch, now)) return false;
    if (t->unsure) return true;
    size_t count = take_chunk(t, now);
    if (settle_doubts(t, bus, t->sent, &count, now) && count) send_chunk(t, bus, inbox, epoch, count);
    return true;
}
