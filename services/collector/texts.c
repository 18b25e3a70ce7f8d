/* A table of counted texts: a power-of-two hash table of numbers beside the array that they index. */
#include "services/collector/texts.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"

#include "base/poison.h"

enum { SLOTS_FIRST = 16 };

typedef struct {
    uint32_t references, hash, len;
    char bytes[]; /* terminated */
} counted_text;

struct text_item {
    union {
        counted_text *text;
        uint32_t next_free;
    };
};

static ov_str text_of(const counted_text *c)
{
    return (ov_str){c->bytes, c->len};
}

static counted_text *text_at(const texts *t, uint32_t number)
{
    return t->items[number - 1].text;
}

static size_t next_slot(const texts *t, size_t at)
{
    return (at + 1) & (t->slot_count - 1);
}

/* The slot that holds the text's number, or the empty one that ends the search. */
static size_t find_slot(const texts *t, ov_str text, uint32_t hash)
{
    for (size_t at = hash & (t->slot_count - 1);; at = next_slot(t, at)) {
        if (!t->slots[at]) return at;
        const counted_text *c = text_at(t, t->slots[at]);
        if (c->hash == hash && ov_str_eq(text_of(c), text)) return at;
    }
}

static void resize(texts *t, size_t slot_count)
{
    texts grown = *t;
    grown.slots = ov_calloc(slot_count, sizeof *grown.slots);
    grown.slot_count = slot_count;
    for (size_t i = 0; i < t->slot_count; i++) {
        if (!t->slots[i]) continue;
        size_t at = text_at(t, t->slots[i])->hash & (slot_count - 1);
        while (grown.slots[at]) at = next_slot(&grown, at);
        grown.slots[at] = t->slots[i];
    }
    free(t->slots);
    *t = grown;
}

void texts_clear(texts *t)
{
    for (size_t i = 0; i < t->slot_count; i++)
        if (t->slots[i]) free(text_at(t, t->slots[i]));
    free(t->slots);
    free(t->items);
    *t = (texts){0};
}

uint32_t texts_find(const texts *t, ov_str text)
{
    return t->kept == 0 ? 0 : t->slots[find_slot(t, text, (uint32_t)ov_str_hash(text))];
}

static uint32_t take_number(texts *t)
{
    uint32_t number = t->free;
    if (number) {
        t->free = t->items[number - 1].next_free;
        return number;
    }
    assert(t->count < UINT32_MAX);
    ov_grow(&t->items, &t->cap, t->count + 1, sizeof *t->items);
    return (uint32_t)++t->count;
}

static counted_text *make(ov_str text, uint32_t hash)
{
    assert(text.len < UINT32_MAX);
    counted_text *c = ov_alloc(sizeof *c + text.len + 1);
    c->references = 1;
    c->hash = hash;
    c->len = (uint32_t)text.len;
    if (text.len > 0) memcpy(c->bytes, text.ptr, text.len);
    c->bytes[text.len] = '\0';
    return c;
}

uint32_t texts_add(texts *t, ov_str text)
{
    uint32_t hash = (uint32_t)ov_str_hash(text);
    if ((t->kept + 1) * 4 > t->slot_count * 3) resize(t, t->slot_count ? t->slot_count * 2 : SLOTS_FIRST);
    size_t at = find_slot(t, text, hash);
    if (t->slots[at]) {
        texts_hold(t, t->slots[at]);
        return t->slots[at];
    }
    uint32_t number = take_number(t);
    t->items[number - 1].text = make(text, hash);
    t->slots[at] = number;
    t->kept++;
    return number;
}

void texts_hold(texts *t, uint32_t number)
{
    counted_text *c = text_at(t, number);
    assert(c->references < UINT32_MAX);
    c->references++;
}

/* Moves back what stands behind the emptied slot and would no longer be found. */
static void close_gap(texts *t, size_t gap)
{
    for (size_t at = next_slot(t, gap); t->slots[at]; at = next_slot(t, at)) {
        size_t home = text_at(t, t->slots[at])->hash & (t->slot_count - 1);
        size_t mask = t->slot_count - 1;
        if (((at - home) & mask) < ((at - gap) & mask)) continue;
        t->slots[gap] = t->slots[at];
        gap = at;
    }
    t->slots[gap] = 0;
}

void texts_drop(texts *t, uint32_t number)
{
    if (!number) return;
    counted_text *c = text_at(t, number);
    if (--c->references > 0) return;
    size_t at = c->hash & (t->slot_count - 1);
    while (t->slots[at] != number) at = next_slot(t, at);
    close_gap(t, at);
    free(c);
    t->items[number - 1].next_free = t->free;
    t->free = number;
    t->kept--;
}

ov_str texts_get(const texts *t, uint32_t number)
{
    return number ? text_of(text_at(t, number)) : (ov_str){0};
}
