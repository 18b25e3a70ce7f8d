/* Keeps and sums up the objects of one tracker: an open table by the number of the object's key. */
#include "services/collector/observed.h"

#include <stdlib.h>

#include "base/map.h"
#include "base/mem.h"
#include "services/collector/cluster/cluster.h"

#include "base/poison.h"

enum {
    SLOTS_FIRST = 4,
    ROUND_BITS = 20 /* a sweep leaves no round behind, so that one may come again after a million */
};
_Static_assert(CLUSTER_SECTIONS_MAX <= 1 << (32 - ROUND_BITS), "a section fits beside a round");

static uint32_t seen_in(unsigned section, unsigned round)
{
    return section << ROUND_BITS | (round & ((1u << ROUND_BITS) - 1));
}

static unsigned section_of(uint32_t seen)
{
    return seen >> ROUND_BITS;
}

/* ---- the table ---- */

/* Numbers are given one after another: the product scatters them. */
static uint32_t home_of(uint32_t object, uint32_t cap)
{
    return (uint32_t)((object * UINT64_C(0x9E3779B97F4A7C15)) >> 32) & (cap - 1);
}

/* The object's slot, or the empty one that ends the search; the table has slots. */
static observed_slot *find(observed_slot *slots, uint32_t cap, uint32_t object)
{
    uint32_t at = home_of(object, cap);
    while (slots[at].object && slots[at].object != object) at = (at + 1) & (cap - 1);
    return &slots[at];
}

static void resize(observed *o, uint32_t cap)
{
    observed_slot *slots = ov_calloc(cap, sizeof *slots);
    for (uint32_t i = 0; i < o->cap; i++)
        if (o->slots[i].object) *find(slots, cap, o->slots[i].object) = o->slots[i];
    free(o->slots);
    o->slots = slots;
    o->cap = cap;
}

static observed_slot *find_room(observed *o, uint32_t object)
{
    observed_slot *slot = o->cap ? find(o->slots, o->cap, object) : NULL;
    if (slot && slot->object) return slot;
    if ((uint64_t)(o->count + 1) * 5 > (uint64_t)o->cap * 4) {
        resize(o, o->cap ? o->cap * 2 : SLOTS_FIRST);
        slot = find(o->slots, o->cap, object);
    }
    return slot;
}

/* Empties a slot and moves back what stands behind it and would no longer be found. */
static void close_gap(observed *o, uint32_t gap)
{
    uint32_t mask = o->cap - 1;
    for (uint32_t at = (gap + 1) & mask; o->slots[at].object; at = (at + 1) & mask) {
        uint32_t home = home_of(o->slots[at].object, o->cap);
        if (((at - home) & mask) < ((at - gap) & mask)) continue;
        o->slots[gap] = o->slots[at];
        gap = at;
    }
    o->slots[gap] = (observed_slot){0};
}

static void drop_texts(const observed_slot *slot, texts *t)
{
    texts_drop(t, slot->object);
    texts_drop(t, slot->version);
    texts_drop(t, slot->from);
}

static void take_out(observed *o, texts *t, observed_slot *slot)
{
    if (!slot->version) o->failed--;
    drop_texts(slot, t);
    close_gap(o, (uint32_t)(slot - o->slots));
    o->count--;
}

/* A table that was large once does not stay so. */
static void shrink(observed *o)
{
    uint32_t cap = o->cap;
    while (cap > SLOTS_FIRST && o->count < cap / 8) cap /= 2;
    if (cap < o->cap) resize(o, cap);
}

void observed_clear(observed *o, texts *t)
{
    for (uint32_t i = 0; i < o->cap; i++) drop_texts(&o->slots[i], t);
    free(o->slots);
    *o = (observed){0};
}

/* ---- changes ---- */

static bool same(const texts *t, uint32_t have, ov_str want)
{
    return have ? want.ptr && ov_str_eq(texts_get(t, have), want) : !want.ptr;
}

static void replace(texts *t, uint32_t *number, ov_str text)
{
    uint32_t before = *number;
    *number = text.ptr ? texts_add(t, text) : 0;
    texts_drop(t, before);
}

bool observed_set(observed *o, texts *t, uint32_t object, unsigned section, unsigned round, ov_str version, ov_str from,
                  const char *problem)
{
    observed_slot *slot = find_room(o, object);
    uint32_t seen = seen_in(section, round);
    ov_str said = version.ptr ? from : ov_str_of(problem ? problem : "unknown");
    bool is_new = !slot->object;
    if (is_new) {
        texts_hold(t, object);
        *slot = (observed_slot){.object = object};
        o->count++;
    } else if (!slot->version) {
        o->failed--;
    }
    bool changed = is_new || !same(t, slot->version, version) || !same(t, slot->from, said);
    if (changed) {
        replace(t, &slot->version, version);
        replace(t, &slot->from, said);
    }
    o->overlaps |= !is_new && section_of(slot->seen) != section;
    slot->seen = seen;
    if (!slot->version) o->failed++;
    return changed;
}

bool observed_remove(observed *o, texts *t, uint32_t object)
{
    observed_slot *slot = o->cap ? find(o->slots, o->cap, object) : NULL;
    if (!slot || !slot->object) return false;
    take_out(o, t, slot);
    shrink(o);
    return true;
}

bool observed_sweep(observed *o, texts *t, unsigned section, unsigned round)
{
    uint32_t now = seen_in(section, round), before = o->count;
    for (uint32_t i = 0; i < o->cap;) {
        observed_slot *slot = &o->slots[i];
        if (slot->object && section_of(slot->seen) == section && slot->seen != now)
            take_out(o, t, slot); /* what moved into the slot is looked at next */
        else
            i++;
    }
    shrink(o);
    return o->count < before;
}

/* ---- the report ---- */

static int by_key(const void *a, const void *b, void *texts_of_keys)
{
    const observed_slot *const *x = a, *const *y = b;
    return ov_str_cmp(texts_get(texts_of_keys, (*x)->object), texts_get(texts_of_keys, (*y)->object));
}

static const observed_slot **sorted(const observed *o, const texts *t)
{
    const observed_slot **all = ov_calloc((size_t)o->count + 1, sizeof *all);
    size_t count = 0;
    for (uint32_t i = 0; i < o->cap; i++)
        if (o->slots[i].object) all[count++] = &o->slots[i];
    qsort_r(all, count, sizeof(const observed_slot *), by_key, (void *)(uintptr_t)t);
    return all;
}

static size_t count_distinct(const observed *o, const texts *t)
{
    ov_map versions = {0};
    for (uint32_t i = 0; i < o->cap; i++)
        if (o->slots[i].version) ov_map_put(&versions, texts_get(t, o->slots[i].version), &o->slots[i]);
    size_t count = versions.count;
    ov_map_clear(&versions);
    return count;
}

static void count_version(report *r, ov_map *rows, ov_str version, ov_str from, ov_str kind)
{
    report_version *row = ov_map_get(rows, version);
    if (!row) {
        row = &r->versions[r->version_count++];
        *row = (report_version){version, 0, kind, from};
        ov_map_put(rows, version, row);
    }
    row->resource_count++;
}

void observed_summarize(const observed *o, const texts *t, ov_str resource_kind, report *ret,
                        report_version **ret_versions, ov_err *message)
{
    OV_CLEANUP(ov_free_p) const observed_slot **all = sorted(o, t);
    ret->count = (int64_t)o->count;
    ret->versions = *ret_versions = ov_calloc(count_distinct(o, t) + 1, sizeof **ret_versions);
    ret->version_count = 0;
    ret->reason = o->count ? REPORT_FINE : REPORT_NOTHING_MATCHED;
    const observed_slot *example = NULL;
    ov_map rows = {0};
    for (uint32_t i = 0; i < o->count; i++) {
        if (all[i]->version)
            count_version(ret, &rows, texts_get(t, all[i]->version), texts_get(t, all[i]->from), resource_kind);
        else if (!example)
            example = all[i];
    }
    ov_map_clear(&rows);
    if (o->count == 0)
        (void)ov_fail(message, OV_OK, "no %.*s match the selector and namespaces", OV_STR_ARG(resource_kind));
    if (example) {
        ret->reason = REPORT_SOME_FAILED;
        (void)ov_fail(message, OV_OK, "%zu of %u objects gave no version, for example %s: %s", o->failed, o->count,
                      texts_get(t, example->object).ptr, texts_get(t, example->from).ptr);
    }
    ret->message = ov_str_of(message->msg);
}
