/* Reads dumps: documents from YAML or JSON, their objects checked first, then given in a second walk. */
#include "services/collector/cluster/dump.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "json/fields.h"
#include "yaml/yaml.h"

#include "base/poison.h"

enum { PLACE_MAX = 96, ITEM_PLACE_MAX = 160, MEMBER_PATH_MAX = 256, KIND_SHOWN_MAX = 60 };

/* What is read of a list or an object without a tree. */
typedef struct {
    ov_str api_version, kind, metadata, items;
    ov_str name, ns;
    ov_json_arena arena;
} outline;

static const ov_field outline_fields[] = {
    {"apiVersion", OV_FIELD_STRING, false, offsetof(outline, api_version)},
    {"kind", OV_FIELD_STRING, false, offsetof(outline, kind)},
    {"metadata", OV_FIELD_OBJECT, false, offsetof(outline, metadata)},
    {"items", OV_FIELD_ARRAY, false, offsetof(outline, items)},
};
static const ov_field metadata_fields[] = {
    {"name", OV_FIELD_STRING, false, offsetof(outline, name)},
    {"namespace", OV_FIELD_STRING, false, offsetof(outline, ns)},
};

typedef struct {
    dump_part part;
    void (*each)(void *arg, const dump_object *object); /* NULL: only checked and counted */
    void *arg;
    dump *counted;
} walk;

static void outline_clear(outline *o)
{
    ov_json_arena_clear(&o->arena);
}

static ov_status outline_read(ov_str json, outline *ret, const char *place, ov_err *err)
{
    return ov_json_fields_of(json, outline_fields, OV_COUNT(outline_fields), ret, &ret->arena, place, err);
}

static ov_status name_check(ov_str name, bool required, const char *path, const char *member, ov_err *err)
{
    if (required && name.len == 0) return ov_fail(err, OV_INVALID, "%s.%s: missing", path, member);
    if (name.len > CLUSTER_NAME_MAX)
        return ov_fail(err, OV_INVALID, "%s.%s: longer than %d bytes", path, member, CLUSTER_NAME_MAX);
    return OV_OK;
}

static ov_status read_names(outline *o, const char *place, ov_err *err)
{
    char path[MEMBER_PATH_MAX];
    ov_status st = OV_OK;
    snprintf(path, sizeof path, "%smetadata", place);
    if (o->metadata.len > 0)
        st = ov_json_fields_of(o->metadata, metadata_fields, OV_COUNT(metadata_fields), o, &o->arena, path, err);
    if (st == OV_OK) st = name_check(o->name, true, path, "name", err);
    return st == OV_OK ? name_check(o->ns, false, path, "namespace", err) : st;
}

/* A list has none: an object of a kind such as IPAllowList has. */
static bool has_name(outline *o)
{
    ov_err ignored = {0};
    return read_names(o, "", &ignored) == OV_OK;
}

static void give(const walk *w, const dump_object *object)
{
    bool is_tracker = ov_str_eq(object->kind, OV_STR(CLUSTER_TRACKERS));
    if (w->counted && is_tracker) w->counted->trackers++;
    if (w->counted && !is_tracker) w->counted->objects++;
    if (w->each && is_tracker == (w->part == DUMP_TRACKERS)) w->each(w->arg, object);
}

/* api_version and kind are the list's for its items, which may leave theirs out. */
static ov_status walk_object(const walk *w, ov_str json, ov_str api_version, ov_str kind, const char *place,
                             ov_err *err)
{
    OV_CLEANUP(outline_clear) outline o = {.api_version = api_version, .kind = kind};
    ov_status st = outline_read(json, &o, place, err);
    if (st != OV_OK) return st;
    if (o.kind.len == 0)
        return ov_fail(err, OV_INVALID, "%skind: missing: expected a Kubernetes object or a List, whole", place);
    if (o.api_version.len == 0) return ov_fail(err, OV_INVALID, "%sapiVersion: missing", place);
    char room[KIND_TEXT_MAX];
    ov_str all = cluster_kind(o.api_version, o.kind, room);
    if (all.len == 0) return OV_OK;
    bool is_ours = all.ptr != room; /* else it need not be an object of a cluster at all */
    ov_err ignored = {0};
    st = read_names(&o, place, is_ours ? err : &ignored);
    if (st == OV_OK) give(w, &(dump_object){all, o.ns, o.name, json});
    return is_ours ? st : OV_OK;
}

static ov_status walk_items(const walk *w, const outline *list, const char *place, ov_err *err)
{
    ov_json_reader r;
    bool more = false;
    /* "PodList" as the API writes it: its items may lack what the list says already. */
    ov_str item_kind = ov_str_sub(list->kind, 0, list->kind.len - strlen("List"));
    ov_str item_version = item_kind.len > 0 ? list->api_version : (ov_str){0};
    ov_json_reader_init(&r, list->items);
    ov_status st = ov_json_array_begin(&r, place, err);
    for (size_t i = 0; st == OV_OK; i++) {
        char item_place[ITEM_PLACE_MAX];
        ov_str json;
        st = ov_json_array_next(&r, &more, place, err);
        if (st != OV_OK || !more) return st;
        snprintf(item_place, sizeof item_place, "%sitems[%zu]: ", place, i);
        st = ov_json_skip(&r, &json, err);
        if (st == OV_OK) st = walk_object(w, json, item_version, item_kind, item_place, err);
    }
    return st;
}

static ov_status walk_document(const walk *w, ov_str json, const char *place, ov_err *err)
{
    OV_CLEANUP(outline_clear) outline o = {0};
    ov_status st = outline_read(json, &o, place, err);
    if (st != OV_OK) return st;
    bool is_list = ov_str_ends(o.kind, OV_STR("List"));
    if (is_list && o.items.len > 0) return walk_items(w, &o, place, err);
    if (is_list && !has_name(&o)) return OV_OK;
    if (o.items.len == 0) return walk_object(w, json, (ov_str){0}, (ov_str){0}, place, err);
    if (o.kind.len == 0) return ov_fail(err, OV_INVALID, "%skind: missing behind items: the dump is cut off", place);
    ov_str shown = ov_str_sub(o.kind, 0, KIND_SHOWN_MAX);
    return ov_fail(err, OV_INVALID, "%skind: \"%.*s\": expected List, because it has items", place, OV_STR_ARG(shown));
}

static ov_status walk_all(const dump *d, const walk *w, ov_err *err)
{
    for (size_t i = 0; i < d->count; i++) {
        char place[PLACE_MAX];
        snprintf(place, sizeof place, "document %zu: ", i + 1);
        ov_status st = walk_document(w, (ov_str){d->documents[i].json, d->documents[i].len}, place, err);
        if (st != OV_OK) return st;
    }
    return OV_OK;
}

void dump_each(const dump *d, dump_part part, void (*each)(void *arg, const dump_object *object), void *arg)
{
    walk w = {.part = part, .each = each, .arg = arg};
    ov_err ignored = {0};
    (void)!walk_all(d, &w, &ignored); /* was checked when it was parsed */
}

/* ---- parsing ---- */

void dump_clear(dump *d)
{
    for (size_t i = 0; i < d->count; i++) free(d->documents[i].json);
    free(d->documents);
    *d = (dump){0};
}

static ov_status add_document(dump *d, char *json, size_t len, ov_err *err)
{
    if (d->count == DUMP_DOCUMENTS_MAX) {
        free(json);
        return ov_fail(err, OV_INVALID, "more than %d documents", DUMP_DOCUMENTS_MAX);
    }
    ov_grow(&d->documents, &d->cap, d->count + 1, sizeof *d->documents);
    d->documents[d->count++] = (dump_document){json, len};
    d->bytes += len;
    return OV_OK;
}

static ov_status parse_yaml(ov_str text, dump *d, ov_err *err)
{
    OV_CLEANUP(ov_yaml_free_p) ov_yaml *y = ov_yaml_new_text(text, OV_YAML_EXPAND_ALIASES);
    ov_status st = OV_OK;
    while (st == OV_OK) {
        OV_CLEANUP(ov_buf_clear) ov_buf json = OV_BUF(DUMP_JSON_MAX - d->bytes);
        bool more = false;
        st = ov_yaml_to_json(y, &json, &more, err);
        if (st != OV_OK || !more) return st;
        if (ov_str_eq(ov_buf_str(&json), OV_STR("null"))) continue; /* nothing between two "---" */
        size_t len;
        char *taken = ov_buf_take(&json, &len);
        st = add_document(d, taken, len, err);
    }
    return st;
}

/* The reader's "offset 120: ..." as "line 7: ...", which is what an editor shows. */
static ov_status fail_line(ov_str text, const ov_err *said, ov_err *err)
{
    ov_str rest = ov_str_of(said->msg), offset = {0};
    uint64_t at = 0;
    size_t line = 1;
    bool is_offset = ov_str_starts(rest, OV_STR("offset "));
    if (is_offset) rest = ov_str_sub(rest, strlen("offset "), rest.len);
    if (!is_offset || !ov_str_split(&rest, ':', &offset) || !ov_str_to_u64(offset, &at))
        return ov_fail(err, OV_INVALID, "%s", said->msg);
    for (size_t i = 0; i < text.len && i < at; i++) line += text.ptr[i] == '\n';
    return ov_fail(err, OV_INVALID, "line %zu:%.*s", line, OV_STR_ARG(rest));
}

static ov_status parse_json(ov_str text, dump *d, ov_err *err)
{
    ov_json_reader r;
    ov_json_token end;
    ov_str raw;
    ov_err said = {0};
    ov_str trimmed = ov_str_trim(text);
    if (trimmed.len == 0) return OV_OK;
    ov_json_reader_init(&r, text);
    ov_status st = ov_json_skip(&r, &raw, &said);
    if (st == OV_OK) st = ov_json_next(&r, &end, &said);
    if (st != OV_OK) return fail_line(text, &said, err);
    return add_document(d, ov_dup(raw), raw.len, err);
}

ov_status dump_parse(dump_form form, ov_str text, dump *ret, ov_err *err)
{
    OV_CLEANUP(dump_clear) dump d = {0};
    const ov_str byte_order_mark = OV_STR("\xEF\xBB\xBF");
    if (ov_str_starts(text, byte_order_mark)) text = ov_str_sub(text, byte_order_mark.len, text.len);
    ov_status st = form == DUMP_YAML ? parse_yaml(text, &d, err) : parse_json(text, &d, err);
    if (st == OV_OK && d.count == 0) return ov_fail(err, OV_INVALID, "empty: expected a Kubernetes object or a List");
    if (st == OV_OK) st = walk_all(&d, &(walk){.counted = &d}, err);
    if (st != OV_OK) return st;
    *ret = d;
    d = (dump){0};
    return OV_OK;
}
