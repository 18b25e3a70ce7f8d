/* Builds agents' blocks and compresses their series once. */
#include "services/api/block.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "metrics/metrics.h"
#include "proto/members.h"

#include "base/poison.h"

enum { BLOCK_BYTES_MAX = 1 << 30 };

#define FAMILY_PREFIX "opvic_controlplane_"

const char *const block_family_names[BLOCK_FAMILIES] = {
    [FAMILY_MAJOR] = FAMILY_PREFIX "major_versions_count",
    [FAMILY_MINOR] = FAMILY_PREFIX "minor_versions_count",
    [FAMILY_PATCH] = FAMILY_PREFIX "patch_versions_count",
    [FAMILY_COUNT] = FAMILY_PREFIX "version_resource_count",
    [FAMILY_STATE] = FAMILY_PREFIX "version_state",
    [FAMILY_END] = FAMILY_PREFIX "version_end_of_life",
    [FAMILY_END_TIME] = FAMILY_PREFIX "version_end_of_life_timestamp_seconds",
};
const char *const block_family_helps[BLOCK_FAMILIES] = {
    [FAMILY_MAJOR] = "Number of available major versions to upgrade to",
    [FAMILY_MINOR] = "Number of available minor versions to upgrade to",
    [FAMILY_PATCH] = "Number of available patch versions to upgrade to",
    [FAMILY_COUNT] = "Number of resources running with a specific version",
    [FAMILY_STATE] = "What is known about a running version; running_version is empty where a tracker has none",
    [FAMILY_END] = "Whether the release line of a running version is at its end of life",
    [FAMILY_END_TIME] = "From when the release line of a running version is at its end of life",
};

void block_words_init(block_words *w, block_family family, ov_json_arena *arena)
{
    w->name = ov_str_of(block_family_names[family]);
    for (unsigned i = 0; i < STATE_VALUES; i++) {
        const char *text = OV_FMT(",state=\"%s\"} 1\n", state_value_name((state_value)i));
        w->states[i] = ov_json_arena_copy(arena, ov_str_of(text));
    }
}

static void card_lines_count(const card *c, size_t lines[BLOCK_FAMILIES])
{
    for (size_t i = 0; i < c->line_count; i++) {
        for (unsigned family = 0; family < BLOCK_FAMILIES; family++)
            lines[family] += block_has_line(&c->versions[i], (block_family)family);
    }
}

block_cards *block_cards_new(card *const *items, size_t count)
{
    block_cards *c = ov_alloc(sizeof *c + count * sizeof(card *));
    atomic_init(&c->refs, 1);
    atomic_init(&c->gzip, NULL);
    c->count = count;
    memset(c->lines, 0, sizeof c->lines);
    for (size_t i = 0; i < count; i++) {
        c->items[i] = items[i];
        card_lines_count(items[i], c->lines);
    }
    return c;
}

static void gzip_free(block_gzip *g)
{
    if (!g) return;
    for (size_t i = 0; i < BLOCK_FAMILIES; i++) ov_deflate_fragment_clear(&g->families[i]);
    free(g);
}

void block_cards_unref(block_cards *c)
{
    if (!c || atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) != 1) return;
    for (size_t i = 0; i < c->count; i++) card_unref(c->items[i]);
    gzip_free(atomic_load(&c->gzip));
    free(c);
}

const card *block_cards_find(const block_cards *c, ov_str id)
{
    size_t low = 0, high = c->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = ov_str_cmp(c->items[middle]->id, id);
        if (order == 0) return c->items[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

static void lines_join(const block_cards *c, block_family family, ov_buf *out)
{
    OV_CLEANUP(ov_json_arena_clear) ov_json_arena arena = {0};
    ov_str pieces[3];
    block_words words;
    block_words_init(&words, family, &arena);
    for (size_t i = 0; i < c->count; i++) {
        for (size_t j = 0; j < c->items[i]->line_count; j++) {
            const card_version *v = &c->items[i]->versions[j];
            if (!block_has_line(v, family)) continue;
            const ov_str *end = block_line(v, family, &words, pieces);
            for (const ov_str *p = pieces; p < end; p++) ov_buf_append_str(out, *p);
        }
    }
}

static block_gzip *gzip_make(const block_cards *c)
{
    block_gzip *g = ov_zalloc(sizeof *g);
    OV_CLEANUP(ov_buf_clear) ov_buf text = OV_BUF(BLOCK_BYTES_MAX);
    for (unsigned family = 0; family < BLOCK_FAMILIES; family++) {
        ov_buf_reset(&text);
        lines_join(c, (block_family)family, &text);
        ov_deflate_fragment_make(ov_buf_str(&text), &g->families[family]);
    }
    return g;
}

const ov_deflate_fragment *block_cards_gzip(block_cards *c, block_family family)
{
    block_gzip *g = atomic_load_explicit(&c->gzip, memory_order_acquire);
    if (!g) {
        block_gzip *made = gzip_make(c);
        if (atomic_compare_exchange_strong(&c->gzip, &g, made))
            g = made;
        else
            gzip_free(made); /* another request was faster */
    }
    return &g->families[family];
}

/* Tags as JSON with every value a text, and as "k=v,k=v". */
static void tags_render(ov_str tags, ov_buf *json, ov_buf *label)
{
    OV_CLEANUP(ov_json_arena_clear) ov_json_arena arena = {0};
    ov_json_reader r;
    bool more = false, first = true;
    ov_str name;
    ov_json_writer w = ov_json_writer_on(json);
    ov_json_open_object(&w, NULL);
    ov_json_reader_init(&r, tags.len ? tags : OV_STR("{}"));
    ov_status st = ov_json_object_begin(&r, MEMBER_TAGS, NULL);
    while (st == OV_OK && (st = ov_json_object_next(&r, &more, &name, &arena, MEMBER_TAGS, NULL)) == OV_OK && more) {
        ov_json_reader value_at = r;
        ov_str value = OV_STR(""), raw;
        if (ov_json_string(&value_at, &value, &arena, MEMBER_TAGS, NULL) != OV_OK) value = OV_STR("");
        st = ov_json_skip(&r, &raw, NULL);
        ov_json_write_member(&w, name, value);
        if (!first) ov_buf_append_char(label, ',');
        first = false;
        ov_buf_append_str(label, name);
        ov_buf_append_char(label, '=');
        ov_buf_append_str(label, value);
    }
    ov_json_close_object(&w);
}

static void listing_write(const block_agent *a, ov_str tags, ov_buf *out)
{
    ov_json_writer w = ov_json_writer_on(out);
    ov_json_open_object(&w, NULL);
    ov_json_write_str(&w, MEMBER_ID, a->id);
    ov_json_write_raw(&w, MEMBER_TAGS, tags);
    ov_json_write_i64(&w, MEMBER_LAST_HEARTBEAT, a->heartbeat_s);
    ov_json_close_object(&w);
}

static void heartbeat_write(const block_agent *a, ov_str tags_label, ov_buf *out)
{
    if (!a->listed) return;
    ov_buf_append_c(out, FAMILY_PREFIX "agent_last_heartbeat{agent_id=\"");
    ov_exposition_escape(out, a->id);
    ov_buf_append_c(out, "\",tags=\"");
    ov_exposition_escape(out, tags_label);
    ov_buf_append_c(out, "\"} ");
    ov_exposition_number(out, (double)a->heartbeat_s);
    ov_buf_append_char(out, '\n');
}

static void ask_write(ov_str wanted, bool inventory_wanted, int64_t period_ms, ov_buf *out)
{
    char period[OV_WALL_TEXT];
    ov_duration_format(period_ms, period);
    ov_json_writer w = ov_json_writer_on(out);
    ov_json_open_object(&w, NULL);
    ov_json_write_c(&w, MEMBER_REPORT_PERIOD, period);
    ov_json_write_raw(&w, MEMBER_WANTED, wanted.len ? wanted : OV_STR("[]"));
    ov_json_write_bool(&w, MEMBER_INVENTORY_WANTED, inventory_wanted);
    ov_json_close_object(&w);
}

void block_ask_unknown(ov_buf *out)
{
    ask_write(OV_STR(""), false, 0, out);
}

block *block_new(const block_agent *agent, block_cards *cards)
{
    OV_CLEANUP(ov_buf_clear) ov_buf text = OV_BUF(BLOCK_BYTES_MAX), tags = OV_BUF(BLOCK_BYTES_MAX);
    OV_CLEANUP(ov_buf_clear) ov_buf label = OV_BUF(BLOCK_BYTES_MAX);
    tags_render(agent->tags, &tags, &label);
    ov_buf_append_str(&text, agent->id);
    listing_write(agent, ov_buf_str(&tags), &text);
    size_t listing_end = text.len;
    heartbeat_write(agent, ov_buf_str(&label), &text);
    size_t heartbeat_end = text.len;
    ask_write(agent->wanted, agent->inventory_wanted, agent->report_period_ms, &text);
    block *b = ov_alloc(sizeof *b + text.len);
    memcpy(b->bytes, text.ptr, text.len);
    ov_str all = {b->bytes, text.len};
    atomic_init(&b->refs, 1);
    atomic_fetch_add_explicit(&cards->refs, 1, memory_order_relaxed);
    b->cards = cards;
    b->listed = agent->listed;
    b->id = ov_str_sub(all, 0, agent->id.len);
    b->listing = ov_str_sub(all, agent->id.len, listing_end);
    b->heartbeat = ov_str_sub(all, listing_end, heartbeat_end);
    b->ask = ov_str_sub(all, heartbeat_end, text.len);
    return b;
}

block *block_ref(block *b)
{
    atomic_fetch_add_explicit(&b->refs, 1, memory_order_relaxed);
    return b;
}

void block_unref(block *b)
{
    if (!b || atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel) != 1) return;
    block_cards_unref(b->cards);
    free(b);
}
