/* The names of all members that messages have, each written once, and what decoders share: schema, choices, arrays. */
#ifndef OPVIC_PROTO_MEMBERS_H
#define OPVIC_PROTO_MEMBERS_H

#include <stdbool.h>

#include "base/status.h"
#include "json/fields.h"
#include "json/writer.h"

/* Many messages. */
#define MEMBER_SCHEMA "schema"
#define MEMBER_AGENT_ID "agentId"
#define MEMBER_ID "id"
#define MEMBER_SOURCE "source"
#define MEMBER_PROVIDER "provider"
#define MEMBER_STRATEGY "strategy"
#define MEMBER_REPO "repo"
#define MEMBER_STATE "state"
#define MEMBER_REASON "reason"
#define MEMBER_MESSAGE "message"
#define MEMBER_DIGEST "digest"
#define MEMBER_COUNT "count"
#define MEMBER_LIST "list"
#define MEMBER_LISTS "lists"
#define MEMBER_VERSION "version"
#define MEMBER_VERSIONS "versions"
#define MEMBER_FAILURES "failures"
#define MEMBER_EPOCH "epoch"
#define MEMBER_AFTER "after"
#define MEMBER_OUTBOX "outbox"
#define MEMBER_TAGS "tags"
#define MEMBER_INSTANCE "instance"
#define MEMBER_REVISION "revision"
#define MEMBER_INSTANCE_SEQ "instanceSeq"
#define MEMBER_OLDER "older"
#define MEMBER_WANTED "wanted"
#define MEMBER_INVENTORY_WANTED "inventoryWanted"
#define MEMBER_REPORT_PERIOD "reportPeriod"
#define MEMBER_LATEST_VERSION "latestVersion"

/* Report. */
#define MEMBER_AGENT_TAGS "agentTags"
#define MEMBER_NAMESPACE "namespace"
#define MEMBER_UNIQ_VERSIONS "uniqVersions"
#define MEMBER_RUNNING_VERSION "runningVersion"
#define MEMBER_RESOURCE_COUNT "resourceCount"
#define MEMBER_RESOURCE_KIND "resourceKind"
#define MEMBER_EXTRACTED_FROM "extractedFrom"
#define MEMBER_REMOTE_VERSION "remoteVersion"
#define MEMBER_CHART "chart"
#define MEMBER_EXTRACTION "extraction"
#define MEMBER_REGEX "regex"
#define MEMBER_PATTERN "pattern"
#define MEMBER_RESULT "result"
#define MEMBER_CONSTRAINT "constraint"
#define MEMBER_END_OF_LIFE "endOfLife" /* a gap's version has it, too */
#define MEMBER_CONDITION "condition"

/* Heartbeat, inventory. */
#define MEMBER_FINGERPRINT "fingerprint"
#define MEMBER_INVENTORY "inventory"
#define MEMBER_ITEMS "items"

/* Job, list, look-up. */
#define MEMBER_FRESH_LISTS "freshLists"
#define MEMBER_ETAG "etag"
#define MEMBER_LAST_MODIFIED "lastModified"
#define MEMBER_CREDENTIAL "credential"
#define MEMBER_EMPTIED "emptied"
#define MEMBER_TRUNCATED "truncated"
#define MEMBER_APP_VERSION "appVersion"
#define MEMBER_DATE "date"
#define MEMBER_PRERELEASE "prerelease"
#define MEMBER_DEPRECATED "deprecated"
#define MEMBER_CYCLE "cycle"
#define MEMBER_EOL_FROM "eolFrom"
#define MEMBER_IS_EOL "isEol"
#define MEMBER_OUTCOME "outcome"
#define MEMBER_FAILURE "failure"
#define MEMBER_STATUS "status"
#define MEMBER_NEXT_TRY_AT "nextTryAt"
#define MEMBER_REQUESTS "requests"
#define MEMBER_LOOKED_AT "lookedAt"
#define MEMBER_COMPLETE_AT "completeAt"
#define MEMBER_BUDGET_REMAINING "budgetRemaining"

/* Budget. */
#define MEMBER_HOST "host"
#define MEMBER_CREDENTIAL "credential"
#define MEMBER_LIMIT "limit"
#define MEMBER_REMAINING "remaining"
#define MEMBER_RESET_AT "resetAt"
#define MEMBER_PERIOD "period"
#define MEMBER_WAIT_UNTIL "waitUntil"
#define MEMBER_ALONE_UNTIL "aloneUntil"
#define MEMBER_UNLIMITED_UNTIL "unlimitedUntil"

/* State. */
#define MEMBER_REPORT "report"
#define MEMBER_VERDICT "verdict"
#define MEMBER_GONE_AT "goneAt"
#define MEMBER_GAP "gap"
#define MEMBER_BEHIND_SINCE "behindSince"
#define MEMBER_RULES "rules"
#define MEMBER_RULE "rule"
#define MEMBER_FIRST_SEEN "firstSeen"
#define MEMBER_AGENTS "agents"
#define MEMBER_LAST_HEARTBEAT "lastHeartbeat"
#define MEMBER_LEADER "leader"

/* The gap, as GET .../versions answers it. */
#define MEMBER_RUNNING_VERSIONS "runningVersions"
#define MEMBER_REMOTE_PROVIDER "remoteProvider"
#define MEMBER_REMOTE_REPO "remoteRepo"
#define MEMBER_CURRENT_VERSION "currentVersion"
#define MEMBER_AVAILABLE_VERSIONS "availableVersions"
#define MEMBER_AVAILABLE_MAJORS "availableMajors"
#define MEMBER_AVAILABLE_MINORS "availableMinors"
#define MEMBER_AVAILABLE_PATCHES "availablePatches"
#define MEMBER_MAJOR_AVAILABLE "majorAvailable"
#define MEMBER_MINOR_AVAILABLE "minorAvailable"
#define MEMBER_PATCH_AVAILABLE "patchAvailable"
#define MEMBER_PRODUCT "product"
#define MEMBER_REACHED "reached"

/* CloudEvents 1.0 and its extensions. */
#define MEMBER_SPECVERSION "specversion"
#define MEMBER_TYPE "type"
#define MEMBER_SUBJECT "subject"
#define MEMBER_TIME "time"
#define MEMBER_DATACONTENTTYPE "datacontenttype"
#define MEMBER_AGENTID "agentid"
#define MEMBER_TRACKERID "trackerid"
#define MEMBER_DATA "data"

/* Parts. */
#define MEMBER_PARTS "parts"
#define MEMBER_BYTES "bytes"

enum { SCHEMA_VERSION = 1, PATH_MAX_BYTES = 192 };

/* Begins a document: {"schema":1 */
void schema_write(ov_json_writer *w);
/* OV_INVALID: "job: schema: 2: expected 1". what is "job". */
OV_MUST_CHECK ov_status schema_check(int64_t schema, const char *what, ov_err *err);
/* OV_INVALID: "job: more than 512 bytes". */
OV_MUST_CHECK ov_status size_check(ov_str body, size_t max, const char *what, ov_err *err);
/* OV_INVALID: "lookup: failures: -1: expected 0 to 1000000000". */
OV_MUST_CHECK ov_status range_check(int64_t value, int64_t max, const char *path, ov_err *err);
/* OV_INVALID: "job: after: -1: expected at least 0". path is "job: after". */
OV_MUST_CHECK ov_status nonnegative_check(int64_t value, const char *path, ov_err *err);

/* A text's index in a table of names; OV_INVALID: "path: \"x\": unknown". */
OV_MUST_CHECK ov_status choice_decode(ov_str text, const char *const *names, size_t count, const char *path,
                                      unsigned *ret, ov_err *err);

/* Reads an array of objects (raw bytes as ov_json_fields gave them, or empty) into *ret_items, elements of size bytes
 * that start zeroed, at most max; the caller frees them. Errors name "path[3].member". */
OV_MUST_CHECK ov_status items_decode(ov_str array, const ov_field *fields, size_t field_count, size_t size, size_t max,
                                     void *ret_items, size_t *ret_count, ov_json_arena *arena, const char *path,
                                     ov_err *err);
/* The same for an array of strings; ret_items may be NULL: only checked. */
OV_MUST_CHECK ov_status strings_decode(ov_str array, size_t max, ov_str **ret_items, size_t *ret_count,
                                       ov_json_arena *arena, const char *path, ov_err *err);
/* Checks a raw object of strings (null counts as empty): at most max members, none twice. */
OV_MUST_CHECK ov_status tags_check(ov_str object, size_t max, const char *path, ov_err *err);
/* Exactly digits lower-case hexadecimal digits; OV_INVALID: "path: \"x\": expected 32 hexadecimal digits". */
OV_MUST_CHECK ov_status hex_check(ov_str text, size_t digits, const char *path, ov_err *err);

/* Writes a member unless it is empty, zero or false. */
void member_write_str(ov_json_writer *w, const char *name, ov_str value);
void member_write_i64(ov_json_writer *w, const char *name, int64_t value);
void member_write_bool(ov_json_writer *w, const char *name, bool value);
void member_write_raw(ov_json_writer *w, const char *name, ov_str value);

#endif
