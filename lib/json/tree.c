/* Lets cJSON parse only what the pull reader has accepted. */
#include "json/tree.h"

#include "json/reader.h"

#include "base/poison.h"

static ov_status check(ov_str text, ov_err *err)
{
    ov_json_reader r;
    ov_json_token end;
    ov_str raw;
    ov_json_reader_init(&r, text);
    ov_status st = ov_json_skip(&r, &raw, err);
    return st == OV_OK ? ov_json_next(&r, &end, err) : st;
}

ov_status ov_json_tree(ov_str text, cJSON **ret, ov_err *err)
{
    ov_status st = check(text, err);
    if (st != OV_OK) return st;
    cJSON *tree = cJSON_ParseWithLength(text.ptr, text.len);
    if (!tree) return ov_fail(err, OV_INVALID, "offset 0: the document cannot be held as a tree");
    *ret = tree;
    return OV_OK;
}

void ov_json_tree_p(cJSON **tree)
{
    cJSON_Delete(*tree);
    *tree = NULL;
}

const cJSON *ov_json_member(const cJSON *object, const char *name)
{
    return cJSON_IsObject(object) ? cJSON_GetObjectItemCaseSensitive(object, name) : NULL;
}

ov_str ov_json_member_str(const cJSON *object, const char *name)
{
    return ov_str_of(cJSON_GetStringValue(ov_json_member(object, name)));
}
