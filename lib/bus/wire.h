/* The thread that reads and writes a link's socket, so that what is published meanwhile goes out in one write. */
#ifndef OV_BUS_WIRE_H
#define OV_BUS_WIRE_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/status.h"
#include "bus/compat.h"

typedef void (*ov_bus_on_stuck)(void *arg);

/* Embedded in what it serves, which must not move. */
typedef struct {
    atomic_size_t *in_flight; /* stores without an answer */
    ov_bus_on_stuck on_stuck; /* the server neither takes nor says anything any more; on the wire's thread, once */
    void *arg;
    natsConnection *nc;
    int socket, wake_fd;
    pthread_t thread;
    bool started;
    atomic_bool writes; /* nats.c has bytes for the socket */
    atomic_bool asleep; /* the thread needs a wake to see a change */
    atomic_bool ending; /* somebody waits for the close */
    bool over;          /* the thread's own: nats.c closed the connection */
} ov_bus_wire;

/* OV_FAILED: no descriptor left. */
OV_MUST_CHECK ov_status ov_bus_wire_init(ov_bus_wire *w, atomic_size_t *in_flight, ov_bus_on_stuck on_stuck, void *arg,
                                         ov_err *err);
/* Closes the connection, on the wire's thread: nobody else may, for the descriptor is free for others from then on.
 * What was published goes out first, as far as the server takes it within OV_BUS_LAST_WRITE_MS; nothing goes out after
 * the return. May be repeated. */
void ov_bus_wire_close(ov_bus_wire *w);
/* Closes, if that was not done; the connection must not be destroyed yet. */
void ov_bus_wire_clear(ov_bus_wire *w);
/* The connection that is made with these options is served by w. */
natsStatus ov_bus_wire_serve(ov_bus_wire *w, natsOptions *o);

#endif
