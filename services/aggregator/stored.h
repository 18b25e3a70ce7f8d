/* Stored: what became of stores under way, told by the bus's thread, looked at by the owner. */
#ifndef OPVIC_AGGREGATOR_STORED_H
#define OPVIC_AGGREGATOR_STORED_H

#include <stdatomic.h>

#include "base/inbox.h"
#include "bus/bus.h"

enum { STORED_TIMEOUT_MS = 3000 };

/* One store under way. */
typedef struct stored_group stored_group;
typedef struct {
    stored_group *group;
    ov_bus_stored result;
} stored_one;

/* Several that are waited for together; must not move or go before it is done. */
struct stored_group {
    ov_inbox *inbox; /* woken when the last one is answered */
    atomic_size_t left;
    stored_one *items;
    size_t count;
};

/* Room for count stores; frees what was there. */
void stored_begin(stored_group *g, ov_inbox *inbox, size_t count);
void stored_clear(stored_group *g);
/* Starts store i; what is not accepted counts as answered with that status. */
void stored_send(stored_group *g, size_t i, ov_bus *bus, const ov_bus_out *m);
/* All are answered. Every one must have been sent. */
bool stored_is_done(const stored_group *g);

#endif
