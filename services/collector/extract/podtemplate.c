/* One row a kind: its name and the path to its first container's image. */
#include "podtemplate.h"

#include "base/status.h"
#include "base/poison.h"

static const struct {
    const char *name, *image_path;
} kinds[] = {
    [RESOURCE_PODS] = {"Pods", ".spec.containers[0].image"},
    [RESOURCE_NODES] = {"Nodes", NULL},
    [RESOURCE_DEPLOYMENTS] = {"Deployments", ".spec.template.spec.containers[0].image"},
    [RESOURCE_DAEMON_SETS] = {"DaemonSets", ".spec.template.spec.containers[0].image"},
    [RESOURCE_STATEFUL_SETS] = {"StatefulSets", ".spec.template.spec.containers[0].image"},
    [RESOURCE_REPLICA_SETS] = {"ReplicaSets", ".spec.template.spec.containers[0].image"},
    [RESOURCE_CRON_JOBS] = {"CronJobs", ".spec.jobTemplate.spec.template.spec.containers[0].image"},
    [RESOURCE_JOBS] = {"Jobs", ".spec.template.spec.containers[0].image"},
};
_Static_assert(OV_COUNT(kinds) == RESOURCE_KINDS, "each kind has its row");

const char *resource_kind_name(resource_kind kind)
{
    return kinds[kind].name;
}

bool resource_kind_find(ov_str name, resource_kind *ret)
{
    for (size_t i = 0; i < OV_COUNT(kinds); i++) {
        if (!ov_str_eq(name, ov_str_of(kinds[i].name))) continue;
        *ret = (resource_kind)i;
        return true;
    }
    return false;
}

const char *podtemplate_image_path(resource_kind kind)
{
    return kinds[kind].image_path;
}
