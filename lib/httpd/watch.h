/* Deadlines of connections: who drips a request, or does not read an answer, is cut off by one watching thread, which
 * also accepts new ones. */
#ifndef OV_HTTPD_WATCH_H
#define OV_HTTPD_WATCH_H

#include "httpd/exchange.h"

/* What a connection's time is for. The word watch holds it in its low bits and the deadline (monotonic ms) above, so
 * that the watcher's claim fails when anything has changed since it looked. */
typedef enum {
    OV_WATCH_NONE,    /* the work is ours: nothing expires */
    OV_WATCH_NEW,     /* nothing was asked yet: 408 */
    OV_WATCH_IDLE,    /* between requests */
    OV_WATCH_READING, /* the request is not whole yet: 408 */
    OV_WATCH_SENDING, /* the answer is not read yet: closed */
    OV_WATCH_EXPIRED  /* the watcher has shut the connection down */
} ov_watch_phase;

enum { OV_WATCH_LOOK_MS = 1000 }; /* at least so often the watcher looks while anybody is connected */

/* Enters a phase with its own time. */
void ov_http_watch_set(ov_http_connection *c, ov_watch_phase phase);
/* SENDING for so long. */
void ov_http_watch_linger(ov_http_connection *c, int64_t after_ms);
/* From NEW or IDLE to READING; nothing when the watcher was faster. */
void ov_http_watch_begin(ov_http_connection *c);
/* Ends the reading phase; false when its deadline won: the connection is shut down already. */
bool ov_http_watch_take(ov_http_connection *c);

/* Since when it has been in its phase; false when that is nobody's fault but ours. *ret_seen is for ov_http_watch_end.
 */
bool ov_http_watch_since(const ov_http_connection *c, uint64_t *ret_seen, int64_t *ret_since_ms, bool *ret_sending);
/* With the lock held: shuts the connection down, a request that is not whole with an answer; false when it has moved
 * on since it was seen. */
typedef enum { OV_WATCH_LATE, OV_WATCH_NO_ROOM } ov_watch_reason;
bool ov_http_watch_end(ov_httpd *h, ov_http_connection *c, uint64_t seen, ov_watch_reason why);

void ov_http_watch_start(ov_httpd *h);
void ov_http_watch_stop(ov_httpd *h);
/* The watcher looks at once. */
void ov_http_watch_wake(ov_httpd *h);
/* With the lock held: the watcher must look by then. */
void ov_http_watch_by(ov_httpd *h, int64_t deadline_ms);

/* ---- connection.c ---- */

/* The library's callback for connections: makes, lists, unlists and frees them. */
void ov_http_on_connection(void *lane, struct MHD_Connection *mhd, void **context,
                           enum MHD_ConnectionNotificationCode what);

#endif
