/* The providers, and the one canonical name of what a tracker's remoteVersion points at. */
#include "proto/source.h"

#include <stdlib.h>

#include "base/mem.h"

#include "base/poison.h"

enum { SHOWN_BYTES = 60, PORT_DIGITS_MAX = 5 };

const source_provider source_providers[] = {
    {.name = "github", .strategies = {"releases", "tags"}, .repo_example = "owner/name", .strategy_in_source = true},
    {.name = "helm",
     .aliases = {"helm-repo"},
     .strategies = {"chartVersion", "appVersion"},
     .repo_example = "https://charts.example.org",
     .needs_chart = true},
};
const size_t source_provider_count = OV_COUNT(source_providers);

static bool is_name_of(const source_provider *p, ov_str name)
{
    if (ov_str_eq(name, ov_str_of(p->name))) return true;
    for (size_t i = 0; i < OV_COUNT(p->aliases) && p->aliases[i]; i++) {
        if (ov_str_eq(name, ov_str_of(p->aliases[i]))) return true;
    }
    return false;
}

const source_provider *source_provider_find(ov_str name)
{
    for (size_t i = 0; i < source_provider_count; i++) {
        if (is_name_of(&source_providers[i], name)) return &source_providers[i];
    }
    return NULL;
}

static ov_status unexpected(const char *member, ov_str value, const char *expected, ov_err *err)
{
    ov_str shown = ov_str_sub(value, 0, SHOWN_BYTES);
    return ov_fail(err, OV_INVALID, "remoteVersion.%s: \"%.*s\": expected %s", member, OV_STR_ARG(shown), expected);
}

static ov_status one_of(const char *member, ov_str value, const char *const *names, size_t count, ov_err *err)
{
    OV_CLEANUP(ov_buf_clear) ov_buf text = OV_BUF(256);
    ov_buf_append_c(&text, "one of ");
    for (size_t i = 0; i < count && names[i]; i++) {
        if (i) ov_buf_append_c(&text, ", ");
        ov_buf_append_c(&text, names[i]);
    }
    OV_CLEANUP(ov_free_p) char *expected = ov_buf_take(&text, NULL);
    return unexpected(member, value, expected, err);
}

static ov_status unknown_provider(ov_str value, ov_err *err)
{
    const char *names[OV_COUNT(source_providers)];
    for (size_t i = 0; i < OV_COUNT(names); i++) names[i] = source_providers[i].name;
    return one_of("provider", value, names, OV_COUNT(names), err);
}

static bool has_strategy(const source_provider *p, ov_str strategy)
{
    for (size_t i = 0; i < OV_COUNT(p->strategies) && p->strategies[i]; i++) {
        if (ov_str_eq(strategy, ov_str_of(p->strategies[i]))) return true;
    }
    return false;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static void append_lower(ov_buf *out, ov_str s)
{
    for (size_t i = 0; i < s.len; i++) ov_buf_append_char(out, lower(s.ptr[i]));
}

static ov_str without_slashes(ov_str s)
{
    while (s.len && s.ptr[s.len - 1] == '/') s.len--;
    return s;
}

static bool is_github_name(ov_str s)
{
    if (!s.len || ov_str_eq(s, OV_STR(".")) || ov_str_eq(s, OV_STR(".."))) return false;
    for (size_t i = 0; i < s.len; i++) {
        char c = lower(s.ptr[i]);
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.')) return false;
    }
    return true;
}

/* "owner/name"; the repository's page is taken too, and deeper paths go to the provider as they are. */
static ov_status github_repo(ov_str repo, ov_buf *out, ov_err *err)
{
    static const char *const pages[] = {"https://github.com/", "http://github.com/"};
    ov_str rest = without_slashes(repo), segment;
    for (size_t i = 0; i < OV_COUNT(pages); i++) {
        ov_str page = ov_str_of(pages[i]);
        if (!ov_str_eq_ignore_case(ov_str_sub(repo, 0, page.len), page)) continue;
        rest = ov_str_sub(rest, page.len, rest.len);
        if (ov_str_ends(rest, OV_STR(".git"))) rest.len -= 4;
    }
    append_lower(out, rest);
    size_t segments = 0;
    while (ov_str_split(&rest, '/', &segment)) {
        if (!is_github_name(segment)) return unexpected("repo", repo, "owner/name", err);
        segments++;
    }
    return segments < 2 ? unexpected("repo", repo, "owner/name", err) : OV_OK;
}

/* Cuts "host" or "host:port" into both; false when either is malformed. */
static bool cut_authority(ov_str authority, ov_str *host, ov_str *port)
{
    size_t host_end = ov_str_find(authority, ':', 0);
    if (authority.len && authority.ptr[0] == '[') host_end = ov_str_find(authority, ']', 0) + 1;
    if (host_end > authority.len || !host_end) return false;
    *host = ov_str_sub(authority, 0, host_end);
    *port = ov_str_sub(authority, host_end, authority.len);
    if (!port->len) return true;
    if (port->ptr[0] != ':') return false;
    *port = ov_str_sub(*port, 1, port->len);
    uint64_t number;
    return port->len <= PORT_DIGITS_MAX && ov_str_to_u64(*port, &number) && number > 0 && number <= 65535;
}

static bool is_url_text(ov_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (c <= ' ' || c == 0x7F || c == '#' || c == '"' || c == '\\' || c == '<' || c == '>') return false;
    }
    return true;
}

static ov_status url_repo(ov_str repo, ov_buf *out, ov_err *err)
{
    static const char expected[] = "an http or https URL";
    bool tls = ov_str_eq_ignore_case(ov_str_sub(repo, 0, 8), OV_STR("https://"));
    bool plain = ov_str_eq_ignore_case(ov_str_sub(repo, 0, 7), OV_STR("http://"));
    if ((!tls && !plain) || !is_url_text(repo)) return unexpected("repo", repo, expected, err);
    ov_str rest = ov_str_sub(repo, tls ? 8 : 7, repo.len);
    size_t slash = ov_str_find(rest, '/', 0);
    ov_str authority = ov_str_sub(rest, 0, slash), host, port;
    if (ov_str_find(authority, '@', 0) < authority.len)
        return ov_fail(err, OV_INVALID, "remoteVersion.repo: expected a URL without a user or password");
    if (!cut_authority(authority, &host, &port)) return unexpected("repo", repo, expected, err);
    ov_buf_append_c(out, tls ? "https://" : "http://");
    append_lower(out, host);
    if (port.len && !ov_str_eq(port, tls ? OV_STR("443") : OV_STR("80"))) {
        ov_buf_append_char(out, ':');
        ov_buf_append_str(out, port);
    }
    ov_buf_append_str(out, without_slashes(ov_str_sub(rest, slash, rest.len)));
    return OV_OK;
}

static ov_status repo_canonical(const source_provider *p, ov_str repo, ov_buf *out, ov_err *err)
{
    if (!repo.len) return unexpected("repo", repo, p->repo_example, err);
    ov_status st = p->needs_chart ? url_repo(repo, out, err) : github_repo(repo, out, err);
    return st == OV_OK ? ov_buf_finish(out, "remoteVersion.repo", err) : st;
}

static char *key_of(const source *s)
{
    ov_buf key = OV_BUF(SOURCE_KEY_MAX + 64);
    ov_buf_append_c(&key, s->provider);
    ov_buf_append_char(&key, '/');
    ov_buf_append_c(&key, s->strategy);
    ov_buf_append_char(&key, '/');
    ov_buf_append_c(&key, s->repo);
    return ov_buf_take(&key, NULL);
}

ov_status source_resolve(const report_remote *remote, source *ret, ov_err *err)
{
    const source_provider *p = source_provider_find(remote->provider);
    if (!p) return unknown_provider(remote->provider, err);
    if (!has_strategy(p, remote->strategy))
        return one_of("strategy", remote->strategy, p->strategies, OV_COUNT(p->strategies), err);
    if (p->needs_chart && !remote->chart.len) return ov_fail(err, OV_INVALID, "remoteVersion.chart: missing");
    if (remote->chart.len > SOURCE_KEY_MAX) return ov_fail(err, OV_INVALID, "remoteVersion.chart: too long");
    OV_CLEANUP(ov_buf_clear) ov_buf repo = OV_BUF(SOURCE_KEY_MAX - 64);
    ov_status st = repo_canonical(p, remote->repo, &repo, err);
    if (st != OV_OK) return st;
    source s = {
        .provider = ov_dup(ov_str_of(p->name)),
        .strategy = ov_dup(p->strategy_in_source ? remote->strategy : OV_STR("index")),
        .repo = ov_buf_take(&repo, NULL),
        .list = ov_dup(p->needs_chart ? remote->chart : OV_STR("")),
        .app_version = ov_str_eq(remote->strategy, OV_STR("appVersion")),
    };
    s.key = key_of(&s);
    *ret = s;
    return OV_OK;
}

void source_clear(source *s)
{
    free(s->key);
    free(s->provider);
    free(s->strategy);
    free(s->repo);
    free(s->list);
    *s = (source){0};
}
