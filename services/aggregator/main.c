/* The aggregator: settings -> connect -> loop -> drain. */
#include "app/app.h"
#include "services/aggregator/settings.h"
#include "services/aggregator/shell.h"
#include "base/poison.h"

enum { HTTP_THREADS = 2 };

static ov_status start(ov_app *app, void *target, void **ret_service, ov_err *err)
{
    const aggregator_settings *s = target;
    int64_t retention_ms = aggregator_retention_ms(s);
    shell_options o = {.core = {.source_interval_ms = s->source_interval_ms,
                                .expiration_ms = s->expiration_ms,
                                .report_period_ms = s->report_period_ms,
                                .retention_ms = retention_ms},
                       .topology = {.replicas = aggregator_replicas(s),
                                    .memory = s->storage == AGGREGATOR_STORAGE_MEMORY,
                                    .max_bytes = s->max_bytes,
                                    .retention_ms = retention_ms,
                                    .events_ms = s->events_max_age_ms,
                                    .dead_ms = s->dead_letters_max_age_ms},
                       .reconciler_interval_ms = s->reconciler_interval_ms};
    shell *service = shell_new(&o, ov_app_metrics(app));
    *ret_service = service;
    ov_app_on_stop(app, shell_wake, service);
    ov_httpd_options http = {.address = s->metrics_bind_address, .threads = HTTP_THREADS};
    ov_status st = ov_app_serve(app, OV_APP_HEALTH | OV_APP_METRICS, &http, err);
    if (st == OV_OK) st = ov_app_open_bus(app, shell_on_bus, service, err);
    return st;
}

static ov_status loop(ov_app *app, void *service, ov_err *err)
{
    return shell_run(service, app, err);
}

static void drain(ov_app *app, void *service)
{
    (void)app;
    shell_drain(service, OV_APP_DRAIN_MS);
}

static void free_service(void *service)
{
    shell_free(service);
}

static aggregator_settings settings;

int main(int argc, char **argv)
{
    const ov_app_program program = {
        .name = "aggregator",
        .purpose =
            "merges what agents report with what upstream has: plans looks, computes gaps, writes state and events",
        .settings = aggregator_setting_table,
        .setting_count = aggregator_setting_count,
        .target = &settings,
        .health_flag = "metrics-bind-address",
        .start = start,
        .loop = loop,
        .drain = drain,
        .free = free_service,
    };
    return ov_app_main(&program, argc, argv);
}
