/* What all decoders and encoders of messages share: schema numbers, choices, bounded arrays, optional members. */
#include "proto/members.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

#include "base/poison.h"

void schema_write(ov_json_writer *w)
{
    ov_json_write_i64(w, MEMBER_SCHEMA, SCHEMA_VERSION);
}

ov_status schema_check(int64_t schema, const char *what, ov_err *err)
{
    if (schema == SCHEMA_VERSION) return OV_OK;
    return ov_fail(err, OV_INVALID, "%s: " MEMBER_SCHEMA ": %" PRId64 ": expected %d", what, schema, SCHEMA_VERSION);
}

ov_status size_check(ov_str body, size_t max, const char *what, ov_err *err)
{
    return body.len <= max ? OV_OK : ov_fail(err, OV_INVALID, "%s: more than %zu bytes", what, max);
}

ov_status nonnegative_check(int64_t value, const char *path, ov_err *err)
{
    return value >= 0 ? OV_OK : ov_fail(err, OV_INVALID, "%s: %" PRId64 ": expected at least 0", path, value);
}

ov_status range_check(int64_t value, int64_t max, const char *path, ov_err *err)
{
    if (value >= 0 && value <= max) return OV_OK;
    return ov_fail(err, OV_INVALID, "%s: %" PRId64 ": expected 0 to %" PRId64, path, value, max);
}

ov_status choice_decode(ov_str text, const char *const *names, size_t count, const char *path, unsigned *ret,
                        ov_err *err)
{
    for (size_t i = 0; i < count; i++) {
        if (!ov_str_eq(text, ov_str_of(names[i]))) continue;
        *ret = (unsigned)i;
        return OV_OK;
    }
    ov_str shown = ov_str_sub(text, 0, 40);
    return ov_fail(err, OV_INVALID, "%s: \"%.*s\": unknown", path, OV_STR_ARG(shown));
}

/* Elements are read without a path; only one that fails is read again to name its place. */
static ov_status item_fields(ov_json_reader *r, const ov_field *fields, size_t field_count, void *item,
                             ov_json_arena *arena, const char *path, size_t index, ov_err *err)
{
    ov_json_reader again = *r;
    if (ov_json_fields(r, fields, field_count, item, arena, path, NULL) == OV_OK) return OV_OK;
    char place[PATH_MAX_BYTES];
    snprintf(place, sizeof place, "%s[%zu]", path, index);
    return ov_json_fields(&again, fields, field_count, item, arena, place, err);
}

static ov_status too_many(const char *path, size_t max, ov_err *err)
{
    return ov_fail(err, OV_INVALID, "%s: more than %zu items", path, max);
}

ov_status items_decode(ov_str array, const ov_field *fields, size_t field_count, size_t size, size_t max,
                       void *ret_items, size_t *ret_count, ov_json_arena *arena, const char *path, ov_err *err)
{
    if (!array.len) return OV_OK;
    OV_CLEANUP(ov_free_p) char *items = NULL;
    size_t count = 0, cap = 0;
    ov_json_reader r;
    bool more = false;
    ov_json_reader_init(&r, array);
    ov_status st = ov_json_array_begin(&r, path, err);
    if (st == OV_OK) st = ov_json_array_next(&r, &more, path, err);
    while (st == OV_OK && more) {
        if (count == max) return too_many(path, max, err);
        ov_grow(&items, &cap, count + 1, size);
        memset(items + count * size, 0, size);
        st = item_fields(&r, fields, field_count, items + count * size, arena, path, count, err);
        count++;
        if (st == OV_OK) st = ov_json_array_next(&r, &more, path, err);
    }
    if (st != OV_OK) return st;
    memcpy(ret_items, &items, sizeof items);
    items = NULL;
    *ret_count = count;
    return OV_OK;
}

static ov_status string_item(ov_json_reader *r, ov_str *ret, ov_json_arena *arena, const char *path, size_t index,
                             ov_err *err)
{
    ov_json_reader again = *r;
    if (ov_json_string(r, ret, arena, path, NULL) == OV_OK) return OV_OK;
    char place[PATH_MAX_BYTES];
    snprintf(place, sizeof place, "%s[%zu]", path, index);
    return ov_json_string(&again, ret, arena, place, err);
}

ov_status strings_decode(ov_str array, size_t max, ov_str **ret_items, size_t *ret_count, ov_json_arena *arena,
                         const char *path, ov_err *err)
{
    if (!array.len) return OV_OK;
    OV_CLEANUP(ov_free_p) ov_str *items = NULL;
    size_t count = 0, cap = 0;
    ov_json_reader r;
    bool more = false;
    ov_json_reader_init(&r, array);
    ov_status st = ov_json_array_begin(&r, path, err);
    if (st == OV_OK) st = ov_json_array_next(&r, &more, path, err);
    while (st == OV_OK && more) {
        if (count == max) return too_many(path, max, err);
        ov_str text;
        st = string_item(&r, &text, arena, path, count, err);
        if (st != OV_OK) return st;
        if (ret_items) {
            ov_grow(&items, &cap, count + 1, sizeof *items);
            items[count] = text;
        }
        count++;
        st = ov_json_array_next(&r, &more, path, err);
    }
    if (st != OV_OK || !ret_items) return st;
    *ret_items = OV_TAKE(items);
    *ret_count = count;
    return OV_OK;
}

static ov_status tag_value(ov_json_reader *r, const char *path, ov_str name, ov_err *err)
{
    ov_json_token t;
    ov_status st = ov_json_next(r, &t, err);
    if (st != OV_OK) return st;
    if (t.type == OV_JSON_STRING || t.type == OV_JSON_NULL) return OV_OK;
    ov_str shown = ov_str_sub(name, 0, 40);
    return ov_fail(err, OV_INVALID, "%s.%.*s: expected a string", path, OV_STR_ARG(shown));
}

ov_status tags_check(ov_str object, size_t max, const char *path, ov_err *err)
{
    if (!object.len) return OV_OK;
    OV_CLEANUP(ov_json_arena_clear) ov_json_arena arena = {0};
    OV_CLEANUP(ov_free_p) ov_str *names = NULL;
    size_t count = 0, cap = 0;
    ov_json_reader r;
    bool more = false;
    ov_str name;
    ov_json_reader_init(&r, object);
    ov_status st = ov_json_object_begin(&r, path, err);
    if (st == OV_OK) st = ov_json_object_next(&r, &more, &name, &arena, path, err);
    while (st == OV_OK && more) {
        if (count == max) return too_many(path, max, err);
        for (size_t i = 0; i < count; i++) {
            if (ov_str_eq(names[i], name)) return ov_fail(err, OV_INVALID, "%s: a member stands twice", path);
        }
        ov_grow(&names, &cap, count + 1, sizeof *names);
        names[count++] = name;
        st = tag_value(&r, path, name, err);
        if (st == OV_OK) st = ov_json_object_next(&r, &more, &name, &arena, path, err);
    }
    return st;
}

ov_status hex_check(ov_str text, size_t digits, const char *path, ov_err *err)
{
    bool fine = text.len == digits;
    for (size_t i = 0; fine && i < digits; i++)
        fine = (text.ptr[i] >= '0' && text.ptr[i] <= '9') || (text.ptr[i] >= 'a' && text.ptr[i] <= 'f');
    if (fine) return OV_OK;
    ov_str shown = ov_str_sub(text, 0, 40);
    return ov_fail(err, OV_INVALID, "%s: \"%.*s\": expected %zu hexadecimal digits", path, OV_STR_ARG(shown), digits);
}

void member_write_str(ov_json_writer *w, const char *name, ov_str value)
{
    if (value.len) ov_json_write_str(w, name, value);
}

void member_write_i64(ov_json_writer *w, const char *name, int64_t value)
{
    if (value) ov_json_write_i64(w, name, value);
}

void member_write_bool(ov_json_writer *w, const char *name, bool value)
{
    if (value) ov_json_write_bool(w, name, value);
}

void member_write_raw(ov_json_writer *w, const char *name, ov_str value)
{
    if (value.len) ov_json_write_raw(w, name, value);
}
