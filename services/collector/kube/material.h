/* A certificate, a key or a token: given as it is, or kept in a file that is read again and again. */
#ifndef OPVIC_COLLECTOR_KUBE_MATERIAL_H
#define OPVIC_COLLECTOR_KUBE_MATERIAL_H

#include "base/status.h"
#include "base/str.h"
#include "crypto/secret.h"

typedef enum { KUBE_CERTIFICATE, KUBE_KEY, KUBE_TOKEN } kube_material_type;

/* Zero is none. */
typedef struct {
    char *what;       /* begins every message: `kubeconfig /x/config: context "prod": user "admin": tokenFile` */
    char *path;       /* NULL: the value was given as it is */
    ov_secret *value; /* NULL: none, or not read yet */
} kube_material;
void kube_material_clear(kube_material *m);
bool kube_material_is_set(const kube_material *m);

/* The value when the bytes are of the type: PEM blocks by their first line, a token's surrounding space taken off. NULL
 * otherwise; *ret_expected then says what was expected ("certificates in PEM"). */
ov_secret *kube_material_value(kube_material_type type, ov_str bytes, const char **ret_expected);
/* Reads the file anew; the value stays when that fails. OV_FAILED names what, path and reason. */
OV_MUST_CHECK ov_status kube_material_read(kube_material *m, kube_material_type type, ov_err *err);

#endif
