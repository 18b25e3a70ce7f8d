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
    FILTER_NO_VALUE,      /* a chart without appVersion */
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
    rule_dropped dropped[RULE_FILTERS];
    bool chosen; /* the candidates are those of the list as it is */

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

/* Chooses the candidates from the list as it is. */
void rule_choose(rule *r, intern *texts);
/* How it stands now; true when standing, reason or latest changed. */
bool rule_stand(rule *r, intern *texts);

#endif
