/* Block: one agent as answers see it: who it is, and its cards in the order of their ids. */
#ifndef OPVIC_API_BLOCK_H
#define OPVIC_API_BLOCK_H

#include "deflate/deflate.h"
#include "services/api/card.h"

/* Families that have series of every agent, in the order in which they are exposed. */
typedef enum {
    FAMILY_MAJOR,
    FAMILY_MINOR,
    FAMILY_PATCH,
    FAMILY_COUNT,
    FAMILY_STATE,
    FAMILY_END, /* these two are exposed only where a tracker names a product */
    FAMILY_END_TIME,
    BLOCK_FAMILIES
} block_family;
extern const char *const block_family_names[BLOCK_FAMILIES]; /* metric names */
extern const char *const block_family_helps[BLOCK_FAMILIES];

typedef struct {
    ov_deflate_fragment families[BLOCK_FAMILIES];
} block_gzip;

/* The cards of an agent: immutable but for the compressed series, which are made when first asked for. */
typedef struct {
    atomic_uint refs;
    _Atomic(block_gzip *) gzip;
    size_t lines[BLOCK_FAMILIES]; /* series of each family */
    size_t count;
    card *items[];
} block_cards;

/* Takes over the references in items. */
block_cards *block_cards_new(card *const *items, size_t count);
void block_cards_unref(block_cards *c); /* NULL is fine */
const card *block_cards_find(const block_cards *c, ov_str id);
/* The series of one family, joined and deflated; lives as long as the cards. Any thread. */
const ov_deflate_fragment *block_cards_gzip(block_cards *c, block_family family);

/* What lines of a family are made of besides their cards' texts. */
typedef struct {
    ov_str name;
    ov_str states[STATE_VALUES]; /* of FAMILY_STATE: ,state="behind"} 1\n */
} block_words;
/* Copies live in the arena. */
void block_words_init(block_words *w, block_family family, ov_json_arena *arena);

static inline bool block_is_optional(block_family family)
{
    return family == FAMILY_END || family == FAMILY_END_TIME;
}

/* Pieces of a line: the family's name, the labels, and the rest, which for counts and ends follows in memory. */
static inline size_t block_line_pieces(block_family family)
{
    return family == FAMILY_COUNT || block_is_optional(family) ? 2 : 3;
}

static inline bool block_has_line(const card_version *v, block_family family)
{
    if (family == FAMILY_STATE) return v->has_state;
    if (family == FAMILY_END) return v->end_flag > 0;
    if (family == FAMILY_END_TIME) return v->end.len > v->end_flag;
    return family == FAMILY_COUNT ? v->has_count : v->has_gap;
}

/* Writes one line's pieces to out; returns behind them. */
static inline ov_str *block_line(const card_version *v, block_family family, const block_words *w, ov_str *out)
{
    *out++ = w->name;
    if (family == FAMILY_COUNT) {
        *out++ = (ov_str){v->labels.ptr, v->labels.len + v->count.len};
    } else if (family == FAMILY_STATE) {
        *out++ = (ov_str){v->labels.ptr, v->state_labels};
        *out++ = w->states[v->state];
    } else if (family == FAMILY_END) {
        *out++ = (ov_str){v->end.ptr, v->end_flag};
    } else if (family == FAMILY_END_TIME) {
        *out++ = (ov_str){v->end.ptr + v->end_flag, v->end.len - v->end_flag};
    } else {
        *out++ = v->labels;
        *out++ = v->tail->series[family];
    }
    return out;
}

/* Who an agent is. Views are copied. */
typedef struct {
    ov_str id;
    ov_str tags; /* raw JSON object; empty when unknown */
    bool listed; /* GET /agents shows it */
    int64_t heartbeat_s;
    ov_str wanted; /* raw JSON array; empty when unknown */
    bool inventory_wanted;
    int64_t report_period_ms;
} block_agent;

/* Immutable and shared by threads. */
typedef struct {
    atomic_uint refs;
    block_cards *cards;
    bool listed;
    ov_str id;
    ov_str listing;   /* {"id":...,"tags":{...},"lastHeartbeat":N} */
    ov_str heartbeat; /* the series of agent_last_heartbeat */
    ov_str ask;       /* answer to POST /agents/:id/heartbeat */
    char bytes[];
} block;

/* Takes a reference of cards. */
block *block_new(const block_agent *agent, block_cards *cards);
block *block_ref(block *b);
void block_unref(block *b); /* NULL is fine */
/* The answer for an agent that is not known yet. */
void block_ask_unknown(ov_buf *out);

#endif
