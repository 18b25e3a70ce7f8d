/* Ships what the delivery holds through a transport: what to send now, what came back, and when to look again.
 * Pure but for the transport: time is given, nothing waits. */
#ifndef OPVIC_COLLECTOR_SHIP_SHIPPING_H
#define OPVIC_COLLECTOR_SHIP_SHIPPING_H

#include "services/collector/delivery.h"
#include "services/collector/ship/transport.h"

typedef struct shipping shipping;

typedef struct {
    ov_str agent_id, tags; /* tags: raw JSON object; both must outlive the shipping */
    const char *instance;  /* too */
    ov_str fingerprint;    /* of the cluster, see heartbeat; too */
    int64_t interval_ms;   /* between heartbeats */
    uint64_t random;
} shipping_options;

/* to is kept, not owned. */
shipping *shipping_new(const shipping_options *o, const transport *to);
void shipping_free(shipping *s);

/* The newest report of a tracker; an empty body: it is gone. */
void shipping_put(shipping *s, ov_str tracker, ov_str body, ov_mono now);
/* From now on heartbeats may speak for the whole cluster. */
void shipping_begin_heartbeats(shipping *s, ov_mono now);
/* Sends what is due and may go; returns when to call again at the latest. */
ov_mono shipping_step(shipping *s, ov_mono now);
void shipping_on_event(shipping *s, const transport_event *e, ov_mono now);

typedef struct {
    size_t pending;        /* reports that wait or are in flight */
    bool is_drained;       /* nothing is in flight */
    bool heartbeat_stored; /* at least one, after everything was delivered */
    bool refused_any;      /* some report is refused as it is */
    uint64_t delivered;    /* reports stored so far */
    int64_t age_ms;        /* since the last one; -1: none */
    const char *denied;    /* why the other side does not let us in; "" when it does */
    const char *problem;   /* why the last attempt failed; "" when it did not */
} shipping_state;
void shipping_describe(const shipping *s, ov_mono now, shipping_state *ret);

#endif
