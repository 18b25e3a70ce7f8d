/* Sources: one key for all spellings, and a word for each that is wrong. */
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
    {"gitlab", "tags", "a/b", "", "remoteVersion.provider: \"gitlab\": expected one of github, helm"},
    {"", "releases", "a/b", "", "remoteVersion.provider: \"\": expected one of github, helm"},
    {"github", "", "a/b", "", "remoteVersion.strategy: \"\": expected one of releases, tags"},
    {"github", "releases", "", "", "remoteVersion.repo: \"\": expected owner/name"},
    {"github", "releases", "acme", "", "remoteVersion.repo: \"acme\": expected owner/name"},
    {"github", "releases", "a/..", "", "remoteVersion.repo: \"a/..\": expected owner/name"},
    {"github", "releases", "a/b?x=1", "", "remoteVersion.repo: \"a/b?x=1\": expected owner/name"},
    {"github", "releases", "a//b", "", "remoteVersion.repo: \"a//b\": expected owner/name"},
    {"helm", "chartVersion", "https://h", "", "remoteVersion.chart: missing"},
    {"helm", "chartVersion", "oci://h/x", "c", "remoteVersion.repo: \"oci://h/x\": expected an http or https URL"},
    {"helm", "chartVersion", "not a url", "c", "remoteVersion.repo: \"not a url\": expected an http or https URL"},
    {"helm", "chartVersion", "https://", "c", "remoteVersion.repo: \"https://\": expected an http or https URL"},
    {"helm", "chartVersion", "https://h:99999/", "c",
     "remoteVersion.repo: \"https://h:99999/\": expected an http or https URL"},
    {"helm", "chartVersion", "https://u:p@h/", "c", "remoteVersion.repo: expected a URL without a user or password"},
};

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

int main(void)
{
    resolves();
    refuses();
    return check_end();
}
