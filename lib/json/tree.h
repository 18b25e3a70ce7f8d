/* cJSON behind a strict door, for small or deeply walked documents (a Kubernetes object, a settings file). */
#ifndef OV_JSON_TREE_H
#define OV_JSON_TREE_H

#include <cjson/cJSON.h>

#include "base/status.h"
#include "base/str.h"

/* Parses after the pull reader has accepted the text (UTF-8, no NUL, depth, nothing behind it). The caller owns the
 * tree. Numbers keep their text in no way: integers beyond 2^53 lose digits. OV_INVALID names the offset. */
OV_MUST_CHECK ov_status ov_json_tree(ov_str text, cJSON **ret, ov_err *err);
void ov_json_tree_p(cJSON **tree); /* for OV_CLEANUP */
/* Member of an object by exact name, or NULL. */
const cJSON *ov_json_member(const cJSON *object, const char *name);
/* The member's text when it is a string; an empty str otherwise. */
ov_str ov_json_member_str(const cJSON *object, const char *name);

#endif
