/* Remembers parts and markers by key, and purges those that were replaced or have served. */
#include "services/aggregator/litter.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "bus/streams.h"
#include "proto/subjects.h"
#include "base/poison.h"

enum { PURGES_PER_STEP = 8, REVISION_DIGITS = 16, REVISION_MAX = 24, RETRY_MS = 60000 };

/* The revisions of one key's parts. */
typedef struct {
    char (*items)[REVISION_MAX];
    size_t count, cap;
} revisions;

static void item_free(litter_item *x)
{
    free(x->filter);
    free(x);
}

static void queue_clear(litter_queue *q)
{
    while (q->first) {
        litter_item *next = q->first->next;
        item_free(q->first);
        q->first = next;
    }
}

void litter_clear(litter *l)
{
    size_t at = 0;
    ov_str key;
    void *value;
    while (ov_map_next(&l->revisions, &at, &key, &value)) {
        free(((revisions *)value)->items);
        free(value);
    }
    ov_map_clear(&l->revisions);
    ov_map_clear(&l->graves);
    queue_clear(&l->parts);
    queue_clear(&l->markers);
    queue_clear(&l->again);
    *l = (litter){0};
}

static void push(litter_queue *q, litter_item *x, ov_mono due)
{
    x->next = NULL;
    x->due = due;
    if (q->last)
        q->last->next = x;
    else
        q->first = x;
    q->last = x;
}

static litter_item *item_new(const char *filter, uint64_t seq)
{
    litter_item *x = ov_zalloc(sizeof *x);
    x->filter = ov_dup(ov_str_of(filter));
    x->seq = seq;
    return x;
}

static void add_revision(litter *l, ov_str key, ov_str revision)
{
    revisions *r = ov_map_get(&l->revisions, key);
    if (!r) {
        r = ov_zalloc(sizeof *r);
        ov_map_put(&l->revisions, key, r);
    }
    for (size_t i = 0; i < r->count; i++)
        if (ov_str_eq(ov_str_of(r->items[i]), revision)) return;
    ov_grow(&r->items, &r->cap, r->count + 1, sizeof *r->items);
    snprintf(r->items[r->count++], REVISION_MAX, "%.*s", OV_STR_ARG(revision));
}

/* Cheap: all of a large bucket passes here. */
static bool may_be_part(ov_str subject)
{
    size_t end = subject.len;
    while (end && subject.ptr[end - 1] != '.') end--;
    return end > REVISION_DIGITS + 1 && subject.ptr[end - REVISION_DIGITS - 2] == '.';
}

void litter_seen(litter *l, ov_str subject, bool is_empty, uint64_t seq, ov_mono now)
{
    subject_parsed s;
    if (!is_empty && !l->graves.count && !may_be_part(subject)) return;
    subject_parse(subject, &s);
    if (s.kind == SUBJECT_STATE_PART) {
        if (!is_empty) add_revision(l, s.manifest, s.revision);
    } else if (is_empty) {
        litter_deleted(l, subject, seq, now);
    } else if (l->graves.count) {
        (void)ov_map_remove(&l->graves, subject);
    }
}

void litter_deleted(litter *l, ov_str key, uint64_t seq, ov_mono now)
{
    char text[SUBJECT_MAX];
    litter_written(l, key, "", now);
    if ((uintptr_t)ov_map_put(&l->graves, key, (void *)(uintptr_t)seq) == seq) return;
    snprintf(text, sizeof text, "%.*s", OV_STR_ARG(key));
    push(&l->markers, item_new(text, seq), ov_mono_after(now, LITTER_GRAVE_MS));
}

void litter_written(litter *l, ov_str key, const char *revision, ov_mono now)
{
    if (l->graves.count) (void)ov_map_remove(&l->graves, key);
    if (*revision) add_revision(l, key, ov_str_of(revision));
    revisions *r = l->revisions.count ? ov_map_get(&l->revisions, key) : NULL;
    if (!r) return;
    size_t kept = 0;
    for (size_t i = 0; i < r->count; i++) {
        char filter[SUBJECT_MAX + REVISION_MAX + 4];
        if (strcmp(r->items[i], revision) == 0) {
            memmove(r->items[kept++], r->items[i], REVISION_MAX);
            continue;
        }
        snprintf(filter, sizeof filter, "%.*s.%s.>", OV_STR_ARG(key), r->items[i]);
        push(&l->parts, item_new(filter, 0), now);
    }
    r->count = kept;
    if (kept) return;
    ov_map_remove(&l->revisions, key);
    free(r->items);
    free(r);
}

/* The oldest when it is due, taken out. */
static litter_item *take_due(litter_queue *q, ov_mono now)
{
    litter_item *x = q->first;
    if (!x || x->due.ms > now.ms) return NULL;
    q->first = x->next;
    if (!q->first) q->last = NULL;
    return x;
}

/* A key that lives again, or was deleted anew, has no grave of that sequence. */
static bool is_needless(const litter *l, const litter_item *x)
{
    return x->seq && (uintptr_t)ov_map_get(&l->graves, ov_str_of(x->filter)) != x->seq;
}

static litter_item *take_any(litter *l, ov_mono now)
{
    litter_item *x = take_due(&l->parts, now);
    if (!x) x = take_due(&l->markers, now);
    return x ? x : take_due(&l->again, now);
}

litter_item *litter_take(litter *l, ov_mono now)
{
    litter_item *x;
    while ((x = take_any(l, now)) && is_needless(l, x)) item_free(x);
    return x;
}

void litter_done(litter *l, litter_item *x, bool purged, ov_mono now)
{
    if (!purged) {
        push(&l->again, x, ov_mono_after(now, RETRY_MS));
        return;
    }
    if (x->seq && !is_needless(l, x)) ov_map_remove(&l->graves, ov_str_of(x->filter));
    item_free(x);
}

static bool purge(const litter_item *x, ov_bus *bus)
{
    ov_status st = x->seq ? ov_bus_stream_purge_to(bus, STREAM_STATE, x->filter, x->seq, NULL)
                          : ov_bus_stream_purge(bus, STREAM_STATE, x->filter, NULL);
    return st == OV_OK;
}

void litter_step(litter *l, ov_bus *bus, ov_mono now)
{
    bool fine = true;
    for (int i = 0; fine && i < PURGES_PER_STEP; i++) {
        litter_item *x = litter_take(l, now);
        if (!x) return;
        fine = purge(x, bus);
        litter_done(l, x, fine, now);
    }
}
