/* A connection, the request on it and the server of both: what the files of this folder share. */
#ifndef OV_HTTPD_EXCHANGE_H
#define OV_HTTPD_EXCHANGE_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "httpd/compat.h"
#include "httpd/httpd.h"
#include "httpd/path.h"
#include "httpd/route.h"

/* What the headers of a request say about it; pointers live as long as the request. */
typedef struct {
    ov_str authorization, accept_encoding, expect, content_length, transfer_encoding; /* the first of each, trimmed */
    unsigned lengths, encodings, hosts;
    uint64_t length; /* of the body, 0 when absent or chunked */
} ov_http_facts;

typedef enum {
    OV_HTTP_AT_HEADERS,
    OV_HTTP_AT_BODY,
    OV_HTTP_AT_DEFERRED, /* suspended, or resumed with the answer in deferred */
    OV_HTTP_AT_END       /* an answer is queued */
} ov_http_stage;

/* Used by one thread alone: the lane that its connection is on. */
struct ov_http_request {
    struct ov_http_connection *connection;
    ov_http_stage stage;
    const char *method; /* one of the standard ones, or "other" */
    ov_http_facts facts;
    ov_http_target target;
    ov_http_route_entry *route; /* NULL: none of that path */
    ov_str params[OV_HTTP_PARAMS];
    ov_buf body;
    uint64_t discarded;
    ov_http_answer refusal; /* when refused is set */
    unsigned target_status; /* 0, or what refuses the target */
    bool told;              /* the refusal, in the middle of the body */
    bool refused, close_after, asked_gzip, counted, active;
    ov_http_deferred *deferred; /* holds one reference */
    int64_t began_ns;
};

enum { OV_HTTP_LANES_MAX = 64 };

/* A thread of the library and how many connections it serves; see lanes.h. */
typedef struct {
    ov_httpd *server;
    struct MHD_Daemon *daemon;
    atomic_uint connections;
} ov_http_lane;

/* Lives from accept to close; the library's socket context. */
typedef struct ov_http_connection {
    ov_httpd *server;
    ov_http_lane *lane;
    struct MHD_Connection *mhd;
    int fd;
    uint64_t peer;                          /* the client's address, see room.h */
    _Atomic uint64_t watch;                 /* see watch.h */
    struct ov_http_connection *prev, *next; /* guarded by the server's lock, as is what follows */
    bool leaving;                           /* shut down, not closed yet */
    bool has_turn;                          /* it stands among the readers of its request's route */
    struct ov_http_connection *turn_prev, *turn_next;

    uint64_t acknowledged; /* by the peer, when the answer under way began */
    ov_http_request request;
} ov_http_connection;

struct ov_httpd {
    ov_httpd_options options;
    ov_http_route_table routes;
    unsigned port;
    atomic_bool closing;          /* every answer says Connection: close */
    atomic_uint active;           /* requests between their first line and their end */
    atomic_uint connection_count; /* those on their way to their lane included */
    pthread_mutex_t lock;         /* guards the two lists, their members' links, and what follows */
    pthread_cond_t idle;          /* for the closing thread */
    ov_http_connection *connections;
    unsigned leaving;                  /* of them */
    struct ov_http_deferred *deferred; /* not yet completed */
    int64_t planned_ms;                /* when the watching thread looks next */
    bool stop_watch;

    pthread_t watcher;
    int wake_fd;             /* an eventfd that wakes it */
    atomic_bool waits_space; /* it accepts nobody until a connection is closed */

    /* the watcher's own, once it runs */
    int listen_fd;
    int64_t accept_after_ms; /* out of descriptors: not before */
    int64_t room_after_ms;   /* nobody could be sent away: not before */
    ov_http_lane lanes[OV_HTTP_LANES_MAX];
    unsigned lane_count;
};

/* ---- exchange.c: the library's callbacks for one request ---- */
void *ov_http_on_request_line(void *server, const char *uri, struct MHD_Connection *mhd);
enum MHD_Result ov_http_on_access(void *server, struct MHD_Connection *mhd, const char *url, const char *method,
                                  const char *version, const char *data, size_t *size, void **request);
void ov_http_on_completed(void *server, struct MHD_Connection *mhd, void **request,
                          enum MHD_RequestTerminationCode why);

/* ---- judge.c: what is wrong with a request, told by its headers ---- */
void ov_http_judge(ov_http_request *r, const char *version);
/* Marks the request as refused with {"error": text}. */
void ov_http_refuse(ov_http_request *r, unsigned status, const char *text);

/* ---- facts.c ---- */
void ov_http_facts_read(struct MHD_Connection *mhd, ov_http_facts *ret);
bool ov_http_has_body(const ov_http_facts *f);

/* ---- answer.c ---- */
void ov_http_answer_clear(ov_http_answer *a);
/* Tells on_done. */
void ov_http_done(ov_http_request *r, const ov_http_answer *a);
/* Queues the answer and takes what it owns. */
enum MHD_Result ov_http_send(ov_http_request *r, ov_http_answer *a);

/* ---- deferred.c ---- */
/* Moves the completed answer out and drops the request's reference. */
void ov_http_deferred_take(ov_http_request *r, ov_http_answer *ret);
void ov_http_deferred_unref(ov_http_deferred *d);
/* With the lock held: completes those whose deadline has passed (all with 503 when closing); the next deadline, or
 * INT64_MAX. */
int64_t ov_http_deferred_expire(ov_httpd *h, int64_t now_ms);

#endif
