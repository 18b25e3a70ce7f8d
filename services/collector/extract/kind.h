/* The kinds of objects that trackers read: eight have names of their own, all others are named by group and kind. */
#ifndef OPVIC_COLLECTOR_KIND_H
#define OPVIC_COLLECTOR_KIND_H

#include <stdbool.h>

#include "base/str.h"

/* Bytes of the parts of a valid kind (https://kubernetes.io/docs/concepts/overview/working-with-objects/names/). */
enum {
    KIND_GROUP_MAX = 253,
    KIND_VERSION_MAX = 63,
    KIND_NAME_MAX = 63,
    KIND_TEXT_MAX = KIND_GROUP_MAX + 1 + KIND_NAME_MAX,
    KIND_VERSIONED_MAX = KIND_TEXT_MAX + 1 + KIND_VERSION_MAX
};

/* All that is known of one of the eight. Static. */
typedef struct {
    ov_str all;         /* "Pods": what trackers, reports and events call them */
    ov_str api_version; /* "apps/v1" */
    ov_str kind;        /* "Pod": what Kubernetes calls one */
    ov_str plural;      /* "pods", as in the API's paths */
    bool namespaced;
    const char *pod; /* where the pod's spec stands, ".spec.template.spec"; NULL: nowhere */
} builtin_kind;

/* By place in the table, NULL behind its end; the first one is what a tracker reads that names none. */
const builtin_kind *builtin_kind_at(size_t i);
/* By what trackers call them; NULL: none. */
const builtin_kind *builtin_kind_find(ov_str all);
/* By group and kind, whatever the version; NULL: none. Another group's kind of the same name is another thing. */
const builtin_kind *builtin_kind_of(ov_str api_version, ov_str kind);

/* "apps/v1" -> "apps", "v1" -> "". */
ov_str kind_group(ov_str api_version);
/* VERSION or GROUP/VERSION. */
bool kind_is_api_version(ov_str api_version);
bool kind_is_name(ov_str kind);
/* A VersionTracker, of either of its groups. */
bool kind_is_tracker(ov_str api_version, ov_str kind);
/* What events call the objects of a kind: "Pods"; "helm.toolkit.fluxcd.io/HelmRelease" for one that is not built in,
 * "/ConfigMap" in the core group. The version is left out: the same object is served under several. Static or in room;
 * empty when api_version or kind is not valid. */
ov_str kind_all(ov_str api_version, ov_str kind, char room[KIND_TEXT_MAX]);
/* The same with the version, for a kind that is not built in: "helm.toolkit.fluxcd.io/v2/HelmRelease", "v1/ConfigMap".
 * Both parts must be valid. */
ov_str kind_versioned(ov_str api_version, ov_str kind, char room[KIND_VERSIONED_MAX]);

#endif
