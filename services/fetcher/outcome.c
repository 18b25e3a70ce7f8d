/* Puts a look's result and the outcome before it together into the one that is stored. */
#include "services/fetcher/outcome.h"

#include <stdio.h>

#include "base/mem.h"
#include "services/fetcher/refusal.h"
#include "base/poison.h"

enum { SHOWN_BYTES = 60 };

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
    if (!ov_str_eq(previous->credential, j->credential)) return false;
    if (j->list_count == 0) return list_of(previous, (ov_str){0}) != NULL;
    for (size_t i = 0; i < j->list_count; i++)
        if (!list_of(previous, j->lists[i])) return false;
    return true;
}

/* ---- lists ---- */

/* The versions of a truncated list; *ret_count of them. */
static list_version *extend(const version_list *from, const list *stood, size_t *ret_count)
{
    OV_CLEANUP(ov_map_clear) ov_map old = {0}, taken = {0};
    list_version *all = ov_calloc(from->count + stood->count + 1, sizeof *all);
    for (size_t i = 0; i < stood->count; i++) ov_map_put(&old, stood->versions[i].version, all);
    size_t count = 0, room = LIST_VERSIONS_MAX - old.count;
    for (size_t i = 0; i < from->count; i++) {
        const list_version *v = &from->versions[i];
        bool is_new = !ov_map_get(&old, v->version);
        if (ov_map_get(&taken, v->version) || (is_new && room == 0)) continue;
        room -= is_new;
        ov_map_put(&taken, v->version, all);
        all[count++] = *v;
    }
    for (size_t i = 0; i < stood->count; i++) {
        if (ov_map_get(&taken, stood->versions[i].version)) continue;
        ov_map_put(&taken, stood->versions[i].version, all);
        all[count++] = stood->versions[i];
    }
    *ret_count = count;
    return all;
}

ov_status outcome_list_make(const job *j, const version_list *from, const list *stood, const lookup *previous,
                            outcome_list *ret, ov_err *err)
{
    *ret = (outcome_list){.body = OV_BUF(LIST_BYTES_MAX)};
    if (!from->present) return OV_OK;
    list l = {.source = j->source,
              .list = from->name,
              .truncated = from->truncated,
              .versions = from->versions,
              .count = from->count};
    OV_CLEANUP(ov_free_p) list_version *both = NULL;
    if (from->truncated && stood) l.versions = both = extend(from, stood, &l.count);
    list_encode(&l, &ret->body);
    ov_status status = ov_buf_finish(&ret->body, "list", err);
    if (status != OV_OK) return status;
    report_digest(ov_buf_str(&ret->body), ret->digest);
    const lookup_list *before = list_of(previous, from->name);
    ret->changed = !before || !ov_str_eq(before->digest, ov_str_of(ret->digest));
    ret->count = l.count;
    return OV_OK;
}

/* Of a list that had versions, this look found none. */
static bool lost_all(const version_list *now, const lookup_list *before)
{
    return before && before->count > 0 && now->count == 0;
}

void outcome_doubt(const lookup *previous, look_result *r)
{
    if (r->outcome != LOOKUP_COMPLETE) return;
    for (size_t i = 0; i < r->lists.count; i++) {
        const version_list *now = &r->lists.lists[i];
        const lookup_list *before = list_of(previous, now->name);
        if (!lost_all(now, before) || before->emptied) continue;
        r->outcome = LOOKUP_FAILED;
        r->failure = FAILURE_EMPTIED;
        snprintf(r->message, sizeof r->message, "%s%.*s%sno versions where there were %lld: counts when it is so again",
                 now->name.len ? "\"" : "", OV_STR_ARG(ov_str_sub(now->name, 0, SHOWN_BYTES)),
                 now->name.len ? "\": " : "", (long long)before->count);
        return;
    }
}

/* ---- the outcome ---- */

static void keep_lists(const lookup *previous, lookup *ret)
{
    if (!previous || previous->list_count == 0) return;
    ret->lists = ov_calloc(previous->list_count, sizeof *ret->lists);
    ret->list_count = previous->list_count;
    memcpy(ret->lists, previous->lists, previous->list_count * sizeof *ret->lists);
}

/* Looks between that failed for another reason say nothing about the list. */
static void mark_emptied(const look_result *r, lookup *ret)
{
    for (size_t i = 0; i < ret->list_count; i++) {
        lookup_list *l = &ret->lists[i];
        const version_list *now = version_lists_find(&r->lists, l->list);
        if (r->failure == FAILURE_EMPTIED && now) l->emptied = lost_all(now, l);
        if (r->outcome == LOOKUP_NOT_MODIFIED) l->emptied = false;
    }
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
        ret->credential = ov_str_of(r->credential);
    } else if (previous) {
        ret->etag = previous->etag;
        ret->last_modified = previous->last_modified;
        ret->credential = previous->credential;
    }
}

void outcome_make(const job *j, const look_result *r, const lookup *previous, const lookup_list *lists, int64_t now_s,
                  lookup *ret)
{
    bool fine = r->outcome == LOOKUP_COMPLETE || r->outcome == LOOKUP_NOT_MODIFIED;
    int64_t failures = previous ? previous->failures : j->failures, next_try_s = r->next_try_s;
    if (r->outcome == LOOKUP_FAILED) next_try_s = refusal_next_try_s(r->failure, next_try_s, failures + 1, now_s);
    *ret = (lookup){.source = j->source,
                    .provider = j->provider,
                    .strategy = j->strategy,
                    .repo = j->repo,
                    .outcome = r->outcome,
                    .failure = r->failure,
                    .message = ov_str_of(r->message),
                    .status = r->status,
                    .next_try_s = next_try_s,
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
    mark_emptied(r, ret);
}
