/* Rules whose list or standing changed are worked on in slices, each in its turn: a long list or a slow pattern keeps
 * nobody waiting but those who read it. Until a rule is done the documents that show it are not compared. */
#include "services/aggregator/core.h"
#include "base/poison.h"

static void enter(aggregate *a, rule *r)
{
    if (!r->due) r->list->source->due_rules++;
    r->due = true;
    r->due_next = NULL;
    r->due_before = a->last_due;
    if (a->last_due)
        a->last_due->due_next = r;
    else
        a->first_due = r;
    a->last_due = r;
}

static void leave(aggregate *a, rule *r)
{
    if (r->due_before)
        r->due_before->due_next = r->due_next;
    else
        a->first_due = r->due_next;
    if (r->due_next)
        r->due_next->due_before = r->due_before;
    else
        a->last_due = r->due_before;
    r->due_before = r->due_next = NULL;
}

static void is_done(aggregate *a, rule *r)
{
    leave(a, r);
    r->due = false;
    r->stage = RULE_SETTLED;
    upstream *u = r->list->source;
    if (--u->due_rules == 0) collect_release(a, &u->d);
}

void refresh_forget(aggregate *a, rule *r)
{
    if (r->due) is_done(a, r);
}

/* What is too much for an entry is known before it is made. */
static void weigh(aggregate *a, rule *r)
{
    size_t at = 0;
    ov_str key;
    void *each;
    while (ov_map_next(&r->verdicts, &at, &key, &each)) verdict_weigh(each);
    at = 0;
    while (ov_map_next(&r->verdicts, &at, &key, &each)) {
        const verdict *v = each;
        for (uint32_t i = 0; i < v->ref_count; i++) {
            entry *e = v->refs[i].who;
            if (e->weighed != r->generation && limit_may_matter(e)) limit_entry(a, e);
        }
    }
}

static void begin_judging(aggregate *a, rule *r)
{
    r->generation = ++a->generation;
    r->judged = 0;
    r->stage = RULE_JUDGING;
    weigh(a, r);
}

void refresh_choose(aggregate *a, rule *r)
{
    rule_choose_begin(r);
    r->stage = RULE_CHOOSING;
    if (!r->due) enter(a, r);
}

void refresh_stand(aggregate *a, rule *r)
{
    if (r->due) return; /* it stands anew when it is chosen */
    if (!r->chosen) {
        refresh_choose(a, r);
        return;
    }
    if (!rule_stand(r, a->l.texts)) return;
    r->changed = true;
    begin_judging(a, r);
    enter(a, r);
}

static void mark_entries(aggregate *a, const verdict *v)
{
    for (uint32_t i = 0; i < v->ref_count; i++) ledger_mark(&a->l, &v->refs[i].who->d);
}

static void judge(aggregate *a, verdict *v, bool changed)
{
    if (!v->wanted) {
        verdict_forget(v);
        if (changed) mark_entries(a, v);
        return;
    }
    verdict_change c = verdict_compute(v, a->l.texts);
    if (c.document) ledger_mark(&a->l, &v->d);
    if (c.entries || changed) mark_entries(a, v);
}

/* A new verdict moves the others: then the walk begins again, and those that are made cost nothing. */
static bool judge_more(aggregate *a, rule *r, int64_t *steps)
{
    ov_str key;
    void *each;
    while (*steps > 0) {
        if (!ov_map_next(&r->verdicts, &r->judged, &key, &each)) return true;
        verdict *v = each;
        if (v->made == r->generation && (v->gap || !v->wanted)) continue;
        if (v->weighed != r->generation) verdict_weigh(v);
        *steps -= verdict_steps(v);
        judge(a, v, r->changed);
    }
    return false;
}

static void finish(aggregate *a, rule *r)
{
    bool changed = r->changed;
    r->changed = false;
    is_done(a, r);
    size_t at = 0;
    ov_str key;
    void *each;
    while (ov_map_next(&r->verdicts, &at, &key, &each)) {
        verdict *v = each;
        collect_release(a, &v->d);
        for (uint32_t i = 0; i < v->ref_count; i++) collect_release(a, &v->refs[i].who->d);
    }
    for (size_t i = 0; i < r->bare_count; i++) {
        if (changed) ledger_mark(&a->l, &r->bare[i]->d);
        collect_release(a, &r->bare[i]->d);
    }
}

static bool work_on(aggregate *a, rule *r, int64_t *steps)
{
    if (r->stage == RULE_CHOOSING) {
        if (!rule_choose_more(r, steps)) return false;
        r->changed |= rule_stand(r, a->l.texts);
        begin_judging(a, r);
    }
    return judge_more(a, r, steps);
}

bool aggregate_work(aggregate *a, int64_t steps)
{
    while (a->first_due && steps > 0) {
        rule *r = a->first_due;
        if (work_on(a, r, &steps)) {
            finish(a, r);
        } else {
            leave(a, r);
            enter(a, r); /* the others have their turn */
        }
    }
    ending_work(a, &steps);
    return aggregate_has_rules(a);
}

bool aggregate_has_rules(const aggregate *a)
{
    return a->first_due || a->first_ending;
}

void refresh_entry(aggregate *a, entry *e)
{
    const rule *r = e->rule;
    for (uint32_t i = 0; i < e->slot_count; i++)
        if (e->slots[i].verdict && e->slots[i].verdict->weighed != r->generation) verdict_weigh(e->slots[i].verdict);
    if (limit_may_matter(e)) limit_entry(a, e);
    for (uint32_t i = 0; i < e->slot_count; i++) {
        verdict *v = e->slots[i].verdict;
        if (v && !e->slots[i].over && (v->made != r->generation || !v->gap)) verdict_compute(v, a->l.texts);
    }
}
