/* One row for each of the eight kinds: what trackers call it, where Kubernetes serves it, where its pods stand. */
#include "kind.h"

#include "base/status.h"
#include "base/poison.h"

#define TEXT(literal)                                \
    {                                                \
        .ptr = (literal), .len = sizeof(literal) - 1 \
    }
#define TEMPLATE ".spec.template.spec"

static const builtin_kind kinds[] = {
    {TEXT("Pods"), TEXT("v1"), TEXT("Pod"), TEXT("pods"), true, ".spec"},
    {TEXT("Nodes"), TEXT("v1"), TEXT("Node"), TEXT("nodes"), false, NULL},
    {TEXT("Deployments"), TEXT("apps/v1"), TEXT("Deployment"), TEXT("deployments"), true, TEMPLATE},
    {TEXT("DaemonSets"), TEXT("apps/v1"), TEXT("DaemonSet"), TEXT("daemonsets"), true, TEMPLATE},
    {TEXT("StatefulSets"), TEXT("apps/v1"), TEXT("StatefulSet"), TEXT("statefulsets"), true, TEMPLATE},
    {TEXT("ReplicaSets"), TEXT("apps/v1"), TEXT("ReplicaSet"), TEXT("replicasets"), true, TEMPLATE},
    {TEXT("CronJobs"), TEXT("batch/v1"), TEXT("CronJob"), TEXT("cronjobs"), true, ".spec.jobTemplate" TEMPLATE},
    {TEXT("Jobs"), TEXT("batch/v1"), TEXT("Job"), TEXT("jobs"), true, TEMPLATE},
};

const builtin_kind *builtin_kind_at(size_t i)
{
    return i < OV_COUNT(kinds) ? &kinds[i] : NULL;
}

const builtin_kind *builtin_kind_find(ov_str all)
{
    for (size_t i = 0; i < OV_COUNT(kinds); i++)
        if (ov_str_eq(kinds[i].all, all)) return &kinds[i];
    return NULL;
}

ov_str kind_group(ov_str api_version)
{
    size_t slash = ov_str_find(api_version, '/', 0);
    return slash < api_version.len ? ov_str_sub(api_version, 0, slash) : OV_STR("");
}

const builtin_kind *builtin_kind_of(ov_str api_version, ov_str kind)
{
    ov_str group = kind_group(api_version);
    for (size_t i = 0; i < OV_COUNT(kinds); i++)
        if (ov_str_eq(kinds[i].kind, kind) && ov_str_eq(kind_group(kinds[i].api_version), group)) return &kinds[i];
    return NULL;
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Lower case letters and digits, and marks between them. */
static bool is_lower_name(ov_str s, size_t max, const char *marks)
{
    if (s.len == 0 || s.len > max) return false;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool is_mark = c && strchr(marks, c);
        if (is_mark ? i == 0 || i + 1 == s.len : !is_digit(c) && (c < 'a' || c > 'z')) return false;
    }
    return true;
}

bool kind_is_api_version(ov_str api_version)
{
    size_t slash = ov_str_find(api_version, '/', 0);
    if (slash == api_version.len) return is_lower_name(api_version, KIND_VERSION_MAX, "-");
    return is_lower_name(ov_str_sub(api_version, 0, slash), KIND_GROUP_MAX, "-.") &&
           is_lower_name(ov_str_sub(api_version, slash + 1, api_version.len), KIND_VERSION_MAX, "-");
}

bool kind_is_name(ov_str kind)
{
    if (kind.len == 0 || kind.len > KIND_NAME_MAX || !is_letter(kind.ptr[0])) return false;
    for (size_t i = 1; i < kind.len; i++)
        if (!is_letter(kind.ptr[i]) && !is_digit(kind.ptr[i]) && kind.ptr[i] != '-') return false;
    return true;
}

bool kind_is_tracker(ov_str api_version, ov_str kind)
{
    ov_str group = kind_group(api_version);
    if (!ov_str_eq(kind, OV_STR("VersionTracker"))) return false;
    return ov_str_eq(group, OV_STR("opvic.skillz.com")) || ov_str_eq(group, OV_STR("vt.skillz.com"));
}

ov_str kind_versioned(ov_str api_version, ov_str kind, char room[KIND_VERSIONED_MAX])
{
    memcpy(room, api_version.ptr, api_version.len);
    room[api_version.len] = '/';
    memcpy(room + api_version.len + 1, kind.ptr, kind.len);
    return (ov_str){room, api_version.len + 1 + kind.len};
}

ov_str kind_all(ov_str api_version, ov_str kind, char room[KIND_TEXT_MAX])
{
    const builtin_kind *builtin = builtin_kind_of(api_version, kind);
    if (builtin) return builtin->all;
    if (!kind_is_api_version(api_version) || !kind_is_name(kind)) return OV_STR("");
    ov_str group = kind_group(api_version);
    if (group.len > 0) memcpy(room, group.ptr, group.len);
    room[group.len] = '/';
    memcpy(room + group.len + 1, kind.ptr, kind.len);
    return (ov_str){room, group.len + 1 + kind.len};
}
