/* Remembers parts and markers by key, and purges those that were replaced or have served. */
#include "services/aggregator/litter.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "bus/streams.h"
#include "proto/subjects.h"
#include "base/poison.h"

enum { PURGES_PER_STEP = 8, REVISION_MAX = 24, RETRY_MS = 60000 };

/* A grave while key is set (void when the key lives again), else parts to purge. */
struct litter_item {
    litter_item *next;
    char *filter;
    ov_mono due;
    bool is_grave;
};

/* The revisions of one key's parts. */
typedef struct {
    char (*items)[REVISION_MAX];
    size_t count, cap;
} revisions;

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
    while (l->first) {
        litter_item *next = l->first->next;
        free(l->first->filter);
        free(l->first);
        l->first = next;
    }
    *l = (litter){0};
}

static litter_item *push(litter *l, const char *filter, ov_mono due)
{
    litter_item *x = ov_zalloc(sizeof *x);
    x->filter = ov_dup(ov_str_of(filter));
    x->due = due;
    if (l->last)
        l->last->next = x;
    else
        l->first = x;
    l->last = x;
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

void litter_seen(litter *l, ov_str subject, bool is_empty, ov_mono now)
{
    subject_parsed s;
    subject_parse(subject, &s);
    if (s.kind == SUBJECT_STATE_PART) {
        if (!is_empty) add_revision(l, s.manifest, s.revision);
    } else if (is_empty) {
        litter_deleted(l, subject, now);
    } else if (l->graves.count) {
        (void)ov_map_remove(&l->graves, subject);
    }
}

void litter_deleted(litter *l, ov_str key, ov_mono now)
{
    char text[SUBJECT_MAX];
    litter_written(l, key, "", now);
    if (ov_map_put(&l->graves, key, l)) return;
    snprintf(text, sizeof text, "%.*s", OV_STR_ARG(key));
    push(l, text, ov_mono_after(now, LITTER_GRAVE_MS))->is_grave = true;
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
        push(l, filter, now);
    }
    r->count = kept;
    if (kept) return;
    ov_map_remove(&l->revisions, key);
    free(r->items);
    free(r);
}

static litter_item *take_due(litter *l, ov_mono now)
{
    litter_item *before = NULL;
    for (litter_item *x = l->first; x; before = x, x = x->next) {
        if (x->due.ms > now.ms) continue;
        if (before)
            before->next = x->next;
        else
            l->first = x->next;
        if (l->last == x) l->last = before;
        x->next = NULL;
        return x;
    }
    return NULL;
}

void litter_step(litter *l, ov_bus *bus, ov_mono now)
{
    for (int i = 0; i < PURGES_PER_STEP; i++) {
        litter_item *x = take_due(l, now);
        if (!x) return;
        /* A key that lives again has no grave: its document must not be purged. */
        bool wanted = !x->is_grave || ov_map_remove(&l->graves, ov_str_of(x->filter));
        if (wanted && ov_bus_stream_purge(bus, STREAM_STATE, x->filter, NULL) != OV_OK) {
            if (x->is_grave) ov_map_put(&l->graves, ov_str_of(x->filter), l);
            push(l, x->filter, ov_mono_after(now, RETRY_MS))->is_grave = x->is_grave;
            i = PURGES_PER_STEP;
        }
        free(x->filter);
        free(x);
    }
}
