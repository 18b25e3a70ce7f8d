/* The listening socket of a server. */
#ifndef OV_HTTPD_LISTEN_H
#define OV_HTTPD_LISTEN_H

#include "base/status.h"

/* ":8080" listens on every address of both families. The caller closes the descriptor. OV_INVALID: not an address;
 * OV_FAILED: taken, not ours, not allowed. */
OV_MUST_CHECK ov_status ov_http_listen(const char *address, int *ret_fd, unsigned *ret_port, ov_err *err);

#endif
