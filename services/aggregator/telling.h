/* Telling: the events that are not told yet, in the order of their places; those of a subject that the bus refuses wait
 * in a lane of their own, so that others pass. Pure. */
#ifndef OPVIC_AGGREGATOR_TELLING_H
#define OPVIC_AGGREGATOR_TELLING_H

#include "base/map.h"
#include "base/status.h"
#include "services/aggregator/outbox.h"

/* A document's outbox: until all its events are told the document may not be written again. */
typedef struct telling_box telling_box;
struct telling_box {
    telling_box *next;
    char *key;
    uint64_t seq; /* of the document */
    size_t left;
};
void telling_box_free(telling_box *b);

/* One event. */
typedef struct telling telling;
struct telling {
    telling *older, *newer; /* all that are not told */
    telling *next;          /* in its queue */
    telling_box *box;
    outbox_place place;
    char *subject, *id, *body;
    size_t len;
    bool in_doubt; /* it may be told already: its subject must be asked first */
    bool sending;
};

typedef struct {
    telling *first, *last;
} telling_queue;

/* The events of a refused subject. */
typedef struct telling_lane telling_lane;
struct telling_lane {
    telling_lane *next;
    telling_queue waiting; /* empty while its first event is being tried again */
    char why[160];
};

typedef struct {
    telling *oldest, *newest;
    size_t count;
    telling_queue ready;
    ov_map lanes; /* by subject */
    telling_lane *first_lane, *last_lane;
    telling_box *first_told, *last_told;
    telling *cursor; /* the oldest that is not being sent */
    outbox_place high, sent_high;
} tellings;

/* Nothing waits; everything up to the place was told. */
void tellings_begin(tellings *t, outbox_place high);
void tellings_clear(tellings *t);
/* The events of a document's outbox (raw JSON array) that the mark does not know to be told; NULL: all. OV_INVALID: no
 * outbox; what could be read of it is told. */
OV_MUST_CHECK ov_status tellings_add(tellings *t, const char *key, uint64_t seq, ov_str outbox, const outbox_mark *told,
                                     ov_err *err);

/* Up to max events to send now, in their order; of refused subjects the first event alone, of some of them. Each is
 * given back by one of the four below, in the reverse order. */
size_t tellings_take(tellings *t, telling **out, size_t max);
size_t tellings_take_refused(tellings *t, telling **out, size_t max);
/* What its header shall say if it is stored next. */
outbox_mark tellings_mark(tellings *t, telling *e);
void tellings_told(tellings *t, telling *e); /* frees it */
void tellings_refused(tellings *t, telling *e, const char *why);
void tellings_back(tellings *t, telling *e);     /* it is not stored */
void tellings_doubtful(tellings *t, telling *e); /* it may be stored */

/* The next document whose events are all told, the caller's; NULL: none. */
telling_box *tellings_next_told(tellings *t);
/* The state sequence of the oldest that is not told; otherwise when there is none. */
uint64_t tellings_floor(const tellings *t, uint64_t otherwise);
bool tellings_is_ready(const tellings *t);        /* some can be sent now */
size_t tellings_refused_count(const tellings *t); /* refused subjects */
/* One of them and why; false when there is none. */
bool tellings_refusal(const tellings *t, ov_str *ret_subject, const char **ret_why);

#endif
