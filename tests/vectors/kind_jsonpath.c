/* jsonpath: {object, expr, ok, results[], ordered}; object names a file in the folder of objects. */
#include <stdio.h>
#include <stdlib.h>

#include "base/map.h"
#include "base/mem.h"
#include "json/fields.h"
#include "kinds.h"
#include "services/collector/extract/jsonpath.h"
#include "support/check.h"
#include "base/poison.h"

enum { PATH_TEXT_MAX = 4096, RESULT_MAX = 1024 * 1024 };

typedef struct {
    ov_str object, expr, results;
    bool ok, ordered;
} jsonpath_row;

typedef struct {
    ov_str *items;
    size_t count, cap;
} text_list;

static const ov_field fields[] = {
    {"object", OV_FIELD_STRING, true, offsetof(jsonpath_row, object)},
    {"expr", OV_FIELD_STRING, true, offsetof(jsonpath_row, expr)},
    {"ok", OV_FIELD_BOOL, true, offsetof(jsonpath_row, ok)},
    {"results", OV_FIELD_ARRAY, false, offsetof(jsonpath_row, results)},
    {"ordered", OV_FIELD_BOOL, false, offsetof(jsonpath_row, ordered)},
};

static const char *objects_folder = ".";
static ov_map objects; /* parsed once, kept for all rows */

void kind_jsonpath_objects(const char *folder)
{
    static char kept[PATH_TEXT_MAX];
    snprintf(kept, sizeof kept, "%s", folder);
    objects_folder = kept;
}

static const cJSON *load_object(ov_str name, ov_err *why)
{
    char path[PATH_TEXT_MAX * 2];
    size_t len = 0;
    cJSON *tree = ov_map_get(&objects, name);
    if (tree) return tree;
    snprintf(path, sizeof path, "%s/%.*s", objects_folder, OV_STR_ARG(name));
    OV_CLEANUP(ov_free_p) char *bytes = check_read_file(path, &len);
    if (ov_json_tree((ov_str){bytes, len}, &tree, why) != OV_OK) return NULL;
    ov_map_put(&objects, name, tree);
    return tree;
}

static void list_clear(text_list *list)
{
    ov_free_p(&list->items);
}

static void add_text(text_list *list, ov_str text)
{
    ov_grow(&list->items, &list->cap, list->count + 1, sizeof *list->items);
    list->items[list->count++] = text;
}

static ov_status read_results(ov_str array, text_list *ret, ov_json_arena *arena, ov_err *why)
{
    ov_json_reader r;
    bool more = false;
    if (array.len == 0) return OV_OK;
    ov_json_reader_init(&r, array);
    ov_status s = ov_json_array_begin(&r, "results", why);
    if (s == OV_OK) s = ov_json_array_next(&r, &more, "results", why);
    while (s == OV_OK && more) {
        ov_str text;
        s = ov_json_string(&r, &text, arena, "results", why);
        if (s != OV_OK) return s;
        add_text(ret, text);
        s = ov_json_array_next(&r, &more, "results", why);
    }
    return s;
}

static void write_results(const jsonpath_values *values, text_list *ret, ov_json_arena *arena)
{
    ov_buf text = OV_BUF(RESULT_MAX);
    for (size_t i = 0; i < values->count; i++) {
        ov_buf_reset(&text);
        jsonpath_value_write(&values->items[i], &text);
        add_text(ret, ov_json_arena_copy(arena, ov_buf_str(&text)));
    }
    ov_buf_clear(&text);
}

static int by_bytes(const void *a, const void *b)
{
    return ov_str_cmp(*(const ov_str *)a, *(const ov_str *)b);
}

static bool same_results(text_list *got, text_list *want, bool ordered, ov_err *why)
{
    if (!ordered && got->count > 0) qsort(got->items, got->count, sizeof *got->items, by_bytes);
    if (!ordered && want->count > 0) qsort(want->items, want->count, sizeof *want->items, by_bytes);
    for (size_t i = 0; i < got->count && i < want->count; i++) {
        if (ov_str_eq(got->items[i], want->items[i])) continue;
        ov_fail(why, OV_INVALID, "results[%zu]: got \"%.*s\"", i, OV_STR_ARG(got->items[i]));
        return false;
    }
    if (got->count == want->count) return true;
    ov_fail(why, OV_INVALID, "results: got %zu", got->count);
    return false;
}

static bool run(const jsonpath_row *r, const cJSON *object, jsonpath_values *ret, ov_json_arena *arena, ov_err *why)
{
    OV_CLEANUP(jsonpath_free_p) jsonpath *path = NULL;
    OV_CLEANUP(list_clear) text_list got = {0};
    OV_CLEANUP(list_clear) text_list want = {0};
    bool ok = jsonpath_compile(r->expr, &path, why) == OV_OK && jsonpath_find(path, object, ret, why) == OV_OK;
    if (ok != r->ok) {
        if (ok) ov_fail(why, OV_INVALID, "ok: got true, %zu results", ret->count);
        return false;
    }
    if (!ok) return true;
    if (read_results(r->results, &want, arena, why) != OV_OK) return false;
    write_results(ret, &got, arena);
    return same_results(&got, &want, r->ordered, why);
}

bool kind_jsonpath(ov_str row, ov_err *why)
{
    OV_CLEANUP(ov_json_arena_clear) ov_json_arena arena = {0};
    OV_CLEANUP(jsonpath_values_clear) jsonpath_values values = {0};
    jsonpath_row r = {.ordered = true};
    if (ov_json_fields_of(row, fields, OV_COUNT(fields), &r, &arena, "row", why) != OV_OK) return false;
    const cJSON *object = load_object(r.object, why);
    return object && run(&r, object, &values, &arena, why);
}
