/* Runs a list's versions through the ordered filters and keeps what stays, sorted. */
#include "candidates/candidates.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/poison.h"

/* A version that passed. */
typedef struct ov_candidates_found {
    ov_version *version;
    int64_t date_s;
} found_version;

/* One version on its way through the filters. */
typedef struct {
    ov_str raw;
    ov_buf *value;
    bool matched, overworked;
    size_t work;
    ov_version *parsed;
} sieve;

static bool has_value(const ov_candidates *c, sieve *s)
{
    (void)c;
    return s->raw.len > 0;
}

static bool has_match(const ov_candidates *c, sieve *s)
{
    ov_buf_reset(s->value);
    s->overworked = ov_extraction_apply_counted(&c->extraction, s->raw, s->value, &s->matched, &s->work, NULL) != OV_OK;
    return s->overworked || s->matched;
}

static bool was_easy(const ov_candidates *c, sieve *s)
{
    (void)c;
    return !s->overworked;
}

static bool has_result(const ov_candidates *c, sieve *s)
{
    (void)c;
    return s->value->len > 0;
}

static bool is_version(const ov_candidates *c, sieve *s)
{
    (void)c;
    return !s->value->failed && ov_version_parse(ov_buf_str(s->value), &s->parsed, NULL) == OV_OK;
}

static bool is_allowed(const ov_candidates *c, sieve *s)
{
    return !c->constraint || ov_constraint_check(c->constraint, s->parsed);
}

static const struct {
    const char *name;
    bool (*passes)(const ov_candidates *c, sieve *s);
} filters[] = {
    [OV_FILTER_NO_VALUE] = {"noValue", has_value},         [OV_FILTER_NO_MATCH] = {"noMatch", has_match},
    [OV_FILTER_TOO_MUCH_WORK] = {"tooMuchWork", was_easy}, [OV_FILTER_EMPTY_RESULT] = {"emptyResult", has_result},
    [OV_FILTER_UNPARSEABLE] = {"unparseable", is_version}, [OV_FILTER_CONSTRAINT] = {"constraint", is_allowed},
    [OV_FILTER_DUPLICATE] = {"duplicate", NULL}, /* needs the sorted whole */
};

const char *ov_filter_name(ov_filter f)
{
    return filters[f].name;
}

ov_status ov_candidates_init(ov_candidates *c, ov_str pattern, ov_str result, ov_str constraint, ov_err *err)
{
    OV_CLEANUP(ov_constraint_free_p) ov_constraint *limits = NULL;
    ov_status st = constraint.len ? ov_constraint_parse(constraint, &limits, err) : OV_OK;
    if (st != OV_OK) return st;
    ov_extraction extraction = {0};
    st = ov_extraction_init(&extraction, pattern, result, err);
    if (st != OV_OK) return st;
    *c = (ov_candidates){.extraction = extraction, .constraint = OV_TAKE(limits)};
    return OV_OK;
}

static void forget(ov_candidates *c)
{
    for (size_t i = 0; i < c->count; i++) ov_version_free(c->versions[i]);
    for (size_t i = 0; i < c->found_count; i++) ov_version_free(c->found[i].version);
    free(c->versions);
    free(c->dates);
    free(c->found);
    c->versions = NULL;
    c->dates = NULL;
    c->found = NULL;
    c->count = c->found_count = 0;
    for (size_t i = 0; i < OV_FILTERS; i++) free(c->dropped[i].example);
    memset(c->dropped, 0, sizeof c->dropped);
}

void ov_candidates_clear(ov_candidates *c)
{
    forget(c);
    ov_extraction_clear(&c->extraction);
    ov_constraint_free(c->constraint);
    *c = (ov_candidates){0};
}

static void drop(ov_candidates *c, ov_filter f, ov_str example)
{
    ov_dropped *d = &c->dropped[f];
    if (d->count++ == 0) d->example = ov_dup(ov_str_sub(example, 0, OV_CANDIDATES_EXAMPLE_MAX));
}

/* The candidate, or NULL when a filter (which is counted) dropped it. */
static ov_version *pass(ov_candidates *c, sieve *s)
{
    for (ov_filter f = 0; f < OV_FILTER_DUPLICATE; f++) {
        if (filters[f].passes(c, s)) continue;
        drop(c, f, f >= OV_FILTER_UNPARSEABLE ? ov_buf_str(s->value) : s->raw);
        ov_version_free(s->parsed);
        s->parsed = NULL;
        return NULL;
    }
    return s->parsed;
}

static int spelling_order(const ov_version *a, const ov_version *b)
{
    bool a_plain = ov_str_eq(a->original, a->canonical), b_plain = ov_str_eq(b->original, b->canonical);
    if (a_plain != b_plain) return a_plain ? -1 : 1;
    return ov_str_cmp(a->original, b->original);
}

/* By version, then (metadata) by canonical text, then the spelling that shall stay first. */
static int candidate_order(const void *left, const void *right)
{
    const ov_version *a = ((const found_version *)left)->version, *b = ((const found_version *)right)->version;
    int order = ov_version_compare(a, b);
    if (!order) order = ov_str_cmp(a->canonical, b->canonical);
    return order ? order : spelling_order(a, b);
}

/* Of spellings that normalise to one text the first stays. */
static void keep_candidates(ov_candidates *c)
{
    c->versions = ov_calloc(c->found_count + 1, sizeof *c->versions);
    c->dates = ov_calloc(c->found_count + 1, sizeof *c->dates);
    for (size_t i = 0; i < c->found_count; i++) {
        ov_version *v = c->found[i].version;
        if (c->count && ov_str_eq(c->versions[c->count - 1]->canonical, v->canonical)) {
            drop(c, OV_FILTER_DUPLICATE, v->original);
            ov_version_free(v);
            continue;
        }
        c->versions[c->count] = v;
        c->dates[c->count++] = c->found[i].date_s;
    }
    c->found_count = 0;
}

void ov_candidates_begin(ov_candidates *c, size_t total)
{
    forget(c);
    c->overworks = false;
    c->looked = 0;
    c->work = 0;
    c->total = total;
    c->found = ov_calloc(total + 1, sizeof *c->found);
}

static void look_at(ov_candidates *c, ov_candidates_item item, ov_buf *value, int64_t *steps)
{
    sieve s = {.raw = item.text, .value = value};
    ov_version *v = pass(c, &s);
    if (v) c->found[c->found_count++] = (found_version){v, item.date_s};
    c->work += s.work;
    c->overworks =
        c->work > OV_CANDIDATES_WORK_MAX || c->dropped[OV_FILTER_TOO_MUCH_WORK].count > OV_CANDIDATES_OVERWORKED_MAX;
    *steps -= (int64_t)s.work + OV_CANDIDATES_VERSION_STEPS;
}

static void end_choosing(ov_candidates *c)
{
    for (size_t i = 0; c->overworks && i < c->found_count; i++) ov_version_free(c->found[i].version);
    if (c->overworks) c->found_count = 0;
    qsort(c->found, c->found_count, sizeof *c->found, candidate_order);
    keep_candidates(c);
    free(c->found);
    c->found = NULL;
}

bool ov_candidates_more(ov_candidates *c, ov_candidates_list list, const void *arg, int64_t *steps)
{
    OV_CLEANUP(ov_buf_clear) ov_buf value = OV_BUF(OV_REGEX_RESULT_MAX);
    while (c->looked < c->total && !c->overworks) {
        if (*steps <= 0) return false;
        look_at(c, list(arg, c->looked++), &value, steps);
    }
    end_choosing(c);
    return true;
}
