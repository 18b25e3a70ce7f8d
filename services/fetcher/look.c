/* The one loop over pages: conditional requests, paging, limits, budget, and which kind of failure an end is. */
#include "services/fetcher/look.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "services/fetcher/asking.h"
#include "services/fetcher/look_host.h"
#include "services/fetcher/media.h"
#include "services/fetcher/refusal.h"
#include "base/poison.h"

enum { SHOWN_BODY_BYTES = 1024 };

typedef struct {
    const look_options *o;
    ov_fetch *fetch;
    const job *j;
    const provider *p;
    budget *left;
    look_result *r;
    int64_t now_s; /* when it began */
    ov_mono began;
    budget_key api_key, key; /* of the job's own way, and of the present request */
    asking asking;
    bool conditional;
    bool anonymous; /* the first page is asked for without a credential */
    bool moved;     /* the pages moved while they were read before */
    size_t *ends;   /* of each page: the versions up to its end */
    size_t ends_cap;
    char total[32];              /* what the first page says that there is on all pages */
    bool unbudgeted;             /* p is another way than the job's own provider */
    unsigned page, granted_page; /* granted_page: the number of the page that was authorized last, from 1 */
    char first[ASKING_URL_BYTES], url[ASKING_URL_BYTES];
} look;

typedef enum {
    STEP_NEXT,    /* url is the next page */
    STEP_DONE,    /* all pages were read, or none has changed */
    STEP_AGAIN,   /* the same page once more, authorized now */
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

static void note_stop(look *l)
{
    l->r->stopped = l->o->stop && __atomic_load_n(l->o->stop, __ATOMIC_RELAXED);
}

static look_step fail_transport(look *l, const ov_fetch_result *answer)
{
    note_stop(l);
    return look_fail(l, refusal_of_transport(answer->failure), "", answer->text);
}

static look_step fail_credential(look *l, const credential_failure *why)
{
    note_stop(l);
    l->r->next_try_s = why->next_try_s;
    return look_fail(l, why->failure, "", why->text);
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

/* How many requests begin with this one, as far as the look before tells. */
static int64_t pages_ahead(const look *l)
{
    int64_t pages = 1;
    for (size_t i = 0; l->page == 0 && i < l->j->etag.len; i++) pages += l->j->etag.ptr[i] == ' ';
    return pages;
}

static bool is_conditional(const look *l)
{
    return l->conditional && (etag_of(l->j->etag, l->page).len || (l->page == 0 && l->j->last_modified.len));
}

static bool request_fill(look *l, asking_request *r)
{
    ov_str etag = {0}, modified = {0};
    if (is_conditional(l)) {
        etag = etag_of(l->j->etag, l->page);
        modified = l->j->last_modified;
    }
    const credential_failure *why;
    if (asking_page(&l->asking, l->p, l->url, l->page, etag, modified, r, &why) == OV_OK) return true;
    fail_credential(l, why);
    return false;
}

static void tell_asked(const look *l, const char *url, const ov_fetch_result *head)
{
    l->r->requests++;
    l->r->status = head->status;
    if (l->o->asked) l->o->asked(l->o->arg, url, head->failure == OV_FETCH_OK ? head->status : 0);
}

typedef struct {
    look *l;
    ov_fetch_stream *stream;
    media_sniffer sniffer;
} look_body;

static ov_status read_body(void *arg, char *out, size_t max, size_t *ret_len, ov_err *err)
{
    look_body *b = arg;
    if (b->l->o->alive) b->l->o->alive(b->l->o->arg);
    int64_t n = ov_fetch_read(b->stream, out, max);
    if (n < 0) return ov_fail(err, OV_FAILED, "the page broke off");
    if (media_is_markup(&b->sniffer, (ov_str){out, (size_t)n}))
        return ov_fail(err, OV_FAILED, "the page is HTML or XML");
    *ret_len = (size_t)n;
    return OV_OK;
}

/* ---- what an answer means ---- */

static int64_t now_of(const look *l)
{
    return l->now_s + ov_mono_since(ov_mono_now(), l->began) / 1000;
}

static void key_of(const look *l, const char *url, budget_key *ret)
{
    char id[CREDENTIAL_ID] = "";
    if (l->o->credential_id) (void)l->o->credential_id(l->o->credential_arg, url, id);
    *ret = (budget_key){0};
    (void)budget_key_of(url, id, l->p->api ? NULL : l->p->name, ret);
}

/* A redirect's last answer may be another host's, which has told nothing of the one that was asked. */
static void note_budget(look *l, const budget_decision *taken, const ov_fetch_result *head)
{
    if (head->failure != OV_FETCH_OK || !ov_fetch_same_origin(l->url, head->final_url)) {
        budget_lost(l->left, &l->key, taken, now_of(l));
        return;
    }
    budget_told told;
    budget_answered(l->left, &l->key, taken, head, l->p->unchanged_is_free, now_of(l), &told);
    if (!l->p->api || !told.told) return;
    l->r->budget_remaining = told.remaining;
    l->r->budget_limit = told.limit;
    l->r->budget_reset_s = told.reset_s;
}

/* What one look was told holds for all. */
static void note_wait(look *l, const ov_fetch_result *answer, int64_t until_s)
{
    budget_key k;
    key_of(l, answer->final_url, &k);
    budget_told_off(l->left, &k, until_s, now_of(l));
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

/* Where to after this page. The next one must be at the host that was asked or the one that a redirect of it led to:
 * no list sends us elsewhere. */
static look_step step_on(look *l, provider_page *page, const ov_fetch_result *answer)
{
    char next[ASKING_URL_BYTES];
    page->answer = answer;
    if (!l->p->next || !l->p->next(page, next, sizeof next)) return STEP_DONE;
    if (!ov_fetch_same_origin(l->first, next) && !ov_fetch_same_origin(answer->final_url, next))
        return look_fail(l, FAILURE_REFUSED_TARGET, answer->shown_url, "the next page is said to be at another host");
    l->page++;
    if (l->page >= l->o->pages_max) {
        version_lists_truncate(&l->r->lists);
        snprintf(l->r->message, sizeof l->r->message, "only the first %u pages were read", l->page);
        return STEP_DONE;
    }
    snprintf(l->url, sizeof l->url, "%s", next);
    return STEP_NEXT;
}

static provider_page page_of(look *l)
{
    return (provider_page){.j = l->j, .lists = &l->r->lists, .first_url = l->first, .number = l->page};
}

/* This page is as it was; the look is done when it was the last of those known and names no further one. */
static look_step step_same(look *l, const ov_fetch_result *answer)
{
    bool more_known = etag_of(l->j->etag, l->page + 1).len > 0;
    provider_page page = page_of(l);
    page.items = more_known;
    look_step step = step_on(l, &page, answer);
    if (step == STEP_DONE && !more_known) l->r->outcome = LOOKUP_NOT_MODIFIED;
    if (step == STEP_FAILED || (step == STEP_NEXT && more_known)) return step;
    return step == STEP_DONE && !more_known ? STEP_DONE : STEP_RESTART;
}

static look_step fail_media(look *l, ov_fetch_stream *s)
{
    ov_err what = {0};
    ov_fetch_result answer;
    ov_fetch_close(s, &answer);
    ov_fail(&what, OV_INVALID, "no list, the Content-Type is \"%.60s\"", answer.content_type);
    return look_fail(l, FAILURE_MALFORMED, answer.shown_url, what.msg);
}

/* What was read is not one state of upstream. */
static look_step fail_moved(look *l)
{
    if (l->moved) return look_fail(l, FAILURE_CHANGING, l->url, "its pages changed while they were read, twice");
    l->moved = true;
    return STEP_RESTART;
}

/* Whether the page counts as many items on all pages as the first one does, or none of them tells. */
static bool fits_total(look *l, const ov_fetch_result *answer)
{
    if (!l->p->numbered) return true;
    if (l->page == 0) snprintf(l->total, sizeof l->total, "%s", answer->total);
    return strcmp(l->total, answer->total) == 0 || !l->total[0] || !answer->total[0];
}

/* Reads the page that comes into page->lists; false when it is none. */
static bool parse_page(look *l, ov_fetch_stream *s, provider_page *page, ov_fetch_result *answer)
{
    if (!media_fits(l->p, ov_fetch_head(s)->content_type)) return fail_media(l, s) != STEP_FAILED;
    look_body body = {.l = l, .stream = s};
    ov_err err = {0};
    ov_status status = l->p->parse(page, read_body, &body, &err);
    bool broke = ov_fetch_head(s)->failure != OV_FETCH_OK;
    ov_fetch_close(s, answer);
    l->r->bytes += answer->wire_bytes;
    l->asking.body_bytes += answer->body_bytes;
    if (body.sniffer.markup)
        look_fail(l, FAILURE_MALFORMED, answer->shown_url, "no list, it is HTML or XML");
    else if (broke || (status == OV_OK && answer->failure != OV_FETCH_OK))
        fail_transport(l, answer);
    else if (status != OV_OK)
        look_fail(l, FAILURE_MALFORMED, answer->shown_url, err.msg);
    return l->r->outcome != LOOKUP_FAILED;
}

static void note_end(look *l)
{
    ov_grow(&l->ends, &l->ends_cap, l->page + 1, sizeof *l->ends);
    l->ends[l->page] = l->r->lists.lists[0].count;
}

static look_step step_parse(look *l, ov_fetch_stream *s)
{
    provider_page page = page_of(l);
    ov_fetch_result answer;
    if (!parse_page(l, s, &page, &answer)) return STEP_FAILED;
    if (!fits_total(l, &answer)) return fail_moved(l);
    note_end(l);
    note_validators(l, &answer);
    return step_on(l, &page, &answer);
}

/* ---- a budget that is spent ---- */

static look_step defer(look *l, const budget_key *k, const budget_decision *wait)
{
    budget_why why = wait->why;
    bool limited = why == BUDGET_WHY_SPENT || why == BUDGET_WHY_TOLD_OFF;
    l->r->outcome = LOOKUP_DEFERRED;
    l->r->failure = limited ? FAILURE_RATE_LIMITED : FAILURE_NONE;
    if (why == BUDGET_WHY_SPENT) l->r->budget_remaining = 0;
    l->r->next_try_s = refusal_bound(budget_turn_s(l->left, k, wait), now_of(l));
    snprintf(l->r->message, sizeof l->r->message, "not asked: %s", budget_why_text(why));
    return STEP_FAILED;
}

/* The validators that are known are another server's then. */
static bool goes_on_unbudgeted(look *l)
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

/* ---- answers that are no page ---- */

static look_step judge(look *l, const ov_fetch_result *answer, ov_str body)
{
    refusal why;
    refusal_judge(answer, body, l->p->api, now_of(l), &why);
    budget_decision wait;
    if (why.next_try_s > 0) note_wait(l, answer, why.next_try_s);
    if (why.failure == FAILURE_RATE_LIMITED && goes_on_unbudgeted(l)) return STEP_RESTART;
    if (l->unbudgeted && (why.failure == FAILURE_UNAUTHORIZED || why.failure == FAILURE_NOT_FOUND) &&
        budget_is_spent(l->left, &l->api_key, now_of(l), &wait))
        return defer(l, &l->api_key, &wait);
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
        fail_credential(l, why);
        return ov_fail(err, OV_FAILED, "%s", l->r->message);
    }
    q.on_body = ov_fetch_into_buf;
    q.arg = body;
    ov_fetch_run(l->fetch, &q, &answer);
    tell_asked(l, url, &answer);
    l->r->bytes += answer.wire_bytes;
    l->asking.body_bytes += answer.body_bytes;
    if (answer.failure == OV_FETCH_OK && answer.status == 200) return OV_OK;
    if (body->failed)
        look_fail(l, FAILURE_TOO_LARGE, answer.shown_url, "the answer is larger than allowed");
    else if (answer.failure == OV_FETCH_OK)
        judge(l, &answer, ov_buf_str(body));
    else
        fail_transport(l, &answer);
    return ov_fail(err, OV_FAILED, "%s", l->r->message);
}

/* One try a page: what was just authorized and is refused again is refused. */
static look_step step_unauthorized(look *l, const ov_fetch_result *answer, ov_str body)
{
    OV_CLEANUP(ov_secret_free_p) ov_secret *token = NULL;
    provider_credential credential;
    const credential_failure *why;
    ov_err err = {0};
    if (l->granted_page == l->page + 1) return judge(l, answer, body);
    ov_status status = asking_credential(&l->asking, answer->final_url, &credential, &why);
    if (status == OV_FAILED) return fail_credential(l, why);
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
    if (status != OV_OK) return judge(l, answer, body);
    asking_grant(&l->asking, answer->final_url, OV_TAKE(token));
    l->granted_page = l->page + 1;
    return STEP_AGAIN;
}

static look_step step_refused(look *l, ov_fetch_stream *s)
{
    char text[SHOWN_BODY_BYTES];
    size_t len = 0;
    for (int64_t n; len < sizeof text && (n = ov_fetch_read(s, text + len, sizeof text - len)) > 0;) len += (size_t)n;
    ov_fetch_result answer;
    ov_fetch_close(s, &answer);
    if (answer.status == 401 && l->p->authorize) return step_unauthorized(l, &answer, (ov_str){text, len});
    return judge(l, &answer, (ov_str){text, len});
}

/* Another way is for a budget that is spent: what is not shown there may be private, and is no answer while nobody
 * knows whether the API may be asked. */
static look_step step_put_off(look *l, const budget_decision *wait)
{
    bool spent = wait->why == BUDGET_WHY_SPENT || wait->why == BUDGET_WHY_TOLD_OFF;
    return spent && goes_on_unbudgeted(l) ? STEP_RESTART : defer(l, &l->key, wait);
}

/* Sends what the host's budget allows now. */
static look_step send_request(look *l, const ov_fetch_request *q, ov_fetch_stream **ret)
{
    key_of(l, l->url, &l->key);
    budget_decision taken = budget_take(l->left, &l->key, l->p->api, pages_ahead(l), now_of(l));
    if (taken.verdict == BUDGET_WAIT) return step_put_off(l, &taken);
    ov_fetch_open(l->fetch, q, ret);
    note_budget(l, &taken, ov_fetch_head(*ret));
    tell_asked(l, l->url, ov_fetch_head(*ret));
    return STEP_NEXT;
}

static look_step step(look *l)
{
    asking_request request;
    ov_fetch_stream *s;
    if (l->o->alive) l->o->alive(l->o->arg);
    if (!request_fill(l, &request)) return STEP_FAILED;
    look_step sent = send_request(l, &request.q, &s);
    if (sent != STEP_NEXT) return sent;
    const ov_fetch_result *head = ov_fetch_head(s);
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

/* ---- pages that were all read ---- */

static bool is_as_read(const look *l, const version_list *now)
{
    const version_list *read = &l->r->lists.lists[0];
    size_t begin = l->page ? l->ends[l->page - 1] : 0;
    if (now->count != l->ends[l->page] - begin) return false;
    for (size_t i = 0; i < now->count; i++)
        if (!ov_str_eq(now->versions[i].version, read->versions[begin + i].version)) return false;
    return true;
}

/* The page has changed; perhaps not in what a list is made of: GitHub counts downloads in it. */
static look_step compare_page(look *l, ov_fetch_stream *s)
{
    version_lists now;
    version_lists_init(&now, l->j);
    provider_page page = page_of(l);
    page.lists = &now;
    ov_fetch_result answer;
    look_step step = STEP_FAILED;
    if (parse_page(l, s, &page, &answer)) step = is_as_read(l, &now.lists[0]) ? STEP_DONE : fail_moved(l);
    version_lists_clear(&now);
    return step;
}

/* Whether page l->page is still as it was read: STEP_NEXT as step_on, STEP_DONE when there is nothing more to be seen.
 */
static look_step look_again(look *l, ov_str etag)
{
    asking_request request;
    const credential_failure *why;
    ov_fetch_result answer;
    if (l->o->alive) l->o->alive(l->o->arg);
    if (asking_page(&l->asking, l->p, l->url, l->page, etag, (ov_str){0}, &request, &why) != OV_OK)
        return fail_credential(l, why);
    ov_fetch_stream *s;
    look_step sent = send_request(l, &request.q, &s);
    if (sent != STEP_NEXT) return sent;
    bool again = ov_fetch_head(s)->failure == OV_FETCH_OK && ov_fetch_head(s)->status == 200;
    if (again && !ov_fetch_head(s)->unframed) return compare_page(l, s);
    char none[1];
    (void)ov_fetch_read(s, none, sizeof none);
    bool answered = ov_fetch_head(s)->failure == OV_FETCH_OK;
    ov_fetch_close(s, &answer);
    if (!answered) return fail_transport(l, &answer);
    if (answer.status != 304) return judge(l, &answer, (ov_str){0});
    provider_page page = page_of(l);
    page.items = 1;
    return step_on(l, &page, &answer);
}

/* See look.h. */
static look_step check_unmoved(look *l)
{
    unsigned last = l->page;
    bool checkable = l->p->numbered && last > 0 && last < l->o->pages_max && !l->total[0] && l->r->etag.len > 0 &&
                     !l->r->lists.lists[0].truncated;
    if (!checkable || l->r->outcome != LOOKUP_COMPLETE || l->conditional) return STEP_DONE;
    look_step s = STEP_NEXT;
    snprintf(l->url, sizeof l->url, "%s", l->first);
    for (l->page = 0; s == STEP_NEXT && l->page < (l->anonymous ? 1 : last);)
        s = look_again(l, etag_of(ov_buf_str(&l->r->etag), l->page));
    return s == STEP_NEXT ? STEP_DONE : s;
}

/* ---- the whole look ---- */

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
        fail_credential(l, why);
        return false;
    }
    if (status == OV_NOT_FOUND) (void)goes_on_unbudgeted(l);
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
    key_of(l, l->first, &l->api_key);
    return true;
}

static void follow_pages(look *l)
{
    look_step s;
    restart(l, l->conditional);
    do {
        s = step(l);
        if (s == STEP_DONE) s = check_unmoved(l);
        if (s == STEP_RESTART) restart(l, false);
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
    hosts_ticket place;
    if (!look_enter_host(o, l.first, now_s, ret, &place)) return;
    follow_pages(&l);
    look_leave_host(o, &place, ret);
    if (ret->outcome != LOOKUP_COMPLETE) version_lists_reset(&ret->lists);
    free(l.ends);
    asking_clear(&l.asking);
}

void look_result_clear(look_result *r)
{
    version_lists_clear(&r->lists);
    ov_buf_clear(&r->etag);
}
