/* One job after another: taken from any provider's queue, dropped when overtaken, looked up, stored, acknowledged. */
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
#include "services/fetcher/publish.h"
#include "base/poison.h"

enum {
    ACK_WAIT_MS = 15000, /* a killed worker's job comes back after that */
    PROGRESS_MS = 4000,  /* a living one says so that often */
    PULL_MS = 250,       /* on one provider's queue before the next is tried */
    RETRY_MS = 1000,     /* after the bus could not be asked */
    RETURN_MS = 5000,    /* before a job that could not be stored is delivered again */
    DELIVERIES_MAX = 5,
    PROVIDERS_MAX = 8
};

typedef struct {
    workers *all;
    size_t number;
    pthread_t thread;
    ov_fetch *fetch;
    credentials_user *credentials;
    ov_bus_puller *pullers[PROVIDERS_MAX]; /* at the places of provider_table */
    uint64_t problems[PROVIDERS_MAX];      /* hash of what was told last about each, 0: nothing */
    ov_bus_in *current;                    /* the message whose job runs */
    ov_mono told;                          /* when the bus last heard of it */
} worker;

struct workers {
    worker_options o;
    ov_inbox *stopping; /* nothing is ever put in: waiting in it ends when the program does */
    ov_inbox *left;     /* each worker puts itself in when it has finished */
    bool abandon;       /* ends running looks; set and read atomically */
    size_t started;
    worker *each;
    budget_bus shared;
    budget_store store;
    budget budget;
};

static void on_alive(void *arg)
{
    worker *w = arg;
    ov_mono now = ov_mono_now();
    if (!w->current || ov_mono_since(now, w->told) < PROGRESS_MS) return;
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

static ov_status open_puller(worker *w, size_t at, ov_err *err)
{
    if (w->pullers[at]) return OV_OK;
    const char *name = provider_table[at]->name;
    char durable[64], filter[SUBJECT_MAX];
    snprintf(durable, sizeof durable, "fetcher-%s", name);
    snprintf(filter, sizeof filter, "%.*s%s.>", (int)(sizeof SUBJECT_JOBS - 2), SUBJECT_JOBS, name);
    return ov_bus_puller_open(w->all->o.bus, STREAM_JOBS, durable, filter, ACK_WAIT_MS, &w->pullers[at], err);
}

/* What stays the same is told once. */
static void tell_why(uint64_t *told, const char *reason)
{
    uint64_t hash = ov_str_hash(ov_str_of(reason));
    if (*told == hash) return;
    *told = hash;
    ov_log_warn("no jobs: retried every second", "reason", reason);
}

static void take_one(worker *w, size_t at)
{
    ov_err err = {0};
    OV_CLEANUP(ov_bus_in_free_p) ov_bus_in *m = NULL;
    ov_status status = open_puller(w, at, &err);
    if (status == OV_OK) status = ov_bus_pull(w->pullers[at], PULL_MS, &m, &err);
    if (status == OV_OK) {
        handle(w, at, m);
        return;
    }
    if (status == OV_NOT_FOUND && w->pullers[at]) {
        w->problems[at] = 0;
        return;
    }
    if (status == OV_FAILED || status == OV_INVALID) tell_why(&w->problems[at], err.msg);
    (void)ov_inbox_take(w->all->stopping, ov_mono_after(ov_mono_now(), RETRY_MS));
}

static void *work(void *arg)
{
    worker *w = arg;
    size_t providers = 0;
    while (provider_table[providers]) providers++;
    /* Workers begin at different queues, so that each queue is waited on by somebody. */
    for (size_t turn = w->number; !ov_inbox_is_stopped(w->all->stopping); turn++) take_one(w, turn % providers);
    for (size_t i = 0; i < providers; i++)
        if (w->pullers[i]) ov_bus_puller_close(w->pullers[i]);
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

ov_status workers_start(const worker_options *o, workers **ret, ov_err *err)
{
    workers *all = ov_zalloc(sizeof *all);
    all->o = *o;
    all->stopping = ov_inbox_new(1, NULL);
    all->left = ov_inbox_new(o->count, NULL);
    all->shared.bus = o->bus;
    all->store = budget_bus_store(&all->shared);
    budget_init(&all->budget);
    budget_configure(&all->budget, &(budget_options){.store = &all->store, .reserve_percent = o->budget_reserve});
    all->each = ov_calloc(o->count, sizeof *all->each);
    ov_status status = OV_OK;
    for (size_t i = 0; i < o->count && status == OV_OK; i++) {
        worker *w = &all->each[i];
        *w = (worker){.all = all, .number = i};
        status = ov_fetch_new("opvic-fetcher/" OPVIC_VERSION, o->ca_file, &w->fetch, err);
        if (status == OV_OK) w->credentials = user_of(w);
        if (status == OV_OK && pthread_create(&w->thread, NULL, work, w) != 0) {
            credentials_user_free(w->credentials);
            ov_fetch_free(w->fetch);
            status = ov_fail(err, OV_FAILED, "worker %zu: no thread could be started", i);
        }
        if (status == OV_OK) all->started++;
    }
    if (status == OV_OK)
        *ret = all;
    else
        workers_finish(all, 0);
    return status;
}

void workers_finish(workers *all, int64_t drain_ms)
{
    if (!all) return;
    ov_inbox_stop(all->stopping);
    ov_mono until = ov_mono_after(ov_mono_now(), drain_ms);
    size_t left = 0;
    while (left < all->started && ov_inbox_take(all->left, until)) left++;
    if (left < all->started) __atomic_store_n(&all->abandon, true, __ATOMIC_RELAXED);
    for (size_t i = 0; i < all->started; i++) {
        pthread_join(all->each[i].thread, NULL);
        credentials_user_free(all->each[i].credentials);
        ov_fetch_free(all->each[i].fetch);
    }
    ov_inbox_free(all->left);
    ov_inbox_free(all->stopping);
    budget_return(&all->budget, ov_wall_now().ms / 1000);
    budget_clear(&all->budget);
    free(all->each);
    free(all);
}
