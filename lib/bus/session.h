/* A reader's inside, shared by the delivery thread's half (reader.c) and the worker's half (session.c). */
#ifndef OV_BUS_SESSION_H
#define OV_BUS_SESSION_H

#include "bus/internal.h"

struct ov_bus_reader {
    struct ov_bus_reader *next;
    ov_bus *bus;
    char *stream;
    char **filters;
    size_t filter_count;
    ov_bus_on_read cb;
    void *arg;
    unsigned id;

    /* The time of the last sign of life, and whether the delivery thread is in the callback. */
    _Atomic int64_t heard_ms;
    atomic_bool busy;

    /* Written under emit; the worker reads them without it, since a callback may hold emit for long. */
    atomic_bool closed, ready, lost;

    pthread_mutex_t emit;  /* events go out under it, one at a time; guards what follows */
    bool pending_is_exact; /* the consumer stands on the stream's only replica */
    natsSubscription *sub; /* of the present session; messages of another one are dropped */
    uint64_t consumer_seq; /* of the last message */
    uint64_t last_seq;     /* of the stream when the snapshot began */

    bool waiting; /* for its stream; under the bus's lock */

    /* the worker's own */
    bool live;
    uint64_t epoch;
    unsigned sessions;
    int64_t next_try_ms;
    ov_backoff backoff;
};

/* reader.c: what the consumer sends to a session. */
void ov_bus_reader_on_delivery(natsConnection *nc, natsSubscription *sub, natsMsg *msg, void *reader);
/* With emit held. */
void ov_bus_reader_emit(ov_bus_reader *r, ov_bus_read_kind kind, ov_wall stream_created);
void ov_bus_reader_emit_ready(ov_bus_reader *r);
void ov_bus_reader_set_waiting(ov_bus_reader *r, bool waiting);

#endif
