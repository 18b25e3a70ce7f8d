/* Litter: what replaced and deleted documents leave in the state stream, removed when nobody can need it any more. */
#ifndef OPVIC_AGGREGATOR_LITTER_H
#define OPVIC_AGGREGATOR_LITTER_H

#include "base/clock.h"
#include "base/map.h"
#include "bus/bus.h"

enum { LITTER_GRAVE_MS = 10 * 60 * 1000 /* a deletion's marker: connected watchers have long seen it */ };

/* A subject to purge. */
typedef struct litter_item litter_item;
struct litter_item {
    litter_item *next;
    char *filter;
    uint64_t seq; /* of a deletion's marker: what was written behind it stays; 0: parts, all of them go */
    ov_mono due;
};
/* Subjects to purge, in the order of their times: each queue has one delay. */
typedef struct {
    litter_item *first, *last;
} litter_queue;
typedef struct {
    ov_map revisions; /* key -> revisions of its parts that stand in the stream */
    ov_map graves;    /* keys that were deleted and did not come back -> the deletion's sequence, as a pointer */
    litter_queue parts, markers, again;
} litter;

void litter_clear(litter *l);
/* A part, a document or a deletion (empty data) as the state stream gave it at seq. */
void litter_seen(litter *l, ov_str subject, bool is_empty, uint64_t seq, ov_mono now);
/* A document was written: its parts of other revisions ("" for a whole one) go. */
void litter_written(litter *l, ov_str key, const char *revision, ov_mono now);
/* Its marker stands at seq. */
void litter_deleted(litter *l, ov_str key, uint64_t seq, ov_mono now);
/* What is due and still needed, taken out; NULL: nothing. litter_done takes it back. */
litter_item *litter_take(litter *l, ov_mono now);
/* It was purged, or could not be: then it is tried again later, and nothing else waits for it. */
void litter_done(litter *l, litter_item *x, bool purged, ov_mono now);
/* Purges a few of what is due; the leader alone. */
void litter_step(litter *l, ov_bus *bus, ov_mono now);

#endif
