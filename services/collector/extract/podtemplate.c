/* Walks from an object to its pod's spec and from there to one container. */
#include "podtemplate.h"

#include "base/buf.h"
#include "base/poison.h"

enum { NAMES_SHOWN_MAX = 160 };

static const char *const places[] = {".spec.template.spec", ".spec.jobTemplate.spec.template.spec", ".spec"};
static const char *const lists[] = {"containers", "initContainers", "ephemeralContainers"};

/* place is ".a.b". */
static const cJSON *at_place(const cJSON *object, const char *place)
{
    ov_str rest = ov_str_of(place + 1), part;
    char name[32];
    while (object && ov_str_split(&rest, '.', &part)) {
        if (part.len >= sizeof name) return NULL;
        memcpy(name, part.ptr, part.len);
        name[part.len] = '\0';
        object = ov_json_member(object, name);
    }
    return object;
}

static const cJSON *find_spec(const char *place, const cJSON *object)
{
    if (place) return at_place(object, place);
    for (size_t i = 0; i < OV_COUNT(places); i++) {
        const cJSON *spec = at_place(object, places[i]);
        if (spec && cJSON_IsArray(ov_json_member(spec, lists[0]))) return spec;
    }
    return NULL;
}

static ov_status fail_spec(const char *place, ov_err *err)
{
    if (place) return ov_fail(err, OV_NOT_FOUND, "%s: not found", place);
    return ov_fail(err, OV_NOT_FOUND, "no containers in %s, %s or %s", places[0], places[1], places[2]);
}

static const cJSON *first_of(const cJSON *spec, const char *list)
{
    const cJSON *array = ov_json_member(spec, list);
    return cJSON_IsArray(array) ? array->child : NULL;
}

static const cJSON *find_container(const cJSON *spec, ov_str name)
{
    if (name.len == 0) return first_of(spec, lists[0]);
    for (size_t i = 0; i < OV_COUNT(lists); i++)
        for (const cJSON *c = first_of(spec, lists[i]); c; c = c->next)
            if (ov_str_eq(ov_json_member_str(c, "name"), name)) return c;
    return NULL;
}

static ov_status fail_container(const cJSON *spec, ov_str name, ov_err *err)
{
    OV_CLEANUP(ov_buf_clear) ov_buf names = OV_BUF(NAMES_SHOWN_MAX);
    if (name.len == 0) return ov_fail(err, OV_NOT_FOUND, "there are no containers");
    for (size_t i = 0; i < OV_COUNT(lists); i++)
        for (const cJSON *c = first_of(spec, lists[i]); c; c = c->next)
            ov_buf_printf(&names, "%s%.*s", names.len > 0 ? ", " : "", OV_STR_ARG(ov_json_member_str(c, "name")));
    return ov_fail(err, OV_NOT_FOUND, "container \"%.*s\": not found, there are%s%.*s%s", OV_STR_ARG(name),
                   names.len > 0 ? ": " : " none", OV_STR_ARG(ov_buf_str(&names)), names.failed ? ", ..." : "");
}

ov_status podtemplate_image(const char *place, const cJSON *object, ov_str name, ov_str *ret, ov_err *err)
{
    const cJSON *spec = find_spec(place, object);
    if (!spec) return fail_spec(place, err);
    const cJSON *container = find_container(spec, name);
    if (!container) return fail_container(spec, name, err);
    ov_str image = ov_json_member_str(container, "image");
    if (image.len == 0)
        return ov_fail(err, OV_NOT_FOUND, "container \"%.*s\": has no image",
                       OV_STR_ARG(ov_json_member_str(container, "name")));
    *ret = image;
    return OV_OK;
}
