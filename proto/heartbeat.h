/* Heartbeat: a collector lives, and how much it tracks; inventory: exactly what. */
#ifndef OPVIC_PROTO_HEARTBEAT_H
#define OPVIC_PROTO_HEARTBEAT_H

#include "base/buf.h"
#include "json/fields.h"
#include "proto/report.h"

enum { INSTANCE_MAX = 64, INVENTORY_ITEMS_MAX = 10000 };

/* On the bus instance and revision travel as headers (heartbeats that change nothing are equal bytes); over HTTP they
 * stand in the body: POST /agents/:id/heartbeat. Views into the body or the arena. */
typedef struct {
    ov_str agent_id;    /* on the bus; over HTTP it stands in the path */
    ov_str tags;        /* raw JSON object; empty when absent */
    ov_str instance;    /* 1..INSTANCE_MAX of [A-Za-z0-9-] */
    int64_t revision;   /* >= 0 */
    int64_t count;      /* trackers */
    ov_str digest;      /* inventory_digest of all (tracker, report digest) */
    ov_str fingerprint; /* of the cluster's CA; empty when unknown */
    ov_str inventory;   /* raw JSON array of {id, digest}; empty when absent (HTTP alone; on the bus it is a message) */
    ov_json_arena arena;
} heartbeat;

typedef enum { HEARTBEAT_BUS, HEARTBEAT_HTTP } heartbeat_form;
OV_MUST_CHECK ov_status heartbeat_decode(heartbeat_form form, ov_str body, heartbeat *ret, ov_err *err);
void heartbeat_clear(heartbeat *h);
void heartbeat_encode(heartbeat_form form, const heartbeat *h, ov_buf *out);
/* Whether an instance's name may be used (HEADER_INSTANCE too); OV_INVALID: "path: \"x\": expected ...". */
OV_MUST_CHECK ov_status instance_check(ov_str instance, const char *path, ov_err *err);

typedef struct {
    ov_str id;
    ov_str digest; /* REPORT_DIGEST_HEX - 1 digits */
} inventory_item;
typedef struct {
    ov_str agent_id;
    inventory_item *items;
    size_t count;
    ov_json_arena arena;
} inventory;
OV_MUST_CHECK ov_status inventory_decode(ov_str body, inventory *ret, ov_err *err);
/* The items of a heartbeat over HTTP (its raw array). */
OV_MUST_CHECK ov_status inventory_decode_items(ov_str array, inventory *ret, ov_err *err);
void inventory_clear(inventory *i);
void inventory_encode(ov_str agent_id, const inventory_item *items, size_t count, ov_buf *out);

/* The digest of a set of (tracker, report digest): exclusive or of the items' hashes, so that a change costs one item
 * and the order does not matter. Starts as zeroes; adding an item twice takes it out again. */
typedef struct {
    unsigned char bits[16];
} inventory_digest;
void inventory_digest_toggle(inventory_digest *d, ov_str id, ov_str report_digest_hex);
void inventory_digest_hex(const inventory_digest *d, char out[REPORT_DIGEST_HEX]);

/* Answer to POST /agents/:id/heartbeat and body of opvic.ask.report.<agent>: what the aggregator wants. */
typedef struct {
    int64_t report_period_ms; /* an unchanged report is sent again this often; 0: unchanged */
    bool inventory_wanted;
    ov_str *wanted; /* tracker ids whose report is missing or differs */
    size_t wanted_count;
    ov_json_arena arena;
} ask_report;
OV_MUST_CHECK ov_status ask_report_decode(ov_str body, ask_report *ret, ov_err *err);
void ask_report_clear(ask_report *a);
void ask_report_encode(const ask_report *a,
                       ov_buf *out); /* {"reportPeriod":"6h0m0s","wanted":[...],"inventoryWanted":false} */

#endif
