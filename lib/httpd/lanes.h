/* Lanes: threads of the library, each with a bounded number of connections; more are started when connections come. */
#ifndef OV_HTTPD_LANES_H
#define OV_HTTPD_LANES_H

#include <sys/socket.h>

#include "httpd/exchange.h"

/* Of one lane: with exactly 128 ready descriptors the library's epoll loop waits before it serves them. */
enum { OV_HTTP_LANE_CONNECTIONS = 120 };

/* OV_FAILED: a thread cannot be started. On failure none is left. */
OV_MUST_CHECK ov_status ov_http_lanes_start(ov_httpd *h, ov_err *err);
void ov_http_lanes_stop(ov_httpd *h);

/* Hands an accepted socket to the emptiest lane; the watching thread alone calls it, and has seen that there is room.
 */
void ov_http_lanes_place(ov_httpd *h, int fd, const struct sockaddr_storage *peer, socklen_t len);

#endif
