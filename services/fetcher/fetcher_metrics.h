/* What a fetcher counts. */
#ifndef OPVIC_FETCHER_METRICS_H
#define OPVIC_FETCHER_METRICS_H

#include "metrics/metrics.h"
#include "services/fetcher/look.h"

typedef struct {
    ov_metric *looks, *failures, *requests, *bytes, *seconds, *dropped, *dead, *undone, *github_remaining;
} fetcher_metrics;

void fetcher_metrics_init(fetcher_metrics *m, ov_metrics *registry);
/* One request; status 0: no answer. */
void fetcher_metrics_request(const fetcher_metrics *m, const char *url, unsigned status);
void fetcher_metrics_look(const fetcher_metrics *m, const char *provider_name, const look_result *r, int64_t took_ms);

#endif
