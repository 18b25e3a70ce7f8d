/* Names of kinds: what Kubernetes calls one object, and what trackers call all of them. */
#include "services/collector/cluster/cluster.h"

#include "base/poison.h"

#define TEXT(literal)                                \
    {                                                \
        .ptr = (literal), .len = sizeof(literal) - 1 \
    }

static const struct {
    ov_str group, one, all;
} kinds[] = {
    {TEXT(""), TEXT("Pod"), TEXT("Pods")},
    {TEXT(""), TEXT("Node"), TEXT("Nodes")},
    {TEXT("apps"), TEXT("Deployment"), TEXT("Deployments")},
    {TEXT("apps"), TEXT("DaemonSet"), TEXT("DaemonSets")},
    {TEXT("apps"), TEXT("StatefulSet"), TEXT("StatefulSets")},
    {TEXT("apps"), TEXT("ReplicaSet"), TEXT("ReplicaSets")},
    {TEXT("batch"), TEXT("CronJob"), TEXT("CronJobs")},
    {TEXT("batch"), TEXT("Job"), TEXT("Jobs")},
    {TEXT("opvic.skillz.com"), TEXT("VersionTracker"), TEXT(CLUSTER_TRACKERS)},
    {TEXT("vt.skillz.com"), TEXT("VersionTracker"), TEXT(CLUSTER_TRACKERS)},
};

static ov_str group_of(ov_str api_version)
{
    size_t slash = ov_str_find(api_version, '/', 0);
    return slash < api_version.len ? ov_str_sub(api_version, 0, slash) : (ov_str){0};
}

ov_str cluster_kind(ov_str api_version, ov_str kubernetes_kind)
{
    ov_str group = group_of(api_version);
    for (size_t i = 0; i < OV_COUNT(kinds); i++) {
        if (ov_str_eq(kinds[i].one, kubernetes_kind) && ov_str_eq(kinds[i].group, group)) return kinds[i].all;
    }
    return (ov_str){0};
}
