/* The one loop over pages: which way, from where, and how it ended. */
#include "services/fetcher/look_state.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "services/fetcher/look_host.h"
#include "base/poison.h"

/* Validators hold for the credential that they were got with: what another may see has other ones, or none. */
static bool holds_validators(look *l)
{
    provider_credential given = {0};
    const credential_failure *why;
    ov_status status = asking_credential(&l->asking, l->first, &given, &why);
    l->anonymous = status == OV_NOT_FOUND && !given.id[0];
    snprintf(l->r->credential, sizeof l->r->credential, "%s", given.id);
    return ov_str_eq(l->j->credential, ov_str_of(given.id));
}

static void restart(look *l, bool conditional)
{
    bool holds = holds_validators(l);
    version_lists_reset(&l->r->lists);
    ov_buf_reset(&l->r->etag);
    l->r->message[0] = '\0';
    l->conditional = conditional && holds;
    l->checking = false;
    l->page = 0;
    snprintf(l->url, sizeof l->url, "%s", l->first);
}

/* A budget without a credential is small, and shared by all behind one address. false: there is no way now. */
static bool choose_way(look *l)
{
    provider_credential given;
    const credential_failure *why;
    if (!l->p->api) return true;
    ov_status status = asking_credential(&l->asking, l->first, &given, &why);
    if (status == OV_FAILED) {
        look_fail_credential(l, why);
        return false;
    }
    if (status == OV_NOT_FOUND) (void)look_goes_on_unbudgeted(l);
    return true;
}

static void note_cut(look_result *r)
{
    for (size_t i = 0; i < r->lists.count && r->outcome == LOOKUP_COMPLETE && !r->message[0]; i++)
        if (r->lists.lists[i].truncated)
            snprintf(r->message, sizeof r->message, "only the first %zu versions were taken", r->lists.lists[i].count);
}

static bool begin(look *l)
{
    OV_CLEANUP(ov_buf_clear) ov_buf url = OV_BUF(ASKING_URL_BYTES - 1);
    ov_err err = {0};
    l->p = provider_of(l->j);
    ov_status status =
        l->p ? l->p->first_url(&l->o->providers, l->j, &url, &err)
             : ov_fail(&err, OV_INVALID, "provider: \"%.*s\": unknown", OV_STR_ARG(ov_str_sub(l->j->provider, 0, 60)));
    if (status == OV_OK) status = ov_buf_finish(&url, "the URL", &err);
    if (status != OV_OK) {
        look_fail(l, FAILURE_UNSUPPORTED, "", err.msg);
        return false;
    }
    snprintf(l->first, sizeof l->first, "%.*s", OV_STR_ARG(ov_buf_str(&url)));
    look_key_of(l, l->first, &l->api_key);
    return true;
}

static look_step begin_anew(look *l)
{
    if (!look_change_host(l->o, l->first, look_now(l), l->r, &l->place)) return STEP_FAILED;
    restart(l, false);
    return STEP_RESTART;
}

static void follow_pages(look *l)
{
    look_step s;
    restart(l, l->conditional);
    do {
        s = look_next_step(l);
        if (s == STEP_DONE) s = look_check_unmoved(l);
        if (s == STEP_RESTART) s = begin_anew(l);
    } while (s != STEP_DONE && s != STEP_FAILED);
    note_cut(l->r);
}

void look_run(const look_options *o, ov_fetch *f, const job *j, bool conditional, int64_t now_s, budget *left,
              look_result *ret)
{
    *ret = (look_result){.outcome = LOOKUP_COMPLETE, .budget_remaining = -1, .etag = OV_BUF(LOOK_ETAGS_BYTES)};
    version_lists_init(&ret->lists, j);
    look l = {
        .o = o, .fetch = f, .j = j, .left = left, .r = ret, .now_s = now_s, .began = ov_mono_now(), .asking = {.o = o}};
    l.asking.deadline = ov_mono_after(ov_mono_now(), o->total_ms);
    if (!begin(&l)) return;
    l.conditional = conditional && !j->fresh_lists;
    if (!choose_way(&l)) return;
    if (!look_enter_host(o, l.first, now_s, ret, &l.place)) return;
    follow_pages(&l);
    look_leave_host(o, &l.place, ret);
    if (ret->outcome != LOOKUP_COMPLETE) version_lists_reset(&ret->lists);
    free(l.ends);
    asking_clear(&l.asking);
}

void look_result_clear(look_result *r)
{
    version_lists_clear(&r->lists);
    ov_buf_clear(&r->etag);
}
