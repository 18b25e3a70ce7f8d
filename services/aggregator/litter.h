/* Litter: what replaced and deleted documents leave in the state stream, removed when nobody can need it any more. */
#ifndef OPVIC_AGGREGATOR_LITTER_H
#define OPVIC_AGGREGATOR_LITTER_H

#include "base/clock.h"
#include "base/map.h"
#include "bus/bus.h"

enum { LITTER_GRAVE_MS = 10 * 60 * 1000 /* a deletion's marker: connected watchers have long seen it */ };

typedef struct litter_item litter_item;
/* Subjects to purge, in the order of their times. */
typedef struct {
    litter_item *first, *last;
} litter_queue;
typedef struct {
    ov_map revisions; /* key -> revisions of its parts that stand in the stream */
    ov_map graves;    /* keys that were deleted and did not come back */
    litter_queue parts, markers;
} litter;

void litter_clear(litter *l);
/* A part, a document or a deletion (empty data) as the state stream gave it. */
void litter_seen(litter *l, ov_str subject, bool is_empty, ov_mono now);
/* A document was written: its parts of other revisions ("" for a whole one) go. */
void litter_written(litter *l, ov_str key, const char *revision, ov_mono now);
void litter_deleted(litter *l, ov_str key, ov_mono now);
/* Purges a few of what is due; the leader alone. */
void litter_step(litter *l, ov_bus *bus, ov_mono now);

#endif
