/* What plain scalars mean: null, booleans, integers, floats, as YAML 1.1 and Kubernetes' tools have them. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "yaml/yaml.h"

#include "base/poison.h"

enum { NUMBER_MAX = 100 }; /* bytes; longer ones are strings */

static bool is_one_of(ov_str text, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (ov_str_eq(text, ov_str_of(words[i]))) return true;
    }
    return false;
}

static void set(ov_yaml_value *v, ov_yaml_kind kind, const char *json)
{
    v->kind = kind;
    snprintf(v->json, sizeof v->json, "%s", json);
}

static bool resolve_word(ov_str text, ov_yaml_value *v)
{
    static const char *const nulls[] = {"", "~", "null", "Null", "NULL"};
    static const char *const trues[] = {"y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"};
    static const char *const falses[] = {"n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"};
    static const char *const odd[] = {".nan",  ".NaN",  ".NAN",  ".inf",  ".Inf",  ".INF",
                                      "+.inf", "+.Inf", "+.INF", "-.inf", "-.Inf", "-.INF"};
    if (is_one_of(text, nulls, OV_COUNT(nulls)))
        set(v, OV_YAML_NULL, "null");
    else if (is_one_of(text, trues, OV_COUNT(trues)))
        set(v, OV_YAML_BOOL, "true");
    else if (is_one_of(text, falses, OV_COUNT(falses)))
        set(v, OV_YAML_BOOL, "false");
    else if (is_one_of(text, odd, OV_COUNT(odd)))
        set(v, OV_YAML_FLOAT, "");
    else
        return false;
    return true;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static size_t pass_digits(const char *s, size_t at)
{
    while (is_digit(s[at])) at++;
    return at;
}

/* [-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)? */
static bool is_float(const char *s)
{
    size_t at = s[0] == '-' || s[0] == '+', whole = pass_digits(s, at), end = whole;
    if (s[whole] == '.') end = pass_digits(s, whole + 1);
    if (whole == at && end <= whole + 1) return false;
    if (s[end] == 'e' || s[end] == 'E') {
        size_t exponent = end + 1;
        if (s[exponent] == '-' || s[exponent] == '+') exponent++;
        end = pass_digits(s, exponent);
        if (end == exponent) return false;
    }
    return !s[end];
}

/* The base that an unsigned number's prefix names; *digits moves behind the prefix. */
static int base_of(const char **digits)
{
    const char *s = *digits;
    if (s[0] != '0' || !s[1]) return 10;
    char letter = (char)(s[1] | 0x20);
    int base = letter == 'x' ? 16 : letter == 'o' ? 8 : letter == 'b' ? 2 : 0;
    if (!base || !s[2]) {
        *digits += 1;
        return 8;
    }
    *digits += 2;
    return base;
}

static bool is_alphanumeric(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool resolve_int(const char *s, ov_yaml_value *v)
{
    bool negative = s[0] == '-', sign = negative || s[0] == '+';
    const char *digits = s + sign;
    int base = base_of(&digits);
    if (!is_alphanumeric(digits[0])) return false; /* strtoull would take space and signs */
    char *end;
    errno = 0;
    unsigned long long n = strtoull(digits, &end, base);
    if (*end || errno == ERANGE) return false;
    if (sign && n > (unsigned long long)INT64_MAX + negative) return false;
    v->kind = OV_YAML_INT;
    snprintf(v->json, sizeof v->json, "%s%llu", negative && n ? "-" : "", n);
    return true;
}

/* The shortest text that reads back as the same number. */
static bool resolve_float(const char *s, ov_yaml_value *v)
{
    if (!is_float(s)) return false;
    double d = strtod(s, NULL);
    if (isinf(d)) return false;
    v->kind = OV_YAML_FLOAT;
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(v->json, sizeof v->json, "%.*g", digits, d);
        if (strtod(v->json, NULL) == d) break;
    }
    return true;
}

static bool resolve_number(ov_str text, ov_yaml_value *v)
{
    char plain[NUMBER_MAX + 1];
    size_t len = 0;
    char first = text.len ? text.ptr[0] : '\0';
    if (text.len > NUMBER_MAX) return false;
    if (!is_digit(first) && first != '-' && first != '+' && first != '.') return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] != '_' || first == '.') plain[len++] = text.ptr[i];
    }
    plain[len] = '\0';
    if (first != '.' && resolve_int(plain, v)) return true;
    return resolve_float(plain, v);
}

static bool tag_allows(ov_yaml_tag tag, ov_yaml_kind kind)
{
    switch (tag) {
    case OV_YAML_TAG_INT:
        return kind == OV_YAML_INT;
    case OV_YAML_TAG_FLOAT:
        return kind == OV_YAML_FLOAT || kind == OV_YAML_INT;
    case OV_YAML_TAG_BOOL:
        return kind == OV_YAML_BOOL;
    case OV_YAML_TAG_NULL:
        return kind == OV_YAML_NULL;
    default:
        return true;
    }
}

ov_status ov_yaml_resolve(const ov_yaml_event *scalar, ov_yaml_value *ret, ov_err *err)
{
    ov_yaml_value v = {.kind = OV_YAML_STRING};
    bool by_tag = scalar->tag == OV_YAML_TAG_INT || scalar->tag == OV_YAML_TAG_FLOAT ||
                  scalar->tag == OV_YAML_TAG_BOOL || scalar->tag == OV_YAML_TAG_NULL;
    if (scalar->tag == OV_YAML_TAG_BINARY) return ov_yaml_fail(scalar, "!!binary: not supported", (ov_str){0}, err);
    if ((by_tag || scalar->plain) && !resolve_word(scalar->text, &v)) (void)resolve_number(scalar->text, &v);
    if (by_tag && !tag_allows(scalar->tag, v.kind))
        return ov_yaml_fail(scalar, "value is not what its tag says", scalar->text, err);
    *ret = v;
    return OV_OK;
}
