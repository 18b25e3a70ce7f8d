/* Budgets in the bucket opvic_budget: read by their key, written with the revision that was read. */
#ifndef OPVIC_FETCHER_BUDGET_BUS_H
#define OPVIC_FETCHER_BUDGET_BUS_H

#include "bus/bus.h"
#include "services/fetcher/budget.h"

typedef struct {
    ov_bus *bus;
    uint64_t unreadable; /* revision of the document that was complained of last; touched atomically */
} budget_bus;

/* b lives as long as the store. */
budget_store budget_bus_store(budget_bus *b);

#endif
