/* What a credential plugin is told of the cluster, and the credential that it answers with.
 * https://kubernetes.io/docs/reference/access-authn-authz/authentication/#input-and-output-formats */
#ifndef OPVIC_COLLECTOR_KUBE_CREDENTIAL_H
#define OPVIC_COLLECTOR_KUBE_CREDENTIAL_H

#include "services/collector/kube/target.h"

/* A token, a certificate with its key, or all three. Zero is none. */
typedef struct {
    ov_secret *token, *cert, *key;
    bool expires;
    ov_wall expires_at;
} kube_credential;
void kube_credential_clear(kube_credential *c);

/* The ExecCredential that t's plugin printed. OV_FAILED begins with the plugin's what; no secret stands in it. */
OV_MUST_CHECK ov_status kube_credential_parse(ov_str text, const kube_plugin *p, kube_credential *ret, ov_err *err);
/* Appends the ExecCredential that goes into KUBERNETES_EXEC_INFO. t has a plugin. */
void kube_credential_write_info(const kube_target *t, ov_buf *out);

#endif
