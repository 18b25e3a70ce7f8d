/* Which hosts take a look now: a few at a time each, fewer of a slow one, none of one that keeps failing. Who finds no
 * place waits a little while nobody else could use the worker meanwhile, so that a handful of looks is not put off for
 * a moment; else it is told when to come back, each a time of its own, at the rate at which the host has been seen to
 * serve. Of the process, not of the fleet: it bounds what one process sends (see circuit.h for the reason). */
#ifndef OPVIC_FETCHER_HOSTS_H
#define OPVIC_FETCHER_HOSTS_H

#include <pthread.h>

#include "base/map.h"
#include "fetch/url.h"
#include "services/fetcher/circuit.h"
#include "services/fetcher/spread.h"

enum {
    HOSTS_MAX = 4096,      /* known at a time; those at rest are forgotten first */
    HOSTS_SLOW_MS = 10000, /* a look of this length makes a host a slow one, which gets one at a time */
    HOSTS_PATIENCE_MS = 3000,
    HOSTS_BUSY_MAX_MS = 15 * 60 * 1000
};

typedef struct {
    int64_t at_once;             /* looks at one host */
    bool (*may_wait)(void *arg); /* or NULL: never. Whether a worker is free; from any thread, under a lock */
    void *wait_arg;
    /* or NULL: a host's circuit has changed; from any thread, under a lock: must only note. */
    void (*changed)(void *arg, const char *host, circuit_state state);
    void *arg;
} hosts_options;

typedef struct {
    pthread_mutex_t lock; /* of all below */
    pthread_cond_t left;  /* a look has ended */
    hosts_options o;
    ov_map each;
} hosts;

void hosts_init(hosts *h, const hosts_options *o);
void hosts_clear(hosts *h);

typedef enum { HOSTS_IN, HOSTS_BUSY, HOSTS_ASIDE } hosts_verdict;

typedef struct {
    hosts_verdict verdict;
    char host[OV_URL_HOST_MAX];
    bool tries;       /* IN: it is seen whether the host is well again */
    int64_t wait_ms;  /* BUSY, ASIDE: come back then */
    int64_t began_ms; /* IN */
} hosts_ticket;

typedef enum { HOSTS_WELL, HOSTS_FAILED, HOSTS_UNTOLD } hosts_outcome;

/* host: as a budget_key has it. Each IN is followed by one hosts_leave. */
hosts_ticket hosts_enter(hosts *h, const char *host);
void hosts_leave(hosts *h, const hosts_ticket *t, hosts_outcome outcome);

#endif
