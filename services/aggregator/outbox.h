/* Outbox: places of events in the outboxes of documents, and what the event stream says about which of them are told.
 */
#ifndef OPVIC_AGGREGATOR_OUTBOX_H
#define OPVIC_AGGREGATOR_OUTBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "bus/bus.h"

/* Where an event stands: the state sequence of its document and its place in the outbox. */
typedef struct {
    uint64_t seq, index;
} outbox_place;
/* "<seq>.<index>"; false when it is not one. */
bool outbox_place_parse(ov_str text, outbox_place *ret);
bool outbox_place_is_after(outbox_place a, outbox_place b);

/* What is told: everything below from, nothing above to; of what stands between them each subject's last event knows,
 * since the events of one subject are told in their order. Nothing stands between them when from is after to. */
typedef struct {
    outbox_place from, to;
} outbox_mark;
/* Everything up to the place is told, nothing above. */
outbox_mark outbox_mark_at(outbox_place to);
/* The events' header; "" when the event's own place says as much. */
void outbox_mark_write(const outbox_mark *m, outbox_place own, char out[96]);
/* From an event's two headers; false when it has none: it is not ours. */
bool outbox_mark_parse(ov_str outbox, ov_str untold, outbox_mark *ret);

/* The event stream's end. */
typedef struct {
    uint64_t last_seq;
    ov_wall created;
    outbox_mark mark;
    bool open; /* somebody else's event stands last: what is above mark.to may be told too */
} outbox_end;
/* OV_NOT_FOUND: there is no event that knows; last_seq and created are set also then. OV_RETRY. */
OV_MUST_CHECK ov_status outbox_read_end(ov_bus *bus, outbox_end *ret, ov_err *err);
/* The highest epoch whose leader began to publish events, 0: none; and the stream's last sequence. */
OV_MUST_CHECK ov_status outbox_read_epoch(ov_bus *bus, uint64_t *ret_last_seq, int64_t *ret_epoch, ov_err *err);
/* Whether the event of that place is in the stream, by its subject's last event. */
OV_MUST_CHECK ov_status outbox_is_told(ov_bus *bus, const char *subject, outbox_place place, bool *ret, ov_err *err);

#endif
