/* Pages that were all read are asked for once more: what moved between them was read twice or not at all. */
#include "services/fetcher/look_state.h"

#include <stdio.h>

#include "base/poison.h"

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
    provider_page page = look_page_of(l);
    page.lists = &now;
    ov_fetch_result answer;
    look_step step = STEP_FAILED;
    if (look_parse_page(l, s, &page, &answer)) step = is_as_read(l, &now.lists[0]) ? STEP_DONE : look_fail_moved(l);
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
        return look_fail_credential(l, why);
    ov_fetch_stream *s;
    look_step sent = look_send(l, &request.q, &s);
    if (sent != STEP_NEXT) return sent;
    bool again = ov_fetch_head(s)->failure == OV_FETCH_OK && ov_fetch_head(s)->status == 200;
    if (again && !ov_fetch_head(s)->unframed) return compare_page(l, s);
    char none[1];
    (void)ov_fetch_read(s, none, sizeof none);
    bool answered = ov_fetch_head(s)->failure == OV_FETCH_OK;
    ov_fetch_close(s, &answer);
    if (!answered) return look_fail_transport(l, &answer);
    if (answer.status != 304) return look_judge(l, &answer, (ov_str){0});
    provider_page page = look_page_of(l);
    page.items = 1;
    return look_step_on(l, &page, &answer);
}

look_step look_check_unmoved(look *l)
{
    unsigned last = l->page;
    bool checkable = l->p->numbered && last > 0 && last < l->o->pages_max && !l->total[0] && l->r->etag.len > 0 &&
                     !l->r->lists.lists[0].truncated;
    if (!checkable || l->r->outcome != LOOKUP_COMPLETE || l->conditional) return STEP_DONE;
    look_step s = STEP_NEXT;
    l->checking = true;
    snprintf(l->url, sizeof l->url, "%s", l->first);
    for (l->page = 0; s == STEP_NEXT && l->page < (l->anonymous ? 1 : last);)
        s = look_again(l, look_etag_of(ov_buf_str(&l->r->etag), l->page));
    return s == STEP_NEXT ? STEP_DONE : s;
}
