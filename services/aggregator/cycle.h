/* Cycle: which release line a running version belongs to; pure. */
#ifndef OPVIC_AGGREGATOR_CYCLE_H
#define OPVIC_AGGREGATOR_CYCLE_H

#include "base/map.h"
#include "proto/list.h"

/* A list's cycles by how they are compared; values point into the list's versions. */
typedef struct {
    ov_map by_key;
} cycle_index;

/* Takes the list's cycles; of two that are spelled the same the first counts. */
void cycle_index_fill(cycle_index *c, const list *of);
void cycle_index_clear(cycle_index *c);
size_t cycle_index_count(const cycle_index *c);
/* The longest cycle that the running version begins with, as it runs (not normalised: "1" is not known to be of 1.0);
 * NULL: none. A leading v counts on neither side, numbers are compared as numbers, and a cycle ends where the version's
 * number or word ends: 1.2 is the cycle of 1.2.3, 1.2-alpine and v1.02+k3s1, not of 1.20. */
const list_version *cycle_find(const cycle_index *c, ov_str running);

#endif
