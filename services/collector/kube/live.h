/* A cluster read from its API server: one list and watch for the trackers and for each kind that they need. */
#ifndef OPVIC_COLLECTOR_KUBE_LIVE_H
#define OPVIC_COLLECTOR_KUBE_LIVE_H

#include "metrics/metrics.h"
#include "services/collector/cluster/cluster.h"
#include "services/collector/kube/access.h"

enum {
    LIVE_GATHER_MS = 100,   /* trackers that come together share one reading of their kind */
    LIVE_ANSWER_MS = 30000, /* until an answer's head */
    LIVE_QUIET_MS = 10000,  /* without a byte within a list; a server that does not know streamed ones never ends it */
    LIVE_CONNECT_MS = 10000,
    LIVE_PROBE_WAIT_MAX_MS = 10000 /* between two tries to find the server */
};

/* The metrics belong to their registry. */
typedef struct {
    ov_metric *restarts; /* by kind and reason */
    ov_metric *bytes;
    ov_metric *errors;
} live_metrics;

typedef struct {
    int64_t watch_ms; /* what a watch may last at least */
    int64_t idle_ms;  /* without a byte: bookmarks come about once a minute */
    live_metrics metrics;
} live_options;

/* Fills *ret; its free ends it, before loop and access are freed, which it uses. Events come while the loop waits, too.
 */
void live_open(const live_options *o, kube_access *access, ov_fetch_loop *loop, cluster_sink sink, void *arg,
               cluster *ret);

#endif
