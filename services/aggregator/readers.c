/* Hands over what the bus's threads bring; waiting for room is the flow control of the streams. */
#include "services/aggregator/readers.h"

#include <stdlib.h>
#include <time.h>

#include "base/mem.h"
#include "proto/subjects.h"
#include "base/poison.h"

struct reader_slot {
    reader_slot *next;
    ov_inbox *inbox;
    input_stream stream;
    ov_bus_reader *reader;
    unsigned given; /* to the inbox; the delivering thread's own */
};

enum { HIGH_WATER = READERS_INBOX / 8 * 7, LOW_WATER = READERS_INBOX / 2, HOLD_EVERY = 64, HOLD_NS = 1000000 };

void arrival_free(void *item)
{
    arrival *x = item;
    if (!x) return;
    ov_bus_in_free(x->message);
    free(x->text);
    free(x);
}

void arrival_wake(ov_inbox *inbox)
{
    arrival *x = ov_zalloc(sizeof *x);
    x->kind = ARRIVAL_WAKE;
    if (!ov_inbox_try_put(inbox, x)) arrival_free(x); /* full: the owner is awake */
}

/* A full inbox is let run half empty: handing over one message at a time to an owner that frees one place at a time
 * would cost two switches of threads a message. */
static void hold_back(ov_inbox *inbox)
{
    if (ov_inbox_length(inbox) < HIGH_WATER) return;
    while (ov_inbox_length(inbox) > LOW_WATER && !ov_inbox_is_stopped(inbox))
        nanosleep(&(struct timespec){.tv_nsec = HOLD_NS}, NULL);
}

static void on_read(void *arg, const ov_bus_read *event)
{
    reader_slot *slot = arg;
    arrival *x = ov_zalloc(sizeof *x);
    *x = (arrival){.kind = ARRIVAL_READ,
                   .slot = slot,
                   .read = event->kind,
                   .message = event->message,
                   .stream_created = event->stream_created,
                   .last_seq = event->last_seq};
    if (slot->given++ % HOLD_EVERY == 0) hold_back(slot->inbox);
    if (!ov_inbox_put(slot->inbox, x)) arrival_free(x);
}

ov_status readers_open(readers *r, input_stream s, ov_err *err)
{
    reader_slot *slot = ov_zalloc(sizeof *slot);
    *slot = (reader_slot){.next = r->all, .inbox = r->inbox, .stream = s};
    r->all = slot;
    reader_slot *before = r->current[s];
    r->current[s] = slot;
    if (before) ov_bus_reader_close(before->reader);
    return ov_bus_reader_open(r->bus, input_stream_name(s), NULL, on_read, slot, &slot->reader, err);
}

bool readers_is_open(const readers *r, input_stream s)
{
    return r->current[s] != NULL;
}

void readers_clear(readers *r)
{
    while (r->all) {
        reader_slot *next = r->all->next;
        free(r->all);
        r->all = next;
    }
}

bool readers_current(const readers *r, const reader_slot *slot, input_stream *ret)
{
    *ret = slot->stream;
    return r->current[slot->stream] == slot;
}

void readers_waiting_for(readers *r, char out[128])
{
    out[0] = '\0';
    for (size_t i = 0; i < INPUT_STREAMS && !out[0]; i++)
        if (r->current[i] && r->current[i]->reader) ov_bus_reader_waiting_for(r->current[i]->reader, out);
}

void readers_input(const arrival *x, input_stream s, input *ret)
{
    static const input_kind kinds[] = {
        [OV_READ_SNAPSHOT] = INPUT_SNAPSHOT, [OV_READ_MESSAGE] = INPUT_MESSAGE, [OV_READ_READY] = INPUT_READY};
    *ret = (input){.kind = kinds[x->read], .stream = s, .seq = x->last_seq, .stored_at = x->stream_created};
    if (x->read != OV_READ_MESSAGE) return;
    const ov_bus_in *m = x->message;
    ret->subject = ov_bus_in_subject(m);
    ret->data = ov_bus_in_data(m);
    ret->seq = ov_bus_in_seq(m);
    ret->stored_at = ov_bus_in_stored_at(m);
    if (s == INPUT_REPORTS) {
        ret->instance = ov_bus_in_header(m, HEADER_INSTANCE);
        ret->revision = ov_bus_in_header(m, HEADER_REVISION);
    } else if (s == INPUT_STATE) {
        ret->inputs = ov_bus_in_header(m, HEADER_INPUTS);
        ret->epoch = ov_bus_in_header(m, HEADER_EPOCH);
    }
}
