/* version_sort: {in[], sorted[]}; equal versions keep their places. */
#include "base/mem.h"
#include "json/fields.h"
#include "kinds.h"
#include "version/version.h"
#include "base/poison.h"

typedef struct {
    ov_str in, sorted;
} sort_row;

typedef struct {
    const ov_version **items;
    size_t count, cap;
} version_list;

static const ov_field fields[] = {
    {"in", OV_FIELD_ARRAY, true, offsetof(sort_row, in)},
    {"sorted", OV_FIELD_ARRAY, true, offsetof(sort_row, sorted)},
};

static void list_clear(version_list *list)
{
    for (size_t i = 0; i < list->count; i++) ov_version_free((ov_version *)(uintptr_t)list->items[i]);
    ov_free_p(&list->items);
}

static ov_status read_list(ov_str array, version_list *ret, ov_json_arena *arena, ov_err *why)
{
    ov_json_reader r;
    bool more = false;
    ov_json_reader_init(&r, array);
    ov_status s = ov_json_array_begin(&r, "versions", why);
    if (s == OV_OK) s = ov_json_array_next(&r, &more, "versions", why);
    while (s == OV_OK && more) {
        ov_str text;
        ov_version *v = NULL;
        s = ov_json_string(&r, &text, arena, "versions", why);
        if (s == OV_OK) s = ov_version_parse(text, &v, why);
        if (s != OV_OK) return s;
        ov_grow(&ret->items, &ret->cap, ret->count + 1, sizeof *ret->items);
        ret->items[ret->count++] = v;
        s = ov_json_array_next(&r, &more, "versions", why);
    }
    return s;
}

bool kind_version_sort(ov_str row, ov_err *why)
{
    OV_CLEANUP(ov_json_arena_clear) ov_json_arena arena = {0};
    OV_CLEANUP(list_clear) version_list in = {0};
    OV_CLEANUP(list_clear) version_list want = {0};
    sort_row r = {0};
    if (ov_json_fields_of(row, fields, OV_COUNT(fields), &r, &arena, "row", why) != OV_OK) return false;
    if (read_list(r.in, &in, &arena, why) != OV_OK || read_list(r.sorted, &want, &arena, why) != OV_OK) return false;
    ov_version_sort(in.items, in.count);
    for (size_t i = 0; i < in.count && i < want.count; i++) {
        if (ov_str_eq(in.items[i]->original, want.items[i]->original)) continue;
        ov_fail(why, OV_INVALID, "sorted[%zu]: got %.*s", i, OV_STR_ARG(in.items[i]->original));
        return false;
    }
    if (in.count == want.count) return true;
    ov_fail(why, OV_INVALID, "sorted: got %zu versions", in.count);
    return false;
}
