/* Due: when a source shall be looked at; pure. */
#ifndef OPVIC_AGGREGATOR_DUE_H
#define OPVIC_AGGREGATOR_DUE_H

#include "services/aggregator/upstream.h"

enum {
    DUE_PATIENCE_MS = 15 * 60 * 1000, /* a job whose outcome never came is planned again */
    DUE_REFRESH_MS = 10 * 1000        /* looks that somebody asks for keep this distance */
};

/* Whether a job shall be planned now; *ret_fresh: a wanted list is not there, validators must not be used. */
bool due_now(const upstream *u, int64_t clock_ms, int64_t interval_ms, bool *ret_fresh);

#endif
