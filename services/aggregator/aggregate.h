/* Aggregate: the whole memory of an aggregator as one value: inputs in, effects and documents out; no I/O, no clock. */
#ifndef OPVIC_AGGREGATOR_AGGREGATE_H
#define OPVIC_AGGREGATOR_AGGREGATE_H

#include "base/buf.h"
#include "base/clock.h"
#include "base/status.h"
#include "base/str.h"
#include "proto/state.h"
#include "proto/subjects.h"
#include "services/aggregator/doc.h"

typedef struct aggregate aggregate;

typedef struct {
    int64_t source_interval_ms; /* between looks at a source */
    int64_t expiration_ms;      /* of an entry that nobody speaks for */
    int64_t report_period_ms;   /* told to collectors */
    int64_t retention_ms;       /* of the report stream: what is gone is remembered so long */
} aggregate_options;

/* The streams it is made from; the order is that in which they are read first. */
typedef enum { INPUT_STATE, INPUT_REPORTS, INPUT_LISTS, INPUT_STREAMS } input_stream;
const char *input_stream_name(input_stream s);

typedef enum {
    INPUT_MESSAGE,  /* of a stream */
    INPUT_SNAPSHOT, /* the stream is given again from here: stored_at is its creation, seq its last sequence */
    INPUT_READY,    /* all that the snapshot held was given */
    INPUT_REFRESH,  /* subject: opvic.ask.refresh.<source> */
    INPUT_CLOCK,    /* plans what is due by now */
    INPUT_TICK,     /* looks for what is stale or expired */
    INPUT_BUS_UP,
    INPUT_BUS_DOWN, /* time stands still until it is up */
    INPUT_LEAD,     /* from now on this one decides and writes, as seq (the epoch) */
    INPUT_FOLLOW
} input_kind;

typedef struct {
    input_kind kind;
    input_stream stream;
    ov_str subject, data;
    ov_str instance, revision; /* headers; empty when absent */
    ov_str inputs, epoch;
    uint64_t seq;
    ov_wall stored_at;
} input;

/* *o is copied. */
aggregate *aggregate_new(const aggregate_options *o);
void aggregate_free(aggregate *a);
/* Takes one input in. Foreign bytes that cannot be read become an effect and a number. */
void aggregate_apply(aggregate *a, const input *in, ov_mono now);

/* Works on rules, and on ends of running versions, whose lists changed for about so many steps of some 50 ns; true when
 * there is more to do. What they say does not depend on when that happens; until it is done nothing of them is written.
 */
bool aggregate_work(aggregate *a, int64_t steps);
bool aggregate_has_rules(const aggregate *a);

/* ---- effects: what shall be sent besides documents ---- */

typedef enum {
    EFFECT_ASK, /* core message */
    EFFECT_JOB, /* stored, with the message id */
    EFFECT_DEAD /* dead letter, with reason and origin */
} effect_kind;
typedef struct {
    effect_kind kind;
    char *subject; /* owned, as the others */
    char *body;
    size_t len;
    char *msg_id;          /* or NULL */
    char *reason, *origin; /* EFFECT_DEAD: why, and the subject where it stood */
    char *source;          /* EFFECT_JOB: its token, for aggregate_job_failed */
} effect;
/* The oldest effect moves to the caller; false when there is none. Only a leader has any. */
bool aggregate_next_effect(aggregate *a, effect *ret);
void effect_clear(effect *e);
/* A job could not be stored: it is planned again a moment later. */
void aggregate_job_failed(aggregate *a, ov_str source_token);

/* ---- documents: what shall be written ---- */

/* One document to write. */
typedef struct {
    doc *doc;
    char *key;  /* terminated subject, as everything here owned by the item */
    char *body; /* NULL: the key is deleted */
    size_t len;
    char *outbox; /* raw JSON array of its events, NULL: none */
    size_t outbox_len;
    void *facts; /* what the stored copy will then say; the aggregate's own */
} aggregate_write;

/* Fills items with documents that differ from their stored copies, at most max of them and some bytes_max; looks at a
 * bounded number of documents. Each must be answered by aggregate_written or aggregate_unwritten before it appears
 * again. Nothing unless leading, settled and every stream is ready. */
size_t aggregate_collect(aggregate *a, aggregate_write *items, size_t max, size_t bytes_max, ov_mono now);
/* Whether there are documents to look at: collect need not wait for an input. */
bool aggregate_has_work(const aggregate *a);
/* It stands in the state stream at seq. Frees the item. */
void aggregate_written(aggregate *a, aggregate_write *item, uint64_t seq);
/* It may or may not be stored: only a new snapshot of the state tells. Frees the item. */
void aggregate_unwritten(aggregate *a, aggregate_write *item);
/* It is too large to be stored: it waits until it would say something else. Frees the item. */
void aggregate_refused(aggregate *a, aggregate_write *item);

/* ---- events of stored documents that may not be published yet ---- */

typedef struct {
    uint64_t seq; /* of the document */
    int64_t stored_ms;
    char *key;
    char *outbox; /* raw JSON array */
    size_t len;
} aggregate_outbox;
/* In the order of their sequences; valid until the next call. */
const aggregate_outbox *aggregate_outboxes(const aggregate *a, size_t *ret_count);
/* Outboxes below seq are told: they are forgotten, now and when they come. */
void aggregate_published(aggregate *a, uint64_t seq);
/* A document that was written with an outbox is not written again before aggregate_told; hold says the same of one that
 * another leader wrote. Both mean the copy at seq, and nothing of another. INPUT_FOLLOW lets all go. */
void aggregate_hold(aggregate *a, ov_str key, uint64_t seq);
void aggregate_told(aggregate *a, ov_str key, uint64_t seq);
/* The newest timestamp that the server gave a message taken in. */
int64_t aggregate_newest_ms(const aggregate *a);
/* The state store lost what it held: every document is written again, without events. */
void aggregate_state_lost(aggregate *a);

/* ---- figures ---- */

typedef struct {
    uint64_t merged, same, changed; /* reports */
    uint64_t undecodable[INPUT_STREAMS];
    uint64_t expired, jobs;
    uint64_t oversize;              /* documents that are too large to be written */
    char oversize_key[SUBJECT_MAX]; /* of the last one */
} aggregate_counters;
const aggregate_counters *aggregate_figures(const aggregate *a);
typedef struct {
    size_t agents, entries, gone, rules, verdicts, sources, dirty, outboxes;
} aggregate_sizes;
void aggregate_measure(const aggregate *a, aggregate_sizes *ret);
bool aggregate_is_settled(const aggregate *a); /* all streams were read once */
bool aggregate_is_ready(const aggregate *a, input_stream s);
/* The last sequence taken in. */
uint64_t aggregate_position(const aggregate *a, input_stream s);

#endif
