/* version_compare: {a, b, cmp}; the other way round must give the opposite. */
#include "json/fields.h"
#include "kinds.h"
#include "version/version.h"
#include "base/poison.h"

typedef struct {
    ov_str a, b;
    int64_t cmp;
} compare_row;

static const ov_field fields[] = {
    {"a", OV_FIELD_STRING, true, offsetof(compare_row, a)},
    {"b", OV_FIELD_STRING, true, offsetof(compare_row, b)},
    {"cmp", OV_FIELD_I64, true, offsetof(compare_row, cmp)},
};

static int sign(int n)
{
    return (n > 0) - (n < 0);
}

bool kind_version_compare(ov_str row, ov_err *why)
{
    OV_CLEANUP(ov_json_arena_clear) ov_json_arena arena = {0};
    OV_CLEANUP(ov_version_free_p) ov_version *a = NULL;
    OV_CLEANUP(ov_version_free_p) ov_version *b = NULL;
    compare_row r = {0};
    if (ov_json_fields_of(row, fields, OV_COUNT(fields), &r, &arena, "row", why) != OV_OK) return false;
    if (ov_version_parse(r.a, &a, why) != OV_OK || ov_version_parse(r.b, &b, why) != OV_OK) return false;
    int forth = sign(ov_version_compare(a, b)), back = sign(ov_version_compare(b, a));
    if (forth == r.cmp && back == -r.cmp) return true;
    ov_fail(why, OV_INVALID, "cmp: got %d, reversed %d", forth, back);
    return false;
}
