/* The fetcher: settings -> connect -> workers -> drain. */
#include <stdlib.h>

#include "app/app.h"
#include "base/mem.h"
#include "bus/streams.h"
#include "proto/subjects.h"
#include "services/fetcher/get.h"
#include "services/fetcher/settings.h"
#include "services/fetcher/worker.h"
#include "base/poison.h"

enum { WATCH_MS = 1000, HTTP_THREADS = 2, LEAVE_MS = 2000 /* of the drain, for what was abandoned */ };

typedef struct {
    const fetcher_settings *settings;
    fetcher_metrics metrics;
    ov_fetch_policy policy;
    look_options look;
    credentials *credentials;
    ov_inbox *stopping; /* nothing is put in; waited in until the program stops */
    workers *workers;
} fetcher;

static void wake(void *arg)
{
    ov_inbox_stop(arg);
}

static ov_status start(ov_app *app, void *target, void **ret_service, ov_err *err)
{
    fetcher *f = ov_zalloc(sizeof *f);
    *ret_service = f;
    f->settings = target;
    f->stopping = ov_inbox_new(1, NULL);
    ov_app_on_stop(app, wake, f->stopping);
    fetcher_metrics_init(&f->metrics, ov_app_metrics(app));
    ov_status status = fetcher_look_options(f->settings, &f->policy, &f->look, err);
    if (status == OV_OK) status = fetcher_credentials(f->settings, &f->credentials, err);
    ov_httpd_options http = {.address = f->settings->metrics_bind_address, .threads = HTTP_THREADS};
    return status == OV_OK ? ov_app_serve(app, OV_APP_HEALTH | OV_APP_METRICS, &http, err) : status;
}

/* What the aggregator has not made yet, "" once everything is there. */
static const char *missing(ov_bus *bus)
{
    static const char *const streams[] = {STREAM_JOBS, STREAM_LISTS, STREAM_BUDGET};
    ov_bus_stream_info info;
    for (size_t i = 0; i < OV_COUNT(streams); i++)
        if (ov_bus_stream_state(bus, streams[i], &info, NULL) != OV_OK) return streams[i];
    return "";
}

static void watch(ov_app *app)
{
    ov_bus *bus = ov_app_bus(app);
    const char *stream = "";
    if (!ov_bus_is_up(bus))
        ov_app_set_waiting(app, "the bus");
    else if (*(stream = missing(bus)))
        ov_app_set_waiting(app, "stream %s", stream);
    else
        ov_app_set_waiting(app, "%s", "");
}

static ov_status loop(ov_app *app, void *service, ov_err *err)
{
    fetcher *f = service;
    worker_options o = {.bus = ov_app_bus(app),
                        .metrics = &f->metrics,
                        .look = f->look,
                        .credentials = f->credentials,
                        .ca_file = f->settings->ca_file,
                        .count = (size_t)f->settings->workers,
                        .looks_per_host = f->settings->looks_per_host,
                        .budget_reserve = f->settings->budget_reserve};
    ov_status status = workers_start(&o, &f->workers, err);
    while (status == OV_OK && !ov_app_stopping(app)) {
        watch(app);
        (void)ov_inbox_take(f->stopping, ov_mono_after(ov_mono_now(), WATCH_MS));
    }
    return status;
}

static void drain(ov_app *app, void *service)
{
    fetcher *f = service;
    (void)app;
    workers_finish(OV_TAKE(f->workers), OV_APP_DRAIN_MS - LEAVE_MS);
}

static void free_service(void *service)
{
    fetcher *f = service;
    if (!f) return;
    workers_finish(f->workers, 0);
    credentials_free(f->credentials);
    ov_inbox_free(f->stopping);
    free(f);
}

static fetcher_settings settings;

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "get") == 0) return get_main(argc - 1, argv + 1);
    const ov_app_program program = {
        .name = "fetcher",
        .purpose =
            "looks upstream for versions: takes jobs from the bus, stores lists and outcomes (one look without a bus: "
            "opvic-fetcher get --help)",
        .settings = fetcher_setting_table,
        .setting_count = fetcher_setting_count,
        .target = &settings,
        .health_flag = "metrics-bind-address",
        .start = start,
        .loop = loop,
        .drain = drain,
        .free = free_service,
    };
    return ov_app_main(&program, argc, argv);
}
