/* Parts: a payload above three quarters of the server's max_payload travels deflated and cut, then a manifest counts
 * it. */
#ifndef OPVIC_PROTO_PARTS_H
#define OPVIC_PROTO_PARTS_H

#include "base/buf.h"
#include "base/map.h"
#include "base/status.h"

/* Manifest: {"schema":1,"parts":N,"revision":"<16 hex digits of the body's hash>","bytes":<of the body>}; part n has
 * the subject <subject>.<revision>.<n>. A body that is small enough is published as it is. */

typedef struct {
    char subject[1100];
    ov_str data;
} parts_message;
typedef struct {
    parts_message *messages; /* parts in order, the manifest (or the whole body) last */
    size_t count;
    char revision[17]; /* "" when the body went whole */
    ov_buf deflated, manifest;
} parts;
/* limit: bytes that one message may have (three quarters of max_payload). body must outlive ret. */
void parts_split(const char *subject, ov_str body, size_t limit, parts *ret);
void parts_clear(parts *p);

/* Puts bodies together again as messages arrive in any order; one per reader. body_max bounds each. */
typedef struct parts_joiner parts_joiner;
parts_joiner *parts_joiner_new(size_t body_max, size_t pending_max_bytes);
void parts_joiner_free(parts_joiner *j);
/* Everything that the reader receives. *ret_body is set (valid until the next call) when a body is complete: the
 * message itself, or a manifest whose parts are all there; ptr NULL: a part, or a manifest that waits for parts.
 * *ret_subject is the manifest's. OV_INVALID: damaged; the older complete body stands. */
OV_MUST_CHECK ov_status parts_join(parts_joiner *j, ov_str subject, ov_str data, ov_str *ret_subject, ov_str *ret_body,
                                   ov_err *err);
/* A new snapshot begins: forgets all. */
void parts_joiner_reset(parts_joiner *j);

#endif
