/* Turns: how many answers of a route are under way at once, and who makes room for the next. */
#ifndef OV_HTTPD_TURN_H
#define OV_HTTPD_TURN_H

#include "httpd/exchange.h"

/* Counts the answer against its route's limit; false when the route is full of readers of whom none is slow. The
 * slowest one is closed otherwise. */
bool ov_http_turn_take(ov_http_request *r);
/* Before the answer is sent: its speed counts from here. */
void ov_http_turn_begin(ov_http_request *r);
void ov_http_turn_leave(ov_http_request *r);

#endif
