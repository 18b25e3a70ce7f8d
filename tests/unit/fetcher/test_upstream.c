/* Looks at the recorded upstream: real lists over real pages, second looks that change nothing, and its faults. */
#include "services/fetcher/credentials.h"
#include "services/fetcher/look.h"

#include <stdio.h>

#include "support/check.h"
#include "support/upstream/server.h"
#include "base/poison.h"

static upstream_server server;
static ov_fetch_policy policy;
static ov_fetch *client;
static credentials_user *user;
static int64_t idle_ms = 10000;

static void tell(const char *path, const char *body)
{
    char url[256];
    snprintf(url, sizeof url, "%s%s", server.url, path);
    ov_fetch_request q = {.url = url,
                          .method = "POST",
                          .body = ov_str_of(body),
                          .content_type = "application/json",
                          .policy = &policy,
                          .total_ms = 20000};
    ov_fetch_result r;
    ov_fetch_run(client, &q, &r);
    CHECK_INT(r.status, 200);
}

static void look_at(const job *j, bool conditional, look_result *ret)
{
    look_options o = {.providers = {.github_api_url = server.url},
                      .credential = credentials_give,
                      .credential_failure = credentials_user_failure,
                      .credential_arg = user,
                      .policy = &policy,
                      .pages_max = 50,
                      .bytes_max = 8 * 1024 * 1024,
                      .connect_ms = 5000,
                      .idle_ms = idle_ms,
                      .total_ms = 30000};
    OV_CLEANUP(budget_clear) budget left;
    budget_init(&left);
    look_run(&o, client, j, conditional, 1000000, &left, ret);
}

static job github_job(const char *repo, const char *strategy)
{
    return (job){
        .source = OV_STR("s"), .provider = OV_STR("github"), .strategy = ov_str_of(strategy), .repo = ov_str_of(repo)};
}

/* Over several pages, then again with the validators of all of them; a new tag on the first page and a change behind it
 * are seen. */
static void test_second_look(const char *strategy)
{
    check_case(strategy);
    job j = github_job("kubernetes/kubernetes", strategy);
    look_result first, second, third;
    look_at(&j, false, &first);
    CHECK_C(first.message, "");
    CHECK_INT(first.outcome, LOOKUP_COMPLETE);
    CHECK(first.requests > 3);
    CHECK(first.lists.lists[0].count > 300);
    CHECK(first.budget_remaining > 0);
    j.etag = ov_buf_str(&first.etag);
    j.credential = ov_str_of(first.credential);
    look_at(&j, true, &second);
    CHECK_INT(second.outcome, LOOKUP_NOT_MODIFIED);
    CHECK_INT(second.requests, (first.requests + 1) / 2); /* at first all pages but the last were looked at twice */
    CHECK_INT(second.budget_remaining, first.budget_remaining);
    tell("/_publish", "{\"repo\":\"kubernetes/kubernetes\",\"tag\":\"v99.0.0\"}");
    look_at(&j, true, &third);
    CHECK_INT(third.outcome, LOOKUP_COMPLETE);
    CHECK_INT(third.lists.lists[0].count, first.lists.lists[0].count + 1);
    CHECK_STR(third.lists.lists[0].versions[0].version, OV_STR("v99.0.0"));
    look_result_clear(&first);
    look_result_clear(&second);
    look_result_clear(&third);
    check_case(NULL);
}

/* Only a later page differs from what is known: the whole list is read anew. */
static void test_later_page_changed(void)
{
    job j = github_job("kubernetes/kubernetes", "tags");
    look_result first, second;
    look_at(&j, false, &first);
    ov_buf etags = OV_BUF(LOOK_ETAGS_BYTES);
    ov_str known = ov_buf_str(&first.etag);
    size_t space = ov_str_find(known, ' ', 0);
    ov_buf_append_str(&etags, ov_str_sub(known, 0, space));
    ov_buf_append_c(&etags, " \"other\"");
    j.etag = ov_buf_str(&etags);
    j.credential = ov_str_of(first.credential);
    look_at(&j, true, &second);
    CHECK_INT(second.outcome, LOOKUP_COMPLETE);
    CHECK_INT(second.lists.lists[0].count, first.lists.lists[0].count);
    CHECK_INT(second.requests, first.requests + 2); /* the first page as it was, the second one not, all anew */
    ov_buf_clear(&etags);
    look_result_clear(&first);
    look_result_clear(&second);
}

static void test_helm(void)
{
    char repo[128];
    snprintf(repo, sizeof repo, "%s/charts/ingress-nginx", server.url);
    ov_str lists[] = {OV_STR("ingress-nginx"), OV_STR("absent")};
    job j = {.source = OV_STR("s"),
             .provider = OV_STR("helm"),
             .strategy = OV_STR("index"),
             .repo = ov_str_of(repo),
             .lists = lists,
             .list_count = 2};
    look_result first, second;
    look_at(&j, false, &first);
    CHECK_INT(first.outcome, LOOKUP_COMPLETE);
    CHECK(first.lists.lists[0].count > 50);
    CHECK(first.lists.lists[0].versions[0].date_s > 0);
    CHECK(first.lists.lists[0].versions[0].app_version.len > 0);
    CHECK(!first.lists.lists[1].present);
    CHECK(first.bytes < 100000); /* it came compressed */
    j.etag = ov_buf_str(&first.etag);
    j.credential = ov_str_of(first.credential);
    j.last_modified = ov_str_of(first.last_modified);
    look_at(&j, true, &second);
    CHECK_INT(second.outcome, LOOKUP_NOT_MODIFIED);
    look_result_clear(&first);
    look_result_clear(&second);
}

static const struct {
    const char *kind;
    lookup_failure failure;
} faults[] = {
    {"404", FAILURE_NOT_FOUND},     {"500", FAILURE_UNREACHABLE},  {"403limit", FAILURE_RATE_LIMITED},
    {"html", FAILURE_MALFORMED},    {"half", FAILURE_UNREACHABLE}, {"slow", FAILURE_TIMEOUT},
    {"reset", FAILURE_UNREACHABLE}, {"none", FAILURE_NONE},
};

static void test_faults(void)
{
    job j = github_job("coredns/coredns", "releases");
    for (size_t i = 0; i < OV_COUNT(faults); i++) {
        check_case(faults[i].kind);
        char body[128];
        snprintf(body, sizeof body, "{\"path\":\"/repos/coredns/coredns/releases\",\"kind\":\"%s\"}", faults[i].kind);
        tell("/_fault", body);
        idle_ms = faults[i].failure == FAILURE_TIMEOUT ? 200 : 10000;
        look_result r;
        look_at(&j, false, &r);
        CHECK_C(lookup_failure_name(r.failure), lookup_failure_name(faults[i].failure));
        CHECK_INT(r.outcome, faults[i].failure ? LOOKUP_FAILED : LOOKUP_COMPLETE);
        CHECK(r.lists.lists[0].count > 0 || faults[i].failure);
        if (faults[i].failure == FAILURE_RATE_LIMITED) CHECK(r.next_try_s > 1000000);
        look_result_clear(&r);
    }
    check_case(NULL);
}

int main(void)
{
    if (!upstream_start(&server)) return upstream_missing();
    ov_err err = {0};
    CHECK_OK(ov_fetch_policy_parse(OV_STR("127.0.0.0/8"), &policy, &err), &err);
    CHECK_OK(ov_fetch_new("opvic-test", NULL, &client, &err), &err);
    OV_CLEANUP(ov_secret_free_p) ov_secret *token = ov_secret_new(OV_STR("test-token"));
    const credentials_options options = {.github_url = server.url, .github_token = token};
    const credentials_way way = {.fetch = client, .policy = &policy};
    credentials *known = NULL;
    CHECK_OK(credentials_open(&options, &known, &err), &err);
    user = credentials_user_new(known, &way);
    test_second_look("tags");
    test_second_look("releases");
    test_later_page_changed();
    test_helm();
    test_faults();
    credentials_user_free(user);
    credentials_free(known);
    ov_fetch_free(client);
    upstream_stop(&server);
    return check_end();
}
