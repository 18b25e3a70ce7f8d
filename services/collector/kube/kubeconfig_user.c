/* A kubeconfig's user: a certificate, a token, a password or a plugin. */
#include "services/collector/kube/kubeconfig_parts.h"

#include <stdlib.h>

#include "base/base64.h"
#include "base/mem.h"
#include "services/collector/kube/document.h"

#include "base/poison.h"

enum { SHOWN_MAX = 40 };

/* What may be secret is raw, so that no message shows it. */
typedef struct {
    ov_str cert, cert_data, key, key_data;
    ov_str token, token_file;
    ov_str username, password;
    ov_str exec, auth_provider;
    ov_str as, as_uid, as_groups, as_extra;
} user_entry;

static const ov_field user_fields[] = {
    {"client-certificate", OV_FIELD_STRING, false, offsetof(user_entry, cert)},
    {"client-certificate-data", OV_FIELD_RAW, false, offsetof(user_entry, cert_data)},
    {"client-key", OV_FIELD_STRING, false, offsetof(user_entry, key)},
    {"client-key-data", OV_FIELD_RAW, false, offsetof(user_entry, key_data)},
    {"token", OV_FIELD_RAW, false, offsetof(user_entry, token)},
    {"tokenFile", OV_FIELD_STRING, false, offsetof(user_entry, token_file)},
    {"username", OV_FIELD_STRING, false, offsetof(user_entry, username)},
    {"password", OV_FIELD_RAW, false, offsetof(user_entry, password)},
    {"exec", OV_FIELD_OBJECT, false, offsetof(user_entry, exec)},
    {"auth-provider", OV_FIELD_OBJECT, false, offsetof(user_entry, auth_provider)},
    {"as", OV_FIELD_STRING, false, offsetof(user_entry, as)},
    {"as-uid", OV_FIELD_STRING, false, offsetof(user_entry, as_uid)},
    {"as-groups", OV_FIELD_ARRAY, false, offsetof(user_entry, as_groups)},
    {"as-user-extra", OV_FIELD_OBJECT, false, offsetof(user_entry, as_extra)},
};

typedef struct {
    ov_str name;
} provider_entry;

static ov_status refuse_provider(ov_str body, const kubeconfig_place *place, ov_json_arena *arena, ov_err *err)
{
    static const ov_field fields[] = {{"name", OV_FIELD_STRING, false, offsetof(provider_entry, name)}};
    provider_entry p = {.name = OV_STR("")};
    (void)!ov_json_fields_of(body, fields, OV_COUNT(fields), &p, arena, "", NULL);
    return ov_fail(err, OV_INVALID, "%sauth-provider: \"%.*s\": not supported: expected exec or another credential",
                   place->text, OV_STR_ARG(ov_str_sub(p.name, 0, SHOWN_MAX)));
}

static ov_status refuse_impersonation(const user_entry *u, const kubeconfig_place *place, ov_err *err)
{
    bool groups = u->as_groups.len && !ov_str_eq(u->as_groups, OV_STR("[]"));
    bool extra = u->as_extra.len && !ov_str_eq(u->as_extra, OV_STR("{}"));
    const char *field = u->as.len       ? "as"
                        : u->as_uid.len ? "as-uid"
                        : groups        ? "as-groups"
                        : extra         ? "as-user-extra"
                                        : NULL;
    if (!field) return OV_OK;
    return ov_fail(err, OV_INVALID, "%s%s: impersonation is not supported: expected the user's own credentials",
                   place->text, field);
}

static ov_status read_certificate(const user_entry *u, const kubeconfig_place *place, kube_target *t, ov_err *err)
{
    ov_status st =
        kubeconfig_material(&t->cert, KUBE_CERTIFICATE, place, "client-certificate", u->cert, u->cert_data, err);
    if (st == OV_OK) st = kubeconfig_material(&t->key, KUBE_KEY, place, "client-key", u->key, u->key_data, err);
    if (st != OV_OK) return st;
    bool cert = kube_material_is_set(&t->cert), key = kube_material_is_set(&t->key);
    if (cert && !key) return ov_fail(err, OV_INVALID, "%sclient-key: missing beside a client-certificate", place->text);
    if (key && !cert) return ov_fail(err, OV_INVALID, "%sclient-certificate: missing beside a client-key", place->text);
    return OV_OK;
}

/* A token beside a tokenFile serves until the file can be read. */
static ov_status read_token(const user_entry *u, const kubeconfig_place *place, kube_target *t, ov_err *err)
{
    OV_CLEANUP(ov_secret_buf_clear) ov_buf text = ov_secret_buf(u->token.len);
    const char *expected;
    if (u->token.len) {
        ov_status st = kubeconfig_secret(u->token, place, "token", &text, err);
        if (st != OV_OK) return st;
    }
    if (text.len) {
        t->token.value = kube_material_value(KUBE_TOKEN, ov_buf_str(&text), &expected);
        if (!t->token.value) return ov_fail(err, OV_INVALID, "%stoken: expected %s", place->text, expected);
    }
    if (u->token_file.len) t->token.path = kubeconfig_resolve(place, u->token_file);
    if (kube_material_is_set(&t->token)) t->token.what = kubeconfig_what(place, t->token.path ? "tokenFile" : "token");
    return OV_OK;
}

static ov_status read_password(const user_entry *u, const kubeconfig_place *place, kube_target *t, ov_err *err)
{
    OV_CLEANUP(ov_secret_buf_clear) ov_buf text = ov_secret_buf(u->username.len + 1 + u->password.len);
    OV_CLEANUP(ov_secret_buf_clear) ov_buf header = ov_secret_buf(2 * text.max + 16);
    if (!u->username.len && !u->password.len) return OV_OK;
    ov_buf_append_str(&text, u->username);
    ov_buf_append_char(&text, ':');
    if (u->password.len) {
        ov_status st = kubeconfig_secret(u->password, place, "password", &text, err);
        if (st != OV_OK) return st;
    }
    if (text.len == 1) return OV_OK;
    if (!u->username.len) return ov_fail(err, OV_INVALID, "%susername: missing beside a password", place->text);
    if (ov_str_find(u->username, ':', 0) < u->username.len)
        return ov_fail(err, OV_INVALID, "%susername: expected a name without a colon", place->text);
    ov_buf_append_c(&header, "Basic ");
    ov_base64_encode(ov_buf_str(&text), &header);
    t->basic = ov_secret_new(ov_buf_str(&header));
    return OV_OK;
}

static ov_status read_identity(const user_entry *u, const kubeconfig_place *place, kube_target *t, ov_err *err)
{
    ov_status st = read_certificate(u, place, t, err);
    if (st == OV_OK) st = read_token(u, place, t, err);
    if (st == OV_OK) st = read_password(u, place, t, err);
    if (st == OV_OK && t->basic && kube_material_is_set(&t->token))
        return ov_fail(err, OV_INVALID, "%stoken: expected either a token or a username, not both", place->text);
    if (st == OV_OK && u->exec.len) st = kubeconfig_read_plugin(u->exec, place, &t->plugin, err);
    if (st != OV_OK) return st;
    if (t->basic || kube_material_is_set(&t->token)) { /* as client-go: what is given as it is wins */
        kube_plugin_free(t->plugin);
        t->plugin = NULL;
    }
    return OV_OK;
}

ov_status kubeconfig_read_user(ov_str body, const kubeconfig_place *place, kube_target *t, ov_err *err)
{
    OV_CLEANUP(ov_json_arena_clear) ov_json_arena arena = {0};
    user_entry u = {0};
    ov_status st = ov_json_fields_of(body, user_fields, OV_COUNT(user_fields), &u, &arena, place->text, err);
    if (st == OV_OK && u.auth_provider.len) st = refuse_provider(u.auth_provider, place, &arena, err);
    if (st == OV_OK) st = refuse_impersonation(&u, place, err);
    return st == OV_OK ? read_identity(&u, place, t, err) : st;
}
