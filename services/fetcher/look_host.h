/* A look's place among those at the same host: taken before its first request, kept to its end. */
#ifndef OPVIC_FETCHER_LOOK_HOST_H
#define OPVIC_FETCHER_LOOK_HOST_H

#include "services/fetcher/look.h"

/* url: the first that is asked. false: no place now; r is the outcome that says so, and when to come back. A redirect
 * to another host keeps the place at this one. */
bool look_enter_host(const look_options *o, const char *url, int64_t now_s, look_result *r, hosts_ticket *ret);
/* Where a look that begins anew goes on at another host, its place at the one is given up for one at the other; false
 * as above. */
bool look_change_host(const look_options *o, const char *url, int64_t now_s, look_result *r, hosts_ticket *t);
/* What the look's result tells of the host is noted; nothing without a place. */
void look_leave_host(const look_options *o, const hosts_ticket *t, const look_result *r);

#endif
