/* Stream configurations as tables of the fields that we own, applied to a new object or to an existing one. */
#include "bus/stream_config.h"

#include <stdlib.h>

#include "bus/api.h"
#include "bus/internal.h"

#include "base/poison.h"

enum { NUMBERS = 6, BOOLS = 2, TEXTS = 4, UNOWNED = -2, SUBJECT_MAX = 300 };

typedef struct {
    const char *name;
    int64_t value; /* UNOWNED: stays as it is */
    bool no_limit_is_0_or_minus_1;
} number_field;

typedef struct {
    const char *name, *value; /* NULL: stays as it is */
    bool fixed;               /* cannot be changed once the stream is there */
} text_field;

/* ---- what we want ---- */

static int64_t as_ns(int64_t ms)
{
    return ms * 1000000;
}

static int64_t duplicate_window(const ov_bus_stream *w)
{
    if (w->duplicate_window_ms <= 0) return UNOWNED;
    bool too_long = w->max_age_ms > 0 && w->duplicate_window_ms > w->max_age_ms; /* the server refuses that */
    return as_ns(too_long ? w->max_age_ms : w->duplicate_window_ms);
}

static void numbers_of(const ov_bus_stream *w, number_field out[NUMBERS])
{
    int64_t per_subject = w->bucket && w->max_msgs_per_subject <= 0 ? 1 : w->max_msgs_per_subject;
    const number_field fields[NUMBERS] = {
        {"max_age", as_ns(w->max_age_ms), false},
        {"max_bytes", w->max_bytes, true},
        {"max_msgs", w->max_msgs, true},
        {"max_msgs_per_subject", per_subject, true},
        {"duplicate_window", duplicate_window(w), false},
        {"num_replicas", w->replicas ? (int64_t)w->replicas : 1, false},
    };
    memcpy(out, fields, sizeof fields);
}

static void texts_of(const ov_bus_stream *w, text_field out[TEXTS])
{
    const text_field fields[TEXTS] = {
        {"storage", w->memory ? "memory" : "file", true},
        {"retention", w->retention == OV_RETENTION_WORKQUEUE ? "workqueue" : "limits", true},
        {"description", w->description, false},
        {"discard", w->discard_new ? "new" : "old", false},
    };
    memcpy(out, fields, sizeof fields);
}

/* Not deny_delete: where purging is not safe, messages are deleted one by one (streams.c). */
static const char *const bucket_flags[BOOLS] = {"allow_rollup_hdrs", "allow_direct"};

static cJSON *subjects_of(const ov_bus_stream *w)
{
    cJSON *array = cJSON_CreateArray();
    char own[SUBJECT_MAX];
    if (w->bucket) {
        snprintf(own, sizeof own, "$KV.%s.>", w->name);
        cJSON_AddItemToArray(array, cJSON_CreateString(own));
    }
    for (const char *const *s = w->subjects; !w->bucket && s && *s; s++)
        cJSON_AddItemToArray(array, cJSON_CreateString(*s));
    return array;
}

ov_status ov_bus_stream_name(const ov_bus_stream *want, char out[OV_BUS_STREAM_NAME], ov_err *err)
{
    if (!want->name || !ov_bus_name_is_valid(want->name))
        return ov_fail(err, OV_INVALID, "stream \"%.100s\": expected a name", want->name ? want->name : "");
    snprintf(out, OV_BUS_STREAM_NAME, "%s%s", want->bucket ? "KV_" : "", want->name);
    return OV_OK;
}

/* ---- applying ---- */

/* Replaces or adds; takes item over. */
static void put(cJSON *object, const char *name, cJSON *item)
{
    cJSON_DeleteItemFromObjectCaseSensitive(object, name);
    cJSON_AddItemToObject(object, name, item);
}

static bool same_number(const cJSON *config, const number_field *f)
{
    int64_t have = ov_bus_json_int(config, f->name), want = f->value;
    if (f->no_limit_is_0_or_minus_1 && have <= 0 && want <= 0) return true;
    return have == want;
}

static bool apply_numbers(const ov_bus_stream *want, cJSON *config)
{
    bool changed = false;
    number_field fields[NUMBERS];
    numbers_of(want, fields);
    for (size_t i = 0; i < NUMBERS; i++) {
        if (fields[i].value == UNOWNED || same_number(config, &fields[i])) continue;
        bool lowers = ov_str_eq(ov_str_of(fields[i].name), OV_STR("num_replicas")) &&
                      ov_bus_json_int(config, fields[i].name) > fields[i].value;
        if (lowers) continue;
        put(config, fields[i].name, cJSON_CreateNumber((double)fields[i].value));
        changed = true;
    }
    return changed;
}

static ov_status apply_texts(const ov_bus_stream *want, cJSON *config, bool *changed, ov_err *err)
{
    text_field fields[TEXTS];
    texts_of(want, fields);
    for (size_t i = 0; i < TEXTS; i++) {
        const cJSON *item = ov_json_member(config, fields[i].name);
        ov_str have = ov_json_member_str(config, fields[i].name);
        if (!fields[i].value || ov_str_eq(have, ov_str_of(fields[i].value))) continue;
        if (item && fields[i].fixed)
            return ov_fail(err, OV_INVALID, "stream %s%s: %s is %.*s, wanted %s", want->bucket ? "KV_" : "", want->name,
                           fields[i].name, OV_STR_ARG(have), fields[i].value);
        put(config, fields[i].name, cJSON_CreateString(fields[i].value));
        *changed = true;
    }
    return OV_OK;
}

static bool apply_flags(const ov_bus_stream *want, cJSON *config)
{
    bool changed = false;
    for (size_t i = 0; want->bucket && i < BOOLS; i++) {
        if (cJSON_IsTrue(ov_json_member(config, bucket_flags[i]))) continue;
        put(config, bucket_flags[i], cJSON_CreateTrue());
        changed = true;
    }
    return changed;
}

static bool has_text(const cJSON *array, const char *text)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, array)
    {
        if (cJSON_IsString(item) && ov_str_eq(ov_str_of(item->valuestring), ov_str_of(text))) return true;
    }
    return false;
}

static bool same_subjects(const cJSON *have, const cJSON *want)
{
    if (cJSON_GetArraySize(have) != cJSON_GetArraySize(want)) return false;
    const cJSON *item;
    cJSON_ArrayForEach(item, want)
    {
        if (!has_text(have, item->valuestring)) return false;
    }
    return true;
}

static bool apply_subjects(const ov_bus_stream *want, cJSON *config)
{
    OV_CLEANUP(ov_json_tree_p) cJSON *subjects = subjects_of(want);
    if (same_subjects(ov_json_member(config, "subjects"), subjects)) return false;
    put(config, "subjects", OV_TAKE(subjects));
    return true;
}

ov_status ov_bus_stream_patch(const ov_bus_stream *want, cJSON *config, bool *ret_changed, ov_err *err)
{
    bool changed = false;
    ov_status s = apply_texts(want, config, &changed, err);
    if (s) return s;
    if (apply_numbers(want, config)) changed = true;
    if (apply_flags(want, config)) changed = true;
    if (apply_subjects(want, config)) changed = true;
    *ret_changed = changed;
    return OV_OK;
}

ov_status ov_bus_stream_config(const ov_bus_stream *want, char **ret, ov_err *err)
{
    char name[OV_BUS_STREAM_NAME];
    ov_status s = ov_bus_stream_name(want, name, err);
    if (s) return s;
    OV_CLEANUP(ov_json_tree_p) cJSON *config = cJSON_CreateObject();
    cJSON_AddStringToObject(config, "name", name);
    bool changed;
    s = ov_bus_stream_patch(want, config, &changed, err);
    if (s) return s;
    *ret = ov_bus_stream_print(config);
    return OV_OK;
}

/* ---- printing ---- */

enum { CONFIG_DEPTH_MAX = 16 };

/* cJSON writes 1209600000000000 as 1.2096e+15, which the server does not take for an integer. */
static void spell_integers(cJSON *node, int depth)
{
    if (cJSON_IsNumber(node) && node->valuedouble >= -9e18 && node->valuedouble <= 9e18 &&
        (double)(int64_t)node->valuedouble == node->valuedouble) {
        char text[32];
        snprintf(text, sizeof text, "%lld", (long long)node->valuedouble);
        free(node->valuestring);
        node->valuestring = ov_dup(ov_str_of(text));
        node->type = (node->type & ~0xff) | cJSON_Raw;
        return;
    }
    for (cJSON *child = node->child; child && depth < CONFIG_DEPTH_MAX; child = child->next)
        spell_integers(child, depth + 1);
}

char *ov_bus_stream_print(cJSON *config)
{
    spell_integers(config, 0);
    return cJSON_PrintUnformatted(config);
}
