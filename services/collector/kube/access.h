/* How a collector reaches its cluster's API server: where it is, how it is trusted, who we are. From a kubeconfig or
 * from a pod's service account. */
#ifndef OPVIC_COLLECTOR_KUBE_ACCESS_H
#define OPVIC_COLLECTOR_KUBE_ACCESS_H

#include "base/clock.h"
#include "fetch/fetch.h"

typedef struct {
    const char *kubeconfig;      /* files separated by ':', as KUBECONFIG; NULL or "": the pod's service account when
                                    KUBERNETES_SERVICE_HOST is set, else ~/.kube/config */
    const char *context;         /* NULL or "": the current-context */
    const char *service_account; /* the folder of token and ca.crt; NULL: where Kubernetes puts them */
} kube_access_options;

typedef struct kube_access kube_access;

/* Reads kubeconfigs, certificates and tokens; runs nothing. OV_INVALID names file, context and field: 'kubeconfig
 * /x/config: context "prod": user "admin": client-key-data: expected base64'. */
OV_MUST_CHECK ov_status kube_access_open(const kube_access_options *o, kube_access **ret, ov_err *err);
void kube_access_free(kube_access *a);

/* What a request needs; valid until the next prepare or the end. A request without redirects reads it at its start, so
 * one that runs is not touched by what comes later. A plain http server is given none of it, as kubectl does. */
typedef struct {
    const char *server;        /* "https://10.0.0.1:6443" or with a path; no slash at its end */
    const ov_fetch_tls *tls;   /* CA, client certificate, server name, insecure */
    const char *proxy;         /* kubeconfig's proxy-url, as lib/fetch takes it; NULL: as the environment says */
    const ov_secret *bearer;   /* NULL: none */
    const char *authorization; /* "Basic ...", or NULL */
} kube_credentials;

/* Re-reads files every minute and after kube_access_rejected (certificates too: an authority is renewed while we run);
 * runs an exec plugin when it has no credential that is valid. Never blocks. *ret is filled when it is OV_OK. OV_RETRY:
 * the plugin runs, ask again within 100 ms; OV_FAILED: err says what cannot be had now; ask again later: a plugin that
 * failed is not run again before its backoff has passed, a file that was readable once is missed only after a 401. */
OV_MUST_CHECK ov_status kube_access_prepare(kube_access *a, ov_mono now, ov_wall wall, kube_credentials *ret,
                                            ov_err *err);
/* A GET with what c shows of us, for an answer in JSON; url is the whole one and lives as long as the request. The
 * server is the operator's own choice: any address is asked. */
ov_fetch_request kube_request(const kube_credentials *c, const char *url);
/* The server answered 401 to what was prepared last: the next prepare reads token files anew and runs the plugin anew.
 * What stands in the kubeconfig itself, or in the file as before, is given again, since there is no other: wait with
 * backoff before asking again. */
void kube_access_rejected(kube_access *a);

/* For people: "context prod of /home/x/.kube/config" or "the pod's service account". */
const char *kube_access_name(const kube_access *a);
/* SHA-256 of the cluster's CA (its PEM text as configured, without space around it, else the server's URL),
 * hexadecimal: tells clusters apart. As it was at kube_access_open. */
void kube_access_fingerprint(const kube_access *a, char out[65]);

#endif
