/* The outcome of a look as it is stored: what upstream said now and what stood before it, put together. */
#ifndef OPVIC_FETCHER_OUTCOME_H
#define OPVIC_FETCHER_OUTCOME_H

#include "proto/report.h"
#include "services/fetcher/look.h"

/* Whether the job's validators stand for lists that are stored: previous (NULL: none) was complete once and knows every
 * list that the job wants. */
bool outcome_may_be_conditional(const job *j, const lookup *previous);

/* What is stored of one list of a complete look. */
typedef struct {
    bool changed;                   /* body differs from what previous tells: to be published */
    char digest[REPORT_DIGEST_HEX]; /* "" when upstream has no such list */
    ov_buf body;
} outcome_list;
/* Encodes list number at of the look. OV_INVALID when it is larger than a list may be. ret->body needs ov_buf_clear. */
OV_MUST_CHECK ov_status outcome_list_make(const job *j, const version_list *from, bool truncated,
                                          const lookup *previous, outcome_list *ret, ov_err *err);

/* The message. lists are the complete look's (at the places of r->lists); other outcomes keep previous'. Views into j,
 * r and previous; ret->lists is the caller's to free. */
void outcome_make(const job *j, const look_result *r, const lookup *previous, const lookup_list *lists, int64_t now_s,
                  lookup *ret);

#endif
