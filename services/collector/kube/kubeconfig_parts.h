/* The parts of a kubeconfig that say what a target is: a cluster, a user, a user's plugin. */
#ifndef OPVIC_COLLECTOR_KUBE_KUBECONFIG_PARTS_H
#define OPVIC_COLLECTOR_KUBE_KUBECONFIG_PARTS_H

#include "json/fields.h"
#include "services/collector/kube/target.h"

enum { KUBECONFIG_PLACE_MAX = 224 };

/* Where an entry stands. */
typedef struct {
    const char *path;                /* of the file */
    char text[KUBECONFIG_PLACE_MAX]; /* begins messages: `kubeconfig /x/config: context "prod": user "admin": ` */
} kubeconfig_place;

/* What a cluster says beyond a target's members: views into its text or the arena. */
typedef struct {
    ov_str server;
    bool speaks_tls; /* without a scheme the server is https */
    ov_str exec;     /* JSON that is meant for plugins, or empty */
} kubeconfig_cluster;

/* Each reads a JSON object into the target, or a plugin. OV_INVALID begins with the place. */
OV_MUST_CHECK ov_status kubeconfig_read_cluster(ov_str body, const kubeconfig_place *place, kube_target *t,
                                                ov_json_arena *arena, kubeconfig_cluster *ret, ov_err *err);
OV_MUST_CHECK ov_status kubeconfig_read_user(ov_str body, const kubeconfig_place *place, kube_target *t, ov_err *err);
OV_MUST_CHECK ov_status kubeconfig_read_plugin(ov_str body, const kubeconfig_place *place, kube_plugin **ret,
                                               ov_err *err);

/* "<place><field>" as what a material's messages begin with; and a path of the file's own. The caller frees. */
char *kubeconfig_what(const kubeconfig_place *place, const char *field);
char *kubeconfig_resolve(const kubeconfig_place *place, ov_str path);

/* The text of a JSON string that may be a secret: wrong types are refused without being shown. out is a buffer of
 * ov_secret_buf with room for raw's length. */
OV_MUST_CHECK ov_status kubeconfig_secret(ov_str raw, const kubeconfig_place *place, const char *field, ov_buf *out,
                                          ov_err *err);
/* A file and its "-data" member (raw JSON string, base64), of which the data wins; both may be empty. */
OV_MUST_CHECK ov_status kubeconfig_material(kube_material *m, kube_material_type type, const kubeconfig_place *place,
                                            const char *field, ov_str file, ov_str data, ov_err *err);

#endif
