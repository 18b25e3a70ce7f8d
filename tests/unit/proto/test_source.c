/* Sources: one key for all spellings, and a word for each that is wrong. */
#include <stdio.h>

#include "proto/source.h"
#include "support/check.h"

#include "base/poison.h"

static const struct {
    const char *provider, *strategy, *repo, *chart;
    const char *key, *list;
    bool app_version;
} good[] = {
    {"github", "releases", "CoreDNS/coredns", "", "github/releases/coredns/coredns", "", false},
    {"github", "tags", "a/b/", "", "github/tags/a/b", "", false},
    {"github", "releases", "a/b/c", "", "github/releases/a/b/c", "", false},
    {"github", "releases", "https://github.com/A/b.git", "", "github/releases/a/b", "", false},
    {"helm", "chartVersion", "https://Charts.Example.org:443/x/", "c", "helm/index/https://charts.example.org/x", "c",
     false},
    {"helm-repo", "appVersion", "HTTP://h:80", "c", "helm/index/http://h", "c", true},
    {"helm", "appVersion", "http://127.0.0.1:8080/Charts", "c", "helm/index/http://127.0.0.1:8080/Charts", "c", true},
    {"helm", "appVersion", "https://[::1]:8443/x", "c", "helm/index/https://[::1]:8443/x", "c", true},
    {"helm", "chartVersion", "OCI://Ghcr.io/org/charts/", "app", "helm/tags/oci://ghcr.io/org/charts/app", "", false},
    {"helm", "chartVersion", "oci://ghcr.io/org", "charts/app", "helm/tags/oci://ghcr.io/org/charts/app", "", false},
    {"helm", "chartVersion", "oci://h:5000", "app", "helm/tags/oci://h:5000/app", "", false},
    {"helm", "chartVersion", "oci://registry-1.docker.io/bitnamicharts", "redis",
     "helm/tags/oci://docker.io/bitnamicharts/redis", "", false},
    {"oci", "tags", "ghcr.io/org/name", "", "oci/tags/ghcr.io/org/name", "", false},
    {"oci", "tags", "https://GHCR.io:443/org/name/", "", "oci/tags/ghcr.io/org/name", "", false},
    {"oci", "tags", "oci://ghcr.io/org/my-name_x.y__z/w--v", "", "oci/tags/ghcr.io/org/my-name_x.y__z/w--v", "", false},
    {"oci", "tags", "docker.io/library/nginx", "", "oci/tags/docker.io/library/nginx", "", false},
    {"oci", "tags", "nginx", "", "oci/tags/docker.io/library/nginx", "", false},
    {"oci", "tags", "index.docker.io/nginx", "", "oci/tags/docker.io/library/nginx", "", false},
    {"oci", "tags", "bitnami/redis", "", "oci/tags/docker.io/bitnami/redis", "", false},
    {"oci", "tags", "localhost/x", "", "oci/tags/localhost/x", "", false},
    {"oci", "tags", "localhost:5000/x", "", "oci/tags/localhost:5000/x", "", false},
    {"oci", "tags", "http://localhost:5000/x", "", "oci/tags/http://localhost:5000/x", "", false},
    {"oci", "tags", "http://h:80/a/b", "", "oci/tags/http://h/a/b", "", false},
    {"oci", "tags", "[::1]:5000/a", "", "oci/tags/[::1]:5000/a", "", false},
    {"git", "tags", "https://Git.example.org/Group/name.git/", "", "git/tags/https://git.example.org/Group/name", "",
     false},
    {"git", "tags", "http://h:8080/~user/.git", "", "git/tags/http://h:8080/~user", "", false},
    {"gitlab", "tags", "Group/name", "", "gitlab/tags/https://gitlab.com/group/name", "", false},
    {"gitlab", "releases", "https://gitlab.com/group/sub/Name.git", "",
     "gitlab/releases/https://gitlab.com/group/sub/name", "", false},
    {"gitlab", "releases", "http://h:8080/g/n/-/releases", "", "gitlab/releases/http://h:8080/g/n", "", false},
    {"gitea", "releases", "https://codeberg.org/Forgejo/forgejo", "",
     "gitea/releases/https://codeberg.org/forgejo/forgejo", "", false},
    {"forgejo", "tags", "https://h/Sub/O/N.git", "", "gitea/tags/https://h/Sub/o/n", "", false},
    {"endoflife", "cycles", "Nginx", "", "endoflife/cycles/nginx", "", false},
    {"endoflife", "cycles", "https://endoflife.date/nginx", "", "endoflife/cycles/nginx", "", false},
    {"endoflife", "cycles", "http://mirror:8080/nginx", "", "endoflife/cycles/http://mirror:8080/nginx", "", false},
};

static void resolves(void)
{
    for (size_t i = 0; i < OV_COUNT(good); i++) {
        report_remote r = {.provider = ov_str_of(good[i].provider),
                           .strategy = ov_str_of(good[i].strategy),
                           .repo = ov_str_of(good[i].repo),
                           .chart = ov_str_of(good[i].chart)};
        OV_CLEANUP(source_clear) source s = {0};
        ov_err err = {0};
        check_case(good[i].repo);
        if (!CHECK_OK(source_resolve(&r, &s, &err), &err)) continue;
        CHECK_C(s.key, good[i].key);
        CHECK_C(s.list, good[i].list);
        CHECK_INT(s.app_version, good[i].app_version);
    }
}

static const struct {
    const char *provider, *strategy, *repo, *chart, *error;
} bad[] = {
    {"svn", "tags", "a/b", "",
     "remoteVersion.provider: \"svn\": expected one of github, helm, oci, git, gitlab, gitea, endoflife"},
    {"", "releases", "a/b", "",
     "remoteVersion.provider: \"\": expected one of github, helm, oci, git, gitlab, gitea, endoflife"},
    {"github", "", "a/b", "", "remoteVersion.strategy: \"\": expected one of releases, tags"},
    {"github", "releases", "", "", "remoteVersion.repo: \"\": expected owner/name"},
    {"github", "releases", "acme", "", "remoteVersion.repo: \"acme\": expected owner/name"},
    {"github", "releases", "a/..", "", "remoteVersion.repo: \"a/..\": expected owner/name"},
    {"github", "releases", "a/b?x=1", "", "remoteVersion.repo: \"a/b?x=1\": expected owner/name"},
    {"github", "releases", "a//b", "", "remoteVersion.repo: \"a//b\": expected owner/name"},
    {"helm", "chartVersion", "https://h", "", "remoteVersion.chart: missing"},
    {"helm", "chartVersion", "not a url", "c", "remoteVersion.repo: \"not a url\": expected an http, https or oci URL"},
    {"helm", "chartVersion", "https://", "c", "remoteVersion.repo: \"https://\": expected an http, https or oci URL"},
    {"helm", "chartVersion", "https://h:99999/", "c",
     "remoteVersion.repo: \"https://h:99999/\": expected an http, https or oci URL"},
    {"helm", "appVersion", "oci://h/x", "c",
     "remoteVersion.strategy: \"appVersion\": expected chartVersion: an oci:// repository lists tags, which are "
     "charts' "
     "versions alone"},
    {"helm", "chartVersion", "oci://", "c", "remoteVersion.repo: \"oci://\": expected oci://, a registry and a path"},
    {"helm", "chartVersion", "oci://u:p@h/x", "c", "remoteVersion.repo: expected a URL without a user or password"},
    {"helm", "chartVersion", "oci://h/x", "C",
     "remoteVersion.repo: \"h/x/C\": expected a registry and a path in lower case, without tag or digest"},
    {"oci", "releases", "ghcr.io/a/b", "", "remoteVersion.strategy: \"releases\": expected one of tags"},
    {"oci", "tags", "", "", "remoteVersion.repo: \"\": expected ghcr.io/org/name or docker.io/library/nginx"},
    {"oci", "tags", "ghcr.io/Org/name", "",
     "remoteVersion.repo: \"ghcr.io/Org/name\": expected a registry and a path in lower case, without tag or digest"},
    {"oci", "tags", "ghcr.io/a/b:1.0", "",
     "remoteVersion.repo: \"ghcr.io/a/b:1.0\": expected a registry and a path in lower case, without tag or digest"},
    {"oci", "tags", "ghcr.io/", "",
     "remoteVersion.repo: \"ghcr.io/\": expected a registry and a path in lower case, without tag or digest"},
    {"oci", "tags", "ghcr.io/a/../b", "",
     "remoteVersion.repo: \"ghcr.io/a/../b\": expected a registry and a path in lower case, without tag or digest"},
    {"oci", "tags", "u:p@h/x", "", "remoteVersion.repo: expected a URL without a user or password"},
    {"oci", "tags", "h:x/y", "",
     "remoteVersion.repo: \"h:x/y\": expected a registry and a path, such as ghcr.io/org/name"},
    {"git", "tags", "git@h:o/n", "",
     "remoteVersion.repo: \"git@h:o/n\": expected the http or https URL of a git repository"},
    {"git", "tags", "https://h", "",
     "remoteVersion.repo: \"https://h\": expected the http or https URL of a git repository"},
    {"git", "tags", "https://h/x?y", "",
     "remoteVersion.repo: \"https://h/x?y\": expected the http or https URL of a git repository"},
    {"gitlab", "tags", "name", "",
     "remoteVersion.repo: \"name\": expected group/name or https://gitlab.example.org/group/name"},
    {"gitlab", "tags", "https://h/a%2fb/c", "",
     "remoteVersion.repo: \"https://h/a%2fb/c\": expected group/name or https://gitlab.example.org/group/name"},
    {"gitea", "tags", "o/n", "", "remoteVersion.repo: \"o/n\": expected https://gitea.example.org/owner/name"},
    {"gitea", "tags", "https://h/n", "",
     "remoteVersion.repo: \"https://h/n\": expected https://gitea.example.org/owner/name"},
    {"endoflife", "cycles", "a/b", "",
     "remoteVersion.repo: \"a/b\": expected a product of endoflife.date, such as nginx"},
    {"endoflife", "cycles", "..", "",
     "remoteVersion.repo: \"..\": expected a product of endoflife.date, such as nginx"},
    {"helm", "chartVersion", "https://u:p@h/", "c", "remoteVersion.repo: expected a URL without a user or password"},
};

static const struct {
    const char *provider, *repo, *named;
    const char *product, *key; /* NULL: named is refused, or there is none */
} products[] = {
    {"github", "nginx/nginx", "nginx", "nginx", "endoflife/cycles/nginx"},
    {"github", "nginx/nginx", "Amazon-EKS", "amazon-eks", "endoflife/cycles/amazon-eks"},
    {"helm", "https://h", "http://mirror:8080/eol/nginx", NULL, NULL},
    {"helm", "https://h", "http://mirror:8080/nginx", "nginx", "endoflife/cycles/http://mirror:8080/nginx"},
    {"", "", "nginx", "nginx", "endoflife/cycles/nginx"},
    {"endoflife", "Nginx", "", "nginx", "endoflife/cycles/nginx"},
    {"endoflife", "nginx", "postgresql", "postgresql", "endoflife/cycles/postgresql"},
    {"github", "nginx/nginx", "", NULL, NULL},
    {"", "", "", NULL, NULL},
    {"svn", "nginx", "", NULL, NULL},
    {"github", "nginx/nginx", "a b", NULL, NULL},
    {"github", "nginx/nginx", "..", NULL, NULL},
    {"github", "nginx/nginx", "nginx?x", NULL, NULL},
};

static void names_products(void)
{
    for (size_t i = 0; i < OV_COUNT(products); i++) {
        report_remote r = {.provider = ov_str_of(products[i].provider),
                           .repo = ov_str_of(products[i].repo),
                           .end_of_life = ov_str_of(products[i].named)};
        OV_CLEANUP(source_clear) source s = {0};
        ov_err err = {0};
        check_case(products[i].named);
        ov_status st = source_of_end_of_life(&r, &s, &err);
        if (products[i].product) {
            if (!CHECK_OK(st, &err)) continue;
            CHECK_STR(source_product(&s), ov_str_of(products[i].product));
            CHECK_C(s.key, products[i].key);
            CHECK_C(s.list, "");
        } else if (products[i].named[0]) {
            CHECK_STATUS(st, OV_INVALID, &err);
            char want[128];
            snprintf(want, sizeof want,
                     "remoteVersion.endOfLife: \"%s\": expected a product of endoflife.date, such as nginx",
                     products[i].named);
            CHECK_C(err.msg, want);
        } else {
            CHECK_STATUS(st, OV_NOT_FOUND, &err);
        }
    }
    check_case(NULL);
}

static void refuses(void)
{
    for (size_t i = 0; i < OV_COUNT(bad); i++) {
        report_remote r = {.provider = ov_str_of(bad[i].provider),
                           .strategy = ov_str_of(bad[i].strategy),
                           .repo = ov_str_of(bad[i].repo),
                           .chart = ov_str_of(bad[i].chart)};
        source s = {0};
        ov_err err = {0};
        check_case(bad[i].error);
        CHECK_STATUS(source_resolve(&r, &s, &err), OV_INVALID, &err);
        CHECK_C(err.msg, bad[i].error);
    }
}

/* What is canonical stays as it is when it is resolved again: a key names one thing. */
static void resolves_again(void)
{
    for (size_t i = 0; i < OV_COUNT(good); i++) {
        if (strcmp(good[i].provider, "helm") == 0 || strcmp(good[i].provider, "helm-repo") == 0) continue;
        report_remote r = {.provider = ov_str_of(good[i].provider),
                           .strategy = ov_str_of(good[i].strategy),
                           .repo = ov_str_of(good[i].repo)};
        OV_CLEANUP(source_clear) source once = {0};
        OV_CLEANUP(source_clear) source twice = {0};
        ov_err err = {0};
        check_case(good[i].repo);
        if (!CHECK_OK(source_resolve(&r, &once, &err), &err)) continue;
        r.repo = ov_str_of(once.repo);
        if (!CHECK_OK(source_resolve(&r, &twice, &err), &err)) continue;
        CHECK_C(twice.key, once.key);
    }
}

static void describes(void)
{
    OV_CLEANUP(ov_buf_clear) ov_buf out = OV_BUF(4096);
    source_providers_describe(&out);
    ov_str rest = ov_buf_str(&out), line;
    CHECK(!out.failed);
    for (size_t i = 0; i < source_provider_count; i++) {
        check_case(source_providers[i].name);
        CHECK(ov_str_split(&rest, '\n', &line));
        CHECK(ov_str_starts(ov_str_trim(line), ov_str_of(source_providers[i].name)));
    }
    check_case(NULL);
    CHECK_STR(rest, OV_STR(""));
}

int main(void)
{
    resolves();
    resolves_again();
    describes();
    names_products();
    refuses();
    return check_end();
}
