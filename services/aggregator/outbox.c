/* Reads places and marks from the headers of events; asks the event stream for its end. */
#include "services/aggregator/outbox.h"

#include <inttypes.h>
#include <stdio.h>

#include "bus/streams.h"
#include "proto/event.h"
#include "proto/subjects.h"
#include "base/poison.h"

bool outbox_place_parse(ov_str text, outbox_place *ret)
{
    ov_str seq;
    outbox_place p;
    if (!ov_str_split(&text, '.', &seq) || !ov_str_to_u64(seq, &p.seq) || !ov_str_to_u64(text, &p.index)) return false;
    *ret = p;
    return true;
}

bool outbox_place_is_after(outbox_place a, outbox_place b)
{
    return a.seq != b.seq ? a.seq > b.seq : a.index > b.index;
}

static outbox_place next_place(outbox_place p)
{
    return (outbox_place){p.seq, p.index + 1};
}

outbox_mark outbox_mark_at(outbox_place to)
{
    return (outbox_mark){.from = next_place(to), .to = to};
}

static bool place_eq(outbox_place a, outbox_place b)
{
    return a.seq == b.seq && a.index == b.index;
}

void outbox_mark_write(const outbox_mark *m, outbox_place own, char out[96])
{
    out[0] = '\0';
    if (place_eq(m->to, own) && outbox_place_is_after(m->from, m->to)) return;
    snprintf(out, 96, "%" PRIu64 ".%" PRIu64 ",%" PRIu64 ".%" PRIu64, m->from.seq, m->from.index, m->to.seq,
             m->to.index);
}

bool outbox_mark_parse(ov_str outbox, ov_str untold, outbox_mark *ret)
{
    outbox_place own;
    ov_str from;
    if (!outbox_place_parse(outbox, &own)) return false;
    if (!untold.len) {
        *ret = outbox_mark_at(own);
        return true;
    }
    outbox_mark m;
    if (!ov_str_split(&untold, ',', &from) || !outbox_place_parse(from, &m.from)) return false;
    if (!outbox_place_parse(untold, &m.to)) return false;
    *ret = m;
    return true;
}

static bool mark_of(const ov_bus_in *m, outbox_mark *ret)
{
    return outbox_mark_parse(ov_bus_in_header(m, HEADER_OUTBOX), ov_bus_in_header(m, HEADER_UNTOLD), ret);
}

static ov_status last_of_epoch(ov_bus *bus, ov_bus_in **ret, ov_err *err)
{
    char subject[SUBJECT_MAX];
    subject_event(event_type_name(EVENT_EPOCH), (ov_str){0}, (ov_str){0}, subject);
    return ov_bus_last_message(bus, STREAM_EVENTS, subject, ret, err);
}

static ov_status stream_state(ov_bus *bus, ov_bus_stream_info *ret, ov_err *err)
{
    ov_status st = ov_bus_stream_state(bus, STREAM_EVENTS, ret, err);
    return st == OV_NOT_FOUND ? OV_RETRY : st;
}

ov_status outbox_read_end(ov_bus *bus, outbox_end *ret, ov_err *err)
{
    ov_bus_stream_info info;
    OV_CLEANUP(ov_bus_in_free_p) ov_bus_in *last = NULL;
    OV_CLEANUP(ov_bus_in_free_p) ov_bus_in *epoch = NULL;
    ov_status st = stream_state(bus, &info, err);
    if (st != OV_OK) return st;
    *ret = (outbox_end){.last_seq = info.last_seq, .created = info.created};
    st = ov_bus_last_message(bus, STREAM_EVENTS, SUBJECT_EVENTS, &last, err);
    if (st != OV_OK) return st;
    if (ov_bus_in_seq(last) > info.last_seq) return ov_fail(err, OV_RETRY, "stream %s: it moves", STREAM_EVENTS);
    if (mark_of(last, &ret->mark)) return OV_OK;
    ret->open = true;
    st = last_of_epoch(bus, &epoch, err);
    if (st == OV_OK && !mark_of(epoch, &ret->mark)) st = OV_NOT_FOUND;
    return st;
}

ov_status outbox_read_epoch(ov_bus *bus, uint64_t *ret_last_seq, int64_t *ret_epoch, ov_err *err)
{
    ov_bus_stream_info info;
    OV_CLEANUP(ov_bus_in_free_p) ov_bus_in *m = NULL;
    ov_status st = stream_state(bus, &info, err);
    if (st != OV_OK) return st;
    uint64_t epoch = 0;
    st = last_of_epoch(bus, &m, err);
    if (st != OV_OK && st != OV_NOT_FOUND) return st;
    if (st == OV_OK) (void)ov_str_to_u64(ov_bus_in_header(m, HEADER_EPOCH), &epoch);
    *ret_last_seq = info.last_seq;
    *ret_epoch = (int64_t)epoch;
    return OV_OK;
}

ov_status outbox_is_told(ov_bus *bus, const char *subject, outbox_place place, bool *ret, ov_err *err)
{
    OV_CLEANUP(ov_bus_in_free_p) ov_bus_in *m = NULL;
    outbox_place last;
    ov_status st = ov_bus_last_message(bus, STREAM_EVENTS, subject, &m, err);
    if (st != OV_OK && st != OV_NOT_FOUND) return st;
    *ret = st == OV_OK && outbox_place_parse(ov_bus_in_header(m, HEADER_OUTBOX), &last) &&
           !outbox_place_is_after(place, last);
    return OV_OK;
}
