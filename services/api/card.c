/* Renders an entry: its gap's head and items, its labels, and which series it has. */
#include "services/api/card.h"

#include <stdlib.h>

#include "base/map.h"
#include "base/mem.h"
#include "metrics/metrics.h"
#include "proto/end_of_life.h"
#include "proto/members.h"
#include "version/version.h"

#include "base/poison.h"

enum { CARD_BYTES_MAX = 64 * 1024 * 1024 };

/* One version while its card is made: where its texts end in the scratch buffer, and its part of a merged series. */
typedef struct {
    size_t item_end, state_end, labels_end, count_end, flag_end, end_end;
    ov_str canonical; /* as the labels spell it */
    int64_t resources;
    state_value state;
    bool parsed, has_count, has_gap, has_state;
} draft;

typedef struct {
    const entry_doc *entry;
    const report *report;
    tail *const *tails;
    bool pending;
    ov_json_arena arena;
    draft *drafts; /* one a version, one at least */
    size_t draft_count;
    ov_buf text;
    ov_map ends; /* label sets that have a series of their end of life */
} sketch;

static void sketch_clear(sketch *s)
{
    ov_json_arena_clear(&s->arena);
    ov_buf_clear(&s->text);
    ov_map_clear(&s->ends);
    free(s->drafts);
}

static void versions_parse(sketch *s)
{
    for (size_t i = 0; i < s->report->version_count; i++) {
        OV_CLEANUP(ov_version_free_p) ov_version *v = NULL;
        draft *d = &s->drafts[i];
        ov_str running = s->report->versions[i].running_version;
        d->parsed = ov_version_parse(running, &v, NULL) == OV_OK;
        d->canonical = d->parsed ? ov_json_arena_copy(&s->arena, v->canonical) : running;
        d->resources = s->report->versions[i].resource_count;
        d->state = s->tails[i]->state;
        d->has_count = d->has_state = true;
        d->has_gap = d->parsed && !s->tails[i]->missing;
    }
}

static void label_write(ov_buf *out, const char *name, ov_str value)
{
    ov_buf_append_c(out, name);
    ov_exposition_escape(out, value);
    ov_buf_append_char(out, '"');
}

/* The state's series has these alone, and the state. */
static void state_labels_write(const sketch *s, size_t i, ov_buf *out)
{
    label_write(out, "{version_id=\"", s->entry->id);
    label_write(out, ",agent_id=\"", s->entry->agent_id);
    label_write(out, ",running_version=\"", s->drafts[i].canonical);
}

static void more_labels_write(const sketch *s, size_t i, ov_buf *out)
{
    label_write(out, ",resource_kind=\"", s->report->versions[i].resource_kind);
    label_write(out, ",remote_provider=\"", s->report->remote.provider);
    label_write(out, ",remote_repo=\"", s->report->remote.repo);
}

static void count_labels_write(const sketch *s, size_t i, ov_buf *out)
{
    label_write(out, ",extracted_from=\"", s->report->versions[i].extracted_from);
    label_write(out, ",latest_version=\"", s->tails[i]->latest);
}

/* Keeps the first of equal labels; NULL for that. */
static draft *first_of(ov_map *seen, const ov_buf *labels, draft *d)
{
    draft *first = ov_map_get(seen, ov_buf_str(labels));
    if (!first) ov_map_put(seen, ov_buf_str(labels), d);
    return first;
}

/* Finds series with equal labels: the first keeps the sum of the counts, the one gap and the one state. */
static void series_merge(sketch *s)
{
    OV_CLEANUP(ov_map_clear) ov_map states = {0}, gaps = {0}, counts = {0};
    OV_CLEANUP(ov_buf_clear) ov_buf labels = OV_BUF(CARD_BYTES_MAX);
    size_t n = s->report->version_count;
    for (size_t i = 0; n > 1 && i < n; i++) {
        draft *d = &s->drafts[i];
        ov_buf_reset(&labels);
        state_labels_write(s, i, &labels);
        size_t state_end = labels.len;
        ov_buf_append_char(&labels, (char)('a' + d->state));
        d->has_state = !first_of(&states, &labels, d);
        labels.len = state_end;
        more_labels_write(s, i, &labels);
        if (d->has_gap) d->has_gap = !first_of(&gaps, &labels, d);
        count_labels_write(s, i, &labels);
        draft *first = first_of(&counts, &labels, d);
        if (!first) continue;
        d->has_count = false;
        if (__builtin_add_overflow(first->resources, d->resources, &first->resources)) first->resources = INT64_MAX;
    }
}

static void head_write(sketch *s)
{
    const entry_doc *e = s->entry;
    const report *r = s->report;
    bool pending = s->pending;
    ov_json_writer w = ov_json_writer_on(&s->text);
    ov_json_open_object(&w, NULL);
    ov_json_write_str(&w, MEMBER_ID, e->id);
    ov_json_write_str(&w, MEMBER_AGENT_ID, e->agent_id);
    ov_json_write_i64(&w, MEMBER_RESOURCE_COUNT, r->count);
    ov_json_write_raw(&w, MEMBER_RUNNING_VERSIONS, r->uniq_versions);
    ov_json_write_str(&w, MEMBER_LATEST_VERSION, pending ? OV_STR(TAIL_MISSING) : e->latest);
    ov_json_write_str(&w, MEMBER_REMOTE_PROVIDER, r->remote.provider);
    ov_json_write_str(&w, MEMBER_REMOTE_REPO, r->remote.repo);
    ov_json_write_c(&w, MEMBER_STATE, state_value_name(pending ? STATE_PENDING : e->state));
    if (!pending) member_write_str(&w, MEMBER_REASON, e->reason);
    ov_buf_append_c(&s->text, ",\"" MEMBER_VERSIONS "\":[");
}

static void item_write(sketch *s, size_t i)
{
    const report_version *v = &s->report->versions[i];
    if (i) ov_buf_append_char(&s->text, ',');
    ov_json_writer w = ov_json_writer_on(&s->text);
    ov_json_open_object(&w, NULL);
    ov_json_write_str(&w, MEMBER_CURRENT_VERSION, s->drafts[i].canonical);
    ov_json_write_i64(&w, MEMBER_RESOURCE_COUNT, v->resource_count);
    ov_json_write_str(&w, MEMBER_RESOURCE_KIND, v->resource_kind);
    ov_json_write_str(&w, MEMBER_EXTRACTED_FROM, v->extracted_from);
    member_write_raw(&w, MEMBER_END_OF_LIFE, s->entry->versions[i].end_of_life);
    ov_buf_append_char(&s->text, ',');
}

static void end_line_write(sketch *s, size_t i, const end_of_life *e, double value)
{
    state_labels_write(s, i, &s->text);
    label_write(&s->text, ",product=\"", e->product);
    label_write(&s->text, ",cycle=\"", e->cycle);
    ov_buf_append_c(&s->text, "} ");
    ov_exposition_number(&s->text, value);
    ov_buf_append_char(&s->text, '\n');
}

/* The series of what is known; of spellings of one version in one cycle the first has them. */
static void end_write(sketch *s, size_t i)
{
    OV_CLEANUP(end_of_life_clear) end_of_life e = {0};
    draft *d = &s->drafts[i];
    size_t from = d->flag_end = d->end_end = s->text.len;
    ov_str raw = s->entry->versions[i].end_of_life;
    if (!raw.len || end_of_life_decode(raw, &e, NULL) != OV_OK || !e.cycle.len) return;
    end_line_write(s, i, &e, e.reached ? 1 : 0);
    if (s->text.failed) return;
    if (ov_map_put(&s->ends, ov_str_sub(ov_buf_str(&s->text), from, s->text.len), d)) {
        s->text.len = from;
        return;
    }
    d->flag_end = s->text.len;
    if (e.date_s) end_line_write(s, i, &e, (double)e.date_s);
    d->end_end = s->text.len;
}

static void version_write(sketch *s, size_t i)
{
    draft *d = &s->drafts[i];
    item_write(s, i);
    d->item_end = s->text.len;
    state_labels_write(s, i, &s->text);
    d->state_end = s->text.len;
    more_labels_write(s, i, &s->text);
    d->labels_end = s->text.len;
    count_labels_write(s, i, &s->text);
    ov_buf_append_c(&s->text, "} ");
    ov_exposition_number(&s->text, (double)d->resources);
    ov_buf_append_char(&s->text, '\n');
    d->count_end = s->text.len;
    end_write(s, i);
}

/* An entry without versions has its state alone. */
static void bare_write(sketch *s)
{
    draft *d = &s->drafts[0];
    d->state = s->pending ? STATE_PENDING : s->entry->state;
    d->has_state = true;
    d->item_end = s->text.len;
    state_labels_write(s, 0, &s->text);
    d->state_end = d->labels_end = d->count_end = d->flag_end = d->end_end = s->text.len;
}

/* The card with its texts in one block of memory. */
static card *card_lay(const sketch *s, shared_text *document, size_t head_end)
{
    size_t versions = s->report->version_count, n = s->draft_count, table = sizeof(card) + n * sizeof(card_version);
    size_t key_from = sizeof "{\"" MEMBER_ID "\":" - 1;
    card *c = ov_alloc(table + s->text.len + s->entry->id.len);
    char *bytes = (char *)c + table;
    memcpy(bytes, s->text.ptr, s->text.len);
    memcpy(bytes + s->text.len, s->entry->id.ptr, s->entry->id.len);
    ov_str all = {bytes, s->text.len};
    *c = (card){.document = shared_text_ref(document),
                .head = ov_str_sub(all, 0, head_end),
                .version_count = versions,
                .line_count = n};
    atomic_init(&c->refs, 1);
    c->id = (ov_str){bytes + s->text.len, s->entry->id.len};
    c->report = s->report->version; /* lies in the document, which the card holds */
    size_t from = head_end;
    for (size_t i = 0; i < n; i++) {
        const draft *d = &s->drafts[i];
        c->versions[i] = (card_version){.item = ov_str_sub(all, from, d->item_end),
                                        .labels = ov_str_sub(all, d->item_end, d->labels_end),
                                        .count = ov_str_sub(all, d->labels_end, d->count_end),
                                        .end = ov_str_sub(all, d->count_end, d->end_end),
                                        .end_flag = (uint32_t)(d->flag_end - d->count_end),
                                        .tail = i < versions ? tail_ref(s->tails[i]) : NULL,
                                        .state_labels = (uint32_t)(d->state_end - d->item_end),
                                        .state = (uint8_t)d->state,
                                        .has_count = d->has_count,
                                        .has_gap = d->has_gap,
                                        .has_state = d->has_state};
        from = d->end_end;
    }
    OV_CLEANUP(ov_buf_clear) ov_buf key = OV_BUF(CARD_BYTES_MAX);
    ov_json_quote(&key, s->entry->id);
    c->key = ov_str_sub(c->head, key_from, key_from + key.len);
    return c;
}

ov_status card_new(const entry_doc *d, shared_text *document, tail *const *tails, bool pending, card **ret, ov_err *err)
{
    OV_CLEANUP(report_clear) report r = {0};
    ov_status st = report_decode_version(d->report, &r, err);
    if (st != OV_OK) return st;
    if (r.version_count != d->version_count)
        return ov_fail(err, OV_INVALID, "entry: " MEMBER_VERSIONS ": expected %zu items", r.version_count);
    if (!ov_str_eq(r.id, d->id)) return ov_fail(err, OV_INVALID, "entry: " MEMBER_ID ": not the report's");
    OV_CLEANUP(sketch_clear)
    sketch s = {.entry = d, .report = &r, .tails = tails, .pending = pending, .text = OV_BUF(CARD_BYTES_MAX)};
    s.draft_count = r.version_count ? r.version_count : 1;
    s.drafts = ov_calloc(s.draft_count, sizeof *s.drafts);
    versions_parse(&s);
    series_merge(&s);
    head_write(&s);
    size_t head_end = s.text.len;
    for (size_t i = 0; i < r.version_count; i++) version_write(&s, i);
    if (!r.version_count) bare_write(&s);
    st = ov_buf_finish(&s.text, "entry", err);
    if (st == OV_OK) *ret = card_lay(&s, document, head_end);
    return st;
}

card *card_ref(card *c)
{
    atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
    return c;
}

void card_unref(card *c)
{
    if (!c || atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) != 1) return;
    for (size_t i = 0; i < c->version_count; i++) tail_unref(c->versions[i].tail);
    shared_text_unref(c->document);
    free(c);
}
