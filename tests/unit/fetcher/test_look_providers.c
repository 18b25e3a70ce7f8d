/* Looks through each provider at a server that answers well, in pages, unchanged or wrong. */
#include "services/fetcher/look.h"

#include "base/clock.h"
#include "support/check.h"
#include "support/upstream/canned.h"
#include "base/poison.h"

enum { NOW = 1000000 };

#define HEAD(status, length) "HTTP/1.1 " status "\r\nConnection: close\r\nContent-Length: " length "\r\n"
#define OK(length) HEAD("200 OK", length)
#define SAME "HTTP/1.1 304 Not Modified\r\nConnection: close\r\nETag: \"e1\"\r\n\r\n"
#define JSON "Content-Type: application/json; charset=utf-8\r\n"

#define ID "0123456789012345678901234567890123456789"
#define ADVERTISED "/info/refs?service=git-upload-pack"
#define GIT_V2                                                          \
    OK("*")                                                             \
    "Content-Type: application/x-git-upload-pack-advertisement\r\n\r\n" \
    "001e# service=git-upload-pack\n0000000eversion 2\n000cls-refs\n0000"
#define GIT_LIST(length) OK(length) "Content-Type: application/x-git-upload-pack-result\r\n\r\n"
#define TAG_1 "003e" ID " refs/tags/v1.0.0\n"
#define TAG_2 "006e" ID " refs/tags/v2.0.0 peeled:" ID "\n"
#define MOVED(to) HEAD("301 Moved Permanently", "0") "Location: " to "\r\n\r\n"

static const canned_route routes[] = {
    /* oci */
    {.path = "/v2/o/one/tags/list?n=1000",
     .answer = OK("*") JSON "ETag: \"e1\"\r\n\r\n{\"name\":\"o/one\",\"tags\":[\"1.0\"]}"},
    {.path = "/v2/o/same/tags/list?n=1000", .answer = SAME},
    {.path = "/v2/o/pages/tags/list?n=1000",
     .answer = OK("*") JSON "Link: </v2/o/pages/tags/list?last=1&n=1000>; rel=\"next\"\r\n\r\n{\"tags\":[\"1.0\"]}"},
    {.path = "/v2/o/pages/tags/list?last=1&n=1000",
     .answer = OK("*") JSON "Link: <list?last=2&n=1000>; rel=next\r\n\r\n{\"tags\":[\"2.0\"]}"},
    {.path = "/v2/o/pages/tags/list?last=2&n=1000", .answer = OK("*") JSON "\r\n{\"tags\":null}"},
    {.path = "/v2/o/away/tags/list?n=1000",
     .answer = OK("*") JSON "Link: <http://example.invalid/v2/x>; rel=\"next\"\r\n\r\n{\"tags\":[\"1.0\"]}"},
    {.path = "/v2/o/errors/tags/list?n=1000", .answer = OK("*") JSON "\r\n{\"errors\":[]}"},
    {.path = "/v2/o/html/tags/list?n=1000", .answer = OK("*") "Content-Type: text/html\r\n\r\n{\"tags\":[\"1.0\"]}"},
    {.path = "/v2/o/denied/tags/list?n=1000", .answer = HEAD("401 Unauthorized", "2") JSON "\r\n{}"},
    {.path = "/v2/o/busy/tags/list?n=1000", .answer = HEAD("429 Slow down", "2") "Retry-After: 90\r\n\r\n{}"},
    {.path = "/v2/o/cut/tags/list?n=1000", .answer = OK("99") JSON "\r\n{\"tags\":[\"1.0\""},
    /* git */
    {.path = "/o/good" ADVERTISED, .answer = GIT_V2},
    {.path = "/o/good/git-upload-pack", .answer = GIT_LIST("*") TAG_1 TAG_2 "0000"},
    {.path = "/o/granted" ADVERTISED,
     .answer = OK("*") "RateLimit-Limit: 1\r\nRateLimit-Remaining: 0\r\nRateLimit-Reset: 60\r\n"
                       "Content-Type: application/x-git-upload-pack-advertisement\r\n\r\n"
                       "001e# service=git-upload-pack\n0000000eversion 2\n000cls-refs\n0000"},
    {.path = "/o/empty" ADVERTISED, .answer = GIT_V2},
    {.path = "/o/empty/git-upload-pack", .answer = GIT_LIST("*") "0000"},
    {.path = "/o/noflush" ADVERTISED, .answer = GIT_V2},
    {.path = "/o/noflush/git-upload-pack", .answer = GIT_LIST("*") TAG_1},
    {.path = "/o/short" ADVERTISED, .answer = GIT_V2},
    {.path = "/o/short/git-upload-pack", .answer = GIT_LIST("99") TAG_1},
    {.path = "/o/old" ADVERTISED,
     .answer = OK("*") "Content-Type: application/x-git-upload-pack-advertisement\r\n\r\n"
                       "001e# service=git-upload-pack\n0000" TAG_1 "0000"},
    {.path = "/o/dumb" ADVERTISED, .answer = OK("*") "Content-Type: text/plain\r\n\r\n" ID "\trefs/tags/v1\n"},
    {.path = "/o/page" ADVERTISED, .answer = OK("*") "\r\n<html>"},
    {.path = "/o/private" ADVERTISED, .answer = HEAD("401 Unauthorized", "0") "\r\n"},
    {.path = "/o/renamed" ADVERTISED, .answer = MOVED("/o/good" ADVERTISED)},
    {.path = "/o/sulky" ADVERTISED, .answer = GIT_V2},
    {.path = "/o/sulky/git-upload-pack", .answer = MOVED("/o/good/git-upload-pack")},
    /* gitlab */
    {.path = "/api/v4/projects/g%2Fs%2Fn/releases?per_page=100&page=1",
     .answer = OK("*") JSON "Link: </api/v4/projects/7/releases?page=2>; rel=\"next\", </x>; rel=\"first\"\r\n\r\n"
                            "[{\"tag_name\":\"v2.0.0\"}]"},
    {.path = "/api/v4/projects/7/releases?page=2",
     .answer = OK("*") JSON "Link: </x>; rel=\"first\"\r\n\r\n[{\"tag_name\":\"v1.0.0\"}]"},
    {.path = "/api/v4/projects/g%2Fone/repository/tags?per_page=100&page=1",
     .answer = OK("*") JSON "ETag: W/\"e1\"\r\n\r\n[{\"name\":\"v1.0\"}]"},
    {.path = "/api/v4/projects/g%2Fsame/repository/tags?per_page=100&page=1", .answer = SAME},
    {.path = "/api/v4/projects/g%2Fobject/repository/tags?per_page=100&page=1", .answer = OK("*") JSON "\r\n{}"},
    /* gitea */
    {.path = "/api/v1/repos/o/n/tags?limit=50&page=1", .answer = OK("*") JSON "\r\n[{\"name\":\"v2.0\"}]"},
    {.path = "/api/v1/repos/o/n/tags?limit=50&page=2", .answer = OK("*") JSON "\r\n[{\"name\":\"v1.0\"}]"},
    {.path = "/api/v1/repos/o/n/tags?limit=50&page=3", .answer = OK("*") JSON "\r\n[]"},
    {.path = "/api/v1/repos/o/old/tags?limit=50&page=1", .answer = MOVED("/api/v1/repos/o/new/tags")},
    {.path = "/api/v1/repos/o/new/tags", .answer = OK("*") JSON "\r\n[{\"name\":\"v2.0\"}]"},
    {.path = "/api/v1/repos/o/old/tags?limit=50&page=2", .answer = OK("*") JSON "\r\n[]"},
    {.path = "/api/v1/repos/o/n/releases?limit=50&page=1",
     .answer =
         OK("*") JSON "Link: </api/v1/repos/o/n/releases?page=2>; rel=\"next\"\r\n\r\n[{\"tag_name\":\"v2.0.0\"}]"},
    {.path = "/api/v1/repos/o/n/releases?page=2",
     .answer =
         OK("*") JSON "Link: </api/v1/repos/o/n/releases?page=1>; rel=\"prev\"\r\n\r\n[{\"tag_name\":\"v1.0.0\"}]"},
    /* endoflife */
    {.path = "/api/v1/products/nginx",
     .answer = OK("*") JSON "ETag: \"e1\"\r\n\r\n{\"result\":{\"releases\":[{\"latest\":{\"name\":\"1.29.3\"}}]}}"},
    {.path = "/api/v1/products/same", .answer = SAME},
    /* github with an Enterprise Server's URLs */
    {.path = "/o/good.git" ADVERTISED, .answer = GIT_V2},
    {.path = "/o/good.git/git-upload-pack", .answer = GIT_LIST("*") TAG_1 TAG_2 "0000"},
    {.path = "/api/v3/repos/o/good/tags?per_page=100",
     .answer = OK("*") JSON "ETag: \"e1\"\r\nX-RateLimit-Remaining: 9\r\n\r\n[{\"name\":\"v1.0\"}]"},
    {.path = "/api/v3/repos/o/spent/tags?per_page=100",
     .answer = HEAD("403 Forbidden", "2") "X-RateLimit-Remaining: 0\r\nX-RateLimit-Reset: 1000300\r\n\r\n{}"},
    {.path = "/o/spent.git" ADVERTISED, .answer = GIT_V2},
    {.path = "/o/spent.git/git-upload-pack", .answer = GIT_LIST("*") TAG_1 "0000"},
    {.path = "/o/private.git" ADVERTISED, .answer = HEAD("401 Unauthorized", "0") "\r\n"},
    {.path = "/api/v3/repos/o/good/releases?per_page=100", .answer = OK("*") JSON "\r\n[]"},
    {.path = "/api/v3/repos/o/renamed/releases?per_page=100",
     .answer = MOVED("/api/v3/repositories/7/releases?per_page=100")},
    {.path = "/api/v3/repositories/7/releases?per_page=100",
     .answer = OK("*") JSON
     "Link: </api/v3/repositories/7/releases?page=2>; rel=\"next\"\r\n\r\n[{\"tag_name\":\"v2.0.0\"}]"},
    {.path = "/api/v3/repositories/7/releases?page=2", .answer = OK("*") JSON "\r\n[{\"tag_name\":\"v1.0.0\"}]"},
};

static const struct {
    const char *provider, *strategy, *repo; /* %s: the server */
    const char *etag;                       /* known from the last look */
    lookup_outcome outcome;
    lookup_failure failure;
    const char *versions; /* spaces between */
    int64_t requests;
    const char *message; /* part of it */
    const char *saw;     /* part of the last request; or NULL */
} cases[] = {
    {"oci", "tags", "%s/o/one", "", LOOKUP_COMPLETE, FAILURE_NONE, "1.0", 1, "", "Accept: application/json\r\n"},
    {"oci", "tags", "%s/o/same", "\"e1\"", LOOKUP_NOT_MODIFIED, FAILURE_NONE, "", 1, "", "If-None-Match: \"e1\""},
    {"oci", "tags", "%s/o/pages", "", LOOKUP_COMPLETE, FAILURE_NONE, "1.0 2.0", 3, "", NULL},
    {"oci", "tags", "%s/o/away", "", LOOKUP_FAILED, FAILURE_REFUSED_TARGET, "", 1, "another host", NULL},
    {"oci", "tags", "%s/o/errors", "", LOOKUP_FAILED, FAILURE_MALFORMED, "", 1, "tags", NULL},
    {"oci", "tags", "%s/o/html", "", LOOKUP_FAILED, FAILURE_MALFORMED, "", 1,
     "no list, the Content-Type is \"text/html\"", NULL},
    {"oci", "tags", "%s/o/denied", "", LOOKUP_FAILED, FAILURE_UNAUTHORIZED, "", 1, "HTTP 401", NULL},
    {"oci", "tags", "%s/o/busy", "", LOOKUP_FAILED, FAILURE_RATE_LIMITED, "", 1, "rate limit", NULL},
    {"oci", "tags", "%s/o/cut", "", LOOKUP_FAILED, FAILURE_UNREACHABLE, "", 1, "", NULL},
    {"oci", "tags", "%s/o/nowhere", "", LOOKUP_FAILED, FAILURE_NOT_FOUND, "", 1, "HTTP 404", NULL},
    {"git", "tags", "%s/o/good", "", LOOKUP_COMPLETE, FAILURE_NONE, "v1.0.0 v2.0.0", 2, "",
     "\r\n\r\n0014command=ls-refs\n00010009peel\n001aref-prefix refs/tags/\n0000"},
    {"git", "tags", "%s/o/good", "", LOOKUP_COMPLETE, FAILURE_NONE, "v1.0.0 v2.0.0", 2, "",
     "Git-Protocol: version=2\r\n"},
    {"git", "tags", "%s/o/empty", "", LOOKUP_COMPLETE, FAILURE_NONE, "", 2, "", NULL},
    {"git", "tags", "%s/o/noflush", "", LOOKUP_FAILED, FAILURE_MALFORMED, "", 2, "cut off", NULL},
    {"git", "tags", "%s/o/short", "", LOOKUP_FAILED, FAILURE_UNREACHABLE, "", 2, "", NULL},
    {"git", "tags", "%s/o/old", "", LOOKUP_COMPLETE, FAILURE_NONE, "v1.0.0", 1, "", NULL},
    {"git", "tags", "%s/o/dumb", "", LOOKUP_FAILED, FAILURE_MALFORMED, "", 1, "text/plain", NULL},
    {"git", "tags", "%s/o/page", "", LOOKUP_FAILED, FAILURE_MALFORMED, "", 1, "HTML", NULL},
    {"git", "tags", "%s/o/private", "", LOOKUP_FAILED, FAILURE_UNAUTHORIZED, "", 1, "HTTP 401", NULL},
    {"git", "tags", "%s/o/renamed", "", LOOKUP_COMPLETE, FAILURE_NONE, "v1.0.0 v2.0.0", 2, "", "POST /o/good/"},
    {"git", "tags", "%s/o/sulky", "", LOOKUP_FAILED, FAILURE_UNREACHABLE, "", 2, "HTTP 301", NULL},
    {"git", "tags", "%s/o/nowhere", "", LOOKUP_FAILED, FAILURE_NOT_FOUND, "", 1, "HTTP 404", NULL},
    {"gitlab", "releases", "%s/g/s/n", "", LOOKUP_COMPLETE, FAILURE_NONE, "v2.0.0 v1.0.0", 2, "", NULL},
    {"gitlab", "tags", "%s/g/one", "", LOOKUP_COMPLETE, FAILURE_NONE, "v1.0", 1, "", NULL},
    {"gitlab", "tags", "%s/g/same", "W/\"e1\"", LOOKUP_NOT_MODIFIED, FAILURE_NONE, "", 1, "",
     "If-None-Match: W/\"e1\""},
    {"gitlab", "tags", "%s/g/object", "", LOOKUP_FAILED, FAILURE_MALFORMED, "", 1, "", NULL},
    {"gitlab", "tags", "%s/g/nowhere", "", LOOKUP_FAILED, FAILURE_NOT_FOUND, "", 1, "", NULL},
    {"gitea", "tags", "%s/o/n", "", LOOKUP_COMPLETE, FAILURE_NONE, "v2.0 v1.0", 3, "", NULL},
    {"gitea", "tags", "%s/o/old", "", LOOKUP_COMPLETE, FAILURE_NONE, "v2.0", 2, "", NULL},
    {"gitea", "releases", "%s/o/n", "", LOOKUP_COMPLETE, FAILURE_NONE, "v2.0.0 v1.0.0", 2, "", NULL},
    {"gitea", "releases", "%s/o/nowhere", "", LOOKUP_FAILED, FAILURE_NOT_FOUND, "", 1, "", NULL},
    {"endoflife", "cycles", "%s/nginx", "", LOOKUP_COMPLETE, FAILURE_NONE, "1.29.3", 1, "", NULL},
    {"endoflife", "cycles", "%s/same", "\"e1\"", LOOKUP_NOT_MODIFIED, FAILURE_NONE, "", 1, "", NULL},
    {"endoflife", "cycles", "%s/nowhere", "", LOOKUP_FAILED, FAILURE_NOT_FOUND, "", 1, "", NULL},
    {"github", "releases", "o/renamed", "", LOOKUP_COMPLETE, FAILURE_NONE, "v2.0.0 v1.0.0", 2, "", NULL},
    {"github", "releases", "o/good", "", LOOKUP_COMPLETE, FAILURE_NONE, "", 1, "", NULL},
    {"github", "releases", "o/nowhere", "", LOOKUP_FAILED, FAILURE_NOT_FOUND, "", 1, "", NULL},
    /* Without a token there is no budget worth spending. */
    {"github", "tags", "o/good", "\"e1\"", LOOKUP_COMPLETE, FAILURE_NONE, "v1.0.0 v2.0.0", 2, "", NULL},
    {"svn", "tags", "o/n", "", LOOKUP_FAILED, FAILURE_UNSUPPORTED, "", 0, "unknown", NULL},
};

static canned server;
static char base[64], api[80];
static ov_fetch_policy policy;
static ov_fetch *client;
static ov_secret *token;

static look_options options(void)
{
    return (look_options){.providers = {.github_api_url = api},
                          .policy = &policy,
                          .pages_max = 10,
                          .bytes_max = 65536,
                          .connect_ms = 5000,
                          .idle_ms = 10000,
                          .total_ms = 20000};
}

static void look_at(const look_options *o, const char *name, const char *strategy, const char *repo, const char *etag,
                    budget *left, look_result *r)
{
    static char url[256];
    bool here = strncmp(repo, "%s", 2) == 0;
    snprintf(url, sizeof url, "%s%s", here ? base : "", here ? repo + 2 : repo);
    job j = {.source = OV_STR("s"),
             .provider = ov_str_of(name),
             .strategy = ov_str_of(strategy),
             .repo = ov_str_of(url),
             .etag = ov_str_of(etag)};
    look_run(o, client, &j, true, NOW, left, r);
}

static void check_versions(const look_result *r, const char *want)
{
    OV_CLEANUP(ov_buf_clear) ov_buf got = OV_BUF(1024);
    const version_list *l = &r->lists.lists[0];
    for (size_t i = 0; i < l->count; i++) {
        if (i) ov_buf_append_char(&got, ' ');
        ov_buf_append_str(&got, l->versions[i].version);
    }
    CHECK_STR(ov_buf_str(&got), ov_str_of(want));
    CHECK(l->present == (r->outcome == LOOKUP_COMPLETE));
}

static void test_cases(void)
{
    look_options o = options();
    for (size_t i = 0; i < OV_COUNT(cases); i++) {
        char name[128];
        snprintf(name, sizeof name, "%s %s %s", cases[i].provider, cases[i].strategy, cases[i].repo);
        check_case(name);
        OV_CLEANUP(budget_clear) budget left;
        budget_init(&left);
        look_result r;
        look_at(&o, cases[i].provider, cases[i].strategy, cases[i].repo, cases[i].etag, &left, &r);
        CHECK_C(lookup_outcome_name(r.outcome), lookup_outcome_name(cases[i].outcome));
        CHECK_C(lookup_failure_name(r.failure), lookup_failure_name(cases[i].failure));
        check_versions(&r, cases[i].versions);
        CHECK_INT(r.requests, cases[i].requests);
        if (!CHECK(strstr(r.message, cases[i].message) != NULL)) fprintf(stderr, "  %s\n", r.message);
        if (cases[i].saw) CHECK(canned_saw(&server, cases[i].saw));
        look_result_clear(&r);
        check_case(NULL);
    }
}

/* What leads to the list is no page of it: the smallest limit of pages leaves the list, as does a small budget. */
static void test_one_page(void)
{
    look_options o = options();
    o.pages_max = 1;
    OV_CLEANUP(budget_clear) budget left;
    budget_init(&left);
    look_result r;
    look_at(&o, "git", "tags", "%s/o/good", "", &left, &r);
    CHECK_INT(r.outcome, LOOKUP_COMPLETE);
    check_versions(&r, "v1.0.0 v2.0.0");
    CHECK(!r.lists.lists[0].truncated);
    look_result_clear(&r);
    look_at(&o, "git", "tags", "%s/o/granted", "", &left, &r);
    CHECK_INT(r.outcome, LOOKUP_DEFERRED);
    look_result_clear(&r);
}

/* ---- credentials */

/* Gives to one origin, or fails. */
typedef struct {
    const char *origin;
    provider_credential credential;
    const char *also; /* or NULL: an origin whose credential is another_one */
    provider_credential another_one;
    credential_failure failure;
} giver;

static bool give(void *arg, const char *url, provider_credential *ret)
{
    const giver *g = arg;
    bool here = ov_fetch_same_origin(url, g->origin), also = g->also && ov_fetch_same_origin(url, g->also);
    if (g->failure.failure || !(here || also)) return false;
    *ret = here ? g->credential : g->another_one;
    return true;
}

static const credential_failure *give_failure(void *arg)
{
    const giver *g = arg;
    return g->failure.failure ? &g->failure : NULL;
}

static look_options options_with(giver *g)
{
    look_options o = options();
    o.credential = give;
    o.credential_failure = give_failure;
    o.credential_arg = g;
    return o;
}

/* With a token the API is asked until it says that the budget is spent; the git protocol goes on from there. */
static void test_unbudgeted(void)
{
    giver g = {.origin = base, .credential.bearer = token};
    look_options o = options_with(&g);
    OV_CLEANUP(budget_clear) budget left;
    budget_init(&left);
    look_result r;
    look_at(&o, "github", "tags", "o/good", "", &left, &r);
    check_versions(&r, "v1.0");
    CHECK(canned_saw(&server, "Authorization: Bearer secret\r\n"));
    CHECK_INT(r.budget_remaining, 9);
    look_result_clear(&r);
    look_at(&o, "github", "tags", "o/spent", "", &left, &r);
    CHECK_INT(r.outcome, LOOKUP_COMPLETE);
    check_versions(&r, "v1.0.0");
    CHECK_INT(r.requests, 3);
    CHECK_INT(r.failure, FAILURE_NONE);
    CHECK_INT(r.next_try_s, 0);
    look_result_clear(&r);
    look_at(&o, "github", "tags", "o/good", "\"e1\"", &left, &r);
    check_versions(&r, "v1.0.0 v2.0.0");
    CHECK_INT(r.requests, 2);
    CHECK_INT(r.etag.len, 0);
    look_result_clear(&r);
    /* What the git protocol does not show without a credential the API may show later. */
    look_at(&o, "github", "tags", "o/private", "", &left, &r);
    CHECK_INT(r.outcome, LOOKUP_DEFERRED);
    CHECK_INT(r.next_try_s, NOW + 300);
    CHECK_INT(r.requests, 1);
    look_result_clear(&r);
    /* Releases have no other way. */
    look_at(&o, "github", "releases", "o/good", "", &left, &r);
    CHECK_INT(r.outcome, LOOKUP_DEFERRED);
    CHECK_INT(r.requests, 0);
    look_result_clear(&r);
}

/* What is private must not look as if it were not there while another request asks what is left. */
static void test_nobody_knows_yet(void)
{
    giver g = {.origin = base, .credential.bearer = token};
    look_options o = options_with(&g);
    OV_CLEANUP(budget_clear) budget left;
    budget_init(&left);
    budget_key k;
    CHECK(budget_key_of(api, "", NULL, &k));
    CHECK_INT(budget_take(&left, &k, true, 1, NOW).verdict, BUDGET_ALONE);
    look_result r;
    look_at(&o, "github", "tags", "o/private", "", &left, &r);
    CHECK_INT(r.outcome, LOOKUP_DEFERRED);
    CHECK_INT(r.failure, FAILURE_NONE);
    CHECK_INT(r.requests, 0);
    look_result_clear(&r);
}

/* Where there should be a credential the way without one is none, whatever the budget. */
static void test_broken_credential(void)
{
    giver g = {.origin = base, .failure = {.failure = FAILURE_UNAUTHORIZED, .text = "GitHub App: wrong key"}};
    look_options o = options_with(&g);
    OV_CLEANUP(budget_clear) budget left;
    budget_init(&left);
    for (int i = 0; i < 2; i++) {
        look_result r;
        look_at(&o, "github", "tags", "o/good", "", &left, &r);
        CHECK_INT(r.outcome, LOOKUP_FAILED);
        CHECK_C(r.message, "GitHub App: wrong key");
        CHECK_INT(r.requests, 0);
        look_result_clear(&r);
        budget_key k;
        CHECK(budget_key_of(api, "", NULL, &k));
        budget_told_off(&left, &k, NOW + 300, NOW);
    }
}

static void test_credentials(void)
{
    const struct {
        const char *provider, *strategy, *repo;
        provider_credential credential;
        const char *saw, *not_seen;
    } wanted[] = {
        {"gitlab", "tags", "%s/g/one", {.header = "PRIVATE-TOKEN", .value = "x"}, "PRIVATE-TOKEN: x\r\n", "uthoriz"},
        {"gitlab", "tags", "%s/g/one", {.authorization = "Basic eDp5"}, "Authorization: Basic eDp5\r\n", "PRIVATE"},
        {"gitea", "tags", "%s/o/n", {.bearer = token}, "Authorization: Bearer secret\r\n", "Basic"},
        {"git", "tags", "%s/o/good", {.authorization = "Basic eDp5"}, "Authorization: Basic eDp5\r\n", "Bearer"},
        {"endoflife", "cycles", "%s/nginx", {.authorization = "Basic eDp5"}, "Authorization: Basic eDp5\r\n", "Bearer"},
        /* A registry asks first. */
        {"oci", "tags", "%s/o/one", {.authorization = "Basic eDp5"}, "GET ", "uthorization"},
        {"oci", "tags", "%s/o/one", {.bearer = token}, "GET ", "uthorization"},
    };
    for (size_t i = 0; i < OV_COUNT(wanted); i++) {
        giver g = {.origin = "http://example.org", .credential = wanted[i].credential};
        look_options o = options_with(&g);
        OV_CLEANUP(budget_clear) budget left;
        budget_init(&left);
        look_result r;
        check_case(wanted[i].provider);
        look_at(&o, wanted[i].provider, wanted[i].strategy, wanted[i].repo, "", &left, &r);
        CHECK(!canned_saw(&server, "uthorization") && !canned_saw(&server, "PRIVATE"));
        look_result_clear(&r);
        g.origin = base;
        look_at(&o, wanted[i].provider, wanted[i].strategy, wanted[i].repo, "", &left, &r);
        CHECK_INT(r.outcome, LOOKUP_COMPLETE);
        CHECK(canned_saw(&server, wanted[i].saw));
        CHECK(!canned_saw(&server, wanted[i].not_seen));
        look_result_clear(&r);
    }
    check_case(NULL);
}

/* ---- registries that ask for a token */

static const ov_secret *give_identity(void *arg, const char *url)
{
    return ov_fetch_same_origin(url, ((const giver *)arg)->origin) ? token : NULL;
}

/* A registry that refuses everybody, and its token server at another port: what each is shown. */
static void test_tokens(void)
{
    canned registry, tokens;
    char challenge[512], basic[256], registry_url[64], tokens_url[64];
    static const canned_route give_token = {.path = "/token?service=r&scope=repository%3Ao%2Fn%3Apull",
                                            .answer = OK("*") JSON "\r\n{\"token\":\"t.o.k\"}"};
    const canned_route refuse[] = {{.path = "/v2/o/n/tags/list?n=1000", .answer = challenge},
                                   {.path = "/v2/o/basic/tags/list?n=1000", .answer = basic}};
    canned_start(&tokens, &give_token, 1);
    canned_start(&registry, refuse, OV_COUNT(refuse));
    snprintf(tokens_url, sizeof tokens_url, "http://127.0.0.1:%u", tokens.port);
    snprintf(registry_url, sizeof registry_url, "http://127.0.0.1:%u", registry.port);
    snprintf(challenge, sizeof challenge,
             HEAD("401 Unauthorized", "0") "WWW-Authenticate: Bearer realm=\"%s/token\",service=\"r\"\r\n\r\n",
             tokens_url);
    snprintf(basic, sizeof basic, HEAD("401 Unauthorized", "0") "WWW-Authenticate: Basic realm=\"x\"\r\n\r\n");
    const provider_credential login = {.authorization = "Basic eDp5"}, other = {.authorization = "Basic b3RoZXI="};
    const struct {
        const char *name, *repo;
        giver g;
        const char *shown_tokens, *shown_registry; /* NULL: no credential */
        int64_t requests;
    } shown[] = {
        {"nobody's", "/o/n", {.origin = "http://example.org"}, NULL, "Authorization: Bearer t.o.k\r\n", 3},
        {"the registry's alone",
         "/o/n",
         {.origin = registry_url, .credential = login},
         NULL,
         "Authorization: Bearer t.o.k\r\n",
         3},
        {"the token server's alone",
         "/o/n",
         {.origin = tokens_url, .credential = login},
         NULL,
         "Authorization: Bearer t.o.k\r\n",
         3},
        {"another of each",
         "/o/n",
         {.origin = registry_url, .credential = login, .also = tokens_url, .another_one = other},
         NULL,
         "Authorization: Bearer t.o.k\r\n",
         3},
        {"the same for both",
         "/o/n",
         {.origin = registry_url, .credential = login, .also = tokens_url, .another_one = login},
         "Authorization: Basic eDp5\r\n",
         "Authorization: Bearer t.o.k\r\n",
         3},
        {"Basic", "/o/basic", {.origin = registry_url, .credential = login}, NULL, "Authorization: Basic eDp5\r\n", 2},
        {"Basic without a login", "/o/basic", {.origin = tokens_url, .credential = login}, NULL, NULL, 1},
    };
    for (size_t i = 0; i < OV_COUNT(shown); i++) {
        giver g = shown[i].g;
        look_options o = options_with(&g);
        char repo[128];
        OV_CLEANUP(budget_clear) budget left;
        budget_init(&left);
        look_result r;
        check_case(shown[i].name);
        o.identity_token = give_identity; /* is for the registry's own origin, where no token server is */
        snprintf(repo, sizeof repo, "%s%s", registry_url, shown[i].repo);
        look_at(&o, "oci", "tags", repo, "", &left, &r);
        CHECK_C(lookup_failure_name(r.failure), "unauthorized");
        CHECK_INT(r.requests, shown[i].requests);
        CHECK_INT(canned_saw(&tokens, "uthorization"), shown[i].shown_tokens != NULL);
        if (shown[i].shown_tokens) CHECK(canned_saw(&tokens, shown[i].shown_tokens));
        CHECK_INT(canned_saw(&registry, "uthorization"), shown[i].shown_registry != NULL);
        if (shown[i].shown_registry) CHECK(canned_saw(&registry, shown[i].shown_registry));
        look_result_clear(&r);
        if (shown[i].shown_tokens) tokens.last[0] = '\0';
    }
    check_case(NULL);
    canned_stop(&registry);
    canned_stop(&tokens);
}

/* What a token server wants holds for the next look too, at whichever repository. */
static void test_token_server_waits(void)
{
    canned registry, tokens;
    char challenge[256], repo[2][64];
    const canned_route refuse[] = {{.path = "/v2/o/one/tags/list?n=1000", .answer = challenge},
                                   {.path = "/v2/o/two/tags/list?n=1000", .answer = challenge}};
    const canned_route busy[] = {{.path = "/token?service=r&scope=repository%3Ao%2Fone%3Apull",
                                  .answer = HEAD("429 Slow down", "0") "Retry-After: 90\r\n\r\n"},
                                 {.path = "/token?service=r&scope=repository%3Ao%2Ftwo%3Apull",
                                  .answer = OK("*") JSON "\r\n{\"token\":\"t.o.k\"}"}};
    canned_start(&tokens, busy, OV_COUNT(busy));
    canned_start(&registry, refuse, OV_COUNT(refuse));
    snprintf(challenge, sizeof challenge,
             HEAD("401 Unauthorized", "0") "WWW-Authenticate: Bearer "
                                           "realm=\"http://127.0.0.1:%u/token\",service=\"r\"\r\n\r\n",
             tokens.port);
    snprintf(repo[0], sizeof repo[0], "http://127.0.0.1:%u/o/one", registry.port);
    snprintf(repo[1], sizeof repo[1], "http://127.0.0.1:%u/o/two", registry.port);
    look_options o = options();
    OV_CLEANUP(budget_clear) budget left;
    budget_init(&left);
    look_result r;
    look_at(&o, "oci", "tags", repo[0], "", &left, &r);
    CHECK_C(lookup_failure_name(r.failure), "rateLimited");
    CHECK_INT(r.next_try_s, NOW + 90);
    look_result_clear(&r);
    look_at(&o, "oci", "tags", repo[1], "", &left, &r);
    CHECK_INT(r.outcome, LOOKUP_DEFERRED);
    CHECK_INT(r.next_try_s, NOW + 90);
    CHECK_INT(r.requests, 1);
    CHECK_INT(canned_requests(&tokens), 1);
    look_result_clear(&r);
    canned_stop(&registry);
    canned_stop(&tokens);
}

/* A host that fails is set aside by itself, not the API that the look came from. */
static void test_other_way_fails(void)
{
    setenv("HTTPS_PROXY", "http://127.0.0.1:1", 1); /* nobody listens there: nothing leaves the machine */
    hosts all;
    hosts_init(&all, &(hosts_options){.at_once = 2});
    giver g = {.origin = "https://api.github.com", .credential.bearer = token};
    look_options o = options_with(&g);
    o.providers.github_api_url = "https://api.github.com";
    o.hosts = &all;
    OV_CLEANUP(budget_clear) budget left;
    budget_init(&left);
    budget_key k;
    CHECK(budget_key_of("https://api.github.com", "", NULL, &k));
    budget_told_off(&left, &k, NOW + 300, NOW);
    for (int i = 0; i < CIRCUIT_FAILURES; i++) {
        look_result r;
        look_at(&o, "github", "tags", "o/n", "", &left, &r);
        CHECK_C(lookup_failure_name(r.failure), "unreachable");
        CHECK_INT(r.requests, 1);
        look_result_clear(&r);
    }
    hosts_ticket t = hosts_enter(&all, "api.github.com");
    CHECK_INT(t.verdict, HOSTS_IN);
    hosts_leave(&all, &t, HOSTS_UNTOLD);
    CHECK_INT(hosts_enter(&all, "github.com").verdict, HOSTS_ASIDE);
    look_result r;
    look_at(&o, "github", "tags", "o/n", "", &left, &r);
    CHECK_INT(r.outcome, LOOKUP_DEFERRED);
    CHECK_INT(r.requests, 0);
    look_result_clear(&r);
    hosts_clear(&all);
    unsetenv("HTTPS_PROXY");
}

int main(void)
{
    ov_err err = {0};
    CHECK_OK(ov_fetch_policy_parse(OV_STR("127.0.0.0/8"), &policy, &err), &err);
    canned_start(&server, routes, OV_COUNT(routes));
    snprintf(base, sizeof base, "http://127.0.0.1:%u", server.port);
    snprintf(api, sizeof api, "%s/api/v3", base);
    CHECK_OK(ov_fetch_new("opvic-test", NULL, &client, &err), &err);
    token = ov_secret_new(OV_STR("secret"));
    test_cases();
    test_one_page();
    test_unbudgeted();
    test_nobody_knows_yet();
    test_broken_credential();
    test_credentials();
    test_tokens();
    test_token_server_waits();
    test_other_way_fails();
    ov_secret_free(token);
    ov_fetch_free(client);
    canned_stop(&server);
    return check_end();
}
