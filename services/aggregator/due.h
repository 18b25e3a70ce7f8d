/* Due: when a source shall be looked at; pure. */
#ifndef OPVIC_AGGREGATOR_DUE_H
#define OPVIC_AGGREGATOR_DUE_H

#include "services/aggregator/upstream.h"

enum {
    DUE_PATIENCE_MS = 15 * 60 * 1000,   /* a job whose outcome never came is planned again */
    DUE_REFRESH_MS = 10 * 1000,         /* looks that somebody asks for keep this distance */
    DUE_WAIT_MAX_MS = 48 * 3600 * 1000, /* no wait is believed beyond it */
    DUE_GATHER_MS = 500 /* the first of several charts waits for the others: one download answers them all */
};
#define DUE_NEVER INT64_MAX

/* When a job shall be planned, on the server's time line; DUE_NEVER until something else happens to the source.
 * *ret_fresh: a wanted list is not there, validators must not be used. */
int64_t due_at(const upstream *u, int64_t interval_ms, bool *ret_fresh);

#endif
