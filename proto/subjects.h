/* Every subject and key on the bus, in the order in which data flows: who writes it, who reads it. */
/* clang-format off */
/*
 *   what                         subject or key                               in               from -> to
 *   1 report: what runs          opvic.report.<agent>.<tracker>               OPVIC_REPORTS    collector, api -> aggregator
 *   2 heartbeat: I live          opvic.heartbeat.<agent>                      OPVIC_REPORTS    collector, api -> aggregator
 *   3 inventory: (tracker,digest) opvic.inventory.<agent>                     OPVIC_REPORTS    collector, api -> aggregator
 *   4 job: look upstream         opvic.job.<provider>.<source>                OPVIC_JOBS       leading aggregator -> one fetcher
 *   5 list: all versions         opvic.list.<source>.<list>                   OPVIC_LISTS      fetcher -> aggregator
 *   6 look-up: how it went       opvic.lookup.<source>                        OPVIC_LISTS      fetcher -> aggregator
 *   7 state                      entry.<agent>.<tracker>  verdict.<id>        opvic_state      leading aggregator -> api, anyone
 *                                source.<source>  agent.<agent>
 *                                live.<shard>  meta.<name>
 *   8 event                      opvic.event.<type>.<agent|_>.<tracker|_>     OPVIC_EVENTS     leading aggregator -> anyone
 *   9 ask                        opvic.ask.report.<agent>                     (core NATS)      aggregator -> collector
 *                                opvic.ask.refresh.<source>                   (core NATS)      api -> aggregator
 *  10 dead letter                opvic.dead.<stream>.<sequence>               OPVIC_DEAD       fetcher (jobs), leading aggregator (the rest)
 *  11 lease                                                                 opvic_lease      aggregators
 *  12 budget: requests left     <host>.<credential>                         opvic_budget     fetchers
 *
 * Parts of a large list or state document: <subject>.<revision>.<n> (see parts.h).
 */
/* clang-format on */
#ifndef OPVIC_PROTO_SUBJECTS_H
#define OPVIC_PROTO_SUBJECTS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"
#include "base/str.h"

/* Streams. */
#define STREAM_REPORTS "OPVIC_REPORTS"
#define STREAM_JOBS "OPVIC_JOBS"
#define STREAM_LISTS "OPVIC_LISTS"
#define STREAM_EVENTS "OPVIC_EVENTS"
#define STREAM_DEAD "OPVIC_DEAD"
/* Buckets, and the stream and subject prefix by which NATS keeps one. */
#define BUCKET_STATE "opvic_state"
#define BUCKET_LEASE "opvic_lease"
#define BUCKET_BUDGET "opvic_budget"
#define STREAM_STATE "KV_" BUCKET_STATE
#define STREAM_LEASE "KV_" BUCKET_LEASE
#define STREAM_BUDGET "KV_" BUCKET_BUDGET
#define STATE_PREFIX "$KV." BUCKET_STATE "."
#define LEASE_KEY "$KV." BUCKET_LEASE ".aggregator"
#define BUDGET_PREFIX "$KV." BUCKET_BUDGET "."

/* Filters for readers and permissions. */
#define SUBJECT_REPORTS "opvic.report.>"
#define SUBJECT_HEARTBEATS "opvic.heartbeat.>"
#define SUBJECT_INVENTORIES "opvic.inventory.>"
#define SUBJECT_JOBS "opvic.job.>"
#define SUBJECT_LISTS "opvic.list.>"
#define SUBJECT_LOOKUPS "opvic.lookup.>"
#define SUBJECT_EVENTS "opvic.event.>"
#define SUBJECT_ASK_REFRESH "opvic.ask.refresh.>"
#define SUBJECT_DEAD "opvic.dead.>"

/* Headers of messages. Bodies are deterministic: time, sequence and instance travel here. */
#define HEADER_INSTANCE "Opvic-Instance" /* of a collector's process, random; reports, heartbeats, inventories */
#define HEADER_REVISION "Opvic-Revision" /* decimal, grows with each change that this instance tells */
#define HEADER_INPUTS "Opvic-Inputs"     /* state: "<last report sequence>,<last list sequence>" it was made from */
#define HEADER_EPOCH "Opvic-Epoch"       /* state, events, jobs: of the leader */
#define HEADER_OUTBOX "Opvic-Outbox"   /* events: "<state sequence>.<index>" of the document and place in its outbox */
#define HEADER_UNTOLD "Opvic-Untold"   /* events, where some wait: "<from>,<to>": of these places some are not told */
#define HEADER_REASON "Opvic-Reason"   /* dead letters: why it could not be read */
#define HEADER_SUBJECT "Opvic-Subject" /* dead letters: where it stood */

enum {
    SUBJECT_TOKEN_MAX = 200, /* bytes of an escaped id; longer ones become "=h" and 64 hexadecimal digits of SHA-256 */
    SUBJECT_MAX = 1024,      /* bytes of a subject with its terminator */
    ID_MAX = 512             /* bytes of an agent's or tracker's id: 1 to 512, UTF-8, no NUL */
};

/* An id as one token: [A-Za-z0-9_/-] stay, other bytes become =HH (upper case); a lone "_" is "=5F", the empty id is
 * "=",
 * "/" at either end is escaped. out holds SUBJECT_TOKEN_MAX + 1. */
void subject_escape(ov_str id, char out[SUBJECT_TOKEN_MAX + 1]);
/* True when token is exactly what subject_escape makes of id: other spellings are refused. */
bool subject_token_is(ov_str token, ov_str id);
/* Whether an id may be used at all; OV_INVALID: "<what>: ...". */
OV_MUST_CHECK ov_status subject_id_check(ov_str id, const char *what, ov_err *err);

/* Each fills a terminated subject. */
void subject_report(ov_str agent, ov_str tracker, char out[SUBJECT_MAX]);
void subject_heartbeat(ov_str agent, char out[SUBJECT_MAX]);
void subject_inventory(ov_str agent, char out[SUBJECT_MAX]);
void subject_job(ov_str provider, ov_str source, char out[SUBJECT_MAX]);
void subject_list(ov_str source, ov_str list, char out[SUBJECT_MAX]);
void subject_lookup(ov_str source, char out[SUBJECT_MAX]);
/* agent and tracker with ptr NULL: "_". */
void subject_event(const char *type, ov_str agent, ov_str tracker, char out[SUBJECT_MAX]);
void subject_ask_report(ov_str agent, char out[SUBJECT_MAX]);
void subject_ask_refresh(ov_str source, char out[SUBJECT_MAX]);
void subject_dead(const char *stream, uint64_t sequence, char out[SUBJECT_MAX]);
/* State keys with STATE_PREFIX in front. */
void key_entry(ov_str agent, ov_str tracker, char out[SUBJECT_MAX]);
void key_verdict(ov_str id, char out[SUBJECT_MAX]);
void key_source(ov_str source, char out[SUBJECT_MAX]);
void key_agent(ov_str agent, char out[SUBJECT_MAX]);
void key_live(unsigned shard, char out[SUBJECT_MAX]);
void key_meta(const char *name, char out[SUBJECT_MAX]);

/* With BUDGET_PREFIX in front; credential: as credentials_id of the fetcher gives it, "" is anonymous. */
void key_budget(ov_str host, ov_str credential, char out[SUBJECT_MAX]);

/* What a received subject or state key is (STATE_PREFIX is known), with its escaped tokens. */
typedef enum {
    SUBJECT_UNKNOWN,
    SUBJECT_REPORT,
    SUBJECT_HEARTBEAT,
    SUBJECT_INVENTORY,
    SUBJECT_JOB,
    SUBJECT_LIST,
    SUBJECT_LIST_PART,
    SUBJECT_LOOKUP,
    SUBJECT_EVENT,
    SUBJECT_ASK_REPORT,
    SUBJECT_ASK_REFRESH_ONE,
    SUBJECT_ENTRY,
    SUBJECT_VERDICT,
    SUBJECT_SOURCE,
    SUBJECT_AGENT,
    SUBJECT_LIVE,
    SUBJECT_META,
    SUBJECT_STATE_PART
} subject_kind;
typedef struct {
    subject_kind kind;
    ov_str token[3]; /* as many as the kind has; of a part: the manifest's */
    ov_str manifest; /* the subject without the part's revision and number; itself when it is no part */
    ov_str revision; /* of a part */
    uint64_t part;   /* of a part, from 0 */
} subject_parsed;
void subject_parse(ov_str subject, subject_parsed *ret);

#endif
