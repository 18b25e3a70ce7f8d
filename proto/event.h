/* Event: something changed; CloudEvents 1.0 in JSON, published once. */
#ifndef OPVIC_PROTO_EVENT_H
#define OPVIC_PROTO_EVENT_H

#include "base/buf.h"
#include "base/clock.h"
#include "json/fields.h"

typedef enum {
    EVENT_RUNNING, /* versions appeared, changed or are gone: data {change, previous:[...], running:[...],
                      truncated?: true when a list was cut} */
    EVENT_STATE,   /* an entry's state or latest: data {previous:{state,latestVersion}, state, latestVersion, reason?,
                      running:[...], truncated?} */
    EVENT_RELEASE, /* a rule has a new highest candidate, once for the fleet: data {source, latestVersion, previous} */
    EVENT_WITHDRAWN,   /* a rule's highest candidate went: data as release */
    EVENT_SOURCE,      /* data {source, change: failing|recovered, failure, message} */
    EVENT_AGENT,       /* data {change: appeared|expired|conflict|returned|resolved} */
    EVENT_END_OF_LIFE, /* the day came for a running version: data {product, cycle, date?, runningVersion} */
    EVENT_EPOCH        /* a new leader's first record: fences older ones, means nothing to others */
} event_type;
const char *event_type_name(event_type t); /* "running", ... the subject's token and the end of the CloudEvents type */

typedef struct {
    event_type type;
    ov_str agent,
        tracker;    /* ptr NULL: none; become the extensions agentid, trackerid and the subject "agent/tracker" */
    ov_str data;    /* raw JSON object */
    ov_wall time;   /* the server's timestamp of the input that caused it */
    const char *id; /* deterministic: event_id */
} event;

/* {"specversion":"1.0","id","source":"opvic","type":"io.opvic.<type>","subject"?,"time","datacontenttype":"application/json","agentid"?,"trackerid"?,"data"}
 */
void event_encode(const event *e, ov_buf *out);
/* Hash of the document's key, what it was made from, and the place in its outbox: the same difference has the same id.
 * 32 digits. */
void event_id(ov_str key, ov_str previous_digest, ov_str next_digest, unsigned index, char out[33]);

/* What a publisher needs of an event in an outbox. */
typedef struct {
    ov_str id, type;       /* type: the last part alone, "running" */
    ov_str agent, tracker; /* ptr NULL: none */
    ov_json_arena arena;
} event_head;
OV_MUST_CHECK ov_status event_head_decode(ov_str body, event_head *ret, ov_err *err);
void event_head_clear(event_head *h);

#endif
