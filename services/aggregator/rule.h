/* Rule: how a tracker chooses among a list's versions (extraction, constraint); shared by all trackers that say the
 * same. */
#ifndef OPVIC_AGGREGATOR_RULE_H
#define OPVIC_AGGREGATOR_RULE_H

#include "base/map.h"
#include "proto/report.h"
#include "regex/extraction.h"
#include "services/aggregator/upstream.h"
#include "version/constraint.h"

/* The filters in their order; nothing else rejects a version. */
typedef enum {
    FILTER_NO_VALUE,      /* a chart without appVersion, a cycle without a version */
    FILTER_NO_MATCH,      /* the pattern does not match */
    FILTER_TOO_MUCH_WORK, /* the pattern's limits were reached */
    FILTER_EMPTY_RESULT,  /* the extraction gives nothing */
    FILTER_UNPARSEABLE,   /* no version */
    FILTER_CONSTRAINT,
    FILTER_DUPLICATE, /* another spelling of one that stays */
    RULE_FILTERS
} rule_filter;
const char *rule_filter_name(rule_filter f);

typedef struct {
    size_t count;
    text_id example;
} rule_dropped;

/* A version that passed. */
typedef struct {
    ov_version *version;
    int64_t date_s;
} rule_found;

typedef enum { RULE_SETTLED, RULE_CHOOSING, RULE_JUDGING } rule_stage;

struct rule {
    upstream_list *list;
    rule *next_in_list;
    char id[33];
    bool app_version;
    ov_extraction extraction;
    ov_constraint *constraint; /* NULL: none */
    size_t refs;               /* entries */

    ov_version **candidates; /* ascending; of one version one spelling */
    int64_t *dates;          /* of the candidates, Unix seconds; 0: unknown */
    size_t count;
    size_t *above; /* count + 1: bytes that a verdict writes of the candidates from i on, each of them twice */
    rule_dropped dropped[RULE_FILTERS];
    bool chosen;    /* the candidates are those of the list as it is */
    bool overworks; /* it was given up: there are no candidates */

    rule_found *found; /* while choosing */
    size_t found_count, looked;
    uint64_t work; /* steps of its pattern */

    rule_stage stage; /* refresh.c's, as all of this block */
    bool due, changed;
    rule *due_before, *due_next;
    uint32_t generation; /* of its verdicts */
    size_t judged;       /* the place in verdicts */

    standing stands;
    text_id reason;  /* of stands, or why there is no candidate */
    text_id latest;  /* canonical; "missing" when there is none */
    ov_map verdicts; /* canonical running version -> verdict */
    entry **bare;    /* entries under the rule that have no verdict: they show its latest alone */
    size_t bare_count, bare_cap;
};

/* Same input, same id: 32 digits. */
void rule_id(const source *s, const report_remote *remote, char out[33]);
/* A rule over the list, without candidates yet. OV_INVALID: the pattern or the constraint is wrong. */
OV_MUST_CHECK ov_status rule_new(const char id[33], upstream_list *of, bool app_version, const report_remote *remote,
                                 rule **ret, ov_err *err);
/* Takes it out of its list; no verdicts may be left. */
void rule_free(rule *r, intern *texts);

void rule_add_bare(rule *r, entry *e);
void rule_drop_bare(rule *r, entry *e);

/* One step takes some 50 ns. A rule may take so many over a whole list; and so many of its versions may take more than
 * a match may. */
enum { RULE_WORK_MAX = 1000000000, RULE_OVERWORKED_MAX = 100, RULE_VERSION_STEPS = 64 /* besides the pattern's */ };

/* Begins to choose the candidates from the list as it is; until it has ended there are none. The list must not change
 * meanwhile without a new beginning. */
void rule_choose_begin(rule *r, intern *texts);
/* Goes on for about *steps, and takes what it needed off; true at the end. */
bool rule_choose_more(rule *r, intern *texts, int64_t *steps);
/* Both, to the end. */
void rule_choose(rule *r, intern *texts);
/* How it stands now; true when standing, reason or latest changed. */
bool rule_stand(rule *r, intern *texts);

#endif
