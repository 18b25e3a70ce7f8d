/* A rule over its list: what it chooses there, what that weighs, and how the rule stands. */
#include "services/aggregator/rule.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "crypto/hash.h"
#include "services/aggregator/entry.h"
#include "base/poison.h"

#define MISSING "missing"

enum { REASON_MAX = 1024 };

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
    ov_candidates candidates;
    ov_status st = ov_candidates_init(&candidates, remote->pattern, remote->result, remote->constraint, err);
    if (st != OV_OK) return st;
    rule *r = ov_zalloc(sizeof *r);
    memcpy(r->id, id, sizeof r->id);
    r->list = of;
    r->app_version = app_version;
    r->candidates = candidates;
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

void rule_free(rule *r, intern *texts)
{
    assert(r->verdicts.count == 0);
    rule **link = &r->list->rules;
    while (*link != r) link = &(*link)->next_in_list;
    *link = r->next_in_list;
    r->list->source->rule_count--;
    ov_candidates_clear(&r->candidates);
    free(r->above);
    intern_drop(texts, r->reason);
    intern_drop(texts, r->latest);
    ov_map_clear(&r->verdicts);
    free(r->bare);
    free(r);
}

/* With quotes and comma, in the list of all and in that of majors, minors or patches. */
static void weigh_candidates(rule *r)
{
    enum { MENTIONS = 2, PUNCTUATION = 3 };
    const ov_candidates *c = &r->candidates;
    r->above = ov_calloc(c->count + 1, sizeof *r->above);
    for (size_t i = c->count; i-- > 0;)
        r->above[i] = r->above[i + 1] + MENTIONS * (c->versions[i]->original.len + PUNCTUATION);
}

void rule_choose_begin(rule *r)
{
    free(r->above);
    r->above = NULL;
    r->chosen = false;
    ov_candidates_begin(&r->candidates, r->list->present ? r->list->versions.count : 0);
}

static ov_candidates_item item_of(const void *of, size_t i)
{
    const rule *r = of;
    const list_version *x = &r->list->versions.versions[i];
    return (ov_candidates_item){r->app_version ? x->app_version : x->version, x->date_s};
}

bool rule_choose_more(rule *r, int64_t *steps)
{
    if (!ov_candidates_more(&r->candidates, item_of, r, steps)) return false;
    weigh_candidates(r);
    r->chosen = true;
    return true;
}

void rule_choose(rule *r)
{
    int64_t steps = INT64_MAX;
    rule_choose_begin(r);
    (void)rule_choose_more(r, &steps);
}

bool rule_stand(rule *r, intern *texts)
{
    OV_CLEANUP(ov_buf_clear) ov_buf reason = OV_BUF(REASON_MAX);
    const ov_candidates *c = &r->candidates;
    standing s = c->overworks ? STANDING_OVERWORK : upstream_list_standing(r->list, &reason);
    if (c->overworks || (s == STANDING_READY && !c->count)) ov_candidates_explain(c, &reason);
    ov_str latest = c->count ? c->versions[c->count - 1]->canonical : OV_STR(MISSING);
    bool changed = s != r->stands;
    r->stands = s;
    changed |= intern_set(texts, &r->reason, ov_buf_str(&reason));
    changed |= intern_set(texts, &r->latest, latest);
    return changed;
}
