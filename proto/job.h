/* Job: one look-up that one of the fetchers shall do. */
#ifndef OPVIC_PROTO_JOB_H
#define OPVIC_PROTO_JOB_H

#include "base/buf.h"
#include "json/fields.h"

enum { JOB_LISTS_MAX = 4096, JOB_BYTES_MAX = 512 * 1024, JOB_FAILURES_MAX = 1000000000 };

typedef struct {
    ov_str source, provider, strategy, repo;
    ov_str *lists; /* which lists are wanted (charts); none: the source has one, "" */
    size_t list_count;
    int64_t epoch; /* of the leader that planned it */
    int64_t after; /* sequence of the look-up that it was planned from, 0: none. A fetcher that sees a newer one drops
                      the job */
    bool fresh_lists;           /* a wanted list is not there yet: no conditional request */
    ov_str etag, last_modified; /* validators of the last complete look, empty when none */
    ov_str credential;          /* whose validators they are, as lookup.credential */
    int64_t failures;           /* in a row so far */
    ov_json_arena arena;
} job;
OV_MUST_CHECK ov_status job_decode(ov_str body, job *ret, ov_err *err);
void job_clear(job *j);
void job_encode(const job *j, ov_buf *out);
/* "<source token>-<after>": for the duplicate window. */
void job_msg_id(const job *j, char out[256]);

#endif
