/* Writes a whole answer to a connection's socket. */
#include "httpd/past.h"

#include <sys/socket.h>

#include "base/poison.h"

enum { PAST_BYTES_MAX = 16384 };

static void compose(const ov_http_answer *a, ov_buf *out)
{
    const char *type = a->content_type ? a->content_type : "application/json; charset=utf-8";
    ov_buf_printf(out, "HTTP/1.1 %u %s\r\nConnection: close\r\nContent-Type: %s\r\nContent-Length: %zu\r\n", a->status,
                  MHD_get_reason_phrase_for(a->status), type, a->body.len);
    for (size_t i = 0; i < OV_HTTP_HEADERS && a->headers[i].name; i++)
        ov_buf_printf(out, "%s: %s\r\n", a->headers[i].name, a->headers[i].value);
    ov_buf_append_c(out, "\r\n");
    ov_buf_append_str(out, ov_buf_str(&a->body));
}

void ov_http_past_send(const ov_httpd *h, int fd, ov_http_answer *a)
{
    OV_CLEANUP(ov_buf_clear) ov_buf text = OV_BUF(PAST_BYTES_MAX);
    if (h->options.decorate) h->options.decorate(h->options.ctx, a);
    compose(a, &text);
    if (!text.failed) {
        ssize_t sent = send(fd, text.ptr, text.len, MSG_DONTWAIT | MSG_NOSIGNAL);
        (void)sent;
    }
    ov_http_answer_clear(a);
}
