/* NATS as Opvic uses it: one connection that never gives up, stored publishes, snapshot readers, job pulls, requests.
 * Nothing of nats.c leaves this folder. */
#ifndef OV_BUS_BUS_H
#define OV_BUS_BUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/status.h"
#include "base/str.h"
#include "crypto/secret.h"

typedef struct ov_bus ov_bus;

typedef struct {
    const char *url;                                        /* comma list of nats:// or tls:// */
    const char *name;                                       /* the connection's name on the server */
    const char *credentials_file;                           /* or NULL */
    const char *user;                                       /* or NULL */
    const ov_secret *password;                              /* or NULL */
    const char *tls_ca_file, *tls_cert_file, *tls_key_file; /* or NULL */
    const char *inbox_prefix;                               /* or NULL for _INBOX */
} ov_bus_options;

/* Threads: nats.c delivers messages and answers on one thread; a worker of the bus connects, reconnects, times stores
 * out and (re)creates readers; a thread of nats.c tells refusals. "The library's thread" below is any of these three: a
 * callback only hands over, and may wait for room in an inbox. An owner that such an inbox feeds must not wait for an
 * asynchronous store itself: it keeps below OV_BUS_IN_FLIGHT (ov_bus_in_flight). ov_bus_store_wait, ov_bus_request and
 * ov_bus_ack may be called by an owner at any time: their answers come by a way of their own. */

/* Connection changes and asynchronous refusals; called on the library's thread: must only hand over. */
typedef enum {
    OV_BUS_UP,
    OV_BUS_DOWN,
    OV_BUS_REFUSED,      /* the user may not come in */
    OV_BUS_DENIED,       /* a right is missing: text says which */
    OV_BUS_DENIED_AGAIN, /* one that is known to be missing */
    OV_BUS_ALLOWED       /* it was tried again and not refused, or is not tried any more */
} ov_bus_change;
typedef void (*ov_bus_on_change)(void *arg, ov_bus_change change, const char *text);

/* Whether a bus can be opened with these, without connecting. OV_INVALID: "<option>: "<value>": expected ...", where
 * <option> is the member's name with dashes ("tls-ca-file"). */
OV_MUST_CHECK ov_status ov_bus_check(const ov_bus_options *o, ov_err *err);

/* Starts connecting and returns at once: a server that is away is waited for, for ever (wait 250 ms to 5 s, jittered).
 * OV_INVALID: as ov_bus_check, behind "bus: ". OV_BUS_UP arrives when connected. */
OV_MUST_CHECK ov_status ov_bus_open(const ov_bus_options *o, ov_bus_on_change on_change, void *arg, ov_bus **ret,
                                    ov_err *err);
/* Completes what is in flight (at most drain_ms), closes, joins. Before it: inboxes that callbacks put into are stopped
 * (a callback that waits for room would be waited for), pullers are closed, other threads have left. */
void ov_bus_close(ov_bus *bus, int64_t drain_ms);
bool ov_bus_is_up(const ov_bus *bus);
/* Largest payload that the connected server takes, bytes (1 MiB until the first connection). */
int64_t ov_bus_max_payload(const ov_bus *bus);
/* The rights that are missing now: how many, and the one at a place: 'publish to "x" as user "u"'. Subscriptions are
 * tried again by themselves, publishes when somebody publishes. false: there are not so many. Any thread. */
enum { OV_BUS_DENIAL_TEXT = 320 };
size_t ov_bus_denial_count(const ov_bus *bus);
bool ov_bus_denial_at(const ov_bus *bus, size_t at, char out[OV_BUS_DENIAL_TEXT]);
/* The connected server's version ("2.10.27"), "" when none. */
void ov_bus_server_version(const ov_bus *bus, char out[32]);

/* ---- messages ---- */

typedef struct {
    const char *name, *value; /* terminated */
} ov_bus_header;

/* What to publish. Everything is copied (or sent) before the call returns. */
typedef struct {
    const char *subject; /* terminated */
    ov_str data;
    ov_bus_header headers[8];        /* up to the first NULL name */
    const char *msg_id;              /* or NULL: for the server's duplicate window */
    int64_t expect_last_seq;         /* of the stream; < 0: not checked */
    int64_t expect_last_subject_seq; /* of the subject; < 0: not checked */
} ov_bus_out;
#define OV_BUS_OUT(subj, bytes) \
    ((ov_bus_out){.subject = (subj), .data = (bytes), .expect_last_seq = -1, .expect_last_subject_seq = -1})

/* A received message. The receiver frees it; its views live as long. */
typedef struct ov_bus_in ov_bus_in;
void ov_bus_in_free(ov_bus_in *m);
void ov_bus_in_free_p(ov_bus_in **m);
ov_str ov_bus_in_subject(const ov_bus_in *m);
ov_str ov_bus_in_data(const ov_bus_in *m);
ov_str ov_bus_in_header(const ov_bus_in *m, const char *name); /* empty when absent */
uint64_t ov_bus_in_seq(const ov_bus_in *m);                    /* in its stream; 0 for core messages */
ov_wall ov_bus_in_stored_at(const ov_bus_in *m);               /* the server's timestamp */
uint64_t ov_bus_in_deliveries(const ov_bus_in *m);             /* 1 at the first (pulled messages) */

/* ---- publishing ---- */

/* At most once, for hints (asks). OV_RETRY while not connected; OV_FAILED: the right is missing, told from the second
 * time on, when the server has refused it within the last OV_BUS_DENIED_RETRY_MS. */
OV_MUST_CHECK ov_status ov_bus_publish(ov_bus *bus, const ov_bus_out *m, ov_err *err);

typedef struct {
    ov_status status; /* OV_OK: stored. OV_RETRY: no answer in time, not connected, no stream or no leader: may or may
                         not be stored. OV_INVALID: refused for good (too large). OV_FAILED: not stored: the expected
                         sequence was not the last (wrong_sequence), the stream or the server has no room (full), or a
                         right is missing */
    bool wrong_sequence, full, duplicate;
    uint64_t seq;
    char text[160]; /* why, when not OV_OK */
} ov_bus_stored;

/* Called exactly once for each accepted ov_bus_store, on the library's thread: must only hand over. */
typedef void (*ov_bus_on_stored)(void *arg, const ov_bus_stored *result);

/* Publishes to JetStream; the callback tells when it is stored, at most timeout_ms later. Pipelined: messages of one
 * thread keep their order. Blocks while more than OV_BUS_IN_FLIGHT are unanswered. OV_RETRY (no callback follows) while
 * not connected; OV_INVALID (no callback) when data is above the server's max_payload. */
enum { OV_BUS_IN_FLIGHT = 4096 };
OV_MUST_CHECK ov_status ov_bus_store(ov_bus *bus, const ov_bus_out *m, int64_t timeout_ms, ov_bus_on_stored done,
                                     void *arg, ov_err *err);
/* The same, waiting for the answer; not from the library's thread. What the server answered is in *ret (also a
 * refusal, and a right that is missing), then this is OV_OK; otherwise OV_RETRY (not connected) or OV_INVALID. */
OV_MUST_CHECK ov_status ov_bus_store_wait(ov_bus *bus, const ov_bus_out *m, int64_t timeout_ms, ov_bus_stored *ret,
                                          ov_err *err);

/* How many stores are unanswered now: below OV_BUS_IN_FLIGHT the only thread that stores does not wait. */
size_t ov_bus_in_flight(const ov_bus *bus);

/* ---- requests ---- */

/* A request with one answer (the JetStream API, for example). OV_RETRY: no answer, not connected or no responder;
 * OV_FAILED, as soon as the server says so: a right is missing (within OV_BUS_DENIED_RETRY_MS it is not asked for
 * again). *ret is the caller's. */
enum { OV_BUS_DENIED_RETRY_MS = 5000 };
OV_MUST_CHECK ov_status ov_bus_request(ov_bus *bus, const char *subject, ov_str data, int64_t timeout_ms,
                                       ov_bus_in **ret, ov_err *err);

/* Core subscription (asks). Messages arrive on the library's thread; the callback owns each one. Lives as long as the
 * bus; is in force before OV_BUS_UP, or shortly after this call when connected already; one that the server refuses is
 * tried again every OV_BUS_DENIED_RETRY_MS. */
typedef void (*ov_bus_on_message)(void *arg, ov_bus_in *m);
OV_MUST_CHECK ov_status ov_bus_subscribe(ov_bus *bus, const char *subject, ov_bus_on_message cb, void *arg,
                                         ov_err *err);

/* ---- reading a stream: snapshot, then live ---- */

/* Feeds its owner everything that a stream holds under some subjects, then what arrives, in order, acknowledging
 * nothing. Every reset, whatever its cause (reconnect, gap, lost consumer, stream recreated), is a new SNAPSHOT: the
 * owner marks, takes in everything again, and at READY sweeps what it was not given. Parts of one reader arrive one at
 * a time and in order (SNAPSHOT on the bus's worker, the others on the delivery thread or, for an empty stream, the
 * worker); blocking in the callback is flow control. Deletions tell nobody: what a purge or an age limit took away
 * shows at the next SNAPSHOT. Rights that a reader needs: publish to $JS.API.STREAM.INFO.<stream>,
 * $JS.API.CONSUMER.CREATE.<stream> and $JS.FC.<stream>.>, subscribe to the inbox prefix. */
typedef enum {
    OV_READ_SNAPSHOT, /* a snapshot begins; stream_created and last_seq tell whether the stream is the one known before
                       */
    OV_READ_MESSAGE,  /* message is the receiver's */
    OV_READ_READY     /* all that the stream held when the snapshot began was given */
} ov_bus_read_kind;

typedef struct {
    ov_bus_read_kind kind;
    ov_bus_in *message;     /* MESSAGE */
    ov_wall stream_created; /* SNAPSHOT */
    uint64_t last_seq;      /* SNAPSHOT and READY: of the stream when the snapshot began */
    ov_mono heard;          /* SNAPSHOT: as ov_bus_reader_heard before it */
} ov_bus_read;

typedef struct ov_bus_reader ov_bus_reader;
typedef void (*ov_bus_on_read)(void *arg, const ov_bus_read *event);

/* Starts at once or when the connection and the stream are there; never gives up; waiting_for gives what it waits for.
 * filters: NULL-terminated subjects; more than one is filtered here by prefix when the server cannot. */
OV_MUST_CHECK ov_status ov_bus_reader_open(ov_bus *bus, const char *stream, const char *const *filters,
                                           ov_bus_on_read cb, void *arg, ov_bus_reader **ret, ov_err *err);
/* No callback comes after it returns; waits for one that is under way. */
void ov_bus_reader_close(ov_bus_reader *r);
/* When the server last gave it anything, be it a sign of life: while all is well never longer ago than
 * OV_BUS_READER_QUIET_MS. 0: never. Any thread. */
enum { OV_BUS_READER_QUIET_MS = 5000 }; /* two signs of life may be late */
ov_mono ov_bus_reader_heard(const ov_bus_reader *r);
/* "stream OPVIC_REPORTS" while it waits, "" once it reads. */
void ov_bus_reader_waiting_for(ov_bus_reader *r, char out[128]);

/* ---- pulling jobs ---- */

typedef struct ov_bus_puller ov_bus_puller;
/* Durable consumer on a work queue, made when missing by whoever comes first; used by one thread. */
OV_MUST_CHECK ov_status ov_bus_puller_open(ov_bus *bus, const char *stream, const char *durable, const char *filter,
                                           int64_t ack_wait_ms, ov_bus_puller **ret, ov_err *err);
void ov_bus_puller_close(ov_bus_puller *p);
/* The next message, the caller's; OV_NOT_FOUND when none came within wait_ms, OV_RETRY while the bus or the stream is
 * away. */
OV_MUST_CHECK ov_status ov_bus_pull(ov_bus_puller *p, int64_t wait_ms, ov_bus_in **ret, ov_err *err);
/* Acknowledged and confirmed by the server. */
OV_MUST_CHECK ov_status ov_bus_ack(ov_bus_in *m, ov_err *err);
void ov_bus_nak(ov_bus_in *m, int64_t delay_ms);
void ov_bus_in_progress(ov_bus_in *m);

#endif
