/* A look's place among those at the same host: taken before its first request, kept to its end. */
#ifndef OPVIC_FETCHER_LOOK_HOST_H
#define OPVIC_FETCHER_LOOK_HOST_H

#include "services/fetcher/look.h"

/* url: the first that is asked. false: no place now; r is the outcome that says so, and when to come back. A look that
 * goes on at another host keeps its place at this one. */
bool look_enter_host(const look_options *o, const char *url, int64_t now_s, look_result *r, hosts_ticket *ret);
/* What the look's result tells of the host is noted. */
void look_leave_host(const look_options *o, const hosts_ticket *t, const look_result *r);

#endif
