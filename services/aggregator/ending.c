/* Binds entries to the cycles of the products that their trackers name, and carries a changed list and a day that came
 * to those whom they concern. */
#include <stddef.h>
#include <stdlib.h>

#include "base/mem.h"
#include "proto/end_of_life.h"
#include "services/aggregator/core.h"
#include "base/poison.h"

/* ---- which entries ---- */

static lifecycle *obtain(aggregate *a, const source *s)
{
    char token[SUBJECT_TOKEN_MAX + 1];
    subject_escape(ov_str_of(s->key), token);
    upstream *u = plan_upstream(a, ov_str_of(token));
    upstream_name(u, ov_str_of(s->key), ov_str_of(s->provider), ov_str_of(s->strategy), ov_str_of(s->repo));
    upstream_list *cycles = upstream_list_named(u, ov_str_of(s->list));
    if (cycles->lifecycle) return cycles->lifecycle;
    lifecycle *l = lifecycle_new(cycles, source_product(s));
    if (a->l.settled) lifecycle_read(l);
    if (!cycles->present || !cycle_index_count(&l->cycles)) u->fresh_tried = false;
    ledger_mark(&a->l, &u->d);
    plan_consider(a, u);
    return l;
}

/* ---- whose turn it is ---- */

static void enter(aggregate *a, lifecycle *l)
{
    l->due = true;
    l->due_before = NULL;
    l->due_next = a->first_ending;
    if (l->due_next) l->due_next->due_before = l;
    a->first_ending = l;
}

static void leave(aggregate *a, lifecycle *l)
{
    l->due = false;
    if (l->due_before)
        l->due_before->due_next = l->due_next;
    else
        a->first_ending = l->due_next;
    if (l->due_next) l->due_next->due_before = l->due_before;
}

static void release(aggregate *a, lifecycle *l)
{
    upstream *u = l->list->source;
    if (l->refs) return;
    if (l->due) leave(a, l);
    lifecycle_free(l);
    ledger_mark(&a->l, &u->d);
}

static bool judge(aggregate *a, lifespan *s)
{
    int64_t due_ms;
    bool changed = lifespan_judge(s, a->l.calendar_ms, a->l.texts, &due_ms);
    if (due_ms)
        wheel_arm(a->day_wheel, &s->node, due_ms);
    else
        wheel_disarm(&s->node);
    return changed;
}

static entry_ends *ends_new(entry *e, lifecycle *of, size_t count)
{
    entry_ends *ends = ov_zalloc(sizeof *ends + count * sizeof ends->ends[0]);
    ends->who = e;
    ends->of = of;
    ends->count = (uint32_t)count;
    return ends;
}

static entry_ends *ends_of(aggregate *a, entry *e, const source *s, const report *r)
{
    lifecycle *l = obtain(a, s);
    entry_ends *ends = ends_new(e, l, r->version_count);
    l->refs++;
    for (uint32_t i = 0; i < ends->count; i++) {
        lifespan *span = lifespan_of(l, r->versions[i].running_version);
        ends->ends[i] = (entry_end){span, lifespan_add_ref(span, ends, i)};
        if (a->l.settled && !span->said) (void)judge(a, span);
    }
    return ends;
}

static entry_ends *ends_of_none(aggregate *a, entry *e, const report *r, const ov_err *err)
{
    OV_CLEANUP(ov_buf_clear) ov_buf said = OV_BUF(SOURCE_KEY_MAX * 8);
    entry_ends *ends = ends_new(e, NULL, 0);
    end_of_life none = {.product = ov_str_sub(r->remote.end_of_life, 0, SOURCE_KEY_MAX), .reason = ov_str_of(err->msg)};
    end_of_life_encode(&none, &said);
    ends->fault = intern_hold(a->l.texts, ov_buf_str(&said));
    return ends;
}

entry_ends *ending_make(aggregate *a, entry *e, const report *r)
{
    OV_CLEANUP(source_clear) source s = {0};
    ov_err err = {0};
    if (source_of_end_of_life(&r->remote, &s, &err) == OV_OK) return ends_of(a, e, &s, r);
    return r->remote.end_of_life.len ? ends_of_none(a, e, r, &err) : NULL;
}

void ending_drop(aggregate *a, entry_ends *ends)
{
    if (!ends) return;
    for (uint32_t i = 0; i < ends->count; i++) lifespan_drop_ref(ends->ends[i].span, ends->ends[i].place, a->l.texts);
    intern_drop(a->l.texts, ends->fault);
    if (ends->of) {
        ends->of->refs--;
        release(a, ends->of);
    }
    free(ends);
}

/* ---- what changes ---- */

static void say_anew(aggregate *a, lifespan *s)
{
    if (!judge(a, s)) return;
    for (uint32_t i = 0; i < s->ref_count; i++) ledger_mark(&a->l, &s->refs[i].ends->who->d);
}

void ending_refresh(aggregate *a, lifecycle *l, bool changed)
{
    if (changed) lifecycle_read(l);
    if (!changed && l->list->present) return; /* how looks went says nothing of the ends that are known */
    l->generation++;
    l->judged = 0;
    if (!l->due) enter(a, l);
}

static bool say_more(aggregate *a, lifecycle *l, int64_t *steps)
{
    enum { SPAN_STEPS = 100, REFS_A_STEP = 4 };
    ov_str running;
    void *each;
    while (*steps > 0) {
        if (!ov_map_next(&l->spans, &l->judged, &running, &each)) return true;
        lifespan *s = each;
        --*steps;
        if (s->made == l->generation) continue;
        *steps -= SPAN_STEPS + s->ref_count / REFS_A_STEP;
        say_anew(a, s);
    }
    return false;
}

static void finish(aggregate *a, lifecycle *l)
{
    size_t at = 0;
    ov_str running;
    void *each;
    leave(a, l);
    while (ov_map_next(&l->spans, &at, &running, &each)) {
        const lifespan *s = each;
        for (uint32_t i = 0; i < s->ref_count; i++) collect_release(a, &s->refs[i].ends->who->d);
    }
}

void ending_work(aggregate *a, int64_t *steps)
{
    while (a->first_ending && *steps > 0)
        if (say_more(a, a->first_ending, steps)) finish(a, a->first_ending);
}

static void day_came(void *arg, wheel_node *n)
{
    say_anew(arg, (lifespan *)((char *)n - offsetof(lifespan, node)));
}

void ending_run(aggregate *a)
{
    if (!a->l.calendar_ms) return;
    a->l.cause_ms = a->l.calendar_ms;
    wheel_advance(a->day_wheel, a->l.calendar_ms, day_came, a);
    a->l.cause_ms = a->newest_ms;
}

/* ---- what documents say ---- */

ov_str ending_said(const aggregate *a, const entry *e, uint32_t slot)
{
    if (!e->ends) return OV_STR("");
    return intern_text(a->l.texts, e->ends->of ? e->ends->ends[slot].span->said : e->ends->fault);
}

/* ---- which versions were not at their end ---- */

static int by_text(const void *left, const void *right)
{
    return ov_str_cmp(*(const ov_str *)left, *(const ov_str *)right);
}

/* The product and the versions, sorted, each once and terminated: the same set is the same text. */
static text_id join(aggregate *a, ov_str product, ov_str *versions, size_t count)
{
    if (!count) return 0;
    OV_CLEANUP(ov_buf_clear) ov_buf text = OV_BUF(REPORT_BYTES_MAX * 2);
    qsort(versions, count, sizeof *versions, by_text);
    ov_buf_append_str(&text, product);
    ov_buf_append_char(&text, '\0');
    for (size_t i = 0; i < count; i++) {
        if (i && ov_str_eq(versions[i - 1], versions[i])) continue;
        ov_buf_append_str(&text, versions[i]);
        ov_buf_append_char(&text, '\0');
    }
    return text.failed ? 0 : intern_hold(a->l.texts, ov_buf_str(&text));
}

text_id ending_living(aggregate *a, const entry *e)
{
    if (!e->ends || !e->ends->of) return 0;
    OV_CLEANUP(ov_free_p) ov_str *versions = ov_calloc((size_t)e->ends->count + 1, sizeof *versions);
    size_t count = 0;
    for (uint32_t i = 0; i < e->ends->count; i++) {
        const lifespan *s = e->ends->ends[i].span;
        if (s->known && !s->reached) versions[count++] = ov_str_of(s->running);
    }
    return join(a, ov_str_of(e->ends->of->product), versions, count);
}

/* Takes the versions of a stored entry that were not at their end; moves the calendar to days that it knows to have
 * come. */
static void recall(aggregate *a, const entry_doc *d, const report *r, text_id *ret)
{
    OV_CLEANUP(ov_free_p) ov_str *versions = ov_calloc(d->version_count + 1, sizeof *versions);
    OV_CLEANUP(end_of_life_clear) end_of_life first = {0};
    size_t count = 0;
    for (size_t i = 0; i < d->version_count && i < r->version_count; i++) {
        OV_CLEANUP(end_of_life_clear) end_of_life e = {0};
        if (!d->versions[i].end_of_life.len || end_of_life_decode(d->versions[i].end_of_life, &e, NULL) != OV_OK)
            continue;
        if (e.reached && e.date_s * 1000 > a->l.calendar_ms) a->l.calendar_ms = e.date_s * 1000;
        if (!e.cycle.len || e.reached) continue;
        versions[count++] = r->versions[i].running_version;
        if (count > 1) continue;
        first = e;
        e = (end_of_life){0};
    }
    *ret = join(a, first.product, versions, count);
}

text_id ending_recall(aggregate *a, const entry_doc *d)
{
    OV_CLEANUP(report_clear) report r = {0};
    bool some = false;
    text_id living = 0;
    for (size_t i = 0; i < d->version_count; i++) some |= d->versions[i].end_of_life.len > 0;
    if (some && report_decode_version(d->report, &r, NULL) == OV_OK) recall(a, d, &r, &living);
    return living;
}

void ending_living_set(const aggregate *a, text_id living, ov_str product, ov_map *ret)
{
    ov_str rest = intern_text(a->l.texts, living), part;
    *ret = (ov_map){0};
    if (!ov_str_split(&rest, '\0', &part) || !ov_str_eq(part, product)) return;
    while (ov_str_split(&rest, '\0', &part)) ov_map_put(ret, part, ret);
}
