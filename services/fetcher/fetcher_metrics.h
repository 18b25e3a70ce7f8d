/* What a fetcher counts. */
#ifndef OPVIC_FETCHER_METRICS_H
#define OPVIC_FETCHER_METRICS_H

#include "metrics/metrics.h"
#include "services/fetcher/look.h"

typedef struct {
    ov_metric *looks, *failures, *requests, *bytes, *seconds, *dropped, *dead, *undone, *github_remaining;
    ov_metric *remaining, *limit, *reset, *circuits;
} fetcher_metrics;

void fetcher_metrics_init(fetcher_metrics *m, ov_metrics *registry);
/* One request; status 0: no answer. */
void fetcher_metrics_request(const fetcher_metrics *m, const char *url, unsigned status);
void fetcher_metrics_look(const fetcher_metrics *m, const char *provider_name, const look_result *r, int64_t took_ms);
/* What is known of a host's limit for a credential; nothing is shown of one without. metrics: a fetcher_metrics; both
 * as budget_options and hosts_options call them. */
void fetcher_metrics_budget(void *metrics, const budget_key *k, const budget_state *s);
void fetcher_metrics_circuit(void *metrics, const char *host, circuit_state state);

#endif
