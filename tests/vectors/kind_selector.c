/* selector: {selector, labels, ok, string, match}; selector may be null. */
#include "json/fields.h"
#include "kinds.h"
#include "services/collector/extract/selector.h"
#include "base/poison.h"

enum { STRING_MAX = 64 * 1024 };

typedef struct {
    ov_str selector, labels, string;
    bool ok, match;
} selector_row;

static const ov_field fields[] = {
    {"selector", OV_FIELD_RAW, false, offsetof(selector_row, selector)},
    {"labels", OV_FIELD_RAW, false, offsetof(selector_row, labels)},
    {"ok", OV_FIELD_BOOL, true, offsetof(selector_row, ok)},
    {"string", OV_FIELD_STRING, false, offsetof(selector_row, string)},
    {"match", OV_FIELD_BOOL, false, offsetof(selector_row, match)},
};

static bool same_string(const selector *s, ov_str want, ov_err *why)
{
    ov_buf got = OV_BUF(STRING_MAX);
    selector_write(s, &got);
    bool same = ov_str_eq(ov_buf_str(&got), want);
    if (!same) ov_fail(why, OV_INVALID, "string: got \"%.*s\"", OV_STR_ARG(ov_buf_str(&got)));
    ov_buf_clear(&got);
    return same;
}

bool kind_selector(ov_str row, ov_err *why)
{
    OV_CLEANUP(ov_json_arena_clear) ov_json_arena arena = {0};
    OV_CLEANUP(ov_json_tree_p) cJSON *json = NULL;
    OV_CLEANUP(ov_json_tree_p) cJSON *labels = NULL;
    OV_CLEANUP(selector_free_p) selector *s = NULL;
    selector_row r = {0};
    if (ov_json_fields_of(row, fields, OV_COUNT(fields), &r, &arena, "row", why) != OV_OK) return false;
    if (r.selector.len > 0 && ov_json_tree(r.selector, &json, why) != OV_OK) return false;
    if (r.labels.len > 0 && ov_json_tree(r.labels, &labels, why) != OV_OK) return false;
    bool ok = selector_parse(json, &s, why) == OV_OK;
    if (ok != r.ok) {
        if (ok) ov_fail(why, OV_INVALID, "ok: got true");
        return false;
    }
    if (!ok) return true;
    if (!same_string(s, r.string, why)) return false;
    if (selector_matches(s, labels) == r.match) return true;
    ov_fail(why, OV_INVALID, "match: got %s", r.match ? "false" : "true");
    return false;
}
