/* Makes, counts and finds credentials; what they hold is zeroed with the last holder. */
#include "services/fetcher/credentials_entry.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/base64.h"
#include "base/mem.h"
#include "crypto/hash.h"
#include "base/poison.h"

enum { AUTHORITY_MAX = 300, ID_BYTES = CREDENTIAL_ID / 2 };

/* ---- origins ---- */

static bool takes_prefix(ov_str *text, ov_str prefix)
{
    if (!ov_str_eq_ignore_case(ov_str_sub(*text, 0, prefix.len), prefix)) return false;
    *text = ov_str_sub(*text, prefix.len, text->len);
    return true;
}

/* What may stand before the first "/": no user, no pattern, nothing that a parser of URLs could cut elsewhere. */
static bool is_authority(ov_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c <= ' ' || c == 0x7f || strchr("@?#*\\\"'<>%", c)) return false;
    }
    return text.len > 0 && text.len <= AUTHORITY_MAX;
}

static bool has_port(ov_str authority)
{
    size_t bracket = ov_str_find(authority, ']', 0);
    return ov_str_find(authority, ':', bracket < authority.len ? bracket : 0) < authority.len;
}

ov_status credential_origin_parse(ov_str text, credential_origin *ret, ov_str *ret_path, ov_err *err)
{
    char url[AUTHORITY_MAX + 16];
    ov_url_parts parts;
    bool http = takes_prefix(&text, OV_STR("http://")), https = !http && takes_prefix(&text, OV_STR("https://"));
    size_t slash = ov_str_find(text, '/', 0);
    ov_str authority = ov_str_sub(text, 0, slash);
    bool ok = is_authority(authority);
    if (ok) snprintf(url, sizeof url, "http%s://%.*s/", http ? "" : "s", OV_STR_ARG(authority));
    if (!ok || !ov_url_split(url, &parts)) return ov_fail(err, OV_INVALID, "expected a host, or host:port");
    *ret = (credential_origin){.https = parts.https, .any_port = !http && !https && !has_port(authority)};
    snprintf(ret->host, sizeof ret->host, "%s", parts.host);
    snprintf(ret->port, sizeof ret->port, "%s", parts.port);
    *ret_path = ov_str_sub(text, slash, text.len);
    return OV_OK;
}

bool credential_origin_is(const credential_origin *o, const ov_url_parts *url)
{
    return o->https == url->https && strcasecmp(o->host, url->host) == 0 &&
           (o->any_port || strcmp(o->port, url->port) == 0);
}

/* ---- credentials ---- */

credential_entry *credential_entry_new(const credential_origin *origin, const char *id)
{
    credential_entry *e = ov_zalloc(sizeof *e);
    e->holders = 1;
    e->origin = *origin;
    snprintf(e->id, sizeof e->id, "%s", id);
    return e;
}

credential_entry *credential_entry_basic(const credential_origin *origin, const char *id, ov_str login, ov_str password)
{
    size_t both = login.len + 1 + password.len;
    OV_CLEANUP(ov_secret_buf_clear) ov_buf pair = ov_secret_buf(both);
    OV_CLEANUP(ov_secret_buf_clear) ov_buf text = ov_secret_buf(sizeof "Basic " + (both + 2) / 3 * 4);
    ov_buf_append_str(&pair, login);
    ov_buf_append_char(&pair, ':');
    ov_buf_append_str(&pair, password);
    ov_buf_append_c(&text, "Basic ");
    ov_base64_encode(ov_buf_str(&pair), &text);
    credential_entry *e = credential_entry_new(origin, id);
    e->authorization = ov_secret_new(ov_buf_str(&text));
    return e;
}

credential_entry *credential_entry_hold(credential_entry *e)
{
    __atomic_add_fetch(&e->holders, 1, __ATOMIC_RELAXED);
    return e;
}

void credential_entry_let_go(credential_entry *e)
{
    if (!e || __atomic_sub_fetch(&e->holders, 1, __ATOMIC_ACQ_REL) > 0) return;
    ov_secret_free(e->bearer);
    ov_secret_free(e->authorization);
    ov_secret_free(e->value);
    ov_secret_free(e->identity_token);
    free(e);
}

void credential_entry_let_go_p(credential_entry **e)
{
    credential_entry_let_go(*e);
}

void credential_id_make(const char *kind, const credential_origin *origin, ov_str account, ov_str more,
                        char out[CREDENTIAL_ID])
{
    unsigned char hash[OV_SHA256_BYTES];
    const ov_str pieces[] = {
        OV_STR("opvic credential"),
        ov_str_of(kind),
        ov_str_of(origin->https ? "https" : "http"),
        ov_str_of(origin->host),
        ov_str_of(origin->any_port ? "*" : origin->port),
        account,
        more,
    };
    ov_sha256_pieces(pieces, OV_COUNT(pieces), hash);
    ov_hex(hash, ID_BYTES, out);
}

static bool has_control(ov_str text)
{
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.ptr[i] < 0x20 || text.ptr[i] == 0x7f) return true;
    return false;
}

const char *credential_login_problem(ov_str login, ov_str password)
{
    if (login.len > CREDENTIAL_TEXT_MAX) return "login: longer than 4096 bytes";
    if (password.len > CREDENTIAL_TEXT_MAX) return "password: longer than 4096 bytes";
    if (has_control(login) || ov_str_find(login, ':', 0) < login.len)
        return "login: expected no \":\" and no control characters";
    return has_control(password) ? "password: expected no control characters" : NULL;
}

bool credential_is_token(ov_str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] <= ' ' || text.ptr[i] > '~') return false;
    return text.len > 0 && text.len <= CREDENTIAL_TEXT_MAX;
}

/* ---- lists ---- */

ov_status credential_list_add(credential_list *l, credential_entry *e, ov_err *err)
{
    if (l->count >= CREDENTIAL_ENTRIES_MAX) {
        credential_entry_let_go(e);
        return ov_fail(err, OV_INVALID, "more than %d entries", CREDENTIAL_ENTRIES_MAX);
    }
    ov_grow(&l->items, &l->cap, l->count + 1, sizeof *l->items);
    l->items[l->count++] = e;
    return OV_OK;
}

void credential_list_clear(credential_list *l)
{
    for (size_t i = 0; i < l->count; i++) credential_entry_let_go(l->items[i]);
    free(l->items);
    *l = (credential_list){0};
}

credential_entry *credential_list_find(const credential_list *l, const ov_url_parts *url)
{
    for (size_t i = 0; i < l->count; i++)
        if (credential_origin_is(&l->items[i]->origin, url)) return l->items[i];
    return NULL;
}
