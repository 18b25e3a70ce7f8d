/* How reports leave the cluster, over the bus or over HTTP: three things to send, and what became of each. */
#ifndef OPVIC_COLLECTOR_SHIP_TRANSPORT_H
#define OPVIC_COLLECTOR_SHIP_TRANSPORT_H

#include <stdbool.h>

#include "base/inbox.h"
#include "base/status.h"
#include "proto/heartbeat.h"

enum {
    TRANSPORT_INBOX = 1024,      /* above what both transports have in flight together with what they are told */
    TRANSPORT_BUS_REPORTS = 256, /* in flight at once */
    TRANSPORT_HTTP_REPORTS = 4
};

typedef enum {
    TRANSPORT_REPORT,
    TRANSPORT_HEARTBEAT,
    TRANSPORT_INVENTORY,
    TRANSPORT_ASK /* not an outcome: the aggregator wants something */
} transport_event_kind;

typedef enum {
    TRANSPORT_STORED,
    TRANSPORT_RETRY,        /* not stored, or not known */
    TRANSPORT_REFUSED,      /* never stored as it is */
    TRANSPORT_DENIED,       /* the token or a right is missing: not stored until an operator acts */
    TRANSPORT_NO_HEARTBEATS /* HEARTBEAT: a control plane that knows reports alone */
} transport_outcome;

/* One heap block with its texts, put into the owner's inbox. */
typedef struct {
    transport_event_kind kind;
    transport_outcome outcome;
    char *tracker;                  /* REPORT */
    int64_t revision;               /* REPORT */
    char digest[REPORT_DIGEST_HEX]; /* INVENTORY: of the trackers in it */
    char *ask;                      /* ASK: the body */
    size_t ask_len;
    char text[200]; /* why, when it was not stored */
} transport_event;

transport_event *transport_event_new(transport_event_kind kind);
void transport_event_free(transport_event *e);
void transport_event_free_p(transport_event **e);
void transport_event_drop(void *event); /* for ov_inbox_new */

/* Implementations fill this in; self is theirs. Everything given is copied. What returns OV_OK is followed by exactly
 * one event of its kind; OV_RETRY: not now, no event follows; OV_INVALID: never as it is, no event follows. */
typedef struct {
    void *self;
    const char *name; /* what it sends to, in texts for people: "the bus", "the control plane" */
    /* Nothing needs to be tried while it is down; whoever waits is woken when it comes up. */
    bool (*is_up)(const void *self);
    size_t (*reports_max)(const void *self); /* in flight at once */
    size_t (*body_max)(const void *self);    /* bytes of a report that it takes now */
    /* An empty body: the tracker is gone. */
    ov_status (*report)(void *self, ov_str tracker, ov_str body, int64_t revision, ov_err *err);
    /* items is NULL when no inventory is due; otherwise an event INVENTORY follows too. h->digest is the items' digest.
     */
    ov_status (*heartbeat)(void *self, const heartbeat *h, const inventory_item *items, size_t count, ov_err *err);
    void (*free)(void *self);
} transport;

#endif
