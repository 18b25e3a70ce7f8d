/* Walks a schema and a value side by side. */
#include "schema.h"

#include <regex.h>
#include <stdio.h>

#include "base/poison.h"

enum { PATH_BYTES = 512 };

static const char *const known_words[] = {"$schema", "$id",     "title",      "description", "type",
                                          "const",   "enum",    "properties", "required",    "additionalProperties",
                                          "items",   "minimum", "maximum",    "minLength",   "maxLength",
                                          "pattern"};

static ov_status words_check(const cJSON *schema, const char *path, ov_err *err)
{
    for (const cJSON *word = schema->child; word; word = word->next) {
        bool known = false;
        for (size_t i = 0; !known && i < OV_COUNT(known_words); i++) known = strcmp(word->string, known_words[i]) == 0;
        if (!known) return ov_fail(err, OV_FAILED, "%s: the schema's word %s is not known here", path, word->string);
    }
    return OV_OK;
}

static bool is_type(const cJSON *value, const char *type)
{
    if (strcmp(type, "object") == 0) return cJSON_IsObject(value);
    if (strcmp(type, "array") == 0) return cJSON_IsArray(value);
    if (strcmp(type, "string") == 0) return cJSON_IsString(value);
    if (strcmp(type, "boolean") == 0) return cJSON_IsBool(value);
    if (strcmp(type, "null") == 0) return cJSON_IsNull(value);
    if (strcmp(type, "integer") == 0)
        return cJSON_IsNumber(value) && (double)(int64_t)value->valuedouble == value->valuedouble;
    return strcmp(type, "number") == 0 && cJSON_IsNumber(value);
}

static ov_status type_check(const cJSON *type, const cJSON *value, const char *path, ov_err *err)
{
    if (!type) return OV_OK;
    if (cJSON_IsString(type)) {
        if (is_type(value, type->valuestring)) return OV_OK;
        return ov_fail(err, OV_INVALID, "%s: expected %s", path, type->valuestring);
    }
    for (const cJSON *t = type->child; t; t = t->next) {
        if (is_type(value, t->valuestring)) return OV_OK;
    }
    return ov_fail(err, OV_INVALID, "%s: expected another type", path);
}

static ov_status choice_check(const cJSON *schema, const cJSON *value, const char *path, ov_err *err)
{
    const cJSON *constant = ov_json_member(schema, "const"), *choices = ov_json_member(schema, "enum");
    if (constant && !cJSON_Compare(constant, value, true))
        return ov_fail(err, OV_INVALID, "%s: not the constant", path);
    if (!choices) return OV_OK;
    for (const cJSON *c = choices->child; c; c = c->next) {
        if (cJSON_Compare(c, value, true)) return OV_OK;
    }
    return ov_fail(err, OV_INVALID, "%s: not one of the choices", path);
}

static size_t characters(const char *text)
{
    size_t count = 0;
    for (; *text; text++) count += ((unsigned char)*text & 0xC0) != 0x80;
    return count;
}

static ov_status pattern_check(const cJSON *pattern, const char *text, const char *path, ov_err *err)
{
    regex_t re;
    if (!pattern) return OV_OK;
    if (regcomp(&re, pattern->valuestring, REG_EXTENDED | REG_NOSUB) != 0)
        return ov_fail(err, OV_FAILED, "%s: bad pattern", path);
    bool matches = regexec(&re, text, 0, NULL, 0) == 0;
    regfree(&re);
    return matches ? OV_OK : ov_fail(err, OV_INVALID, "%s: does not match %s", path, pattern->valuestring);
}

static ov_status scalar_check(const cJSON *schema, const cJSON *value, const char *path, ov_err *err)
{
    const cJSON *minimum = ov_json_member(schema, "minimum"), *maximum = ov_json_member(schema, "maximum"),
                *shortest = ov_json_member(schema, "minLength"), *longest = ov_json_member(schema, "maxLength");
    if (cJSON_IsNumber(value) && minimum && value->valuedouble < minimum->valuedouble)
        return ov_fail(err, OV_INVALID, "%s: below the minimum", path);
    if (cJSON_IsNumber(value) && maximum && value->valuedouble > maximum->valuedouble)
        return ov_fail(err, OV_INVALID, "%s: above the maximum", path);
    if (!cJSON_IsString(value)) return OV_OK;
    double length = (double)characters(value->valuestring);
    if (shortest && length < shortest->valuedouble) return ov_fail(err, OV_INVALID, "%s: too short", path);
    if (longest && length > longest->valuedouble) return ov_fail(err, OV_INVALID, "%s: too long", path);
    return pattern_check(ov_json_member(schema, "pattern"), value->valuestring, path, err);
}

/* The schema of one member; NULL: anything goes. */
static ov_status member_schema(const cJSON *schema, const cJSON *member, const char *path, const cJSON **ret,
                               ov_err *err)
{
    const cJSON *properties = ov_json_member(schema, "properties");
    const cJSON *others = ov_json_member(schema, "additionalProperties");
    *ret = ov_json_member(properties, member->string);
    if (*ret) return OV_OK;
    if (cJSON_IsObject(others)) *ret = others;
    if (others ? !cJSON_IsFalse(others) : !properties) return OV_OK;
    return ov_fail(err, OV_INVALID, "%s: not described", path);
}

static ov_status object_check(const cJSON *schema, const cJSON *value, const char *path, ov_err *err)
{
    const cJSON *required = ov_json_member(schema, "required");
    for (const cJSON *name = required ? required->child : NULL; name; name = name->next) {
        if (!ov_json_member(value, name->valuestring))
            return ov_fail(err, OV_INVALID, "%s.%s: missing", path, name->valuestring);
    }
    for (const cJSON *member = value->child; member; member = member->next) {
        char place[PATH_BYTES];
        const cJSON *its = NULL;
        snprintf(place, sizeof place, "%s.%s", path, member->string);
        ov_status st = member_schema(schema, member, place, &its, err);
        if (st == OV_OK && its) st = schema_validate(its, member, place, err);
        if (st != OV_OK) return st;
    }
    return OV_OK;
}

static ov_status array_check(const cJSON *schema, const cJSON *value, const char *path, ov_err *err)
{
    const cJSON *items = ov_json_member(schema, "items");
    size_t index = 0;
    for (const cJSON *item = value->child; items && item; item = item->next) {
        char place[PATH_BYTES];
        snprintf(place, sizeof place, "%s[%zu]", path, index++);
        ov_status st = schema_validate(items, item, place, err);
        if (st != OV_OK) return st;
    }
    return OV_OK;
}

ov_status schema_validate(const cJSON *schema, const cJSON *value, const char *path, ov_err *err)
{
    ov_status st = words_check(schema, path, err);
    if (st == OV_OK) st = type_check(ov_json_member(schema, "type"), value, path, err);
    if (st == OV_OK) st = choice_check(schema, value, path, err);
    if (st == OV_OK) st = scalar_check(schema, value, path, err);
    if (st == OV_OK && cJSON_IsObject(value)) st = object_check(schema, value, path, err);
    if (st == OV_OK && cJSON_IsArray(value)) st = array_check(schema, value, path, err);
    return st;
}
