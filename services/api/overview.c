/* Turns agents with their trackers into trackers with their agents. */
#include <stdlib.h>

#include "base/map.h"
#include "base/mem.h"
#include "services/api/answers.h"

#include "base/poison.h"

/* The cards of one tracker, in the order of their agents. */
typedef struct {
    ov_str id;
    const card **cards;
    size_t count, cap;
} column;

typedef struct {
    ov_map by_id;
    column **items;
    size_t count, cap;
} columns;

static void columns_clear(columns *c)
{
    for (size_t i = 0; i < c->count; i++) {
        free(c->items[i]->cards);
        free(c->items[i]);
    }
    free(c->items);
    ov_map_clear(&c->by_id);
}

static column *column_get(columns *c, ov_str id)
{
    column *found = ov_map_get(&c->by_id, id);
    if (found) return found;
    found = ov_zalloc(sizeof *found);
    found->id = id;
    ov_map_put(&c->by_id, id, found);
    ov_grow(&c->items, &c->cap, c->count + 1, sizeof *c->items);
    c->items[c->count++] = found;
    return found;
}

static int by_id(const void *a, const void *b)
{
    const column *const *left = a, *const *right = b;
    return ov_str_cmp((*left)->id, (*right)->id);
}

static void columns_collect(const view *v, columns *c)
{
    for (size_t i = 0; i < v->count; i++) {
        const block_cards *cards = v->blocks[i]->cards;
        for (size_t j = 0; j < cards->count; j++) {
            column *to = column_get(c, cards->items[j]->id);
            ov_grow(&to->cards, &to->cap, to->count + 1, sizeof *to->cards);
            to->cards[to->count++] = cards->items[j];
        }
    }
    if (c->count) qsort(c->items, c->count, sizeof *c->items, by_id);
}

static void column_add(reply *r, const column *c)
{
    REPLY_LITERAL(r, "{");
    reply_add(r, c->cards[0]->key);
    REPLY_LITERAL(r, ":[");
    for (size_t i = 0; i < c->count; i++) {
        if (i) REPLY_LITERAL(r, ",");
        answer_add_gap(r, c->cards[i]);
    }
    REPLY_LITERAL(r, "]}");
}

reply *answer_overview(view *v)
{
    OV_CLEANUP(columns_clear) columns c = {0};
    reply *r = reply_new(v);
    columns_collect(v, &c);
    REPLY_LITERAL(r, "[");
    for (size_t i = 0; i < c.count; i++) {
        if (i) REPLY_LITERAL(r, ",");
        column_add(r, c.items[i]);
    }
    REPLY_LITERAL(r, "]");
    return r;
}
