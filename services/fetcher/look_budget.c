/* What a look may send: budgets of hosts, and the way around one that is spent. */
#include "services/fetcher/look_state.h"

#include <stdio.h>

#include "base/clock.h"
#include "services/fetcher/refusal.h"
#include "base/poison.h"

int64_t look_now(const look *l)
{
    return l->now_s + ov_mono_since(ov_mono_now(), l->began) / 1000;
}

void look_key_of(const look *l, const char *url, budget_key *ret)
{
    char id[CREDENTIAL_ID] = "";
    if (l->o->credential_id) (void)l->o->credential_id(l->o->credential_arg, url, id);
    *ret = (budget_key){0};
    (void)budget_key_of(url, id, l->p->api ? NULL : l->p->name, ret);
}

/* How many requests begin with this one, as far as the look before tells. */
static int64_t pages_ahead(const look *l)
{
    int64_t pages = 1;
    for (size_t i = 0; l->page == 0 && i < l->j->etag.len; i++) pages += l->j->etag.ptr[i] == ' ';
    return pages;
}

/* A redirect's last answer may be another host's, which has told nothing of the one that was asked. */
static void note_budget(look *l, const budget_key *k, const char *url, const budget_decision *taken,
                        const ov_fetch_result *head)
{
    if (head->failure != OV_FETCH_OK || !ov_fetch_same_origin(url, head->final_url)) {
        budget_lost(l->left, k, taken, look_now(l));
        return;
    }
    budget_told told;
    budget_answered(l->left, k, taken, head, l->p->unchanged_is_free, look_now(l), &told);
    if (!l->p->api || !told.told) return;
    l->r->budget_remaining = told.remaining;
    l->r->budget_limit = told.limit;
    l->r->budget_reset_s = told.reset_s;
}

void look_note_wait(look *l, const ov_fetch_result *answer, int64_t until_s)
{
    budget_key k;
    look_key_of(l, answer->final_url, &k);
    budget_told_off(l->left, &k, until_s, look_now(l));
}

look_step look_defer(look *l, const budget_key *k, const budget_decision *wait)
{
    budget_why why = wait->why;
    bool limited = why == BUDGET_WHY_SPENT || why == BUDGET_WHY_TOLD_OFF;
    l->r->outcome = LOOKUP_DEFERRED;
    l->r->failure = limited ? FAILURE_RATE_LIMITED : FAILURE_NONE;
    if (why == BUDGET_WHY_SPENT) l->r->budget_remaining = 0;
    l->r->next_try_s = refusal_bound(budget_turn_s(l->left, k, wait), look_now(l));
    snprintf(l->r->message, sizeof l->r->message, "not asked: %s", budget_why_text(why));
    return STEP_FAILED;
}

bool look_goes_on_unbudgeted(look *l)
{
    OV_CLEANUP(ov_buf_clear) ov_buf url = OV_BUF(ASKING_URL_BYTES - 1);
    const provider *other = l->p->unbudgeted ? l->p->unbudgeted(&l->o->providers, l->j, &url) : NULL;
    if (!other || url.failed) return false;
    l->p = other;
    l->unbudgeted = true;
    l->conditional = false;
    snprintf(l->first, sizeof l->first, "%.*s", OV_STR_ARG(ov_buf_str(&url)));
    return true;
}

/* No next period would do better for a list that most of one has not been enough for. */
static bool is_too_long(const look *l)
{
    int64_t granted = budget_granted(l->left, &l->key);
    return !l->conditional && !l->checking && look_has_list(l) && granted > 0 && 4 * (int64_t)l->page >= 3 * granted;
}

/* Its pages are not asked for by their validators next time: that alone would spend the budget. */
static look_step cut_for_budget(look *l)
{
    ov_buf_reset(&l->r->etag);
    return look_cut(l, budget_why_text(BUDGET_WHY_SPENT));
}

/* Another way is for a budget that is spent: what is not shown there may be private, and is no answer while nobody
 * knows whether the API may be asked. */
static look_step step_put_off(look *l, const budget_decision *wait)
{
    bool spent = wait->why == BUDGET_WHY_SPENT || wait->why == BUDGET_WHY_TOLD_OFF;
    if (wait->why == BUDGET_WHY_SPENT && is_too_long(l)) return cut_for_budget(l);
    return spent && look_goes_on_unbudgeted(l) ? STEP_RESTART : look_defer(l, &l->key, wait);
}

/* After each request of whatever sort. */
static void tell_asked(const look *l, const char *url, const ov_fetch_result *head)
{
    l->r->requests++;
    l->r->status = head->status;
    if (l->o->asked) l->o->asked(l->o->arg, url, head->failure == OV_FETCH_OK ? head->status : 0);
}

look_step look_send(look *l, const ov_fetch_request *q, ov_fetch_stream **ret)
{
    look_key_of(l, l->url, &l->key);
    budget_decision taken = budget_take(l->left, &l->key, l->p->api, pages_ahead(l), look_now(l));
    if (taken.verdict == BUDGET_WAIT) return step_put_off(l, &taken);
    ov_fetch_open(l->fetch, q, ret);
    note_budget(l, &l->key, l->url, &taken, ov_fetch_head(*ret));
    tell_asked(l, l->url, ov_fetch_head(*ret));
    return STEP_NEXT;
}

look_step look_send_aside(look *l, const ov_fetch_request *q, ov_fetch_result *ret)
{
    budget_key k;
    look_key_of(l, q->url, &k);
    budget_decision taken = budget_take(l->left, &k, false, 1, look_now(l));
    if (taken.verdict == BUDGET_WAIT) return look_defer(l, &k, &taken);
    ov_fetch_run(l->fetch, q, ret);
    note_budget(l, &k, q->url, &taken, ret);
    tell_asked(l, q->url, ret);
    return STEP_NEXT;
}
