/* Ledger: what all parts of the model share: texts, the queue of documents, the time. */
#ifndef OPVIC_AGGREGATOR_LEDGER_H
#define OPVIC_AGGREGATOR_LEDGER_H

#include "services/aggregator/doc.h"
#include "services/aggregator/intern.h"

typedef struct agent agent;
typedef struct entry entry;
typedef struct lifecycle lifecycle;
typedef struct rule rule;
typedef struct upstream upstream;
typedef struct upstream_list upstream_list;
typedef struct verdict verdict;

typedef struct {
    intern *texts;
    doc_queue dirty;
    int64_t cause_ms;    /* wall time of the input at hand */
    int64_t clock_ms;    /* the server's time line: the newest report of the first snapshot, carried on by our own
                            monotonic clock while the bus is up */
    int64_t calendar_ms; /* what day it is: the newest timestamp that the server gave anything, carried on likewise,
                            with or without the bus; never ahead of the server's clock */
    bool settled;        /* all streams were read once: answers mean something */
} ledger;

static inline void ledger_mark(ledger *l, doc *d)
{
    doc_mark(&l->dirty, d, l->cause_ms);
}

#endif
