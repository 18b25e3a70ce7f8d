/* A first-in, first-out queue of documents through their own links. */
#include "services/aggregator/doc.h"

#include "base/poison.h"

void doc_mark(doc_queue *q, doc *d, int64_t cause_ms)
{
    if (cause_ms > d->cause_ms) d->cause_ms = cause_ms;
    if (d->queued || d->held) return;
    d->queued = true;
    d->next = NULL;
    if (q->last)
        q->last->next = d;
    else
        q->first = d;
    q->last = d;
    q->count++;
}

doc *doc_take(doc_queue *q)
{
    doc *d = q->first;
    if (!d) return NULL;
    q->first = d->next;
    if (!q->first) q->last = NULL;
    d->next = NULL;
    d->queued = false;
    q->count--;
    return d;
}
