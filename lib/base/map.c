/* A power-of-two table with linear probing; what is taken out leaves a tombstone until the next rebuild. */
#include "base/map.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/poison.h"

enum { FIRST_SLOTS = 16 };

struct ov_map_slot {
    char *key; /* NULL: never used; tombstone: taken out */
    void *value;
    uint32_t len, hash; /* compared before the key's bytes are touched */
};

static char tombstone[1];

static bool is_live(const ov_map_slot *slot)
{
    return slot->key && slot->key != tombstone;
}

static ov_str slot_key(const ov_map_slot *slot)
{
    return (ov_str){.ptr = slot->key, .len = slot->len};
}

static uint32_t hash_of(ov_str key)
{
    return (uint32_t)ov_str_hash(key);
}

/* The slot that holds the key, or NULL. There always is a never used slot that ends the search. */
static ov_map_slot *find(const ov_map *m, ov_str key, uint32_t hash)
{
    if (m->count == 0) return NULL;
    for (size_t at = hash & (m->cap - 1);; at = (at + 1) & (m->cap - 1)) {
        ov_map_slot *slot = &m->slots[at];
        if (!slot->key) return NULL;
        if (slot->key != tombstone && slot->hash == hash && ov_str_eq(slot_key(slot), key)) return slot;
    }
}

/* The first slot on the key's way that holds no entry. */
static ov_map_slot *find_free(ov_map_slot *slots, size_t cap, uint32_t hash)
{
    size_t at = hash & (cap - 1);
    while (is_live(&slots[at])) at = (at + 1) & (cap - 1);
    return &slots[at];
}

/* Moves the entries to a table of twice to four times their number, without the tombstones. */
static void rebuild(ov_map *m)
{
    size_t cap = FIRST_SLOTS;
    while (cap < (m->count + 1) * 2) cap *= 2;
    ov_map_slot *slots = ov_calloc(cap, sizeof *slots);
    for (size_t i = 0; i < m->cap; i++)
        if (is_live(&m->slots[i])) *find_free(slots, cap, m->slots[i].hash) = m->slots[i];
    free(m->slots);
    *m = (ov_map){.slots = slots, .cap = cap, .count = m->count, .used = m->count};
}

void ov_map_clear(ov_map *m)
{
    for (size_t i = 0; i < m->cap; i++)
        if (is_live(&m->slots[i])) free(m->slots[i].key);
    free(m->slots);
    *m = (ov_map){0};
}

void *ov_map_get(const ov_map *m, ov_str key)
{
    if (m->count == 0) return NULL;
    const ov_map_slot *slot = find(m, key, hash_of(key));
    return slot ? slot->value : NULL;
}

void *ov_map_put(ov_map *m, ov_str key, void *value)
{
    assert(value && key.len <= UINT32_MAX);
    uint32_t hash = hash_of(key);
    ov_map_slot *slot = find(m, key, hash);
    if (slot) {
        void *before = slot->value;
        slot->value = value;
        return before;
    }
    if ((m->used + 1) * 4 > m->cap * 3) rebuild(m);
    slot = find_free(m->slots, m->cap, hash);
    if (slot->key != tombstone) m->used++;
    *slot = (ov_map_slot){.key = ov_dup(key), .value = value, .len = (uint32_t)key.len, .hash = hash};
    m->count++;
    return NULL;
}

void *ov_map_remove(ov_map *m, ov_str key)
{
    if (m->count == 0) return NULL;
    ov_map_slot *slot = find(m, key, hash_of(key));
    if (!slot) return NULL;
    void *value = slot->value;
    free(slot->key);
    const ov_map_slot *next = &m->slots[((size_t)(slot - m->slots) + 1) & (m->cap - 1)];
    if (!next->key) m->used--; /* no search goes on behind a slot that ends here */
    *slot = (ov_map_slot){.key = next->key ? tombstone : NULL};
    m->count--;
    return value;
}

bool ov_map_next(const ov_map *m, size_t *at, ov_str *ret_key, void **ret_value)
{
    while (*at < m->cap) {
        const ov_map_slot *slot = &m->slots[(*at)++];
        if (!is_live(slot)) continue;
        *ret_key = slot_key(slot);
        *ret_value = slot->value;
        return true;
    }
    return false;
}
