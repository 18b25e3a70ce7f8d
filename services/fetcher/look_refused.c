/* Answers that are no page: challenges are met once a page, all else ends the look with its kind of failure. */
#include "services/fetcher/look_state.h"

#include <stdio.h>

#include "services/fetcher/refusal.h"
#include "base/poison.h"

enum { SHOWN_BODY_BYTES = 1024 };

look_step look_fail(look *l, lookup_failure failure, const char *where, const char *what)
{
    ov_err cut = {0};
    ov_fail(&cut, OV_FAILED, "%s%s%s", where, *where ? ": " : "", what);
    snprintf(l->r->message, sizeof l->r->message, "%s", cut.msg);
    l->r->outcome = LOOKUP_FAILED;
    l->r->failure = failure;
    return STEP_FAILED;
}

static void note_stop(look *l)
{
    l->r->stopped = l->o->stop && __atomic_load_n(l->o->stop, __ATOMIC_RELAXED);
}

look_step look_fail_transport(look *l, const ov_fetch_result *answer)
{
    note_stop(l);
    return look_fail(l, refusal_of_transport(answer->failure), "", answer->text);
}

look_step look_fail_credential(look *l, const credential_failure *why)
{
    note_stop(l);
    l->r->next_try_s = why->next_try_s;
    return look_fail(l, why->failure, "", why->text);
}

look_step look_fail_moved(look *l)
{
    if (l->moved) return look_fail(l, FAILURE_CHANGING, l->url, "its pages changed while they were read, twice");
    l->moved = true;
    return STEP_RESTART;
}

look_step look_judge(look *l, const ov_fetch_result *answer, ov_str body)
{
    refusal why;
    refusal_judge(answer, body, l->p->api, look_now(l), &why);
    budget_decision wait;
    if (why.next_try_s > 0) look_note_wait(l, answer, why.next_try_s);
    if (why.failure == FAILURE_RATE_LIMITED && look_goes_on_unbudgeted(l)) return STEP_RESTART;
    if (l->unbudgeted && (why.failure == FAILURE_UNAUTHORIZED || why.failure == FAILURE_NOT_FOUND) &&
        budget_is_spent(l->left, &l->api_key, look_now(l), &wait))
        return look_defer(l, &l->api_key, &wait);
    l->r->next_try_s = why.next_try_s;
    return look_fail(l, why.failure, answer->shown_url, why.text);
}

typedef struct {
    look *l;
    const char *refused_url;
} look_aside;

/* A request of the provider's own; nothing is noted where it went well. */
static ov_status ask_aside(void *arg, const char *url, ov_str form, ov_buf *body, ov_err *err)
{
    const look_aside *aside = arg;
    look *l = aside->l;
    ov_fetch_request q;
    ov_fetch_result answer;
    const credential_failure *why;
    if (l->o->alive) l->o->alive(l->o->arg);
    if (asking_aside(&l->asking, aside->refused_url, url, form, &q, &why) != OV_OK) {
        look_fail_credential(l, why);
        return ov_fail(err, OV_FAILED, "%s", l->r->message);
    }
    q.on_body = ov_fetch_into_buf;
    q.arg = body;
    if (look_send_aside(l, &q, &answer) != STEP_NEXT) return ov_fail(err, OV_FAILED, "%s", l->r->message);
    l->r->bytes += answer.wire_bytes;
    l->asking.body_bytes += answer.body_bytes;
    if (answer.failure == OV_FETCH_OK && answer.status == 200) return OV_OK;
    if (body->failed)
        look_fail(l, FAILURE_TOO_LARGE, answer.shown_url, "the answer is larger than allowed");
    else if (answer.failure == OV_FETCH_OK)
        look_judge(l, &answer, ov_buf_str(body));
    else
        look_fail_transport(l, &answer);
    return ov_fail(err, OV_FAILED, "%s", l->r->message);
}

/* One try a page: what was just authorized and is refused again is refused. */
static look_step step_unauthorized(look *l, const ov_fetch_result *answer, ov_str body)
{
    OV_CLEANUP(ov_secret_free_p) ov_secret *token = NULL;
    provider_credential credential;
    const credential_failure *why;
    ov_err err = {0};
    if (l->granted_page == l->page + 1) return look_judge(l, answer, body);
    ov_status status = asking_credential(&l->asking, answer->final_url, &credential, &why);
    if (status == OV_FAILED) return look_fail_credential(l, why);
    look_aside aside = {l, answer->final_url};
    const look_options *o = l->o;
    provider_challenge c = {.j = l->j,
                            .text = answer->www_authenticate,
                            .url = answer->final_url,
                            .known = status == OV_OK,
                            .ask = ask_aside,
                            .arg = &aside};
    if (o->identity_token) c.identity_token = o->identity_token(o->credential_arg, answer->final_url);
    status = l->p->authorize(&c, &token, &err);
    if (status == OV_FAILED) return STEP_FAILED;
    if (status == OV_INVALID) return look_fail(l, FAILURE_MALFORMED, answer->shown_url, err.msg);
    if (status != OV_OK) return look_judge(l, answer, body);
    asking_grant(&l->asking, answer->final_url, OV_TAKE(token));
    l->granted_page = l->page + 1;
    return STEP_AGAIN;
}

look_step look_step_refused(look *l, ov_fetch_stream *s)
{
    char text[SHOWN_BODY_BYTES];
    size_t len = 0;
    for (int64_t n; len < sizeof text && (n = ov_fetch_read(s, text + len, sizeof text - len)) > 0;) len += (size_t)n;
    ov_fetch_result answer;
    ov_fetch_close(s, &answer);
    if (answer.status == 401 && l->p->authorize) return step_unauthorized(l, &answer, (ov_str){text, len});
    return look_judge(l, &answer, (ov_str){text, len});
}
