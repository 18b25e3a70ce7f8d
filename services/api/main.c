/* The api: settings, connect, feed views, drain. */
#include <stdlib.h>
#include <unistd.h>

#include "app/app.h"
#include "base/mem.h"
#include "services/api/feed.h"
#include "services/api/routes.h"
#include "services/api/settings.h"

#include "base/poison.h"

enum { THREADS_MIN = 2, THREADS_MAX = 8 };

static api_settings settings;

typedef struct {
    view_holder *views;
    feed *feed;
    routes_context routes;
} service;

static void on_bus_change(void *arg, ov_bus_change change, const char *text)
{
    service *s = arg;
    (void)text;
    if (change == OV_BUS_UP || change == OV_BUS_DOWN) feed_bus_changed(s->feed, change == OV_BUS_UP);
}

static unsigned thread_count(void)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    if (processors < THREADS_MIN) return THREADS_MIN;
    return processors > THREADS_MAX ? THREADS_MAX : (unsigned)processors;
}

static ov_status serve(ov_app *app, service *s, const api_settings *from, ov_err *err)
{
    ov_httpd_options options = {.address = from->bind_address,
                                .routes = api_routes,
                                .route_count = api_route_count,
                                .token = from->token,
                                .ctx = &s->routes,
                                .on_done = routes_on_done,
                                .decorate = routes_decorate,
                                .threads = thread_count(),
                                .connections = (unsigned)from->max_connections};
    return ov_app_serve(app, OV_APP_HEALTH, &options, err);
}

static service *service_new(ov_app *app, const api_settings *from)
{
    service *s = ov_zalloc(sizeof *s);
    s->views = view_holder_new();
    s->feed = feed_new(s->views, ov_app_metrics(app));
    s->routes = (routes_context){.views = s->views,
                                 .feed = s->feed,
                                 .metrics = ov_app_metrics(app),
                                 .requests = routes_requests_metric(ov_app_metrics(app)),
                                 .log_requests = from->log_requests};
    return s;
}

static ov_status start(ov_app *app, void *target, void **ret_service, ov_err *err)
{
    const api_settings *from = target;
    if (!ov_secret_text(from->token).len)
        return ov_fail(err, OV_INVALID, "--controlplane.auth-token: expected a token that is not empty");
    service *s = service_new(app, from);
    *ret_service = s;
    ov_app_on_stop(app, feed_stop, s->feed);
    ov_app_set_waiting(app, "the bus");
    ov_status st = ov_app_open_bus(app, on_bus_change, s, err);
    if (st != OV_OK) return st;
    s->routes.bus = ov_app_bus(app);
    st = feed_open(s->feed, s->routes.bus, err);
    if (st == OV_OK) st = serve(app, s, from, err);
    if (st != OV_OK) feed_close(s->feed); /* before the bus, as drain does */
    return st;
}

static ov_status loop(ov_app *app, void *arg, ov_err *err)
{
    service *s = arg;
    (void)err;
    while (!ov_app_stopping(app)) {
        feed_step(s->feed);
        char waiting[128] = "";
        if (!feed_is_ready(s->feed)) feed_waiting_for(s->feed, waiting);
        if (!feed_is_ready(s->feed) && !waiting[0])
            ov_app_set_waiting(app, "the end of the state");
        else
            ov_app_set_waiting(app, "%s", waiting);
    }
    return OV_OK;
}

static void drain(ov_app *app, void *arg)
{
    service *s = arg;
    (void)app;
    feed_close(s->feed);
}

static void service_free(void *arg)
{
    service *s = arg;
    if (!s) return;
    feed_free(s->feed);
    view_holder_free(s->views);
    free(s);
}

static const ov_app_program program = {
    .name = "api",
    .purpose = "Serves which versions run where, and which newer ones exist, over HTTP",
    .settings = api_settings_table,
    .setting_count = OV_COUNT(api_settings_table),
    .target = &settings,
    .health_flag = "controlplane.bind-address",
    .start = start,
    .loop = loop,
    .drain = drain,
    .free = service_free,
};

int main(int argc, char **argv)
{
    return ov_app_main(&program, argc, argv);
}
