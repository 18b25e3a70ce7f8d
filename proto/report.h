/* Report: which versions of one tracked thing run in one cluster. The body is the one of POST /agents; on the bus an
 * empty body is a tombstone: the tracker is gone. */
#ifndef OPVIC_PROTO_REPORT_H
#define OPVIC_PROTO_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "json/fields.h"

enum {
    REPORT_BYTES_MAX = 1024 * 1024, /* of a body; three quarters of the bus's max_payload bound it too */
    REPORT_VERSIONS_MAX = 10000,    /* running versions of one tracker */
    REPORT_TAGS_MAX = 256
};

/* extraction{regex{pattern,result}}, provider, ...: absent texts are empty. */
typedef struct {
    ov_str provider, strategy, repo, chart, constraint, pattern, result;
    ov_str end_of_life; /* product of endoflife.date, as the tracker spells it */
} report_remote;

typedef struct {
    ov_str running_version;
    int64_t resource_count; /* >= 0 */
    ov_str resource_kind, extracted_from;
} report_version;

/* Why a collector could not report as asked; absent from Go agents and when all went well. */
typedef enum {
    REPORT_FINE,
    REPORT_NOTHING_MATCHED,
    REPORT_SOME_FAILED,    /* extraction failed for some objects */
    REPORT_INVALID_SPEC,   /* the tracker itself is wrong: nothing was looked at */
    REPORT_DUPLICATE_NAME, /* an older tracker has this name */
    REPORT_FORBIDDEN,      /* a right to read the kind is missing; what was seen before stands */
    REPORT_UNKNOWN_KIND    /* the cluster has no such kind */
} report_reason;
const char *
report_reason_name(report_reason r); /* "", "NothingMatched", "SomeFailed", "InvalidSpec", "DuplicateName", ... */

/* Views into the body or the arena. */
typedef struct {
    ov_str agent_id;
    ov_str tags;    /* raw JSON object of strings; empty when absent or null */
    ov_str version; /* raw JSON of the member "version": what GET /agents/:id/:versionId answers */
    ov_str id, ns;
    int64_t count;        /* objects matched, >= 0 */
    ov_str uniq_versions; /* raw JSON array of strings */
    report_version *versions;
    size_t version_count;
    bool has_remote; /* remoteVersion present with a provider or a repo */
    report_remote remote;
    ov_str remote_raw;    /* raw JSON of remoteVersion, empty when absent */
    report_reason reason; /* version.condition{reason,message} */
    ov_str message;
    ov_json_arena arena;
} report;

/* Decodes and checks a body without a tree. The body must outlive the report; report_clear frees the rest. OV_INVALID
 * with the member's path: "report: version.versions[3].resourceCount: \"1\": expected an integer". Rules: CONTRACT.md;
 * count 0 is accepted, a negative one is not; members of an item may be absent; null items, duplicate members, text
 * behind the value, NUL and invalid UTF-8 are refused. */
OV_MUST_CHECK ov_status report_decode(ov_str body, report *ret, ov_err *err);
/* The same for the member "version" alone, as state keeps it: agent_id and tags stay empty. */
OV_MUST_CHECK ov_status report_decode_version(ov_str version, report *ret, ov_err *err);
void report_clear(report *r);

/* Writes a body: members always in the same order, so that equal reports are equal bytes. uniq_versions and version are
 * made from versions; tags is raw JSON. */
void report_encode(const report *r, ov_buf *out);

/* First 16 bytes of the body's SHA-256, hexadecimal: what an inventory lists. */
enum { REPORT_DIGEST_HEX = 33 };
void report_digest(ov_str body, char out[REPORT_DIGEST_HEX]);

#endif
