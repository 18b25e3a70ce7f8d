/* Parses, matches and writes label selectors; what the API server would refuse is refused here. */
#include "selector.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/poison.h"

enum { NAME_MAX_BYTES = 63, PREFIX_MAX_BYTES = 253, PLACE_TEXT_MAX = 96, EXPRESSION_TEXT_MAX = 32 };

typedef enum { OP_EQUALS, OP_IN, OP_NOT_IN, OP_EXISTS, OP_DOES_NOT_EXIST } selector_op;

typedef struct {
    char *key;
    selector_op op;
    char **values; /* sorted */
    size_t count, cap;
} requirement;

struct selector {
    bool nothing;
    requirement *items; /* sorted by key, in the order written where keys are equal */
    size_t count, cap;
};

static const struct {
    const char *name;
    selector_op op;
} operators[] = {{"In", OP_IN}, {"NotIn", OP_NOT_IN}, {"Exists", OP_EXISTS}, {"DoesNotExist", OP_DOES_NOT_EXIST}};

static bool is_alphanumeric(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Letters and digits at both ends, - _ . between them too. */
static bool is_name(ov_str s)
{
    if (s.len == 0 || s.len > NAME_MAX_BYTES) return false;
    for (size_t i = 0; i < s.len; i++) {
        bool inner = s.ptr[i] == '-' || s.ptr[i] == '_' || s.ptr[i] == '.';
        if (!is_alphanumeric(s.ptr[i]) && !(inner && i > 0 && i + 1 < s.len)) return false;
    }
    return true;
}

/* A DNS label of RFC 1123, in lower case. */
static bool is_dns_label(ov_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        bool inner = s.ptr[i] == '-' && i > 0 && i + 1 < s.len;
        bool lower = is_alphanumeric(s.ptr[i]) && !(s.ptr[i] >= 'A' && s.ptr[i] <= 'Z');
        if (!lower && !inner) return false;
    }
    return s.len > 0;
}

static bool is_dns_name(ov_str s)
{
    ov_str rest = s, label;
    if (s.len == 0 || s.len > PREFIX_MAX_BYTES) return false;
    while (ov_str_split(&rest, '.', &label))
        if (!is_dns_label(label)) return false;
    return true;
}

/* name or prefix/name */
static bool is_key(ov_str s)
{
    size_t slash = ov_str_find(s, '/', 0);
    if (slash == s.len) return is_name(s);
    return is_dns_name(ov_str_sub(s, 0, slash)) && is_name(ov_str_sub(s, slash + 1, s.len));
}

static ov_status add_value(requirement *r, const cJSON *value, const char *path, ov_err *err)
{
    if (!cJSON_IsString(value)) return ov_fail(err, OV_INVALID, "%s: expected a string", path);
    ov_str text = ov_str_of(value->valuestring);
    if (text.len > 0 && !is_name(text))
        return ov_fail(err, OV_INVALID, "%s: \"%.*s\": expected a label's value, at most %d of A-Z a-z 0-9 - _ .", path,
                       OV_STR_ARG(text), NAME_MAX_BYTES);
    ov_grow(&r->values, &r->cap, r->count + 1, sizeof *r->values);
    size_t at = r->count++;
    for (; at > 0 && strcmp(r->values[at - 1], value->valuestring) > 0; at--) r->values[at] = r->values[at - 1];
    r->values[at] = ov_dup(text);
    return OV_OK;
}

/* A new requirement at the end, owned by the selector at once. */
static ov_status add_requirement(selector *s, ov_str key, selector_op op, const char *path, requirement **ret,
                                 ov_err *err)
{
    if (!is_key(key)) return ov_fail(err, OV_INVALID, "%s: \"%.*s\": expected a label's key", path, OV_STR_ARG(key));
    if (s->count == SELECTOR_REQUIREMENTS_MAX)
        return ov_fail(err, OV_INVALID, "%s: more than %d requirements", path, SELECTOR_REQUIREMENTS_MAX);
    ov_grow(&s->items, &s->cap, s->count + 1, sizeof *s->items);
    *ret = &s->items[s->count++];
    **ret = (requirement){.key = ov_dup(key), .op = op};
    return OV_OK;
}

static ov_status parse_labels(selector *s, const cJSON *labels, ov_err *err)
{
    if (!labels || cJSON_IsNull(labels)) return OV_OK;
    if (!cJSON_IsObject(labels)) return ov_fail(err, OV_INVALID, "matchLabels: expected an object");
    for (const cJSON *m = labels->child; m; m = m->next) {
        requirement *r = NULL;
        char path[PLACE_TEXT_MAX];
        snprintf(path, sizeof path, "matchLabels.%.64s", m->string);
        ov_status st = add_requirement(s, ov_str_of(m->string), OP_EQUALS, "matchLabels", &r, err);
        if (st == OV_OK) st = add_value(r, m, path, err);
        if (st != OV_OK) return st;
    }
    return OV_OK;
}

static ov_status parse_values(requirement *r, const cJSON *values, const char *path, ov_err *err)
{
    char place[PLACE_TEXT_MAX];
    bool wants_values = r->op == OP_IN || r->op == OP_NOT_IN;
    int count = cJSON_IsArray(values) ? cJSON_GetArraySize(values) : 0;
    if (values && !cJSON_IsNull(values) && !cJSON_IsArray(values))
        return ov_fail(err, OV_INVALID, "%s.values: expected an array", path);
    if (wants_values && count == 0)
        return ov_fail(err, OV_INVALID, "%s.values: empty: expected values for In and NotIn", path);
    if (!wants_values && count > 0)
        return ov_fail(err, OV_INVALID, "%s.values: expected none for Exists and DoesNotExist", path);
    if (count > SELECTOR_VALUES_MAX)
        return ov_fail(err, OV_INVALID, "%s.values: more than %d values", path, SELECTOR_VALUES_MAX);
    int i = 0;
    for (const cJSON *v = count > 0 ? values->child : NULL; v; v = v->next) {
        snprintf(place, sizeof place, "%s.values[%d]", path, i++);
        ov_status st = add_value(r, v, place, err);
        if (st != OV_OK) return st;
    }
    return OV_OK;
}

static ov_status parse_operator(const cJSON *expression, const char *path, selector_op *ret, ov_err *err)
{
    ov_str name = ov_json_member_str(expression, "operator");
    for (size_t i = 0; i < OV_COUNT(operators); i++) {
        if (!ov_str_eq(name, ov_str_of(operators[i].name))) continue;
        *ret = operators[i].op;
        return OV_OK;
    }
    return ov_fail(err, OV_INVALID, "%s.operator: \"%.*s\": expected In, NotIn, Exists or DoesNotExist", path,
                   OV_STR_ARG(name));
}

static ov_status parse_expression(selector *s, const cJSON *expression, const char *path, ov_err *err)
{
    char place[PLACE_TEXT_MAX];
    selector_op op = OP_EXISTS;
    requirement *r = NULL;
    if (!cJSON_IsObject(expression)) return ov_fail(err, OV_INVALID, "%s: expected an object", path);
    ov_status st = parse_operator(expression, path, &op, err);
    if (st != OV_OK) return st;
    snprintf(place, sizeof place, "%s.key", path);
    st = add_requirement(s, ov_json_member_str(expression, "key"), op, place, &r, err);
    return st == OV_OK ? parse_values(r, ov_json_member(expression, "values"), path, err) : st;
}

static ov_status parse_expressions(selector *s, const cJSON *expressions, ov_err *err)
{
    char path[EXPRESSION_TEXT_MAX];
    int i = 0;
    if (!expressions || cJSON_IsNull(expressions)) return OV_OK;
    if (!cJSON_IsArray(expressions)) return ov_fail(err, OV_INVALID, "matchExpressions: expected an array");
    for (const cJSON *e = expressions->child; e; e = e->next) {
        snprintf(path, sizeof path, "matchExpressions[%d]", i++);
        ov_status st = parse_expression(s, e, path, err);
        if (st != OV_OK) return st;
    }
    return OV_OK;
}

static void sort_by_key(selector *s)
{
    for (size_t i = 1; i < s->count; i++) {
        requirement r = s->items[i];
        size_t at = i;
        for (; at > 0 && strcmp(s->items[at - 1].key, r.key) > 0; at--) s->items[at] = s->items[at - 1];
        s->items[at] = r;
    }
}

ov_status selector_parse(const cJSON *json, selector **ret, ov_err *err)
{
    OV_CLEANUP(selector_free_p) selector *s = ov_zalloc(sizeof *s);
    s->nothing = !json || cJSON_IsNull(json);
    if (!s->nothing && !cJSON_IsObject(json)) return ov_fail(err, OV_INVALID, "expected an object");
    ov_status st = s->nothing ? OV_OK : parse_labels(s, ov_json_member(json, "matchLabels"), err);
    if (st == OV_OK && !s->nothing) st = parse_expressions(s, ov_json_member(json, "matchExpressions"), err);
    if (st != OV_OK) return st;
    sort_by_key(s);
    *ret = OV_TAKE(s);
    return OV_OK;
}

void selector_free(selector *s)
{
    if (!s) return;
    for (size_t i = 0; i < s->count; i++) {
        for (size_t j = 0; j < s->items[i].count; j++) free(s->items[i].values[j]);
        free(s->items[i].values);
        free(s->items[i].key);
    }
    free(s->items);
    free(s);
}

void selector_free_p(selector **s)
{
    selector_free(*s);
}

static bool has_value(const requirement *r, const char *value)
{
    for (size_t i = 0; i < r->count; i++)
        if (strcmp(r->values[i], value) == 0) return true;
    return false;
}

static bool requirement_holds(const requirement *r, const cJSON *labels)
{
    const cJSON *label = labels ? ov_json_member(labels, r->key) : NULL;
    const char *value = cJSON_IsString(label) ? label->valuestring : NULL;
    switch (r->op) {
    case OP_EXISTS:
        return value != NULL;
    case OP_DOES_NOT_EXIST:
        return value == NULL;
    case OP_NOT_IN:
        return !value || !has_value(r, value);
    default:
        return value && has_value(r, value);
    }
}

bool selector_matches(const selector *s, const cJSON *labels)
{
    for (size_t i = 0; i < s->count; i++)
        if (!requirement_holds(&s->items[i], labels)) return false;
    return !s->nothing;
}

bool selector_is_nothing(const selector *s)
{
    return s->nothing;
}

static void write_requirement(const requirement *r, ov_buf *out)
{
    static const char *const between[] = {
        [OP_EQUALS] = "=", [OP_IN] = " in (", [OP_NOT_IN] = " notin (", [OP_EXISTS] = "", [OP_DOES_NOT_EXIST] = ""};
    if (r->op == OP_DOES_NOT_EXIST) ov_buf_append_char(out, '!');
    ov_buf_append_c(out, r->key);
    ov_buf_append_c(out, between[r->op]);
    for (size_t i = 0; i < r->count; i++) {
        if (i > 0) ov_buf_append_char(out, ',');
        ov_buf_append_c(out, r->values[i]);
    }
    if (r->op == OP_IN || r->op == OP_NOT_IN) ov_buf_append_char(out, ')');
}

void selector_write(const selector *s, ov_buf *out)
{
    for (size_t i = 0; i < s->count; i++) {
        if (i > 0) ov_buf_append_char(out, ',');
        write_requirement(&s->items[i], out);
    }
}
