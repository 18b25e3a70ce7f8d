/* Room: how many connections a server holds, and who leaves when there are more. */
#ifndef OV_HTTPD_ROOM_H
#define OV_HTTPD_ROOM_H

#include <sys/socket.h>

#include "httpd/exchange.h"

enum {
    OV_HTTP_CONNECTIONS_MAX = 7200, /* with the space above it what all lanes can take */
    OV_HTTP_TURN_MS = 250           /* nobody is sent away before it had so long */
};

/* As many as wanted, as lanes can take, and as there are descriptors for: the process's soft limit of them is raised as
 * far as needed and allowed. */
unsigned ov_http_room_for(unsigned wanted);
/* The most at a time: the space above what is kept is for those who come while others are sent away. */
unsigned ov_http_room_most(const ov_httpd *h);

/* What addresses are told apart by: all of an IPv4 address, of an IPv6 address the network (its first 64 bits). */
uint64_t ov_http_peer(const struct sockaddr *address);

/* With the lock held: when there are more than are kept, sends the ones away that wait longest: first those of
 * addresses that hold more than their share. Who is being answered by a handler stays. */
void ov_http_room_make(ov_httpd *h, int64_t now_ms);

#endif
