/* A feeder waits at one provider's queue and hands what comes to a free worker: with one a queue, a job for an idle
 * fetcher begins as soon as it is there, whichever provider's it is. What it was given when the last free worker had
 * just got another's job it holds until the next is free: giving it back would count as a delivery, and of those a job
 * has but a few. */
#ifndef OPVIC_FETCHER_FEEDER_H
#define OPVIC_FETCHER_FEEDER_H

#include "bus/bus.h"
#include "services/fetcher/intake.h"

enum {
    FEEDER_PROGRESS_MS = 4000, /* a job that is held says so that often */
    FEEDER_ACK_WAIT_MS = 15000 /* a killed process's jobs come back after that */
};

/* A job on its way to a worker, which frees it. */
typedef struct {
    size_t provider_at; /* in provider_table */
    ov_bus_in *message;
} feeder_load;
void feeder_load_free(feeder_load *l); /* NULL is fine */

typedef struct feeder feeder;
/* provider_at: a place in provider_table. What is given lives until feeder_finish. OV_FAILED: no thread. */
OV_MUST_CHECK ov_status feeder_start(ov_bus *bus, intake *in, size_t provider_at, feeder **ret, ov_err *err);
/* After intake_stop: gives back what no worker has, joins, frees. NULL is fine. */
void feeder_finish(feeder *f);

#endif
