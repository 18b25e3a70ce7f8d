/* OCI registries: the tags of one repository, in pages linked by the server; tokens are fetched when it asks for one.
 * https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md#listing-tags,
 * https://distribution.github.io/distribution/spec/auth/token/; charts: https://helm.sh/docs/topics/registries/ */
#include "base/mem.h"
#include "services/fetcher/challenge.h"
#include "services/fetcher/json_page.h"
#include "services/fetcher/provider.h"
#include "base/poison.h"

enum { TOKEN_BODY_BYTES = 256 * 1024, TOKEN_URL_BYTES = 2047, TOKEN_FORM_BYTES = 32 * 1024 };

/* Cuts the scheme off: without one it is https. */
static ov_str cut_scheme(ov_str repo, const char **ret_scheme)
{
    ov_str plain = OV_STR("http://"), chart = OV_STR("oci://");
    bool is_plain = ov_str_starts(repo, plain);
    *ret_scheme = is_plain ? "http://" : "https://";
    if (is_plain) return ov_str_sub(repo, plain.len, repo.len);
    return ov_str_starts(repo, chart) ? ov_str_sub(repo, chart.len, repo.len) : repo;
}

static ov_str path_of(const job *j)
{
    const char *scheme;
    ov_str rest = cut_scheme(j->repo, &scheme);
    return ov_str_sub(rest, ov_str_find(rest, '/', 0) + 1, rest.len);
}

static ov_status first_url(const provider_options *o, const job *j, ov_buf *out, ov_err *err)
{
    (void)o;
    const char *scheme;
    ov_str rest = cut_scheme(j->repo, &scheme), path = path_of(j);
    ov_str host = ov_str_sub(rest, 0, ov_str_find(rest, '/', 0));
    ov_status status = provider_check_strategy(j, "tags", NULL, err);
    if (status != OV_OK) return status;
    if (!host.len || ov_str_find(host, '@', 0) < host.len || !provider_is_path(path, 1))
        return ov_fail(err, OV_INVALID, "repo: \"%.*s\": expected a registry and a path",
                       OV_STR_ARG(ov_str_sub(j->repo, 0, 60)));
    ov_buf_append_c(out, scheme);
    if (ov_str_eq(host, OV_STR("docker.io"))) host = OV_STR("registry-1.docker.io");
    ov_buf_append_str(out, host);
    ov_buf_append_c(out, "/v2/");
    ov_buf_append_str(out, path);
    ov_buf_append_c(out, "/tags/list?n=1000");
    return OV_OK;
}

/* ---- a page */

/* A chart's version stands in a tag, which has no "+". */
static void restore_plus(ov_str tag, ov_buf *out)
{
    for (size_t i = 0; i < tag.len; i++) ov_buf_append_char(out, tag.ptr[i] == '_' ? '+' : tag.ptr[i]);
}

static ov_status on_tag(provider_page *page, version_list *to, ov_str element, ov_err *err)
{
    ov_json_reader r;
    ov_str tag;
    OV_CLEANUP(ov_json_arena_clear) ov_json_arena arena = {0};
    OV_CLEANUP(ov_buf_clear) ov_buf version = OV_BUF(LIST_VERSION_BYTES_MAX);
    ov_json_reader_init(&r, element);
    ov_status status = ov_json_string(&r, &tag, &arena, "tags[]", err);
    if (status != OV_OK) return status;
    page->named += tag.len > 0;
    list_version v = {.version = tag};
    if (ov_str_eq(page->j->provider, OV_STR("helm"))) {
        restore_plus(tag, &version);
        if (version.failed) return OV_OK;
        v.version = ov_buf_str(&version);
    }
    version_lists_add(page->lists, to, &v);
    return OV_OK;
}

static ov_status parse(provider_page *page, provider_read read, void *arg, ov_err *err)
{
    return json_page_read(page, "tags", on_tag, read, arg, err);
}

/* ---- a token */

static void append_pair(ov_buf *out, const char *name, ov_str value)
{
    ov_buf_append_char(out, '&');
    ov_buf_append_c(out, name);
    ov_buf_append_char(out, '=');
    provider_append_escaped(out, value);
}

/* Whom the token is for and what it is to allow: what the registry said, else what is needed. */
static void append_wish(const provider_challenge *c, const challenge *said, ov_buf *out)
{
    if (said->service[0]) append_pair(out, "service", ov_str_of(said->service));
    OV_CLEANUP(ov_buf_clear) ov_buf scope = OV_BUF(CHALLENGE_VALUE_BYTES);
    ov_buf_append_c(&scope, said->scope);
    if (!said->scope[0]) {
        ov_buf_append_c(&scope, "repository:");
        ov_buf_append_str(&scope, path_of(c->j));
        ov_buf_append_c(&scope, ":pull");
    }
    append_pair(out, "scope", ov_buf_str(&scope));
}

static void append_token_url(const provider_challenge *c, const challenge *said, ov_buf *url)
{
    ov_str realm = ov_str_of(said->realm);
    OV_CLEANUP(ov_buf_clear) ov_buf wish = OV_BUF(TOKEN_URL_BYTES);
    append_wish(c, said, &wish);
    if (wish.failed) url->failed = true;
    ov_buf_append_str(url, realm);
    ov_buf_append_char(url, ov_str_find(realm, '?', 0) < realm.len ? '&' : '?');
    ov_buf_append_str(url, ov_str_sub(ov_buf_str(&wish), 1, wish.len));
}

typedef struct {
    ov_str token, access_token;
} token_text;

static const ov_field token_fields[] = {
    {"token", OV_FIELD_STRING, false, offsetof(token_text, token)},
    {"access_token", OV_FIELD_STRING, false, offsetof(token_text, access_token)},
};

static bool is_token(ov_str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] <= ' ' || text.ptr[i] > '~') return false;
    return text.len > 0;
}

static ov_status read_token(ov_str body, ov_secret **ret, ov_err *err)
{
    token_text t = {0};
    OV_CLEANUP(ov_json_arena_clear) ov_json_arena arena = {0};
    ov_status status = ov_json_fields_of(body, token_fields, OV_COUNT(token_fields), &t, &arena, "the token", NULL);
    if (!t.token.len) t.token = t.access_token;
    if (status != OV_OK || !is_token(t.token))
        return ov_fail(err, OV_INVALID, "what the registry's token server answers is no token");
    *ret = ov_secret_new(t.token);
    return OV_OK;
}

static ov_status get_token(const provider_challenge *c, const challenge *said, ov_buf *body, ov_err *err)
{
    OV_CLEANUP(ov_buf_clear) ov_buf url = OV_BUF(TOKEN_URL_BYTES);
    append_token_url(c, said, &url);
    ov_status status = ov_buf_finish(&url, "the token server's URL", err);
    if (status != OV_OK) return status;
    OV_CLEANUP(ov_free_p) char *target = ov_buf_take(&url, NULL);
    return c->ask(c->arg, target, (ov_str){0}, body, err);
}

/* https://distribution.github.io/distribution/spec/auth/oauth/ */
static ov_status trade_identity(const provider_challenge *c, const challenge *said, ov_buf *body, ov_err *err)
{
    OV_CLEANUP(ov_secret_buf_clear) ov_buf form = ov_secret_buf(TOKEN_FORM_BYTES);
    ov_buf_append_c(&form, "grant_type=refresh_token&client_id=opvic");
    append_wish(c, said, &form);
    append_pair(&form, "refresh_token", ov_secret_text(c->identity_token));
    ov_status status = ov_buf_finish(&form, "the identity token", err);
    return status == OV_OK ? c->ask(c->arg, said->realm, ov_buf_str(&form), body, err) : status;
}

static ov_status fetch_token(const provider_challenge *c, const challenge *said, ov_secret **ret, ov_err *err)
{
    OV_CLEANUP(ov_secret_buf_clear) ov_buf body = ov_secret_buf(TOKEN_BODY_BYTES);
    if (!ov_fetch_same_origin(said->realm, said->realm))
        return ov_fail(err, OV_INVALID, "the registry names a token server that is not at an http or https URL");
    bool trades = c->identity_token && ov_fetch_same_origin(c->url, said->realm);
    ov_status status = trades ? trade_identity(c, said, &body, err) : get_token(c, said, &body, err);
    return status == OV_OK ? read_token(ov_buf_str(&body), ret, err) : status;
}

static ov_status authorize(const provider_challenge *c, ov_secret **ret_token, ov_err *err)
{
    OV_CLEANUP(ov_free_p) challenge *said = ov_zalloc(sizeof *said);
    if (!challenge_parse(ov_str_of(c->text), said)) return OV_NOT_FOUND;
    if (said->bearer) return fetch_token(c, said, ret_token, err);
    return c->known ? OV_OK : OV_NOT_FOUND;
}

const provider provider_oci = {
    .name = "oci",
    .accept = "application/json",
    .media = "json",
    .first_url = first_url,
    .parse = parse,
    .next = provider_link_next,
    .authorize = authorize,
};
