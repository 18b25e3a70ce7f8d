/* The outcome of a look as it is stored: what upstream said now and what stood before it, put together. */
#ifndef OPVIC_FETCHER_OUTCOME_H
#define OPVIC_FETCHER_OUTCOME_H

#include "proto/report.h"
#include "services/fetcher/look.h"

/* Whether the job's validators stand for lists that are stored: previous (NULL: none) was complete once and knows every
 * list that the job wants. Whose they are is the look's to judge. */
bool outcome_may_be_conditional(const job *j, const lookup *previous);

/* What is stored of one list of a complete look. */
typedef struct {
    size_t count;                   /* of its versions */
    bool changed;                   /* body differs from what previous tells: to be published */
    char digest[REPORT_DIGEST_HEX]; /* "" when upstream has no such list */
    ov_buf body;
} outcome_list;
/* Encodes a list of the look. A truncated one extends stood, the list that is stored (NULL: none): what it found and
 * all that stood, in upstream's order and then in the order that stood; where that is too many versions, what is new
 * gives way. OV_INVALID when it is larger than a list may be. ret->body needs ov_buf_clear. */
OV_MUST_CHECK ov_status outcome_list_make(const job *j, const version_list *from, const list *stood,
                                          const lookup *previous, outcome_list *ret, ov_err *err);

/* Turns a complete look that found a list of previous (NULL: none) without versions for the first time into a failed
 * one: an upstream that is being set up, moved or broken answers so, and what is gone for good is so the next time.
 * What outcome_make stores of it tells the next look, whichever fetcher makes it. */
void outcome_doubt(const lookup *previous, look_result *r);

/* The message. lists are the complete look's (at the places of r->lists); other outcomes keep previous'. Views into j,
 * r and previous; ret->lists is the caller's to free. */
void outcome_make(const job *j, const look_result *r, const lookup *previous, const lookup_list *lists, int64_t now_s,
                  lookup *ret);

#endif
