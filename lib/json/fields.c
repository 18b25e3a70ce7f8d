/* Decodes objects by tables of their members. */
#include "json/fields.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "json/scan.h"

#include "base/poison.h"

enum { ARENA_BLOCK = 4096, SHOWN_MAX = 40, FIELDS_MAX = 64 };

struct ov_json_arena_block {
    struct ov_json_arena_block *next;
    size_t used, size;
    char bytes[];
};

void ov_json_arena_clear(ov_json_arena *a)
{
    while (a->blocks) {
        struct ov_json_arena_block *next = a->blocks->next;
        free(a->blocks);
        a->blocks = next;
    }
}

static char *arena_room(ov_json_arena *a, size_t len)
{
    struct ov_json_arena_block *b = a->blocks;
    if (!b || b->size - b->used < len) {
        size_t size = len > ARENA_BLOCK ? len : ARENA_BLOCK;
        b = ov_alloc(sizeof *b + size);
        b->next = a->blocks;
        b->used = 0;
        b->size = size;
        a->blocks = b;
    }
    b->used += len;
    return b->bytes + b->used - len;
}

ov_str ov_json_arena_copy(ov_json_arena *a, ov_str s)
{
    if (!s.len) return OV_STR("");
    char *room = arena_room(a, s.len);
    memcpy(room, s.ptr, s.len);
    return (ov_str){room, s.len};
}

static ov_str token_text(const ov_json_token *t, ov_json_arena *arena)
{
    if (!t->escaped) return t->raw;
    char *room = arena_room(arena, t->raw.len);
    return (ov_str){room, ov_json_decode(t->raw, room)};
}

/* "path" and a member's name as errors write them. */
typedef struct {
    const char *path, *name; /* name may be NULL: the path itself */
} place;

static const char *separator(place p)
{
    size_t len = strlen(p.path);
    return !p.name || !len || p.path[len - 1] == ' ' ? "" : ".";
}

/* The path without a ": " at its end, which the message brings itself when no name stands between. */
static int shown_path_len(place p)
{
    size_t len = strlen(p.path);
    if (!p.name && len >= 2 && p.path[len - 1] == ' ' && p.path[len - 2] == ':') len -= 2;
    return (int)len;
}

static ov_status fail_at(place p, const char *what, ov_err *err)
{
    return ov_fail(err, OV_INVALID, "%.*s%s%s: %s", shown_path_len(p), p.path, separator(p), p.name ? p.name : "",
                   what);
}

/* Not more than max bytes of s, cut between characters. */
static ov_str cut_text(ov_str s, size_t max)
{
    if (s.len <= max) return s;
    while (max && ((unsigned char)s.ptr[max] & 0xC0) == 0x80) max--;
    return ov_str_sub(s, 0, max);
}

static ov_status fail_type(place p, const ov_json_token *t, const char *expected, ov_err *err)
{
    ov_str raw = cut_text(t->raw, SHOWN_MAX);
    const char *quote = t->type == OV_JSON_STRING ? "\"" : "", *cut = raw.len < t->raw.len ? "..." : "";
    if (t->type == OV_JSON_OBJECT) raw = OV_STR("an object");
    if (t->type == OV_JSON_ARRAY) raw = OV_STR("an array");
    if (t->type == OV_JSON_END) raw = OV_STR("nothing");
    return ov_fail(err, OV_INVALID, "%.*s%s%s: %s%.*s%s%s: expected %s", shown_path_len(p), p.path, separator(p),
                   p.name ? p.name : "", quote, OV_STR_ARG(raw), cut, quote, expected);
}

/* The reader's own complaint, behind the path. */
static ov_status fail_syntax(place p, ov_err *err)
{
    if (!err) return OV_INVALID;
    ov_err inner = *err;
    return fail_at((place){.path = p.path}, inner.msg, err);
}

static ov_status next_token(ov_json_reader *r, ov_json_token *t, place p, ov_err *err)
{
    return ov_json_next(r, t, err) == OV_OK ? OV_OK : fail_syntax(p, err);
}

static ov_status read_raw(ov_json_reader *r, const ov_field *f, ov_str *ret, bool *present, place p, ov_err *err)
{
    ov_str raw;
    if (ov_json_skip(r, &raw, err) != OV_OK) return fail_syntax(p, err);
    if (ov_str_eq(raw, OV_STR("null"))) {
        *present = false;
        return OV_OK;
    }
    char open = f->type == OV_FIELD_OBJECT ? '{' : '[';
    if (f->type != OV_FIELD_RAW && raw.ptr[0] != open) {
        ov_json_reader again;
        ov_json_token t;
        ov_json_reader_init(&again, raw);
        if (ov_json_next(&again, &t, err) != OV_OK) return fail_syntax(p, err);
        return fail_type(p, &t, open == '{' ? "an object" : "an array", err);
    }
    *ret = raw;
    return OV_OK;
}

static ov_status read_scalar(ov_json_reader *r, const ov_field *f, void *to, ov_json_arena *arena, bool *present,
                             place p, ov_err *err)
{
    ov_json_token t;
    ov_status st = next_token(r, &t, p, err);
    if (st != OV_OK) return st;
    if (t.type == OV_JSON_NULL) {
        *present = false;
        return OV_OK;
    }
    switch (f->type) {
    case OV_FIELD_STRING:
        if (t.type != OV_JSON_STRING) return fail_type(p, &t, "a string", err);
        *(ov_str *)to = token_text(&t, arena);
        return OV_OK;
    case OV_FIELD_I64:
        return ov_json_token_i64(&t, to, NULL) == OV_OK ? OV_OK : fail_type(p, &t, "an integer", err);
    default:
        if (t.type != OV_JSON_TRUE && t.type != OV_JSON_FALSE) return fail_type(p, &t, "true or false", err);
        *(bool *)to = t.type == OV_JSON_TRUE;
        return OV_OK;
    }
}

static ov_status read_field(ov_json_reader *r, const ov_field *f, void *target, ov_json_arena *arena, bool *present,
                            const char *path, ov_err *err)
{
    void *to = (char *)target + f->offset;
    place p = {path, f->name};
    *present = true;
    if (f->type == OV_FIELD_STRING || f->type == OV_FIELD_I64 || f->type == OV_FIELD_BOOL)
        return read_scalar(r, f, to, arena, present, p, err);
    return read_raw(r, f, to, present, p, err);
}

/* Without a copy or strlen: a checked token holds no NUL, so equal bytes mean that name is at least as long. */
static bool is_named(const ov_json_token *t, const char *name)
{
    if (t->escaped) return ov_json_token_is(t, ov_str_of(name));
    return strncmp(name, t->raw.ptr, t->raw.len) == 0 && !name[t->raw.len];
}

/* The field's index, or count. Members usually come in the table's order: the search starts behind the last hit. */
static size_t find_field(const ov_field *fields, size_t count, size_t from, const ov_json_token *name)
{
    for (size_t i = 0; i < count; i++) {
        size_t at = from + i < count ? from + i : from + i - count;
        if (is_named(name, fields[at].name)) return at;
    }
    return count;
}

static ov_status check_required(const ov_field *fields, size_t count, uint64_t present, const char *path, ov_err *err)
{
    for (size_t i = 0; i < count; i++) {
        if (fields[i].required && !(present >> i & 1)) return fail_at((place){path, fields[i].name}, "missing", err);
    }
    return OV_OK;
}

ov_status ov_json_fields(ov_json_reader *r, const ov_field *fields, size_t count, void *target, ov_json_arena *arena,
                         const char *path, ov_err *err)
{
    assert(count <= FIELDS_MAX);
    uint64_t seen = 0, present = 0;
    size_t from = 0;
    ov_status st = ov_json_object_begin(r, path, err);
    while (st == OV_OK) {
        ov_json_token t;
        st = next_token(r, &t, (place){.path = path}, err);
        if (st != OV_OK) return st;
        if (t.type == OV_JSON_OBJECT_END) return check_required(fields, count, present, path, err);
        size_t i = find_field(fields, count, from, &t);
        if (i == count) {
            ov_str ignored;
            if (ov_json_skip(r, &ignored, err) != OV_OK) return fail_syntax((place){.path = path}, err);
            continue;
        }
        uint64_t bit = UINT64_C(1) << i;
        if (seen & bit) return fail_at((place){path, fields[i].name}, "stands twice", err);
        bool here;
        st = read_field(r, &fields[i], target, arena, &here, path, err);
        seen |= bit;
        present |= here ? bit : 0;
        from = i + 1 < count ? i + 1 : 0;
    }
    return st;
}

ov_status ov_json_fields_of(ov_str text, const ov_field *fields, size_t count, void *target, ov_json_arena *arena,
                            const char *path, ov_err *err)
{
    ov_json_reader r;
    ov_json_token end;
    ov_json_reader_init(&r, text);
    ov_status st = ov_json_fields(&r, fields, count, target, arena, path, err);
    return st == OV_OK ? next_token(&r, &end, (place){.path = path}, err) : st;
}

static ov_status begin_level(ov_json_reader *r, ov_json_type type, const char *path, ov_err *err)
{
    ov_json_token t;
    place p = {.path = path};
    ov_status st = next_token(r, &t, p, err);
    if (st != OV_OK) return st;
    if (t.type == type) return OV_OK;
    return fail_type(p, &t, type == OV_JSON_OBJECT ? "an object" : "an array", err);
}

ov_status ov_json_array_begin(ov_json_reader *r, const char *path, ov_err *err)
{
    return begin_level(r, OV_JSON_ARRAY, path, err);
}

ov_status ov_json_array_next(ov_json_reader *r, bool *ret_more, const char *path, ov_err *err)
{
    if (ov_json_more(r, ret_more, err) != OV_OK) return fail_syntax((place){.path = path}, err);
    return OV_OK;
}

ov_status ov_json_string(ov_json_reader *r, ov_str *ret, ov_json_arena *arena, const char *path, ov_err *err)
{
    ov_json_token t;
    place p = {.path = path};
    ov_status st = next_token(r, &t, p, err);
    if (st != OV_OK) return st;
    if (t.type != OV_JSON_STRING) return fail_type(p, &t, "a string", err);
    *ret = token_text(&t, arena);
    return OV_OK;
}

ov_status ov_json_object_begin(ov_json_reader *r, const char *path, ov_err *err)
{
    return begin_level(r, OV_JSON_OBJECT, path, err);
}

ov_status ov_json_object_next(ov_json_reader *r, bool *ret_more, ov_str *ret_name, ov_json_arena *arena,
                              const char *path, ov_err *err)
{
    ov_json_token t;
    ov_status st = next_token(r, &t, (place){.path = path}, err);
    if (st != OV_OK) return st;
    *ret_more = t.type == OV_JSON_NAME;
    if (*ret_more) *ret_name = token_text(&t, arena);
    return OV_OK;
}
