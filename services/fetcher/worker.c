/* One job after another: taken from the feeders, dropped when overtaken, looked up, stored, acknowledged. */
#include "services/fetcher/worker.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/log.h"
#include "base/mem.h"
#include "bus/streams.h"
#include "proto/subjects.h"
#include "services/fetcher/budget_bus.h"
#include "services/fetcher/feeder.h"
#include "services/fetcher/publish.h"
#include "base/poison.h"

enum {
    RETURN_MS = 5000, /* before a job that could not be stored is delivered again */
    DELIVERIES_MAX = 5,
    PROVIDERS_MAX = 8
};

typedef struct {
    workers *all;
    pthread_t thread;
    ov_fetch *fetch;
    credentials_user *credentials;
    ov_bus_in *current; /* the message whose job runs */
    ov_mono told;       /* when the bus last heard of it */
} worker;

struct workers {
    worker_options o;
    intake *intake;
    feeder *feeders[PROVIDERS_MAX]; /* at the places of provider_table */
    ov_inbox *stopping;             /* nothing is ever put in: waiting in it ends when the program does */
    ov_inbox *left;                 /* each worker puts itself in when it has finished */
    bool abandon;                   /* ends running looks; set and read atomically */
    size_t started;
    worker *each;
    budget_bus shared;
    budget_store store;
    budget budget;
    hosts hosts;
};

static void on_alive(void *arg)
{
    worker *w = arg;
    ov_mono now = ov_mono_now();
    if (!w->current || ov_mono_since(now, w->told) < FEEDER_PROGRESS_MS) return;
    ov_bus_in_progress(w->current);
    w->told = now;
}

static void on_asked(void *arg, const char *url, unsigned status)
{
    const worker *w = arg;
    fetcher_metrics_request(w->all->o.metrics, url, status);
}

static publisher publisher_of(worker *w)
{
    return (publisher){.bus = w->all->o.bus, .stopping = w->all->stopping, .alive = on_alive, .arg = w};
}

static void acknowledge(ov_bus_in *m)
{
    ov_err err = {0};
    if (ov_bus_ack(m, &err) != OV_OK)
        ov_log_warn("acknowledgement not confirmed: the job may come again and is dropped then", "reason", err.msg);
}

static void give_back(worker *w, ov_bus_in *m, const char *reason, int64_t delay_ms)
{
    ov_metric_add(w->all->o.metrics->undone, NULL, 1);
    ov_log_warn("job returned to the queue", "subject", OV_FMT("%.*s", OV_STR_ARG(ov_bus_in_subject(m))), "reason",
                reason);
    ov_bus_nak(m, delay_ms);
}

static void bury(worker *w, ov_bus_in *m, const char *reason)
{
    ov_err err = {0};
    publisher p = publisher_of(w);
    if (publish_dead_job(&p, m, reason, &err) != OV_OK) {
        give_back(w, m, err.msg, RETURN_MS);
        return;
    }
    ov_metric_add(w->all->o.metrics->dead, NULL, 1);
    ov_log_error("dropped: job written to " STREAM_DEAD, "sequence",
                 OV_FMT("%llu", (unsigned long long)ov_bus_in_seq(m)), "reason", reason);
    acknowledge(m);
}

/* ---- one job ---- */

static void drop(worker *w, const job *j, const char *reason)
{
    OV_CLEANUP(ov_free_p) char *source = ov_dup(j->source);
    ov_metric_add(w->all->o.metrics->dropped, NULL, 1);
    ov_log_info("job dropped", "source", source, "reason", reason);
}

static void log_look(const job *j, const look_result *r, int64_t took_ms)
{
    OV_CLEANUP(ov_free_p) char *source = ov_dup(j->source);
    const char *failure = r->failure == FAILURE_NONE ? NULL : lookup_failure_name(r->failure);
    ov_log(r->outcome == LOOKUP_FAILED ? OV_LOG_WARN : OV_LOG_INFO, "looked", "source", source, "outcome",
           lookup_outcome_name(r->outcome), "failure", failure, "reason", r->message[0] ? r->message : NULL, "requests",
           OV_FMT("%lld", (long long)r->requests), "took", OV_FMT("%lldms", (long long)took_ms), NULL);
}

static void store_look(worker *w, size_t provider_at, ov_bus_in *m, const job *j, const earlier *before, look_result *r,
                       int64_t took_ms)
{
    ov_err err = {0};
    publisher p = publisher_of(w);
    ov_status status = publish_look(&p, j, r, before, ov_wall_now().ms / 1000, &err);
    if (status == OV_NOT_FOUND) {
        drop(w, j, err.msg); /* not acknowledged: whoever has it now does that, and if nobody has it comes again */
        return;
    }
    if (status != OV_OK) {
        give_back(w, m, err.msg, RETURN_MS);
        return;
    }
    fetcher_metrics_look(w->all->o.metrics, provider_table[provider_at]->name, r, took_ms);
    log_look(j, r, took_ms);
    acknowledge(m);
}

static void do_job(worker *w, size_t provider_at, ov_bus_in *m, const job *j, const earlier *before)
{
    look_options o = w->all->o.look;
    o.stop = &w->all->abandon;
    o.alive = on_alive;
    o.asked = on_asked;
    o.arg = w;
    o.hosts = &w->all->hosts;
    o.credential = credentials_give;
    o.credential_failure = credentials_user_failure;
    o.identity_token = credentials_identity_token;
    o.credential_id = credentials_user_id;
    o.credential_arg = w->credentials;
    credentials_user_begin(w->credentials);
    ov_mono began = ov_mono_now();
    OV_CLEANUP(look_result_clear) look_result r;
    look_run(&o, w->fetch, j, outcome_may_be_conditional(j, earlier_outcome(before)), ov_wall_now().ms / 1000,
             &w->all->budget, &r);
    if (r.outcome == LOOKUP_FAILED && r.status == 401) credentials_user_refused(w->credentials);
    if (r.stopped)
        give_back(w, m, "the fetcher stops", 0);
    else
        store_look(w, provider_at, m, j, before, &r, ov_mono_since(ov_mono_now(), began));
}

static void run_job(worker *w, size_t provider_at, ov_bus_in *m, const job *j)
{
    OV_CLEANUP(earlier_clear) earlier before;
    ov_err err = {0};
    if (earlier_read(w->all->o.bus, j, on_alive, w, &before, &err) != OV_OK) {
        give_back(w, m, err.msg, RETURN_MS);
    } else if (before.seq > (uint64_t)j->after) {
        drop(w, j, "its outcome is stored already");
        acknowledge(m);
    } else {
        do_job(w, provider_at, m, j, &before);
    }
}

static bool subject_fits(const ov_bus_in *m, const job *j)
{
    char subject[SUBJECT_MAX];
    subject_job(j->provider, j->source, subject);
    return ov_str_eq(ov_bus_in_subject(m), ov_str_of(subject));
}

static void handle(worker *w, size_t provider_at, ov_bus_in *m)
{
    OV_CLEANUP(job_clear) job j = {0};
    ov_err err = {0};
    w->current = m;
    w->told = ov_mono_now();
    if (ov_bus_in_deliveries(m) > DELIVERIES_MAX)
        bury(w, m, "delivered too often without an outcome");
    else if (job_decode(ov_bus_in_data(m), &j, &err) != OV_OK)
        bury(w, m, err.msg);
    else if (!subject_fits(m, &j))
        bury(w, m, "job: source: does not fit the subject");
    else
        run_job(w, provider_at, m, &j);
    w->current = NULL;
}

/* ---- the thread ---- */

static void *work(void *arg)
{
    worker *w = arg;
    feeder_load *load;
    while ((load = intake_take(w->all->intake))) {
        handle(w, load->provider_at, load->message);
        feeder_load_free(load);
    }
    (void)ov_inbox_put(w->all->left, w);
    return NULL;
}

static credentials_user *user_of(worker *w)
{
    const look_options *o = &w->all->o.look;
    const credentials_way way = {.fetch = w->fetch,
                                 .policy = o->policy,
                                 .stop = &w->all->abandon,
                                 .connect_ms = o->connect_ms,
                                 .asked = on_asked,
                                 .arg = w};
    return credentials_user_new(w->all->o.credentials, &way);
}

static ov_status start_worker(workers *all, size_t number, ov_err *err)
{
    worker *w = &all->each[number];
    *w = (worker){.all = all};
    ov_status status = ov_fetch_new("opvic-fetcher/" OPVIC_VERSION, all->o.ca_file, &w->fetch, err);
    if (status != OV_OK) return status;
    w->credentials = user_of(w);
    if (pthread_create(&w->thread, NULL, work, w) == 0) return OV_OK;
    credentials_user_free(w->credentials);
    ov_fetch_free(w->fetch);
    return ov_fail(err, OV_FAILED, "worker %zu: no thread could be started", number);
}

/* One worker at least is left to all other hosts, whatever the setting. */
static int64_t at_one_host(const worker_options *o)
{
    int64_t others = o->count > 1 ? (int64_t)o->count - 1 : 1;
    return o->looks_per_host < others ? o->looks_per_host : others;
}

static bool has_free_worker(void *in)
{
    return intake_has_room(in);
}

static workers *workers_new(const worker_options *o)
{
    workers *all = ov_zalloc(sizeof *all);
    all->o = *o;
    all->stopping = ov_inbox_new(1, NULL);
    all->left = ov_inbox_new(o->count, NULL);
    all->intake = intake_new();
    all->each = ov_calloc(o->count, sizeof *all->each);
    all->shared.bus = o->bus;
    all->store = budget_bus_store(&all->shared);
    budget_init(&all->budget);
    budget_configure(&all->budget, &(budget_options){.store = &all->store,
                                                     .reserve_percent = o->budget_reserve,
                                                     .seen = fetcher_metrics_budget,
                                                     .arg = o->metrics});
    hosts_init(&all->hosts, &(hosts_options){.at_once = at_one_host(o),
                                             .may_wait = has_free_worker,
                                             .wait_arg = all->intake,
                                             .changed = fetcher_metrics_circuit,
                                             .arg = o->metrics});
    return all;
}

ov_status workers_start(const worker_options *o, workers **ret, ov_err *err)
{
    workers *all = workers_new(o);
    ov_status status = OV_OK;
    for (size_t i = 0; i < o->count && status == OV_OK; i++) {
        status = start_worker(all, i, err);
        if (status == OV_OK) all->started++;
    }
    for (size_t i = 0; provider_table[i] && status == OV_OK; i++)
        status = feeder_start(o->bus, all->intake, i, &all->feeders[i], err);
    if (status == OV_OK)
        *ret = all;
    else
        workers_finish(all, 0);
    return status;
}

static void workers_free(workers *all)
{
    intake_free(all->intake);
    ov_inbox_free(all->left);
    ov_inbox_free(all->stopping);
    hosts_clear(&all->hosts);
    budget_clear(&all->budget);
    free(all->each);
    free(all);
}

void workers_finish(workers *all, int64_t drain_ms)
{
    if (!all) return;
    ov_inbox_stop(all->stopping);
    intake_stop(all->intake);
    ov_mono until = ov_mono_after(ov_mono_now(), drain_ms);
    size_t left = 0;
    while (left < all->started && ov_inbox_take(all->left, until)) left++;
    if (left < all->started) __atomic_store_n(&all->abandon, true, __ATOMIC_RELAXED);
    for (size_t i = 0; i < all->started; i++) {
        pthread_join(all->each[i].thread, NULL);
        credentials_user_free(all->each[i].credentials);
        ov_fetch_free(all->each[i].fetch);
    }
    for (size_t i = 0; i < PROVIDERS_MAX; i++) feeder_finish(all->feeders[i]);
    budget_return(&all->budget, ov_wall_now().ms / 1000);
    workers_free(all);
}
