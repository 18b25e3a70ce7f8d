/* The lifecycle that all services share: settings -> connect -> loop -> drain, with health and metrics on the way. */
#ifndef OV_APP_APP_H
#define OV_APP_APP_H

#include <stdbool.h>

#include "app/groups.h"
#include "app/settings.h"
#include "base/clock.h"
#include "base/inbox.h"
#include "bus/bus.h"
#include "httpd/httpd.h"
#include "metrics/metrics.h"

typedef struct ov_app ov_app;

/* A service is one static description; main.c hands it to ov_app_main. Steps run on the main thread, which is the owner
 * thread of the service's state. */
typedef struct {
    const char *name;    /* "fetcher": program opvic-fetcher */
    const char *purpose; /* first line of --help */
    const ov_setting *settings;
    size_t setting_count;
    void *target;            /* the service's settings struct */
    const char *health_flag; /* of the text setting with the address of /readyz, which --probe asks; NULL: none */
    bool optional_bus; /* collector: nats.url is not filled in, so that the service sees whether it was set; it alone
                          opens the bus; without it the app opens the bus after start, unless start did */
    /* After the settings, before the bus: checks what a table cannot, makes the service. *ret_service is given to the
     * other steps. An error ends start-up with its text and status 2 (1 for OV_FAILED). */
    ov_status (*start)(ov_app *app, void *target, void **ret_service, ov_err *err);
    /* Runs until ov_app_stopping(app): takes from its inbox, works, takes again. */
    ov_status (*loop)(ov_app *app, void *service, ov_err *err);
    /* Finishes what was acknowledged, closes its pullers, stops the inboxes that callbacks put into, joins its threads;
     * within OV_APP_DRAIN_MS. Bus and HTTP are still up; afterwards the HTTP servers are closed, then the bus, then
     * free is called. Also called when loop failed. */
    void (*drain)(ov_app *app, void *service);
    /* Also called when start failed, with what it had put into *ret_service; not with NULL. */
    void (*free)(void *service);
} ov_app_program;

enum { OV_APP_DRAIN_MS = 10000, OV_APP_STOP_MS = 25000 };

/* Started before any other thread, with signals blocked everywhere: one thread waits for them and runs what
 * ov_app_on_stop added. A stop that takes longer than OV_APP_STOP_MS ends the process with status 1. The program: exit
 * status 0 after a clean stop, 1 when it failed, 2 for settings. SIGTERM and SIGINT stop it once (a second one ends it
 * at once); SIGPIPE is ignored. */
int ov_app_main(const ov_app_program *program, int argc, char **argv);

bool ov_app_stopping(const ov_app *app);
/* Ends the loop from inside. */
void ov_app_stop(ov_app *app);
/* Called once when stopping begins, on the signal thread (on the main thread when the loop ended by itself; at once, by
 * who adds it, when it has begun): stops an inbox, wakes a poll. At most OV_APP_WAKES may be added, in start; none is
 * called after loop and drain. */
enum { OV_APP_WAKES = 16 };
void ov_app_on_stop(ov_app *app, void (*wake)(void *arg), void *arg);

ov_metrics *ov_app_metrics(ov_app *app);

/* The bus, connected in the background; NULL until ov_app_open_bus. on_change may be NULL: the app logs changes and
 * counts them in its metrics anyway (opvic_bus_connected, opvic_bus_reconnects_total, opvic_bus_refusals_total,
 * opvic_bus_permissions_denied); /readyz shows what is refused, whether the service is ready without it or not. */
OV_MUST_CHECK ov_status ov_app_open_bus(ov_app *app, ov_bus_on_change on_change, void *arg, ov_err *err);
ov_bus *ov_app_bus(ov_app *app);
/* Somebody named a bus (with optional_bus; always true without). */
bool ov_app_wants_bus(const ov_app *app);

/* Readiness: what the service waits for, "" means ready. Any thread. /readyz is 503 with the text until then. */
void ov_app_set_waiting(ov_app *app, const char *fmt, ...) OV_PRINTF(2, 3);
bool ov_app_is_ready(const ov_app *app);

/* The service's own HTTP server with /healthz, /readyz, /metrics (and what routes adds) on address; an api passes its
 * routes, token and hooks in extra (its address, routes and ctx are used; /healthz, /readyz come from the app, /metrics
 * from the routes). Several addresses may be opened (collector: metrics and probes apart); which: bits. options and its
 * routes are copied, the token must live as long as the app. OV_INVALID, OV_FAILED as ov_httpd_open. */
enum { OV_APP_HEALTH = 1, OV_APP_METRICS = 2, OV_APP_SERVERS = 4 };
OV_MUST_CHECK ov_status ov_app_serve(ov_app *app, unsigned which, const ov_httpd_options *options, ov_err *err);
/* Port of the first server opened (tests use ":0"); the app also logs "listening" with it. */
unsigned ov_app_port(const ov_app *app);

#endif
