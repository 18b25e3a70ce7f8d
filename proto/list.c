/* Reads and writes all versions of one thing as upstream tells them. */
#include "proto/list.h"

#include <stdlib.h>

#include "proto/end_of_life.h"
#include "proto/members.h"

#include "base/poison.h"

typedef struct {
    list l;
    int64_t schema;
    ov_str versions;
} list_wire;

static const ov_field list_fields[] = {
    {MEMBER_SCHEMA, OV_FIELD_I64, true, offsetof(list_wire, schema)},
    {MEMBER_SOURCE, OV_FIELD_STRING, true, offsetof(list_wire, l.source)},
    {MEMBER_LIST, OV_FIELD_STRING, true, offsetof(list_wire, l.list)},
    {MEMBER_TRUNCATED, OV_FIELD_BOOL, false, offsetof(list_wire, l.truncated)},
    {MEMBER_VERSIONS, OV_FIELD_ARRAY, true, offsetof(list_wire, versions)},
};
static const ov_field version_fields[] = {
    {MEMBER_VERSION, OV_FIELD_STRING, true, offsetof(list_version, version)},
    {MEMBER_APP_VERSION, OV_FIELD_STRING, false, offsetof(list_version, app_version)},
    {MEMBER_DATE, OV_FIELD_I64, false, offsetof(list_version, date_s)},
    {MEMBER_PRERELEASE, OV_FIELD_BOOL, false, offsetof(list_version, prerelease)},
    {MEMBER_DEPRECATED, OV_FIELD_BOOL, false, offsetof(list_version, deprecated)},
    {MEMBER_CYCLE, OV_FIELD_STRING, false, offsetof(list_version, cycle)},
    {MEMBER_EOL_FROM, OV_FIELD_I64, false, offsetof(list_version, eol_s)},
    {MEMBER_IS_EOL, OV_FIELD_BOOL, false, offsetof(list_version, is_eol)},
};

static ov_status version_check(const list_version *v, size_t i, ov_err *err)
{
    if (v->version.len > LIST_VERSION_BYTES_MAX || v->app_version.len > LIST_VERSION_BYTES_MAX)
        return ov_fail(err, OV_INVALID, "list: " MEMBER_VERSIONS "[%zu]: more than %d bytes", i,
                       LIST_VERSION_BYTES_MAX);
    if (v->cycle.len > LIST_CYCLE_BYTES_MAX)
        return ov_fail(err, OV_INVALID, "list: " MEMBER_VERSIONS "[%zu]." MEMBER_CYCLE ": more than %d bytes", i,
                       LIST_CYCLE_BYTES_MAX);
    if (v->eol_s < 0 || v->eol_s > END_OF_LIFE_S_MAX)
        return ov_fail(err, OV_INVALID,
                       "list: " MEMBER_VERSIONS "[%zu]." MEMBER_EOL_FROM ": %lld: expected Unix seconds up to 9999", i,
                       (long long)v->eol_s);
    return OV_OK;
}

static ov_status versions_check(const list *l, ov_err *err)
{
    ov_status st = OV_OK;
    for (size_t i = 0; st == OV_OK && i < l->count; i++) st = version_check(&l->versions[i], i, err);
    return st;
}

static void list_wire_clear(list_wire *w)
{
    list_clear(&w->l);
}

ov_status list_decode(ov_str body, list *ret, ov_err *err)
{
    OV_CLEANUP(list_wire_clear) list_wire w = {0};
    list *l = &w.l;
    ov_status st = size_check(body, LIST_BYTES_MAX, "list", err);
    if (st == OV_OK) st = ov_json_fields_of(body, list_fields, OV_COUNT(list_fields), &w, &l->arena, "list: ", err);
    if (st == OV_OK) st = schema_check(w.schema, "list", err);
    if (st == OV_OK && !l->source.len) st = ov_fail(err, OV_INVALID, "list: " MEMBER_SOURCE ": missing");
    if (st == OV_OK)
        st = items_decode(w.versions, version_fields, OV_COUNT(version_fields), sizeof *l->versions, LIST_VERSIONS_MAX,
                          &l->versions, &l->count, &l->arena, "list: " MEMBER_VERSIONS, err);
    if (st == OV_OK) st = versions_check(l, err);
    if (st != OV_OK) return st;
    *ret = w.l;
    w.l = (list){0};
    return OV_OK;
}

void list_clear(list *l)
{
    free(l->versions);
    ov_json_arena_clear(&l->arena);
    *l = (list){0};
}

void list_encode(const list *l, ov_buf *out)
{
    ov_json_writer w = ov_json_writer_on(out);
    ov_json_open_object(&w, NULL);
    schema_write(&w);
    ov_json_write_str(&w, MEMBER_SOURCE, l->source);
    ov_json_write_str(&w, MEMBER_LIST, l->list);
    member_write_bool(&w, MEMBER_TRUNCATED, l->truncated);
    ov_json_open_array(&w, MEMBER_VERSIONS);
    for (size_t i = 0; i < l->count; i++) {
        const list_version *v = &l->versions[i];
        ov_json_open_object(&w, NULL);
        ov_json_write_str(&w, MEMBER_VERSION, v->version);
        member_write_str(&w, MEMBER_APP_VERSION, v->app_version);
        member_write_i64(&w, MEMBER_DATE, v->date_s);
        member_write_bool(&w, MEMBER_PRERELEASE, v->prerelease);
        member_write_bool(&w, MEMBER_DEPRECATED, v->deprecated);
        member_write_str(&w, MEMBER_CYCLE, v->cycle);
        member_write_i64(&w, MEMBER_EOL_FROM, v->eol_s);
        member_write_bool(&w, MEMBER_IS_EOL, v->is_eol);
        ov_json_close_object(&w);
    }
    ov_json_close_array(&w);
    ov_json_close_object(&w);
}
