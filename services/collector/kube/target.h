/* Where an API server is, how it is trusted and who we are to it, as a kubeconfig or a pod's service account says. */
#ifndef OPVIC_COLLECTOR_KUBE_TARGET_H
#define OPVIC_COLLECTOR_KUBE_TARGET_H

#include <stdbool.h>

#include "services/collector/kube/exec.h"
#include "services/collector/kube/material.h"

#define KUBE_SERVICE_ACCOUNT "/var/run/secrets/kubernetes.io/serviceaccount"

/* All owned; zero is empty. */
typedef struct {
    char *name;        /* for people */
    char *server;      /* "https://h:6443" or with a path, no slash at its end */
    char *server_name; /* that its certificate has; NULL: the server's host */
    char *proxy;       /* as the kubeconfig has it; NULL: as the environment says */
    bool insecure;
    kube_material ca, cert, key, token;
    ov_secret *basic;    /* "Basic ...", or NULL */
    kube_plugin *plugin; /* NULL: none, or what it would give is given already */
} kube_target;
void kube_target_clear(kube_target *t);

/* Makes the server's URL of what client-go takes for one: a URL, or "host:port" alone, which means https when with_tls.
 * OV_INVALID: 'server: "ftp://x": expected ...' behind place. The caller frees. */
OV_MUST_CHECK ov_status kube_server_parse(ov_str text, bool with_tls, const char *place, char **ret, ov_err *err);
/* A plain http server is told nothing of us: https://pkg.go.dev/k8s.io/client-go/rest#IsConfigTransportTLS */
void kube_target_drop_identity(kube_target *t);

/* KUBERNETES_SERVICE_HOST and _PORT; token and ca.crt from the folder. Nothing is read yet. OV_INVALID names the
 * variable. */
OV_MUST_CHECK ov_status kube_target_of_pod(const char *folder, kube_target *ret, ov_err *err);

#endif
