/* Reads and writes ExecCredential objects. */
#include "services/collector/kube/credential.h"

#include "base/base64.h"
#include "json/fields.h"
#include "json/writer.h"
#include "services/collector/kube/document.h"

#include "base/poison.h"

enum { SHOWN_MAX = 60 };

typedef struct {
    ov_str kind, api_version, status;
} object_fields;

static const ov_field object_table[] = {
    {"kind", OV_FIELD_STRING, true, offsetof(object_fields, kind)},
    {"apiVersion", OV_FIELD_STRING, true, offsetof(object_fields, api_version)},
    {"status", OV_FIELD_OBJECT, true, offsetof(object_fields, status)},
};

/* Secrets are raw, so that no message shows them. */
typedef struct {
    ov_str token, cert, key, expires_at;
} status_fields;

static const ov_field status_table[] = {
    {"token", OV_FIELD_RAW, false, offsetof(status_fields, token)},
    {"clientCertificateData", OV_FIELD_RAW, false, offsetof(status_fields, cert)},
    {"clientKeyData", OV_FIELD_RAW, false, offsetof(status_fields, key)},
    {"expirationTimestamp", OV_FIELD_STRING, false, offsetof(status_fields, expires_at)},
};

void kube_credential_clear(kube_credential *c)
{
    ov_secret_free(c->token);
    ov_secret_free(c->cert);
    ov_secret_free(c->key);
    *c = (kube_credential){0};
}

static ov_status read_part(ov_str raw, kube_material_type type, const char *name, ov_secret **ret, ov_err *err)
{
    OV_CLEANUP(ov_secret_buf_clear) ov_buf text = ov_secret_buf(raw.len);
    ov_json_reader r;
    ov_json_token t;
    const char *expected = "a string";
    if (!raw.len) return OV_OK;
    ov_json_reader_init(&r, raw);
    if (ov_json_next(&r, &t, NULL) == OV_OK && t.type == OV_JSON_STRING) {
        ov_json_unescape(&t, &text);
        if (text.len == 0) return OV_OK;
        *ret = kube_material_value(type, ov_buf_str(&text), &expected);
    }
    return *ret ? OV_OK : ov_fail(err, OV_INVALID, "status.%s: expected %s", name, expected);
}

static ov_status read_status(const status_fields *s, kube_credential *c, ov_err *err)
{
    ov_err why = {0};
    ov_status st = read_part(s->token, KUBE_TOKEN, "token", &c->token, err);
    if (st == OV_OK) st = read_part(s->cert, KUBE_CERTIFICATE, "clientCertificateData", &c->cert, err);
    if (st == OV_OK) st = read_part(s->key, KUBE_KEY, "clientKeyData", &c->key, err);
    if (st != OV_OK) return st;
    if (!c->cert != !c->key)
        return ov_fail(err, OV_INVALID, "status: expected clientCertificateData and clientKeyData together");
    if (!c->token && !c->cert)
        return ov_fail(err, OV_INVALID, "status: expected a token, or a certificate and its key");
    c->expires = s->expires_at.len > 0;
    if (c->expires && ov_wall_parse(s->expires_at, &c->expires_at, &why) != OV_OK)
        return ov_fail(err, OV_INVALID, "status.expirationTimestamp: \"%.*s\": expected an RFC 3339 time",
                       OV_STR_ARG(ov_str_sub(s->expires_at, 0, SHOWN_MAX)));
    return OV_OK;
}

static ov_status check_object(const object_fields *o, const kube_plugin *p, ov_err *err)
{
    ov_str kind = ov_str_sub(o->kind, 0, SHOWN_MAX), version = ov_str_sub(o->api_version, 0, SHOWN_MAX);
    if (!ov_str_eq(kind, OV_STR("ExecCredential")))
        return ov_fail(err, OV_INVALID, "kind: \"%.*s\": expected ExecCredential", OV_STR_ARG(kind));
    if (!ov_str_eq(o->api_version, ov_str_of(p->api_version)))
        return ov_fail(err, OV_INVALID, "apiVersion: \"%.*s\": expected %s, as the kubeconfig says",
                       OV_STR_ARG(version), p->api_version);
    return OV_OK;
}

static ov_status parse(ov_str text, const kube_plugin *p, kube_credential *c, ov_err *err)
{
    OV_CLEANUP(ov_secret_buf_clear) ov_buf json = ov_secret_buf(KUBE_JSON_MAX);
    OV_CLEANUP(ov_json_arena_clear) ov_json_arena arena = {0};
    object_fields o = {0};
    status_fields s = {0};
    /* The text is not shown, whatever is wrong with it. */
    if (kube_document_json(text, &json, NULL) != OV_OK || !ov_str_starts(ov_buf_str(&json), OV_STR("{")))
        return ov_fail(err, OV_INVALID, "expected an ExecCredential as JSON");
    ov_status st = ov_json_fields_of(ov_buf_str(&json), object_table, OV_COUNT(object_table), &o, &arena, "", err);
    if (st == OV_OK) st = check_object(&o, p, err);
    if (st == OV_OK) st = ov_json_fields_of(o.status, status_table, OV_COUNT(status_table), &s, &arena, "status", err);
    return st == OV_OK ? read_status(&s, c, err) : st;
}

ov_status kube_credential_parse(ov_str text, const kube_plugin *p, kube_credential *ret, ov_err *err)
{
    OV_CLEANUP(kube_credential_clear) kube_credential c = {0};
    ov_err why = {0};
    if (parse(text, p, &c, &why) != OV_OK)
        return ov_fail(err, OV_FAILED, "%s: \"%.*s\" printed: %s", p->what, SHOWN_MAX, p->argv[0], why.msg);
    *ret = c;
    c = (kube_credential){0};
    return OV_OK;
}

static void write_cluster(ov_json_writer *w, const kube_target *t)
{
    ov_str ca = ov_secret_text(t->ca.value);
    ov_json_open_object(w, "cluster");
    ov_json_write_c(w, "server", t->server);
    if (t->server_name) ov_json_write_c(w, "tls-server-name", t->server_name);
    if (t->insecure) ov_json_write_bool(w, "insecure-skip-tls-verify", true);
    if (ca.len) {
        OV_CLEANUP(ov_buf_clear) ov_buf text = OV_BUF(2 * KUBE_FILE_MAX);
        ov_base64_encode(ca, &text);
        ov_json_write_str(w, "certificate-authority-data", ov_buf_str(&text));
    }
    if (t->proxy) ov_json_write_c(w, "proxy-url", t->proxy);
    if (t->plugin->cluster_config) ov_json_write_raw(w, "config", ov_str_of(t->plugin->cluster_config));
    ov_json_close_object(w);
}

void kube_credential_write_info(const kube_target *t, ov_buf *out)
{
    ov_json_writer w = ov_json_writer_on(out);
    ov_json_open_object(&w, NULL);
    ov_json_write_c(&w, "kind", "ExecCredential");
    ov_json_write_c(&w, "apiVersion", t->plugin->api_version);
    ov_json_open_object(&w, "spec");
    if (t->plugin->provide_cluster_info) write_cluster(&w, t);
    ov_json_write_bool(&w, "interactive", false);
    ov_json_close_object(&w);
    ov_json_close_object(&w);
}
