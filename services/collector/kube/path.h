/* Paths and queries of the Kubernetes API: a kind's collection, and what can be asked of it.
 * https://kubernetes.io/docs/reference/using-api/api-concepts/ */
#ifndef OPVIC_COLLECTOR_KUBE_PATH_H
#define OPVIC_COLLECTOR_KUBE_PATH_H

#include "base/buf.h"

/* "/apis/apps/v1/deployments"; an empty group is that of the core kinds ("/api/v1/pods"); without a plural what the
 * version of the group has is listed there. */
void kube_path_append(ov_buf *out, ov_str group, ov_str version, const char *plural);

/* ---- queries, behind a path with its plural ---- */

/* A page of a list; more is the continue token of the page before, or "". */
void kube_path_append_list(ov_buf *out, int limit, const char *more);
/* Changes since a resourceVersion. */
void kube_path_append_watch(ov_buf *out, int64_t seconds, const char *version);
/* Everything that is there, then changes: Kubernetes 1.32 and newer. */
void kube_path_append_stream(ov_buf *out, int64_t seconds);

#endif
