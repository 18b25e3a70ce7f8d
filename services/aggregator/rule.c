/* Runs a list's versions through the ordered filters and keeps what stays, sorted. */
#include "services/aggregator/rule.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "crypto/hash.h"
#include "json/writer.h"
#include "services/aggregator/entry.h"
#include "base/poison.h"

#define MISSING "missing"

enum { EXAMPLE_MAX = 128, REASON_MAX = 1024 };

/* One version on its way through the filters. */
typedef struct {
    ov_str raw;
    ov_buf *value;
    bool matched, overworked;
    size_t work;
    ov_version *parsed;
} sieve;

static bool has_value(const rule *r, sieve *s)
{
    (void)r;
    return s->raw.len > 0;
}

static bool has_match(const rule *r, sieve *s)
{
    ov_buf_reset(s->value);
    s->overworked = ov_extraction_apply_counted(&r->extraction, s->raw, s->value, &s->matched, &s->work, NULL) != OV_OK;
    return s->overworked || s->matched;
}

static bool was_easy(const rule *r, sieve *s)
{
    (void)r;
    return !s->overworked;
}

static bool has_result(const rule *r, sieve *s)
{
    (void)r;
    return s->value->len > 0;
}

static bool is_version(const rule *r, sieve *s)
{
    (void)r;
    return !s->value->failed && ov_version_parse(ov_buf_str(s->value), &s->parsed, NULL) == OV_OK;
}

static bool is_allowed(const rule *r, sieve *s)
{
    return !r->constraint || ov_constraint_check(r->constraint, s->parsed);
}

static const struct {
    const char *name;
    bool (*passes)(const rule *r, sieve *s);
} filters[] = {
    [FILTER_NO_VALUE] = {"noValue", has_value},         [FILTER_NO_MATCH] = {"noMatch", has_match},
    [FILTER_TOO_MUCH_WORK] = {"tooMuchWork", was_easy}, [FILTER_EMPTY_RESULT] = {"emptyResult", has_result},
    [FILTER_UNPARSEABLE] = {"unparseable", is_version}, [FILTER_CONSTRAINT] = {"constraint", is_allowed},
    [FILTER_DUPLICATE] = {"duplicate", NULL}, /* needs the sorted whole */
};

const char *rule_filter_name(rule_filter f)
{
    return filters[f].name;
}

void rule_id(const source *s, const report_remote *remote, char out[33])
{
    ov_str pieces[] = {ov_str_of(s->key), ov_str_of(s->list), ov_str_of(s->app_version ? "app" : ""),
                       remote->pattern,   remote->result,     remote->constraint};
    unsigned char hash[OV_SHA256_BYTES];
    ov_sha256_pieces(pieces, OV_COUNT(pieces), hash);
    ov_hex(hash, 16, out);
}

ov_status rule_new(const char id[33], upstream_list *of, bool app_version, const report_remote *remote, rule **ret,
                   ov_err *err)
{
    OV_CLEANUP(ov_constraint_free_p) ov_constraint *constraint = NULL;
    ov_status st = remote->constraint.len ? ov_constraint_parse(remote->constraint, &constraint, err) : OV_OK;
    if (st != OV_OK) return st;
    ov_extraction extraction = {0};
    st = ov_extraction_init(&extraction, remote->pattern, remote->result, err);
    if (st != OV_OK) return st;
    rule *r = ov_zalloc(sizeof *r);
    memcpy(r->id, id, sizeof r->id);
    r->list = of;
    r->app_version = app_version;
    r->extraction = extraction;
    r->constraint = OV_TAKE(constraint);
    r->stands = STANDING_PENDING;
    r->next_in_list = of->rules;
    of->rules = r;
    of->source->rule_count++;
    *ret = r;
    return OV_OK;
}

void rule_add_bare(rule *r, entry *e)
{
    ov_grow(&r->bare, &r->bare_cap, r->bare_count + 1, sizeof *r->bare);
    e->bare = (uint32_t)r->bare_count;
    r->bare[r->bare_count++] = e;
}

void rule_drop_bare(rule *r, entry *e)
{
    entry *last = r->bare[--r->bare_count];
    r->bare[e->bare] = last;
    last->bare = e->bare;
}

static void candidates_clear(rule *r, intern *texts)
{
    for (size_t i = 0; i < r->count; i++) ov_version_free(r->candidates[i]);
    for (size_t i = 0; i < r->found_count; i++) ov_version_free(r->found[i].version);
    free(r->candidates);
    free(r->dates);
    free(r->above);
    free(r->found);
    r->candidates = NULL;
    r->dates = NULL;
    r->above = NULL;
    r->found = NULL;
    r->count = r->found_count = 0;
    for (size_t i = 0; i < RULE_FILTERS; i++) intern_drop(texts, r->dropped[i].example);
    memset(r->dropped, 0, sizeof r->dropped);
}

void rule_free(rule *r, intern *texts)
{
    assert(r->verdicts.count == 0);
    rule **link = &r->list->rules;
    while (*link != r) link = &(*link)->next_in_list;
    *link = r->next_in_list;
    r->list->source->rule_count--;
    candidates_clear(r, texts);
    intern_drop(texts, r->reason);
    intern_drop(texts, r->latest);
    ov_extraction_clear(&r->extraction);
    ov_constraint_free(r->constraint);
    ov_map_clear(&r->verdicts);
    free(r->bare);
    free(r);
}

static void drop(rule *r, rule_filter f, ov_str example, intern *texts)
{
    rule_dropped *d = &r->dropped[f];
    if (d->count++ == 0) d->example = intern_hold(texts, ov_str_sub(example, 0, EXAMPLE_MAX));
}

/* The candidate, or NULL when a filter (which is counted) dropped it. */
static ov_version *pass(rule *r, sieve *s, intern *texts)
{
    for (rule_filter f = 0; f < FILTER_DUPLICATE; f++) {
        if (filters[f].passes(r, s)) continue;
        drop(r, f, f >= FILTER_UNPARSEABLE ? ov_buf_str(s->value) : s->raw, texts);
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
    const ov_version *a = ((const rule_found *)left)->version, *b = ((const rule_found *)right)->version;
    int order = ov_version_compare(a, b);
    if (!order) order = ov_str_cmp(a->canonical, b->canonical);
    return order ? order : spelling_order(a, b);
}

/* Of spellings that normalise to one text the first stays. */
static void keep_candidates(rule *r, intern *texts)
{
    r->candidates = ov_calloc(r->found_count + 1, sizeof *r->candidates);
    r->dates = ov_calloc(r->found_count + 1, sizeof *r->dates);
    for (size_t i = 0; i < r->found_count; i++) {
        ov_version *v = r->found[i].version;
        if (r->count && ov_str_eq(r->candidates[r->count - 1]->canonical, v->canonical)) {
            drop(r, FILTER_DUPLICATE, v->original, texts);
            ov_version_free(v);
            continue;
        }
        r->candidates[r->count] = v;
        r->dates[r->count++] = r->found[i].date_s;
    }
    r->found_count = 0;
}

/* With quotes and comma, in the list of all and in that of majors, minors or patches. */
static void weigh_candidates(rule *r)
{
    enum { MENTIONS = 2, PUNCTUATION = 3 };
    r->above = ov_calloc(r->count + 1, sizeof *r->above);
    for (size_t i = r->count; i-- > 0;)
        r->above[i] = r->above[i + 1] + MENTIONS * (r->candidates[i]->original.len + PUNCTUATION);
}

void rule_choose_begin(rule *r, intern *texts)
{
    candidates_clear(r, texts);
    r->chosen = r->overworks = false;
    r->looked = r->work = 0;
    size_t count = r->list->present ? r->list->versions.count : 0;
    r->found = ov_calloc(count + 1, sizeof *r->found);
}

static void look_at_next(rule *r, ov_buf *value, intern *texts, int64_t *steps)
{
    const list_version *x = &r->list->versions.versions[r->looked++];
    sieve s = {.raw = r->app_version ? x->app_version : x->version, .value = value};
    ov_version *v = pass(r, &s, texts);
    if (v) r->found[r->found_count++] = (rule_found){v, x->date_s};
    r->work += s.work;
    r->overworks = r->work > RULE_WORK_MAX || r->dropped[FILTER_TOO_MUCH_WORK].count > RULE_OVERWORKED_MAX;
    *steps -= (int64_t)s.work + RULE_VERSION_STEPS;
}

static void end_choosing(rule *r, intern *texts)
{
    for (size_t i = 0; r->overworks && i < r->found_count; i++) ov_version_free(r->found[i].version);
    if (r->overworks) r->found_count = 0;
    qsort(r->found, r->found_count, sizeof *r->found, candidate_order);
    keep_candidates(r, texts);
    weigh_candidates(r);
    free(r->found);
    r->found = NULL;
    r->chosen = true;
}

bool rule_choose_more(rule *r, intern *texts, int64_t *steps)
{
    OV_CLEANUP(ov_buf_clear) ov_buf value = OV_BUF(OV_REGEX_RESULT_MAX);
    size_t count = r->list->present ? r->list->versions.count : 0;
    while (r->looked < count && !r->overworks) {
        if (*steps <= 0) return false;
        look_at_next(r, &value, texts, steps);
    }
    end_choosing(r, texts);
    return true;
}

void rule_choose(rule *r, intern *texts)
{
    int64_t steps = INT64_MAX;
    rule_choose_begin(r, texts);
    (void)rule_choose_more(r, texts, &steps);
}

/* "nothing passes: 3 noMatch (\"x\"), 1 unparseable (\"y\")" */
static void explain_nothing(const rule *r, const intern *texts, ov_buf *out)
{
    ov_buf_append_c(out, r->list->versions.count ? "nothing passes:" : "the list is empty");
    bool first = true;
    for (rule_filter f = 0; f < RULE_FILTERS; f++) {
        if (!r->dropped[f].count) continue;
        ov_buf_printf(out, "%s %zu %s (", first ? "" : ",", r->dropped[f].count, filters[f].name);
        ov_json_quote(out, intern_text(texts, r->dropped[f].example));
        ov_buf_append_char(out, ')');
        first = false;
    }
}

static standing explain_overwork(const rule *r, const intern *texts, ov_buf *out)
{
    ov_buf_append_c(out, "the pattern takes too much work");
    if (r->dropped[FILTER_TOO_MUCH_WORK].count) {
        ov_buf_append_c(out, ", on ");
        ov_json_quote(out, intern_text(texts, r->dropped[FILTER_TOO_MUCH_WORK].example));
    }
    ov_buf_printf(out, ": given up after %zu of %zu versions", r->looked, r->list->versions.count);
    return STANDING_OVERWORK;
}

bool rule_stand(rule *r, intern *texts)
{
    OV_CLEANUP(ov_buf_clear) ov_buf reason = OV_BUF(REASON_MAX);
    standing s = r->overworks ? explain_overwork(r, texts, &reason) : upstream_list_standing(r->list, &reason);
    if (s == STANDING_READY && !r->count) explain_nothing(r, texts, &reason);
    ov_str latest = r->count ? r->candidates[r->count - 1]->canonical : OV_STR(MISSING);
    bool changed = s != r->stands;
    r->stands = s;
    changed |= intern_set(texts, &r->reason, ov_buf_str(&reason));
    changed |= intern_set(texts, &r->latest, latest);
    return changed;
}
