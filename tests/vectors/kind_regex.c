/* Rows of patterns, templates and contents: compiles or not, matches or not, and what the template gives. */
#include "json/fields.h"
#include "regex/regex.h"
#include "vectors/kinds.h"

#include "base/poison.h"

typedef struct {
    ov_str pattern, template, content, result;
    bool compile_ok, match;
} regex_row;

static const ov_field regex_row_fields[] = {
    {"pattern", OV_FIELD_STRING, true, offsetof(regex_row, pattern)},
    {"template", OV_FIELD_STRING, true, offsetof(regex_row, template)},
    {"content", OV_FIELD_STRING, true, offsetof(regex_row, content)},
    {"result", OV_FIELD_STRING, true, offsetof(regex_row, result)},
    {"compile_ok", OV_FIELD_BOOL, true, offsetof(regex_row, compile_ok)},
    {"match", OV_FIELD_BOOL, true, offsetof(regex_row, match)},
};

static bool check_match(const ov_regex *re, const regex_row *row, ov_err *why)
{
    ov_buf out = OV_BUF(1024 * 1024);
    bool matched = false;
    bool ok = ov_regex_expand(re, row->template, row->content, &out, &matched, why) == OV_OK;
    if (ok && matched != row->match) {
        ov_fail(why, OV_FAILED, "match: got %d", matched);
        ok = false;
    }
    if (ok && matched && !ov_str_eq(ov_buf_str(&out), row->result)) {
        ov_fail(why, OV_FAILED, "result: got \"%.*s\"", OV_STR_ARG(ov_buf_str(&out)));
        ok = false;
    }
    ov_buf_clear(&out);
    return ok;
}

static bool check_row(const regex_row *row, ov_err *why)
{
    ov_regex *re = NULL;
    ov_err compile_err = {0};
    ov_status st = ov_regex_compile(row->pattern, &re, &compile_err);
    bool ok = (st == OV_OK) == row->compile_ok;
    if (!ok) ov_fail(why, OV_FAILED, "compile_ok: got %d (%s)", st == OV_OK, compile_err.msg);
    if (ok && re) ok = check_match(re, row, why);
    ov_regex_free(re);
    return ok;
}

bool kind_regex(ov_str row, ov_err *why)
{
    regex_row r = {0};
    ov_json_arena arena = {0};
    bool ok = ov_json_fields_of(row, regex_row_fields, OV_COUNT(regex_row_fields), &r, &arena, "row: ", why) == OV_OK;
    if (ok) ok = check_row(&r, why);
    ov_json_arena_clear(&arena);
    return ok;
}
