/* A server with real sockets: routing, refusals, bodies, lengths, pieces, deadlines. */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "httpd/httpd.h"
#include "support/check.h"
#include "support/http.h"

#include "base/poison.h"

#define HOST "Host: x\r\n"
#define TOKEN "Authorization: Bearer golden-token\r\n"
#define END "\r\n"

enum {
    BODY_MAX = 1000,
    REFUSED = 4 /* any 4xx or 5xx: who says it first, the library or we, depends on its version */,
    PIECES = 3000
};

typedef struct {
    atomic_int released;
    pthread_mutex_t lock;
    char done[256]; /* the last on_done, as text; read when nobody else asks */
} server_state;

/* ---- handlers ---- */

static void answer_pong(void *ctx, const ov_http_request *r, ov_http_answer *a)
{
    (void)ctx, (void)r;
    a->content_type = "text/plain; charset=utf-8";
    a->body = OV_BUF(64);
    ov_buf_append_c(&a->body, "pong");
    a->counted_by_path = true;
}

/* What the request was, one line each. */
static void answer_echo(void *ctx, const ov_http_request *r, ov_http_answer *a)
{
    (void)ctx;
    a->body = OV_BUF(65536);
    ov_buf_printf(&a->body, "path=%.*s param=%.*s other=%.*s q=%.*s h=%.*s body=%.*s", OV_STR_ARG(ov_http_path(r)),
                  OV_STR_ARG(ov_http_param(r, 0)), OV_STR_ARG(ov_http_param(r, 1)), OV_STR_ARG(ov_http_query(r, "q")),
                  OV_STR_ARG(ov_http_header(r, "x-test")), OV_STR_ARG(ov_http_body(r)));
}

static void answer_gzip(void *ctx, const ov_http_request *r, ov_http_answer *a)
{
    (void)ctx;
    a->gzipped = ov_http_accepts_gzip(r);
    a->body = OV_BUF(64);
    ov_buf_append_c(&a->body, "x");
    ov_http_set_header(a, "ETag", "\"%d\"", 7);
}

static void count_release(void *owner)
{
    server_state *s = owner;
    atomic_fetch_add(&s->released, 1);
}

static void answer_pieces(void *ctx, const ov_http_request *r, ov_http_answer *a)
{
    static ov_str pieces[PIECES];
    static const char digits[] = "0123456789";
    (void)r;
    for (size_t i = 0; i < PIECES; i++) pieces[i] = (ov_str){digits, i % 11};
    a->pieces = pieces;
    a->piece_count = PIECES;
    a->release = count_release;
    a->owner = ctx;
}

/* 64 MiB, more than any socket's buffers hold; filled before a server runs, since several answers read it at once. */
static ov_str huge_pieces[64];

static void huge_fill(void)
{
    static const char mebibyte[1 << 20];
    for (size_t i = 0; i < OV_COUNT(huge_pieces); i++) huge_pieces[i] = (ov_str){mebibyte, sizeof mebibyte};
}

static void answer_huge(void *ctx, const ov_http_request *r, ov_http_answer *a)
{
    (void)r;
    a->pieces = huge_pieces;
    a->piece_count = OV_COUNT(huge_pieces);
    a->release = count_release;
    a->owner = ctx;
}

static void answer_error(void *ctx, const ov_http_request *r, ov_http_answer *a)
{
    (void)r;
    a->release = count_release;
    a->owner = ctx;
    ov_http_error(a, 404, "not \"%s\"", "found");
}

static void answer_nothing(void *ctx, const ov_http_request *r, ov_http_answer *a)
{
    (void)ctx, (void)r;
    a->status = 204;
}

static void note_done(void *ctx, const char *method, const char *path, unsigned status, uint64_t micros)
{
    server_state *s = ctx;
    (void)micros;
    pthread_mutex_lock(&s->lock);
    snprintf(s->done, sizeof s->done, "%s %s %u", method, path, status);
    pthread_mutex_unlock(&s->lock);
}

static void add_age(void *ctx, ov_http_answer *a)
{
    (void)ctx;
    ov_http_set_header(a, "Opvic-State-Age", "%d", 3);
}

static const ov_http_route routes[] = {
    {"GET", "/api/ping", OV_HTTP_TOKEN, answer_pong, "ping", 0, 0, NULL},
    {"GET", "/open", OV_HTTP_OPEN, answer_pong, "open", 0, 0, NULL},
    {"GET", "/agents/:id", OV_HTTP_OPEN, answer_echo, "getAgent", 0, 0, NULL},
    {"GET", "/agents/:id/:other", OV_HTTP_OPEN, answer_echo, "getEntry", 0, 0, NULL},
    {"POST", "/agents", OV_HTTP_TOKEN, answer_echo, "postAgent", BODY_MAX, 0, NULL},
    {"GET", "/agents", OV_HTTP_TOKEN, answer_echo, "getAgents", 0, 0, NULL},
    {"GET", "/gzip", OV_HTTP_OPEN, answer_gzip, "gzip", 0, 0, NULL},
    {"GET", "/pieces", OV_HTTP_OPEN, answer_pieces, "pieces", 0, 0, NULL},
    {"GET", "/huge", OV_HTTP_OPEN, answer_huge, "huge", 0, 0, NULL},
    {"GET", "/few", OV_HTTP_OPEN, answer_huge, "few", 0, 2, NULL},
    {"GET", "/error", OV_HTTP_OPEN, answer_error, "error", 0, 0, NULL},
    {"GET", "/nothing", OV_HTTP_OPEN, answer_nothing, "nothing", 0, 0, NULL},
};

static ov_httpd *open_server(server_state *s, ov_secret *token, int64_t body_ms, int64_t answer_ms)
{
    ov_httpd_options o = {.address = "127.0.0.1:0",
                          .routes = routes,
                          .route_count = OV_COUNT(routes),
                          .token = token,
                          .ctx = s,
                          .on_done = note_done,
                          .decorate = add_age,
                          .threads = 2,
                          .body_ms = body_ms,
                          .answer_ms = answer_ms};
    ov_httpd *h = NULL;
    ov_err err = {0};
    CHECK_OK(ov_httpd_open(&o, &h, &err), &err);
    return h;
}

/* ---- tables ---- */

static const struct {
    const char *name, *request;
    int status;
    const char *body;   /* a part of it; NULL: any */
    const char *header; /* "Name: value"; NULL: none */
    const char *done;   /* NULL: any */
} rows[] = {
    {"ping", "GET /api/ping HTTP/1.1\r\n" HOST TOKEN END, 200, "pong", "Content-Type: text/plain; charset=utf-8",
     "GET /api/ping 200"},
    {"no token", "GET /api/ping HTTP/1.1\r\n" HOST END, 401, "{\"error\":\"missing authorization header\"}",
     "Content-Type: application/json; charset=utf-8", "GET /api/ping 401"},
    {"bad token", "GET /api/ping HTTP/1.1\r\n" HOST "Authorization: Bearer nope\r\n" END, 401,
     "invalid authorization token", "WWW-Authenticate: Bearer", NULL},
    {"trailing space", "GET /api/ping HTTP/1.1\r\n" HOST "Authorization: Bearer golden-token \r\n" END, 200, NULL, NULL,
     NULL},
    {"good token first", "GET /api/ping HTTP/1.1\r\n" HOST TOKEN "Authorization: Bearer nope\r\n" END, 200, NULL, NULL,
     NULL},
    {"bad token first", "GET /api/ping HTTP/1.1\r\n" HOST "Authorization: Bearer nope\r\n" TOKEN END, 401, NULL, NULL,
     NULL},
    {"lower header name", "GET /api/ping HTTP/1.1\r\nhost: x\r\nauthorization: Bearer golden-token\r\n" END, 200, NULL,
     NULL, NULL},
    {"unknown", "GET /nope HTTP/1.1\r\n" HOST END, 404, "404 page not found", "Content-Type: text/plain",
     "GET unknown 404"},
    {"root", "GET / HTTP/1.1\r\n" HOST END, 404, "404 page not found", NULL, NULL},
    {"too deep", "GET /agents/a/b/c HTTP/1.1\r\n" HOST END, 404, "404 page not found", NULL, NULL},
    {"case matters", "GET /API/PING HTTP/1.1\r\n" HOST TOKEN END, 404, NULL, NULL, NULL},
    {"parameter", "GET /agents/x HTTP/1.1\r\n" HOST END, 200, "path=/agents/x param=x", NULL, "GET /agents/:id 200"},
    {"slash inside", "GET /agents/a%2Fb HTTP/1.1\r\n" HOST END, 200, "param=a/b other= ", NULL, NULL},
    {"two parameters", "GET /agents/a%20/b%2f?q=%20z HTTP/1.1\r\n" HOST END, 200, "param=a  other=b/ q= z h=", NULL,
     NULL},
    {"header", "GET /agents/a HTTP/1.1\r\n" HOST "X-Test:  v \r\n" END, 200, "h=v body=", NULL, NULL},
    {"bad escape", "GET /agents/a%zzb HTTP/1.1\r\n" HOST END, 400, "error", NULL, "GET unknown 400"},
    {"doubled slashes", "GET //api///ping HTTP/1.1\r\n" HOST TOKEN END, 200, "pong", NULL, "GET /api/ping 200"},
    {"dots", "GET /api/x/.././ping HTTP/1.1\r\n" HOST TOKEN END, 200, "pong", NULL, "GET /api/ping 200"},
    {"absolute", "GET http://x/api/ping HTTP/1.1\r\n" HOST TOKEN END, 200, "pong", NULL, NULL},
    {"query", "GET /open?a=b&c HTTP/1.1\r\n" HOST END, 200, "pong", NULL, "GET /open 200"},
    {"slash behind", "GET /api/ping/ HTTP/1.1\r\n" HOST END, 301, NULL, "Location: /api/ping", "GET /api/ping 301"},
    {"slash and query", "GET //agents//x/?q=1 HTTP/1.1\r\n" HOST END, 301, NULL, "Location: /agents/x?q=1", NULL},
    {"slash behind a POST", "POST /agents/ HTTP/1.1\r\n" HOST "Content-Length: 2\r\n" END "{}", 307, NULL,
     "Location: /agents", NULL},
    {"slash and unknown", "GET /nope/ HTTP/1.1\r\n" HOST END, 404, NULL, NULL, NULL},
    {"no open redirect", "GET //evil.example/ HTTP/1.1\r\n" HOST END, 404, NULL, NULL, NULL},
    {"HEAD", "HEAD /open HTTP/1.1\r\n" HOST END, 200, "", "Content-Length: 4", "HEAD /open 200"},
    {"wrong method", "PUT /agents HTTP/1.1\r\n" HOST TOKEN END, 405, "method not allowed", "Allow: POST, GET, HEAD",
     "PUT /agents 405"},
    {"odd method", "FOO /open HTTP/1.1\r\n" HOST END, 405, NULL, "Allow: GET, HEAD", "other /open 405"},
    {"OPTIONS", "OPTIONS /open HTTP/1.1\r\n" HOST END, 405, NULL, "Allow: GET, HEAD", NULL},
    {"POST to a GET", "POST /open HTTP/1.1\r\n" HOST "Content-Length: 2\r\n" END "{}", 405, NULL, NULL, NULL},
    {"asterisk", "OPTIONS * HTTP/1.1\r\n" HOST END, 400, NULL, NULL, NULL},
    {"body", "POST /agents HTTP/1.1\r\n" HOST TOKEN "Content-Length: 5\r\n" END "hello", 200, "body=hello", NULL, NULL},
    {"no body", "POST /agents HTTP/1.1\r\n" HOST TOKEN END, 200, "body=", NULL, NULL},
    {"chunked",
     "POST /agents HTTP/1.1\r\n" HOST TOKEN "Transfer-Encoding: chunked\r\n" END "2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
     200, "body=hello", NULL, NULL},
    {"body without a token", "POST /agents HTTP/1.1\r\n" HOST "Content-Length: 5\r\n" END "hello", 401, NULL, NULL,
     NULL},
    {"a GET with a body", "GET /open HTTP/1.1\r\n" HOST "Content-Length: 5\r\n" END "hello", 200, "pong", NULL, NULL},
    {"too large", "POST /agents HTTP/1.1\r\n" HOST TOKEN "Content-Length: 1001\r\n" END, 413, "too large",
     "Connection: close", "POST /agents 413"},
    {"far too large", "POST /agents HTTP/1.1\r\n" HOST TOKEN "Content-Length: 18446744073709551615\r\n" END, 413, NULL,
     NULL, NULL},
    {"expect", "POST /agents HTTP/1.1\r\n" HOST TOKEN "Expect: 100-continue\r\nContent-Length: 5\r\n" END "hello", 200,
     "body=hello", NULL, NULL},
    {"expect without a token", "POST /agents HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nContent-Length: 5\r\n" END,
     401, NULL, "Connection: close", NULL},
    {"expect other", "POST /agents HTTP/1.1\r\n" HOST TOKEN "Expect: foo\r\nContent-Length: 5\r\n" END "hello", 417,
     NULL, NULL, NULL},
    {"two lengths", "POST /agents HTTP/1.1\r\n" HOST TOKEN "Content-Length: 5\r\nContent-Length: 6\r\n" END "hello",
     400, NULL, NULL, NULL},
    {"length and chunked",
     "POST /agents HTTP/1.1\r\n" HOST TOKEN "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n" END "0\r\n\r\n", 400,
     NULL, NULL, NULL},
    {"chunked and length",
     "POST /agents HTTP/1.1\r\n" HOST TOKEN "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n" END "0\r\n\r\n", 400,
     NULL, NULL, NULL},
    {"chunked twice",
     "POST /agents HTTP/1.1\r\n" HOST TOKEN "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n" END
     "0\r\n\r\n",
     400, NULL, NULL, NULL},
    {"bad length", "POST /agents HTTP/1.1\r\n" HOST TOKEN "Content-Length: x\r\n" END "hello", 400, NULL, NULL, NULL},
    {"negative length", "POST /agents HTTP/1.1\r\n" HOST TOKEN "Content-Length: -1\r\n" END "hello", 400, NULL, NULL,
     NULL},
    {"gzipped body framing", "POST /agents HTTP/1.1\r\n" HOST TOKEN "Transfer-Encoding: gzip\r\n" END, REFUSED, NULL,
     NULL, NULL},
    {"bad chunk", "POST /agents HTTP/1.1\r\n" HOST TOKEN "Transfer-Encoding: chunked\r\n" END "zz\r\n", 400, NULL, NULL,
     NULL},
    {"no host", "GET /open HTTP/1.1\r\n" END, 400, NULL, NULL, NULL},
    {"two hosts", "GET /open HTTP/1.1\r\n" HOST HOST END, 400, NULL, NULL, NULL},
    {"HTTP/1.0", "GET /open HTTP/1.0\r\n" END, 200, "pong", NULL, NULL},
    {"HTTP/1.0 kept", "GET /open HTTP/1.0\r\nConnection: keep-alive\r\n" END, 200, "pong", NULL, NULL},
    {"HTTP/3", "GET /open HTTP/3.0\r\n" HOST END, 505, NULL, NULL, NULL},
    {"decorated", "GET /nope HTTP/1.1\r\n" HOST END, 404, NULL, "Opvic-State-Age: 3", NULL},
    {"gzip", "GET /gzip HTTP/1.1\r\n" HOST "Accept-Encoding: br, gzip;q=0.5\r\n" END, 200, "x",
     "Content-Encoding: gzip", NULL},
    {"gzip varies", "GET /gzip HTTP/1.1\r\n" HOST END, 200, "x", "Vary: Accept-Encoding", NULL},
    {"no gzip", "GET /gzip HTTP/1.1\r\n" HOST "Accept-Encoding: *, gzip;q=0\r\n" END, 200, "x",
     "Content-Encoding: ", NULL},
    {"any coding", "GET /gzip HTTP/1.1\r\n" HOST "Accept-Encoding: *\r\n" END, 200, "x", "Content-Encoding: gzip",
     NULL},
    {"header of a handler", "GET /gzip HTTP/1.1\r\n" HOST END, 200, "x", "ETag: \"7\"", NULL},
    {"error", "GET /error HTTP/1.1\r\n" HOST END, 404, "{\"error\":\"not \\\"found\\\"\"}", NULL, "GET /error 404"},
    {"no content", "GET /nothing HTTP/1.1\r\n" HOST END, 204, NULL, "Content-Type: ", NULL},
};

static void check_header(const test_http_reply *reply, const char *expected)
{
    size_t colon = ov_str_find(ov_str_of(expected), ':', 0);
    char name[64], value[256];
    if (!CHECK(colon < sizeof name)) return;
    memcpy(name, expected, colon);
    name[colon] = '\0';
    CHECK_C(test_http_header(reply, name, value, sizeof value), expected + colon + 2);
}

static void requests_are_answered(const server_state *s, unsigned port)
{
    for (size_t i = 0; i < OV_COUNT(rows); i++) {
        check_case(rows[i].name);
        test_http_reply reply = test_http_ask(port, rows[i].request);
        if (rows[i].status == REFUSED)
            CHECK(reply.status >= 400);
        else
            CHECK_INT(reply.status, rows[i].status);
        if (rows[i].body && *rows[i].body) CHECK(reply.body && strstr(reply.body, rows[i].body));
        if (rows[i].body && !*rows[i].body) CHECK_C(reply.body, "");
        if (rows[i].header) check_header(&reply, rows[i].header);
        if (rows[i].done) CHECK_C(s->done, rows[i].done);
        test_http_reply_clear(&reply);
    }
    check_case(NULL);
}

/* ---- connections ---- */

static void connections_are_kept(unsigned port)
{
    test_http c = test_http_connect(port);
    for (int i = 0; i < 3; i++) {
        /* refused ones leave the connection usable, their bodies read */
        CHECK(test_http_send(&c, "POST /agents HTTP/1.1\r\n" HOST "Content-Length: 5\r\n" END "hello"));
        CHECK(test_http_send(&c, "POST /nope HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n" END
                                 "3\r\nabc\r\n0\r\n\r\n"));
        CHECK(test_http_send(&c, "GET /open HTTP/1.1\r\n" HOST END));
        static const int expected[] = {401, 404, 200};
        for (size_t k = 0; k < OV_COUNT(expected); k++) {
            test_http_reply reply = test_http_read(&c, false);
            CHECK_INT(reply.status, expected[k]);
            test_http_reply_clear(&reply);
        }
    }
    test_http_close(&c);
}

static void an_ambiguous_request_smuggles_nothing(unsigned port)
{
    test_http c = test_http_connect(port);
    CHECK(test_http_send(&c, "POST /agents HTTP/1.1\r\n" HOST TOKEN
                             "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n" END
                             "0\r\n\r\nGET /open HTTP/1.1\r\n" HOST END));
    test_http_reply reply = test_http_read(&c, false);
    CHECK_INT(reply.status, 400);
    CHECK(test_http_at_end(&c));
    test_http_reply_clear(&reply);
    test_http_close(&c);
}

static void chunks_are_counted(unsigned port)
{
    test_http c = test_http_connect(port);
    CHECK(test_http_send(&c, "POST /agents HTTP/1.1\r\n" HOST TOKEN "Transfer-Encoding: chunked\r\n" END));
    for (int i = 0; i < BODY_MAX / 10 + 1; i++) CHECK(test_http_send(&c, "a\r\n0123456789\r\n"));
    CHECK(test_http_send(&c, "0\r\n\r\n"));
    test_http_reply reply = test_http_read(&c, false);
    CHECK_INT(reply.status, 413);
    CHECK(test_http_at_end(&c));
    test_http_reply_clear(&reply);
    test_http_close(&c);
}

/* The answer comes in the middle of a body that is too long, and whoever goes on sending is cut off. */
static void endless_chunks_are_answered(unsigned port, const server_state *s)
{
    static const struct {
        const char *head;
        int status;
        const char *done;
    } begun[] = {
        {"POST /agents HTTP/1.1\r\n" HOST TOKEN "Transfer-Encoding: chunked\r\n" END, 413, "POST /agents 413"},
        {"POST /agents HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n" END, 401, "POST /agents 401"},
        {"POST /nope HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n" END, 404, "POST unknown 404"},
    };
    static char chunk[4096 + 16];
    int len = snprintf(chunk, sizeof chunk, "1000\r\n%04096d\r\n", 0);
    for (size_t i = 0; i < OV_COUNT(begun); i++) {
        test_http c = test_http_connect(port);
        check_case(begun[i].done);
        CHECK(test_http_send(&c, begun[i].head));
        for (int sent = 0; sent <= 8 * OV_HTTP_DISCARD_MAX; sent += 4096)
            CHECK(test_http_send_bytes(&c, chunk, (size_t)len));
        test_http_reply reply = test_http_read(&c, false);
        CHECK_INT(reply.status, begun[i].status);
        check_header(&reply, "Connection: close");
        check_header(&reply, "Opvic-State-Age: 3");
        CHECK_C(s->done, begun[i].done);
        CHECK(test_http_send(&c, "0\r\n\r\n"));
        CHECK(test_http_at_end(&c));
        test_http_reply_clear(&reply);
        test_http_close(&c);
    }
    check_case(NULL);
}

/* Waits for it. */
static bool is_released(server_state *s)
{
    ov_mono until = ov_mono_after(ov_mono_now(), 10000);
    while (atomic_load(&s->released) == 0 && ov_mono_now().ms < until.ms) sched_yield();
    return atomic_load(&s->released) == 1;
}

static void pieces_are_released_once(server_state *s, unsigned port)
{
    static const struct {
        const char *request;
        size_t length;
    } asked[] = {
        {"GET /pieces HTTP/1.1\r\n" HOST END, (PIECES / 11) * 55 + 28},
        {"HEAD /pieces HTTP/1.1\r\n" HOST END, 0},
    };
    for (size_t i = 0; i < OV_COUNT(asked); i++) {
        atomic_store(&s->released, 0);
        test_http_reply reply = test_http_ask(port, asked[i].request);
        CHECK_INT(reply.status, 200);
        CHECK_INT(reply.length, asked[i].length);
        CHECK(is_released(s));
        test_http_reply_clear(&reply);
    }
}

static void large_answers_are_whole(unsigned port)
{
    test_http_reply reply = test_http_ask(port, "GET /huge HTTP/1.1\r\n" HOST END);
    CHECK_INT(reply.status, 200);
    CHECK_INT(reply.length, 64 << 20);
    test_http_reply_clear(&reply);
}

static void huge_headers_are_431(unsigned port)
{
    static char value[200000];
    memset(value, 'a', sizeof value - 1);
    test_http c = test_http_connect(port);
    test_http_send(&c, "GET /open HTTP/1.1\r\n" HOST "X-Huge: ");
    test_http_send(&c, value);
    test_http_send(&c, "\r\n\r\n");
    test_http_reply reply = test_http_read(&c, false);
    CHECK(reply.status == 431 || reply.status == 0); /* the rest of the headers may reset the connection first */
    test_http_reply_clear(&reply);
    test_http_close(&c);
}

static void drips_end_with_408(ov_secret *token)
{
    static const char *const begun[] = {
        "GET /open HTTP/1.1\r\nHost:",
        "POST /agents HTTP/1.1\r\n" HOST TOKEN "Content-Length: 5\r\n" END "he",
        "",
    };
    server_state s = {.lock = PTHREAD_MUTEX_INITIALIZER};
    ov_httpd *h = open_server(&s, token, 50, 0);
    for (size_t i = 0; i < OV_COUNT(begun); i++) {
        check_case(begun[i]);
        test_http c = test_http_connect(ov_httpd_port(h));
        CHECK(test_http_send(&c, begun[i]));
        test_http_reply reply = test_http_read(&c, false);
        CHECK_INT(reply.status, 408);
        check_header(&reply, "Opvic-State-Age: 3");
        CHECK(test_http_at_end(&c));
        test_http_reply_clear(&reply);
        test_http_close(&c);
    }
    check_case(NULL);
    ov_httpd_close(h, 1000);
    CHECK_C(s.done, "other unknown 408");
}

static void unread_answers_are_closed(ov_secret *token)
{
    server_state s = {.lock = PTHREAD_MUTEX_INITIALIZER};
    ov_httpd *h = open_server(&s, token, 0, 50);
    test_http c = test_http_connect(ov_httpd_port(h));
    CHECK(test_http_send(&c, "GET /huge HTTP/1.1\r\n" HOST END));
    CHECK(is_released(&s));
    test_http_reply reply = test_http_read(&c, false);
    CHECK_INT(reply.status, 0);
    test_http_reply_clear(&reply);
    test_http_close(&c);
    ov_httpd_close(h, 1000);
}

/* A route that is full of readers who do not read answers the one who does. */
static void slow_readers_make_room(unsigned port)
{
    enum { SLOW = 4, WHOLE = 64 << 20 };
    test_http slow[SLOW];
    for (size_t i = 0; i < SLOW; i++) {
        slow[i] = test_http_connect(port);
        CHECK(test_http_send(&slow[i], "GET /few HTTP/1.1\r\n" HOST END));
    }
    ov_mono until = ov_mono_after(ov_mono_now(), 10000);
    test_http_reply reply = test_http_ask(port, "GET /few HTTP/1.1\r\n" HOST END);
    while (reply.status == 503 && ov_mono_now().ms < until.ms) {
        test_http_reply_clear(&reply);
        reply = test_http_ask(port, "GET /few HTTP/1.1\r\n" HOST END);
    }
    CHECK_INT(reply.status, 200);
    CHECK_INT(reply.length, WHOLE);
    test_http_reply_clear(&reply);
    for (size_t i = 0; i < SLOW; i++) test_http_close(&slow[i]);
}

static void bad_openings_say_why(ov_secret *token)
{
    server_state s = {.lock = PTHREAD_MUTEX_INITIALIZER};
    ov_httpd *first = open_server(&s, token, 0, 0), *none = NULL;
    char taken[64], text[128];
    snprintf(taken, sizeof taken, "127.0.0.1:%u", ov_httpd_port(first));
    snprintf(text, sizeof text, "listen on %s: Address already in use", taken);
    static const ov_http_route odd[] = {{"GET", "odd", OV_HTTP_OPEN, answer_pong, "odd", 0, 0, NULL}};
    const struct {
        const char *address, *text;
        ov_status status;
        const ov_http_route *routes;
        size_t count;
        const ov_secret *token;
    } bad[] = {
        {taken, text, OV_FAILED, routes, 1, token},
        {"8080", "listen on 8080: expected host:port or :port", OV_INVALID, routes, 1, token},
        {":99999", "listen on :99999: expected host:port or :port", OV_INVALID, routes, 1, token},
        {"::1:80", "listen on ::1:80: expected host:port or :port", OV_INVALID, routes, 1, token},
        {":0", "route odd: expected a method, a path from the root and a handler", OV_INVALID, odd, 1, token},
        {":0", "route /api/ping: expected a token", OV_INVALID, routes, 1, NULL},
    };
    for (size_t i = 0; i < OV_COUNT(bad); i++) {
        ov_err err = {0};
        ov_httpd_options o = {
            .address = bad[i].address, .routes = bad[i].routes, .route_count = bad[i].count, .token = bad[i].token};
        check_case(bad[i].text);
        CHECK_STATUS(ov_httpd_open(&o, &none, &err), bad[i].status, &err);
        CHECK_C(err.msg, bad[i].text);
    }
    check_case(NULL);
    ov_httpd_close(first, 0);
}

int main(void)
{
    server_state s = {.lock = PTHREAD_MUTEX_INITIALIZER};
    huge_fill();
    OV_CLEANUP(ov_secret_free_p) ov_secret *token = ov_secret_new(OV_STR("golden-token"));
    ov_httpd *h = open_server(&s, token, 0, 0);
    if (!h) return check_end();
    unsigned port = ov_httpd_port(h);
    requests_are_answered(&s, port);
    connections_are_kept(port);
    an_ambiguous_request_smuggles_nothing(port);
    chunks_are_counted(port);
    endless_chunks_are_answered(port, &s);
    pieces_are_released_once(&s, port);
    large_answers_are_whole(port);
    huge_headers_are_431(port);
    slow_readers_make_room(port);
    ov_httpd_close(h, 1000);
    drips_end_with_408(token);
    unread_answers_are_closed(token);
    bad_openings_say_why(token);
    return check_end();
}
