/* kubeconfigs and what plugins print: every text gives a target or a credential that is whole, or a word why not. */
#include <stdint.h>
#include <stdlib.h>

#include "services/collector/kube/credential.h"
#include "services/collector/kube/kubeconfig.h"

#include "base/poison.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok)
{
    if (!ok) abort();
}

static void require_target(const kube_target *t)
{
    require(t->server && t->server[0] && t->name);
    require(kube_material_is_set(&t->cert) == kube_material_is_set(&t->key));
    require(!t->basic || !kube_material_is_set(&t->token));
    require(!t->insecure || !kube_material_is_set(&t->ca));
    if (!t->plugin) return;
    OV_CLEANUP(ov_buf_clear) ov_buf info = OV_BUF(SIZE_MAX);
    require(t->plugin->argv[0] && t->plugin->argv[0][0]);
    kube_credential_write_info(t, &info);
}

static void choose(ov_str text, size_t times, const char *context)
{
    OV_CLEANUP(kubeconfig_free_p) kubeconfig *k = kubeconfig_new();
    OV_CLEANUP(kube_target_clear) kube_target t = {0};
    ov_err err = {0};
    for (size_t i = 0; i < times; i++) {
        if (kubeconfig_add(k, "/k/config", text, &err) == OV_OK) continue;
        require(err.msg[0] != '\0');
        return;
    }
    if (kubeconfig_choose(k, context, &t, &err) == OV_OK)
        require_target(&t);
    else
        require(err.msg[0] != '\0');
}

static void take_credential(ov_str text)
{
    char name[] = "p", version[] = "client.authentication.k8s.io/v1", *argv[] = {name, NULL};
    kube_plugin p = {.what = name, .argv = argv, .env = argv + 1, .api_version = version};
    OV_CLEANUP(kube_credential_clear) kube_credential c = {0};
    ov_err err = {0};
    if (kube_credential_parse(text, &p, &c, &err) == OV_OK)
        require((c.token || c.cert) && !c.cert == !c.key);
    else
        require(err.msg[0] != '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ov_str text = {(const char *)data, size};
    choose(text, 1, NULL);
    choose(text, 2, "c");
    take_credential(text);
    return 0;
}
