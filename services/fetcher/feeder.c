/* The loop: wait for a free worker, ask the queue, offer what came and tell the queue that it is held. */
#include "services/fetcher/feeder.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "proto/subjects.h"
#include "services/fetcher/provider.h"
#include "base/poison.h"

enum {
    PULL_MS = 1000, /* then it is seen whether the process stops */
    LOOK_UP_MS = 1000,
    RETRY_MS = 1000 /* after the bus could not be asked */
};

struct feeder {
    ov_bus *bus;
    intake *in;
    size_t provider_at;
    pthread_t thread;
    ov_bus_puller *puller;
    uint64_t problem; /* hash of what was told last, 0: nothing */
    intake_place place;
};

void feeder_load_free(feeder_load *l)
{
    if (!l) return;
    ov_bus_in_free(l->message);
    free(l);
}

static ov_status open_puller(feeder *f, ov_err *err)
{
    if (f->puller) return OV_OK;
    const char *name = provider_table[f->provider_at]->name;
    char durable[64], filter[SUBJECT_MAX];
    snprintf(durable, sizeof durable, "fetcher-%s", name);
    snprintf(filter, sizeof filter, "%.*s%s.>", (int)(sizeof SUBJECT_JOBS - 2), SUBJECT_JOBS, name);
    return ov_bus_puller_open(f->bus, STREAM_JOBS, durable, filter, FEEDER_ACK_WAIT_MS, &f->puller, err);
}

/* What stays the same is told once. */
static void tell_why(feeder *f, const char *reason)
{
    uint64_t hash = ov_str_hash(ov_str_of(reason));
    if (f->problem == hash) return;
    f->problem = hash;
    ov_log_warn("no jobs: retried every second", "provider", provider_table[f->provider_at]->name, "reason", reason);
}

static ov_bus_in *pull(feeder *f)
{
    ov_err err = {0};
    ov_bus_in *m = NULL;
    ov_status status = open_puller(f, &err);
    if (status == OV_OK) status = ov_bus_pull(f->puller, PULL_MS, &m, &err);
    if (status == OV_OK || (status == OV_NOT_FOUND && f->puller)) {
        f->problem = 0;
        return m;
    }
    if (status == OV_FAILED || status == OV_INVALID) tell_why(f, err.msg);
    intake_rest(f->in, ov_mono_after(ov_mono_now(), RETRY_MS));
    return NULL;
}

/* Waiting for a worker is no delivery: the queue is told that the job is held, and gives it to nobody else. */
static void hand_over(feeder *f, ov_bus_in *m)
{
    feeder_load *load = ov_zalloc(sizeof *load);
    *load = (feeder_load){f->provider_at, m};
    f->place.load = load;
    while (!intake_offer(f->in, &f->place, ov_mono_after(ov_mono_now(), FEEDER_PROGRESS_MS))) {
        if (intake_is_stopped(f->in)) {
            ov_bus_nak(m, 0);
            feeder_load_free(load);
            return;
        }
        ov_bus_in_progress(m);
    }
}

static void *feed(void *arg)
{
    feeder *f = arg;
    while (!intake_is_stopped(f->in)) {
        if (!intake_wait_for_room(f->in, ov_mono_after(ov_mono_now(), LOOK_UP_MS))) continue;
        ov_bus_in *m = pull(f);
        if (m) hand_over(f, m);
    }
    ov_bus_puller_close(f->puller);
    return NULL;
}

ov_status feeder_start(ov_bus *bus, intake *in, size_t provider_at, feeder **ret, ov_err *err)
{
    feeder *f = ov_zalloc(sizeof *f);
    *f = (feeder){.bus = bus, .in = in, .provider_at = provider_at};
    if (pthread_create(&f->thread, NULL, feed, f) != 0) {
        free(f);
        return ov_fail(err, OV_FAILED, "feeder of %s: no thread could be started", provider_table[provider_at]->name);
    }
    *ret = f;
    return OV_OK;
}

void feeder_finish(feeder *f)
{
    if (!f) return;
    pthread_join(f->thread, NULL);
    free(f);
}
