/* A raw HTTP/1.1 client for tests: bytes out as written, replies in, every wait bounded. */
#ifndef OV_TESTS_HTTP_H
#define OV_TESTS_HTTP_H

#include <stdbool.h>
#include <stddef.h>

/* One connection to 127.0.0.1 and what was read from it but not yet taken. Zero fd < 0: not connected. */
typedef struct {
    int fd;
    char *bytes;
    size_t len, cap;
} test_http;

typedef struct {
    int status;    /* 0: the connection ended, or nothing came within 10 s */
    char *head;    /* status line and headers, terminated */
    char *body;    /* terminated */
    size_t length; /* of the body */
} test_http_reply;

test_http test_http_connect(unsigned port);
void test_http_close(test_http *c);
/* All of the text; false when the peer is gone. */
bool test_http_send(test_http *c, const char *text);
bool test_http_send_bytes(test_http *c, const void *bytes, size_t len);
/* The next reply; 1xx are passed over. no_body: it answers a HEAD. The caller clears it. */
test_http_reply test_http_read(test_http *c, bool no_body);
void test_http_reply_clear(test_http_reply *r);
/* The value of a header in the reply's own memory, copied to out (cut); "" when absent. */
const char *test_http_header(const test_http_reply *r, const char *name, char *out, size_t size);
/* The peer closed, and nothing more came before. */
bool test_http_at_end(test_http *c);

/* One request on a connection of its own. */
test_http_reply test_http_ask(unsigned port, const char *text);

#endif
