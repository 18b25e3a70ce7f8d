/* Finds the tracker's one value in an object and takes the version out of it. */
#include "extract.h"

#include "image.h"
#include "podtemplate.h"
#include "base/poison.h"

enum { VALUE_SHOWN_MAX = 160 };

static const char *const names[] = {
    [EXTRACT_FINE] = "fine",
    [EXTRACT_NOT_FOUND] = "notFound",
    [EXTRACT_NOT_ONE] = "notOne",
    [EXTRACT_NOT_IMAGE] = "notAnImage",
    [EXTRACT_DIGEST_ONLY] = "digestOnly",
    [EXTRACT_NOT_MATCHED] = "notMatched",
    [EXTRACT_EMPTY] = "empty",
    [EXTRACT_TOO_LONG] = "tooLong",
    [EXTRACT_LIMIT] = "limit",
};

const char *extract_outcome_name(extract_outcome outcome)
{
    return names[outcome];
}

static extract_outcome fail(ov_err *err, extract_outcome outcome, ov_str value, const char *why)
{
    int shown = value.len < VALUE_SHOWN_MAX ? (int)value.len : VALUE_SHOWN_MAX;
    ov_fail(err, OV_INVALID, "\"%.*s\": %s", shown, value.ptr ? value.ptr : "", why);
    return outcome;
}

static extract_outcome write_value(const jsonpath_values *values, ov_str path, ov_buf *from, ov_err *err)
{
    if (values->count != 1)
        return fail(err, EXTRACT_NOT_ONE, path, values->count == 0 ? "no value" : "more than one value");
    if (jsonpath_value_is_null(&values->items[0])) return fail(err, EXTRACT_NOT_FOUND, path, "is null");
    jsonpath_value_write(&values->items[0], from);
    return ov_buf_finish(from, "field's value", err) == OV_OK ? EXTRACT_FINE : EXTRACT_TOO_LONG;
}

static extract_outcome find_image(const tracker_spec *t, const cJSON *object, ov_buf *from, ov_err *err)
{
    ov_str image = {0};
    const char *place = t->kind.builtin ? t->kind.builtin->pod : NULL;
    if (podtemplate_image(place, object, t->container, &image, err) != OV_OK) return EXTRACT_NOT_FOUND;
    ov_buf_append_str(from, image);
    return ov_buf_finish(from, "image", err) == OV_OK ? EXTRACT_FINE : EXTRACT_TOO_LONG;
}

static extract_outcome find_value(const tracker_spec *t, const cJSON *object, ov_buf *from, ov_err *err)
{
    if (!t->path) return find_image(t, object, from, err);
    OV_CLEANUP(jsonpath_values_clear) jsonpath_values values = {0};
    ov_status s = jsonpath_find(t->path, object, &values, err);
    if (s == OV_OK) return write_value(&values, t->field_selector, from, err);
    return s == OV_FAILED ? EXTRACT_LIMIT : EXTRACT_NOT_FOUND;
}

/* Of an image reference the digest is never part of a version: it is cut off before a pattern sees the text, and all
 * but the tag where the tag is the version. A text that is no reference is left to a pattern of the user's own. */
static extract_outcome cut_image(const tracker_spec *t, ov_str *value, ov_err *err)
{
    image_ref ref;
    ov_err ignored = {0};
    if (t->strategy != LOCAL_IMAGE_TAG) return EXTRACT_FINE;
    if (image_parse(*value, &ref, &ignored) != OV_OK)
        return t->tag_pattern ? fail(err, EXTRACT_NOT_IMAGE, *value, "not an image reference") : EXTRACT_FINE;
    if (ref.tag.len == 0 && ref.digest.len > 0)
        return fail(err, EXTRACT_DIGEST_ONLY, *value, "a digest without a tag says no version");
    if (ref.tag.len == 0 && t->tag_pattern)
        return fail(err, EXTRACT_NOT_MATCHED, *value, "the image reference has no tag");
    if (t->tag_alone)
        *value = ref.tag;
    else if (ref.digest.len > 0)
        value->len -= ref.digest.len + 1;
    return EXTRACT_FINE;
}

static extract_outcome apply(const tracker_spec *t, ov_str value, ov_buf *version, ov_err *err)
{
    bool matched = false;
    if (ov_extraction_apply(&t->extraction, value, version, &matched, err) != OV_OK) return EXTRACT_LIMIT;
    if (!matched) return fail(err, EXTRACT_NOT_MATCHED, value, "the pattern does not match");
    if (ov_buf_finish(version, "version", err) != OV_OK) return EXTRACT_TOO_LONG;
    return version->len > 0 ? EXTRACT_FINE : fail(err, EXTRACT_EMPTY, value, "the extracted version is empty");
}

extract_outcome extract_version(const tracker_spec *t, const cJSON *object, ov_buf *version, ov_buf *from, ov_err *err)
{
    ov_buf_reset(version);
    ov_buf_reset(from);
    extract_outcome outcome = find_value(t, object, from, err);
    if (outcome != EXTRACT_FINE) return outcome;
    ov_str value = ov_buf_str(from);
    outcome = cut_image(t, &value, err);
    if (outcome == EXTRACT_FINE) outcome = apply(t, value, version, err);
    if (outcome != EXTRACT_FINE) ov_buf_reset(version);
    return outcome;
}
