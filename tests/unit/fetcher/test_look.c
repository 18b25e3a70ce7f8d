/* A look at upstreams that answer well, badly or not at all: outcome, failure kind, lists and validators. */
#include "services/fetcher/look.h"

#include "base/clock.h"
#include "base/mem.h"
#include "support/check.h"
#include "support/upstream/canned.h"
#include "base/poison.h"

enum { NOW = 1000000 };

#define HEAD(status, length) "HTTP/1.1 " status "\r\nConnection: close\r\nContent-Length: " length "\r\n"
#define OK(length) HEAD("200 OK", length)
#define TAGS(repo) "/repos/o/" repo "/tags?per_page=100"

static const canned_route routes[] = {
    {.path = TAGS("one"), .answer = OK("14") "ETag: \"e1\"\r\nX-RateLimit-Remaining: 41\r\n\r\n[{\"name\":\"1\"}]"},
    {.path = TAGS("same"), .answer = "HTTP/1.1 304 Not Modified\r\nConnection: close\r\nETag: \"e1\"\r\n\r\n"},
    {.path = TAGS("pages"),
     .holds = "If-None-Match: \"e1\"\r\n",
     .answer = "HTTP/1.1 304 Not Modified\r\nConnection: close\r\nLink: </p2>; rel=\"next\"\r\n\r\n"},
    {.path = "/p2",
     .holds = "If-None-Match: \"e2\"\r\n",
     .answer = "HTTP/1.1 304 Not Modified\r\nConnection: close\r\nLink: </p3>; rel=\"next\"\r\n\r\n"},
    {.path = TAGS("pages"), .answer = OK("14") "ETag: \"e1\"\r\nLink: </p2>; rel=\"next\"\r\n\r\n[{\"name\":\"1\"}]"},
    {.path = "/p2", .answer = OK("14") "ETag: \"e2\"\r\nLink: </p3>; rel=\"next\"\r\n\r\n[{\"name\":\"2\"}]"},
    {.path = "/p3", .answer = OK("14") "ETag: \"e3\"\r\n\r\n[{\"name\":\"3\"}]"},
    {.path = TAGS("broken2"), .answer = OK("14") "Link: </half>; rel=\"next\"\r\n\r\n[{\"name\":\"1\"}]"},
    {.path = "/half", .answer = OK("99") "\r\n[{\"name\":\"2\"}]"},
    {.path = TAGS("away"),
     .answer = OK("14") "Link: <http://example.invalid/p>; rel=\"next\"\r\n\r\n[{\"name\":\"1\"}]"},
    {.path = TAGS("noetag2"),
     .answer = OK("14") "ETag: \"e1\"\r\nLink: </noetag>; rel=\"next\"\r\n\r\n[{\"name\":\"1\"}]"},
    {.path = "/noetag", .answer = OK("14") "\r\n[{\"name\":\"2\"}]"},
    {.path = TAGS("e401"), .answer = HEAD("401 Unauthorized", "2") "\r\n{}"},
    {.path = TAGS("e500"), .answer = HEAD("500 Oops", "2") "\r\n{}"},
    {.path = TAGS("limit"),
     .answer = HEAD("403 Forbidden", "2") "X-RateLimit-Remaining: 0\r\n"
                                          "X-RateLimit-Reset: 1000300\r\n\r\n{}"},
    {.path = TAGS("html"), .answer = OK("18") "\r\n<html>login</html>"},
    {.path = TAGS("object"), .answer = OK("2") "\r\n{}"},
    {.path = TAGS("cut"), .answer = OK("14") "\r\n[{\"name\":\"1\"},"},
    {.path = TAGS("unmarked"), .answer = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n[{\"name\":\"1\"}]"},
    {.path = TAGS("stall"), .answer = OK("99") "\r\n[{\"name\":\"1\"},", .after = CANNED_STALL},
    {.path = TAGS("large"), .answer = OK("99999999") "\r\n[", .after = CANNED_STALL},
    {.path = TAGS("private"), .answer = HEAD("302 Found", "0") "Location: http://10.0.0.1/x\r\n\r\n"},
    {.path = "/charts/index.yaml",
     .answer = OK("38") "Last-Modified: then\r\n\r\nentries:\n  a:\n  - version: 1.0.0\n  b: []\n"},
    {.path = "/cut/index.yaml", .answer = OK("99") "\r\nentries:\n  a:\n  - version: 1.0.0\n"},
};

static const struct {
    const char *repo;
    lookup_outcome outcome;
    lookup_failure failure;
    size_t versions;
    const char *etag;
    int64_t requests, next_try_s;
    const char *message; /* part of it */
} cases[] = {
    {"o/one", LOOKUP_COMPLETE, FAILURE_NONE, 1, "\"e1\"", 1, 0, ""},
    {"o/pages", LOOKUP_COMPLETE, FAILURE_NONE, 3, "\"e1\" \"e2\" \"e3\"", 4, 0, ""},
    {"o/noetag2", LOOKUP_COMPLETE, FAILURE_NONE, 2, "", 2, 0, ""},
    {"o/nowhere", LOOKUP_FAILED, FAILURE_NOT_FOUND, 0, "", 1, 0, "/repos/o/nowhere/tags: HTTP 404"},
    {"o/e401", LOOKUP_FAILED, FAILURE_UNAUTHORIZED, 0, "", 1, 0, "HTTP 401"},
    {"o/e500", LOOKUP_FAILED, FAILURE_UNREACHABLE, 0, "", 1, 0, "HTTP 500"},
    {"o/limit", LOOKUP_FAILED, FAILURE_RATE_LIMITED, 0, "", 1, NOW + 300, "rate limit"},
    {"o/html", LOOKUP_FAILED, FAILURE_MALFORMED, 0, "", 1, 0, "/repos/o/html/tags: "},
    {"o/object", LOOKUP_FAILED, FAILURE_MALFORMED, 0, "", 1, 0, ""},
    {"o/cut", LOOKUP_FAILED, FAILURE_MALFORMED, 0, "", 1, 0, ""},
    {"o/unmarked", LOOKUP_FAILED, FAILURE_MALFORMED, 0, "", 1, 0, "end is not marked"},
    {"o/broken2", LOOKUP_FAILED, FAILURE_UNREACHABLE, 0, "", 2, 0, "/half"},
    {"o/away", LOOKUP_FAILED, FAILURE_REFUSED_TARGET, 0, "", 1, 0, "another host"},
    {"o/stall", LOOKUP_FAILED, FAILURE_TIMEOUT, 0, "", 1, 0, "no progress"},
    {"o/large", LOOKUP_FAILED, FAILURE_TOO_LARGE, 0, "", 1, 0, ""},
    {"o/private", LOOKUP_FAILED, FAILURE_REFUSED_TARGET, 0, "", 1, 0, "allow it with --fetch.allow-cidrs"},
    {"nonsense", LOOKUP_FAILED, FAILURE_UNSUPPORTED, 0, "", 0, 0, "owner/name"},
};

static canned server;
static char base[64];
static ov_fetch_policy policy;
static ov_fetch *client;

static look_options options(void)
{
    return (look_options){.providers = {.github_api_url = base},
                          .policy = &policy,
                          .pages_max = 10,
                          .bytes_max = 4096,
                          .connect_ms = 5000,
                          .idle_ms = 10000,
                          .total_ms = 20000};
}

static job github_job(const char *repo)
{
    return (job){
        .source = OV_STR("s"), .provider = OV_STR("github"), .strategy = OV_STR("tags"), .repo = ov_str_of(repo)};
}

static size_t versions_of(const look_result *r)
{
    size_t n = 0;
    for (size_t i = 0; i < r->lists.count; i++) n += r->lists.lists[i].count;
    return n;
}

static void test_cases(void)
{
    look_options o = options();
    for (size_t i = 0; i < OV_COUNT(cases); i++) {
        check_case(cases[i].repo);
        job j = github_job(cases[i].repo);
        o.idle_ms = cases[i].failure == FAILURE_TIMEOUT ? 200 : 10000;
        OV_CLEANUP(budget_clear) budget left;
        budget_init(&left);
        look_result r;
        look_run(&o, client, &j, true, NOW, &left, &r);
        CHECK_C(lookup_outcome_name(r.outcome), lookup_outcome_name(cases[i].outcome));
        CHECK_C(lookup_failure_name(r.failure), lookup_failure_name(cases[i].failure));
        CHECK_INT(versions_of(&r), cases[i].versions);
        if (r.outcome == LOOKUP_COMPLETE) CHECK_STR(ov_buf_str(&r.etag), ov_str_of(cases[i].etag));
        CHECK_INT(r.requests, cases[i].requests);
        CHECK_INT(r.next_try_s, cases[i].next_try_s);
        if (!CHECK(strstr(r.message, cases[i].message) != NULL)) fprintf(stderr, "  %s\n", r.message);
        look_result_clear(&r);
    }
    check_case(NULL);
}

static void test_pages_max(void)
{
    look_options o = options();
    o.pages_max = 2;
    job j = github_job("o/pages");
    OV_CLEANUP(budget_clear) budget left;
    budget_init(&left);
    look_result r;
    look_run(&o, client, &j, true, NOW, &left, &r);
    CHECK_INT(r.outcome, LOOKUP_COMPLETE);
    CHECK(r.lists.lists[0].truncated);
    CHECK_INT(versions_of(&r), 2);
    CHECK_C(r.message, "only the first 2 pages were read");
    look_result_clear(&r);
    j.etag = OV_STR("\"e1\" \"e2\"");
    look_run(&o, client, &j, true, NOW, &left, &r);
    CHECK_INT(r.outcome, LOOKUP_NOT_MODIFIED);
    CHECK_INT(r.requests, 2);
    look_result_clear(&r);
}

static void test_not_modified(void)
{
    look_options o = options();
    job j = github_job("o/same");
    j.etag = OV_STR("\"e1\"");
    OV_CLEANUP(budget_clear) budget left;
    budget_init(&left);
    look_result r;
    look_run(&o, client, &j, true, NOW, &left, &r);
    CHECK_INT(r.outcome, LOOKUP_NOT_MODIFIED);
    CHECK(canned_saw(&server, "If-None-Match: \"e1\"\r\n"));
    CHECK_INT(r.requests, 1);
    look_result_clear(&r);
    /* Unasked for, it is no answer. */
    j.fresh_lists = true;
    look_run(&o, client, &j, true, NOW, &left, &r);
    CHECK_INT(r.outcome, LOOKUP_FAILED);
    CHECK(!canned_saw(&server, "If-None-Match"));
    look_result_clear(&r);
    look_run(&o, client, &j, false, NOW, &left, &r);
    CHECK(!canned_saw(&server, "If-None-Match"));
    look_result_clear(&r);
}

static void test_budget(void)
{
    look_options o = options();
    job j = github_job("o/limit");
    OV_CLEANUP(budget_clear) budget left;
    budget_init(&left);
    look_result r;
    look_run(&o, client, &j, true, NOW, &left, &r);
    look_result_clear(&r);
    unsigned before = canned_requests(&server);
    j = github_job("o/one");
    look_run(&o, client, &j, true, NOW + 1, &left, &r);
    CHECK_INT(r.outcome, LOOKUP_DEFERRED);
    CHECK_INT(r.next_try_s, NOW + 300);
    CHECK_INT(r.requests, 0);
    CHECK_INT(canned_requests(&server), before);
    look_result_clear(&r);
    look_run(&o, client, &j, true, NOW + 301, &left, &r);
    CHECK_INT(r.outcome, LOOKUP_COMPLETE);
    CHECK_INT(r.budget_remaining, 41);
    look_result_clear(&r);
}

static void test_helm(void)
{
    look_options o = options();
    char repo[96];
    ov_str lists[] = {OV_STR("a"), OV_STR("b"), OV_STR("c")};
    snprintf(repo, sizeof repo, "%s/charts", base);
    job j = {.source = OV_STR("s"),
             .provider = OV_STR("helm"),
             .strategy = OV_STR("index"),
             .repo = ov_str_of(repo),
             .lists = lists,
             .list_count = OV_COUNT(lists)};
    OV_CLEANUP(budget_clear) budget left;
    budget_init(&left);
    look_result r;
    look_run(&o, client, &j, true, NOW, &left, &r);
    CHECK_INT(r.outcome, LOOKUP_COMPLETE);
    CHECK_INT(r.lists.lists[0].count, 1);
    CHECK(r.lists.lists[1].present && r.lists.lists[1].count == 0);
    CHECK(!r.lists.lists[2].present);
    CHECK_C(r.last_modified, "then");
    CHECK_INT(r.budget_remaining, -1);
    look_result_clear(&r);
    /* A short index is YAML all the same: the length tells. */
    snprintf(repo, sizeof repo, "%s/cut", base);
    j.repo = ov_str_of(repo);
    look_run(&o, client, &j, true, NOW, &left, &r);
    CHECK_C(lookup_failure_name(r.failure), "unreachable");
    CHECK_INT(versions_of(&r), 0);
    look_result_clear(&r);
    j.last_modified = OV_STR("then");
    look_run(&o, client, &j, true, NOW, &left, &r);
    CHECK(canned_saw(&server, "If-Modified-Since: then\r\n"));
    look_result_clear(&r);
}

static void test_stop(void)
{
    look_options o = options();
    bool stop = true;
    o.stop = &stop;
    o.idle_ms = 0;
    job j = github_job("o/stall");
    OV_CLEANUP(budget_clear) budget left;
    budget_init(&left);
    look_result r;
    look_run(&o, client, &j, true, NOW, &left, &r);
    CHECK(r.stopped);
    look_result_clear(&r);
}

/* ---- more pages than a period grants requests */

#define GRANTED(left) "X-RateLimit-Limit: 6\r\nX-RateLimit-Remaining: " left "\r\nX-RateLimit-Reset: 1000300\r\n"
#define LONG(left, to, name)                                                                                        \
    {                                                                                                               \
        .path = "/repos/o/long/" name,                                                                              \
        .answer = OK("14") GRANTED(left) "ETag: \"" name "\"\r\nLink: </repos/o/long/" to ">; rel=\"next\"\r\n\r\n" \
                                         "[{\"name\":\"" name "\"}]"                                                \
    }

static const canned_route long_routes[] = {
    {.path = TAGS("long"),
     .answer = OK("14") GRANTED("5") "ETag: \"1\"\r\nLink: </repos/o/long/2>; rel=\"next\"\r\n\r\n[{\"name\":\"1\"}]"},
    LONG("4", "3", "2"),
    LONG("3", "4", "3"),
    LONG("2", "5", "4"),
    LONG("1", "6", "5"),
    LONG("0", "7", "6"),
};

/* What no period is enough for is cut where one has ended: it would begin anew in each, and never tell anything. A look
 * that got but a part of a period waits for the next one. */
static void test_longer_than_a_period(void)
{
    canned other;
    char url[64];
    canned_start(&other, long_routes, OV_COUNT(long_routes));
    snprintf(url, sizeof url, "http://127.0.0.1:%u", other.port);
    look_options o = options();
    o.providers.github_api_url = url;
    job j = github_job("o/long");
    OV_CLEANUP(budget_clear) budget left;
    budget_init(&left);
    look_result r;
    look_run(&o, client, &j, false, NOW, &left, &r);
    CHECK_INT(r.outcome, LOOKUP_COMPLETE);
    CHECK(r.lists.lists[0].truncated);
    CHECK_INT(versions_of(&r), 6);
    CHECK_INT(r.requests, 6);
    CHECK_INT(r.etag.len, 0);
    CHECK_C(r.message, "only the first 6 pages were read: the provider's budget is spent until its reset");
    look_result_clear(&r);
    OV_CLEANUP(budget_clear) budget shared;
    budget_init(&shared);
    budget_key k;
    CHECK(budget_key_of(url, "", NULL, &k));
    budget_decision alone = budget_take(&shared, &k, true, 1, NOW);
    OV_CLEANUP(ov_free_p) ov_fetch_result *head = ov_zalloc(sizeof *head);
    budget_told told;
    *head = (ov_fetch_result){
        .status = 200, .ratelimit_limit = "6", .ratelimit_remaining = "3", .ratelimit_reset = "1000300"};
    budget_answered(&shared, &k, &alone, head, false, NOW, &told);
    look_run(&o, client, &j, false, NOW, &shared, &r);
    CHECK_INT(r.outcome, LOOKUP_DEFERRED);
    CHECK_INT(r.next_try_s, NOW + 300);
    look_result_clear(&r);
    canned_stop(&other);
}

/* What gives credentials: by the URL, or a failure. */
typedef struct {
    provider_credential credential;
    bool gives;
    credential_failure failure;
    char asked_for[128];
} giver;

static bool give(void *arg, const char *url, provider_credential *ret)
{
    giver *g = arg;
    snprintf(g->asked_for, sizeof g->asked_for, "%s", url);
    if (g->gives) *ret = g->credential;
    return g->gives;
}

static const credential_failure *failure_of(void *arg)
{
    giver *g = arg;
    return g->failure.failure ? &g->failure : NULL;
}

/* ---- pages that change while they are read */

#define SECOND(repo) "/repos/o/" repo "/2"
#define LINKED(length, etag, total, repo) \
    OK(length) "ETag: \"" etag "\"\r\n" total "Link: <" SECOND(repo) ">; rel=\"next\"\r\n\r\n"
#define UNCHANGED(repo) \
    "HTTP/1.1 304 Not Modified\r\nConnection: close\r\nLink: <" SECOND(repo) ">; rel=\"next\"\r\n\r\n"
#define IF(etag) "If-None-Match: \"" etag "\"\r\n"

static const canned_route moving_routes[] = {
    /* 2 is deleted behind the first page: 3 moves onto it. */
    {.path = TAGS("once"), .answer = LINKED("27", "old", "", "once") "[{\"name\":\"1\"},{\"name\":\"2\"}]", .times = 1},
    {.path = TAGS("once"), .holds = IF("new"), .answer = UNCHANGED("once")},
    {.path = TAGS("once"), .answer = LINKED("27", "new", "", "once") "[{\"name\":\"1\"},{\"name\":\"3\"}]"},
    {.path = SECOND("once"), .answer = OK("14") "ETag: \"2\"\r\n\r\n[{\"name\":\"4\"}]"},
    /* The first page is another each time. */
    {.path = TAGS("always"), .answer = LINKED("14", "e", "", "always") "[{\"name\":\"1\"}]", .times = 1},
    {.path = TAGS("always"), .answer = LINKED("14", "f", "", "always") "[{\"name\":\"2\"}]", .times = 1},
    {.path = TAGS("always"), .answer = LINKED("14", "g", "", "always") "[{\"name\":\"1\"}]", .times = 1},
    {.path = TAGS("always"), .answer = LINKED("14", "h", "", "always") "[{\"name\":\"3\"}]"},
    /* It changes, but not in its names. */
    {.path = TAGS("counts"), .answer = LINKED("22", "e", "", "counts") "[{\"name\":\"1\",\"n\":100}]", .times = 1},
    {.path = TAGS("counts"), .answer = LINKED("22", "f", "", "counts") "[{\"name\":\"1\",\"n\":101}]"},
    {.path = SECOND("counts"), .answer = OK("14") "ETag: \"2\"\r\n\r\n[{\"name\":\"2\"}]"},
    {.path = TAGS("html"), .holds = IF("e"), .answer = OK("6") "\r\n<html>"},
    {.path = TAGS("html"), .answer = LINKED("14", "e", "", "html") "[{\"name\":\"1\"}]"},
    {.path = SECOND("html"), .answer = OK("14") "ETag: \"2\"\r\n\r\n[{\"name\":\"2\"}]"},
    {.path = SECOND("always"), .answer = OK("14") "ETag: \"2\"\r\n\r\n[{\"name\":\"2\"}]"},
    {.path = TAGS("total"), .answer = LINKED("14", "e", "X-Total: 3\r\n", "total") "[{\"name\":\"1\"}]", .times = 1},
    {.path = TAGS("total"), .answer = LINKED("14", "e", "X-Total: 2\r\n", "total") "[{\"name\":\"1\"}]"},
    {.path = SECOND("total"), .answer = OK("14") "ETag: \"2\"\r\nX-Total: 2\r\n\r\n[{\"name\":\"2\"}]"},
    {.path = TAGS("counted"), .answer = LINKED("14", "e", "X-Total-Count: 3\r\n", "counted") "[{\"name\":\"1\"}]"},
    {.path = SECOND("counted"), .answer = OK("14") "ETag: \"2\"\r\nX-Total-Count: 2\r\n\r\n[{\"name\":\"2\"}]"},
    {.path = TAGS("unknown"),
     .answer = OK("14") "Link: <" SECOND("unknown") ">; rel=\"next\"\r\n\r\n[{\"name\":\"1\"}]"},
    {.path = SECOND("unknown"), .answer = OK("14") "\r\n[{\"name\":\"2\"}]"},
    {.path = TAGS("gone"), .holds = IF("e"), .answer = HEAD("500 Oops", "0") "\r\n"},
    {.path = TAGS("gone"), .answer = LINKED("14", "e", "", "gone") "[{\"name\":\"1\"}]"},
    {.path = SECOND("gone"), .answer = OK("14") "ETag: \"2\"\r\n\r\n[{\"name\":\"2\"}]"},
};

static const struct {
    const char *repo;
    lookup_failure failure;
    size_t versions;
    int64_t requests;
} moving[] = {
    {"o/once", FAILURE_NONE, 3, 6},        {"o/always", FAILURE_CHANGING, 0, 6}, {"o/total", FAILURE_NONE, 2, 4},
    {"o/counted", FAILURE_CHANGING, 0, 4}, {"o/unknown", FAILURE_NONE, 2, 2},    {"o/gone", FAILURE_UNREACHABLE, 0, 3},
    {"o/counts", FAILURE_NONE, 2, 3},      {"o/html", FAILURE_MALFORMED, 0, 3},
};

static void test_moving(void)
{
    canned other;
    char url[64];
    canned_start(&other, moving_routes, OV_COUNT(moving_routes));
    snprintf(url, sizeof url, "http://127.0.0.1:%u", other.port);
    look_options o = options();
    o.providers.github_api_url = url;
    for (size_t i = 0; i < OV_COUNT(moving); i++) {
        check_case(moving[i].repo);
        job j = github_job(moving[i].repo);
        OV_CLEANUP(budget_clear) budget left;
        budget_init(&left);
        look_result r;
        look_run(&o, client, &j, false, NOW, &left, &r);
        CHECK_C(lookup_failure_name(r.failure), lookup_failure_name(moving[i].failure));
        CHECK_INT(versions_of(&r), moving[i].versions);
        CHECK_INT(r.requests, moving[i].requests);
        if (r.failure == FAILURE_CHANGING) CHECK(strstr(r.message, "changed while they were read, twice") != NULL);
        look_result_clear(&r);
    }
    check_case(NULL);
    canned_stop(&other);
}

/* ---- credentials */

static void test_credential(void)
{
    OV_CLEANUP(ov_secret_free_p) ov_secret *token = ov_secret_new(OV_STR("token"));
    static const char *const headers[] = {"Authorization: Bearer token\r\n", "Authorization: Basic dTpw\r\n",
                                          "PRIVATE-TOKEN: x\r\n"};
    giver givers[] = {{.gives = true, .credential.bearer = token},
                      {.gives = true, .credential.authorization = "Basic dTpw"},
                      {.gives = true, .credential = {.header = "PRIVATE-TOKEN", .value = "x"}},
                      {.gives = false}};
    job j = github_job("o/pages");
    for (size_t i = 0; i < OV_COUNT(givers); i++) {
        look_options o = options();
        o.credential = give;
        o.credential_failure = failure_of;
        o.credential_arg = &givers[i];
        OV_CLEANUP(budget_clear) budget left;
        budget_init(&left);
        look_result r;
        look_run(&o, client, &j, true, NOW, &left, &r);
        CHECK_INT(r.outcome, LOOKUP_COMPLETE);
        for (size_t k = 0; k < OV_COUNT(headers); k++) CHECK_INT(canned_saw(&server, headers[k]), i == k);
        /* Each page anew, and with a credential all but the last once more. */
        CHECK(ov_str_ends(ov_str_of(givers[i].asked_for), ov_str_of(givers[i].gives ? "/p2" : "per_page=100")));
        CHECK_INT(r.requests, givers[i].gives ? 5 : 4);
        look_result_clear(&r);
    }
}

/* Validators hold for the credential that they were got with. */
static void test_validators_of_another(void)
{
    OV_CLEANUP(ov_secret_free_p) ov_secret *token = ov_secret_new(OV_STR("token"));
    static const struct {
        const char *kept, *given;
        bool conditional;
    } rows[] = {{"", "", true},
                {"", "aaaaaaaaaaaa", false},
                {"aaaaaaaaaaaa", "", false},
                {"aaaaaaaaaaaa", "bbbbbbbbbbbb", false},
                {"aaaaaaaaaaaa", "aaaaaaaaaaaa", true}};
    for (size_t i = 0; i < OV_COUNT(rows); i++) {
        giver g = {.gives = rows[i].given[0] != '\0', .credential.bearer = token};
        snprintf(g.credential.id, sizeof g.credential.id, "%s", rows[i].given);
        look_options o = options();
        o.credential = give;
        o.credential_failure = failure_of;
        o.credential_arg = &g;
        job j = github_job("o/one");
        j.etag = OV_STR("\"e0\"");
        j.credential = ov_str_of(rows[i].kept);
        OV_CLEANUP(budget_clear) budget left;
        budget_init(&left);
        look_result r;
        look_run(&o, client, &j, true, NOW, &left, &r);
        CHECK_INT(r.outcome, LOOKUP_COMPLETE);
        CHECK_INT(canned_saw(&server, "If-None-Match: \"e0\""), rows[i].conditional);
        CHECK_C(r.credential, rows[i].given);
        look_result_clear(&r);
    }
}

static void test_credential_failed(void)
{
    giver g = {.failure = {.failure = FAILURE_UNAUTHORIZED, .next_try_s = NOW + 7, .text = "GitHub App: wrong key"}};
    look_options o = options();
    o.credential = give;
    o.credential_failure = failure_of;
    o.credential_arg = &g;
    job j = github_job("o/one");
    unsigned before = canned_requests(&server);
    OV_CLEANUP(budget_clear) budget left;
    budget_init(&left);
    look_result r;
    look_run(&o, client, &j, true, NOW, &left, &r);
    CHECK_C(lookup_failure_name(r.failure), "unauthorized");
    CHECK_INT(r.next_try_s, NOW + 7);
    CHECK_C(r.message, "GitHub App: wrong key");
    CHECK_INT(canned_requests(&server), before); /* never without it instead */
    CHECK_INT(r.requests, 0);
    look_result_clear(&r);
}

static void test_refused_default(void)
{
    look_options o = options();
    ov_fetch_policy none = {.setting = "--fetch.allow-cidrs"};
    o.policy = &none;
    job j = github_job("o/one");
    OV_CLEANUP(budget_clear) budget left;
    budget_init(&left);
    look_result r;
    ov_fetch *fresh = NULL;
    ov_err err = {0};
    CHECK_OK(ov_fetch_new("opvic-test", NULL, &fresh, &err), &err);
    look_run(&o, fresh, &j, true, NOW, &left, &r);
    CHECK_C(lookup_failure_name(r.failure), "refusedTarget");
    CHECK(strstr(r.message, "refused target 127.0.0.1 of http://127.0.0.1:") != NULL);
    look_result_clear(&r);
    ov_fetch_free(fresh);
}

int main(void)
{
    ov_err err = {0};
    CHECK_OK(ov_fetch_policy_parse(OV_STR("127.0.0.0/8"), &policy, &err), &err);
    policy.setting = "--fetch.allow-cidrs";
    canned_start(&server, routes, OV_COUNT(routes));
    snprintf(base, sizeof base, "http://127.0.0.1:%u", server.port);
    CHECK_OK(ov_fetch_new("opvic-test", NULL, &client, &err), &err);
    test_cases();
    test_pages_max();
    test_not_modified();
    test_budget();
    test_longer_than_a_period();
    test_helm();
    test_stop();
    test_moving();
    test_validators_of_another();
    test_credential();
    test_credential_failed();
    test_refused_default();
    ov_fetch_free(client);
    canned_stop(&server);
    return check_end();
}
