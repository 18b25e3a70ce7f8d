/* Takes repo apart as its provider means it and puts it together in one spelling. */
#include "proto/source_repo.h"

#include "base/poison.h"

enum { SHOWN_BYTES = 60, PORT_DIGITS_MAX = 5 };

ov_status source_unexpected(const char *member, ov_str value, const char *expected, ov_err *err)
{
    ov_str shown = ov_str_sub(value, 0, SHOWN_BYTES);
    return ov_fail(err, OV_INVALID, "remoteVersion.%s: \"%.*s\": expected %s", member, OV_STR_ARG(shown), expected);
}

static ov_status unexpected_repo(ov_str repo, const char *expected, ov_err *err)
{
    return source_unexpected("repo", repo, expected, err);
}

/* ---- pieces */

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

static ov_str without_suffix(ov_str s, ov_str suffix)
{
    if (s.len > suffix.len && ov_str_ends(s, suffix)) s.len -= suffix.len;
    return s;
}

static bool starts_ignoring_case(ov_str s, ov_str prefix)
{
    return ov_str_eq_ignore_case(ov_str_sub(s, 0, prefix.len), prefix);
}

/* The place of the last c, or s.len. */
static size_t find_last(ov_str s, char c)
{
    for (size_t i = s.len; i > 0; i--)
        if (s.ptr[i - 1] == c) return i - 1;
    return s.len;
}

static bool is_alphanumeric(char c)
{
    return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9');
}

/* What forges take as the name of an owner, a group or a repository. */
static bool is_name(ov_str s)
{
    if (!s.len || ov_str_eq(s, OV_STR(".")) || ov_str_eq(s, OV_STR(".."))) return false;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (!is_alphanumeric(c) && c != '-' && c != '_' && c != '.') return false;
    }
    return true;
}

/* How many names a path of nothing else has; 0 for any other path. */
static size_t count_names(ov_str path)
{
    size_t count = 0;
    ov_str name;
    while (ov_str_split(&path, '/', &name)) {
        if (!is_name(name)) return 0;
        count++;
    }
    return count;
}

/* ---- URLs */

typedef struct {
    bool tls;
    ov_str host, port, path; /* path: empty, or from its slash on, without slashes at its end */
} repo_url;

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

/* What stands behind the scheme. */
static ov_status cut_rest(ov_str repo, ov_str rest, const char *expected, repo_url *ret, ov_err *err)
{
    size_t slash = ov_str_find(rest, '/', 0);
    ov_str authority = ov_str_sub(rest, 0, slash);
    if (!is_url_text(rest)) return unexpected_repo(repo, expected, err);
    if (ov_str_find(authority, '@', 0) < authority.len)
        return ov_fail(err, OV_INVALID, "remoteVersion.repo: expected a URL without a user or password");
    if (!cut_authority(authority, &ret->host, &ret->port)) return unexpected_repo(repo, expected, err);
    if (ov_str_eq(ret->port, ret->tls ? OV_STR("443") : OV_STR("80"))) ret->port.len = 0;
    ret->path = without_slashes(ov_str_sub(rest, slash, rest.len));
    return OV_OK;
}

static bool cut_scheme(ov_str repo, bool *ret_tls, ov_str *ret_rest)
{
    *ret_tls = starts_ignoring_case(repo, OV_STR("https://"));
    if (!*ret_tls && !starts_ignoring_case(repo, OV_STR("http://"))) return false;
    *ret_rest = ov_str_sub(repo, *ret_tls ? 8 : 7, repo.len);
    return true;
}

static ov_status cut_url(ov_str repo, const char *expected, repo_url *ret, ov_err *err)
{
    repo_url url = {0};
    ov_str rest;
    if (!cut_scheme(repo, &url.tls, &rest)) return unexpected_repo(repo, expected, err);
    ov_status status = cut_rest(repo, rest, expected, &url, err);
    if (status == OV_OK) *ret = url;
    return status;
}

static void append_authority(const repo_url *url, ov_buf *out)
{
    append_lower(out, url->host);
    if (!url->port.len) return;
    ov_buf_append_char(out, ':');
    ov_buf_append_str(out, url->port);
}

static void append_origin(const repo_url *url, ov_buf *out)
{
    ov_buf_append_c(out, url->tls ? "https://" : "http://");
    append_authority(url, out);
}

/* ---- github */

/* "owner/name"; the repository's page is taken too, and deeper paths go to the provider as they are. */
ov_status source_repo_github(const report_remote *remote, ov_buf *out, ov_err *err)
{
    ov_str rest = without_slashes(remote->repo), page = OV_STR("github.com/"), path;
    bool tls;
    if (cut_scheme(rest, &tls, &path) && starts_ignoring_case(path, page))
        rest = without_suffix(ov_str_sub(path, page.len, path.len), OV_STR(".git"));
    append_lower(out, rest);
    return count_names(rest) < 2 ? unexpected_repo(remote->repo, "owner/name", err) : OV_OK;
}

/* ---- oci */

/* One part of a repository's name: lower case letters and digits with ".", "_", "__" or dashes between them.
 * https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md#pulling-manifests */
static bool is_oci_part(ov_str s)
{
    size_t i = 0;
    for (;;) {
        size_t began = i;
        while (i < s.len && is_alphanumeric(s.ptr[i]) && s.ptr[i] == lower(s.ptr[i])) i++;
        if (i == began) return false;
        if (i == s.len) return true;
        char c = s.ptr[i];
        size_t run = i;
        while (i < s.len && s.ptr[i] == c) i++;
        run = i - run;
        if (!(c == '-' || (c == '.' && run == 1) || (c == '_' && run <= 2))) return false;
    }
}

static bool is_oci_path(ov_str path)
{
    ov_str part;
    if (!path.len) return false;
    while (ov_str_split(&path, '/', &part))
        if (!is_oci_part(part)) return false;
    return true;
}

static bool is_docker_hub(const repo_url *url)
{
    static const char *const names[] = {"docker.io", "index.docker.io", "registry-1.docker.io",
                                        "registry.hub.docker.com"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (ov_str_eq_ignore_case(url->host, ov_str_of(names[i]))) return true;
    return false;
}

/* Image references name a host only by what no part of a path can be. */
static bool names_host(ov_str reference)
{
    ov_str first = ov_str_sub(reference, 0, ov_str_find(reference, '/', 0));
    if (first.len == reference.len) return false;
    return ov_str_find(first, '.', 0) < first.len || ov_str_find(first, ':', 0) < first.len ||
           ov_str_eq_ignore_case(first, OV_STR("localhost"));
}

static ov_status append_oci(const repo_url *url, ov_str repo, ov_buf *out, ov_err *err)
{
    ov_str path = ov_str_sub(url->path, 1, url->path.len);
    if (!is_oci_path(path))
        return unexpected_repo(repo, "a registry and a path in lower case, without tag or digest", err);
    if (is_docker_hub(url)) {
        ov_buf_append_c(out, ov_str_find(path, '/', 0) < path.len ? "docker.io" : "docker.io/library");
    } else {
        if (!url->tls) ov_buf_append_c(out, "http://");
        append_authority(url, out);
    }
    ov_buf_append_str(out, url->path);
    return OV_OK;
}

ov_status source_repo_oci(const report_remote *remote, ov_buf *out, ov_err *err)
{
    static const char expected[] = "a registry and a path, such as ghcr.io/org/name";
    repo_url url = {.tls = true};
    ov_str rest = remote->repo, oci = OV_STR("oci://");
    bool scheme = cut_scheme(remote->repo, &url.tls, &rest);
    if (!scheme) url.tls = true;
    if (!scheme && starts_ignoring_case(rest, oci)) {
        scheme = true;
        rest = ov_str_sub(rest, oci.len, rest.len);
    }
    ov_buf whole = OV_BUF(out->max);
    if (!scheme && !names_host(rest)) ov_buf_append_c(&whole, "docker.io/");
    ov_buf_append_str(&whole, rest);
    ov_status status = ov_buf_finish(&whole, "remoteVersion.repo", err);
    if (status == OV_OK) status = cut_rest(remote->repo, ov_buf_str(&whole), expected, &url, err);
    if (status == OV_OK) status = append_oci(&url, remote->repo, out, err);
    ov_buf_clear(&whole);
    return status;
}

/* ---- helm */

static ov_status oci_chart(const report_remote *remote, ov_buf *out, ov_err *err)
{
    repo_url url = {.tls = true};
    if (ov_str_eq(remote->strategy, OV_STR("appVersion")))
        return ov_fail(
            err, OV_INVALID,
            "remoteVersion.strategy: \"appVersion\": expected chartVersion: an oci:// repository lists tags, "
            "which are charts' versions alone");
    OV_CLEANUP(ov_buf_clear) ov_buf whole = OV_BUF(out->max);
    ov_buf_append_str(&whole, without_slashes(ov_str_sub(remote->repo, 6, remote->repo.len)));
    ov_buf_append_char(&whole, '/');
    ov_buf_append_str(&whole, remote->chart);
    ov_status status = ov_buf_finish(&whole, "remoteVersion.repo", err);
    if (status == OV_OK)
        status = cut_rest(remote->repo, ov_buf_str(&whole), "oci://, a registry and a path", &url, err);
    if (status == OV_OK && !url.path.len) status = unexpected_repo(remote->repo, "oci://, a registry and a path", err);
    if (status != OV_OK) return status;
    ov_buf_append_c(out, "oci://");
    return append_oci(&url, ov_buf_str(&whole), out, err);
}

ov_status source_repo_helm(const report_remote *remote, ov_buf *out, ov_err *err)
{
    repo_url url;
    if (starts_ignoring_case(remote->repo, OV_STR("oci://"))) return oci_chart(remote, out, err);
    ov_status status = cut_url(remote->repo, "an http, https or oci URL", &url, err);
    if (status != OV_OK) return status;
    append_origin(&url, out);
    ov_buf_append_str(out, url.path);
    return OV_OK;
}

/* ---- git and the forges */

ov_status source_repo_git(const report_remote *remote, ov_buf *out, ov_err *err)
{
    static const char expected[] = "the http or https URL of a git repository";
    repo_url url;
    ov_status status = cut_url(remote->repo, expected, &url, err);
    if (status != OV_OK) return status;
    ov_str path = without_slashes(without_suffix(url.path, OV_STR(".git")));
    if (path.len < 2 || ov_str_find(path, '?', 0) < path.len) return unexpected_repo(remote->repo, expected, err);
    append_origin(&url, out);
    ov_buf_append_str(out, path);
    return OV_OK;
}

/* A page inside a project ("/-/releases") is cut off. */
static ov_str gitlab_path(ov_str path)
{
    ov_str mark = OV_STR("/-/");
    path = without_slashes(path);
    for (size_t i = 0; i + mark.len <= path.len; i++)
        if (ov_str_eq(ov_str_sub(path, i, i + mark.len), mark)) return ov_str_sub(path, 0, i);
    return without_suffix(path, OV_STR(".git"));
}

ov_status source_repo_gitlab(const report_remote *remote, ov_buf *out, ov_err *err)
{
    static const char expected[] = "group/name or https://gitlab.example.org/group/name";
    repo_url url = {.tls = true, .host = OV_STR("gitlab.com")};
    ov_str rest, path = remote->repo;
    bool tls;
    if (cut_scheme(remote->repo, &tls, &rest)) {
        ov_status status = cut_url(remote->repo, expected, &url, err);
        if (status != OV_OK) return status;
        path = ov_str_sub(url.path, 1, url.path.len);
    }
    path = gitlab_path(path);
    if (count_names(path) < 2) return unexpected_repo(remote->repo, expected, err);
    append_origin(&url, out);
    ov_buf_append_char(out, '/');
    append_lower(out, path);
    return OV_OK;
}

ov_status source_repo_gitea(const report_remote *remote, ov_buf *out, ov_err *err)
{
    static const char expected[] = "https://gitea.example.org/owner/name";
    repo_url url;
    ov_status status = cut_url(remote->repo, expected, &url, err);
    if (status != OV_OK) return status;
    ov_str path = without_suffix(url.path, OV_STR(".git"));
    size_t name = find_last(path, '/'), owner = find_last(ov_str_sub(path, 0, name), '/');
    if (count_names(ov_str_sub(path, 1, path.len)) < 2) return unexpected_repo(remote->repo, expected, err);
    append_origin(&url, out);
    ov_buf_append_str(out, ov_str_sub(path, 0, owner));
    append_lower(out, ov_str_sub(path, owner, path.len));
    return OV_OK;
}

/* ---- endoflife */

ov_status source_repo_endoflife(const report_remote *remote, ov_buf *out, ov_err *err)
{
    static const char expected[] = SOURCE_PRODUCT_EXPECTED;
    repo_url url;
    ov_str rest, product = remote->repo;
    bool tls, elsewhere = false;
    if (cut_scheme(remote->repo, &tls, &rest)) {
        ov_status status = cut_url(remote->repo, expected, &url, err);
        if (status != OV_OK) return status;
        product = ov_str_sub(url.path, 1, url.path.len);
        elsewhere = !url.tls || !ov_str_eq_ignore_case(url.host, OV_STR("endoflife.date")) || url.port.len > 0;
    }
    if (count_names(product) != 1) return unexpected_repo(remote->repo, expected, err);
    if (elsewhere) append_origin(&url, out);
    if (elsewhere) ov_buf_append_char(out, '/');
    append_lower(out, product);
    return OV_OK;
}
