/* A kubeconfig's cluster: the server, whom its certificate comes from, the way to it. */
#include "services/collector/kube/kubeconfig_parts.h"

#include <stdlib.h>

#include "base/mem.h"

#include "base/poison.h"

enum { NAME_MAX_BYTES = 253, PROXY_MAX = 1024, SHOWN_MAX = 60 };

typedef struct {
    ov_str server, server_name, ca, ca_data, proxy, extensions;
    bool insecure;
} cluster_entry;

static const ov_field cluster_fields[] = {
    {"server", OV_FIELD_STRING, false, offsetof(cluster_entry, server)},
    {"tls-server-name", OV_FIELD_STRING, false, offsetof(cluster_entry, server_name)},
    {"insecure-skip-tls-verify", OV_FIELD_BOOL, false, offsetof(cluster_entry, insecure)},
    {"certificate-authority", OV_FIELD_STRING, false, offsetof(cluster_entry, ca)},
    {"certificate-authority-data", OV_FIELD_RAW, false, offsetof(cluster_entry, ca_data)},
    {"proxy-url", OV_FIELD_STRING, false, offsetof(cluster_entry, proxy)},
    {"extensions", OV_FIELD_ARRAY, false, offsetof(cluster_entry, extensions)},
};

typedef struct {
    ov_str name, extension;
} extension_entry;

static const ov_field extension_fields[] = {
    {"name", OV_FIELD_STRING, false, offsetof(extension_entry, name)},
    {"extension", OV_FIELD_RAW, false, offsetof(extension_entry, extension)},
};

static bool is_host_name(ov_str name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool ok = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr("-._:", c);
        if (!ok || c == '\0') return false;
    }
    return name.len <= NAME_MAX_BYTES;
}

/* The value may hold a password and is not shown. */
static bool is_proxy(ov_str url)
{
    static const char *const schemes[] = {"http://", "https://", "socks5://"};
    for (size_t i = 0; i < url.len; i++)
        if (url.ptr[i] <= ' ' || url.ptr[i] > '~') return false;
    for (size_t i = 0; i < OV_COUNT(schemes); i++) {
        ov_str scheme = ov_str_of(schemes[i]);
        if (ov_str_eq_ignore_case(ov_str_sub(url, 0, scheme.len), scheme))
            return url.len > scheme.len && url.len <= PROXY_MAX;
    }
    return false;
}

/* What plugins are told: the extension of their API group's name. */
static ov_status find_extension(ov_str extensions, const kubeconfig_place *place, ov_json_arena *arena, ov_str *ret,
                                ov_err *err)
{
    ov_json_reader r;
    bool more = false;
    if (!extensions.len) return OV_OK;
    OV_CLEANUP(ov_free_p) char *path = kubeconfig_what(place, "extensions");
    ov_json_reader_init(&r, extensions);
    ov_status st = ov_json_array_begin(&r, path, err);
    if (st == OV_OK) st = ov_json_array_next(&r, &more, path, err);
    while (st == OV_OK && more) {
        extension_entry e = {0};
        st = ov_json_fields(&r, extension_fields, OV_COUNT(extension_fields), &e, arena, path, err);
        if (ov_str_eq(e.name, OV_STR("client.authentication.k8s.io/exec"))) *ret = e.extension;
        if (st == OV_OK) st = ov_json_array_next(&r, &more, path, err);
    }
    return st;
}

static ov_status check(const cluster_entry *c, const kube_target *t, const kubeconfig_place *place, ov_err *err)
{
    if (c->insecure && kube_material_is_set(&t->ca))
        return ov_fail(err, OV_INVALID,
                       "%sinsecure-skip-tls-verify: true: expected false beside a certificate-authority", place->text);
    if (!is_host_name(c->server_name))
        return ov_fail(err, OV_INVALID, "%stls-server-name: \"%.*s\": expected a host name", place->text,
                       OV_STR_ARG(ov_str_sub(c->server_name, 0, SHOWN_MAX)));
    if (c->proxy.len && !is_proxy(c->proxy))
        return ov_fail(err, OV_INVALID, "%sproxy-url: expected an http, https or socks5 URL", place->text);
    return OV_OK;
}

ov_status kubeconfig_read_cluster(ov_str body, const kubeconfig_place *place, kube_target *t, ov_json_arena *arena,
                                  kubeconfig_cluster *ret, ov_err *err)
{
    cluster_entry c = {0};
    ov_status st = ov_json_fields_of(body, cluster_fields, OV_COUNT(cluster_fields), &c, arena, place->text, err);
    if (st == OV_OK)
        st = kubeconfig_material(&t->ca, KUBE_CERTIFICATE, place, "certificate-authority", c.ca, c.ca_data, err);
    if (st == OV_OK) st = check(&c, t, place, err);
    *ret = (kubeconfig_cluster){.server = c.server, .speaks_tls = c.insecure || kube_material_is_set(&t->ca)};
    if (st == OV_OK) st = find_extension(c.extensions, place, arena, &ret->exec, err);
    if (st != OV_OK) return st;
    t->insecure = c.insecure;
    t->server_name = c.server_name.len ? ov_dup(c.server_name) : NULL;
    t->proxy = c.proxy.len ? ov_dup(c.proxy) : NULL;
    return OV_OK;
}
