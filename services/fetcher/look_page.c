/* One request of a look: conditional where it may be, its page parsed, and where to from there. */
#include "services/fetcher/look_state.h"

#include <stdio.h>

#include "base/mem.h"
#include "services/fetcher/media.h"
#include "base/poison.h"

ov_str look_etag_of(ov_str joined, unsigned n)
{
    ov_str one = {0};
    for (unsigned i = 0; i <= n; i++)
        if (!ov_str_split(&joined, ' ', &one)) return (ov_str){0};
    return one;
}

static bool is_conditional(const look *l)
{
    return l->conditional && (look_etag_of(l->j->etag, l->page).len || (l->page == 0 && l->j->last_modified.len));
}

static bool request_fill(look *l, asking_request *r)
{
    ov_str etag = {0}, modified = {0};
    if (is_conditional(l)) {
        etag = look_etag_of(l->j->etag, l->page);
        modified = l->j->last_modified;
    }
    const credential_failure *why;
    if (asking_page(&l->asking, l->p, l->url, l->page, etag, modified, r, &why) == OV_OK) return true;
    look_fail_credential(l, why);
    return false;
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

bool look_has_list(const look *l)
{
    for (size_t i = 0; i < l->r->lists.count; i++)
        if (l->r->lists.lists[i].present) return true;
    return false;
}

look_step look_cut(look *l, const char *why)
{
    version_lists_truncate(&l->r->lists);
    snprintf(l->r->message, sizeof l->r->message, "only the first %u pages were read%s%s", l->page, *why ? ": " : "",
             why);
    return STEP_DONE;
}

look_step look_step_on(look *l, provider_page *page, const ov_fetch_result *answer)
{
    char next[ASKING_URL_BYTES];
    page->answer = answer;
    if (!l->p->next || !l->p->next(page, next, sizeof next)) return STEP_DONE;
    if (!ov_fetch_same_origin(l->first, next) && !ov_fetch_same_origin(answer->final_url, next))
        return look_fail(l, FAILURE_REFUSED_TARGET, answer->shown_url, "the next page is said to be at another host");
    l->page++;
    if (l->page >= l->o->pages_max && (l->conditional || look_has_list(l))) return look_cut(l, "");
    snprintf(l->url, sizeof l->url, "%s", next);
    return STEP_NEXT;
}

provider_page look_page_of(look *l)
{
    return (provider_page){.j = l->j, .lists = &l->r->lists, .first_url = l->first, .number = l->page};
}

/* This page is as it was; the look is done when it was the last of those known and names no further one. */
static look_step step_same(look *l, const ov_fetch_result *answer)
{
    bool more_known = look_etag_of(l->j->etag, l->page + 1).len > 0;
    provider_page page = look_page_of(l);
    page.items = more_known;
    look_step step = look_step_on(l, &page, answer);
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

/* Whether the page counts as many items on all pages as the first one does, or none of them tells. */
static bool fits_total(look *l, const ov_fetch_result *answer)
{
    if (!l->p->numbered) return true;
    if (l->page == 0) snprintf(l->total, sizeof l->total, "%s", answer->total);
    return strcmp(l->total, answer->total) == 0 || !l->total[0] || !answer->total[0];
}

/* Reads the page that comes into page->lists; false when it is none. */
bool look_parse_page(look *l, ov_fetch_stream *s, provider_page *page, ov_fetch_result *answer)
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
        look_fail_transport(l, answer);
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
    provider_page page = look_page_of(l);
    ov_fetch_result answer;
    if (!look_parse_page(l, s, &page, &answer)) return STEP_FAILED;
    if (!fits_total(l, &answer)) return look_fail_moved(l);
    note_end(l);
    note_validators(l, &answer);
    return look_step_on(l, &page, &answer);
}

look_step look_next_step(look *l)
{
    asking_request request;
    ov_fetch_stream *s;
    if (l->o->alive) l->o->alive(l->o->arg);
    if (!request_fill(l, &request)) return STEP_FAILED;
    look_step sent = look_send(l, &request.q, &s);
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
    if (head->failure == OV_FETCH_OK && !(head->status == 304 && conditional)) return look_step_refused(l, s);
    ov_fetch_result answer;
    char none[1];
    (void)ov_fetch_read(s, none, sizeof none);
    ov_fetch_close(s, &answer);
    return answer.failure == OV_FETCH_OK ? step_same(l, &answer) : look_fail_transport(l, &answer);
}
