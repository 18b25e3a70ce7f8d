/* Puts a look's result and the outcome before it together into the one that is stored. */
#include "services/fetcher/outcome.h"

#include "base/mem.h"
#include "base/poison.h"

static const lookup_list *list_of(const lookup *previous, ov_str name)
{
    for (size_t i = 0; previous && i < previous->list_count; i++)
        if (ov_str_eq(previous->lists[i].list, name)) return &previous->lists[i];
    return NULL;
}

bool outcome_may_be_conditional(const job *j, const lookup *previous)
{
    if (!previous || previous->complete_at_s == 0) return false;
    if (!ov_str_eq(previous->etag, j->etag) || !ov_str_eq(previous->last_modified, j->last_modified)) return false;
    if (j->list_count == 0) return list_of(previous, (ov_str){0}) != NULL;
    for (size_t i = 0; i < j->list_count; i++)
        if (!list_of(previous, j->lists[i])) return false;
    return true;
}

ov_status outcome_list_make(const job *j, const version_list *from, bool truncated, const lookup *previous,
                            outcome_list *ret, ov_err *err)
{
    *ret = (outcome_list){.body = OV_BUF(LIST_BYTES_MAX)};
    if (!from->present) return OV_OK;
    list l = {.source = j->source,
              .list = from->name,
              .truncated = truncated,
              .versions = from->versions,
              .count = from->count};
    list_encode(&l, &ret->body);
    ov_status status = ov_buf_finish(&ret->body, "list", err);
    if (status != OV_OK) return status;
    report_digest(ov_buf_str(&ret->body), ret->digest);
    const lookup_list *before = list_of(previous, from->name);
    ret->changed = !before || !ov_str_eq(before->digest, ov_str_of(ret->digest));
    return OV_OK;
}

static void keep_lists(const lookup *previous, lookup *ret)
{
    if (!previous || previous->list_count == 0) return;
    ret->lists = ov_calloc(previous->list_count, sizeof *ret->lists);
    ret->list_count = previous->list_count;
    memcpy(ret->lists, previous->lists, previous->list_count * sizeof *ret->lists);
}

static void set_lists(const lookup_list *lists, size_t count, lookup *ret)
{
    ret->lists = ov_calloc(count, sizeof *ret->lists);
    ret->list_count = count;
    memcpy(ret->lists, lists, count * sizeof *ret->lists);
}

/* The validators of the stored lists: a look that brought none leaves them as they were. */
static void set_validators(const look_result *r, const lookup *previous, lookup *ret)
{
    if (r->outcome == LOOKUP_COMPLETE) {
        ret->etag = ov_buf_str(&r->etag);
        ret->last_modified = ov_str_of(r->last_modified);
    } else if (previous) {
        ret->etag = previous->etag;
        ret->last_modified = previous->last_modified;
    }
}

void outcome_make(const job *j, const look_result *r, const lookup *previous, const lookup_list *lists, int64_t now_s,
                  lookup *ret)
{
    bool fine = r->outcome == LOOKUP_COMPLETE || r->outcome == LOOKUP_NOT_MODIFIED;
    int64_t failures = previous ? previous->failures : j->failures;
    *ret = (lookup){.source = j->source,
                    .provider = j->provider,
                    .strategy = j->strategy,
                    .repo = j->repo,
                    .outcome = r->outcome,
                    .failure = r->failure,
                    .message = ov_str_of(r->message),
                    .status = r->status,
                    .next_try_s = r->next_try_s,
                    .failures = fine ? 0 : failures + (r->outcome == LOOKUP_FAILED),
                    .requests = r->requests,
                    .epoch = j->epoch,
                    .after = j->after,
                    .looked_at_s = now_s,
                    .complete_at_s = fine       ? now_s
                                     : previous ? previous->complete_at_s
                                                : 0,
                    .budget_remaining = r->budget_remaining};
    set_validators(r, previous, ret);
    if (r->outcome == LOOKUP_COMPLETE)
        set_lists(lists, r->lists.count, ret);
    else
        keep_lists(previous, ret);
}
