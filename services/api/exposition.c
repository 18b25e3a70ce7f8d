/* Joins the series of all agents, so that each family stands in one piece as the format wants it. */
#include "services/api/exposition.h"

#include "metrics/metrics.h"

#include "base/poison.h"

enum { TEXT_BYTES_MAX = 1 << 30 };

#define HEARTBEAT_NAME "opvic_controlplane_agent_last_heartbeat"
#define HEARTBEAT_HELP "Last time the agent was seen"
#define BUDGET_NAME "opvic_provider_github_rate_limit_remaining"
#define BUDGET_HELP "The number of requests remaining in the current rate limit window."

#define SOURCE_NAME VIEW_SOURCE_NAME
#define SOURCE_HELP "Whether the last look at a source brought its lists; outcome says why not"

static void sources_write(const view *v, ov_buf *out)
{
    ov_str lines = shared_text_of(v->sources);
    if (!lines.len) return;
    ov_exposition_family(out, SOURCE_NAME, OV_METRIC_GAUGE, SOURCE_HELP);
    ov_buf_append_str(out, lines);
}

static void budget_write(const view *v, ov_buf *out)
{
    if (v->github_remaining < 0) return;
    ov_exposition_family(out, BUDGET_NAME, OV_METRIC_GAUGE, BUDGET_HELP);
    ov_buf_append_c(out, BUDGET_NAME " ");
    ov_exposition_number(out, (double)v->github_remaining);
    ov_buf_append_char(out, '\n');
}

static void family_write(block_family family, size_t lines, ov_buf *out)
{
    ov_buf_reset(out);
    if (!lines && block_is_optional(family)) return;
    ov_exposition_family(out, block_family_names[family], OV_METRIC_GAUGE, block_family_helps[family]);
}

static void lines_count(const view *v, size_t lines[BLOCK_FAMILIES])
{
    memset(lines, 0, BLOCK_FAMILIES * sizeof lines[0]);
    for (size_t i = 0; i < v->count; i++) {
        for (unsigned f = 0; f < BLOCK_FAMILIES; f++) lines[f] += v->blocks[i]->cards->lines[f];
    }
}

/* Where the next line of each family goes, and what its lines begin with. */
typedef struct {
    ov_str *next[BLOCK_FAMILIES];
    block_words words[BLOCK_FAMILIES];
} lanes;

/* Lays out the families one after the other, each behind its heading, as long as the view's lines make them. */
static void lanes_open(reply *r, const view *v, lanes *l)
{
    OV_CLEANUP(ov_buf_clear) ov_buf text = OV_BUF(TEXT_BYTES_MAX);
    size_t lines[BLOCK_FAMILIES], lengths[BLOCK_FAMILIES], total = 0;
    lines_count(v, lines);
    for (unsigned f = 0; f < BLOCK_FAMILIES; f++) {
        lengths[f] = 1 + lines[f] * block_line_pieces((block_family)f);
        total += lengths[f];
    }
    ov_str *at = reply_extend(r, total);
    for (unsigned f = 0; f < BLOCK_FAMILIES; f++) {
        family_write((block_family)f, lines[f], &text);
        block_words_init(&l->words[f], (block_family)f, &r->arena);
        l->next[f] = at + 1;
        *at = ov_json_arena_copy(&r->arena, ov_buf_str(&text));
        at += lengths[f];
    }
}

/* One walk over the cards fills all families: they are many and lie apart in memory. */
static void lanes_fill(const block_cards *cards, lanes *l)
{
    for (size_t i = 0; i < cards->count; i++) {
        const card *c = cards->items[i];
        for (size_t j = 0; j < c->line_count; j++) {
            const card_version *cv = &c->versions[j];
            for (unsigned f = 0; f < BLOCK_FAMILIES; f++) {
                if (block_has_line(cv, (block_family)f))
                    l->next[f] = block_line(cv, (block_family)f, &l->words[f], l->next[f]);
            }
        }
    }
}

reply *exposition_plain(view *v, ov_str own)
{
    OV_CLEANUP(ov_buf_clear) ov_buf text = OV_BUF(TEXT_BYTES_MAX);
    reply *r = reply_new(v);
    lanes l;
    ov_exposition_family(&text, HEARTBEAT_NAME, OV_METRIC_GAUGE, HEARTBEAT_HELP);
    reply_add_copy(r, ov_buf_str(&text));
    for (size_t i = 0; i < v->count; i++) reply_add(r, v->blocks[i]->heartbeat);
    lanes_open(r, v, &l);
    for (size_t i = 0; i < v->count; i++) lanes_fill(v->blocks[i]->cards, &l);
    ov_buf_reset(&text);
    sources_write(v, &text);
    budget_write(v, &text);
    ov_buf_append_str(&text, own);
    reply_add_copy(r, ov_buf_str(&text));
    return r;
}

/* A gzip member under way. */
typedef struct {
    reply *reply;
    uint32_t crc;
    uint64_t len;
} member;

static void member_add(member *m, const ov_deflate_fragment *f)
{
    if (!f->text_len) return;
    m->crc = ov_gzip_crc_join(m->crc, f);
    m->len += f->text_len;
    reply_add(m->reply, ov_buf_str(&f->bytes));
}

static void member_add_text(member *m, ov_str text)
{
    if (!text.len) return;
    ov_deflate_fragment f = {0};
    ov_deflate_fragment_make(text, &f);
    m->crc = ov_gzip_crc_join(m->crc, &f);
    m->len += f.text_len;
    reply_add_copy(m->reply, ov_buf_str(&f.bytes));
    ov_deflate_fragment_clear(&f);
}

static void heartbeats_write(const view *v, ov_buf *out)
{
    ov_exposition_family(out, HEARTBEAT_NAME, OV_METRIC_GAUGE, HEARTBEAT_HELP);
    for (size_t i = 0; i < v->count; i++) ov_buf_append_str(out, v->blocks[i]->heartbeat);
}

reply *exposition_gzip(view *v, ov_str own)
{
    OV_CLEANUP(ov_buf_clear) ov_buf text = OV_BUF(TEXT_BYTES_MAX);
    member m = {.reply = reply_new(v)};
    reply_add(m.reply, (ov_str){(const char *)ov_gzip_header, sizeof ov_gzip_header});
    size_t lines[BLOCK_FAMILIES];
    lines_count(v, lines);
    heartbeats_write(v, &text);
    member_add_text(&m, ov_buf_str(&text));
    for (unsigned family = 0; family < BLOCK_FAMILIES; family++) {
        family_write((block_family)family, lines[family], &text);
        member_add_text(&m, ov_buf_str(&text));
        for (size_t i = 0; i < v->count; i++)
            member_add(&m, block_cards_gzip(v->blocks[i]->cards, (block_family)family));
    }
    ov_buf_reset(&text);
    sources_write(v, &text);
    budget_write(v, &text);
    ov_buf_append_str(&text, own);
    member_add_text(&m, ov_buf_str(&text));
    unsigned char trailer[OV_GZIP_TRAILER];
    ov_gzip_trailer(m.crc, m.len, trailer);
    reply_add_copy(m.reply, (ov_str){(const char *)trailer, sizeof trailer});
    return m.reply;
}
