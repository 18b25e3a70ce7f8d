/* Doc: what every document of the state bucket needs to know about its stored copy, and the queue of those to look at.
 */
#ifndef OPVIC_AGGREGATOR_DOC_H
#define OPVIC_AGGREGATOR_DOC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum { DOC_ENTRY, DOC_VERDICT, DOC_SOURCE, DOC_AGENT, DOC_LIVE, DOC_STREAMS } doc_kind;

/* Embedded first in what it describes. */
typedef struct doc doc;
struct doc {
    doc *next;        /* in the queue */
    uint64_t seq;     /* of the stored copy, in the state stream */
    uint64_t hash;    /* of the stored copy without its outbox; only while exists */
    int64_t cause_ms; /* wall time of the input that made it differ */
    uint32_t mark;    /* the snapshot of the state stream in which it was last given */
    uint8_t kind;     /* doc_kind */
    bool exists;      /* a copy is stored */
    bool queued;
    bool in_flight; /* being written: its owner must stay */
    bool quiet;     /* its store was lost: the next write tells no events */
    bool telling;   /* the stored copy's events are not all told: it may not be written again yet */
    bool held;      /* it shall be compared as soon as it may */
    bool oversize;  /* what it should say now cannot be stored */
};

typedef struct {
    doc *first, *last;
    size_t count;
} doc_queue;

/* Queues a document to be compared with its stored copy; once is enough. One that is held is queued when it is let go.
 */
void doc_mark(doc_queue *q, doc *d, int64_t cause_ms);
/* The oldest, taken out; NULL when empty. */
doc *doc_take(doc_queue *q);

#endif
