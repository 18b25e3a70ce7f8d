/* Judges running versions by the dates of their cycles. */
#include "services/aggregator/lifecycle.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "proto/end_of_life.h"
#include "base/poison.h"

enum { REASON_MAX = 1024, SAID_MAX = 16 * 1024 };

lifecycle *lifecycle_new(upstream_list *of, ov_str product)
{
    lifecycle *l = ov_zalloc(sizeof *l);
    assert(!of->lifecycle);
    l->list = of;
    l->product = ov_dup(product);
    of->lifecycle = l;
    of->source->rule_count++;
    return l;
}

void lifecycle_free(lifecycle *l)
{
    assert(!l->spans.count);
    l->list->lifecycle = NULL;
    l->list->source->rule_count--;
    cycle_index_clear(&l->cycles);
    ov_map_clear(&l->spans);
    free(l->product);
    free(l);
}

void lifecycle_read(lifecycle *l)
{
    cycle_index_fill(&l->cycles, &l->list->versions);
}

lifespan *lifespan_of(lifecycle *l, ov_str running)
{
    lifespan *s = ov_map_get(&l->spans, running);
    if (s) return s;
    s = ov_zalloc(sizeof *s);
    s->of = l;
    s->running = ov_dup(running);
    ov_map_put(&l->spans, running, s);
    l->judged = 0; /* the map may have grown */
    return s;
}

static void lifespan_free(lifespan *s, intern *texts)
{
    ov_map_remove(&s->of->spans, ov_str_of(s->running));
    wheel_disarm(&s->node);
    intern_drop(texts, s->said);
    free(s->running);
    free(s->refs);
    free(s);
}

uint32_t lifespan_add_ref(lifespan *s, entry_ends *ends, uint32_t slot)
{
    ov_grow(&s->refs, &s->ref_cap, (size_t)s->ref_count + 1, sizeof *s->refs);
    s->refs[s->ref_count] = (lifespan_ref){ends, slot};
    return s->ref_count++;
}

void lifespan_drop_ref(lifespan *s, uint32_t place, intern *texts)
{
    assert(place < s->ref_count);
    lifespan_ref last = s->refs[--s->ref_count];
    if (!s->ref_count) {
        lifespan_free(s, texts);
        return;
    }
    s->refs[place] = last;
    last.ends->ends[last.slot].place = place;
}

/* Why no cycle is known. */
static void explain(const lifespan *s, ov_buf *out)
{
    const lifecycle *l = s->of;
    if (!l->list->present) {
        standing stands = upstream_list_standing(l->list, out);
        if (!out->len) ov_buf_append_c(out, stands == STANDING_PENDING ? "not looked up yet" : "not known upstream");
    } else if (!cycle_index_count(&l->cycles)) {
        ov_buf_append_c(out, "the list names no cycles");
    } else {
        ov_buf_append_c(out, "no cycle has this version");
    }
}

bool lifespan_judge(lifespan *s, int64_t now_ms, intern *texts, int64_t *ret_due_ms)
{
    OV_CLEANUP(ov_buf_clear) ov_buf reason = OV_BUF(REASON_MAX), said = OV_BUF(SAID_MAX);
    const list_version *v = s->of->list->present ? cycle_find(&s->of->cycles, ov_str_of(s->running)) : NULL;
    end_of_life e = {.product = ov_str_of(s->of->product)};
    if (v) {
        e.cycle = v->cycle;
        e.date_s = v->eol_s;
        e.reached = v->eol_s ? v->eol_s * 1000 <= now_ms : v->is_eol;
    } else {
        explain(s, &reason);
        e.reason = ov_buf_str(&reason);
    }
    s->made = s->of->generation;
    s->known = v != NULL;
    s->reached = e.reached;
    *ret_due_ms = e.date_s && !e.reached ? e.date_s * 1000 : 0;
    end_of_life_encode(&e, &said);
    return intern_set(texts, &s->said, ov_buf_str(&said));
}
