/* Reads config.json: auths with "auth", username and password, or an identity token; no helpers are run. */
#include "services/fetcher/credentials_docker.h"

#include <stdio.h>
#include <strings.h>

#include "base/base64.h"
#include "base/mem.h"
#include "json/fields.h"
#include "base/poison.h"

enum { PLACE_BYTES = 160, SHOWN_MAX = 100 };

/* Raw, for no error may show a value. */
typedef struct {
    ov_str auths, creds_store, cred_helpers;
} docker_file;
static const ov_field file_fields[] = {
    {"auths", OV_FIELD_RAW, false, offsetof(docker_file, auths)},
    {"credsStore", OV_FIELD_RAW, false, offsetof(docker_file, creds_store)},
    {"credHelpers", OV_FIELD_RAW, false, offsetof(docker_file, cred_helpers)},
};

typedef struct {
    ov_str auth, username, password, identity_token;
} docker_auth;
static const ov_field auth_fields[] = {
    {"auth", OV_FIELD_RAW, false, offsetof(docker_auth, auth)},
    {"username", OV_FIELD_RAW, false, offsetof(docker_auth, username)},
    {"password", OV_FIELD_RAW, false, offsetof(docker_auth, password)},
    {"identitytoken", OV_FIELD_RAW, false, offsetof(docker_auth, identity_token)},
};

/* One entry on its way. */
typedef struct {
    char place[PLACE_BYTES]; /* begins every message */
    credential_origin origin;
    ov_buf login, password, identity_token;
} docker_entry;

static void entry_clear(docker_entry *e)
{
    ov_secret_buf_clear(&e->login);
    ov_secret_buf_clear(&e->password);
    ov_secret_buf_clear(&e->identity_token);
}

static ov_status entry_fail(const docker_entry *e, const char *what, ov_err *err)
{
    return ov_fail(err, OV_INVALID, "%s: %s", e->place, what);
}

/* A key is shown unless it could hold a password, or would not be readable. */
static void place_entry(docker_entry *e, const char *list, ov_str key, size_t number)
{
    bool plain = key.len <= SHOWN_MAX && credential_is_token(key) && ov_str_find(key, '@', 0) == key.len;
    if (plain)
        snprintf(e->place, sizeof e->place, "%s: \"%.*s\"", list, OV_STR_ARG(key));
    else
        snprintf(e->place, sizeof e->place, "%s: entry %zu", list, number);
}

/* ---- one entry ---- */

/* The text of a JSON string; an absent member is empty. */
static ov_status read_text(const docker_entry *e, const char *name, ov_str raw, ov_buf *out, ov_err *err)
{
    ov_json_reader r;
    ov_json_token t;
    if (raw.len == 0) return OV_OK;
    ov_json_reader_init(&r, raw);
    if (ov_json_next(&r, &t, NULL) != OV_OK || t.type != OV_JSON_STRING)
        return ov_fail(err, OV_INVALID, "%s: %s: expected a string", e->place, name);
    if (t.raw.len > out->max) return ov_fail(err, OV_INVALID, "%s: %s: too long", e->place, name);
    ov_json_unescape(&t, out);
    return OV_OK;
}

/* "user:password" in base64; docker cuts at the first colon and pads the password with NUL. */
static ov_status read_auth(docker_entry *e, ov_str raw, ov_err *err)
{
    OV_CLEANUP(ov_secret_buf_clear) ov_buf text = ov_secret_buf(raw.len);
    OV_CLEANUP(ov_secret_buf_clear) ov_buf pair = ov_secret_buf(raw.len);
    ov_status status = read_text(e, "auth", raw, &text, err);
    if (status != OV_OK || text.len == 0) return status;
    size_t colon = 0;
    bool ok = ov_base64_decode(ov_buf_str(&text), &pair);
    if (ok) colon = ov_str_find(ov_buf_str(&pair), ':', 0);
    if (!ok || colon >= pair.len) return entry_fail(e, "auth: expected the base64 of user:password", err);
    ov_str password = ov_str_sub(ov_buf_str(&pair), colon + 1, pair.len);
    while (password.len && password.ptr[password.len - 1] == '\0') password.len--;
    ov_secret_buf_clear(&e->login);
    ov_secret_buf_clear(&e->password);
    e->login = ov_secret_buf(pair.len);
    e->password = ov_secret_buf(pair.len);
    ov_buf_append_str(&e->login, ov_str_sub(ov_buf_str(&pair), 0, colon));
    ov_buf_append_str(&e->password, password);
    return OV_OK;
}

static ov_status read_values(docker_entry *e, ov_str raw, ov_err *err)
{
    docker_auth a = {0};
    OV_CLEANUP(ov_json_arena_clear) ov_json_arena arena = {0};
    if (raw.ptr[0] != '{') return entry_fail(e, "expected an object", err);
    ov_status status = ov_json_fields_of(raw, auth_fields, OV_COUNT(auth_fields), &a, &arena, e->place, err);
    if (status != OV_OK) return status;
    e->login = ov_secret_buf(a.username.len);
    e->password = ov_secret_buf(a.password.len);
    e->identity_token = ov_secret_buf(a.identity_token.len);
    status = read_text(e, "username", a.username, &e->login, err);
    if (status == OV_OK) status = read_text(e, "password", a.password, &e->password, err);
    if (status == OV_OK) status = read_text(e, "identitytoken", a.identity_token, &e->identity_token, err);
    return status == OV_OK ? read_auth(e, a.auth, err) : status;
}

static ov_status check_values(const docker_entry *e, ov_err *err)
{
    if (e->identity_token.len) {
        if (credential_is_token(ov_buf_str(&e->identity_token))) return OV_OK;
        return entry_fail(e, "identitytoken: expected printable characters without a space", err);
    }
    if (e->login.len == 0 || e->password.len == 0)
        return entry_fail(e, "expected auth, username and password, or identitytoken", err);
    const char *problem = credential_login_problem(ov_buf_str(&e->login), ov_buf_str(&e->password));
    return problem ? entry_fail(e, problem, err) : OV_OK;
}

/* ---- whom it is for ---- */

/* docker keeps tokens of its own login there, which no registry takes. */
static bool is_dockers_own(ov_str key)
{
    return ov_str_eq(key, OV_STR("https://index.docker.io/v1/access-token")) ||
           ov_str_eq(key, OV_STR("https://index.docker.io/v1/refresh-token"));
}

static bool is_docker_hub(const credential_origin *o)
{
    static const char *const names[] = {"index.docker.io", "docker.io", "registry-1.docker.io"};
    for (size_t i = 0; i < OV_COUNT(names); i++)
        if (o->https && strcmp(o->port, "443") == 0 && strcasecmp(o->host, names[i]) == 0) return true;
    return false;
}

static ov_status add_for(const docker_entry *e, const credential_origin *origin, const char *id, credential_list *out,
                         ov_err *err)
{
    ov_str identity_token = ov_buf_str(&e->identity_token);
    credential_entry *made = NULL;
    if (identity_token.len) {
        made = credential_entry_new(origin, id);
        made->identity_token = ov_secret_new(identity_token);
    } else {
        made = credential_entry_basic(origin, id, ov_buf_str(&e->login), ov_buf_str(&e->password));
    }
    return credential_list_add(out, made, err);
}

static ov_status add_entry(docker_entry *e, credential_list *out, ov_err *err)
{
    static const char *const hub[] = {"registry-1.docker.io", "auth.docker.io", "index.docker.io"};
    char id[CREDENTIAL_ID];
    bool is_hub = is_docker_hub(&e->origin), is_token = e->identity_token.len > 0;
    if (is_hub) snprintf(e->origin.host, sizeof e->origin.host, "%s", hub[0]);
    credential_id_make(is_token ? "identity" : "basic", &e->origin, ov_buf_str(&e->login),
                       ov_buf_str(&e->identity_token), id);
    ov_status status = add_for(e, &e->origin, id, out, err);
    for (size_t i = 1; is_hub && i < OV_COUNT(hub) && status == OV_OK; i++) {
        snprintf(e->origin.host, sizeof e->origin.host, "%s", hub[i]);
        status = add_for(e, &e->origin, id, out, err);
    }
    return status;
}

static bool is_api_root(ov_str path)
{
    static const char *const roots[] = {"", "/", "/v1", "/v1/", "/v2", "/v2/"};
    for (size_t i = 0; i < OV_COUNT(roots); i++)
        if (ov_str_eq(path, ov_str_of(roots[i]))) return true;
    return false;
}

static ov_status read_entry(ov_str key, size_t number, ov_str raw, credential_list *out, ov_err *err)
{
    OV_CLEANUP(entry_clear) docker_entry e = {0};
    ov_str path;
    ov_err why = {0};
    place_entry(&e, "auths", key, number);
    if (is_dockers_own(key)) return OV_OK;
    if (credential_origin_parse(key, &e.origin, &path, &why) != OV_OK) return entry_fail(&e, why.msg, err);
    if (!is_api_root(path)) return entry_fail(&e, "expected a registry's host without a path", err);
    e.origin.any_port = false;
    ov_status status = read_values(&e, raw, err);
    if (status == OV_OK) status = check_values(&e, err);
    return status == OV_OK ? add_entry(&e, out, err) : status;
}

/* ---- the file ---- */

static ov_status read_auths(ov_str auths, credential_list *out, ov_err *err)
{
    OV_CLEANUP(ov_json_arena_clear) ov_json_arena arena = {0};
    ov_json_reader r;
    ov_str key, raw;
    bool more = true;
    if (auths.ptr[0] != '{') return ov_fail(err, OV_INVALID, "auths: expected an object");
    ov_json_reader_init(&r, auths);
    ov_status status = ov_json_object_begin(&r, "auths", err);
    for (size_t n = 1; status == OV_OK; n++) {
        status = ov_json_object_next(&r, &more, &key, &arena, "auths", err);
        if (status != OV_OK || !more) break;
        status = ov_json_skip(&r, &raw, err);
        if (status == OV_OK) status = read_entry(key, n, raw, out, err);
    }
    return status;
}

static ov_status refuse_helpers(const docker_file *f, ov_err *err)
{
    static const char refusal[] = "credential helpers are not run here: expected the credentials under auths";
    if (f->creds_store.len && !ov_str_eq(f->creds_store, OV_STR("\"\"")))
        return ov_fail(err, OV_INVALID, "credsStore: %s", refusal);
    if (!f->cred_helpers.len) return OV_OK;
    if (f->cred_helpers.ptr[0] != '{') return ov_fail(err, OV_INVALID, "credHelpers: expected an object");
    OV_CLEANUP(ov_json_arena_clear) ov_json_arena arena = {0};
    docker_entry e = {0};
    ov_json_reader r;
    ov_str key;
    bool more = false;
    ov_json_reader_init(&r, f->cred_helpers);
    ov_status status = ov_json_object_begin(&r, "credHelpers", err);
    if (status == OV_OK) status = ov_json_object_next(&r, &more, &key, &arena, "credHelpers", err);
    if (status != OV_OK || !more) return status;
    place_entry(&e, "credHelpers", key, 1);
    return entry_fail(&e, refusal, err);
}

ov_status docker_config_parse(ov_str text, credential_list *out, ov_err *err)
{
    docker_file f = {0};
    OV_CLEANUP(ov_json_arena_clear) ov_json_arena arena = {0};
    if (!ov_str_starts(ov_str_trim(text), OV_STR("{")))
        return ov_fail(err, OV_INVALID, "expected a JSON object with auths");
    ov_status status = ov_json_fields_of(text, file_fields, OV_COUNT(file_fields), &f, &arena, "JSON: ", err);
    if (status == OV_OK) status = refuse_helpers(&f, err);
    return status == OV_OK && f.auths.len ? read_auths(f.auths, out, err) : status;
}
