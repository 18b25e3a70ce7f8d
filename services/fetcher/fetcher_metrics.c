/* Looks by provider and outcome, failures by kind, requests by host, bytes, seconds, and jobs that were not done. */
#include "services/fetcher/fetcher_metrics.h"

#include <stdio.h>

#include "base/poison.h"

enum { LABELS_MAX = 100, HOST_BYTES = 128 };

static const char *const by_provider[] = {"provider", NULL};
static const char *const by_outcome[] = {"provider", "outcome", NULL};
static const char *const by_failure[] = {"provider", "failure", NULL};
static const char *const by_credential[] = {"host", "credential", NULL};
static const char *const by_host_alone[] = {"host", NULL};
static const char *const by_host[] = {"host", "status", NULL};

void fetcher_metrics_init(fetcher_metrics *m, ov_metrics *registry)
{
    *m = (fetcher_metrics){
        .looks = ov_metrics_add(registry, OV_METRIC_COUNTER, "opvic_fetcher_looks_total",
                                "Looks at sources by outcome.", by_outcome, 64),
        .failures = ov_metrics_add(registry, OV_METRIC_COUNTER, "opvic_fetcher_failures_total",
                                   "Failed looks by kind of failure.", by_failure, 128),
        .requests = ov_metrics_add(registry, OV_METRIC_COUNTER, "opvic_fetcher_requests_total",
                                   "Requests to upstreams by host and status class.", by_host, LABELS_MAX),
        .bytes = ov_metrics_add(registry, OV_METRIC_COUNTER, "opvic_fetcher_received_bytes_total",
                                "Bytes of bodies received, as they travelled.", by_provider, 16),
        .seconds = ov_metrics_add(registry, OV_METRIC_COUNTER, "opvic_fetcher_look_seconds_total",
                                  "Time spent in looks.", by_provider, 16),
        .dropped = ov_metrics_add(registry, OV_METRIC_COUNTER, "opvic_fetcher_jobs_dropped_total",
                                  "Jobs that a newer outcome had overtaken.", NULL, 1),
        .dead = ov_metrics_add(registry, OV_METRIC_COUNTER, "opvic_fetcher_dead_letters_total",
                               "Jobs that could not be read or were delivered too often.", NULL, 1),
        .undone = ov_metrics_add(registry, OV_METRIC_COUNTER, "opvic_fetcher_jobs_returned_total",
                                 "Jobs given back because the bus did not take their outcome.", NULL, 1),
        .github_remaining = ov_metrics_add(registry, OV_METRIC_GAUGE, "opvic_provider_github_rate_limit_remaining",
                                           "Requests that GitHub grants until its next reset.", NULL, 1),
        .remaining =
            ov_metrics_add(registry, OV_METRIC_GAUGE, "opvic_provider_rate_limit_remaining",
                           "Requests that no fetcher has reserved until the reset.", by_credential, LABELS_MAX),
        .limit = ov_metrics_add(registry, OV_METRIC_GAUGE, "opvic_provider_rate_limit_requests",
                                "Requests that a host grants a period.", by_credential, LABELS_MAX),
        .reset = ov_metrics_add(registry, OV_METRIC_GAUGE, "opvic_provider_rate_limit_reset_timestamp_seconds",
                                "When the period ends.", by_credential, LABELS_MAX),
        .circuits =
            ov_metrics_add(registry, OV_METRIC_GAUGE, "opvic_fetcher_host_circuit_state",
                           "Hosts that failed: 0 asked again, 1 being tried, 2 set aside.", by_host_alone, LABELS_MAX),
    };
}

void fetcher_metrics_request(const fetcher_metrics *m, const char *url, unsigned status)
{
    static const char *const classes[] = {"none", "1xx", "2xx", "3xx", "4xx", "5xx"};
    const char *begin = strstr(url, "://");
    ov_str rest = ov_str_of(begin ? begin + 3 : url);
    ov_str authority = ov_str_sub(rest, 0, ov_str_find(rest, '/', 0));
    size_t at = ov_str_find(authority, '@', 0);
    if (at < authority.len) authority = ov_str_sub(authority, at + 1, authority.len);
    char host[HOST_BYTES];
    snprintf(host, sizeof host, "%.*s", OV_STR_ARG(authority));
    unsigned class = status / 100 < OV_COUNT(classes) ? status / 100 : 0;
    ov_metric_add(m->requests, (const char *const[]){host, classes[class]}, 1);
}

void fetcher_metrics_look(const fetcher_metrics *m, const char *name, const look_result *r, int64_t took_ms)
{
    ov_metric_add(m->looks, (const char *const[]){name, lookup_outcome_name(r->outcome)}, 1);
    if (r->outcome == LOOKUP_FAILED)
        ov_metric_add(m->failures, (const char *const[]){name, lookup_failure_name(r->failure)}, 1);
    ov_metric_add(m->bytes, (const char *const[]){name}, (double)r->bytes);
    ov_metric_add(m->seconds, (const char *const[]){name}, (double)took_ms / 1000);
    if (r->budget_remaining >= 0 && strcmp(name, "github") == 0)
        ov_metric_set(m->github_remaining, NULL, (double)r->budget_remaining);
}

void fetcher_metrics_budget(void *metrics, const budget_key *k, const budget_state *s)
{
    const fetcher_metrics *m = metrics;
    const char *const labels[] = {k->host, k->credential[0] ? k->credential : "anonymous"};
    if (s->reset_s <= 0) return;
    ov_metric_set(m->remaining, labels, (double)s->remaining);
    ov_metric_set(m->limit, labels, (double)s->limit);
    ov_metric_set(m->reset, labels, (double)s->reset_s);
}

void fetcher_metrics_circuit(void *metrics, const char *host, circuit_state state)
{
    const fetcher_metrics *m = metrics;
    ov_metric_set(m->circuits, (const char *const[]){host}, (double)state);
}
