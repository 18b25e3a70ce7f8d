/* The blocking client against a server that misbehaves in every way that an upstream does. */
#include "fetch/fetch.h"

#include <stdlib.h>

#include "support/check.h"
#include "support/upstream/canned.h"
#include "base/poison.h"

#define GZIP_OF_ZEROES                                                                                                 \
    "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xed\xc1\x01\x01\x00\x00\x00\x80\x90\xfe\xaf\xee\x08\x0a\x00\x00\x00\x00" \
    "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" \
    "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" \
    "\x00\x00\x00\x6a\xeb\x8e\x97\xd7\x00\x00\x01\x00"
#define GZIP_OF_HELLO                                                                                                  \
    "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xcb\x48\xcd\xc9\xc9\xd7\x51\x48\xce\xcf\x2d\x28\x4a\x2d\x2e\x4e\x4d\x51" \
    "\x28\xcf\x2f\xca\x49\xe1\x02\x00\x3f\xba\x39\x3c\x18\x00\x00\x00"
#define BYTES(text) text, sizeof(text) - 1
#define OK_HEAD(length) "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: " length "\r\n"

static const canned_route routes[] = {
    {"/hello",
     OK_HEAD("5") "ETag: \"e1\"\r\nLink: <?page=2>; rel=\"next\"\r\nLink: <?page=9>; rel=\"last\"\r\n"
                  "X-RateLimit-Remaining: 41\r\nWWW-Authenticate: Basic realm=\"x\"\r\n"
                  "www-authenticate: Bearer realm=\"y\"\r\n\r\nhello",
     .after = CANNED_CLOSE},
    {"/chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n",
     .after = CANNED_CLOSE},
    {"/unframed", "HTTP/1.1 200 OK\r\nConnection: close\r\nRateLimit-Remaining: 7\r\n\r\nhello", .after = CANNED_CLOSE},
    {"/304", "HTTP/1.1 304 Not Modified\r\nETag: \"e1\"\r\n\r\n", .after = CANNED_CLOSE},
    {"/500", "HTTP/1.1 500 Oops\r\nContent-Length: 4\r\n\r\noops", .after = CANNED_CLOSE},
    {"/half", OK_HEAD("50") "\r\nhello", .after = CANNED_CLOSE},
    {"/halfchunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", .after = CANNED_CLOSE},
    {"/reset", OK_HEAD("50") "\r\nhello", .after = CANNED_RESET},
    {"/stall", OK_HEAD("50") "\r\nhello", .after = CANNED_STALL},
    {"/mute", "", .after = CANNED_STALL},
    {"/garbage", "nothing like HTTP\r\n\r\n", .after = CANNED_CLOSE},
    {"/huge", OK_HEAD("99999999999") "\r\nhello", .after = CANNED_STALL},
    {"/gzip", BYTES(OK_HEAD("44") "Content-Encoding: gzip\r\n\r\n" GZIP_OF_HELLO), .after = CANNED_CLOSE},
    {"/bomb", BYTES(OK_HEAD("96") "Content-Encoding: gzip\r\n\r\n" GZIP_OF_ZEROES), .after = CANNED_CLOSE},
    {"/cutgzip", OK_HEAD("36") "Content-Encoding: gzip\r\n\r\n" GZIP_OF_HELLO,
     .len = sizeof(OK_HEAD("36") "Content-Encoding: gzip\r\n\r\n" GZIP_OF_HELLO) - 1 - 8, .after = CANNED_CLOSE},
    {"/br", OK_HEAD("5") "Content-Encoding: br\r\n\r\nhello", .after = CANNED_CLOSE},
    {"/identity", OK_HEAD("5") "Content-Encoding: identity\r\n\r\nhello", .after = CANNED_CLOSE},
    {"/halfhead", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-", .after = CANNED_CLOSE},
    {"/halflocation", "HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: /hel", .after = CANNED_CLOSE},
    {"/badgzip", OK_HEAD("5") "Content-Encoding: gzip\r\n\r\nhello", .after = CANNED_CLOSE},
    {"/once", "HTTP/1.1 302 Found\r\nLocation: /hello\r\nContent-Length: 7\r\nETag: \"old\"\r\n\r\nignored",
     .after = CANNED_CLOSE},
    {"/303", "HTTP/1.1 303 See Other\r\nLocation: /hello\r\nContent-Length: 0\r\n\r\n", .after = CANNED_CLOSE},
    {"/round", "HTTP/1.1 301 Moved\r\nLocation: /round\r\nContent-Length: 0\r\n\r\n", .after = CANNED_CLOSE},
    {"/tofile", "HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n",
     .after = CANNED_CLOSE},
    {"/tometadata", "HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/latest\r\nContent-Length: 0\r\n\r\n",
     .after = CANNED_CLOSE},
    {"http://example.invalid/hello", OK_HEAD("5") "\r\nproxy", .after = CANNED_CLOSE},
};

static canned server;
static ov_fetch_policy loopback;

static const struct {
    const char *path;
    ov_fetch_failure failure;
    unsigned status; /* where there is an answer */
    const char *body;
    const char *text; /* part of what the person reads */
} cases[] = {
    {"/hello", OV_FETCH_OK, 200, "hello", ""},
    {"/chunked", OV_FETCH_OK, 200, "hello", ""},
    {"/unframed", OV_FETCH_OK, 200, "hello", ""},
    {"/304", OV_FETCH_OK, 304, "", ""},
    {"/500", OV_FETCH_OK, 500, "oops", ""},
    {"/nowhere", OV_FETCH_OK, 404, "", ""},
    {"/gzip", OV_FETCH_OK, 200, "hello, compressed world\n", ""},
    {"/once", OV_FETCH_OK, 200, "hello", ""},
    {"/half", OV_FETCH_UNREACHABLE, 0, "", "/half: "},
    {"/halfchunk", OV_FETCH_UNREACHABLE, 0, "", "/halfchunk: "},
    {"/reset", OV_FETCH_UNREACHABLE, 0, "", "/reset: "},
    {"/garbage", OV_FETCH_UNREACHABLE, 0, "", "/garbage: "},
    {"/badgzip", OV_FETCH_UNREACHABLE, 0, "", "/badgzip: "},
    {"/cutgzip", OV_FETCH_UNREACHABLE, 0, "", "cut off"},
    {"/br", OV_FETCH_UNREACHABLE, 0, "", "not asked for"},
    {"/identity", OV_FETCH_OK, 200, "hello", ""},
    {"/halfhead", OV_FETCH_UNREACHABLE, 0, "", "/halfhead: "},
    {"/halflocation", OV_FETCH_UNREACHABLE, 0, "", "/halflocation: "},
    {"/huge", OV_FETCH_TOO_LARGE, 0, "", "/huge: "},
    {"/bomb", OV_FETCH_TOO_LARGE, 0, "", "larger than allowed"},
    {"/stall", OV_FETCH_TIMEOUT, 0, "", "no progress"},
    {"/mute", OV_FETCH_TIMEOUT, 0, "", "no progress"},
    {"/round", OV_FETCH_REDIRECTS, 0, "", "too many redirects"},
    {"/tofile", OV_FETCH_REDIRECTS, 0, "", "not an http or https URL"},
    {"/tometadata", OV_FETCH_REFUSED_TARGET, 0, "",
     "refused target 169.254.169.254 of http://169.254.169.254/latest: allow it with --fetch.allow-cidrs"},
};

static ov_fetch *client(void)
{
    ov_err err = {0};
    ov_fetch *f = NULL;
    CHECK_OK(ov_fetch_new("opvic-test", NULL, &f, &err), &err);
    return f;
}

static const char *url(const char *path)
{
    static char out[256];
    snprintf(out, sizeof out, "http://127.0.0.1:%u%s", server.port, path);
    return out;
}

static ov_fetch_request request(const char *path)
{
    return (ov_fetch_request){.url = url(path),
                              .wire_max = 4096,
                              .body_max = 1000,
                              .connect_ms = 5000,
                              .total_ms = 20000,
                              .idle_ms = 10000,
                              .redirects_max = 3,
                              .policy = &loopback};
}

static void check_answer(size_t i, const ov_fetch_result *r, const ov_buf *body)
{
    CHECK_C(ov_fetch_failure_name(r->failure), ov_fetch_failure_name(cases[i].failure));
    if (cases[i].failure == OV_FETCH_OK) CHECK_INT(r->status, cases[i].status);
    if (cases[i].failure == OV_FETCH_OK) CHECK_STR(ov_buf_str(body), ov_str_of(cases[i].body));
    if (!CHECK(strstr(r->text, cases[i].text) != NULL)) fprintf(stderr, "  text: %s\n", r->text);
}

static void note_answer(void *arg, const ov_fetch_result *r)
{
    *(ov_fetch_result *)arg = *r;
    ((ov_fetch_result *)arg)->took_ms = -1; /* done */
}

/* The same answers for a loop, whose receiver gets the bytes pushed. */
static void test_pushed_answers(void)
{
    ov_err err = {0};
    ov_fetch_loop *l = NULL;
    CHECK_OK(ov_fetch_loop_new("opvic-test", NULL, &l, &err), &err);
    for (size_t i = 0; i < OV_COUNT(cases); i++) {
        check_case(cases[i].path);
        ov_buf body = OV_BUF(64 * 1024);
        ov_fetch_request q = request(cases[i].path);
        q.on_body = ov_fetch_into_buf;
        q.arg = &body;
        if (cases[i].failure == OV_FETCH_TIMEOUT) q.idle_ms = 200;
        ov_fetch_result r = {0};
        CHECK_OK(ov_fetch_loop_start(l, &q, note_answer, &r, &err), &err);
        while (r.took_ms != -1) ov_fetch_loop_wait(l, 1000);
        check_answer(i, &r, &body);
        ov_buf_clear(&body);
    }
    check_case(NULL);
    ov_fetch_loop_free(l);
}

static void test_answers(void)
{
    ov_fetch *f = client();
    for (size_t i = 0; i < OV_COUNT(cases); i++) {
        check_case(cases[i].path);
        ov_buf body = OV_BUF(64 * 1024);
        ov_fetch_request q = request(cases[i].path);
        q.on_body = ov_fetch_into_buf;
        q.arg = &body;
        if (cases[i].failure == OV_FETCH_TIMEOUT) q.idle_ms = 200;
        ov_fetch_result r;
        ov_fetch_run(f, &q, &r);
        check_answer(i, &r, &body);
        ov_buf_clear(&body);
    }
    check_case(NULL);
    ov_fetch_free(f);
}

static void test_head(void)
{
    ov_fetch *f = client();
    ov_fetch_result r;
    ov_fetch_request q = request("/once");
    ov_fetch_run(f, &q, &r);
    CHECK_C(r.etag, "\"e1\"");
    CHECK_C(r.link, "<?page=2>; rel=\"next\", <?page=9>; rel=\"last\"");
    CHECK_C(r.www_authenticate, "Basic realm=\"x\", Bearer realm=\"y\"");
    CHECK_C(r.ratelimit_remaining, "41");
    CHECK_C(r.final_url, url("/hello"));
    CHECK_INT(r.body_bytes, 5);
    CHECK(!r.unframed);
    q = request("/unframed");
    ov_fetch_run(f, &q, &r);
    CHECK(r.unframed);
    CHECK_C(r.ratelimit_remaining, "7");
    q = request("/304");
    ov_fetch_run(f, &q, &r);
    CHECK(!r.unframed);
    q = request("/once");
    q.redirects_max = 0;
    ov_fetch_run(f, &q, &r);
    CHECK_INT(r.status, 302);
    ov_fetch_free(f);
}

/* Nothing is sent to a target that is refused, however it is spelled. */
static void test_refused_targets(void)
{
    static const char *const hosts[] = {"127.0.0.1", "localhost",  "[::1]",
                                        "0x7f.1",    "2130706433", "[::ffff:127.0.0.1]"};
    ov_fetch *f = client();
    unsigned before = canned_requests(&server);
    ov_fetch_policy none = {.setting = "--fetch.allow-cidrs"};
    for (size_t i = 0; i < OV_COUNT(hosts); i++) {
        check_case(hosts[i]);
        char where[128];
        snprintf(where, sizeof where, "http://%s:%u/hello", hosts[i], server.port);
        ov_fetch_request q = request("/hello");
        q.url = where;
        q.policy = &none;
        ov_fetch_result r;
        ov_fetch_run(f, &q, &r);
        CHECK_C(ov_fetch_failure_name(r.failure), "refusedTarget");
        CHECK(strstr(r.text, "allow it with --fetch.allow-cidrs") != NULL);
    }
    check_case(NULL);
    CHECK_INT(canned_requests(&server), before);
    ov_fetch_free(f);
}

static void test_unsupported(void)
{
    static const char *const urls[] = {"",        "ftp://127.0.0.1/x", "file:///etc/passwd",
                                       "http://", "127.0.0.1/x",       "gopher://h"};
    ov_fetch *f = client();
    ov_fetch_result r;
    for (size_t i = 0; i < OV_COUNT(urls); i++) {
        check_case(urls[i]);
        ov_fetch_request q = request("/hello");
        q.url = urls[i];
        ov_fetch_run(f, &q, &r);
        CHECK_C(ov_fetch_failure_name(r.failure), "unsupported");
    }
    check_case("header");
    ov_fetch_request q = request("/hello");
    q.headers[0].name = "If-None-Match";
    q.headers[0].value = "x\r\nHost: elsewhere";
    ov_fetch_run(f, &q, &r);
    CHECK_C(ov_fetch_failure_name(r.failure), "unsupported");
    check_case(NULL);
    ov_fetch_free(f);
}

static void test_credentials_stay_home(void)
{
    canned other;
    canned_start(&other, routes, OV_COUNT(routes));
    char answer[256];
    snprintf(answer, sizeof answer,
             "HTTP/1.1 307 Elsewhere\r\nLocation: http://127.0.0.1:%u/hello\r\nContent-Length: 0\r\n\r\n", other.port);
    const canned_route leave = {.path = "/leave", .answer = answer};
    canned first;
    canned_start(&first, &leave, 1);
    char where[64];
    snprintf(where, sizeof where, "http://127.0.0.1:%u/leave", first.port);
    ov_secret *token = ov_secret_new(OV_STR("s3cret"));
    ov_fetch *f = client();
    ov_fetch_result r;
    ov_fetch_request q = request("/leave");
    q.url = where;
    q.bearer = token;
    q.headers[0].name = "Cookie";
    q.headers[0].value = "session=1";
    q.headers[1].name = "X-Other";
    q.headers[1].value = "kept";
    ov_fetch_run(f, &q, &r);
    CHECK_INT(r.status, 200);
    CHECK(canned_saw(&first, "Authorization: Bearer s3cret\r\n"));
    CHECK(canned_saw(&first, "User-Agent: opvic-test\r\n"));
    CHECK(!canned_saw(&other, "s3cret"));
    CHECK(!canned_saw(&other, "session"));
    CHECK(canned_saw(&other, "X-Other: kept\r\n"));
    ov_fetch_free(f);
    ov_secret_free(token);
    canned_stop(&first);
    canned_stop(&other);
}

static void test_post(void)
{
    ov_fetch *f = client();
    ov_fetch_result r;
    ov_fetch_request q = request("/hello");
    q.method = "POST";
    q.body = OV_STR("{}");
    q.content_type = "application/json";
    ov_fetch_run(f, &q, &r);
    CHECK(canned_saw(&server, "POST /hello HTTP/1.1"));
    CHECK(canned_saw(&server, "Content-Type: application/json\r\n"));
    CHECK(canned_saw(&server, "Content-Length: 2\r\n"));
    q.method = "PATCH";
    ov_fetch_run(f, &q, &r);
    CHECK(canned_saw(&server, "PATCH /hello HTTP/1.1"));
    q = request("/303");
    q.method = "POST";
    ov_fetch_run(f, &q, &r);
    CHECK_INT(r.status, 200);
    CHECK(canned_saw(&server, "GET /hello HTTP/1.1"));
    ov_fetch_free(f);
}

static void test_total_timeout_and_stop(void)
{
    ov_fetch *f = client();
    ov_fetch_result r;
    ov_fetch_request q = request("/stall");
    q.idle_ms = 0;
    q.total_ms = 100;
    ov_fetch_run(f, &q, &r);
    CHECK_C(ov_fetch_failure_name(r.failure), "timeout");
    bool stop = true;
    q.stop = &stop;
    ov_fetch_run(f, &q, &r);
    CHECK_C(ov_fetch_failure_name(r.failure), "stopped");
    ov_fetch_free(f);
}

static void count(void *arg)
{
    ++*(int *)arg;
}

static void test_alive(void)
{
    ov_fetch *f = client();
    ov_fetch_result r;
    int told = 0;
    ov_fetch_request q = request("/mute"); /* no head */
    q.idle_ms = 0;
    q.total_ms = 100;
    q.alive = count;
    q.alive_arg = &told;
    ov_fetch_run(f, &q, &r);
    CHECK(told > 0);
    told = 0;
    q.url = request("/stall").url; /* half a body */
    ov_fetch_run(f, &q, &r);
    CHECK(told > 0);
    ov_fetch_free(f);
}

/* The proxy's own address is private and fine; what it is asked for is judged where it can be. */
static void test_proxy(void)
{
    setenv("http_proxy", url(""), 1);
    setenv("no_proxy", "localhost, .internal.example 10.0.0.0/8", 1);
    ov_fetch *f = client();
    unsetenv("http_proxy");
    unsetenv("no_proxy");
    ov_fetch_policy none = {.setting = "--x"};
    ov_fetch_result r;
    ov_buf body = OV_BUF(100);
    ov_fetch_request q = request("");
    q.policy = &none;
    q.url = "http://example.invalid/hello";
    q.on_body = ov_fetch_into_buf;
    q.arg = &body;
    ov_fetch_run(f, &q, &r);
    CHECK_INT(r.status, 200);
    CHECK_STR(ov_buf_str(&body), OV_STR("proxy"));
    static const char *const refused[] = {"http://169.254.169.254/", "http://localhost:1/", "http://10.1.2.3:1/"};
    for (size_t i = 0; i < OV_COUNT(refused); i++) {
        check_case(refused[i]);
        q.url = refused[i];
        ov_fetch_run(f, &q, &r);
        CHECK_C(ov_fetch_failure_name(r.failure), "refusedTarget");
    }
    check_case(NULL);
    ov_buf_clear(&body);
    ov_fetch_free(f);
}

enum { BIG = 3 * 1024 * 1024 };

static void test_pull(void)
{
    static const char head[] = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 3145728\r\n\r\n";
    size_t len = sizeof head - 1 + BIG;
    char *answer = malloc(len + 1);
    if (!answer) abort();
    memcpy(answer, head, sizeof head - 1);
    memset(answer + sizeof head - 1, 'x', BIG + 1);
    const canned_route big = {.path = "/big", .answer = answer, .len = len};
    canned c;
    canned_start(&c, &big, 1);
    char where[64], piece[4096];
    snprintf(where, sizeof where, "http://127.0.0.1:%u/big", c.port);
    ov_fetch *f = client();
    ov_fetch_request q = request("/big");
    q.url = where;
    q.wire_max = q.body_max = BIG;
    ov_fetch_stream *s;
    ov_fetch_result r;
    ov_fetch_open(f, &q, &s);
    CHECK_INT(ov_fetch_head(s)->status, 200);
    size_t got = 0;
    int64_t n;
    while ((n = ov_fetch_read(s, piece, sizeof piece)) > 0) got += (size_t)n;
    CHECK_INT(n, 0);
    CHECK_INT(got, BIG);
    ov_fetch_close(s, &r);
    CHECK_C(ov_fetch_failure_name(r.failure), "ok");
    CHECK_INT(r.wire_bytes, BIG);
    ov_fetch_open(f, &q, &s);
    CHECK(ov_fetch_read(s, piece, sizeof piece) > 0);
    ov_fetch_close(s, &r);
    CHECK_C(ov_fetch_failure_name(r.failure), "stopped");
    ov_fetch_free(f);
    canned_stop(&c);
    free(answer);
}

int main(void)
{
    ov_err err = {0};
    CHECK_OK(ov_fetch_policy_parse(OV_STR("127.0.0.0/8"), &loopback, &err), &err);
    loopback.setting = "--fetch.allow-cidrs";
    canned_start(&server, routes, OV_COUNT(routes));
    test_answers();
    test_pushed_answers();
    test_head();
    test_refused_targets();
    test_unsupported();
    test_credentials_stay_home();
    test_post();
    test_total_timeout_and_stop();
    test_alive();
    test_proxy();
    test_pull();
    canned_stop(&server);
    return check_end();
}
