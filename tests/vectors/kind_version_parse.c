/* version_parse: {in, ok, canonical, segments, pre, meta}. */
#include "json/fields.h"
#include "kinds.h"
#include "version/version.h"
#include "base/poison.h"

typedef struct {
    ov_str in, canonical, segments, pre, meta;
    bool ok;
} parse_row;

static const ov_field fields[] = {
    {"in", OV_FIELD_STRING, true, offsetof(parse_row, in)},
    {"ok", OV_FIELD_BOOL, true, offsetof(parse_row, ok)},
    {"canonical", OV_FIELD_STRING, false, offsetof(parse_row, canonical)},
    {"segments", OV_FIELD_ARRAY, false, offsetof(parse_row, segments)},
    {"pre", OV_FIELD_STRING, false, offsetof(parse_row, pre)},
    {"meta", OV_FIELD_STRING, false, offsetof(parse_row, meta)},
};

static bool differs(ov_err *why, const char *what, ov_str got)
{
    ov_fail(why, OV_INVALID, "%s: got \"%.*s\"", what, OV_STR_ARG(got));
    return false;
}

static bool same_segments(const ov_version *v, ov_str want, ov_err *why)
{
    ov_buf got = OV_BUF(64 * 1024);
    for (uint32_t i = 0; i < v->segment_count; i++) {
        ov_buf_append_char(&got, i == 0 ? '[' : ',');
        ov_buf_append_i64(&got, v->segments[i]);
    }
    ov_buf_append_char(&got, ']');
    bool same = ov_str_eq(ov_buf_str(&got), want) || differs(why, "segments", ov_buf_str(&got));
    ov_buf_clear(&got);
    return same;
}

bool kind_version_parse(ov_str row, ov_err *why)
{
    OV_CLEANUP(ov_json_arena_clear) ov_json_arena arena = {0};
    OV_CLEANUP(ov_version_free_p) ov_version *v = NULL;
    parse_row r = {0};
    if (ov_json_fields_of(row, fields, OV_COUNT(fields), &r, &arena, "row", why) != OV_OK) return false;
    bool ok = ov_version_parse(r.in, &v, why) == OV_OK;
    if (ok != r.ok) return ok ? differs(why, "ok", v->canonical) : false;
    if (!ok) return true;
    if (!ov_str_eq(v->original, r.in)) return differs(why, "original", v->original);
    if (!ov_str_eq(v->canonical, r.canonical)) return differs(why, "canonical", v->canonical);
    if (!ov_str_eq(v->pre, r.pre)) return differs(why, "pre", v->pre);
    if (!ov_str_eq(v->meta, r.meta)) return differs(why, "meta", v->meta);
    return same_segments(v, r.segments, why);
}
