/* Candidates: what a tracker's rule (extraction, constraint) leaves of a list of versions. An ordered list of named
 * filters chooses, each counts what it drops, with an example; nothing else rejects a version. */
#ifndef OV_CANDIDATES_CANDIDATES_H
#define OV_CANDIDATES_CANDIDATES_H

#include "regex/extraction.h"
#include "version/constraint.h"

/* The filters in their order. */
typedef enum {
    OV_FILTER_NO_VALUE,      /* a chart without appVersion, a cycle without a version */
    OV_FILTER_NO_MATCH,      /* the pattern does not match */
    OV_FILTER_TOO_MUCH_WORK, /* the pattern's limits were reached */
    OV_FILTER_EMPTY_RESULT,  /* the extraction gives nothing */
    OV_FILTER_UNPARSEABLE,   /* no version */
    OV_FILTER_CONSTRAINT,
    OV_FILTER_DUPLICATE, /* another spelling of one that stays */
    OV_FILTERS
} ov_filter;
const char *ov_filter_name(ov_filter f);

enum { OV_CANDIDATES_EXAMPLE_MAX = 128 /* bytes */ };

typedef struct {
    size_t count;
    char *example; /* the first of them, its beginning; NULL: none was dropped */
} ov_dropped;

/* One step takes some 50 ns. A rule may take so many over a whole list; and so many of its versions may take more than
 * a match may. */
enum {
    OV_CANDIDATES_WORK_MAX = 1000000000,
    OV_CANDIDATES_OVERWORKED_MAX = 100,
    OV_CANDIDATES_VERSION_STEPS = 64 /* besides the pattern's */
};

/* A list's item as a rule sees it. */
typedef struct {
    ov_str text;
    int64_t date_s; /* Unix seconds; 0: unknown */
} ov_candidates_item;
typedef ov_candidates_item (*ov_candidates_list)(const void *arg, size_t i);

typedef struct {
    ov_extraction extraction;
    ov_constraint *constraint; /* NULL: none */

    ov_version **versions; /* ascending; of one version one spelling */
    int64_t *dates;        /* theirs */
    size_t count;
    ov_dropped dropped[OV_FILTERS];
    size_t total, looked; /* items of the list; of them looked at */
    bool overworks;       /* it was given up: there are no candidates */

    struct ov_candidates_found *found; /* while choosing */
    size_t found_count;
    uint64_t work; /* steps of its pattern */
} ov_candidates;

/* A rule without candidates yet. pattern and result as ov_extraction_init; an empty constraint is none. OV_INVALID: the
 * pattern or the constraint is wrong; then there is nothing to clear. */
OV_MUST_CHECK ov_status ov_candidates_init(ov_candidates *c, ov_str pattern, ov_str result, ov_str constraint,
                                           ov_err *err);
void ov_candidates_clear(ov_candidates *c);

/* Begins to choose from a list of total items; until it has ended there are no candidates. The list must not change
 * meanwhile without a new beginning. */
void ov_candidates_begin(ov_candidates *c, size_t total);
/* Goes on for about *steps, and takes what it needed off; true at the end. An item's text may be gone afterwards. */
bool ov_candidates_more(ov_candidates *c, ov_candidates_list list, const void *arg, int64_t *steps);

/* "3 noMatch (\"x\"), 1 unparseable (\"y\")", appended; nothing when nothing was dropped. */
void ov_candidates_write_dropped(const ov_candidates *c, ov_buf *out);
/* Why there are none after the end, appended: "nothing passes: ..." as above, "the list is empty", or that the pattern
 * takes too much work. */
void ov_candidates_explain(const ov_candidates *c, ov_buf *out);

#endif
