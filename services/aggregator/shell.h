/* Shell: the loop around the core: takes what arrives, leads or follows, sends effects. */
#ifndef OPVIC_AGGREGATOR_SHELL_H
#define OPVIC_AGGREGATOR_SHELL_H

#include "app/app.h"
#include "services/aggregator/gauges.h"
#include "services/aggregator/leader.h"
#include "services/aggregator/topology.h"

typedef struct {
    aggregate_options core;
    topology_options topology;
    int64_t reconciler_interval_ms;
} shell_options;

typedef struct shell shell;

shell *shell_new(const shell_options *o, ov_metrics *metrics);
/* After the bus was closed. */
void shell_free(shell *s);
/* For ov_app_open_bus: hands over to the loop. */
void shell_on_bus(void *arg, ov_bus_change change, const char *text);
/* For ov_app_on_stop. */
void shell_wake(void *arg);
/* Until stopping. OV_INVALID: the streams cannot be what the settings say. */
OV_MUST_CHECK ov_status shell_run(shell *s, ov_app *app, ov_err *err);
/* Finishes the batch under way, gives up the lease. */
void shell_drain(shell *s, int64_t drain_ms);

#endif
