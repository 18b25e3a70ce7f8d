/* JSONPath values: literals without their quotes, comparisons, and the text that a value is shown as. */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "jsonpath_nodes.h"
#include "base/poison.h"

enum { FLOAT_TEXT_MAX = 32, WRITE_DEPTH_MAX = 128 };

typedef enum { KIND_NONE, KIND_BOOL, KIND_INT, KIND_FLOAT, KIND_STRING } basic_kind;

/* Scalars of either origin, brought to one form. */
typedef struct {
    basic_kind kind;
    bool b;
    int64_t i;
    double d;
    ov_str text;
} basic_value;

bool jsonpath_whole_number(double d, int64_t *ret)
{
    if (!(d >= -9223372036854775808.0 && d < 9223372036854775808.0) || (double)(int64_t)d != d) return false;
    *ret = (int64_t)d;
    return true;
}

static basic_value basic_of_json(const cJSON *json)
{
    basic_value v = {0};
    if (cJSON_IsBool(json)) {
        v = (basic_value){.kind = KIND_BOOL, .b = cJSON_IsTrue(json)};
    } else if (cJSON_IsString(json)) {
        v = (basic_value){.kind = KIND_STRING, .text = ov_str_of(json->valuestring)};
    } else if (cJSON_IsNumber(json)) {
        v = (basic_value){.kind = KIND_FLOAT, .d = json->valuedouble};
        if (jsonpath_whole_number(json->valuedouble, &v.i)) v.kind = KIND_INT;
    }
    return v;
}

static basic_value basic_of(const jsonpath_value *v)
{
    switch (v->type) {
    case JSONPATH_TEXT:
        return (basic_value){.kind = KIND_STRING, .text = v->text};
    case JSONPATH_INT:
        return (basic_value){.kind = KIND_INT, .i = v->i};
    case JSONPATH_FLOAT:
        return (basic_value){.kind = KIND_FLOAT, .d = v->d};
    case JSONPATH_BOOL:
        return (basic_value){.kind = KIND_BOOL, .b = v->b};
    case JSONPATH_JSON:
        break;
    }
    return basic_of_json(v->json);
}

static int order_of(const basic_value *a, const basic_value *b)
{
    switch (a->kind) {
    case KIND_BOOL:
        return (int)a->b - (int)b->b;
    case KIND_INT:
        return (a->i > b->i) - (a->i < b->i);
    case KIND_FLOAT:
        return (a->d > b->d) - (a->d < b->d);
    default:
        return ov_str_cmp(a->text, b->text);
    }
}

static bool order_holds(int order, jsonpath_filter_op op)
{
    switch (op) {
    case FILTER_EQ:
        return order == 0;
    case FILTER_NE:
        return order != 0;
    case FILTER_LT:
        return order < 0;
    case FILTER_LE:
        return order <= 0;
    case FILTER_GT:
        return order > 0;
    default:
        return order >= 0;
    }
}

ov_status jsonpath_compare(const jsonpath_value *a, const jsonpath_value *b, jsonpath_filter_op op, bool *ret_holds,
                           ov_err *err)
{
    basic_value x = basic_of(a), y = basic_of(b);
    if (op == FILTER_UNKNOWN) return ov_fail(err, OV_INVALID, "unrecognized filter operator");
    bool ordered = op != FILTER_EQ && op != FILTER_NE;
    if (x.kind == KIND_NONE || y.kind == KIND_NONE || (ordered && (x.kind == KIND_BOOL || y.kind == KIND_BOOL)))
        return ov_fail(err, OV_INVALID, "invalid type for comparison");
    if (x.kind != y.kind) return ov_fail(err, OV_INVALID, "incompatible types for comparison");
    *ret_holds = order_holds(order_of(&x, &y), op);
    return OV_OK;
}

static bool hex_digits(ov_str text, size_t from, size_t count, uint32_t *ret)
{
    uint32_t n = 0;
    if (from + count > text.len) return false;
    for (size_t i = from; i < from + count; i++) {
        char c = text.ptr[i];
        if (c >= '0' && c <= '9')
            n = n * 16 + (uint32_t)(c - '0');
        else if ((c | 32) >= 'a' && (c | 32) <= 'f')
            n = n * 16 + (uint32_t)((c | 32) - 'a') + 10;
        else
            return false;
    }
    *ret = n;
    return true;
}

static void put_utf8(ov_buf *out, uint32_t c)
{
    unsigned char bytes[4] = {(unsigned char)c};
    size_t len = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const unsigned char lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = len; len > 1 && i-- > 1; c >>= 6) bytes[i] = (unsigned char)(0x80 | (c & 0x3f));
    if (len > 1) bytes[0] = (unsigned char)(lead[len] | c);
    ov_buf_append(out, bytes, len);
}

/* \xHH and \NNN are bytes, \uHHHH and \UHHHHHHHH characters. Gives the length of the escape, 0 when it is malformed. */
static size_t put_coded(ov_buf *out, ov_str text, size_t at)
{
    char c = text.ptr[at];
    size_t digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
    uint32_t n = 0;
    if (digits > 0) {
        if (!hex_digits(text, at + 1, digits, &n)) return 0;
    } else {
        if (at + 3 > text.len) return 0;
        for (size_t i = at; i < at + 3; i++) {
            if (text.ptr[i] < '0' || text.ptr[i] > '7') return 0;
            n = n * 8 + (uint32_t)(text.ptr[i] - '0');
        }
    }
    if (n > 0x10ffff || (n >= 0xd800 && n <= 0xdfff) || (digits <= 2 && n > 0xff) || n == 0) return 0;
    if (digits > 2)
        put_utf8(out, n);
    else
        ov_buf_append_char(out, (char)n);
    return digits > 0 ? digits + 1 : 3;
}

/* The escape behind a backslash; its length, 0 when it is malformed. */
static size_t put_escape(ov_buf *out, ov_str text, size_t at, char quote)
{
    static const char names[] = "abfnrtv\\", values[] = "\a\b\f\n\r\t\v\\";
    if (at >= text.len) return 0;
    char c = text.ptr[at];
    const char *known = memchr(names, c, sizeof names - 1);
    if (!known && c != quote) return put_coded(out, text, at);
    ov_buf_append_char(out, known ? values[known - names] : quote);
    return 1;
}

char *jsonpath_unquote(ov_str text)
{
    ov_buf out = OV_BUF(JSONPATH_TEXT_MAX * 2);
    char quote = text.ptr[0];
    ov_str inside = ov_str_sub(text, 1, text.len - 1);
    bool ok = text.len >= 2;
    for (size_t at = 0; ok && at < inside.len;) {
        if (inside.ptr[at] != '\\') {
            ov_buf_append_char(&out, inside.ptr[at++]);
            continue;
        }
        size_t len = put_escape(&out, inside, at + 1, quote);
        ok = len > 0;
        at += len + 1;
    }
    ov_buf_append_char(&out, '\0');
    if (ok) return ov_buf_take(&out, NULL);
    ov_buf_clear(&out);
    return NULL;
}

/* The fewest digits that read back as the same number, as [-]d.ddde[+-]xx. */
static void shortest(double d, char out[FLOAT_TEXT_MAX])
{
    for (int digits = 0; digits <= 17; digits++) {
        snprintf(out, FLOAT_TEXT_MAX, "%.*e", digits, d);
        if (strtod(out, NULL) == d) return;
    }
}

/* Exponents outside [from, 21) are written with an e; in JSON without a leading zero. */
static void write_float(double d, int from, bool in_json, ov_buf *out)
{
    char text[FLOAT_TEXT_MAX];
    shortest(d, text);
    char *e = strchr(text, 'e');
    int exponent = (int)strtol(e + 1, NULL, 10), decimals = (int)(e - text) - (text[0] == '-') - 2;
    if (exponent >= from && exponent < 21) {
        decimals = (decimals > 0 ? decimals : 0) - exponent;
        ov_buf_printf(out, "%.*f", decimals > 0 ? decimals : 0, d);
        return;
    }
    ov_buf_append(out, text, (size_t)(e - text));
    ov_buf_printf(out, in_json ? "e%+d" : "e%+03d", exponent);
}

static void write_number(double d, bool in_json, ov_buf *out)
{
    int64_t whole;
    if (jsonpath_whole_number(d, &whole))
        ov_buf_append_i64(out, whole);
    else
        write_float(d, in_json ? -6 : -4, in_json, out);
}

/* A character as Go's JSON writes it; its length in the text. */
static size_t write_json_char(ov_str s, size_t at, ov_buf *out)
{
    static const char names[] = "bfnrt\"\\", values[] = "\b\f\n\r\t\"\\";
    unsigned char c = (unsigned char)s.ptr[at];
    const char *named = memchr(values, c, sizeof values - 1);
    if (named) {
        ov_buf_append_char(out, '\\');
        ov_buf_append_char(out, names[named - values]);
    } else if (c < 0x20 || c == '<' || c == '>' || c == '&') {
        ov_buf_printf(out, "\\u%04x", c);
    } else if (ov_str_starts(ov_str_sub(s, at, s.len), OV_STR("\xe2\x80\xa8")) ||
               ov_str_starts(ov_str_sub(s, at, s.len), OV_STR("\xe2\x80\xa9"))) {
        ov_buf_printf(out, "\\u20%02x", (unsigned char)s.ptr[at + 2] - 0x80);
        return 3;
    } else {
        ov_buf_append_char(out, s.ptr[at]);
    }
    return 1;
}

static void write_json_string(ov_str s, ov_buf *out)
{
    ov_buf_append_char(out, '"');
    for (size_t at = 0; at < s.len;) at += write_json_char(s, at, out);
    ov_buf_append_char(out, '"');
}

static int by_name(const void *a, const void *b)
{
    const cJSON *const *x = a, *const *y = b;
    return strcmp((*x)->string, (*y)->string);
}

static void write_json(const cJSON *json, unsigned depth, ov_buf *out);

static void write_object(const cJSON *object, unsigned depth, ov_buf *out)
{
    size_t count = 0, i = 0;
    for (const cJSON *m = object->child; m; m = m->next) count++;
    OV_CLEANUP(ov_free_p) const cJSON **members = ov_calloc(count, sizeof *members);
    for (const cJSON *m = object->child; m; m = m->next) members[i++] = m;
    qsort(members, count, sizeof *members, by_name);
    ov_buf_append_char(out, '{');
    for (i = 0; i < count; i++) {
        if (i > 0) ov_buf_append_char(out, ',');
        write_json_string(ov_str_of(members[i]->string), out);
        ov_buf_append_char(out, ':');
        write_json(members[i], depth + 1, out);
    }
    ov_buf_append_char(out, '}');
}

static void write_array(const cJSON *array, unsigned depth, ov_buf *out)
{
    ov_buf_append_char(out, '[');
    for (const cJSON *item = array->child; item; item = item->next) {
        if (item != array->child) ov_buf_append_char(out, ',');
        write_json(item, depth + 1, out);
    }
    ov_buf_append_char(out, ']');
}

static void write_json(const cJSON *json, unsigned depth, ov_buf *out)
{
    if (depth > WRITE_DEPTH_MAX) return;
    if (cJSON_IsObject(json))
        write_object(json, depth, out);
    else if (cJSON_IsArray(json))
        write_array(json, depth, out);
    else if (cJSON_IsString(json))
        write_json_string(ov_str_of(json->valuestring), out);
    else if (cJSON_IsNumber(json))
        write_number(json->valuedouble, true, out);
    else
        ov_buf_append_c(out, cJSON_IsNull(json) ? "null" : cJSON_IsTrue(json) ? "true" : "false");
}

void jsonpath_value_write(const jsonpath_value *v, ov_buf *out)
{
    basic_value b = basic_of(v);
    switch (b.kind) {
    case KIND_BOOL:
        ov_buf_append_c(out, b.b ? "true" : "false");
        break;
    case KIND_INT:
        ov_buf_append_i64(out, b.i);
        break;
    case KIND_FLOAT:
        write_number(b.d, false, out);
        break;
    case KIND_STRING:
        ov_buf_append_str(out, b.text);
        break;
    case KIND_NONE:
        write_json(v->json, 0, out);
        break;
    }
}
