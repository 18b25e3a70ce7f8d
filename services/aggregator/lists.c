/* Takes in lists and looks, and carries what they change to rules, verdicts and entries. */
#include "services/aggregator/core.h"
#include "base/poison.h"

enum { CALM_MS = 30000 /* after a lost list came back its entries' documents may be written without events */ };

static void each_list(aggregate *a, upstream *u, bool choose)
{
    if (!a->l.settled) return;
    size_t at = 0;
    ov_str token;
    void *l;
    while (ov_map_next(&u->lists, &at, &token, &l)) binding_refresh_list(a, l, choose);
}

static ov_status take_list(aggregate *a, const input *in, ov_str subject, ov_str body, ov_err *err)
{
    subject_parsed s;
    subject_parse(subject, &s);
    upstream *u = plan_upstream(a, s.token[0]);
    upstream_list *l = upstream_list_at(u, s.token[1]);
    bool changed = false;
    if (!body.len) {
        changed = upstream_list_drop(l);
    } else {
        ov_status st = upstream_list_take(l, body, &changed, err);
        if (st != OV_OK) return st;
    }
    l->seq = in->seq;
    l->mark = a->in[INPUT_LISTS].mark;
    if (changed && a->l.settled) binding_refresh_list(a, l, true);
    return OV_OK;
}

/* A complete look may say that a list is no more. */
static void drop_absent(aggregate *a, upstream *u)
{
    size_t at = 0;
    ov_str token;
    void *each;
    while (ov_map_next(&u->lists, &at, &token, &each)) {
        upstream_list *l = each;
        const lookup_list *said = l->name ? upstream_last_list(u, ov_str_of(l->name)) : NULL;
        if (!said || said->digest.len || !upstream_list_drop(l) || !a->l.settled) continue;
        binding_refresh_list(a, l, true);
    }
}

static void look_taken(aggregate *a, upstream *u)
{
    bool complete = u->last.outcome == LOOKUP_COMPLETE || u->last.outcome == LOOKUP_NOT_MODIFIED;
    if (complete) drop_absent(a, u);
    if (complete && u->quiet_until_ms == INT64_MAX) u->quiet_until_ms = a->l.clock_ms + CALM_MS;
    u->stale = upstream_is_stale(u, a->l.clock_ms, a->options.source_interval_ms);
    each_list(a, u, false);
    ledger_mark(&a->l, &u->d);
    plan_consider(a, u);
}

static ov_status take_look(aggregate *a, const input *in, const subject_parsed *s, ov_err *err)
{
    upstream *u = plan_upstream(a, s->token[0]);
    u->mark = a->in[INPUT_LISTS].mark;
    if (u->looked && in->seq <= u->look_seq) return OV_OK;
    if (!in->data.len) return OV_OK;
    ov_status st = upstream_look_take(u, in->data, in->seq, aggregate_arrival_ms(a, in), err);
    if (st == OV_OK) look_taken(a, u);
    return st;
}

void lists_message(aggregate *a, const input *in)
{
    subject_parsed s;
    subject_parse(in->subject, &s);
    ov_err err = {0};
    ov_status st = OV_OK;
    if (s.kind == SUBJECT_LOOKUP) {
        st = take_look(a, in, &s, &err);
    } else if (s.kind == SUBJECT_LIST && !in->data.len) {
        st = take_list(a, in, in->subject, in->data, &err);
    } else if (s.kind == SUBJECT_LIST || s.kind == SUBJECT_LIST_PART) {
        ov_str subject = {0}, body = {0};
        st = parts_join(a->list_joiner, in->subject, in->data, &subject, &body, &err);
        if (st == OV_OK && body.ptr) st = take_list(a, in, subject, body, &err);
    } else {
        st = ov_fail(&err, OV_INVALID, "subject: expected opvic.list or opvic.lookup");
    }
    if (st != OV_OK) effects_undecodable(a, in, &err);
}

void lists_refresh_stale(aggregate *a)
{
    size_t at = 0;
    ov_str token;
    void *each;
    while (ov_map_next(&a->upstreams, &at, &token, &each)) {
        upstream *u = each;
        bool stale = upstream_is_stale(u, a->l.clock_ms, a->options.source_interval_ms);
        if (stale == u->stale) continue;
        u->stale = stale;
        each_list(a, u, false);
    }
}
