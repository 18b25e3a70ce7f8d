/* State: what the leading aggregator has concluded, one document a key in the bucket; public JSON stands verbatim in
 * it. */
#ifndef OPVIC_PROTO_STATE_H
#define OPVIC_PROTO_STATE_H

#include "base/buf.h"
#include "json/fields.h"

/* Of an entry and of each of its versions; the worst of its versions is the entry's. The order is not a severity. */
typedef enum {
    STATE_UP_TO_DATE,
    STATE_BEHIND,
    STATE_AHEAD,
    STATE_UNKNOWN_REMOTE, /* no remoteVersion is configured */
    STATE_PENDING,        /* the source was not looked at yet */
    STATE_STALE,          /* the list is older than three intervals: looks fail */
    STATE_NO_CANDIDATE,   /* nothing upstream passes extraction and constraint */
    STATE_UNPARSEABLE,    /* the running version is no version */
    STATE_INVALID         /* the tracker or its rule is wrong */
} state_value;
enum { STATE_VALUES = STATE_INVALID + 1 };
const char *state_value_name(state_value s); /* "upToDate", "behind", ... */
bool state_value_parse(ov_str name, state_value *ret);

typedef enum { AGENT_ALIVE, AGENT_CONFLICT, AGENT_EXPIRED } agent_value;
const char *agent_value_name(agent_value a); /* "alive", "conflict", "expired" */

enum { STATE_LIVE_SHARDS = 64, STATE_OLDER_MAX = 16 /* older instances in an agent's document */ };
/* Which live key holds an agent. */
unsigned state_live_shard(ov_str agent);

/* Every document begins {"schema":1,...} and may end with "outbox":[<event>,...], whole CloudEvents in the order in
 * which they are to be published. Deterministic: the same inputs give the same bytes. */

/* entry.<agent>.<tracker>
 * {"schema":1,"agentId","id","state","reason"?,"latestVersion","report":<the report's version member verbatim>,
 *  "versions":[{"currentVersion","verdict":"<id>" or "","state","reason"?,"latestVersion","endOfLife"?}...same order as
 * report.versions],"outbox"?} */
typedef struct {
    ov_str verdict; /* id; empty: no verdict (unknownRemote, invalid, unparseable) */
    state_value state;
    ov_str reason;
    ov_str latest;  /* normalised, "missing" when none is known */
    ov_str current; /* normalised running version (canonical, "1.2" is "1.2.0"), as the gap's currentVersion shows it;
                       the text as it runs when it is no version */
    ov_str end_of_life; /* raw JSON object (end_of_life.h); empty: the tracker names no product */
} entry_version;
typedef struct {
    ov_str agent_id, id;
    int64_t
        gone_at; /* > 0: expired or removed, decided about the report at this stream sequence (a later one undoes it);
                    {"schema":1,"agentId","id","goneAt":N,"outbox"?} alone then, and readers treat it as absent */
    state_value state;
    ov_str reason;
    ov_str latest;
    ov_str report; /* raw JSON */
    entry_version *versions;
    size_t version_count;
    ov_str outbox; /* raw JSON array, empty when absent */
    ov_json_arena arena;
} entry_doc;
OV_MUST_CHECK ov_status entry_doc_decode(ov_str body, entry_doc *ret, ov_err *err);
void entry_doc_clear(entry_doc *d);
void entry_doc_encode(const entry_doc *d, ov_buf *out);

/* verdict.<id>: {"schema":1,"id","source","state","reason"?,"gap":{<the tail of a gap's versions[] item: latestVersion,
 * availableVersions, availableMajors, availableMinors, availablePatches, majorAvailable, minorAvailable,
 * patchAvailable, state, reason?>}: lists hold versions as upstream's extraction gave them ("v2.0.0"), in version
 * order; latestVersion is normalised, "behindSince"?: seconds, "outbox"?}. gap is copied by the api behind
 * currentVersion, resourceCount, resourceKind, extractedFrom. */
typedef struct {
    ov_str id, source;
    state_value state;
    ov_str reason;
    ov_str gap;             /* raw JSON object */
    int64_t behind_since_s; /* Unix seconds; 0: absent */
    ov_str outbox;
    ov_json_arena arena;
} verdict_doc;
OV_MUST_CHECK ov_status verdict_doc_decode(ov_str body, verdict_doc *ret, ov_err *err);
void verdict_doc_clear(verdict_doc *d);
void verdict_doc_encode(const verdict_doc *d, ov_buf *out);

/* source.<source>:
 * {"schema":1,"source","provider","strategy","repo","outcome","failure"?,"message"?,"failures","completeAt"?,"nextTryAt"?,"lists":[{"list","count"}],"rules":[...],"outbox"?}
 */
typedef struct {
    ov_str source, provider, strategy, repo;
    ov_str outcome, failure, message;
    int64_t failures, complete_at_s, next_try_s, budget_remaining /* -1 unknown */;
    ov_str lists; /* raw JSON array */
    ov_str rules; /* raw JSON array [{"rule","list","latestVersion"}], by rule: what release events compare with */
    ov_str outbox;
    ov_json_arena arena;
} source_doc;
OV_MUST_CHECK ov_status source_doc_decode(ov_str body, source_doc *ret, ov_err *err);
void source_doc_clear(source_doc *d);
void source_doc_encode(const source_doc *d, ov_buf *out);

/* agent.<agent>:
 * {"schema":1,"agentId","tags":{...},"state","reason"?,"instance"?,"instanceSeq"?:N,"older"?:[instances],"wanted":[ids],"inventoryWanted":bool,"reportPeriod":ms,"outbox"?}.
 * wanted and inventoryWanted are what an api answers to POST /agents/:id/heartbeat. */
typedef struct {
    ov_str agent_id;
    ov_str tags; /* raw JSON object */
    agent_value state;
    ov_str reason, instance;
    int64_t instance_seq; /* report sequence of that instance's first message; 0: unknown */
    ov_str older;         /* raw JSON array, in a conflict: the instances before this one, which may still talk */
    ov_str wanted;        /* raw JSON array of strings */
    bool inventory_wanted;
    int64_t report_period_ms;
    int64_t first_seen_s;
    ov_str outbox;
    ov_json_arena arena;
} agent_doc;
OV_MUST_CHECK ov_status agent_doc_decode(ov_str body, agent_doc *ret, ov_err *err);
void agent_doc_clear(agent_doc *d);
void agent_doc_encode(const agent_doc *d, ov_buf *out);

/* live.<shard>: {"schema":1,"agents":{"<id>":<last heartbeat, Unix seconds>,...}}, ids in byte order, written at most
 * every 5 s. */
typedef ov_status (*live_each)(void *arg, ov_str agent, int64_t last_heartbeat_s, ov_err *err);
OV_MUST_CHECK ov_status live_doc_decode(ov_str body, live_each each, void *arg, ov_err *err);
typedef struct {
    ov_str agent;
    int64_t last_heartbeat_s;
} live_item;
void live_doc_encode(const live_item *items, size_t count, ov_buf *out);

/* meta.epoch: {"schema":1,"epoch":N,"leader":"<instance>"}: the first record of each leader, which fences older ones.
 */
typedef struct {
    int64_t epoch;
    ov_str leader;
    ov_json_arena arena;
} epoch_doc;
OV_MUST_CHECK ov_status epoch_doc_decode(ov_str body, epoch_doc *ret, ov_err *err);
void epoch_doc_clear(epoch_doc *d);
void epoch_doc_encode(const epoch_doc *d, ov_buf *out);

#endif
