/* Gauges: what the aggregator tells about itself on /metrics. */
#ifndef OPVIC_AGGREGATOR_GAUGES_H
#define OPVIC_AGGREGATOR_GAUGES_H

#include "metrics/metrics.h"
#include "services/aggregator/aggregate.h"

enum { GAUGES_MAX = 32 };

typedef struct {
    ov_metric *metrics[GAUGES_MAX];
    ov_metric *undecodable;
    double last[GAUGES_MAX]; /* of counters: what was told before */
    uint64_t last_undecodable[INPUT_STREAMS];
} gauges;

/* What is not the core's. */
typedef struct {
    bool leads;
    uint64_t events_published, event_failures, state_writes, state_refusals;
    size_t outbox_pending, events_refused, inbox_length;
} gauges_shell;

void gauges_init(gauges *g, ov_metrics *m);
void gauges_update(gauges *g, const aggregate *core, const gauges_shell *shell);

#endif
