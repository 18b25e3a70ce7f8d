/* Deadlines of connections: who drips a request, or does not read an answer, is cut off by one watching thread. */
#ifndef OV_HTTPD_WATCH_H
#define OV_HTTPD_WATCH_H

#include "httpd/exchange.h"

/* What a connection's time is for. The word watch holds it in its low bits and the deadline (monotonic ms) above, so
 * that the watcher's claim fails when anything has changed since it looked. */
typedef enum {
    OV_WATCH_NONE,    /* the work is ours: nothing expires */
    OV_WATCH_IDLE,    /* between requests */
    OV_WATCH_READING, /* the request is not whole yet: 408 */
    OV_WATCH_SENDING, /* the answer is not read yet: closed */
    OV_WATCH_EXPIRED  /* the watcher has shut the connection down */
} ov_watch_phase;

void ov_http_watch_set(ov_http_connection *c, ov_watch_phase phase, int64_t after_ms);
/* Ends the reading phase; false when its deadline won: the connection is shut down already. */
bool ov_http_watch_take(ov_http_connection *c);

/* The library's callback for connections: makes, lists, unlists and frees them. */
void ov_http_on_connection(void *server, struct MHD_Connection *mhd, void **context,
                           enum MHD_ConnectionNotificationCode what);

void ov_http_watch_start(ov_httpd *h);
void ov_http_watch_stop(ov_httpd *h);
/* With the lock held: the watcher must look by then. */
void ov_http_watch_by(ov_httpd *h, int64_t deadline_ms);

#endif
