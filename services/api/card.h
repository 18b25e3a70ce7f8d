/* Card: one entry, rendered; every answer about it is made of these pieces. */
#ifndef OPVIC_API_CARD_H
#define OPVIC_API_CARD_H

#include "proto/report.h"
#include "services/api/tail.h"

/* The bytes of an entry's document, shared by the cards that were made from it. */
typedef struct {
    atomic_uint refs;
    size_t len;
    char bytes[];
} card_document;
card_document *card_document_new(ov_str body);
ov_str card_document_text(const card_document *d);
void card_document_unref(card_document *d); /* NULL is fine */

typedef struct {
    ov_str item; /* {"currentVersion":...,"extractedFrom":"...", and then tail->gap; a comma before all but the first */
    ov_str labels; /* {version_id="...",...,remote_repo="..." */
    ov_str count;  /* ,extracted_from="...",latest_version="..."} 2\n stands right behind labels */
    tail *tail;
    bool has_count,
        has_gap; /* which series it has: equal label sets are one series, an unparseable version has no gap */
} card_version;

/* Immutable and shared by threads; freed with the last reference. */
typedef struct {
    atomic_uint refs;
    card_document *document;
    ov_str id;     /* unescaped */
    ov_str key;    /* the id as JSON, with its quotes */
    ov_str report; /* GET /agents/:id/:versionId */
    ov_str head;   /* of the gap, up to "versions":[ */
    size_t version_count;
    card_version versions[];
} card;

#define CARD_GAP_END "]}"

/* From an entry, its document (a reference is taken) and one tail a version (references are taken). pending: some tail
 * is not there yet, and the whole says so. OV_INVALID: the report in it is not one, or has another number of versions.
 */
OV_MUST_CHECK ov_status card_new(const entry_doc *d, card_document *document, tail *const *tails, bool pending,
                                 card **ret, ov_err *err);
card *card_ref(card *c);
void card_unref(card *c); /* NULL is fine */

#endif
