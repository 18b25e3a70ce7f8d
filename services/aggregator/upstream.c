/* Keeps a source's lists and last look; a failed look never shrinks a list. */
#include "services/aggregator/upstream.h"

#include <stdlib.h>

#include "base/mem.h"
#include "json/writer.h"
#include "proto/subjects.h"
#include "base/poison.h"

enum { STALE_INTERVALS = 3 };

upstream *upstream_new(ov_str token)
{
    upstream *u = ov_zalloc(sizeof *u);
    u->d.kind = DOC_SOURCE;
    u->token = ov_dup(token);
    return u;
}

static void list_free(upstream_list *l)
{
    upstream_list_drop(l);
    free(l->token);
    free(l->name);
    free(l);
}

void upstream_free(upstream *u)
{
    if (!u) return;
    wheel_disarm(&u->plan_node);
    size_t at = 0;
    ov_str name;
    void *l;
    while (ov_map_next(&u->lists, &at, &name, &l)) list_free(l);
    ov_map_clear(&u->lists);
    lookup_clear(&u->last);
    free(u->last_body);
    free(u->key);
    free(u->provider);
    free(u->strategy);
    free(u->repo);
    free(u->token);
    free(u->stored_rules);
    free(u);
}

static void name_part(char **place, ov_str text)
{
    if (!text.len || (*place && **place)) return;
    free(*place);
    *place = ov_dup(text);
}

void upstream_name(upstream *u, ov_str key, ov_str provider, ov_str strategy, ov_str repo)
{
    name_part(&u->key, key);
    name_part(&u->provider, provider);
    name_part(&u->strategy, strategy);
    name_part(&u->repo, repo);
}

upstream_list *upstream_list_at(upstream *u, ov_str token)
{
    upstream_list *l = ov_map_get(&u->lists, token);
    if (l) return l;
    l = ov_zalloc(sizeof *l);
    l->source = u;
    l->token = ov_dup(token);
    ov_map_put(&u->lists, token, l);
    return l;
}

upstream_list *upstream_list_named(upstream *u, ov_str name)
{
    char token[SUBJECT_TOKEN_MAX + 1];
    subject_escape(name, token);
    upstream_list *l = upstream_list_at(u, ov_str_of(token));
    if (!l->name) l->name = ov_dup(name);
    return l;
}

bool upstream_list_is_read(const upstream_list *l)
{
    return l->rules || l->lifecycle;
}

bool upstream_list_drop(upstream_list *l)
{
    bool had = l->present;
    list_clear(&l->versions);
    free(l->body);
    l->body = NULL;
    l->present = false;
    l->digest[0] = '\0';
    return had;
}

static ov_status check_subject(const upstream_list *l, const list *got, ov_err *err)
{
    if (!subject_token_is(ov_str_of(l->source->token), got->source))
        return ov_fail(err, OV_INVALID, "list: source: not the subject's");
    if (!subject_token_is(ov_str_of(l->token), got->list))
        return ov_fail(err, OV_INVALID, "list: list: not the subject's");
    return OV_OK;
}

static void install(upstream_list *l, char *body, list *decoded, const char *digest)
{
    upstream_list_drop(l);
    l->body = body;
    l->versions = *decoded;
    *decoded = (list){0};
    l->present = true;
    memcpy(l->digest, digest, REPORT_DIGEST_HEX);
}

ov_status upstream_list_take(upstream_list *l, ov_str body, bool *ret_changed, ov_err *err)
{
    char digest[REPORT_DIGEST_HEX];
    report_digest(body, digest);
    *ret_changed = false;
    if (l->present && memcmp(digest, l->digest, REPORT_DIGEST_HEX) == 0) return OV_OK;
    OV_CLEANUP(ov_free_p) char *copy = ov_dup(body);
    OV_CLEANUP(list_clear) list got = {0};
    ov_status st = list_decode((ov_str){copy, body.len}, &got, err);
    if (st == OV_OK) st = check_subject(l, &got, err);
    if (st != OV_OK) return st;
    if (!l->name) l->name = ov_dup(got.list);
    install(l, OV_TAKE(copy), &got, digest);
    *ret_changed = true;
    return OV_OK;
}

const lookup_list *upstream_last_list(const upstream *u, ov_str name)
{
    for (size_t i = 0; u->looked && i < u->last.list_count; i++)
        if (ov_str_eq(u->last.lists[i].list, name)) return &u->last.lists[i];
    return NULL;
}

ov_status upstream_look_take(upstream *u, ov_str body, uint64_t seq, int64_t came_ms, ov_err *err)
{
    OV_CLEANUP(ov_free_p) char *copy = ov_dup(body);
    OV_CLEANUP(lookup_clear) lookup got = {0};
    ov_status st = lookup_decode((ov_str){copy, body.len}, &got, err);
    if (st != OV_OK) return st;
    if (!subject_token_is(ov_str_of(u->token), got.source))
        return ov_fail(err, OV_INVALID, "lookup: source: not the subject's");
    /* The look's own clock says how old the lists were then; from there on ours counts. */
    int64_t age_s = got.looked_at_s > got.complete_at_s ? got.looked_at_s - got.complete_at_s : 0;
    lookup_clear(&u->last);
    free(u->last_body);
    u->last_body = OV_TAKE(copy);
    u->last = got;
    got = (lookup){0};
    u->looked = true;
    u->look_seq = seq;
    u->looked_ms = came_ms;
    u->complete_ms = came_ms - age_s * 1000;
    u->job_out = false;
    upstream_name(u, u->last.source, u->last.provider, u->last.strategy, u->last.repo);
    return OV_OK;
}

static void failure_write(const upstream *u, ov_buf *out)
{
    ov_buf_append_c(out, lookup_failure_name(u->last.failure));
    if (u->last.failure != FAILURE_NONE && u->last.message.len) ov_buf_append_c(out, ": ");
    ov_buf_append_str(out, u->last.message);
}

/* How it stands when there is no list. */
static standing missing_standing(const upstream_list *l, ov_buf *reason)
{
    const upstream *u = l->source;
    if (!u->looked) return STANDING_PENDING;
    const lookup_list *said = upstream_last_list(u, ov_str_of(l->name));
    if (said && !said->digest.len) {
        ov_buf_printf(reason, "the source has no %s", *l->name ? "" : "list");
        if (*l->name) ov_json_quote(reason, ov_str_of(l->name));
        return STANDING_ABSENT;
    }
    if (u->last.outcome == LOOKUP_FAILED || u->last.outcome == LOOKUP_DEFERRED) failure_write(u, reason);
    return u->last.outcome == LOOKUP_FAILED ? STANDING_STALE : STANDING_PENDING;
}

standing upstream_list_standing(const upstream_list *l, ov_buf *reason)
{
    if (!l->present) return missing_standing(l, reason);
    if (!l->source->stale) return STANDING_READY;
    ov_buf_append_c(reason, "no complete look for three intervals");
    if (upstream_is_failing(l->source)) {
        ov_buf_append_c(reason, "; ");
        failure_write(l->source, reason);
    }
    return STANDING_STALE;
}

bool upstream_is_stale(const upstream *u, int64_t clock_ms, int64_t interval_ms)
{
    return u->looked && u->last.complete_at_s > 0 && clock_ms - u->complete_ms > STALE_INTERVALS * interval_ms;
}

bool upstream_is_failing(const upstream *u)
{
    return u->looked && u->last.outcome == LOOKUP_FAILED;
}
