/* The metrics of a collector. */
#ifndef OPVIC_COLLECTOR_FIGURES_H
#define OPVIC_COLLECTOR_FIGURES_H

#include "base/clock.h"
#include "base/map.h"
#include "metrics/metrics.h"
#include "services/collector/ship/shipping.h"
#include "services/collector/tracking.h"

/* The metrics belong to the registry. */
typedef struct {
    ov_metric *errors, *last_read, *read_ms, *trackers, *objects, *failures, *restarts, *bytes, *statuses,
        *status_failures, *crd_outdated, *delivered, *pending, *age;
    ov_map exported; /* trackers that have a series of failures */
    uint64_t delivered_told;
} figures;

void figures_init(figures *f, ov_metrics *registry);
void figures_clear(figures *f);
/* The cluster was read whole. */
void figures_read(figures *f, ov_wall now, int64_t took_ms);
void figures_tracking(figures *f, const tracking *t);
void figures_shipping(figures *f, const shipping_state *s);

#endif
