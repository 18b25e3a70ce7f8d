/* Rule: how a tracker chooses among a list's versions (extraction, constraint); shared by all trackers that say the
 * same. */
#ifndef OPVIC_AGGREGATOR_RULE_H
#define OPVIC_AGGREGATOR_RULE_H

#include "base/map.h"
#include "candidates/candidates.h"
#include "proto/report.h"
#include "services/aggregator/upstream.h"

typedef enum { RULE_SETTLED, RULE_CHOOSING, RULE_JUDGING } rule_stage;

struct rule {
    upstream_list *list;
    rule *next_in_list;
    char id[33];
    bool app_version;
    size_t refs; /* entries */

    ov_candidates candidates;
    size_t *above; /* candidates.count + 1: bytes that a verdict writes of them from i on, each of them twice */
    bool chosen;   /* the candidates are those of the list as it is */

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

/* Begins to choose the candidates from the list as it is; until it has ended there are none. The list must not change
 * meanwhile without a new beginning. */
void rule_choose_begin(rule *r);
/* Goes on for about *steps, and takes what it needed off; true at the end. */
bool rule_choose_more(rule *r, int64_t *steps);
/* Both, to the end. */
void rule_choose(rule *r);
/* How it stands now; true when standing, reason or latest changed. */
bool rule_stand(rule *r, intern *texts);

#endif
