/* Leads a service through its life: settings, signals, start, bus, loop, drain, end. */
#include <stdio.h>
#include <stdlib.h>

#include "app/state.h"
#include "base/log.h"
#include "base/mem.h"

#include "base/poison.h"

/* The parts of a stop together stay below OV_APP_STOP_MS. */
enum { HTTP_DRAIN_MS = 5000, BUS_DRAIN_MS = 5000, PROBLEMS_BYTES_MAX = 65536 };
enum { STATUS_FAILED = 1, STATUS_SETTINGS = 2 };

/* ---- stopping ---- */

bool ov_app_stopping(const ov_app *app)
{
    return atomic_load(&app->stopping);
}

void ov_app_stop(ov_app *app)
{
    atomic_store(&app->stopping, true);
    ov_signals_stop(&app->signals);
}

/* The first caller wakes everybody, others wait until that is done: afterwards no wake-up runs. */
static void wake_all(ov_app *app)
{
    pthread_mutex_lock(&app->lock);
    bool first = app->woken == OV_APP_ASLEEP;
    if (first) app->woken = OV_APP_WAKING; /* what is added from here on is called by who adds it */
    size_t count = app->wake_count;
    pthread_mutex_unlock(&app->lock);
    for (size_t i = 0; first && i < count; i++) app->wakes[i].wake(app->wakes[i].arg);
    pthread_mutex_lock(&app->lock);
    if (first) app->woken = OV_APP_AWAKE;
    while (app->woken != OV_APP_AWAKE) pthread_cond_wait(&app->awake, &app->lock);
    pthread_cond_broadcast(&app->awake);
    pthread_mutex_unlock(&app->lock);
}

/* On the signal thread. */
static void begin_stop(void *arg)
{
    ov_app *app = arg;
    atomic_store(&app->stopping, true);
    wake_all(app);
}

void ov_app_on_stop(ov_app *app, void (*wake)(void *arg), void *arg)
{
    pthread_mutex_lock(&app->lock);
    bool late = app->woken != OV_APP_ASLEEP;
    if (!late) {
        if (app->wake_count == OV_APP_WAKES) abort();
        app->wakes[app->wake_count].wake = wake;
        app->wakes[app->wake_count++].arg = arg;
    }
    pthread_mutex_unlock(&app->lock);
    if (late) wake(arg);
}

/* ---- the bus ---- */

static void count_denials(ov_app *app)
{
    ov_bus *bus = ov_app_bus(app);
    if (bus) ov_metric_set(app->bus_denials, NULL, (double)ov_bus_denial_count(bus));
}

/* A right that stays away is told about once. */
static void on_rights_change(ov_app *app, ov_bus_change change, const char *text)
{
    if (change == OV_BUS_ALLOWED)
        ov_log_info("bus no longer refuses", "what", text);
    else
        ov_metric_add(app->bus_refusals, NULL, 1);
    if (change == OV_BUS_DENIED) ov_log_error("bus refused", "error", text);
    count_denials(app);
}

static void on_bus_change(void *arg, ov_bus_change change, const char *text)
{
    ov_app *app = arg;
    if (change == OV_BUS_UP) {
        ov_log_info("bus connected", "server", text);
        if (app->was_connected) ov_metric_add(app->bus_reconnects, NULL, 1);
        app->was_connected = true;
        ov_app_set_refusal(app, "");
    } else if (change == OV_BUS_DOWN) {
        ov_log_warn("bus disconnected", "error", text);
    } else if (change == OV_BUS_REFUSED) {
        ov_log_warn("bus refused", "error", text);
        ov_metric_add(app->bus_refusals, NULL, 1);
        ov_app_set_refusal(app, text);
    } else {
        on_rights_change(app, change, text);
    }
    if (change == OV_BUS_UP || change == OV_BUS_DOWN) ov_metric_set(app->bus_connected, NULL, change == OV_BUS_UP);
    if (app->on_change) app->on_change(app->on_change_arg, change, text);
}

static void add_bus_metrics(ov_app *app)
{
    ov_metrics *m = app->metrics;
    app->bus_connected =
        ov_metrics_add(m, OV_METRIC_GAUGE, "opvic_bus_connected", "Whether the bus is connected.", NULL, 0);
    app->bus_reconnects = ov_metrics_add(m, OV_METRIC_COUNTER, "opvic_bus_reconnects_total",
                                         "Connections to the bus after the first one.", NULL, 0);
    app->bus_refusals =
        ov_metrics_add(m, OV_METRIC_COUNTER, "opvic_bus_refusals_total",
                       "What the bus refused: a connection, or something for want of a right.", NULL, 0);
    app->bus_denials =
        ov_metrics_add(m, OV_METRIC_GAUGE, "opvic_bus_permissions_denied",
                       "Subjects that the bus does not let its user publish or subscribe to, now.", NULL, 0);
}

bool ov_app_wants_bus(const ov_app *app)
{
    return app->bus_settings.url != NULL;
}

/* url: that of the settings, or its default. */
static ov_bus_options bus_options(const ov_app *app, const char *url)
{
    const ov_bus_settings *s = &app->bus_settings;
    return (ov_bus_options){.url = url,
                            .name = app->bus_name,
                            .credentials_file = s->credentials_file,
                            .user = s->user,
                            .password = s->password,
                            .tls_ca_file = s->tls_ca_file,
                            .tls_cert_file = s->tls_cert_file,
                            .tls_key_file = s->tls_key_file,
                            .inbox_prefix = s->inbox_prefix};
}

static const char *bus_url(const ov_app *app)
{
    const char *url = app->bus_settings.url;
    return url || !app->program->optional_bus ? url : ov_bus_table[0].fallback;
}

/* The row of the table whose flag ends in the option that the message begins with; NULL: none. */
static const ov_setting *bus_setting_of(ov_str message)
{
    ov_str option = ov_str_sub(message, 0, ov_str_find(message, ':', 0));
    for (size_t i = 0; i < ov_bus_table_count; i++) {
        ov_str flag = ov_str_of(ov_bus_table[i].flag);
        if (ov_str_eq(ov_str_sub(flag, sizeof "nats." - 1, flag.len), option)) return &ov_bus_table[i];
    }
    return NULL;
}

/* Before anything listens: what the table of settings cannot tell, named as the operator knows it. */
static ov_status check_bus(const ov_app *app, ov_err *err)
{
    if (!bus_url(app))
        return ov_fail(err, OV_INVALID, "--nats.url or NATS_URL: missing: expected the servers of the bus");
    ov_bus_options o = bus_options(app, bus_url(app));
    ov_err why = {0};
    ov_status status = ov_bus_check(&o, &why);
    if (status == OV_OK) return OV_OK;
    const ov_setting *of = bus_setting_of(ov_str_of(why.msg));
    if (!of) return ov_fail(err, status, "bus: %.240s", why.msg);
    return ov_fail(err, status, "--%s or %s%.200s", of->flag, of->env, strchr(why.msg, ':'));
}

ov_status ov_app_open_bus(ov_app *app, ov_bus_on_change on_change, void *arg, ov_err *err)
{
    if (!app->bus_connected) add_bus_metrics(app);
    ov_bus_options o = bus_options(app, bus_url(app));
    app->on_change = on_change;
    app->on_change_arg = arg;
    ov_bus *bus;
    ov_status status = ov_bus_open(&o, on_bus_change, app, &bus, err);
    if (status != OV_OK) return status;
    atomic_store(&app->bus, bus);
    count_denials(app); /* for what was refused before it was known */
    return OV_OK;
}

ov_bus *ov_app_bus(ov_app *app)
{
    return atomic_load(&app->bus);
}

ov_metrics *ov_app_metrics(ov_app *app)
{
    return app->metrics;
}

/* ---- the life ---- */

static ov_app *app_new(const ov_app_program *program)
{
    ov_app *app = ov_zalloc(sizeof *app);
    app->program = program;
    snprintf(app->waiting, sizeof app->waiting, "start");
    snprintf(app->bus_name, sizeof app->bus_name, "opvic-%s", program->name);
    pthread_mutex_init(&app->lock, NULL);
    pthread_cond_init(&app->awake, NULL);
    return app;
}

static void app_free(ov_app *app)
{
    ov_metrics_free(app->metrics);
    pthread_cond_destroy(&app->awake);
    pthread_mutex_destroy(&app->lock);
    free(app);
}

/* The bus's table; without a default server where a service may do without a bus. */
static void copy_bus_table(const ov_app_program *program, ov_setting *out)
{
    memcpy(out, ov_bus_table, ov_bus_table_count * sizeof *out);
    if (program->optional_bus) out[0].fallback = NULL;
}

static int fail_start(ov_status status, const ov_err *err)
{
    ov_log_error("cannot start", "error", err->msg);
    return status == OV_FAILED ? STATUS_FAILED : STATUS_SETTINGS;
}

static ov_status open_wanted_bus(ov_app *app, ov_err *err)
{
    if (app->program->optional_bus || ov_app_bus(app)) return OV_OK;
    return ov_app_open_bus(app, NULL, NULL, err);
}

static int run_steps(ov_app *app, void **service)
{
    const ov_app_program *p = app->program;
    ov_err err = {0};
    ov_status status = check_bus(app, &err);
    if (status == OV_OK) status = p->start(app, p->target, service, &err);
    if (status == OV_OK) status = open_wanted_bus(app, &err);
    if (status != OV_OK) return fail_start(status, &err);
    status = p->loop(app, *service, &err);
    if (status != OV_OK) ov_log_error("failed", "error", err.msg);
    ov_app_stop(app); /* also when the loop ended by itself: others wait for it, and the stop's time is watched */
    wake_all(app);
    if (p->drain) p->drain(app, *service);
    return status == OV_OK ? EXIT_SUCCESS : STATUS_FAILED;
}

/* From the outside in: requests, messages, memory. */
static void close_all(ov_app *app, void *service)
{
    wake_all(app); /* nothing of the service is called any more that is not below */
    for (size_t i = 0; i < app->server_count; i++) {
        ov_httpd_close(app->servers[i].httpd, HTTP_DRAIN_MS / (int64_t)app->server_count);
        free(app->servers[i].routes);
    }
    if (ov_app_bus(app)) ov_bus_close(ov_app_bus(app), BUS_DRAIN_MS);
    if (service) app->program->free(service);
}

static int run(ov_app *app)
{
    void *service = NULL;
    ov_log_setup(app->program->name, (ov_log_level)app->log.level, (ov_log_format)app->log.format);
    app->metrics = ov_metrics_new();
    if (ov_app_wants_bus(app)) add_bus_metrics(app);
    ov_signals_start(&app->signals, begin_stop, app, OV_APP_STOP_MS);
    ov_log_info("starting", "version", OPVIC_VERSION);
    int code = run_steps(app, &service);
    close_all(app, service);
    ov_signals_end(&app->signals);
    ov_log_info("stopped");
    return code;
}

static void print_problems(const char *program, ov_str text)
{
    ov_str line;
    while (ov_str_split(&text, '\n', &line))
        if (line.len) fprintf(stderr, "%s: %.*s\n", program, OV_STR_ARG(line));
}

int ov_app_main(const ov_app_program *program, int argc, char **argv)
{
    ov_app *app = app_new(program);
    char name[64];
    snprintf(name, sizeof name, "opvic-%s", program->name);
    OV_CLEANUP(ov_free_p) ov_setting *bus_table = ov_calloc(ov_bus_table_count, sizeof *bus_table);
    copy_bus_table(program, bus_table);
    const ov_settings_table tables[] = {
        {program->settings, program->setting_count, program->target},
        {bus_table, ov_bus_table_count, &app->bus_settings},
        {ov_log_table, ov_log_table_count, &app->log},
        {ov_probe_table, ov_probe_table_count, &app->probe},
    };
    OV_CLEANUP(ov_buf_clear) ov_buf problems = OV_BUF(PROBLEMS_BYTES_MAX);
    ov_settings_outcome outcome;
    int code = EXIT_SUCCESS;
    if (ov_settings_load_all(name, program->purpose, tables, OV_COUNT(tables), argc, argv, &outcome, &problems) !=
        OV_OK) {
        print_problems(name, ov_buf_str(&problems));
        code = STATUS_SETTINGS;
    } else if (outcome == OV_SETTINGS_RUN) {
        code = app->probe ? ov_app_probe(program) : run(app);
        ov_settings_clear(tables, OV_COUNT(tables));
    }
    app_free(app);
    return code;
}
