/* The one loop over pages: conditional requests, paging, limits, budget, and which kind of failure an end is. */
#include "services/fetcher/look.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/mem.h"
#include "services/fetcher/refusal.h"
#include "base/poison.h"

enum { REDIRECTS_MAX = 5, URL_BYTES = 2048, SHOWN_BODY_BYTES = 1024 };

typedef struct {
    const look_options *o;
    ov_fetch *fetch;
    const job *j;
    const provider *p;
    budget *left;
    look_result *r;
    int64_t now_s;
    ov_mono deadline;
    bool conditional;
    unsigned page;
    uint64_t body_bytes;
    char first[URL_BYTES], url[URL_BYTES];
} look;

typedef enum {
    STEP_NEXT,    /* url is the next page */
    STEP_DONE,    /* all pages were read, or none has changed */
    STEP_RESTART, /* a later page changed: everything is to be read */
    STEP_FAILED
} look_step;

static look_step look_fail(look *l, lookup_failure failure, const char *where, const char *what)
{
    ov_err cut = {0};
    ov_fail(&cut, OV_FAILED, "%s%s%s", where, *where ? ": " : "", what);
    snprintf(l->r->message, sizeof l->r->message, "%s", cut.msg);
    l->r->outcome = LOOKUP_FAILED;
    l->r->failure = failure;
    return STEP_FAILED;
}

static look_step fail_transport(look *l, const ov_fetch_result *answer)
{
    l->r->stopped = l->o->stop && __atomic_load_n(l->o->stop, __ATOMIC_RELAXED);
    return look_fail(l, refusal_of_transport(answer->failure), "", answer->text);
}

/* ---- one request ---- */

/* The validator of page n among those of all pages; empty when there is none. */
static ov_str etag_of(ov_str joined, unsigned n)
{
    ov_str one = {0};
    for (unsigned i = 0; i <= n; i++)
        if (!ov_str_split(&joined, ' ', &one)) return (ov_str){0};
    return one;
}

static bool is_conditional(const look *l)
{
    return l->conditional && (etag_of(l->j->etag, l->page).len || (l->page == 0 && l->j->last_modified.len));
}

typedef struct {
    ov_fetch_request q;
    char etag[OV_FETCH_VALUE_MAX], modified[OV_FETCH_VALUE_MAX];
} look_request;

static void request_fill(const look *l, look_request *r)
{
    uint64_t max = (uint64_t)l->o->bytes_max, left = max > l->body_bytes ? max - l->body_bytes : 1;
    int64_t left_ms = ov_mono_since(l->deadline, ov_mono_now());
    *r = (look_request){.q = {.url = l->url,
                              .wire_max = left,
                              .body_max = left,
                              .connect_ms = l->o->connect_ms,
                              .idle_ms = l->o->idle_ms,
                              .total_ms = left_ms > 0 ? left_ms : 1,
                              .redirects_max = REDIRECTS_MAX,
                              .policy = l->o->policy,
                              .stop = l->o->stop,
                              .alive = l->o->alive,
                              .alive_arg = l->o->arg}};
    r->q.headers[0].name = "Accept";
    r->q.headers[0].value = l->p->accept;
    if (!is_conditional(l)) return;
    ov_str etag = etag_of(l->j->etag, l->page);
    snprintf(r->etag, sizeof r->etag, "%.*s", OV_STR_ARG(etag));
    snprintf(r->modified, sizeof r->modified, "%.*s", OV_STR_ARG(l->j->last_modified));
    r->q.headers[1].name = etag.len ? "If-None-Match" : "If-Modified-Since";
    r->q.headers[1].value = etag.len ? r->etag : r->modified;
}

/* false: there should be a credential and is none; asking without one would be another question. */
static bool request_authorise(look *l, ov_fetch_request *q)
{
    provider_credential c;
    if (!l->o->credential) return true;
    if (!l->o->credential(l->o->credential_arg, l->url, &c)) {
        const credential_failure *why = l->o->credential_failure(l->o->credential_arg);
        if (!why) return true;
        l->r->stopped = l->o->stop && __atomic_load_n(l->o->stop, __ATOMIC_RELAXED);
        l->r->next_try_s = why->next_try_s;
        look_fail(l, why->failure, "", why->text);
        return false;
    }
    size_t at = 0;
    while (q->headers[at].name) at++;
    q->bearer = c.bearer;
    q->headers[at].name = c.authorization ? "Authorization" : c.header;
    q->headers[at].value = c.authorization ? c.authorization : c.value;
    return true;
}

typedef struct {
    look *l;
    ov_fetch_stream *stream;
} look_body;

static ov_status read_body(void *arg, char *out, size_t max, size_t *ret_len, ov_err *err)
{
    look_body *b = arg;
    if (b->l->o->alive) b->l->o->alive(b->l->o->arg);
    int64_t n = ov_fetch_read(b->stream, out, max);
    if (n < 0) return ov_fail(err, OV_FAILED, "the page broke off");
    *ret_len = (size_t)n;
    return OV_OK;
}

/* ---- what an answer means ---- */

static void note_budget(look *l, const ov_fetch_result *answer)
{
    uint64_t remaining, reset = 0;
    if (!l->p->api || !ov_str_to_u64(ov_str_of(answer->ratelimit_remaining), &remaining)) return;
    (void)ov_str_to_u64(ov_str_of(answer->ratelimit_reset), &reset);
    l->r->budget_remaining = remaining > INT32_MAX ? INT32_MAX : (int64_t)remaining;
    budget_note(l->left, l->r->budget_remaining, reset > INT64_MAX / 2 ? 0 : (int64_t)reset);
}

/* The validators of a complete look are those of all its pages; one page without spoils them. */
static void note_validators(look *l, const ov_fetch_result *answer)
{
    ov_str etag = ov_str_of(answer->etag);
    bool usable = etag.len && ov_str_find(etag, ' ', 0) == etag.len;
    if (l->page > 0)
        l->r->last_modified[0] = '\0';
    else
        snprintf(l->r->last_modified, sizeof l->r->last_modified, "%s", answer->last_modified);
    if (!usable || (l->page > 0 && l->r->etag.len == 0)) {
        ov_buf_reset(&l->r->etag);
        return;
    }
    if (l->page > 0) ov_buf_append_char(&l->r->etag, ' ');
    ov_buf_append_str(&l->r->etag, etag);
    if (l->r->etag.failed) ov_buf_reset(&l->r->etag);
}

/* Where to after this page; the next one must be at the same host, for that is whom the credential is for. */
static look_step step_on(look *l, const ov_fetch_result *answer)
{
    char next[URL_BYTES];
    if (!l->p->next || !l->p->next(answer, next, sizeof next)) return STEP_DONE;
    if (!ov_fetch_same_origin(l->first, next))
        return look_fail(l, FAILURE_REFUSED_TARGET, answer->shown_url, "the next page is said to be at another host");
    l->page++;
    if (l->page >= l->o->pages_max) {
        l->r->lists.truncated = true;
        snprintf(l->r->message, sizeof l->r->message, "only the first %u pages were read", l->page);
        return STEP_DONE;
    }
    snprintf(l->url, sizeof l->url, "%s", next);
    return STEP_NEXT;
}

/* This page is as it was; the look is done when it was the last of those known and names no further one. */
static look_step step_same(look *l, const ov_fetch_result *answer)
{
    bool more_known = etag_of(l->j->etag, l->page + 1).len > 0;
    look_step step = step_on(l, answer);
    if (step == STEP_DONE && !more_known) l->r->outcome = LOOKUP_NOT_MODIFIED;
    if (step == STEP_FAILED || (step == STEP_NEXT && more_known)) return step;
    return step == STEP_DONE && !more_known ? STEP_DONE : STEP_RESTART;
}

static look_step step_parse(look *l, ov_fetch_stream *s)
{
    look_body body = {l, s};
    ov_err err = {0};
    ov_fetch_result answer;
    ov_status status = l->p->parse(l->j, read_body, &body, &l->r->lists, &err);
    bool broke = ov_fetch_head(s)->failure != OV_FETCH_OK;
    ov_fetch_close(s, &answer);
    l->r->bytes += answer.wire_bytes;
    l->body_bytes += answer.body_bytes;
    if (broke || (status == OV_OK && answer.failure != OV_FETCH_OK)) return fail_transport(l, &answer);
    if (status != OV_OK) return look_fail(l, FAILURE_MALFORMED, answer.shown_url, err.msg);
    note_validators(l, &answer);
    return step_on(l, &answer);
}

static look_step step_refused(look *l, ov_fetch_stream *s)
{
    char text[SHOWN_BODY_BYTES];
    size_t len = 0;
    for (int64_t n; len < sizeof text && (n = ov_fetch_read(s, text + len, sizeof text - len)) > 0;) len += (size_t)n;
    ov_fetch_result answer;
    ov_fetch_close(s, &answer);
    refusal why;
    refusal_judge(&answer, (ov_str){text, len}, l->p->api, l->now_s, l->j->failures, &why);
    l->r->next_try_s = why.next_try_s;
    return look_fail(l, why.failure, answer.shown_url, why.text);
}

static look_step step(look *l)
{
    look_request request;
    request_fill(l, &request);
    if (l->o->alive) l->o->alive(l->o->arg);
    if (!request_authorise(l, &request.q)) return STEP_FAILED;
    ov_fetch_stream *s;
    ov_fetch_open(l->fetch, &request.q, &s);
    const ov_fetch_result *head = ov_fetch_head(s);
    l->r->requests++;
    l->r->status = head->status;
    note_budget(l, head);
    if (l->o->asked) l->o->asked(l->o->arg, l->url, head->failure == OV_FETCH_OK ? head->status : 0);
    bool conditional = is_conditional(l);
    if (head->failure == OV_FETCH_OK && head->status == 200 && !head->unframed) {
        if (!l->conditional || l->page == 0) {
            l->conditional = false;
            return step_parse(l, s);
        }
        ov_fetch_close(s, NULL);
        return STEP_RESTART;
    }
    if (head->failure == OV_FETCH_OK && !(head->status == 304 && conditional)) return step_refused(l, s);
    ov_fetch_result answer;
    char none[1];
    (void)ov_fetch_read(s, none, sizeof none);
    ov_fetch_close(s, &answer);
    return answer.failure == OV_FETCH_OK ? step_same(l, &answer) : fail_transport(l, &answer);
}

/* ---- the whole look ---- */

static void restart(look *l, bool conditional)
{
    version_lists_reset(&l->r->lists);
    ov_buf_reset(&l->r->etag);
    l->r->message[0] = '\0';
    l->conditional = conditional;
    l->page = 0;
    snprintf(l->url, sizeof l->url, "%s", l->first);
}

static bool is_deferred(look *l)
{
    int64_t reset_s;
    if (!l->p->api || !budget_is_spent(l->left, l->now_s, &reset_s)) return false;
    l->r->outcome = LOOKUP_DEFERRED;
    l->r->failure = FAILURE_RATE_LIMITED;
    l->r->budget_remaining = 0;
    l->r->next_try_s = refusal_bound(reset_s, l->now_s);
    snprintf(l->r->message, sizeof l->r->message, "not asked: the provider's budget is spent until its reset");
    return true;
}

static bool begin(look *l)
{
    OV_CLEANUP(ov_buf_clear) ov_buf url = OV_BUF(URL_BYTES - 1);
    ov_err err = {0};
    l->p = provider_find(l->j->provider);
    ov_status status =
        l->p ? l->p->first_url(&l->o->providers, l->j, &url, &err)
             : ov_fail(&err, OV_INVALID, "provider: \"%.*s\": unknown", OV_STR_ARG(ov_str_sub(l->j->provider, 0, 60)));
    if (status == OV_OK) status = ov_buf_finish(&url, "the URL", &err);
    if (status != OV_OK) {
        look_fail(l, FAILURE_UNSUPPORTED, "", err.msg);
        return false;
    }
    snprintf(l->first, sizeof l->first, "%.*s", OV_STR_ARG(ov_buf_str(&url)));
    return true;
}

void look_run(const look_options *o, ov_fetch *f, const job *j, bool conditional, int64_t now_s, budget *left,
              look_result *ret)
{
    *ret = (look_result){.outcome = LOOKUP_COMPLETE, .budget_remaining = -1, .etag = OV_BUF(LOOK_ETAGS_BYTES)};
    version_lists_init(&ret->lists, j);
    look l = {.o = o, .fetch = f, .j = j, .left = left, .r = ret, .now_s = now_s};
    l.deadline = ov_mono_after(ov_mono_now(), o->total_ms);
    if (!begin(&l) || is_deferred(&l)) return;
    restart(&l, conditional && !j->fresh_lists);
    look_step s;
    while ((s = step(&l)) == STEP_NEXT || s == STEP_RESTART)
        if (s == STEP_RESTART) restart(&l, false);
    if (ret->outcome != LOOKUP_COMPLETE) version_lists_reset(&ret->lists);
}

void look_result_clear(look_result *r)
{
    version_lists_clear(&r->lists);
    ov_buf_clear(&r->etag);
}
