/* Frees targets, checks servers' addresses, and finds the API server that a pod is told of. */
#include "services/collector/kube/target.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/buf.h"
#include "base/mem.h"
#include "fetch/fetch.h"

#include "base/poison.h"

enum { SERVER_MAX = 1024, SHOWN_MAX = 80 };
#define PLACE "service account: "

static void free_text(char *text)
{
    if (text) explicit_bzero(text, strlen(text));
    free(text);
}

void kube_target_drop_identity(kube_target *t)
{
    kube_material_clear(&t->cert);
    kube_material_clear(&t->key);
    kube_material_clear(&t->token);
    ov_secret_free(t->basic);
    kube_plugin_free(t->plugin);
    t->basic = NULL;
    t->plugin = NULL;
}

void kube_target_clear(kube_target *t)
{
    kube_target_drop_identity(t);
    kube_material_clear(&t->ca);
    free(t->name);
    free(t->server);
    free(t->server_name);
    free_text(t->proxy); /* may hold a password */
    *t = (kube_target){0};
}

/* A user in the URL would be a credential that nobody looks after; a query or fragment leads nowhere. */
static bool is_plain(ov_str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] <= ' ' || text.ptr[i] > '~' || strchr("@?#\\", text.ptr[i])) return false;
    return text.len > 0 && text.len <= SERVER_MAX;
}

static bool has_scheme(ov_str text)
{
    return text.len && memmem(text.ptr, text.len, "://", 3) != NULL;
}

static ov_str without_slashes(ov_str text)
{
    while (text.len && text.ptr[text.len - 1] == '/') text.len--;
    return text;
}

ov_status kube_server_parse(ov_str text, bool with_tls, const char *place, char **ret, ov_err *err)
{
    ov_str bare = without_slashes(text);
    ov_buf url = OV_BUF(SERVER_MAX + sizeof "https://");
    bool ok = is_plain(text) && (has_scheme(bare) || ov_str_find(bare, '/', 0) == bare.len);
    if (text.len == 0) return ov_fail(err, OV_INVALID, "%sserver: missing", place);
    if (!has_scheme(bare)) ov_buf_append_c(&url, with_tls ? "https://" : "http://");
    ov_buf_append_str(&url, bare);
    ov_buf_append_char(&url, '\0');
    if (ok && !url.failed && ov_fetch_same_origin(url.ptr, url.ptr)) {
        *ret = ov_buf_take(&url, NULL);
        return OV_OK;
    }
    ov_buf_clear(&url);
    /* What stands before an @ may be a password. */
    if (ov_str_find(text, '@', 0) < text.len)
        return ov_fail(err, OV_INVALID, "%sserver: expected a URL without a user", place);
    return ov_fail(err, OV_INVALID, "%sserver: \"%.*s\": expected an http or https URL without a query, or host:port",
                   place, OV_STR_ARG(ov_str_sub(text, 0, SHOWN_MAX)));
}

static char *join(const char *folder, const char *name)
{
    ov_buf path = OV_BUF(SIZE_MAX);
    ov_buf_printf(&path, "%s/%s", folder, name);
    return ov_buf_take(&path, NULL);
}

static void set_file(kube_material *m, const char *folder, const char *name)
{
    m->what = ov_dup(OV_STR("service account"));
    m->path = join(folder, name);
}

ov_status kube_target_of_pod(const char *folder, kube_target *ret, ov_err *err)
{
    const char *host = getenv("KUBERNETES_SERVICE_HOST"), *port = getenv("KUBERNETES_SERVICE_PORT");
    if (!host || !*host) return ov_fail(err, OV_INVALID, PLACE "KUBERNETES_SERVICE_HOST: missing");
    if (!port || !*port) return ov_fail(err, OV_INVALID, PLACE "KUBERNETES_SERVICE_PORT: missing");
    uint64_t number = 0;
    if (!ov_str_to_u64(ov_str_of(port), &number) || number == 0 || number > 65535)
        return ov_fail(err, OV_INVALID, PLACE "KUBERNETES_SERVICE_PORT: \"%.*s\": expected a port", SHOWN_MAX, port);
    OV_CLEANUP(ov_buf_clear) ov_buf server = OV_BUF(SERVER_MAX);
    bool v6 = strchr(host, ':') != NULL;
    ov_buf_printf(&server, "https://%s%s%s:%s", v6 ? "[" : "", host, v6 ? "]" : "", port);
    ov_str text = server.failed ? ov_str_of(host) : ov_buf_str(&server);
    kube_target t = {0};
    ov_status st = kube_server_parse(text, true, PLACE, &t.server, err);
    if (st != OV_OK) return st;
    t.name = ov_dup(OV_STR("the pod's service account"));
    set_file(&t.ca, folder, "ca.crt");
    set_file(&t.token, folder, "token");
    *ret = t;
    return OV_OK;
}
