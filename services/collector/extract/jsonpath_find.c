/* Runs a compiled JSONPath over one object, step by step: each step maps the values so far to the next ones. */
#include <stdlib.h>

#include "base/mem.h"
#include "jsonpath_nodes.h"
#include "base/poison.h"

enum { DESCENT_MAX = 128 /* levels below a value; the JSON door allows fewer */ };

typedef struct {
    size_t budget; /* values that may still be touched */
    ov_err *err;
} path_finder;

static ov_status run_list(path_finder *f, const jsonpath_list *list, const jsonpath_values *in, jsonpath_values *out);

void jsonpath_values_clear(jsonpath_values *v)
{
    free(v->items);
    *v = (jsonpath_values){0};
}

static ov_status put(path_finder *f, jsonpath_values *out, jsonpath_value v)
{
    if (f->budget == 0) return ov_fail(f->err, OV_FAILED, "more than %d values", JSONPATH_VALUES_MAX);
    f->budget--;
    ov_grow(&out->items, &out->cap, out->count + 1, sizeof *out->items);
    out->items[out->count++] = v;
    return OV_OK;
}

static ov_status put_all(path_finder *f, jsonpath_values *out, const jsonpath_values *values)
{
    for (size_t i = 0; i < values->count; i++) {
        ov_status s = put(f, out, values->items[i]);
        if (s != OV_OK) return s;
    }
    return OV_OK;
}

static jsonpath_value json_value(const cJSON *json)
{
    return (jsonpath_value){.type = JSONPATH_JSON, .json = json};
}

bool jsonpath_value_is_null(const jsonpath_value *v)
{
    return v->type == JSONPATH_JSON && cJSON_IsNull(v->json);
}

static const char *type_name(const jsonpath_value *v)
{
    if (v->type == JSONPATH_TEXT || (v->type == JSONPATH_JSON && cJSON_IsString(v->json))) return "string";
    if (v->type != JSONPATH_JSON) return "literal";
    if (cJSON_IsObject(v->json)) return "object";
    if (cJSON_IsArray(v->json)) return "array";
    if (cJSON_IsNumber(v->json)) return "number";
    return cJSON_IsNull(v->json) ? "null" : "boolean";
}

/* The text of a string, whose "elements" are its bytes in Go; empty for everything else. */
static ov_str string_of(const jsonpath_value *v)
{
    if (v->type == JSONPATH_TEXT) return v->text;
    if (v->type == JSONPATH_JSON && cJSON_IsString(v->json)) return ov_str_of(v->json->valuestring);
    return (ov_str){0};
}

static bool is_array(const jsonpath_value *v)
{
    return v->type == JSONPATH_JSON && cJSON_IsArray(v->json);
}

static bool is_container(const jsonpath_value *v)
{
    return is_array(v) || (v->type == JSONPATH_JSON && cJSON_IsObject(v->json));
}

static ov_status run_field(path_finder *f, const char *name, const jsonpath_values *in, jsonpath_values *out)
{
    for (size_t i = 0; i < in->count; i++) {
        const jsonpath_value *v = &in->items[i];
        const cJSON *member =
            v->type == JSONPATH_JSON && cJSON_IsObject(v->json) ? ov_json_member(v->json, name) : NULL;
        ov_status s = member ? put(f, out, json_value(member)) : OV_OK;
        if (s != OV_OK) return s;
    }
    if (in->count > 0 && out->count == 0) return ov_fail(f->err, OV_NOT_FOUND, "%s is not found", name);
    return OV_OK;
}

/* Negative places count from the end. */
static ov_status resolve_slice(const jsonpath_slice *slice, int64_t len, jsonpath_slice *ret, ov_err *err)
{
    jsonpath_slice r = *slice;
    if (r.from < 0) r.from += len;
    if (!r.has_to) r.to = len;
    if (r.to < 0 || (r.to == 0 && r.to_derived)) r.to += len;
    if (!r.has_step) r.step = 1;
    *ret = r;
    if (r.from == r.to) return OV_OK;
    if (r.from < 0 || r.from >= len)
        return ov_fail(err, OV_NOT_FOUND, "array index out of bounds: index %lld, length %lld", (long long)r.from,
                       (long long)len);
    if (r.to < 0 || r.to > len)
        return ov_fail(err, OV_NOT_FOUND, "array index out of bounds: index %lld, length %lld", (long long)r.to - 1,
                       (long long)len);
    if (r.from > r.to)
        return ov_fail(err, OV_INVALID, "starting index %lld is greater than ending index %lld", (long long)r.from,
                       (long long)r.to);
    return r.step > 0 ? OV_OK : ov_fail(err, OV_INVALID, "step must be > 0");
}

static ov_status put_slice(path_finder *f, const cJSON *array, const jsonpath_slice *slice, jsonpath_values *out)
{
    int64_t at = 0;
    for (const cJSON *item = array->child; item && at < slice->to; item = item->next, at++) {
        if (at < slice->from || (at - slice->from) % slice->step != 0) continue;
        ov_status s = put(f, out, json_value(item));
        if (s != OV_OK) return s;
    }
    return OV_OK;
}

static ov_status slice_all(path_finder *f, const jsonpath_slice *slice, const jsonpath_values *in, jsonpath_values *out)
{
    for (size_t i = 0; i < in->count; i++) {
        const jsonpath_value *v = &in->items[i];
        if (jsonpath_value_is_null(v)) continue;
        if (!is_array(v)) return ov_fail(f->err, OV_INVALID, "%s is not an array", type_name(v));
        jsonpath_slice resolved;
        ov_status s = resolve_slice(slice, cJSON_GetArraySize(v->json), &resolved, f->err);
        if (s != OV_OK) return s;
        if (resolved.from == resolved.to) return OV_OK;
        s = put_slice(f, v->json, &resolved, out);
        if (s != OV_OK) return s;
    }
    return OV_OK;
}

/* A step that failed leaves its input: a filter that asks for existence takes that for a value, as the reference does.
 */
static ov_status restore_input(path_finder *f, ov_status failed, const jsonpath_values *in, jsonpath_values *out)
{
    if (failed == OV_OK || failed == OV_FAILED) return failed;
    out->count = 0;
    ov_status s = put_all(f, out, in);
    return s == OV_OK ? failed : s;
}

static ov_status put_children(path_finder *f, const jsonpath_value *v, jsonpath_values *out)
{
    ov_str text = string_of(v);
    ov_status s = OV_OK;
    for (size_t i = 0; i < text.len && s == OV_OK; i++)
        s = put(f, out, (jsonpath_value){.type = JSONPATH_INT, .i = (unsigned char)text.ptr[i]});
    if (!is_container(v)) return s;
    for (const cJSON *item = v->json->child; item && s == OV_OK; item = item->next) s = put(f, out, json_value(item));
    return s;
}

static ov_status run_wildcard(path_finder *f, const jsonpath_values *in, jsonpath_values *out)
{
    ov_status s = OV_OK;
    for (size_t i = 0; i < in->count && s == OV_OK; i++) s = put_children(f, &in->items[i], out);
    return s;
}

/* The value, if it has something inside, then what is below it. */
static ov_status descend(path_finder *f, const jsonpath_value *v, unsigned depth, jsonpath_values *out)
{
    if (depth > DESCENT_MAX) return ov_fail(f->err, OV_FAILED, "deeper than %d levels", DESCENT_MAX);
    if (string_of(v).len > 0) return put(f, out, *v);
    if (!is_container(v) || !v->json->child) return OV_OK;
    ov_status s = put(f, out, *v);
    for (const cJSON *item = v->json->child; item && s == OV_OK; item = item->next) {
        jsonpath_value child = json_value(item);
        s = descend(f, &child, depth + 1, out);
    }
    return s;
}

static ov_status run_recursive(path_finder *f, const jsonpath_values *in, jsonpath_values *out)
{
    ov_status s = OV_OK;
    for (size_t i = 0; i < in->count && s == OV_OK; i++) s = descend(f, &in->items[i], 0, out);
    return s;
}

static ov_status run_union(path_finder *f, const jsonpath_node *n, const jsonpath_values *in, jsonpath_values *out)
{
    for (size_t i = 0; i < n->list_count; i++) {
        OV_CLEANUP(jsonpath_values_clear) jsonpath_values part = {0};
        ov_status s = run_list(f, &n->lists[i], in, &part);
        if (s == OV_OK) s = put_all(f, out, &part);
        if (s != OV_OK) return s;
    }
    return OV_OK;
}

/* No value on a side: the element is left out. */
static ov_status compare_sides(path_finder *f, const jsonpath_node *n, const jsonpath_values *element,
                               const jsonpath_values *left, bool *ret_holds)
{
    static const char several[] = "can only compare one element at a time";
    OV_CLEANUP(jsonpath_values_clear) jsonpath_values right = {0};
    *ret_holds = false;
    if (left->count == 0) return OV_OK;
    if (left->count > 1) return ov_fail(f->err, OV_INVALID, several);
    ov_status s = run_list(f, &n->lists[1], element, &right);
    if (s != OV_OK || right.count == 0) return s;
    if (right.count > 1) return ov_fail(f->err, OV_INVALID, several);
    return jsonpath_compare(&left->items[0], &right.items[0], n->op, ret_holds, f->err);
}

static ov_status filter_element(path_finder *f, const jsonpath_node *n, const cJSON *item, jsonpath_values *out)
{
    jsonpath_value value = json_value(item);
    jsonpath_values element = {.items = &value, .count = 1};
    OV_CLEANUP(jsonpath_values_clear) jsonpath_values left = {0};
    ov_status s = run_list(f, &n->lists[0], &element, &left);
    bool holds = left.count > 0;
    if (n->op == FILTER_EXISTS) {
        if (s == OV_FAILED) return s;
    } else {
        if (s == OV_OK) s = compare_sides(f, n, &element, &left, &holds);
        if (s != OV_OK) return s;
    }
    return holds ? put(f, out, value) : OV_OK;
}

static ov_status run_filter(path_finder *f, const jsonpath_node *n, const jsonpath_values *in, jsonpath_values *out)
{
    for (size_t i = 0; i < in->count; i++) {
        const jsonpath_value *v = &in->items[i];
        if (!is_array(v)) return ov_fail(f->err, OV_INVALID, "%s is not an array and cannot be filtered", type_name(v));
        for (const cJSON *item = v->json->child; item; item = item->next) {
            ov_status s = filter_element(f, n, item, out);
            if (s != OV_OK) return s;
        }
    }
    return OV_OK;
}

/* One for each value so far. */
static ov_status put_literals(path_finder *f, jsonpath_value literal, const jsonpath_values *in, jsonpath_values *out)
{
    ov_status s = OV_OK;
    for (size_t i = 0; i < in->count && s == OV_OK; i++) s = put(f, out, literal);
    return s;
}

static ov_status run_node(path_finder *f, const jsonpath_node *n, const jsonpath_values *in, jsonpath_values *out)
{
    switch (n->type) {
    case NODE_FIELD:
        return run_field(f, n->text, in, out);
    case NODE_TEXT: /* one, whatever came before */
        return put(f, out, (jsonpath_value){.type = JSONPATH_TEXT, .text = ov_str_of(n->text)});
    case NODE_INT:
        return put_literals(f, (jsonpath_value){.type = JSONPATH_INT, .i = n->i}, in, out);
    case NODE_FLOAT:
        return put_literals(f, (jsonpath_value){.type = JSONPATH_FLOAT, .d = n->d}, in, out);
    case NODE_BOOL:
        return put_literals(f, (jsonpath_value){.type = JSONPATH_BOOL, .b = n->b}, in, out);
    case NODE_IDENTIFIER:
        return restore_input(f, ov_fail(f->err, OV_INVALID, "unrecognized identifier %s", n->text), in, out);
    case NODE_SLICE:
        return restore_input(f, slice_all(f, &n->slice, in, out), in, out);
    case NODE_WILDCARD:
        return run_wildcard(f, in, out);
    case NODE_RECURSIVE:
        return run_recursive(f, in, out);
    case NODE_UNION:
        return restore_input(f, run_union(f, n, in, out), in, out);
    case NODE_FILTER:
        return restore_input(f, run_filter(f, n, in, out), in, out);
    }
    return OV_OK;
}

/* out holds what the last step gave, also when that failed. */
static ov_status run_list(path_finder *f, const jsonpath_list *list, const jsonpath_values *in, jsonpath_values *out)
{
    ov_status s = put_all(f, out, in);
    for (size_t i = 0; i < list->count && s == OV_OK; i++) {
        jsonpath_values next = {0};
        s = run_node(f, &list->nodes[i], out, &next);
        jsonpath_values_clear(out);
        *out = next;
    }
    return s;
}

ov_status jsonpath_find(const jsonpath *p, const cJSON *object, jsonpath_values *ret, ov_err *err)
{
    if (p->root.count == 0) return OV_OK;
    path_finder f = {.budget = JSONPATH_VALUES_MAX, .err = err};
    jsonpath_value whole = json_value(object);
    jsonpath_values in = {.items = &whole, .count = 1}, out = {0};
    ov_status s = run_list(&f, &p->root, &in, &out);
    if (s != OV_OK) {
        jsonpath_values_clear(&out);
        return s;
    }
    *ret = out;
    return OV_OK;
}
