/* Writes trackers' statuses to the API server: a few at a time, each only when it says something new. */
#ifndef OPVIC_COLLECTOR_KUBE_PATCHER_H
#define OPVIC_COLLECTOR_KUBE_PATCHER_H

#include "metrics/metrics.h"
#include "services/collector/kube/access.h"
#include "services/collector/tracking.h"

enum {
    PATCHER_REQUESTS_MAX = 4, /* at once */
    PATCHER_ANSWER_MS = 30000,
    PATCHER_WAIT_MIN_MS = 1000,             /* after a failure: at least, */
    PATCHER_WAIT_MAX_MS = 60000,            /* at most, */
    PATCHER_RETRY_AFTER_MAX_MS = 600 * 1000 /* and at most when the server says so */
};

typedef struct {
    ov_metric *written;  /* statuses that the server took */
    ov_metric *failed;   /* tries that failed */
    ov_metric *outdated; /* 1: the server's CustomResourceDefinition does not keep what we write */
} patcher_metrics;

typedef struct patcher patcher;
/* Uses all three, which outlive it; free it before the loop. */
patcher *patcher_new(kube_access *access, ov_fetch_loop *loop, tracking *what, const patcher_metrics *m);
void patcher_free(patcher *p);

/* Starts what may start; returns when to call again at the latest. */
ov_mono patcher_step(patcher *p, ov_mono now);
/* Nothing is under way, and nothing is due but what failed and waits. */
bool patcher_is_idle(const patcher *p, ov_mono now);

#endif
