/* An HTTP server from one table of routes, on libmicrohttpd; handlers return answers and never touch the library. */
#ifndef OV_HTTPD_HTTPD_H
#define OV_HTTPD_HTTPD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/status.h"
#include "base/str.h"
#include "crypto/secret.h"

enum {
    OV_HTTP_PARAMS = 4,           /* path parameters of a route */
    OV_HTTP_PATH_MAX = 8192,      /* bytes of a path as sent; longer is 414 */
    OV_HTTP_TARGET_MAX = 16384,   /* the path with its query */
    OV_HTTP_DISCARD_MAX = 262144, /* bytes of a body that nobody wants, read to answer on a living connection; a longer
                                     one is answered before its end, and the connection closed */
    OV_HTTP_HEADERS = 6,          /* extra headers of an answer */
    OV_HTTP_CONNECTIONS = 1024,   /* kept open where the options do not say; each takes up to 34 KiB */
    OV_HTTP_SLOW_BYTES = 262144,  /* a second: who reads slower may have to make room for another */
    OV_HTTP_BODY_SECONDS = 30,    /* a request must be whole by then: 408 */
    OV_HTTP_ANSWER_SECONDS = 120  /* an answer must be read by then: closed */
};

typedef struct ov_httpd ov_httpd;
typedef struct ov_http_request ov_http_request; /* valid while its handler runs */

/* The path is split before it is decoded: a parameter may hold any byte, "%2F" too. */
ov_str ov_http_param(const ov_http_request *r, unsigned i);
ov_str ov_http_body(const ov_http_request *r);
ov_str ov_http_header(const ov_http_request *r, const char *name); /* empty when absent */
ov_str ov_http_query(const ov_http_request *r,
                     const char *name);        /* decoded, the first of that name; ptr NULL when absent */
ov_str ov_http_path(const ov_http_request *r); /* as sent, without the query */
bool ov_http_accepts_gzip(const ov_http_request *r);

/* Filled by a handler; zero it first (the server does). Exactly one of body and pieces is used. */
typedef struct {
    unsigned status;          /* 200 when left 0 */
    const char *content_type; /* static; "application/json; charset=utf-8" when NULL */
    ov_buf body;              /* moves to the server */
    const ov_str *pieces; /* sent in order without being joined (one alone from where it lies); the array and what it
                             shows live until release(owner) is called, on any thread */
    size_t piece_count;
    void (*release)(void *owner);
    void *owner;
    struct {
        const char *name; /* static */
        char value[128];
    } headers[OV_HTTP_HEADERS]; /* up to the first NULL name */
    bool gzipped;         /* Content-Encoding: gzip; Vary is always set where a handler asked ov_http_accepts_gzip */
    bool counted_by_path; /* request metric: label by the path as asked (something that exists); else by the route's
                             template */
    struct ov_http_deferred *deferred; /* the answer comes later: nothing else of this struct is used */
} ov_http_answer;

/* {"error":"..."} with the status; replaces what the answer held. */
void ov_http_error(ov_http_answer *a, unsigned status, const char *fmt, ...) OV_PRINTF(3, 4);
void ov_http_set_header(ov_http_answer *a, const char *static_name, const char *fmt, ...) OV_PRINTF(3, 4);

typedef void (*ov_http_handler)(void *ctx, const ov_http_request *r, ov_http_answer *a);

typedef enum { OV_HTTP_OPEN, OV_HTTP_TOKEN /* Authorization: Bearer <token> */ } ov_http_role;

typedef struct {
    const char *method; /* GET (HEAD follows) or POST */
    const char *path;   /* "/api/v1alpha1/agents/:id": a segment that begins with a colon is a parameter */
    ov_http_role role;
    ov_http_handler handler;
    const char *operation;   /* OpenAPI's operationId */
    size_t body_max;         /* bytes; more is 413, 0: no body is read */
    unsigned concurrent_max; /* answers of this route under way at once, 0: no limit; one more closes the one that is
                                read the slowest, below OV_HTTP_SLOW_BYTES; 503 with Retry-After when none is */
    void *ctx;               /* for this handler; NULL: the server's */
} ov_http_route;

/* Called once for each request that was read, just before its answer is sent, on a thread of the server (the watching
 * one for a 408). method is one of the standard ones or "other"; path is the label for the request metric: the path
 * as asked with repeated slashes and dots resolved, the route's template, or "unknown"; micros the time taken by us. */
typedef void (*ov_http_on_done)(void *ctx, const char *method, const char *path, unsigned status, uint64_t micros);

typedef struct {
    const char *address;         /* ":8080", "127.0.0.1:0", "[::1]:80" */
    const ov_http_route *routes; /* static */
    size_t route_count;
    const ov_secret *token;  /* NULL: no route has OV_HTTP_TOKEN */
    void *ctx;               /* for handlers and on_done */
    ov_http_on_done on_done; /* or NULL */
    void (*decorate)(
        void *ctx,
        ov_http_answer *a); /* or NULL: adds headers to every answer (Opvic-State-Age); any thread of the server */
    unsigned threads;       /* at least 2; one more for each 120 connections above 120 x threads */
    unsigned connections;   /* kept open, 16 to 7200; 0: OV_HTTP_CONNECTIONS; fewer where descriptors do not suffice */
    int64_t body_ms, answer_ms; /* 0: OV_HTTP_BODY_SECONDS, OV_HTTP_ANSWER_SECONDS */
} ov_httpd_options;

/* Whether that is an address to listen on, as far as its text tells (ov_setting's check). OV_INVALID: what was
 * expected. */
OV_MUST_CHECK ov_status ov_http_address_check(const char *address, ov_err *err);

/* Listens and serves until closed. OV_INVALID: an address that cannot be read, a route that is not one; OV_FAILED:
 * "listen on :8080: Address already in use". Paths: repeated slashes are collapsed, "." and ".." resolved, a bad escape
 * is 400; of several routes that match the table's first one counts; a trailing slash is 301 to the path without (307
 * for POST); unknown 404 text "404 page not found" (an unknown path needs no token); known path with another method 405
 * with Allow; ambiguous lengths are refused. */
OV_MUST_CHECK ov_status ov_httpd_open(const ov_httpd_options *o, ov_httpd **ret, ov_err *err);
unsigned ov_httpd_port(const ov_httpd *h);
/* Stops accepting, completes deferred answers with 503, lets running answers end for at most drain_ms, joins. No
 * handler runs afterwards; deferred answers may still be completed (that only releases them). */
void ov_httpd_close(ov_httpd *h, int64_t drain_ms);

/* ---- answers that come later ---- */

typedef struct ov_http_deferred ov_http_deferred;
/* Called in a handler before the work starts; set a->deferred to it and return. If nobody completes it by the deadline,
 * it answers timeout_status. The request is no longer valid afterwards: copy what the work needs. */
ov_http_deferred *ov_http_defer(const ov_http_request *r, int64_t deadline_ms, unsigned timeout_status,
                                const char *timeout_text);
/* From any thread, exactly once for each ov_http_defer, also after the deadline or the server's close (then it only
 * releases the memory). Takes what the answer owns. */
void ov_http_complete(ov_http_deferred *d, ov_http_answer *a);

#endif
