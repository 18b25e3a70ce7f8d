/* Keeps events in the order of their places and in the queues from which they are sent. */
#include "services/aggregator/telling.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "json/fields.h"
#include "proto/event.h"
#include "proto/subjects.h"
#include "base/poison.h"

void telling_box_free(telling_box *b)
{
    if (!b) return;
    free(b->key);
    free(b);
}

static void telling_free(telling *e)
{
    free(e->subject);
    free(e->id);
    free(e->body);
    free(e);
}

/* ---- queues ---- */

static void put_first(telling_queue *q, telling *e)
{
    e->next = q->first;
    q->first = e;
    if (!q->last) q->last = e;
}

static void put_last(telling_queue *q, telling *e)
{
    e->next = NULL;
    if (q->last)
        q->last->next = e;
    else
        q->first = e;
    q->last = e;
}

static telling *take_first(telling_queue *q)
{
    telling *e = q->first;
    if (!e) return NULL;
    q->first = e->next;
    if (!q->first) q->last = NULL;
    e->next = NULL;
    return e;
}

/* ---- lanes ---- */

static void lane_enter(tellings *t, telling_lane *l)
{
    l->next = NULL;
    if (t->last_lane)
        t->last_lane->next = l;
    else
        t->first_lane = l;
    t->last_lane = l;
}

static void lane_leave(tellings *t, telling_lane *l)
{
    telling_lane **link = &t->first_lane, *before = NULL;
    while (*link != l) {
        before = *link;
        link = &(*link)->next;
    }
    *link = l->next;
    if (t->last_lane == l) t->last_lane = before;
}

static telling_lane *lane_of(const tellings *t, const telling *e)
{
    return t->lanes.count ? ov_map_get(&t->lanes, ov_str_of(e->subject)) : NULL;
}

/* The subject is taken again: what waits goes before all others. */
static void lane_open(tellings *t, telling_lane *l, ov_str subject)
{
    if (l->waiting.last) {
        l->waiting.last->next = t->ready.first;
        if (!t->ready.last) t->ready.last = l->waiting.last;
        t->ready.first = l->waiting.first;
    }
    lane_leave(t, l);
    ov_map_remove(&t->lanes, subject);
    free(l);
}

/* ---- the whole ---- */

void tellings_clear(tellings *t)
{
    while (t->oldest) {
        telling *e = t->oldest;
        t->oldest = e->newer;
        if (--e->box->left == 0) telling_box_free(e->box);
        telling_free(e);
    }
    telling_box *b;
    while ((b = tellings_next_told(t))) telling_box_free(b);
    while (t->first_lane) {
        telling_lane *next = t->first_lane->next;
        free(t->first_lane);
        t->first_lane = next;
    }
    ov_map_clear(&t->lanes);
    *t = (tellings){0};
}

void tellings_begin(tellings *t, outbox_place high)
{
    tellings_clear(t);
    t->high = high;
}

static void enter(tellings *t, telling *e)
{
    e->older = t->newest;
    if (t->newest)
        t->newest->newer = e;
    else
        t->oldest = e;
    t->newest = e;
    t->count++;
    e->box->left++;
    put_last(&t->ready, e);
}

static void leave(tellings *t, telling *e)
{
    if (e->older)
        e->older->newer = e->newer;
    else
        t->oldest = e->newer;
    if (e->newer)
        e->newer->older = e->older;
    else
        t->newest = e->older;
    t->count--;
}

static ov_status add_one(tellings *t, telling_box *box, outbox_place place, bool in_doubt, ov_str raw, ov_err *err)
{
    OV_CLEANUP(event_head_clear) event_head h = {0};
    char subject[SUBJECT_MAX], type[64];
    ov_status st = event_head_decode(raw, &h, err);
    if (st != OV_OK) return st;
    snprintf(type, sizeof type, "%.*s", OV_STR_ARG(h.type));
    subject_event(type, h.agent, h.tracker, subject);
    telling *e = ov_zalloc(sizeof *e);
    *e = (telling){.box = box,
                   .place = place,
                   .subject = ov_dup(ov_str_of(subject)),
                   .id = ov_dup(h.id),
                   .body = ov_dup(raw),
                   .len = raw.len,
                   .in_doubt = in_doubt};
    enter(t, e);
    return OV_OK;
}

static ov_status add_each(tellings *t, telling_box *box, ov_str outbox, const outbox_mark *told, ov_err *err)
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
        outbox_place place = {box->seq, i};
        if (st != OV_OK || (told && outbox_place_is_after(told->from, place))) continue;
        bool in_doubt = told && !outbox_place_is_after(place, told->to);
        st = add_one(t, box, place, in_doubt, raw, err);
    }
    return st;
}

static void box_told(tellings *t, telling_box *b)
{
    if (t->last_told)
        t->last_told->next = b;
    else
        t->first_told = b;
    t->last_told = b;
}

ov_status tellings_add(tellings *t, const char *key, uint64_t seq, ov_str outbox, const outbox_mark *told, ov_err *err)
{
    telling_box *box = ov_zalloc(sizeof *box);
    *box = (telling_box){.key = ov_dup(ov_str_of(key)), .seq = seq};
    ov_status st = add_each(t, box, outbox, told, err);
    if (!box->left) box_told(t, box);
    return st;
}

size_t tellings_take(tellings *t, telling **out, size_t max)
{
    size_t n = 0;
    while (n < max && t->ready.first) {
        telling *e = take_first(&t->ready);
        telling_lane *l = lane_of(t, e);
        if (l)
            put_last(&l->waiting, e);
        else
            out[n++] = e;
    }
    t->cursor = t->oldest;
    t->sent_high = t->high;
    return n;
}

size_t tellings_take_refused(tellings *t, telling **out, size_t max)
{
    size_t n = 0;
    for (telling_lane *l = t->first_lane; l && n < max; l = l->next) out[n++] = take_first(&l->waiting);
    t->cursor = t->oldest;
    t->sent_high = t->high;
    return n;
}

static outbox_place later(outbox_place a, outbox_place b)
{
    return outbox_place_is_after(a, b) ? a : b;
}

outbox_mark tellings_mark(tellings *t, telling *e)
{
    e->sending = true;
    t->sent_high = later(later(t->sent_high, t->high), e->place);
    while (t->cursor && t->cursor->sending) t->cursor = t->cursor->newer;
    outbox_mark m = outbox_mark_at(t->sent_high);
    if (t->cursor && outbox_place_is_after(m.from, t->cursor->place)) m.from = t->cursor->place;
    return m;
}

void tellings_told(tellings *t, telling *e)
{
    t->high = later(t->high, e->place);
    telling_lane *l = lane_of(t, e);
    if (l) lane_open(t, l, ov_str_of(e->subject));
    if (t->cursor == e) t->cursor = e->newer;
    leave(t, e);
    if (--e->box->left == 0) box_told(t, e->box);
    telling_free(e);
}

void tellings_back(tellings *t, telling *e)
{
    e->sending = false;
    telling_lane *l = lane_of(t, e);
    put_first(l ? &l->waiting : &t->ready, e);
}

void tellings_doubtful(tellings *t, telling *e)
{
    e->in_doubt = true;
    tellings_back(t, e);
}

/* One that is refused again gives way to the others at the next try. */
void tellings_refused(tellings *t, telling *e, const char *why)
{
    e->sending = e->in_doubt = false;
    telling_lane *l = lane_of(t, e);
    if (l) {
        lane_leave(t, l);
    } else {
        l = ov_zalloc(sizeof *l);
        ov_map_put(&t->lanes, ov_str_of(e->subject), l);
    }
    lane_enter(t, l);
    snprintf(l->why, sizeof l->why, "%s", why);
    put_first(&l->waiting, e);
}

telling_box *tellings_next_told(tellings *t)
{
    telling_box *b = t->first_told;
    if (!b) return NULL;
    t->first_told = b->next;
    if (!t->first_told) t->last_told = NULL;
    b->next = NULL;
    return b;
}

uint64_t tellings_floor(const tellings *t, uint64_t otherwise)
{
    return t->oldest ? t->oldest->place.seq : otherwise;
}

bool tellings_is_ready(const tellings *t)
{
    return t->ready.first != NULL;
}

size_t tellings_refused_count(const tellings *t)
{
    return t->lanes.count;
}

bool tellings_refusal(const tellings *t, ov_str *ret_subject, const char **ret_why)
{
    const telling_lane *l = t->first_lane;
    if (!l || !l->waiting.first) return false;
    *ret_subject = ov_str_of(l->waiting.first->subject);
    *ret_why = l->why;
    return true;
}
