/* Reads YAML through the collector's own reader; a path's part is a member's name with [] or {} behind it. */
#include "crd_document.h"

#include <stdio.h>

#include "base/mem.h"
#include "support/check.h"
#include "yaml/yaml.h"

#include "base/poison.h"

enum { DOCUMENT_BYTES_MAX = 1 << 20, PART_BYTES = 64 };

typedef struct {
    char name[PART_BYTES];
    bool items, values; /* [] or {} follows */
} path_part;

static bool next_part(ov_str *rest, path_part *ret)
{
    ov_str part;
    if (!ov_str_split(rest, '.', &part)) return false;
    *ret = (path_part){.items = ov_str_ends(part, OV_STR("[]")), .values = ov_str_ends(part, OV_STR("{}"))};
    if (ret->items || ret->values) part.len -= 2;
    snprintf(ret->name, sizeof ret->name, "%.*s", OV_STR_ARG(part));
    return true;
}

cJSON *document_read(const char *path)
{
    size_t len;
    ov_err err = {0};
    bool more = false;
    cJSON *tree = NULL;
    OV_CLEANUP(ov_free_p) char *text = check_read_file(path, &len);
    OV_CLEANUP(ov_yaml_free_p) ov_yaml *y = ov_yaml_new_text((ov_str){text, len}, OV_YAML_EXPAND_ALIASES);
    OV_CLEANUP(ov_buf_clear) ov_buf json = OV_BUF(DOCUMENT_BYTES_MAX);
    CHECK_OK(ov_yaml_to_json(y, &json, &more, &err), &err);
    if (!CHECK(more) || !CHECK_OK(ov_json_tree(ov_buf_str(&json), &tree, &err), &err)) return NULL;
    ov_buf_reset(&json);
    CHECK_OK(ov_yaml_to_json(y, &json, &more, &err), &err);
    CHECK(!more);
    return tree;
}

const cJSON *document_spec_schema(const cJSON *definition)
{
    const cJSON *versions = ov_json_member(ov_json_member(definition, "spec"), "versions");
    const cJSON *schema = ov_json_member(cJSON_GetArrayItem(versions, 0), "schema");
    return schema_at(ov_json_member(schema, "openAPIV3Schema"), "spec");
}

const cJSON *schema_at(const cJSON *spec_schema, const char *path)
{
    ov_str rest = ov_str_of(path);
    path_part part;
    const cJSON *schema = spec_schema;
    while (schema && next_part(&rest, &part)) {
        schema = ov_json_member(ov_json_member(schema, "properties"), part.name);
        if (schema && part.items) schema = ov_json_member(schema, "items");
        if (schema && part.values) schema = ov_json_member(schema, "additionalProperties");
    }
    return schema;
}

/* The item's or member's place in its parent, made or replaced by value. */
static void put_member(cJSON *parent, const char *name, cJSON *value)
{
    cJSON_DeleteItemFromObjectCaseSensitive(parent, name);
    cJSON_AddItemToObject(parent, name, value);
}

static void put_item(cJSON *array, cJSON *value)
{
    if (!cJSON_ReplaceItemInArray(array, 0, value)) cJSON_AddItemToArray(array, value);
}

static cJSON *member_made(cJSON *parent, const char *name, bool array)
{
    cJSON *member = cJSON_GetObjectItemCaseSensitive(parent, name);
    if (!member) put_member(parent, name, member = array ? cJSON_CreateArray() : cJSON_CreateObject());
    return member;
}

void value_put(cJSON *spec, const char *path, cJSON *value)
{
    ov_str rest = ov_str_of(path);
    path_part part;
    cJSON *at = spec;
    while (next_part(&rest, &part)) {
        bool last = rest.len == 0;
        if (last && !part.items && !part.values) {
            put_member(at, part.name, value);
            return;
        }
        at = member_made(at, part.name, part.items);
        if (last && part.items) put_item(at, value);
        if (last && part.values) put_member(at, "k", value);
        if (!last && part.items) at = cJSON_GetArrayItem(at, 0);
    }
}
