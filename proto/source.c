/* The providers, and the one canonical name of what a tracker's remoteVersion points at. */
#include "proto/source.h"

#include <stdlib.h>

#include "base/mem.h"
#include "proto/source_repo.h"
#include "base/poison.h"

const source_provider source_providers[] = {
    {.name = "github",
     .strategies = {"releases", "tags"},
     .repo_examples = {"owner/name"},
     .canonical = source_repo_github},
    {.name = "helm",
     .aliases = {"helm-repo"},
     .strategies = {"chartVersion", "appVersion"},
     .repo_examples = {"https://charts.example.org", "oci://ghcr.io/org/charts"},
     .note = "chart is required; oci:// has chartVersion alone",
     .canonical = source_repo_helm,
     .needs_chart = true},
    {.name = "oci",
     .strategies = {"tags"},
     .repo_examples = {"ghcr.io/org/name", "docker.io/library/nginx"},
     .note = "https, unless http:// stands before it",
     .canonical = source_repo_oci},
    {.name = "git",
     .strategies = {"tags"},
     .repo_examples = {"https://git.example.org/group/name"},
     .note = "any server of git's smart HTTP protocol",
     .canonical = source_repo_git},
    {.name = "gitlab",
     .strategies = {"releases", "tags"},
     .repo_examples = {"group/name", "https://gitlab.example.org/group/name"},
     .note = "gitlab.com, unless a URL names another server",
     .canonical = source_repo_gitlab},
    {.name = "gitea",
     .aliases = {"forgejo"},
     .strategies = {"releases", "tags"},
     .repo_examples = {"https://gitea.example.org/owner/name"},
     .canonical = source_repo_gitea},
    {.name = "endoflife",
     .strategies = {"cycles"},
     .repo_examples = {"nginx"},
     .note = "a product of endoflife.date: the latest version of each cycle, and when its life ends",
     .canonical = source_repo_endoflife},
};
const size_t source_provider_count = OV_COUNT(source_providers);

static void append_names(ov_buf *out, const char *const *names, size_t count, const char *between)
{
    for (size_t i = 0; i < count && names[i]; i++) {
        if (i) ov_buf_append_c(out, between);
        ov_buf_append_c(out, names[i]);
    }
}

/* Two spaces at least: columns are told apart by them. */
static void pad(ov_buf *out, size_t began, size_t width)
{
    ov_buf_append_c(out, "  ");
    while (out->len < began + width && !out->failed) ov_buf_append_char(out, ' ');
}

void source_providers_describe(ov_buf *out)
{
    enum { NAME_WIDTH = 18, STRATEGIES_WIDTH = 26 };
    for (size_t i = 0; i < source_provider_count; i++) {
        const source_provider *p = &source_providers[i];
        ov_buf_append_c(out, "  ");
        size_t began = out->len;
        ov_buf_append_c(out, p->name);
        if (p->aliases[0]) ov_buf_append_c(out, ", ");
        append_names(out, p->aliases, OV_COUNT(p->aliases), ", ");
        pad(out, began, NAME_WIDTH);
        append_names(out, p->strategies, OV_COUNT(p->strategies), ", ");
        pad(out, began, NAME_WIDTH + STRATEGIES_WIDTH);
        append_names(out, p->repo_examples, OV_COUNT(p->repo_examples), ", ");
        if (p->note) ov_buf_printf(out, "  (%s)", p->note);
        ov_buf_append_char(out, '\n');
    }
}

char *source_providers_help(const char *purpose)
{
    enum { HELP_BYTES_MAX = 16 * 1024 };
    ov_buf text = OV_BUF(HELP_BYTES_MAX);
    ov_buf_append_c(&text, purpose);
    ov_buf_append_c(&text, "\n\nproviders, their strategies, examples of repo:\n");
    source_providers_describe(&text);
    if (text.len) text.len--; /* the last line feed */
    return ov_buf_take(&text, NULL);
}

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

static ov_status one_of(const char *member, ov_str value, const char *const *names, size_t count, ov_err *err)
{
    OV_CLEANUP(ov_buf_clear) ov_buf text = OV_BUF(256);
    ov_buf_append_c(&text, "one of ");
    append_names(&text, names, count, ", ");
    OV_CLEANUP(ov_free_p) char *expected = ov_buf_take(&text, NULL);
    return source_unexpected(member, value, expected, err);
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

static ov_status repo_canonical(const source_provider *p, const report_remote *remote, ov_buf *out, ov_err *err)
{
    if (!remote->repo.len) {
        OV_CLEANUP(ov_buf_clear) ov_buf text = OV_BUF(256);
        append_names(&text, p->repo_examples, OV_COUNT(p->repo_examples), " or ");
        OV_CLEANUP(ov_free_p) char *expected = ov_buf_take(&text, NULL);
        return source_unexpected("repo", remote->repo, expected, err);
    }
    ov_status st = p->canonical(remote, out, err);
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
    ov_status st = repo_canonical(p, remote, &repo, err);
    if (st != OV_OK) return st;
    /* One index answers both of helm's strategies for all its charts; a chart in a registry is a list of its own. */
    bool index = p->needs_chart && !ov_str_starts(ov_buf_str(&repo), OV_STR("oci://"));
    source s = {
        .provider = ov_dup(ov_str_of(p->name)),
        .strategy = ov_dup(index            ? OV_STR("index")
                           : p->needs_chart ? OV_STR("tags")
                                            : remote->strategy),
        .repo = ov_buf_take(&repo, NULL),
        .list = ov_dup(index ? remote->chart : OV_STR("")),
        .app_version = ov_str_eq(remote->strategy, OV_STR("appVersion")),
    };
    s.key = key_of(&s);
    *ret = s;
    return OV_OK;
}

static ov_str product_named(const report_remote *remote)
{
    const source_provider *p = source_provider_find(remote->provider);
    if (remote->end_of_life.len || !p || p->canonical != source_repo_endoflife) return remote->end_of_life;
    return remote->repo;
}

ov_status source_of_end_of_life(const report_remote *remote, source *ret, ov_err *err)
{
    ov_str product = product_named(remote);
    const report_remote cycles = {.provider = OV_STR("endoflife"), .strategy = OV_STR("cycles"), .repo = product};
    if (!product.len) return ov_fail(err, OV_NOT_FOUND, "remoteVersion.endOfLife: missing");
    if (source_resolve(&cycles, ret, err) == OV_OK) return OV_OK;
    return source_unexpected("endOfLife", product, SOURCE_PRODUCT_EXPECTED, err);
}

ov_str source_product(const source *s)
{
    ov_str repo = ov_str_of(s->repo);
    size_t from = repo.len;
    while (from && repo.ptr[from - 1] != '/') from--;
    return ov_str_sub(repo, from, repo.len);
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
