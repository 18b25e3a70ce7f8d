/* What the files of lib/app share of a running program. */
#ifndef OV_APP_STATE_H
#define OV_APP_STATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "app/app.h"
#include "app/signals.h"

enum { OV_APP_TEXT_BYTES = 256 };

typedef struct {
    ov_httpd *httpd;
    ov_http_route *routes; /* the service's and ours */
} ov_app_server;

struct ov_app {
    const ov_app_program *program;
    ov_signals signals;
    atomic_bool stopping;
    ov_metrics *metrics;
    ov_metric *bus_connected, *bus_reconnects, *bus_refusals, *bus_denials; /* NULL when no bus is wanted */
    ov_log_settings log;
    bool probe; /* only ask the one that runs */
    ov_bus_settings bus_settings;
    char bus_name[64];
    _Atomic(ov_bus *) bus; /* set while HTTP threads run already */
    ov_bus_on_change on_change;
    void *on_change_arg;
    bool was_connected; /* only the bus's change callback uses it */
    ov_app_server servers[OV_APP_SERVERS];
    size_t server_count;
    pthread_mutex_t lock;            /* guards what follows */
    char waiting[OV_APP_TEXT_BYTES]; /* "" means ready */
    char refusal[OV_APP_TEXT_BYTES]; /* of the connection to the bus, while it lasts */
    struct {
        void (*wake)(void *arg);
        void *arg;
    } wakes[OV_APP_WAKES];
    size_t wake_count;
    enum { OV_APP_ASLEEP, OV_APP_WAKING, OV_APP_AWAKE } woken;
    pthread_cond_t awake;
};

/* ---- readiness.c ---- */
void ov_app_set_refusal(ov_app *app, const char *text);
/* The text of /readyz; true when ready. */
bool ov_app_readiness(ov_app *app, ov_buf *out);

/* ---- probe.c ---- */
extern const ov_setting ov_probe_table[]; /* fills one bool */
extern const size_t ov_probe_table_count;
/* Asks /readyz at the address that program->health_flag names; says the answer. The exit status: 0 ready, 1 not. */
int ov_app_probe(const ov_app_program *program);

/* ---- health.c ---- */
enum { OV_APP_OWN_ROUTES = 3 };
/* Our routes of the given bits; how many. */
size_t ov_app_health_routes(ov_app *app, unsigned which, ov_http_route out[OV_APP_OWN_ROUTES]);

#endif
