/* A GitHub App against a server that grants, refuses, breaks or stalls: what is signed, asked, kept and told. */
#include "services/fetcher/credentials_app.h"

#include <pthread.h>
#include <stdio.h>
#include <time.h>

#include "crypto/jwt.h"
#include "support/check.h"
#include "support/rsa_key.h"
#include "support/upstream/canned.h"
#include "base/poison.h"

/* 2026-01-01T00:00:00Z; tokens of the server below end an hour later. */
#define NOW_S 1767225600
enum { MINUTE_MS = 60 * 1000, THREADS = 6 };

#define HEAD(status) "HTTP/1.1 " status "\r\nConnection: close\r\n"
#define GRANT(token, ends) \
    "{\"token\":\"" token "\",\"expires_at\":\"" ends "\",\"permissions\":{\"contents\":\"read\"}}"
#define PATH(id) "/app/installations/" id "/access_tokens"
#define TEXT "\r\n"

static const char first_token[] = HEAD("201 Created") TEXT GRANT("ghs_1", "2026-01-01T01:00:00Z");
static const char second_token[] = HEAD("201 Created") TEXT GRANT("ghs_2", "2026-01-01T01:55:00Z");
static const char refused[] = HEAD("401 Unauthorized") TEXT "{\"message\":\"A JSON web token could not be decoded\"}";
/* A quarter of an hour ahead of us. */
#define AHEAD "Date: Thu, 01 Jan 2026 00:15:00 GMT\r\n"
static const char ahead_refused[] = HEAD("401 Unauthorized") AHEAD TEXT "{}";
static const char ahead_token[] = HEAD("201 Created") AHEAD TEXT GRANT("ghs_3", "2026-01-01T01:15:00Z");

enum { ROUTE_CHANGES, ROUTE_CLOCK, ROUTE_STALLS_LATER };
static canned_route routes[] = {
    [ROUTE_CHANGES] = {.path = PATH("1"), .answer = first_token},
    [ROUTE_CLOCK] = {.path = PATH("2"), .answer = ahead_refused},
    [ROUTE_STALLS_LATER] = {.path = PATH("3"), .answer = first_token},
    {.path = PATH("401"), .answer = refused},
    {.path = PATH("403"),
     .answer = HEAD("403 Forbidden") TEXT "{\"message\":\"This installation has been suspended\"}"},
    {.path = PATH("404"), .answer = HEAD("404 Not Found") TEXT "{\"message\":\"Integration not found\"}"},
    {.path = PATH("429"), .answer = HEAD("403 Forbidden") "Retry-After: 90\r\n" TEXT "{}"},
    {.path = PATH("500"), .answer = HEAD("500 Oops") TEXT "{}"},
    {.path = PATH("503"), .answer = HEAD("503 Later") "Retry-After: 40\r\n" TEXT "{}"},
    {.path = PATH("302"), .answer = HEAD("302 Found") "Location: http://127.0.0.1:1/\r\n" TEXT},
    {.path = PATH("10"), .answer = HEAD("201 Created") TEXT "<html>"},
    {.path = PATH("11"), .answer = HEAD("201 Created") TEXT "{\"token\":\"ghs_1\"}"},
    {.path = PATH("12"), .answer = HEAD("201 Created") TEXT GRANT("ghs_1\\r\\nX: y", "2026-01-01T01:00:00Z")},
    {.path = PATH("13"), .answer = HEAD("201 Created") TEXT GRANT("ghs_1", "2026-01-01T00:00:59Z")},
    {.path = PATH("14"), .answer = HEAD("201 Created") TEXT GRANT("ghs_1", "soon")},
    {.path = PATH("15"), .answer = HEAD("201 Created") "Content-Length: 999\r\n" TEXT "{", .after = CANNED_RESET},
    {.path = PATH("16"), .answer = HEAD("201 Created") TEXT "{", .after = CANNED_STALL},
    {.path = PATH("17"), .answer = HEAD("201 Created") "Content-Length: 9999999\r\n" TEXT "{", .after = CANNED_STALL},
};

static canned server;
static char base[64];
static ov_fetch_policy policy;

/* Once no request is being answered. */
static void change(size_t which, canned_route to)
{
    pthread_mutex_lock(&server.lock);
    while (server.open > 0) pthread_cond_wait(&server.idle, &server.lock);
    routes[which] = to;
    pthread_mutex_unlock(&server.lock);
}

static github_app *app_of(const char *installation)
{
    OV_CLEANUP(ov_secret_free_p) ov_secret *key = ov_secret_new(OV_STR(RFC7515_KEY));
    github_app *a = NULL;
    ov_err err = {0};
    const github_app_options o = {.api_url = base, .app_id = "42", .installation_id = installation, .private_key = key};
    CHECK_OK(github_app_new(&o, &a, &err), &err);
    return a;
}

static ov_fetch *client_of(void)
{
    ov_fetch *f = NULL;
    ov_err err = {0};
    CHECK_OK(ov_fetch_new("opvic-test", NULL, &f, &err), &err);
    return f;
}

static credentials_moment at_ms(int64_t ms)
{
    return (credentials_moment){{NOW_S * 1000LL + ms}, {500000 + ms}};
}

/* The text of the token that is had, or the failure's name. On any thread. */
static void have_token(github_app *a, const credentials_way *w, int64_t ms, char out[64], credential_failure *why)
{
    OV_CLEANUP(credential_entry_let_go_p) credential_entry *e = NULL;
    *why = (credential_failure){0};
    bool ok = github_app_token(a, w, at_ms(ms), &e, why);
    snprintf(out, 64, "%s", ok ? ov_secret_text(e->bearer).ptr : lookup_failure_name(why->failure));
    if (ok && strcmp(e->id, github_app_id(a)) != 0) snprintf(out, 64, "another id");
}

static const char *token_at(github_app *a, const credentials_way *w, int64_t ms, char out[64], credential_failure *why)
{
    have_token(a, w, ms, out, why);
    return out;
}

/* The header that the App must have sent at that time by the server's clock. */
static bool saw_assertion(int64_t now_s)
{
    OV_CLEANUP(ov_rsa_key_free_p) ov_rsa_key *key = NULL;
    OV_CLEANUP(ov_buf_clear) ov_buf header = OV_BUF(2048);
    char claims[128];
    CHECK_OK(ov_rsa_key_parse(OV_STR(RFC7515_KEY), &key, NULL), NULL);
    snprintf(claims, sizeof claims, "{\"iat\":%lld,\"exp\":%lld,\"iss\":\"42\"}", (long long)now_s - 60,
             (long long)now_s + 540);
    ov_buf_append_c(&header, "\r\nAuthorization: Bearer ");
    CHECK_OK(ov_jwt_sign(key, ov_str_of(claims), &header, NULL), NULL);
    ov_buf_append(&header, "\r\n", 3); /* with the terminator */
    return canned_saw(&server, header.ptr);
}

static void test_life_of_a_token(void)
{
    check_case("life of a token");
    github_app *a = app_of("1");
    const credentials_way w = {.fetch = client_of(), .policy = &policy};
    char got[64];
    credential_failure why;
    unsigned before = canned_requests(&server);
    CHECK_C(token_at(a, &w, 0, got, &why), "ghs_1");
    CHECK(canned_saw(&server, "POST " PATH("1") " HTTP/1.1\r\n"));
    CHECK(canned_saw(&server, "Accept: application/vnd.github+json\r\n"));
    CHECK(saw_assertion(NOW_S));
    change(ROUTE_CHANGES, (canned_route){.path = routes[ROUTE_CHANGES].path, .answer = second_token});
    CHECK_C(token_at(a, &w, 54 * MINUTE_MS, got, &why), "ghs_1");
    CHECK_INT(canned_requests(&server), before + 1);
    CHECK_C(token_at(a, &w, 55 * MINUTE_MS, got, &why), "ghs_2"); /* five minutes before its end */
    CHECK_INT(canned_requests(&server), before + 2);
    CHECK(saw_assertion(NOW_S + 55 * 60));
    /* What is left of a token outlives a failure, but not its end. */
    change(ROUTE_CHANGES, (canned_route){.path = routes[ROUTE_CHANGES].path, .answer = refused});
    CHECK_C(token_at(a, &w, 111 * MINUTE_MS, got, &why), "ghs_2");
    CHECK_INT(canned_requests(&server), before + 3);
    CHECK_C(token_at(a, &w, 111 * MINUTE_MS + 1, got, &why), "ghs_2");
    CHECK_INT(canned_requests(&server), before + 3); /* not again at once */
    CHECK_C(token_at(a, &w, 114 * MINUTE_MS, got, &why), "unauthorized");
    github_app_free(a);
    ov_fetch_free(w.fetch);
}

static const struct {
    const char *installation;
    lookup_failure failure;
    int64_t next_try_s;
    const char *text; /* part of it */
} failures[] = {
    {"401", FAILURE_UNAUTHORIZED, 0,
     "GitHub App: HTTP 401: --provider.github.app-private-key is no key of the App that --provider.github.app-id"},
    {"403", FAILURE_UNAUTHORIZED, 0, "HTTP 403: the installation that --provider.github.app-installation-id names"},
    {"404", FAILURE_UNAUTHORIZED, 0, "HTTP 404: --provider.github.app-installation-id is no installation"},
    {"429", FAILURE_RATE_LIMITED, NOW_S + 90, "GitHub App: HTTP 403, the rate limit is reached"},
    {"500", FAILURE_UNREACHABLE, 0, "GitHub App: HTTP 500"},
    {"503", FAILURE_UNREACHABLE, NOW_S + 40, "GitHub App: HTTP 503"},
    {"302", FAILURE_UNREACHABLE, 0, "GitHub App: HTTP 302"},
    {"10", FAILURE_MALFORMED, 0, "no token with its expires_at"},
    {"11", FAILURE_MALFORMED, 0, "no token with its expires_at"},
    {"12", FAILURE_MALFORMED, 0, "no token with its expires_at"},
    {"13", FAILURE_MALFORMED, 0, "has ended already"},
    {"14", FAILURE_MALFORMED, 0, "no token with its expires_at"},
    {"15", FAILURE_UNREACHABLE, 0, "GitHub App: "},
    {"16", FAILURE_TIMEOUT, 0, "GitHub App: "},
    {"17", FAILURE_TOO_LARGE, 0, "GitHub App: "},
};

static void test_failures(void)
{
    ov_fetch *fetch = client_of();
    for (size_t i = 0; i < OV_COUNT(failures); i++) {
        check_case(failures[i].installation);
        github_app *a = app_of(failures[i].installation);
        const credentials_way w = {
            .fetch = fetch, .policy = &policy, .total_ms = failures[i].failure == FAILURE_TIMEOUT ? 200 : 0};
        char got[64];
        credential_failure why;
        unsigned before = canned_requests(&server);
        CHECK_C(token_at(a, &w, 0, got, &why), lookup_failure_name(failures[i].failure));
        CHECK_INT(why.next_try_s, failures[i].next_try_s);
        if (!CHECK(strstr(why.text, failures[i].text) != NULL)) fprintf(stderr, "  %s\n", why.text);
        CHECK_INT(canned_requests(&server), before + 1);
        /* Told again for a while, then asked again. */
        CHECK_C(token_at(a, &w, 1000, got, &why), lookup_failure_name(failures[i].failure));
        CHECK_INT(canned_requests(&server), before + 1);
        if (failures[i].next_try_s) token_at(a, &w, (failures[i].next_try_s - NOW_S) * 1000 - 1, got, &why);
        CHECK_INT(canned_requests(&server), before + 1);
        token_at(a, &w, 10 * MINUTE_MS, got, &why);
        CHECK_INT(canned_requests(&server), before + 2);
        github_app_free(a);
    }
    ov_fetch_free(fetch);
    check_case(NULL);
}

static void test_unreachable(void)
{
    check_case("targets");
    github_app *a = app_of("1");
    ov_fetch_policy none = {.setting = "--fetch.allow-cidrs"};
    const credentials_way w = {.fetch = client_of(), .policy = &none};
    char got[64];
    credential_failure why;
    CHECK_C(token_at(a, &w, 0, got, &why), "refusedTarget");
    CHECK(strstr(why.text, "--fetch.allow-cidrs") != NULL);
    github_app_free(a);
    ov_fetch_free(w.fetch);
}

/* A clock that is wrong is found out by the server's Date, once, and the token's life is counted by it. */
static void test_clock(void)
{
    check_case("clock");
    github_app *a = app_of("2");
    const credentials_way w = {.fetch = client_of(), .policy = &policy};
    char got[64];
    credential_failure why;
    unsigned before = canned_requests(&server);
    CHECK_C(token_at(a, &w, 0, got, &why), "unauthorized");
    CHECK_INT(canned_requests(&server), before + 2);
    CHECK(saw_assertion(NOW_S + 15 * 60));
    change(ROUTE_CLOCK, (canned_route){.path = routes[ROUTE_CLOCK].path, .answer = ahead_token});
    CHECK_C(token_at(a, &w, 6 * MINUTE_MS, got, &why), "ghs_3");
    CHECK_INT(canned_requests(&server), before + 3);
    CHECK(saw_assertion(NOW_S + 21 * 60));
    CHECK_C(token_at(a, &w, 60 * MINUTE_MS, got, &why), "ghs_3"); /* an hour by the server's clock, from minute 6 on */
    CHECK_INT(canned_requests(&server), before + 3);
    github_app_free(a);
    ov_fetch_free(w.fetch);
}

static void test_refused_token(void)
{
    check_case("a token that is refused");
    change(ROUTE_CHANGES, (canned_route){.path = routes[ROUTE_CHANGES].path, .answer = first_token});
    github_app *a = app_of("1");
    const credentials_way w = {.fetch = client_of(), .policy = &policy};
    OV_CLEANUP(credential_entry_let_go_p) credential_entry *e = NULL;
    char got[64];
    credential_failure why;
    if (!CHECK(github_app_token(a, &w, at_ms(0), &e, &why))) return;
    unsigned before = canned_requests(&server);
    change(ROUTE_CHANGES, (canned_route){.path = routes[ROUTE_CHANGES].path, .answer = second_token});
    github_app_refused(a, e, at_ms(1000).mono); /* so soon a new one would fare no better */
    CHECK_C(token_at(a, &w, 1000, got, &why), "ghs_1");
    github_app_refused(a, NULL, at_ms(2 * MINUTE_MS).mono); /* another one */
    CHECK_C(token_at(a, &w, 2 * MINUTE_MS, got, &why), "ghs_1");
    CHECK_INT(canned_requests(&server), before);
    github_app_refused(a, e, at_ms(2 * MINUTE_MS).mono);
    CHECK_C(token_at(a, &w, 2 * MINUTE_MS, got, &why), "ghs_2");
    CHECK_INT(canned_requests(&server), before + 1);
    CHECK_C(ov_secret_text(e->bearer).ptr, "ghs_1"); /* who holds the old one still does */
    github_app_free(a);
    ov_fetch_free(w.fetch);
}

static void test_stop(void)
{
    check_case("stop");
    change(ROUTE_CHANGES, (canned_route){.path = routes[ROUTE_CHANGES].path, .answer = first_token});
    github_app *a = app_of("1");
    bool stop = true;
    credentials_way w = {.fetch = client_of(), .policy = &policy, .stop = &stop};
    char got[64];
    credential_failure why;
    CHECK_C(token_at(a, &w, 0, got, &why), "unreachable");
    w.stop = NULL;
    CHECK_C(token_at(a, &w, 0, got, &why), "ghs_1"); /* it says nothing about GitHub */
    github_app_free(a);
    ov_fetch_free(w.fetch);
}

/* ---- many at once ---- */

typedef struct {
    github_app *app;
    ov_fetch *fetch;
    int64_t ms, total_ms;
    pthread_barrier_t *begin; /* or NULL */
    pthread_t thread;
    char got[64];
} asker;

static void *run(void *arg)
{
    asker *one = arg;
    const credentials_way w = {.fetch = one->fetch, .policy = &policy, .total_ms = one->total_ms};
    credential_failure why;
    if (one->begin) pthread_barrier_wait(one->begin);
    have_token(one->app, &w, one->ms, one->got, &why);
    return NULL;
}

static void ask_at_once(github_app *a, int64_t total_ms, const char *all_get)
{
    asker each[THREADS];
    pthread_barrier_t begin;
    pthread_barrier_init(&begin, NULL, THREADS);
    unsigned before = canned_requests(&server);
    for (size_t i = 0; i < THREADS; i++) {
        each[i] = (asker){.app = a, .fetch = client_of(), .total_ms = total_ms, .begin = &begin};
        if (pthread_create(&each[i].thread, NULL, run, &each[i]) != 0) abort();
    }
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(each[i].thread, NULL);
        ov_fetch_free(each[i].fetch);
        CHECK_C(each[i].got, all_get);
    }
    CHECK_INT(canned_requests(&server), before + 1);
    pthread_barrier_destroy(&begin);
}

static void test_one_asks(void)
{
    check_case("one asks for all");
    change(ROUTE_CHANGES, (canned_route){.path = routes[ROUTE_CHANGES].path, .answer = first_token});
    github_app *a = app_of("1");
    ask_at_once(a, 0, "ghs_1");
    github_app_free(a);
    check_case("one fails for all");
    a = app_of("16");
    ask_at_once(a, 500, "timeout");
    github_app_free(a);
}

static void wait_for_requests(unsigned n)
{
    const struct timespec little = {.tv_nsec = 2 * 1000 * 1000};
    ov_mono until = ov_mono_after(ov_mono_now(), 20000);
    while (canned_requests(&server) < n && ov_mono_since(until, ov_mono_now()) > 0) nanosleep(&little, NULL);
}

static void test_others_go_on(void)
{
    check_case("others go on with the old token");
    github_app *a = app_of("3");
    const credentials_way w = {.fetch = client_of(), .policy = &policy};
    char got[64];
    credential_failure why;
    CHECK_C(token_at(a, &w, 0, got, &why), "ghs_1");
    unsigned before = canned_requests(&server);
    change(ROUTE_STALLS_LATER,
           (canned_route){.path = PATH("3"), .answer = "HTTP/1.1 201 Created\r\n", .after = CANNED_STALL});
    asker slow = {.app = a, .fetch = client_of(), .ms = 56 * MINUTE_MS, .total_ms = 3000};
    if (pthread_create(&slow.thread, NULL, run, &slow) != 0) abort();
    wait_for_requests(before + 1);
    ov_mono began = ov_mono_now();
    CHECK_C(token_at(a, &w, 56 * MINUTE_MS, got, &why), "ghs_1");
    CHECK(ov_mono_since(ov_mono_now(), began) < 2000);
    CHECK_INT(canned_requests(&server), before + 1);
    pthread_join(slow.thread, NULL);
    ov_fetch_free(slow.fetch);
    CHECK_C(slow.got, "ghs_1");
    github_app_free(a);
    ov_fetch_free(w.fetch);
}

int main(void)
{
    ov_err err = {0};
    CHECK_OK(ov_fetch_policy_parse(OV_STR("127.0.0.0/8"), &policy, &err), &err);
    canned_start(&server, routes, OV_COUNT(routes));
    snprintf(base, sizeof base, "http://127.0.0.1:%u", server.port);
    test_life_of_a_token();
    test_failures();
    test_unreachable();
    test_clock();
    test_refused_token();
    test_stop();
    test_one_asks();
    test_others_go_on();
    canned_stop(&server);
    return check_end();
}
