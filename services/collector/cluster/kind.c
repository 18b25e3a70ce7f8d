/* Names of kinds in events: VersionTrackers of both groups are one kind, all others are as trackers name them. */
#include "services/collector/cluster/cluster.h"

#include "base/poison.h"

ov_str cluster_kind(ov_str api_version, ov_str kubernetes_kind, char room[KIND_TEXT_MAX])
{
    if (kind_is_tracker(api_version, kubernetes_kind)) return OV_STR(CLUSTER_TRACKERS);
    return kind_all(api_version, kubernetes_kind, room);
}
