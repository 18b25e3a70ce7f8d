/* Budget: how many requests a host grants whom, and what fetchers have agreed on about asking it. One document for each
 * (host, credential) in bucket opvic_budget, always written with the expected revision. */
#ifndef OPVIC_PROTO_BUDGET_H
#define OPVIC_PROTO_BUDGET_H

#include "base/buf.h"
#include "json/fields.h"

enum { BUDGET_BYTES_MAX = 4096, BUDGET_HOST_MAX = 283, BUDGET_CREDENTIAL_MAX = 12 };

/* Times are Unix seconds; 0: none. */
typedef struct {
    int64_t limit;       /* requests a period; 0: not told */
    int64_t remaining;   /* requests that nobody has reserved yet; counts while reset_s is set */
    int64_t reset_s;     /* when the period ends; 0: nothing is known of a limit */
    int64_t period_s;    /* how long a period lasts, as far as seen; 0: not seen */
    int64_t wait_s;      /* nobody asks before it */
    int64_t alone_s;     /* until then somebody asks alone, to be told what is left */
    int64_t unlimited_s; /* until then it counts as a host without a limit */
} budget_state;

typedef struct {
    ov_str host, credential; /* as key_budget takes them */
    budget_state state;
    ov_json_arena arena;
} budget_doc;
/* OV_INVALID: not such a document, of another schema version, or too large. */
OV_MUST_CHECK ov_status budget_doc_decode(ov_str body, budget_doc *ret, ov_err *err);
void budget_doc_clear(budget_doc *d);
void budget_doc_encode(const budget_doc *d, ov_buf *out);

#endif
