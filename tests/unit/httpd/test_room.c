/* More connections than are kept: who waits longest leaves, who comes is answered, one address does not push others
 * out. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "httpd/httpd.h"
#include "httpd/room.h"
#include "support/check.h"
#include "support/http.h"

#include "base/poison.h"

enum { KEPT = 32, MANY = 200, HONEST = 8 };

static const char ask[] = "GET /open HTTP/1.1\r\nHost: x\r\n\r\n";

static void answer_pong(void *ctx, const ov_http_request *r, ov_http_answer *a)
{
    (void)ctx, (void)r;
    a->body = OV_BUF(64);
    ov_buf_append_c(&a->body, "pong");
}

static const ov_http_route routes[] = {{"GET", "/open", OV_HTTP_OPEN, answer_pong, "open", 0, 0, NULL}};

static ov_httpd *open_server(void)
{
    ov_httpd_options o = {
        .address = "127.0.0.1:0", .routes = routes, .route_count = OV_COUNT(routes), .threads = 2, .connections = KEPT};
    ov_httpd *h = NULL;
    ov_err err = {0};
    CHECK_OK(ov_httpd_open(&o, &h, &err), &err);
    return h;
}

static int status_of(test_http *c)
{
    if (!test_http_send(c, ask)) return 0;
    test_http_reply reply = test_http_read(c, false);
    int status = reply.status;
    test_http_reply_clear(&reply);
    return status;
}

/* From another address of this machine; a descriptor, or -1. */
static int connect_from(const char *address, unsigned port)
{
    struct sockaddr_in from = {.sin_family = AF_INET}, to = {.sin_family = AF_INET};
    inet_pton(AF_INET, address, &from.sin_addr);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    to.sin_port = htons((unsigned short)port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool ok =
        bind(fd, (struct sockaddr *)&from, sizeof from) == 0 && connect(fd, (struct sockaddr *)&to, sizeof to) == 0;
    if (ok) return fd;
    close(fd);
    return -1;
}

/* The begin of what each of the many sends, and then nothing. */
static void silent_ones_keep_nobody_out(const char *begun)
{
    test_http many[MANY];
    ov_httpd *h = open_server();
    unsigned port = ov_httpd_port(h);
    check_case(begun);
    for (size_t i = 0; i < MANY; i++) {
        many[i] = test_http_connect(port);
        CHECK(test_http_send(&many[i], begun));
    }
    test_http_reply reply = test_http_ask(port, ask);
    CHECK_INT(reply.status, 200);
    test_http_reply_clear(&reply);
    for (size_t i = 0; i < MANY; i++) test_http_close(&many[i]);
    ov_httpd_close(h, 1000);
    check_case(NULL);
}

static void each_newcomer_is_answered(void)
{
    test_http many[MANY];
    ov_httpd *h = open_server();
    for (size_t i = 0; i < MANY; i++) {
        many[i] = test_http_connect(ov_httpd_port(h));
        CHECK_INT(status_of(&many[i]), 200);
    }
    for (size_t i = 0; i < MANY; i++) test_http_close(&many[i]);
    ov_httpd_close(h, 1000);
}

static void one_address_pushes_nobody_out(void)
{
    test_http honest[HONEST];
    int greedy[MANY];
    ov_httpd *h = open_server();
    unsigned port = ov_httpd_port(h);
    for (size_t i = 0; i < HONEST; i++) {
        honest[i] = test_http_connect(port);
        CHECK_INT(status_of(&honest[i]), 200);
    }
    for (size_t i = 0; i < MANY; i++) greedy[i] = connect_from("127.0.0.2", port);
    CHECK(greedy[MANY - 1] >= 0);
    /* Answered after all of the greedy, who came before. */
    test_http_reply reply = test_http_ask(port, ask);
    CHECK_INT(reply.status, 200);
    test_http_reply_clear(&reply);
    for (size_t i = 0; i < HONEST; i++) CHECK_INT(status_of(&honest[i]), 200);
    for (size_t i = 0; i < HONEST; i++) test_http_close(&honest[i]);
    for (size_t i = 0; i < MANY; i++)
        if (greedy[i] >= 0) close(greedy[i]);
    ov_httpd_close(h, 1000);
}

static uint64_t peer_of(const char *text)
{
    struct sockaddr_in6 six = {.sin6_family = AF_INET6};
    struct sockaddr_in four = {.sin_family = AF_INET};
    if (inet_pton(AF_INET6, text, &six.sin6_addr) == 1) return ov_http_peer((const struct sockaddr *)&six);
    CHECK_INT(inet_pton(AF_INET, text, &four.sin_addr), 1);
    return ov_http_peer((const struct sockaddr *)&four);
}

static void addresses_are_told_apart(void)
{
    static const struct {
        const char *left, *right;
        bool same;
    } pairs[] = {
        {"10.0.0.1", "10.0.0.1", true},
        {"10.0.0.1", "10.0.0.2", false},
        {"10.0.0.1", "::ffff:10.0.0.1", true},
        {"2001:db8:0:1::1", "2001:db8:0:1:ffff::2", true},
        {"2001:db8:0:1::1", "2001:db8:0:2::1", false},
    };
    for (size_t i = 0; i < OV_COUNT(pairs); i++) {
        check_case(pairs[i].right);
        CHECK((peer_of(pairs[i].left) == peer_of(pairs[i].right)) == pairs[i].same);
    }
    check_case(NULL);
}

int main(void)
{
    addresses_are_told_apart();
    silent_ones_keep_nobody_out("");
    silent_ones_keep_nobody_out("GET /open HTTP/1.1\r\nHost:");
    each_newcomer_is_answered();
    one_address_pushes_nobody_out();
    return check_end();
}
