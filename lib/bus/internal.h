/* What the files of this folder share: the bus, its link to a server, the slots of stores that wait for their answer.
 */
#ifndef OV_BUS_INTERNAL_H
#define OV_BUS_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/backoff.h"
#include "base/mem.h"
#include "bus/bus.h"
#include "bus/compat.h"
#include "bus/wire.h"

enum {
    OV_BUS_CONNECT_MS = 3000,    /* for one server of the list, to connect */
    OV_BUS_WAIT_MIN_MS = 250,    /* between two tries to connect: at least, */
    OV_BUS_WAIT_MAX_MS = 5000,   /* at most */
    OV_BUS_PING_MS = 10000,      /* between two pings */
    OV_BUS_GONE_MS = 25000,      /* a server that leaves two pings unanswered, and says nothing else, is gone */
    OV_BUS_WRITE_MS = 10000,     /* a write that takes longer means a server that is gone */
    OV_BUS_LAST_WRITE_MS = 500,  /* for what was published before a close */
    OV_BUS_API_MS = 5000,        /* for an answer of the JetStream API */
    OV_BUS_READER_API_MS = 2000, /* the same on the worker, which others wait for */
    OV_BUS_HEARTBEAT_MS = 2000,  /* of a reader's consumer */
    OV_BUS_SILENCE_MS = 10000,   /* a reader without even a heartbeat for so long is lost */
    OV_BUS_SUBJECT_MAX = 1024,
    OV_BUS_PREFIX_MAX = 240, /* bytes of an inbox prefix */
    OV_BUS_INBOX_MAX = 384,  /* bytes of a reply subject */
    OV_BUS_SERVERS_MAX = 32,
    OV_BUS_DENIALS = 64 /* rights that are missing, remembered */
};

/* One connection to one server. nats.c never reconnects: a link that ended is replaced, and with it every subscription.
 * A message that was not sent on a link is therefore never sent later behind its publisher's back. */
typedef struct ov_bus_link {
    struct ov_bus_link *next; /* among the buried */
    ov_bus *bus;
    natsConnection *nc;
    ov_bus_wire wire;
    natsSubscription *answers; /* of stores */
    uint64_t epoch;
    size_t users; /* calls into nc under way, and subscriptions whose last callback has not returned */
    bool closed;  /* nats.c said so; nothing of it is called back any more */
    bool broken;  /* a write failed: what follows on the wire cannot be trusted */
    int64_t max_payload;
    char server_version[32];
} ov_bus_link;

typedef struct {
    ov_bus_on_stored done; /* NULL: free */
    void *arg;
    int64_t deadline_ms;
    uint64_t subject_hash;
    uint32_t generation; /* tells a late answer from that of the slot's present store */
} ov_bus_slot;

/* A core subscription, made anew on every link. */
typedef struct ov_bus_listener {
    struct ov_bus_listener *next;
    ov_bus *bus;
    char *subject;
    ov_bus_on_message cb;
    void *arg;
    natsSubscription *sub; /* the worker's */
    uint64_t epoch;        /* of the link that sub is on; the worker's */
} ov_bus_listener;

typedef enum { OV_BUS_PUBLISH, OV_BUS_SUBSCRIBE } ov_bus_right;
typedef struct {
    ov_bus_right right;
    bool is_family; /* all subjects that begin so */
    uint64_t subject_hash;
    char subject[201]; /* as shown */
    int64_t at_ms;     /* when it was last refused */
    int64_t tried_ms;  /* when it was first tried since then; 0: not yet */
} ov_bus_denial;

struct ov_bus {
    /* fixed once open */
    char *servers[OV_BUS_SERVERS_MAX];
    int server_count;
    bool tls;
    char *name, *credentials_file, *user, *password, *tls_ca_file, *tls_cert_file, *tls_key_file, *inbox_prefix;
    char *shown;       /* the servers without user and password, for messages */
    char inbox[288];   /* below it stand all reply subjects of this bus */
    char answers[264]; /* what a right to subscribe to them is called */
    ov_bus_on_change on_change;
    void *arg;
    pthread_t worker;

    atomic_bool up;
    atomic_size_t in_flight; /* stores; written with the lock */
    pthread_mutex_t mu;      /* guards all that follows */
    pthread_cond_t kick;     /* the worker has something to do */
    pthread_cond_t moved;    /* up or down, room for a store, nothing in flight, closing */
    bool kicked, closing, finish;
    ov_bus_link *link, *buried;
    uint64_t epochs;
    int64_t max_payload;
    ov_bus_slot slots[OV_BUS_IN_FLIGHT];
    uint16_t free_slots[OV_BUS_IN_FLIGHT];
    size_t free_count;
    int64_t next_expiry_ms; /* no slot's deadline is before it; INT64_MAX: none */
    ov_bus_denial denials[OV_BUS_DENIALS];
    atomic_size_t denial_count; /* written with the lock */
    ov_bus_listener *listeners;
    ov_bus_reader *readers;
    unsigned readers_made;
    atomic_uint pullers_made, requests_made;

    /* the worker's own */
    ov_backoff backoff;
    int64_t next_connect_ms;
    char last_reason[160];
};

/* ---- link.c: one connection ---- */

/* Options of nats.c from those of the bus; the caller destroys them. OV_INVALID names the file or value. */
OV_MUST_CHECK ov_status ov_bus_nats_options(ov_bus *bus, natsOptions **ret, ov_err *err);
/* Connects; blocks up to OV_BUS_CONNECT_MS a server. OV_RETRY, or OV_FAILED when the server refuses the credentials. */
OV_MUST_CHECK ov_status ov_bus_link_connect(ov_bus *bus, ov_bus_link **ret, ov_err *err);
/* The present link, for one call into it; NULL while there is none. */
ov_bus_link *ov_bus_link_use(ov_bus *bus);
void ov_bus_link_release(ov_bus_link *link);
void ov_bus_link_release_p(ov_bus_link **link);
/* Destroys link; it must be closed and unused. */
void ov_bus_link_free(ov_bus_link *link);
/* Subscribes with a callback on the delivery thread; the link outlives its last call. */
OV_MUST_CHECK ov_status ov_bus_link_subscribe(ov_bus_link *link, const char *subject, natsMsgHandler cb, void *closure,
                                              natsSubscription **ret, ov_err *err);
/* Again, when they were refused: with natsSubscription_Destroy of the former one. Worker's. */
OV_MUST_CHECK ov_status ov_bus_link_subscribe_answers(ov_bus_link *link, ov_err *err);
/* What a status of nats.c means to a caller; notes that the link is broken when it is. */
OV_MUST_CHECK ov_status ov_bus_link_failed(ov_bus_link *link, natsStatus s, const char *what, ov_err *err);

/* ---- worker.c: the bus's own thread ---- */

void *ov_bus_worker(void *bus);
void ov_bus_kick(ov_bus *bus);        /* takes the lock */
void ov_bus_kick_locked(ov_bus *bus); /* with the lock */
/* Waits on moved until the deadline; with the lock. false at the deadline. */
bool ov_bus_wait_moved(ov_bus *bus, ov_mono deadline);
/* Sleeps, but not through the bus's closing. */
void ov_bus_nap(ov_bus *bus, int64_t ms);

/* ---- subject.c ---- */

/* Non-empty tokens without space or control characters, at most OV_BUS_SUBJECT_MAX bytes. */
bool ov_bus_subject_is_valid(const char *subject, bool wildcards);
bool ov_bus_subject_matches(ov_str filter, ov_str subject);
/* A name of a stream or consumer: one token. */
bool ov_bus_name_is_valid(const char *name);

/* ---- message.c ---- */

/* What the server tells in the reply subject of a message of a stream. */
typedef struct {
    uint64_t deliveries, stream_seq, consumer_seq, pending;
    int64_t stored_ns;
} ov_bus_delivery;
bool ov_bus_delivery_parse(ov_str reply, ov_bus_delivery *ret);

/* Takes msg over. */
ov_bus_in *ov_bus_in_new(ov_bus *bus, natsMsg *msg, const ov_bus_delivery *d);
/* As the JetStream API gives a stored message: headers as their block of lines. */
OV_MUST_CHECK ov_status ov_bus_in_stored(ov_bus *bus, const char *subject, ov_str headers, ov_str data, uint64_t seq,
                                         ov_wall stored_at, ov_bus_in **ret, ov_err *err);
/* Checked and converted, with the headers of the expectations; the caller destroys it. OV_INVALID. */
OV_MUST_CHECK ov_status ov_bus_out_convert(const ov_bus_out *m, const char *reply, natsMsg **ret, ov_err *err);
void ov_bus_nats_msg_p(natsMsg **msg);
/* The number in the Status header of a message without data; 0 when it is none. */
int ov_bus_msg_status(natsMsg *msg);

/* ---- discard.c ---- */

/* natsMsg_Destroy, a little later: at most a small batch waits. From any thread, also when the bus is gone. */
void ov_bus_msg_discard(natsMsg *msg);

/* ---- store.c, puback.c ---- */

void ov_bus_on_answer(natsConnection *nc, natsSubscription *sub, natsMsg *msg, void *bus);
/* Completes what is past its time; returns when to look again. */
int64_t ov_bus_store_expire(ov_bus *bus, int64_t now_ms);
/* Completes everything, because the link ended. */
void ov_bus_store_fail_all(ov_bus *bus, const char *why);
/* A right to publish to subject is missing; without a subject: to hear any answer. */
void ov_bus_store_denied(ov_bus *bus, ov_str subject, const char *text);
/* What a stream answered to a publish. */
void ov_bus_puback_parse(ov_str answer, ov_bus_stored *ret);

/* ---- denials.c: rights that are missing ---- */

/* The server's words for one. */
void ov_bus_denials_take(ov_bus *bus, const char *text);
/* Told before subject is published or subscribed to. */
void ov_bus_denials_try(ov_bus *bus, ov_bus_right right, const char *subject);
/* Whether it was refused since then, and is not known to be allowed again. */
bool ov_bus_is_denied(ov_bus *bus, ov_bus_right right, const char *subject, int64_t since_ms,
                      char out[OV_BUS_DENIAL_TEXT]);
/* Whether no answer can be heard. */
bool ov_bus_are_answers_denied(ov_bus *bus, char out[OV_BUS_DENIAL_TEXT]);
/* Whether a subscription that was refused should be tried again. */
bool ov_bus_is_retry_due(ov_bus *bus, const char *subject, int64_t now_ms);
void ov_bus_denials_link_ended(ov_bus *bus);
/* Tells what is over; returns when to look again. */
int64_t ov_bus_denials_serve(ov_bus *bus, int64_t now_ms);

/* ---- request.c ---- */

/* A reply subject that nobody had before. */
void ov_bus_request_inbox(ov_bus *bus, char out[OV_BUS_INBOX_MAX]);
/* Sends msg, whose reply subject is a new one, and waits for its answer, which does not come by the delivery thread.
 * *ret is the caller's. NATS_NOT_PERMITTED: a right is missing, why says which; NATS_TIMEOUT; NATS_NO_RESPONDERS; what
 * else nats.c has to say. */
natsStatus ov_bus_exchange(ov_bus_link *link, natsMsg *msg, int64_t timeout_ms, natsMsg **ret, ov_err *why);

/* ---- reader.c, session.c: worker's side ---- */

/* Looks after all readers; returns when to look again. */
int64_t ov_bus_readers_serve(ov_bus *bus, int64_t now_ms);
/* After the last link was buried. */
void ov_bus_readers_free(ov_bus *bus);

/* ---- server.c ---- */

/* The version that the server at url tells everybody who connects; "" when it cannot be read in time. */
void ov_bus_server_ask(const char *url, int64_t timeout_ms, char out[32]);

#endif
