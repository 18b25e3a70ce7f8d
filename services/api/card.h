/* Card: one entry, rendered; every answer about it is made of these pieces. */
#ifndef OPVIC_API_CARD_H
#define OPVIC_API_CARD_H

#include "proto/report.h"
#include "services/api/shared_text.h"
#include "services/api/tail.h"

typedef struct {
    ov_str item; /* {"currentVersion":...,"extractedFrom":"...", and then tail->gap; a comma before all but the first */
    ov_str labels; /* {version_id="...",...,remote_repo="..." */
    ov_str count;  /* ,extracted_from="...",latest_version="..."} 2\n stands right behind labels */
    ov_str end;    /* of life: {...,product="...",cycle="..."} 1\n and, with a date, {...} 1.7775936e+09\n; empty: not
                      known */
    tail *tail;
    uint32_t state_labels; /* how much of labels is for the state's series: up to running_version */
    uint32_t end_flag;     /* how much of end is its first line */
    uint8_t state;         /* state_value, as the gap's item says it */
    /* Which series it has: equal label sets are one series, an unparseable version has no gap. */
    bool has_count, has_gap, has_state;
} card_version;

/* Immutable and shared by threads; freed with the last reference. */
typedef struct {
    atomic_uint refs;
    shared_text *document;
    ov_str id;     /* unescaped */
    ov_str key;    /* the id as JSON, with its quotes */
    ov_str report; /* GET /agents/:id/:versionId */
    ov_str head;   /* of the gap, up to "versions":[ */
    size_t version_count;
    size_t line_count; /* of versions; one more where an entry has none: its state alone, with no version */
    card_version versions[];
} card;

#define CARD_GAP_END "]}"

/* From an entry, its document (a reference is taken) and one tail a version (references are taken). pending: some tail
 * is not there yet, and the whole says so. OV_INVALID: the report in it is not one, or has another number of versions.
 */
OV_MUST_CHECK ov_status card_new(const entry_doc *d, shared_text *document, tail *const *tails, bool pending,
                                 card **ret, ov_err *err);
card *card_ref(card *c);
void card_unref(card *c); /* NULL is fine */

#endif
