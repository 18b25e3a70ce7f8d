/* version_constraint: {constraint, version, ok, check}. */
#include "json/fields.h"
#include "kinds.h"
#include "version/constraint.h"
#include "base/poison.h"

typedef struct {
    ov_str constraint, version;
    bool ok, check;
} constraint_row;

static const ov_field fields[] = {
    {"constraint", OV_FIELD_STRING, true, offsetof(constraint_row, constraint)},
    {"version", OV_FIELD_STRING, true, offsetof(constraint_row, version)},
    {"ok", OV_FIELD_BOOL, true, offsetof(constraint_row, ok)},
    {"check", OV_FIELD_BOOL, false, offsetof(constraint_row, check)},
};

bool kind_version_constraint(ov_str row, ov_err *why)
{
    OV_CLEANUP(ov_json_arena_clear) ov_json_arena arena = {0};
    OV_CLEANUP(ov_constraint_free_p) ov_constraint *c = NULL;
    OV_CLEANUP(ov_version_free_p) ov_version *v = NULL;
    constraint_row r = {0};
    if (ov_json_fields_of(row, fields, OV_COUNT(fields), &r, &arena, "row", why) != OV_OK) return false;
    bool ok = ov_constraint_parse(r.constraint, &c, why) == OV_OK;
    if (ok != r.ok) {
        if (ok) ov_fail(why, OV_INVALID, "ok: got true");
        return false;
    }
    if (ov_version_parse(r.version, &v, why) != OV_OK) return false;
    if (!ok || ov_constraint_check(c, v) == r.check) return true;
    ov_fail(why, OV_INVALID, "check: got %s", r.check ? "false" : "true");
    return false;
}
