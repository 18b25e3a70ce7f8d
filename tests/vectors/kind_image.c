/* image: {ref, ok, domain, path, tag, digest}. */
#include "json/fields.h"
#include "kinds.h"
#include "services/collector/extract/image.h"
#include "base/poison.h"

typedef struct {
    ov_str ref, domain, path, tag, digest;
    bool ok;
} image_row;

static const ov_field fields[] = {
    {"ref", OV_FIELD_STRING, true, offsetof(image_row, ref)},
    {"ok", OV_FIELD_BOOL, true, offsetof(image_row, ok)},
    {"domain", OV_FIELD_STRING, false, offsetof(image_row, domain)},
    {"path", OV_FIELD_STRING, false, offsetof(image_row, path)},
    {"tag", OV_FIELD_STRING, false, offsetof(image_row, tag)},
    {"digest", OV_FIELD_STRING, false, offsetof(image_row, digest)},
};

static bool same(ov_err *why, const char *what, ov_str got, ov_str want)
{
    if (ov_str_eq(got, want)) return true;
    ov_fail(why, OV_INVALID, "%s: got \"%.*s\"", what, OV_STR_ARG(got));
    return false;
}

bool kind_image(ov_str row, ov_err *why)
{
    OV_CLEANUP(ov_json_arena_clear) ov_json_arena arena = {0};
    image_row r = {0};
    image_ref ref;
    if (ov_json_fields_of(row, fields, OV_COUNT(fields), &r, &arena, "row", why) != OV_OK) return false;
    bool ok = image_parse(r.ref, &ref, why) == OV_OK;
    if (ok != r.ok) {
        if (ok) ov_fail(why, OV_INVALID, "ok: got true");
        return false;
    }
    return !ok || (same(why, "domain", ref.domain, r.domain) && same(why, "path", image_path(&ref), r.path) &&
                   same(why, "tag", ref.tag, r.tag) && same(why, "digest", ref.digest, r.digest));
}
