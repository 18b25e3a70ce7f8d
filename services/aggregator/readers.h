/* Readers: the three streams and everything else that arrives, in one inbox. */
#ifndef OPVIC_AGGREGATOR_READERS_H
#define OPVIC_AGGREGATOR_READERS_H

#include "base/inbox.h"
#include "bus/bus.h"
#include "services/aggregator/aggregate.h"

typedef enum {
    ARRIVAL_READ, /* of a reader */
    ARRIVAL_ASK,  /* opvic.ask.refresh */
    ARRIVAL_UP,
    ARRIVAL_DOWN,
    ARRIVAL_JOB_FAILED,
    ARRIVAL_WAKE /* something was completed: look */
} arrival_kind;

enum { READERS_INBOX = 16384 /* places of the inbox; above what readers hand over between two looks at it */ };

typedef struct reader_slot reader_slot;

/* What the inbox holds; freed with arrival_free. */
typedef struct {
    arrival_kind kind;
    reader_slot *slot; /* ARRIVAL_READ: which reader */
    ov_bus_read_kind read;
    ov_bus_in *message;
    ov_wall stream_created;
    uint64_t last_seq;
    char *text; /* ARRIVAL_JOB_FAILED: the source's token */
} arrival;
void arrival_free(void *item);
/* Wakes the owner; from any thread, never waits. */
void arrival_wake(ov_inbox *inbox);

typedef struct {
    ov_bus *bus;
    ov_inbox *inbox;
    reader_slot *current[INPUT_STREAMS];
    reader_slot *all; /* every one ever opened: late messages may still name it */
} readers;

/* Opens the stream's reader, or replaces it by a fresh one: what is still on its way from the old one is no more. */
OV_MUST_CHECK ov_status readers_open(readers *r, input_stream s, ov_err *err);
bool readers_is_open(const readers *r, input_stream s);
/* After the bus was closed. */
void readers_clear(readers *r);
/* Which stream a slot reads; false when it was replaced. */
bool readers_current(const readers *r, const reader_slot *slot, input_stream *ret);
/* "stream OPVIC_REPORTS" while one of them waits for it, "" otherwise. */
void readers_waiting_for(readers *r, char out[128]);
/* The input that an arrival is: views into it. */
void readers_input(const arrival *x, input_stream s, input *ret);

#endif
