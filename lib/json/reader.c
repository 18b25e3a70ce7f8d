/* The pull reader: one state byte says what may come next, one byte per open level says what it is. */
#include "json/reader.h"

#include <inttypes.h>

#include "json/scan.h"

#include "base/poison.h"

enum {
    EXPECT_VALUE,
    EXPECT_FIRST_VALUE, /* or the array's end */
    EXPECT_FIRST_NAME,  /* or the object's end */
    EXPECT_NAME,
    EXPECT_AFTER, /* a comma or the level's end */
    EXPECT_END
};

void ov_json_reader_init(ov_json_reader *r, ov_str text)
{
    r->text = text.ptr ? text : OV_STR("");
    r->at = 0;
    r->depth = 0;
    r->expect = EXPECT_VALUE;
}

static ov_status fail_at(const ov_json_reader *r, const char *p, const char *why, ov_err *err)
{
    return ov_fail(err, OV_INVALID, "offset %zu: %s", (size_t)(p - r->text.ptr), why);
}

static inline const char *end_of(const ov_json_reader *r)
{
    return r->text.ptr + r->text.len;
}

static inline void set_token(const ov_json_reader *r, ov_json_token *t, ov_json_type type, const char *from,
                             const char *to)
{
    t->type = type;
    t->raw = (ov_str){from, (size_t)(to - from)};
    t->escaped = false;
    t->at = (size_t)(from - r->text.ptr);
}

static inline void value_done(ov_json_reader *r, const char *p)
{
    r->at = (size_t)(p - r->text.ptr);
    r->expect = r->depth ? EXPECT_AFTER : EXPECT_END;
}

static inline ov_status take_string(ov_json_reader *r, ov_json_token *t, ov_json_type type, const char **p, ov_err *err)
{
    const char *why = NULL, *from = *p + 1;
    bool escaped = false;
    const char *quote = ov_json_scan_string(from, end_of(r), &escaped, &why);
    if (why) return fail_at(r, quote, why, err);
    t->type = type;
    t->raw = (ov_str){from, (size_t)(quote - from)};
    t->escaped = escaped;
    t->at = (size_t)(*p - r->text.ptr);
    *p = quote + 1;
    return OV_OK;
}

static ov_status take_open(ov_json_reader *r, ov_json_token *t, const char *p, ov_err *err)
{
    if (r->depth == OV_JSON_DEPTH_MAX) return fail_at(r, p, "nested too deeply", err);
    bool object = *p == '{';
    set_token(r, t, object ? OV_JSON_OBJECT : OV_JSON_ARRAY, p, p + 1);
    r->stack[r->depth++] = object ? 'o' : 'a';
    r->expect = object ? EXPECT_FIRST_NAME : EXPECT_FIRST_VALUE;
    r->at = (size_t)(p + 1 - r->text.ptr);
    return OV_OK;
}

static ov_status take_close(ov_json_reader *r, ov_json_token *t, const char *p)
{
    set_token(r, t, *p == '}' ? OV_JSON_OBJECT_END : OV_JSON_ARRAY_END, p, p + 1);
    r->depth--;
    value_done(r, p + 1);
    return OV_OK;
}

static ov_status take_literal(ov_json_reader *r, ov_json_token *t, const char *p, ov_err *err)
{
    ov_str word = *p == 't' ? OV_STR("true") : *p == 'f' ? OV_STR("false") : OV_STR("null");
    if ((size_t)(end_of(r) - p) < word.len || memcmp(p, word.ptr, word.len) != 0)
        return fail_at(r, p, "expected a value", err);
    set_token(r, t, *p == 't' ? OV_JSON_TRUE : *p == 'f' ? OV_JSON_FALSE : OV_JSON_NULL, p, p + word.len);
    value_done(r, p + word.len);
    return OV_OK;
}

static ov_status take_number(ov_json_reader *r, ov_json_token *t, const char *p, ov_err *err)
{
    const char *why = NULL, *behind = ov_json_scan_number(p, end_of(r), &why);
    if (why) return fail_at(r, behind, why, err);
    set_token(r, t, OV_JSON_NUMBER, p, behind);
    value_done(r, behind);
    return OV_OK;
}

static inline ov_status take_value(ov_json_reader *r, ov_json_token *t, const char *p, ov_err *err)
{
    if (p == end_of(r)) return fail_at(r, p, "expected a value", err);
    switch (*p) {
    case '"': {
        ov_status st = take_string(r, t, OV_JSON_STRING, &p, err);
        if (st == OV_OK) value_done(r, p);
        return st;
    }
    case '{':
    case '[':
        return take_open(r, t, p, err);
    case 't':
    case 'f':
    case 'n':
        return take_literal(r, t, p, err);
    default:
        if (*p == '-' || (*p >= '0' && *p <= '9')) return take_number(r, t, p, err);
        return fail_at(r, p, "expected a value", err);
    }
}

/* A name and the colon behind it, so that what follows is a value whoever reads it. */
static inline ov_status take_name(ov_json_reader *r, ov_json_token *t, const char *p, ov_err *err)
{
    if (p == end_of(r) || *p != '"') return fail_at(r, p, "expected a member's name", err);
    ov_status st = take_string(r, t, OV_JSON_NAME, &p, err);
    if (st != OV_OK) return st;
    p = ov_json_scan_space(p, end_of(r));
    if (p == end_of(r) || *p != ':') return fail_at(r, p, "expected a colon", err);
    r->at = (size_t)(p + 1 - r->text.ptr);
    r->expect = EXPECT_VALUE;
    return OV_OK;
}

/* Behind a value: passes the comma and returns true, or leaves p on what else stands there. */
static inline bool pass_comma(ov_json_reader *r, const char **p)
{
    if (*p == end_of(r) || **p != ',') return false;
    *p = ov_json_scan_space(*p + 1, end_of(r));
    r->expect = r->stack[r->depth - 1] == 'o' ? EXPECT_NAME : EXPECT_VALUE;
    r->at = (size_t)(*p - r->text.ptr);
    return true;
}

static ov_status take_level_end(ov_json_reader *r, ov_json_token *t, const char *p, ov_err *err)
{
    bool object = r->stack[r->depth - 1] == 'o';
    if (p < end_of(r) && *p == (object ? '}' : ']')) return take_close(r, t, p);
    return fail_at(r, p, object ? "expected a comma or }" : "expected a comma or ]", err);
}

ov_status ov_json_next(ov_json_reader *r, ov_json_token *ret, ov_err *err)
{
    const char *p = ov_json_scan_space(r->text.ptr + r->at, end_of(r));
    if (r->expect == EXPECT_AFTER && !pass_comma(r, &p)) return take_level_end(r, ret, p, err);
    switch (r->expect) {
    case EXPECT_FIRST_NAME:
        if (p < end_of(r) && *p == '}') return take_close(r, ret, p);
        return take_name(r, ret, p, err);
    case EXPECT_NAME:
        return take_name(r, ret, p, err);
    case EXPECT_FIRST_VALUE:
        if (p < end_of(r) && *p == ']') return take_close(r, ret, p);
        return take_value(r, ret, p, err);
    case EXPECT_VALUE:
        return take_value(r, ret, p, err);
    default:
        if (p < end_of(r)) return fail_at(r, p, "expected the end of the document", err);
        r->at = r->text.len;
        set_token(r, ret, OV_JSON_END, p, p);
        return OV_OK;
    }
}

ov_status ov_json_skip(ov_json_reader *r, ov_str *ret_raw, ov_err *err)
{
    const char *p = ov_json_scan_space(r->text.ptr + r->at, end_of(r));
    if (r->expect == EXPECT_AFTER && !pass_comma(r, &p)) return fail_at(r, p, "expected a comma", err);
    if (r->expect != EXPECT_VALUE && r->expect != EXPECT_FIRST_VALUE) return fail_at(r, p, "expected a value", err);
    unsigned depth = r->depth;
    ov_json_token t;
    ov_status st = take_value(r, &t, p, err);
    while (st == OV_OK && r->depth > depth) st = ov_json_next(r, &t, err);
    if (st != OV_OK) return st;
    *ret_raw = (ov_str){p, (size_t)(r->text.ptr + r->at - p)};
    return OV_OK;
}

ov_status ov_json_more(ov_json_reader *r, bool *ret_more, ov_err *err)
{
    const char *p = ov_json_scan_space(r->text.ptr + r->at, end_of(r));
    bool more = r->expect == EXPECT_AFTER ? pass_comma(r, &p) : r->expect == EXPECT_VALUE;
    if (r->expect == EXPECT_FIRST_VALUE) more = p == end_of(r) || *p != ']';
    *ret_more = more;
    if (more) return OV_OK;
    ov_json_token t;
    return ov_json_next(r, &t, err);
}

void ov_json_unescape(const ov_json_token *t, ov_buf *out)
{
    const char *p = t->raw.ptr, *end = t->raw.ptr + t->raw.len;
    if (!t->escaped) {
        ov_buf_append_str(out, t->raw);
        return;
    }
    while (p < end) {
        const char *from = p;
        while (p < end && *p != '\\') p++;
        ov_buf_append(out, from, (size_t)(p - from));
        if (p == end) break;
        char unit[4];
        size_t len = ov_json_decode_unit(&p, unit);
        ov_buf_append(out, unit, len);
    }
}

bool ov_json_token_is(const ov_json_token *t, ov_str text)
{
    if (!t->escaped) return ov_str_eq(t->raw, text);
    const char *p = t->raw.ptr, *end = t->raw.ptr + t->raw.len;
    size_t at = 0;
    while (p < end) {
        char unit[4];
        size_t len = ov_json_decode_unit(&p, unit);
        if (text.len - at < len || memcmp(text.ptr + at, unit, len) != 0) return false;
        at += len;
    }
    return at == text.len;
}

ov_status ov_json_token_i64(const ov_json_token *t, int64_t *ret, ov_err *err)
{
    bool negative = t->raw.len && t->raw.ptr[0] == '-';
    uint64_t magnitude;
    if (t->type != OV_JSON_NUMBER || !ov_str_to_u64(ov_str_sub(t->raw, negative, t->raw.len), &magnitude))
        return ov_fail(err, OV_INVALID, "%.*s: expected an integer", OV_STR_ARG(ov_str_sub(t->raw, 0, 40)));
    uint64_t limit = (uint64_t)INT64_MAX + negative;
    if (magnitude > limit) return ov_fail(err, OV_INVALID, "%.*s: expected an integer of 64 bits", OV_STR_ARG(t->raw));
    /* Through ~ because -INT64_MIN is not representable. */
    *ret = negative && magnitude ? (int64_t) ~(magnitude - 1) : (int64_t)magnitude;
    return OV_OK;
}
