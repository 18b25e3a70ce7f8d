/* The listening socket of a server, and a connection to it from the same host. */
#ifndef OV_HTTPD_LISTEN_H
#define OV_HTTPD_LISTEN_H

#include <stdint.h>

#include "base/status.h"

/* ":8080" listens on every address of both families. The caller closes the descriptor. OV_INVALID: not an address;
 * OV_FAILED: taken, not ours, not allowed. */
OV_MUST_CHECK ov_status ov_http_listen(const char *address, int *ret_fd, unsigned *ret_port, ov_err *err);

/* Connects to whoever listens at that address on this host (":8080": over loopback), each address that the name stands
 * for for at most timeout_ms; sends and receives on it time out after as long. The caller closes the descriptor.
 * OV_INVALID: not an address, or port 0; OV_FAILED: nobody answers. */
OV_MUST_CHECK ov_status ov_http_dial(const char *address, int64_t timeout_ms, int *ret_fd, ov_err *err);

#endif
