/* One thread: what the cluster gives goes to the tracking, what changes by it to the shipping, then it sleeps. */
#include "services/collector/collector.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/random.h"
#include "services/collector/cluster/files.h"
#include "services/collector/figures.h"
#include "services/collector/kube/live.h"
#include "services/collector/kube/patcher.h"
#include "services/collector/print.h"
#include "services/collector/settings.h"
#include "services/collector/ship/transport_bus.h"
#include "services/collector/ship/transport_http.h"

#include "base/poison.h"

enum { INSTANCE_BYTES = 8, REREADS_MAX = 3, TURN_MAX_MS = 1000, EVENTS_PER_TURN = 512 };

typedef struct {
    ov_app *app;
    const collector_settings *settings;
    cluster from;
    kube_access *access; /* NULL: dumps are read */
    patcher *statuses;   /* NULL too */
    tracking *what;
    ov_fetch_loop *loop;
    ov_inbox *inbox;
    transport to;
    shipping *ship;
    figures figures;
    char instance[2 * INSTANCE_BYTES + 1];
    char fingerprint[65]; /* of the cluster; empty: unknown */
    ov_buf tags, body;
    size_t given;          /* events since the last turn */
    bool trackers_changed; /* since the cluster was told what is wanted */
    ov_mono shown;         /* when the tracking's figures were set last */
    bool complete;         /* the whole cluster was read at least once */
    bool settled;          /* everything was delivered at least once */
    ov_mono troubled;      /* since when it cannot be read; 0: it can */
    ov_err unread;         /* what could not be read; empty: nothing */
} collector;

/* ---- start ---- */

static void wake_loop(void *arg)
{
    const collector *c = arg;
    ov_fetch_loop_wake(c->loop);
}

static void on_bus_change(void *arg, ov_bus_change change, const char *text)
{
    (void)change, (void)text;
    wake_loop(arg);
}

static ov_status open_bus(collector *c, ov_err *err)
{
    ov_status st = ov_app_open_bus(c->app, on_bus_change, c, err);
    if (st != OV_OK) return st;
    return transport_bus_open(ov_app_bus(c->app), c->inbox, ov_str_of(c->settings->agent_id), c->instance, &c->to, err);
}

/* A bus that somebody named wins over a control plane; with neither there is the bus's usual address. */
static ov_status open_transport(collector *c, ov_err *err)
{
    const collector_settings *s = c->settings;
    ov_status st;
    c->inbox = ov_inbox_new(TRANSPORT_INBOX, transport_event_drop);
    ov_inbox_on_put(c->inbox, wake_loop, c);
    ov_app_on_stop(c->app, wake_loop, c);
    if (ov_app_wants_bus(c->app) || !s->controlplane_url) {
        st = open_bus(c, err);
    } else {
        transport_http_options o = {s->controlplane_url, s->controlplane_token, ov_str_of(s->agent_id), c->instance};
        st = transport_http_open(c->loop, c->inbox, &o, &c->to, err);
    }
    if (st != OV_OK) return st;
    shipping_options o = {.agent_id = ov_str_of(s->agent_id),
                          .tags = ov_buf_str(&c->tags),
                          .instance = c->instance,
                          .fingerprint = ov_str_of(c->fingerprint),
                          .interval_ms = s->interval_ms,
                          .random = ov_random_u64()};
    c->ship = shipping_new(&o, &c->to);
    c->body.max = c->to.body_max(c->to.self);
    return OV_OK;
}

static void on_cluster_event(void *arg, const cluster_event *e)
{
    collector *c = arg;
    c->given++;
    c->trackers_changed |= ov_str_eq(e->kind, OV_STR(CLUSTER_TRACKERS)) && e->type != CLUSTER_SNAPSHOT;
    tracking_on_event(c->what, e);
}

static ov_status open_cluster(collector *c, ov_err *err)
{
    const collector_settings *s = c->settings;
    if (s->cluster_files) return files_open(s->cluster_files, c->figures.errors, on_cluster_event, c, &c->from, err);
    kube_access_options access = {.kubeconfig = s->kubeconfig, .context = s->kube_context};
    ov_status st = kube_access_open(&access, &c->access, err);
    if (st != OV_OK) return st;
    kube_access_fingerprint(c->access, c->fingerprint);
    live_options o = {s->watch_ms, s->idle_ms, {c->figures.restarts, c->figures.bytes, c->figures.errors}};
    live_open(&o, c->access, c->loop, on_cluster_event, c, &c->from);
    tracking_read_versions_apart(c->what);
    patcher_metrics m = {c->figures.statuses, c->figures.status_failures, c->figures.crd_outdated};
    if (!s->print) c->statuses = patcher_new(c->access, c->loop, c->what, &m);
    return OV_OK;
}

static ov_status serve(collector *c, ov_err *err)
{
    const collector_settings *s = c->settings;
    bool is_one = ov_str_eq(ov_str_of(s->metrics_address), ov_str_of(s->health_address));
    ov_httpd_options health = {.address = s->health_address, .threads = 2};
    ov_httpd_options metrics = {.address = s->metrics_address, .threads = 2};
    ov_app_set_waiting(c->app, "the first complete reading of the cluster");
    ov_status st = ov_app_serve(c->app, is_one ? OV_APP_HEALTH | OV_APP_METRICS : OV_APP_HEALTH, &health, err);
    return st == OV_OK && !is_one ? ov_app_serve(c->app, OV_APP_METRICS, &metrics, err) : st;
}

ov_status collector_start(ov_app *app, void *target, void **ret_service, ov_err *err)
{
    collector *c = ov_zalloc(sizeof *c);
    *ret_service = c;
    c->app = app;
    c->settings = target;
    c->tags = OV_BUF(COLLECTOR_TAGS_BYTES_MAX);
    c->body = OV_BUF(REPORT_BYTES_MAX);
    figures_init(&c->figures, ov_app_metrics(app));
    ov_random_hex(c->instance, INSTANCE_BYTES);
    ov_status st = collector_settings_check(c->settings, err);
    if (st == OV_OK) st = collector_tags_write(&c->settings->tags, &c->tags, err);
    if (st == OV_OK) st = ov_fetch_loop_new("opvic-collector/" OPVIC_VERSION, NULL, &c->loop, err);
    if (st != OV_OK) return st;
    c->what = tracking_new(ov_str_of(c->settings->agent_id), ov_buf_str(&c->tags));
    st = open_cluster(c, err);
    if (st == OV_OK && !c->settings->print) st = open_transport(c, err);
    if (st == OV_OK && !c->settings->once) st = serve(c, err);
    return st;
}

/* ---- loop ---- */

typedef struct {
    cluster_kind_id *items;
    size_t count, cap;
} kinds;

static void add_kind(void *arg, ov_str event_kind, const tracker_kind *kind)
{
    kinds *k = arg;
    ov_str group = kind_group(kind->api_version), plural = kind->builtin ? kind->builtin->plural : (ov_str){0};
    ov_str version = ov_str_sub(kind->api_version, group.len > 0 ? group.len + 1 : 0, kind->api_version.len);
    ov_grow(&k->items, &k->cap, k->count + 1, sizeof *k->items);
    k->items[k->count++] = (cluster_kind_id){event_kind, group, version, kind->kind, plural};
}

static void pass_kinds(collector *c)
{
    kinds k = {0};
    tracking_each_kind(c->what, add_kind, &k);
    c->from.want(c->from.self, k.items, k.count);
    free(k.items);
    c->trackers_changed = false;
}

/* What the trackers need of the cluster; true when something is to be given again. */
static bool pass_wishes(collector *c)
{
    ov_str kind;
    bool again = false;
    if (c->trackers_changed) pass_kinds(c);
    for (; tracking_takes_reread(c->what, &kind); again = true) c->from.reread(c->from.self, kind);
    return again;
}

/* Objects again as long as trackers changed, so that no report is rendered from a part of its objects. */
static ov_status step_cluster(collector *c, ov_mono now, ov_mono *ret_next, ov_err *err)
{
    ov_status st = c->from.step(c->from.self, now, ret_next, err);
    for (int i = 0; i < REREADS_MAX && pass_wishes(c); i++) st = c->from.step(c->from.self, now, ret_next, err);
    c->complete |= c->from.is_complete(c->from.self);
    return st;
}

/* Counting is work for every tracker: not at each of the many turns in which a large cluster is read. */
static void show_tracking(collector *c, ov_mono now)
{
    if (c->given == 0 || (c->shown.ms && ov_mono_since(now, c->shown) < TURN_MAX_MS)) return;
    c->given = 0;
    c->shown = now;
    figures_tracking(&c->figures, c->what);
}

static ov_status read_cluster(collector *c, ov_mono *ret_next)
{
    ov_mono begun = ov_mono_now();
    c->unread = (ov_err){0};
    ov_status st = step_cluster(c, begun, ret_next, &c->unread);
    ov_mono now = ov_mono_now();
    if (st == OV_OK || c->troubled.ms == 0) c->troubled = st == OV_OK ? (ov_mono){0} : now;
    if (st == OV_OK) figures_read(&c->figures, ov_wall_now(), c->given > 0 ? ov_mono_since(now, begun) : -1);
    show_tracking(c, now);
    return st;
}

static void take_events(collector *c, ov_mono now)
{
    for (int i = 0; i < EVENTS_PER_TURN; i++) {
        OV_CLEANUP(transport_event_free_p) transport_event *e = ov_inbox_take(c->inbox, (ov_mono){0});
        if (!e) return;
        shipping_on_event(c->ship, e, now);
    }
    ov_fetch_loop_wake(c->loop); /* there may be more */
}

/* Returns when the next report is due. */
static ov_mono hand_over(collector *c, ov_mono now)
{
    ov_str id;
    ov_mono next;
    tracking_pace pace = {now, c->settings->gather_ms, c->access != NULL};
    size_t max = c->to.body_max(c->to.self);
    if (max != c->body.max) {
        c->body.max = max;
        tracking_touch(c->what);
    }
    while (tracking_next_change(c->what, &pace, &id, &c->body, &next))
        shipping_put(c->ship, id, ov_buf_str(&c->body), now);
    if (c->complete) shipping_begin_heartbeats(c->ship, now);
    return next;
}

static void show_readiness(collector *c, const shipping_state *s)
{
    if (c->complete && s->pending == 0) c->settled = true;
    if (!c->complete)
        ov_app_set_waiting(c->app, "the first complete reading of the cluster%s%s", c->unread.msg[0] ? ": " : "",
                           c->unread.msg);
    else if (s->denied[0])
        ov_app_set_waiting(c->app, "%s to let us in: %s", c->to.name, s->denied);
    else if (!c->settled)
        ov_app_set_waiting(c->app, "%s to take the first reports%s%s", c->to.name, s->problem[0] ? ": " : "",
                           s->problem);
    else
        ov_app_set_waiting(c->app, "%s", "");
}

static ov_mono earlier(ov_mono a, ov_mono b)
{
    return a.ms < b.ms ? a : b;
}

/* Works, and sleeps until something is due or comes. */
static void sleep_until(collector *c, ov_mono next)
{
    int64_t wait_ms = next.ms == INT64_MAX ? TURN_MAX_MS : ov_mono_since(next, ov_mono_now());
    if (wait_ms > TURN_MAX_MS) wait_ms = TURN_MAX_MS;
    ov_fetch_loop_wait(c->loop, wait_ms > 0 ? wait_ms : 0);
}

static ov_status turn(collector *c, shipping_state *ret)
{
    ov_mono next;
    take_events(c, ov_mono_now());
    ov_status st = read_cluster(c, &next);
    ov_mono now = ov_mono_now();
    next = earlier(next, hand_over(c, now));
    if (c->statuses) next = earlier(next, patcher_step(c->statuses, now));
    next = earlier(next, shipping_step(c->ship, now));
    shipping_describe(c->ship, now, ret);
    figures_shipping(&c->figures, ret);
    show_readiness(c, ret);
    sleep_until(c, next);
    return st;
}

static ov_status fail_unread(const collector *c, ov_err *err)
{
    return ov_fail(err, OV_FAILED, "the cluster was not read whole: %s", c->unread.msg);
}

/* Of dumps everything that can be read is read at once; a server may be back soon. */
static bool is_hopeless(const collector *c)
{
    if (c->complete) return false;
    return !c->access || (c->troubled.ms && ov_mono_since(ov_mono_now(), c->troubled) >= COLLECTOR_PATIENCE_MS);
}

static ov_status print_once(collector *c, ov_err *err)
{
    ov_mono next, deadline = ov_mono_after(ov_mono_now(), COLLECTOR_ONCE_MS);
    ov_status read = read_cluster(c, &next);
    while (!c->complete && !is_hopeless(c) && ov_mono_now().ms < deadline.ms && !ov_app_stopping(c->app)) {
        sleep_until(c, next);
        read = read_cluster(c, &next);
    }
    if (c->access && !c->complete && read == OV_OK)
        return ov_fail(err, OV_FAILED, "the cluster was not read within %d s", COLLECTOR_ONCE_MS / 1000);
    ov_status st = print_reports(c->what, stdout, stderr, err);
    return st == OV_OK && read != OV_OK ? fail_unread(c, err) : st;
}

/* A cluster that was not read whole has no heartbeat to wait for. */
static bool is_done(const collector *c, const shipping_state *s)
{
    if (s->pending > 0 || !s->is_drained || !(c->complete ? s->heartbeat_stored : is_hopeless(c))) return false;
    return !c->statuses || patcher_is_idle(c->statuses, ov_mono_now());
}

static ov_status deliver_once(collector *c, ov_err *err)
{
    shipping_state s = {0};
    ov_status read = OV_OK;
    ov_mono deadline = ov_mono_after(ov_mono_now(), COLLECTOR_ONCE_MS);
    do {
        if (turn(c, &s) != OV_OK) read = fail_unread(c, err);
        if (s.denied[0]) return ov_fail(err, OV_FAILED, "%s does not let us in: %s", c->to.name, s.denied);
        if (ov_mono_now().ms > deadline.ms)
            return ov_fail(err, OV_FAILED, "not delivered within %d s: %zu reports wait%s%s", COLLECTOR_ONCE_MS / 1000,
                           s.pending, s.problem[0] ? ": " : "", s.problem);
    } while (!is_done(c, &s) && !ov_app_stopping(c->app));
    if (s.refused_any) return ov_fail(err, OV_FAILED, "some reports were refused by %s", c->to.name);
    return read;
}

ov_status collector_loop(ov_app *app, void *service, ov_err *err)
{
    collector *c = service;
    shipping_state ignored;
    if (c->settings->print) return print_once(c, err);
    if (c->settings->once) return deliver_once(c, err);
    ov_log_info("collector runs", "agent", c->settings->agent_id, "instance", c->instance, "to", c->to.name);
    while (!ov_app_stopping(app)) (void)turn(c, &ignored); /* what was not read is told where it is read */
    return OV_OK;
}

/* ---- end ---- */

/* What is in flight is waited for, so that nothing that was stored counts as lost; nothing new is sent. */
void collector_drain(ov_app *app, void *service)
{
    collector *c = service;
    shipping_state s = {0};
    (void)app;
    if (!c->ship) return;
    ov_mono deadline = ov_mono_after(ov_mono_now(), COLLECTOR_DRAIN_MS);
    for (;;) {
        ov_mono now = ov_mono_now();
        take_events(c, now);
        shipping_describe(c->ship, now, &s);
        if (s.is_drained || now.ms >= deadline.ms) break;
        ov_fetch_loop_wait(c->loop, ov_mono_since(deadline, now));
    }
    ov_inbox_stop(c->inbox);
}

void collector_free(void *service)
{
    collector *c = service;
    patcher_free(c->statuses);
    if (c->from.free) c->from.free(c->from.self);
    kube_access_free(c->access);
    ov_fetch_loop_free(c->loop);
    if (c->to.free) c->to.free(c->to.self);
    shipping_free(c->ship);
    if (c->inbox) ov_inbox_free(c->inbox);
    tracking_free(c->what);
    figures_clear(&c->figures);
    ov_buf_clear(&c->tags);
    ov_buf_clear(&c->body);
    free(c);
}
