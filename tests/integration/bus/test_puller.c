/* Jobs: each to one worker, back after its time or when given back, across a restart. */
#include "fixture.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { JOBS = 400, WORKERS = 2, ACK_WAIT_MS = 30000 };

static void jobs_stream(ov_bus *bus)
{
    const char *subjects[] = {"job.>", NULL};
    ov_bus_stream want = {.name = "JOBS",
                          .subjects = subjects,
                          .retention = OV_RETENTION_WORKQUEUE,
                          .replicas = 1,
                          .max_bytes = -1,
                          .max_msgs = -1,
                          .max_msgs_per_subject = -1,
                          .duplicate_window_ms = 60000,
                          .discard_new = true};
    ov_err err = {0};
    CHECK_OK(ov_bus_stream_ensure(bus, &want, &err), &err);
}

/* Pulls until a job comes, a status that is final, or the time is over. */
static ov_status pull(ov_bus_puller *p, int64_t within_ms, ov_bus_in **ret, ov_err *err)
{
    ov_mono deadline = ov_mono_after(ov_mono_now(), within_ms);
    ov_status s;
    do s = ov_bus_pull(p, 100, ret, err);
    while ((s == OV_NOT_FOUND || s == OV_RETRY) && ov_mono_since(ov_mono_now(), deadline) < 0);
    return s;
}

/* ---- two workers ---- */

static atomic_int done[JOBS], total;

typedef struct {
    ov_bus *bus;
    pthread_t thread;
    int given_back, taken;
} worker;

static void work(worker *w, ov_bus_in *job)
{
    char number[16];
    ov_err err = {0};
    snprintf(number, sizeof number, "%.*s", OV_STR_ARG(ov_bus_in_data(job)));
    int i = (int)strtol(number, NULL, 10);
    /* Every tenth job fails at its first delivery. */
    if (i % 10 == 0 && ov_bus_in_deliveries(job) == 1) {
        ov_bus_nak(job, i % 20 ? 50 : 0);
        w->given_back++;
        return;
    }
    ov_bus_in_progress(job);
    if (ov_bus_ack(job, &err)) return;
    w->taken++;
    done[i]++;
    total++;
}

static void *run_worker(void *arg)
{
    worker *w = arg;
    ov_bus_puller *p = NULL;
    ov_err err = {0};
    if (ov_bus_puller_open(w->bus, "JOBS", "workers", "job.a.>", ACK_WAIT_MS, &p, &err)) return NULL;
    ov_mono deadline = ov_mono_after(ov_mono_now(), FIXTURE_WAIT_MS);
    while (total < JOBS && ov_mono_since(ov_mono_now(), deadline) < 0) {
        OV_CLEANUP(ov_bus_in_free_p) ov_bus_in *job = NULL;
        if (ov_bus_pull(p, 200, &job, &err) == OV_OK) work(w, job);
    }
    ov_bus_puller_close(p);
    return NULL;
}

static void test_each_job_once(fixture_bus *f, fixture_bus *other)
{
    check_case("each job once");
    worker workers[WORKERS] = {{.bus = f->bus}, {.bus = other->bus}};
    for (int i = 0; i < WORKERS; i++) pthread_create(&workers[i].thread, NULL, run_worker, &workers[i]);
    for (int i = 0; i < JOBS; i++) {
        char subject[32], text[16];
        snprintf(subject, sizeof subject, "job.a.%d", i);
        snprintf(text, sizeof text, "%d", i);
        fixture_put(f->bus, subject, text);
    }
    for (int i = 0; i < WORKERS; i++) pthread_join(workers[i].thread, NULL);
    int wrong = 0;
    for (int i = 0; i < JOBS; i++) wrong += done[i] != 1;
    CHECK_INT(wrong, 0);
    CHECK_INT(workers[0].taken + workers[1].taken, JOBS);
    CHECK_INT(workers[0].given_back + workers[1].given_back, JOBS / 10);
    CHECK(workers[0].taken > 0 && workers[1].taken > 0);
    ov_bus_stream_info info = {0};
    ov_err err = {0};
    CHECK_OK(ov_bus_stream_state(f->bus, "JOBS", &info, &err), &err);
    CHECK_INT(info.messages, 0);
}

/* ---- one worker ---- */

static void test_nothing_there(ov_bus *bus)
{
    check_case("nothing there");
    ov_bus_puller *p = NULL;
    ov_bus_in *job = NULL;
    ov_err err = {0};
    CHECK_STATUS(ov_bus_puller_open(bus, "no.name", "d", NULL, 1000, &p, &err), OV_INVALID, &err);
    CHECK_STATUS(ov_bus_puller_open(bus, "JOBS", "", NULL, 1000, &p, &err), OV_INVALID, &err);
    CHECK_OK(ov_bus_puller_open(bus, "NOSUCH", "d", NULL, 1000, &p, &err), &err);
    CHECK_STATUS(ov_bus_pull(p, 50, &job, &err), OV_RETRY, &err);
    ov_bus_puller_close(p);
    CHECK_OK(ov_bus_puller_open(bus, "JOBS", "empty", "job.none", 1000, &p, &err), &err);
    ov_mono before = ov_mono_now();
    CHECK_STATUS(ov_bus_pull(p, 300, &job, &err), OV_NOT_FOUND, &err);
    int64_t took_ms = ov_mono_since(ov_mono_now(), before);
    CHECK(took_ms >= 290 && took_ms < 3000);
    ov_bus_puller_close(p);
}

static void test_ack_wait(ov_bus *bus)
{
    check_case("not acknowledged in time");
    ov_bus_puller *p = NULL;
    OV_CLEANUP(ov_bus_in_free_p) ov_bus_in *first = NULL;
    OV_CLEANUP(ov_bus_in_free_p) ov_bus_in *again = NULL;
    ov_err err = {0};
    CHECK_OK(ov_bus_puller_open(bus, "JOBS", "slow", "job.slow", 500, &p, &err), &err);
    uint64_t seq = fixture_put(bus, "job.slow", "x");
    if (!CHECK_OK(pull(p, FIXTURE_WAIT_MS, &first, &err), &err)) return;
    CHECK_INT(ov_bus_in_deliveries(first), 1);
    CHECK_INT(ov_bus_in_seq(first), seq);
    CHECK_STR(ov_bus_in_subject(first), OV_STR("job.slow"));
    CHECK(ov_bus_in_stored_at(first).ms > 1600000000000);
    if (!CHECK_OK(pull(p, FIXTURE_WAIT_MS, &again, &err), &err)) return;
    CHECK_INT(ov_bus_in_deliveries(again), 2);
    CHECK_OK(ov_bus_ack(again, &err), &err);
    ov_bus_puller_close(p);
}

/* A job that the server hands out after the pull gave up must not wait for its ack wait. */
static void test_job_after_the_pull(fixture_bus *f)
{
    check_case("job after the pull");
    ov_bus_puller *p = NULL, *next = NULL;
    OV_CLEANUP(ov_bus_in_free_p) ov_bus_in *job = NULL;
    ov_err err = {0};
    CHECK_OK(ov_bus_puller_open(f->bus, "JOBS", "late", "job.late", ACK_WAIT_MS, &p, &err), &err);
    CHECK_STATUS(ov_bus_pull(p, 1, &job, &err), OV_NOT_FOUND, &err);
    fixture_put(f->bus, "job.late", "x");
    ov_bus_puller_close(p);
    CHECK_OK(ov_bus_puller_open(f->bus, "JOBS", "late", "job.late", ACK_WAIT_MS, &next, &err), &err);
    if (CHECK_OK(pull(next, 10000, &job, &err), &err)) CHECK_OK(ov_bus_ack(job, &err), &err);
    ov_bus_puller_close(next);
}

static void test_restart(fixture_bus *f, test_nats *server)
{
    check_case("restart");
    ov_bus_puller *p = NULL;
    OV_CLEANUP(ov_bus_in_free_p) ov_bus_in *job = NULL;
    ov_err err = {0};
    CHECK_OK(ov_bus_puller_open(f->bus, "JOBS", "steady", "job.steady", ACK_WAIT_MS, &p, &err), &err);
    CHECK_STATUS(ov_bus_pull(p, 100, &job, &err), OV_NOT_FOUND, &err);
    int ups = fixture_ups(f);
    test_nats_kill(server);
    CHECK(fixture_wait_down(f));
    CHECK_STATUS(ov_bus_pull(p, 50, &job, &err), OV_RETRY, &err);
    test_nats_start(server);
    CHECK(fixture_wait_ups(f, ups + 1));
    fixture_put(f->bus, "job.steady", "x");
    if (!CHECK_OK(pull(p, 10000, &job, &err), &err)) return;
    CHECK_INT(ov_bus_in_deliveries(job), 1);
    CHECK_OK(ov_bus_ack(job, &err), &err);
    ov_bus_puller_close(p);
}

/* The queue is lost: the consumer is made anew. */
static void test_lost_store(fixture_bus *f, test_nats *server)
{
    check_case("lost store");
    ov_bus_puller *p = NULL;
    OV_CLEANUP(ov_bus_in_free_p) ov_bus_in *job = NULL;
    ov_err err = {0};
    CHECK_OK(ov_bus_puller_open(f->bus, "JOBS", "anew", "job.anew", ACK_WAIT_MS, &p, &err), &err);
    CHECK_STATUS(ov_bus_pull(p, 50, &job, &err), OV_NOT_FOUND, &err);
    int ups = fixture_ups(f);
    test_nats_kill(server);
    test_nats_wipe(server);
    test_nats_start(server);
    CHECK(fixture_wait_ups(f, ups + 1));
    jobs_stream(f->bus);
    fixture_put(f->bus, "job.anew", "x");
    if (CHECK_OK(pull(p, 10000, &job, &err), &err)) CHECK_OK(ov_bus_ack(job, &err), &err);
    ov_bus_puller_close(p);
}

int main(void)
{
    test_nats *server = test_nats_new(NULL);
    fixture_bus f, other;
    fixture_open(&f, server, NULL, NULL);
    fixture_open(&other, server, NULL, NULL);
    jobs_stream(f.bus);
    test_each_job_once(&f, &other);
    fixture_close(&other);
    test_nothing_there(f.bus);
    test_ack_wait(f.bus);
    test_job_after_the_pull(&f);
    test_restart(&f, server);
    test_lost_store(&f, server);
    fixture_close(&f);
    test_nats_free(server);
    return check_end();
}
