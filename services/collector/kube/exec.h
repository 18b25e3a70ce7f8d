/* Runs a credential plugin as a child process, without ever waiting for it. */
#ifndef OPVIC_COLLECTOR_KUBE_EXEC_H
#define OPVIC_COLLECTOR_KUBE_EXEC_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/status.h"

enum { KUBE_EXEC_MS = 30000, KUBE_EXEC_OUTPUT_MAX = 1024 * 1024 };

/* What a kubeconfig says of a plugin. All owned. */
typedef struct {
    char *what;  /* begins every message: `kubeconfig /x/config: context "prod": user "admin": exec` */
    char **argv; /* ends with NULL; argv[0] is a path when it has a slash, else looked for in PATH */
    char **env;  /* "NAME=value", ends with NULL; beside our own environment */
    char *api_version;
    char *install_hint; /* or NULL */
    bool provide_cluster_info;
    char *cluster_config; /* JSON, or NULL */
} kube_plugin;
void kube_plugin_free(kube_plugin *p); /* zeroes env */
void kube_plugin_free_p(kube_plugin **p);

typedef struct kube_exec kube_exec;
/* Starts it with info in KUBERNETES_EXEC_INFO, no input, in a process group of its own. p must outlive it. OV_FAILED:
 * with the install hint when the program is not there. */
OV_MUST_CHECK ov_status kube_exec_start(const kube_plugin *p, const char *info, ov_mono now, kube_exec **ret,
                                        ov_err *err);
/* OV_RETRY: it runs; OV_OK: it ended well, *ret_output is what it printed, valid until kube_exec_free; OV_FAILED: with
 * the last line that it wrote to its standard error; it is ended KUBE_EXEC_MS after its start. */
OV_MUST_CHECK ov_status kube_exec_poll(kube_exec *x, ov_mono now, ov_str *ret_output, ov_err *err);
void kube_exec_free(kube_exec *x); /* ends it if it still runs, with all that it started in its group */

#endif
