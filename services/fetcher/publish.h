/* Stores what a look brought: changed lists first, then the outcome that counts them. */
#ifndef OPVIC_FETCHER_PUBLISH_H
#define OPVIC_FETCHER_PUBLISH_H

#include "base/inbox.h"
#include "bus/bus.h"
#include "services/fetcher/earlier.h"
#include "services/fetcher/outcome.h"

typedef struct {
    ov_bus *bus;
    ov_inbox *stopping;       /* waited in between tries: stopped when the program ends */
    void (*alive)(void *arg); /* called between messages */
    void *arg;
} publisher;

/* Lists, then the outcome, each only where nothing was stored since earlier was read. A complete look whose list is too
 * large, or empty where it was not (outcome_doubt), becomes a failed one (r is changed). OV_RETRY: the bus did not take
 * it in time, nothing is lost by doing the job again; OV_NOT_FOUND: what earlier tells stands no more, another fetcher
 * has done the job or does it; OV_FAILED: the bus refuses it. */
OV_MUST_CHECK ov_status publish_look(const publisher *p, const job *j, look_result *r, const earlier *before,
                                     int64_t now_s, ov_err *err);
/* A job that cannot be done, where an operator finds it. */
OV_MUST_CHECK ov_status publish_dead_job(const publisher *p, const ov_bus_in *m, const char *reason, ov_err *err);

#endif
