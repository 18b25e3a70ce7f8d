/* Reads and writes a link's socket for nats.c, as the event loop that its documentation asks for. */
#include "bus/wire.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "bus/internal.h"

#include "base/poison.h"

/* What is published within GATHER_US after a write shares the next one, and so do the answers. After silence, or when
 * the last write was answered and few stores are on their way, a message goes out at once. */
enum { GATHER_US = 500, FEW = 4 };

/* ---- time ---- */

static int64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000) + now.tv_nsec / 1000;
}

/* ---- the thread ---- */

typedef struct {
    int64_t written_us;  /* when the last write was */
    int64_t heard_us;    /* when something was read last; pongs come even when nothing else does */
    int64_t blocked_us;  /* since when the socket takes nothing; 0: it does */
    bool answered, told; /* something was read since the last write; on_stuck was called */
} progress;

static void ring(const ov_bus_wire *w)
{
    uint64_t one = 1;
    ssize_t ignored = write(w->wake_fd, &one, sizeof one); /* fails only when it is full: awake then */
    (void)ignored;
}

static void wake(ov_bus_wire *w)
{
    if (atomic_exchange(&w->asleep, false)) ring(w);
}

static void clear_wake(const ov_bus_wire *w)
{
    uint64_t count = 0;
    ssize_t ignored = read(w->wake_fd, &count, sizeof count);
    (void)ignored;
}

/* How long the write may wait for company, in us; 0: it is due. */
static int64_t gather_us(const ov_bus_wire *w, const progress *p)
{
    if (p->blocked_us || (p->answered && atomic_load(w->in_flight) <= FEW)) return 0;
    int64_t left = p->written_us + GATHER_US - now_us();
    return left > 0 ? left : 0;
}

/* When the server counts as gone. */
static int64_t stuck_at_us(const progress *p)
{
    int64_t silent = p->heard_us + OV_BUS_GONE_MS * INT64_C(1000);
    int64_t blocked = p->blocked_us ? p->blocked_us + OV_BUS_WRITE_MS * INT64_C(1000) : INT64_MAX;
    return silent < blocked ? silent : blocked;
}

/* -1: for ever. */
static int64_t timeout_us(const ov_bus_wire *w, const progress *p)
{
    if (atomic_load(&w->writes) && !p->blocked_us) return gather_us(w, p);
    if (p->told) return -1;
    int64_t left = stuck_at_us(p) - now_us();
    return left > 0 ? left : 0;
}

/* What the socket is ready for. */
static short wait_for_events(ov_bus_wire *w, const progress *p)
{
    struct pollfd fds[2] = {{.fd = w->socket, .events = (short)(p->blocked_us ? POLLIN | POLLOUT : POLLIN)},
                            {.fd = w->wake_fd, .events = POLLIN}};
    bool idle = !atomic_load(&w->writes);
    atomic_store(&w->asleep, idle); /* while a write is pending nobody asks for another */
    int64_t us = idle && atomic_load(&w->writes) ? 0 : timeout_us(w, p);
    struct timespec at = {.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};
    int n = ppoll(fds, 2, us < 0 ? NULL : &at, NULL);
    atomic_store(&w->asleep, false);
    if (n <= 0) return 0;
    if (fds[1].revents) clear_wake(w);
    return fds[0].revents;
}

static void write_out(ov_bus_wire *w, progress *p)
{
    natsConnection_ProcessWriteEvent(w->nc);
    p->written_us = now_us();
    p->answered = false;
    if (!atomic_load(&w->writes))
        p->blocked_us = 0;
    else if (!p->blocked_us)
        p->blocked_us = p->written_us; /* it did not take everything */
}

static void check_stuck(ov_bus_wire *w, progress *p)
{
    if (p->told || now_us() < stuck_at_us(p)) return;
    p->told = true;
    w->on_stuck(w->arg);
}

static void step(ov_bus_wire *w, progress *p)
{
    short ready = wait_for_events(w, p);
    if (ready & ~POLLOUT) {
        natsConnection_ProcessReadEvent(w->nc);
        p->heard_us = now_us();
        p->answered = true;
    }
    if (w->over) return;
    check_stuck(w, p);
    bool due = p->blocked_us ? (ready & POLLOUT) != 0 : gather_us(w, p) == 0;
    if (due && atomic_load(&w->writes)) write_out(w, p);
}

static void write_rest(ov_bus_wire *w)
{
    int64_t end_us = now_us() + OV_BUS_LAST_WRITE_MS * INT64_C(1000);
    while (!w->over && atomic_load(&w->writes)) {
        struct pollfd fd = {.fd = w->socket, .events = POLLOUT};
        int64_t left_us = end_us - now_us();
        if (left_us <= 0 || poll(&fd, 1, (int)(left_us / 1000)) <= 0) return;
        natsConnection_ProcessWriteEvent(w->nc);
    }
}

static void *serve(void *arg)
{
    ov_bus_wire *w = arg;
    progress p = {.answered = true, .heard_us = now_us()};
    while (!w->over && !atomic_load(&w->ending)) step(w, &p);
    if (!p.told) write_rest(w);
    natsConnection_Close(w->nc);
    nats_ReleaseThreadMemory();
    return NULL;
}

/* ---- what nats.c calls ---- */

static natsStatus on_attach(void **data, void *loop, natsConnection *nc, natsSock socket)
{
    ov_bus_wire *w = loop;
    *data = w;
    if (w->started) return NATS_ERR; /* a link is never connected twice */
    w->nc = nc;
    w->socket = socket;
    if (pthread_create(&w->thread, NULL, serve, w)) return NATS_ERR;
    w->started = true;
    return NATS_OK;
}

static natsStatus on_write(void *data, bool add)
{
    ov_bus_wire *w = data;
    atomic_store(&w->writes, add);
    if (add) wake(w);
    return NATS_OK;
}

/* nats.c stops reading only to end. */
static natsStatus on_read(void *data, bool add)
{
    ov_bus_wire *w = data;
    if (!add) w->over = true;
    return NATS_OK;
}

static natsStatus on_detach(void *data)
{
    (void)data;
    return NATS_OK;
}

/* ---- life ---- */

ov_status ov_bus_wire_init(ov_bus_wire *w, atomic_size_t *in_flight, ov_bus_on_stuck on_stuck, void *arg, ov_err *err)
{
    *w = (ov_bus_wire){.in_flight = in_flight, .on_stuck = on_stuck, .arg = arg};
    w->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return w->wake_fd < 0 ? ov_fail(err, OV_FAILED, "bus: no descriptor left") : OV_OK;
}

void ov_bus_wire_close(ov_bus_wire *w)
{
    if (!w->started) return;
    atomic_store(&w->ending, true);
    ring(w);
    pthread_join(w->thread, NULL);
    w->started = false;
}

void ov_bus_wire_clear(ov_bus_wire *w)
{
    ov_bus_wire_close(w);
    close(w->wake_fd);
}

natsStatus ov_bus_wire_serve(ov_bus_wire *w, natsOptions *o)
{
    return natsOptions_SetEventLoop(o, w, on_attach, on_read, on_write, on_detach);
}
