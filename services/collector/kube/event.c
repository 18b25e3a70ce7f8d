/* Reads events by a table of members, objects as trees, and takes nothing for granted. */
#include "services/collector/kube/event.h"

#include <stdio.h>

#include "json/fields.h"

#include "base/poison.h"

static const char *const type_names[] = {"ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR"};

typedef struct {
    ov_str type, object;
} event_texts;

static const ov_field event_fields[] = {
    {"type", OV_FIELD_STRING, true, offsetof(event_texts, type)},
    {"object", OV_FIELD_OBJECT, true, offsetof(event_texts, object)},
};

ov_status kube_event_parse(ov_str line, kube_event *ret, ov_err *err)
{
    OV_CLEANUP(ov_json_arena_clear) ov_json_arena arena = {0};
    event_texts texts = {0};
    ov_status st = ov_json_fields_of(line, event_fields, OV_COUNT(event_fields), &texts, &arena, "watch: ", err);
    if (st != OV_OK) return st;
    for (size_t i = 0; i < OV_COUNT(type_names); i++) {
        if (!ov_str_eq(texts.type, ov_str_of(type_names[i]))) continue;
        *ret = (kube_event){(kube_event_type)i, texts.object};
        return OV_OK;
    }
    return ov_fail(err, OV_INVALID, "watch: type: \"%.*s\": expected ADDED, MODIFIED, DELETED, BOOKMARK or ERROR",
                   OV_STR_ARG(ov_str_sub(texts.type, 0, 40)));
}

static ov_status check_length(ov_str text, size_t max, const char *what, ov_err *err)
{
    if (text.len <= max) return OV_OK;
    return ov_fail(err, OV_INVALID, "%s: more than %zu bytes", what, max);
}

ov_status kube_meta_read(const cJSON *object, kube_meta *ret, ov_err *err)
{
    const cJSON *metadata = ov_json_member(object, "metadata");
    if (!cJSON_IsObject(metadata)) return ov_fail(err, OV_INVALID, "metadata: expected an object");
    kube_meta m = {.ns = ov_json_member_str(metadata, "namespace"),
                   .name = ov_json_member_str(metadata, "name"),
                   .version = ov_json_member_str(metadata, "resourceVersion")};
    ov_status st = check_length(m.ns, KUBE_NAME_MAX, "metadata.namespace", err);
    if (st == OV_OK) st = check_length(m.name, KUBE_NAME_MAX, "metadata.name", err);
    if (st == OV_OK) st = check_length(m.version, KUBE_VERSION_MAX - 1, "metadata.resourceVersion", err);
    if (st != OV_OK) return st;
    if (m.version.len == 0) return ov_fail(err, OV_INVALID, "metadata.resourceVersion: missing");
    const cJSON *annotations = ov_json_member(metadata, "annotations");
    if (cJSON_IsObject(annotations))
        m.initial_events_end = ov_str_eq(ov_json_member_str(annotations, "k8s.io/initial-events-end"), OV_STR("true"));
    *ret = m;
    return OV_OK;
}

ov_status kube_list_head_parse(ov_str text, kube_list_head *ret, ov_err *err)
{
    OV_CLEANUP(ov_json_tree_p) cJSON *list = NULL;
    ov_status st = ov_json_tree(text, &list, err);
    if (st != OV_OK) return ov_fail_in(err, st, "list");
    const cJSON *metadata = ov_json_member(list, "metadata");
    if (!cJSON_IsObject(metadata)) return ov_fail(err, OV_INVALID, "list: metadata: expected an object");
    ov_str version = ov_json_member_str(metadata, "resourceVersion"), more = ov_json_member_str(metadata, "continue");
    st = check_length(version, KUBE_VERSION_MAX - 1, "list: metadata.resourceVersion", err);
    if (st == OV_OK) st = check_length(more, KUBE_CONTINUE_MAX - 1, "list: metadata.continue", err);
    if (st != OV_OK) return st;
    if (version.len == 0) return ov_fail(err, OV_INVALID, "list: metadata.resourceVersion: missing");
    snprintf(ret->version, sizeof ret->version, "%.*s", OV_STR_ARG(version));
    snprintf(ret->more, sizeof ret->more, "%.*s", OV_STR_ARG(more));
    return OV_OK;
}

static int64_t whole(const cJSON *object, const char *name)
{
    const cJSON *n = ov_json_member(object, name);
    return cJSON_IsNumber(n) && n->valuedouble >= 0 && n->valuedouble <= 1e6 ? (int64_t)n->valuedouble : -1;
}

void kube_status_parse(ov_str text, kube_status *ret)
{
    OV_CLEANUP(ov_json_tree_p) cJSON *status = NULL;
    *ret = (kube_status){.retry_after_s = -1};
    if (ov_json_tree(text, &status, NULL) != OV_OK || !cJSON_IsObject(status)) {
        ov_str shown = ov_str_trim(ov_str_sub(text, 0, 120));
        if (ov_str_is_utf8(shown)) snprintf(ret->message, sizeof ret->message, "%.*s", OV_STR_ARG(shown));
        return;
    }
    int64_t code = whole(status, "code");
    ret->code = code > 0 ? (unsigned)code : 0;
    snprintf(ret->reason, sizeof ret->reason, "%.*s", OV_STR_ARG(ov_json_member_str(status, "reason")));
    snprintf(ret->message, sizeof ret->message, "%.*s", OV_STR_ARG(ov_json_member_str(status, "message")));
    const cJSON *details = ov_json_member(status, "details");
    if (cJSON_IsObject(details)) ret->retry_after_s = whole(details, "retryAfterSeconds");
}
