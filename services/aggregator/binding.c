/* Binds entries to the rule and verdicts that their reports ask for, and carries changes of a list to all whom they
 * concern. */
#include <stdlib.h>

#include "base/mem.h"
#include "proto/members.h"
#include "services/aggregator/core.h"
#include "base/poison.h"

static void release_rule(aggregate *a, rule *r)
{
    if (r->refs || r->verdicts.count) return;
    ov_map_remove(&a->rules, ov_str_of(r->id));
    refresh_forget(a, r);
    upstream *u = r->list->source;
    rule_free(r, a->l.texts);
    ledger_mark(&a->l, &u->d);
}

void binding_release_verdict(aggregate *a, verdict *v)
{
    rule *r = v->rule;
    ov_map_remove(&a->verdicts, ov_str_of(v->id));
    verdict_free(v, a->l.texts);
    if (r) release_rule(a, r);
}

static void drop_slot(aggregate *a, entry_slot *s)
{
    intern_drop(a->l.texts, s->reason);
    if (!s->verdict) return;
    verdict_drop_ref(s->verdict, s->place);
    if (!s->verdict->wanted) ledger_mark(&a->l, &s->verdict->d);
}

static bool is_bare(const entry *e)
{
    for (uint32_t i = 0; i < e->slot_count; i++)
        if (e->slots[i].verdict) return false;
    return e->rule != NULL;
}

void binding_clear(aggregate *a, entry *e)
{
    rule *r = e->rule;
    if (is_bare(e)) rule_drop_bare(r, e);
    for (uint32_t i = 0; i < e->slot_count; i++) drop_slot(a, &e->slots[i]);
    free(e->slots);
    e->slots = NULL;
    e->slot_count = 0;
    ending_drop(a, e->ends);
    e->ends = NULL;
    e->rule = NULL;
    e->limited = false;
    e->weighed = 0;
    collect_release(a, &e->d); /* if the rule was what it waited for */
    intern_set(a->l.texts, &e->fault, OV_STR(""));
    intern_set(a->l.texts, &e->remark, OV_STR(""));
    if (!r) return;
    r->refs--;
    release_rule(a, r);
}

/* The rule of that id, made when missing. */
static ov_status obtain_rule(aggregate *a, const report_remote *remote, rule **ret, ov_err *err)
{
    OV_CLEANUP(source_clear) source s = {0};
    ov_status st = source_resolve(remote, &s, err);
    if (st != OV_OK) return st;
    char id[33];
    rule_id(&s, remote, id);
    *ret = ov_map_get(&a->rules, ov_str_of(id));
    if (*ret) return OV_OK;
    char token[SUBJECT_TOKEN_MAX + 1];
    subject_escape(ov_str_of(s.key), token);
    upstream *u = plan_upstream(a, ov_str_of(token));
    upstream_name(u, ov_str_of(s.key), ov_str_of(s.provider), ov_str_of(s.strategy), ov_str_of(s.repo));
    upstream_list *l = upstream_list_named(u, ov_str_of(s.list));
    ledger_mark(&a->l, &u->d); /* kept or, when the rule is none, forgotten */
    st = rule_new(id, l, s.app_version, remote, ret, err);
    if (st != OV_OK) return st;
    ov_map_put(&a->rules, ov_str_of(id), *ret);
    if (!l->present) u->fresh_tried = false;
    if (!l->present && *l->name) plan_gather(a, u);
    plan_consider(a, u);
    if (!a->l.settled) return OV_OK;
    refresh_choose(a, *ret);
    return OV_OK;
}

/* The rule's verdict on a running version, which moves in. */
static verdict *obtain_verdict(aggregate *a, rule *r, ov_version *running)
{
    verdict *v = ov_map_get(&r->verdicts, running->canonical);
    if (v) {
        ov_version_free(running);
        return v;
    }
    char id[33];
    verdict_id(r, running->canonical, id);
    v = ov_map_get(&a->verdicts, ov_str_of(id));
    if (!v) {
        v = verdict_new(ov_str_of(id));
        ov_map_put(&a->verdicts, ov_str_of(id), v);
    }
    verdict_bind(v, r, running);
    r->judged = 0; /* the map may have grown */
    ledger_mark(&a->l, &v->d);
    return v;
}

static void bind_slot(aggregate *a, entry *e, uint32_t i, ov_str running)
{
    entry_slot *s = &e->slots[i];
    ov_err err = {0};
    ov_version *v = NULL;
    if (ov_version_parse(running, &v, &err) != OV_OK) {
        s->state = STATE_UNPARSEABLE;
        s->reason = intern_hold(a->l.texts, ov_str_of(err.msg));
    } else if (!e->rule) {
        s->state = STATE_UNKNOWN_REMOTE;
        ov_version_free(v);
    } else {
        s->verdict = obtain_verdict(a, e->rule, v);
        s->place = verdict_add_ref(s->verdict, e, i);
    }
}

/* "SomeFailed: 2 of 3 objects ..." */
static text_id note(aggregate *a, const report *r)
{
    OV_CLEANUP(ov_buf_clear) ov_buf text = OV_BUF(1024);
    ov_buf_append_c(&text, report_reason_name(r->reason));
    if (r->message.len) ov_buf_append_c(&text, ": ");
    ov_buf_append_str(&text, ov_str_sub(r->message, 0, 512));
    return intern_hold(a->l.texts, ov_buf_str(&text));
}

static void find_fault(aggregate *a, entry *e, const report *r)
{
    ov_err err = {0};
    if (r->reason == REPORT_INVALID_SPEC || r->reason == REPORT_DUPLICATE_NAME)
        e->fault = note(a, r);
    else if (r->reason != REPORT_FINE)
        e->remark = note(a, r);
    if (e->fault || !r->has_remote) return;
    rule *found = NULL;
    if (obtain_rule(a, &r->remote, &found, &err) != OV_OK) {
        e->fault = intern_hold(a->l.texts, ov_str_of(err.msg));
        return;
    }
    e->rule = found;
    found->refs++;
}

void binding_make(aggregate *a, entry *e, const report *r)
{
    rule *before = e->rule;
    if (before) before->refs++; /* a rule that stays the same is not made again */
    entry_ends *ends = ending_make(a, e, r);
    binding_clear(a, e);
    e->ends = ends;
    e->has_remote = r->has_remote;
    find_fault(a, e, r);
    e->slots = r->version_count ? ov_calloc(r->version_count, sizeof *e->slots) : NULL;
    e->slot_count = (uint32_t)r->version_count;
    for (uint32_t i = 0; i < e->slot_count; i++) bind_slot(a, e, i, r->versions[i].running_version);
    if (is_bare(e)) rule_add_bare(e->rule, e);
    if (e->rule && a->l.settled && !e->rule->due) refresh_entry(a, e);
    if (!before) return;
    before->refs--;
    release_rule(a, before);
}

ov_status binding_decode(ov_str version, ov_buf *buf, report *ret, ov_err *err)
{
    ov_json_writer w = ov_json_writer_on(buf);
    ov_json_open_object(&w, NULL);
    ov_json_write_c(&w, MEMBER_AGENT_ID, "-");
    ov_json_write_raw(&w, MEMBER_VERSION, version);
    ov_json_close_object(&w);
    ov_status st = ov_buf_finish(buf, "report", err);
    return st == OV_OK ? report_decode(ov_buf_str(buf), ret, err) : st;
}

ov_status binding_make_from_stored(aggregate *a, entry *e, ov_err *err)
{
    OV_CLEANUP(ov_buf_clear) ov_buf buf = OV_BUF(REPORT_BYTES_MAX + 1024);
    OV_CLEANUP(report_clear) report r = {0};
    ov_status st = binding_decode(blob_str(e->stored_report), &buf, &r, err);
    if (st != OV_OK) return st;
    blob_drop(e->report);
    e->report = blob_share(e->stored_report);
    binding_make(a, e, &r);
    return OV_OK;
}

void binding_refresh_list(aggregate *a, upstream_list *l, bool choose)
{
    for (rule *r = l->rules; r; r = r->next_in_list) {
        if (choose)
            refresh_choose(a, r);
        else
            refresh_stand(a, r);
    }
    if (l->lifecycle) ending_refresh(a, l->lifecycle, choose);
    ledger_mark(&a->l, &l->source->d);
}
