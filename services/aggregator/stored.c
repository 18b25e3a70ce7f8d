/* Counts answers down from the bus's thread; the last one wakes the owner. */
#include "services/aggregator/stored.h"

#include <stdlib.h>
#include <stdio.h>

#include "base/mem.h"
#include "services/aggregator/readers.h"
#include "base/poison.h"

void stored_clear(stored_group *g)
{
    free(g->items);
    g->items = NULL;
    g->count = 0;
}

void stored_begin(stored_group *g, ov_inbox *inbox, size_t count)
{
    stored_clear(g);
    g->inbox = inbox;
    g->count = count;
    g->items = ov_calloc(count + 1, sizeof *g->items);
    atomic_store(&g->left, count);
}

static void answered(stored_one *one)
{
    stored_group *g = one->group;
    ov_inbox *inbox = g->inbox; /* the owner may look, and free, as soon as the last one is counted */
    if (atomic_fetch_sub(&g->left, 1) == 1) arrival_wake(inbox);
}

static void on_stored(void *arg, const ov_bus_stored *result)
{
    stored_one *one = arg;
    one->result = *result;
    answered(one);
}

void stored_send(stored_group *g, size_t i, ov_bus *bus, const ov_bus_out *m)
{
    stored_one *one = &g->items[i];
    ov_err err = {0};
    one->group = g;
    ov_status st = ov_bus_store(bus, m, STORED_TIMEOUT_MS, on_stored, one, &err);
    if (st == OV_OK) return;
    one->result = (ov_bus_stored){.status = st};
    snprintf(one->result.text, sizeof one->result.text, "%.150s", err.msg);
    answered(one);
}

bool stored_is_done(const stored_group *g)
{
    return atomic_load(&g->left) == 0;
}
