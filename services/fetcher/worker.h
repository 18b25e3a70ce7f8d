/* Workers: each is a thread with its own client that takes a job, looks, stores the outcome and acknowledges, one at a
 * time. */
#ifndef OPVIC_FETCHER_WORKER_H
#define OPVIC_FETCHER_WORKER_H

#include "base/inbox.h"
#include "bus/bus.h"
#include "services/fetcher/credentials.h"
#include "services/fetcher/fetcher_metrics.h"
#include "services/fetcher/look.h"

typedef struct {
    ov_bus *bus;
    fetcher_metrics *metrics;
    look_options look; /* alive, asked, arg, hosts and what gives credentials are the worker's own */
    credentials *credentials;
    const char *ca_file; /* or NULL */
    size_t count;
    int64_t looks_per_host; /* at the same time; fewer where that would leave no worker to the other hosts */
    int64_t budget_reserve; /* percent of each limit that is left to others */
} worker_options;

typedef struct workers workers;
/* Starts count threads; o's pointers must outlive them. OV_FAILED when a client or thread could not be made. */
OV_MUST_CHECK ov_status workers_start(const worker_options *o, workers **ret, ov_err *err);
/* Takes no further job; what runs is finished, or after drain_ms ended and given back. Frees. NULL is fine. */
void workers_finish(workers *w, int64_t drain_ms);

#endif
