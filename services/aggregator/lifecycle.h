/* Lifecycle: a product's cycles, and what they say of the end of each running version, once for all who run it. */
#ifndef OPVIC_AGGREGATOR_LIFECYCLE_H
#define OPVIC_AGGREGATOR_LIFECYCLE_H

#include "services/aggregator/cycle.h"
#include "services/aggregator/upstream.h"
#include "services/aggregator/wheel.h"

typedef struct lifespan lifespan;

/* What an entry needs to know of its running versions' ends; only entries whose trackers name a product have one. */
typedef struct {
    lifespan *span;
    uint32_t place; /* of its reference in the span */
} entry_end;
typedef struct {
    entry *who;
    lifecycle *of; /* NULL: the product is none, fault says so in each version's stead */
    text_id fault; /* raw JSON */
    uint32_t count;
    entry_end ends[]; /* in the order of the entry's slots; none without a lifecycle */
} entry_ends;

typedef struct {
    entry_ends *ends;
    uint32_t slot;
} lifespan_ref;

/* One running version as it is spelled. */
struct lifespan {
    lifecycle *of;
    char *running;
    text_id said; /* raw JSON (proto/end_of_life.h); 0: not judged yet */
    bool known;   /* its cycle is */
    bool reached;
    uint32_t made;   /* generation of the lifecycle for which it was judged */
    wheel_node node; /* armed while the day is to come */
    lifespan_ref *refs;
    uint32_t ref_count;
    size_t ref_cap;
};

struct lifecycle {
    upstream_list *list;
    char *product;
    size_t refs; /* entries */
    cycle_index cycles;
    ov_map spans; /* running version -> lifespan */

    bool due; /* ending.c's, as all of this block: its spans are being judged anew */
    lifecycle *due_before, *due_next;
    uint32_t generation; /* of what is said */
    size_t judged;       /* the place in spans */
};

/* One over the list, which knows it from now on, without cycles yet. */
lifecycle *lifecycle_new(upstream_list *of, ov_str product);
/* Takes it out of its list; no spans may be left. */
void lifecycle_free(lifecycle *l);
/* Reads the cycles of the list as it is. Until then, after the list changed, nothing may be judged. */
void lifecycle_read(lifecycle *l);

/* The version's span, made when missing. */
lifespan *lifespan_of(lifecycle *l, ov_str running);
/* Says anew what is known at that time (Unix ms); true when that changed. *ret_due_ms: when the day will come, 0:
 * never. */
bool lifespan_judge(lifespan *s, int64_t now_ms, intern *texts, int64_t *ret_due_ms);
/* Adds a reference; the place goes into the entry's end. */
uint32_t lifespan_add_ref(lifespan *s, entry_ends *ends, uint32_t slot);
/* Takes one out, and frees the span with the last. */
void lifespan_drop_ref(lifespan *s, uint32_t place, intern *texts);

#endif
