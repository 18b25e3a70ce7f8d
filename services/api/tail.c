/* Renders verdicts once for all entries that refer to them. */
#include "services/api/tail.h"

#include <stdlib.h>

#include "base/mem.h"
#include "metrics/metrics.h"
#include "proto/members.h"

#include "base/poison.h"

enum { TAIL_BYTES_MAX = 64 * 1024 * 1024 };

static const char *const series_labels[TAIL_SERIES] = {
    ",available_major_versions=\"",
    ",available_minor_versions=\"",
    ",available_patch_versions=\"",
};

typedef struct {
    ov_str latest;
    ov_str lists[TAIL_SERIES];
} gap_lists;

static const ov_field gap_fields[] = {
    {MEMBER_LATEST_VERSION, OV_FIELD_STRING, true, offsetof(gap_lists, latest)},
    {MEMBER_AVAILABLE_MAJORS, OV_FIELD_ARRAY, true, offsetof(gap_lists, lists[0])},
    {MEMBER_AVAILABLE_MINORS, OV_FIELD_ARRAY, true, offsetof(gap_lists, lists[1])},
    {MEMBER_AVAILABLE_PATCHES, OV_FIELD_ARRAY, true, offsetof(gap_lists, lists[2])},
};

/* Whole versions as long as they fit, then the mark; the count is that of all. */
static ov_status series_write(ov_str list, const char *label, ov_buf *out, ov_err *err)
{
    OV_CLEANUP(ov_json_arena_clear) ov_json_arena arena = {0};
    OV_CLEANUP(ov_free_p) ov_str *versions = NULL;
    size_t count = 0, used = 0;
    ov_status st = strings_decode(list, SIZE_MAX, &versions, &count, &arena, "verdict: " MEMBER_GAP, err);
    if (st != OV_OK) return st;
    ov_buf_append_c(out, label);
    for (size_t i = 0; i < count; i++) {
        if (i) ov_buf_append_char(out, ',');
        used += versions[i].len + 1;
        if (used > TAIL_LABEL_BYTES_MAX) {
            ov_buf_append_c(out, TAIL_LABEL_CUT);
            break;
        }
        ov_exposition_escape(out, versions[i]);
    }
    ov_buf_append_c(out, "\"} ");
    ov_exposition_number(out, (double)count);
    ov_buf_append_char(out, '\n');
    return OV_OK;
}

/* Lays the rendered texts behind the struct. ends are their offsets' ends in text, in the order latest, gap, series. */
static tail *tail_new(state_value state, ov_str text, const size_t ends[2 + TAIL_SERIES])
{
    tail *t = ov_alloc(sizeof *t + text.len);
    atomic_init(&t->refs, 1);
    t->state = state;
    if (text.len) memcpy(t->bytes, text.ptr, text.len);
    ov_str all = {t->bytes, text.len};
    t->latest = ov_str_sub(all, 0, ends[0]);
    t->gap = ov_str_sub(all, ends[0], ends[1]);
    for (size_t i = 0; i < TAIL_SERIES; i++) t->series[i] = ov_str_sub(all, ends[1 + i], ends[2 + i]);
    t->missing = ov_str_eq(t->latest, OV_STR(TAIL_MISSING));
    return t;
}

ov_status tail_of_verdict(const verdict_doc *d, tail **ret, ov_err *err)
{
    OV_CLEANUP(ov_json_arena_clear) ov_json_arena arena = {0};
    OV_CLEANUP(ov_buf_clear) ov_buf text = OV_BUF(TAIL_BYTES_MAX);
    gap_lists g = {0};
    size_t ends[2 + TAIL_SERIES];
    ov_status st = ov_json_fields_of(d->gap, gap_fields, OV_COUNT(gap_fields), &g, &arena, "verdict: " MEMBER_GAP, err);
    if (st != OV_OK) return st;
    ov_buf_append_str(&text, g.latest);
    ends[0] = text.len;
    ov_buf_append_str(&text, ov_str_sub(d->gap, 1, d->gap.len));
    ends[1] = text.len;
    for (size_t i = 0; st == OV_OK && i < TAIL_SERIES; i++) {
        st = series_write(g.lists[i], series_labels[i], &text, err);
        ends[2 + i] = text.len;
    }
    if (st == OV_OK) st = ov_buf_finish(&text, "verdict", err);
    if (st == OV_OK) *ret = tail_new(d->state, ov_buf_str(&text), ends);
    return st;
}

static void gap_write(ov_buf *out, state_value state, ov_str reason, ov_str latest)
{
    static const char *const lists[] = {MEMBER_AVAILABLE_VERSIONS, MEMBER_AVAILABLE_MAJORS, MEMBER_AVAILABLE_MINORS,
                                        MEMBER_AVAILABLE_PATCHES};
    static const char *const flags[] = {MEMBER_MAJOR_AVAILABLE, MEMBER_MINOR_AVAILABLE, MEMBER_PATCH_AVAILABLE};
    ov_json_writer w = ov_json_writer_on(out);
    ov_json_open_object(&w, NULL);
    ov_json_write_str(&w, MEMBER_LATEST_VERSION, latest);
    for (size_t i = 0; i < OV_COUNT(lists); i++) ov_json_write_raw(&w, lists[i], OV_STR("[]"));
    for (size_t i = 0; i < OV_COUNT(flags); i++) ov_json_write_bool(&w, flags[i], false);
    ov_json_write_c(&w, MEMBER_STATE, state_value_name(state));
    member_write_str(&w, MEMBER_REASON, reason);
    ov_json_close_object(&w);
}

tail *tail_plain(state_value state, ov_str reason, ov_str latest)
{
    OV_CLEANUP(ov_buf_clear) ov_buf text = OV_BUF(TAIL_BYTES_MAX), gap = OV_BUF(TAIL_BYTES_MAX);
    size_t ends[2 + TAIL_SERIES];
    gap_write(&gap, state, reason, latest);
    ov_buf_append_str(&text, latest);
    ends[0] = text.len;
    ov_buf_append_str(&text, ov_str_sub(ov_buf_str(&gap), 1, gap.len));
    for (size_t i = 1; i < OV_COUNT(ends); i++) ends[i] = text.len;
    return tail_new(state, ov_buf_str(&text), ends);
}

tail *tail_ref(tail *t)
{
    atomic_fetch_add_explicit(&t->refs, 1, memory_order_relaxed);
    return t;
}

void tail_unref(tail *t)
{
    if (t && atomic_fetch_sub_explicit(&t->refs, 1, memory_order_acq_rel) == 1) free(t);
}
