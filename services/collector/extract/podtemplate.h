/* The kinds of objects that a tracker may read, and where each keeps its containers. */
#ifndef OPVIC_COLLECTOR_PODTEMPLATE_H
#define OPVIC_COLLECTOR_PODTEMPLATE_H

#include <stdbool.h>

#include "base/str.h"

typedef enum {
    RESOURCE_PODS,
    RESOURCE_NODES,
    RESOURCE_DEPLOYMENTS,
    RESOURCE_DAEMON_SETS,
    RESOURCE_STATEFUL_SETS,
    RESOURCE_REPLICA_SETS,
    RESOURCE_CRON_JOBS,
    RESOURCE_JOBS,
    RESOURCE_KINDS /* how many there are */
} resource_kind;

/* "Pods", "DaemonSets": as spec.resources.strategy has it; static. */
const char *resource_kind_name(resource_kind kind);
bool resource_kind_find(ov_str name, resource_kind *ret);

/* The JSONPath of the first container's image, ".spec.template.spec.containers[0].image"; NULL for kinds without pods.
 */
const char *podtemplate_image_path(resource_kind kind);

#endif
