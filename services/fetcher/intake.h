/* Jobs that are taken and not begun: one a queue at most, the oldest first, and none is taken while no worker is free.
 * So a queue that is full gives one job in turn with each other that has any, and a process never holds more jobs
 * than workers and queues together. */
#ifndef OPVIC_FETCHER_INTAKE_H
#define OPVIC_FETCHER_INTAKE_H

#include <stdbool.h>

#include "base/clock.h"

/* A place in the line; its owner sets load, and puts it into line again only when the load was handed over. Zero is a
 * place outside the line. */
typedef struct intake_place {
    struct intake_place *next;
    enum { INTAKE_OUTSIDE, INTAKE_IN_LINE, INTAKE_HANDED_OVER } state;
    void *load;
} intake_place;

typedef struct intake intake;
intake *intake_new(void);
void intake_free(intake *in); /* after all who use it */

/* Waits until there are more workers free than jobs waiting; false at the deadline or when stopped. */
bool intake_wait_for_room(intake *in, ov_mono deadline);
/* Whether there are now. */
bool intake_has_room(intake *in);
/* Waits until the deadline, or until stopped. */
void intake_rest(intake *in, ov_mono deadline);
/* Offers the load, or goes on offering it. true: a worker has it, and the place is outside again. false: at the
 * deadline, or when stopped (then nobody gets it any more): the load is the caller's. */
bool intake_offer(intake *in, intake_place *place, ov_mono deadline);
/* A worker is free: waits for a load; NULL when stopped. */
void *intake_take(intake *in);
/* Wakes everybody; nothing is handed over any more. */
void intake_stop(intake *in);
bool intake_is_stopped(intake *in);

#endif
