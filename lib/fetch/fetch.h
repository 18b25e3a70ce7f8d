/* An HTTP client that is bounded in every direction and asks no address that it may not: libcurl behind limits. */
#ifndef OV_FETCH_FETCH_H
#define OV_FETCH_FETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/status.h"
#include "base/str.h"
#include "crypto/secret.h"

enum {
    OV_FETCH_HEADERS = 12,
    OV_FETCH_VALUE_MAX = 1024,
    OV_FETCH_LINK_MAX = 4096,
    OV_FETCH_CHALLENGE_MAX = 2048,
    OV_FETCH_CIDRS_MAX = 64
};

/* Why a request gave no answer, as far as the transport knows. */
typedef enum {
    OV_FETCH_OK,          /* there is an HTTP status */
    OV_FETCH_UNREACHABLE, /* name, connection or transfer broke (a short body too) */
    OV_FETCH_TIMEOUT,
    OV_FETCH_TLS,
    OV_FETCH_TOO_LARGE,
    OV_FETCH_REFUSED_TARGET,
    OV_FETCH_UNSUPPORTED, /* not http or https, a malformed URL */
    OV_FETCH_REDIRECTS,   /* too many, or one to another kind of target */
    OV_FETCH_STOPPED      /* the receiver of the body or the caller's stop flag ended it */
} ov_fetch_failure;
const char *ov_fetch_failure_name(ov_fetch_failure f);

/* Which targets may be asked: private, loopback, link-local, multicast, metadata and IPv4-in-IPv6 forms of them are
 * refused after name resolution, at connect (the address that is connected to is the one that was checked), unless a
 * CIDR allows them. Behind a proxy only addresses that stand in the URL itself can be judged; the proxy's own address
 * is the operator's choice. */
typedef struct {
    struct {
        unsigned char address[16]; /* IPv4 as ::ffff:a.b.c.d */
        unsigned bits;             /* 0..128 */
    } allowed[OV_FETCH_CIDRS_MAX];
    size_t allowed_count;
    const char *setting; /* named in the error ("--fetch.allow-cidrs") */
    bool allow_all;      /* the operator's own control plane, for example */
} ov_fetch_policy;
/* "10.0.0.0/8,fd00::/8"; OV_INVALID names the entry. */
OV_MUST_CHECK ov_status ov_fetch_policy_parse(ov_str cidrs, ov_fetch_policy *ret, ov_err *err);
/* address: 4 or 16 bytes. */
bool ov_fetch_policy_allows(const ov_fetch_policy *p, const unsigned char *address, size_t len);

/* Whom a server's https is trusted by and who we are to it. For the URL's own origin alone: never across a redirect to
 * another. Pairs of cert and key count, one alone does not. */
typedef struct {
    ov_str ca;               /* PEM, one or more; empty: the client's ca_file or the system's */
    ov_str cert, key;        /* PEM, with the chain behind cert; empty: none */
    const char *server_name; /* that the certificate must have, and that is asked for; NULL: the URL's host */
    bool insecure;           /* nothing is verified */
} ov_fetch_tls;

typedef struct {
    const char *url;
    const char *method; /* NULL: GET */
    ov_str body;        /* for POST; sent with content_type */
    const char *content_type;
    struct {
        const char *name, *value;
    } headers[OV_FETCH_HEADERS]; /* up to the first NULL name */
    const ov_secret
        *bearer; /* Authorization: Bearer, for the URL's own host alone, never across a redirect to another */
    const ov_fetch_tls
        *tls;          /* NULL: the client's ca_file or the system's; ca and insecure count for an https proxy too */
    const char *proxy; /* "http://h:3128", "https://...", "socks5h://..."; NULL: as the environment says; "": none */
    uint64_t wire_max, body_max;           /* bytes before and after decompression; 0: no limit (a watch) */
    int64_t connect_ms, total_ms, idle_ms; /* idle: without progress once connected; 0: 10 s, no limit, no limit */
    bool fresh;                            /* over no connection that was there before */
    bool http1; /* no HTTP/2: a connection that fell silent goes with its request, and takes no other along */
    unsigned redirects_max; /* 0: a redirect is the answer; else followed, each hop checked, https never to http */
    const ov_fetch_policy
        *policy;               /* NULL: nothing that is refused by default; the same for all requests of one client */
    const volatile bool *stop; /* or NULL: polled (set it with __atomic_store_n); true ends the transfer */
    /* Once, before the body of the final answer, with its status; or NULL. */
    void (*on_head)(void *arg, unsigned status);
    /* The body as it arrives (decompressed), for every status but a followed redirect's; false ends it. */
    bool (*on_body)(void *arg, ov_str piece);
    void *arg;
    void (*alive)(void *arg); /* or NULL: called at least each second while the blocking client waits */
    void *alive_arg;
} ov_fetch_request;

typedef struct {
    ov_fetch_failure failure;
    unsigned status; /* HTTP, when failure is OV_FETCH_OK */
    char text[256];  /* what went wrong, for people */
    char etag[OV_FETCH_VALUE_MAX], last_modified[OV_FETCH_VALUE_MAX], content_type[OV_FETCH_VALUE_MAX];
    /* Lines joined by ", ", as far as whole ones fit. */
    char link[OV_FETCH_LINK_MAX], www_authenticate[OV_FETCH_CHALLENGE_MAX];
    char retry_after[64], date[64];
    char total[32]; /* X-Total or X-Total-Count: of all pages */
    /* As X-RateLimit-... or RateLimit-... (one name's wherever it came last). */
    char ratelimit_remaining[32], ratelimit_limit[32], ratelimit_reset[32], ratelimit_resource[64];
    char final_url[2048];
    char shown_url[200]; /* for people: no user, no query, cut */
    uint64_t wire_bytes, body_bytes;
    int64_t took_ms;
    bool unframed; /* neither a length nor chunks mark the body's end: a short one cannot be told from a whole one */
} ov_fetch_result;

/* One connection cache and DNS cache; used by one thread. */
typedef struct ov_fetch ov_fetch;
/* user_agent is required by some upstreams; ca_file NULL: the system's. Proxies come from the environment as curl reads
 * it. */
OV_MUST_CHECK ov_status ov_fetch_new(const char *user_agent, const char *ca_file, ov_fetch **ret, ov_err *err);
void ov_fetch_free(ov_fetch *f);
/* Blocks until the answer is whole or failed; *ret is always filled. */
void ov_fetch_run(ov_fetch *f, const ov_fetch_request *q, ov_fetch_result *ret);

/* What a request points to lives until its end. With redirects_max 0 its url, headers, bearer, tls and proxy are read
 * at the start alone, and may be gone or replaced afterwards. */

/* The same with the body pulled (on_body is not used), for a parser that reads. ov_fetch_open returns when the final
 * answer's head is there or it failed; what q points to lives until ov_fetch_close. */
typedef struct ov_fetch_stream ov_fetch_stream;
void ov_fetch_open(ov_fetch *f, const ov_fetch_request *q, ov_fetch_stream **ret);
/* Status, headers and failure so far; the body's figures are final only after ov_fetch_close. Valid until then. */
const ov_fetch_result *ov_fetch_head(const ov_fetch_stream *s);
/* Up to max bytes of the body; 0 once the whole body was given; -1 when it failed (ov_fetch_close tells why). */
int64_t ov_fetch_read(ov_fetch_stream *s, char *out, size_t max);
/* Ends and frees it; OV_FETCH_STOPPED when the body was not read to its end. ret may be NULL. */
void ov_fetch_close(ov_fetch_stream *s, ov_fetch_result *ret);

/* Collects a body: on_body for a small answer; arg is an ov_buf with its maximum. */
bool ov_fetch_into_buf(void *buf, ov_str piece);

/* The rel="next" target of a Link header (RFC 8288), resolved against base; false when there is none. */
bool ov_fetch_link_next(ov_str link, ov_str base, char *out, size_t size);
/* Same scheme, host and port; false when either is not an http or https URL. */
bool ov_fetch_same_origin(const char *a, const char *b);
/* Retry-After: seconds or an HTTP date, as seconds from now; -1 when it is neither. */
int64_t ov_fetch_retry_after_s(ov_str value, int64_t now_unix_s);
/* An HTTP date as Unix seconds; -1 when it is none. */
int64_t ov_fetch_date_s(ov_str value);

/* ---- many at once, for a loop that must not block ---- */

typedef struct ov_fetch_loop ov_fetch_loop;
OV_MUST_CHECK ov_status ov_fetch_loop_new(const char *user_agent, const char *ca_file, ov_fetch_loop **ret,
                                          ov_err *err);
void ov_fetch_loop_free(ov_fetch_loop *l); /* ends what runs without calling done */
/* What q points to must live until done is called (in ov_fetch_loop_wait, on the loop's thread), but see above for a
 * request without redirects. */
OV_MUST_CHECK ov_status ov_fetch_loop_start(ov_fetch_loop *l, const ov_fetch_request *q,
                                            void (*done)(void *arg, const ov_fetch_result *result), void *arg,
                                            ov_err *err);
/* Ends the requests that were started with arg, without calling done; not from on_head or on_body. */
void ov_fetch_loop_cancel(ov_fetch_loop *l, const void *arg);
/* Works and sleeps until something finished or arrived, somebody called wake, or timeout_ms passed. */
void ov_fetch_loop_wait(ov_fetch_loop *l, int64_t timeout_ms);
void ov_fetch_loop_wake(ov_fetch_loop *l); /* from any thread */

#endif
