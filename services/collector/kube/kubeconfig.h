/* kubeconfig files, merged as kubectl merges them, and the target that a context of them names.
 * https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/ */
#ifndef OPVIC_COLLECTOR_KUBE_KUBECONFIG_H
#define OPVIC_COLLECTOR_KUBE_KUBECONFIG_H

#include "services/collector/kube/target.h"

enum { KUBECONFIG_FILES_MAX = 64, KUBECONFIG_PATH_MAX = 4096 };

typedef struct kubeconfig kubeconfig;

kubeconfig *kubeconfig_new(void);
void kubeconfig_free(kubeconfig *k); /* zeroes what was read */
void kubeconfig_free_p(kubeconfig **k);

/* Adds one file's text, YAML or JSON, behind what was added before: the first to name a cluster, a user, a context or
 * the current-context wins. Its relative paths are resolved against path's folder. OV_INVALID: "kubeconfig /x/config:
 * line 3, column 5: ..." or "kubeconfig /x/config: clusters[2].name: missing". */
OV_MUST_CHECK ov_status kubeconfig_add(kubeconfig *k, const char *path, ov_str text, ov_err *err);
/* Adds the files of a list separated by ':'; missing ones are passed over. OV_NOT_FOUND: all are missing; OV_INVALID:
 * also for one that cannot be read. */
OV_MUST_CHECK ov_status kubeconfig_add_files(kubeconfig *k, const char *files, ov_err *err);

/* The target of a context, NULL or "": of the current-context. Certificates and tokens in files are not read yet.
 * OV_INVALID names file, context, entry and field; no secret stands in a message. */
OV_MUST_CHECK ov_status kubeconfig_choose(const kubeconfig *k, const char *context, kube_target *ret, ov_err *err);

#endif
