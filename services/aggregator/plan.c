/* Plans jobs: one per source for the whole fleet, when it is first needed and when it is due; none while one is under
 * way. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "proto/job.h"
#include "services/aggregator/core.h"
#include "services/aggregator/due.h"
#include "base/poison.h"

enum {
    AGAIN_MS = 1000,         /* after a job could not be stored */
    LISTS_BYTES = 256 * 1024 /* of a job, whose outcome names them again: both fit a message */
};

upstream *plan_upstream(aggregate *a, ov_str token)
{
    upstream *u = ov_map_get(&a->upstreams, token);
    if (u) return u;
    u = upstream_new(token);
    ov_map_put(&a->upstreams, token, u);
    return u;
}

void plan_consider(aggregate *a, upstream *u)
{
    if (u->plan_queued) return;
    u->plan_queued = true;
    u->plan_next = a->plan_first;
    a->plan_first = u;
}

void plan_consider_all(aggregate *a)
{
    size_t at = 0;
    ov_str token;
    void *u;
    while (ov_map_next(&a->upstreams, &at, &token, &u)) plan_consider(a, u);
}

static int by_name(const void *left, const void *right)
{
    return ov_str_cmp(*(const ov_str *)left, *(const ov_str *)right);
}

/* At most, in JSON. */
static size_t quoted_bytes(ov_str name)
{
    enum { QUOTES_AND_COMMA = 3, ESCAPED = 6 };
    size_t bytes = QUOTES_AND_COMMA;
    for (size_t i = 0; i < name.len; i++)
        bytes += (unsigned char)name.ptr[i] < ' ' || strchr("\"\\", name.ptr[i]) ? ESCAPED : 1;
    return bytes;
}

/* Adds those that are there already, or those that are not, as far as there is room. */
static size_t add_lists(const upstream *u, bool present, ov_str *out, size_t count, size_t *room)
{
    size_t at = 0;
    ov_str token;
    void *each;
    while (ov_map_next(&u->lists, &at, &token, &each)) {
        const upstream_list *l = each;
        if (!upstream_list_is_read(l) || !*l->name || l->present != present) continue;
        size_t bytes = quoted_bytes(ov_str_of(l->name));
        if (count == JOB_LISTS_MAX || bytes > *room) continue;
        *room -= bytes;
        out[count++] = ov_str_of(l->name);
    }
    return count;
}

/* The lists that rules read, sorted; a source with the one nameless list names none. Anybody may name charts: what
 * upstream has shown to be there comes before what may be made up. */
static size_t wanted_lists(const upstream *u, ov_str *out)
{
    size_t room = LISTS_BYTES, count = add_lists(u, true, out, 0, &room);
    count = add_lists(u, false, out, count, &room);
    qsort(out, count, sizeof *out, by_name);
    return count;
}

static void plan_job(aggregate *a, upstream *u, bool fresh)
{
    job j = {.source = ov_str_of(u->key),
             .provider = ov_str_of(u->provider),
             .strategy = ov_str_of(u->strategy),
             .repo = ov_str_of(u->repo),
             .epoch = a->epoch,
             .after = u->looked ? (int64_t)u->look_seq : 0,
             .fresh_lists = fresh,
             .etag = u->last.etag,
             .last_modified = u->last.last_modified,
             .credential = u->last.credential,
             .failures = u->last.failures};
    j.lists = ov_calloc(u->lists.count + 1, sizeof *j.lists);
    j.list_count = wanted_lists(u, j.lists);
    OV_CLEANUP(ov_buf_clear) ov_buf body = OV_BUF(JOB_BYTES_MAX);
    char subject[SUBJECT_MAX], msg_id[256];
    subject_job(j.provider, j.source, subject);
    job_msg_id(&j, msg_id);
    job_encode(&j, &body);
    free(j.lists);
    effect *e = effects_add(a, EFFECT_JOB);
    e->subject = ov_dup(ov_str_of(subject));
    e->msg_id = ov_dup(ov_str_of(msg_id));
    e->source = ov_dup(ov_str_of(u->token));
    e->body = ov_buf_take(&body, &e->len);
    u->job_out = true;
    u->job_after = u->looked ? u->look_seq : 0;
    u->job_ms = a->l.clock_ms;
    u->refresh = false;
    u->fresh_tried |= fresh;
    a->counters.jobs++;
}

void plan_gather(aggregate *a, upstream *u)
{
    if (u->gather_until_ms <= a->l.clock_ms) u->gather_until_ms = a->l.clock_ms + DUE_GATHER_MS;
}

static void plan_one(aggregate *a, upstream *u)
{
    bool fresh = false;
    int64_t at = due_at(u, a->options.source_interval_ms, &fresh);
    if (at <= a->l.clock_ms) {
        plan_job(a, u, fresh);
        at = due_at(u, a->options.source_interval_ms, &fresh);
    }
    if (at == DUE_NEVER)
        wheel_disarm(&u->plan_node);
    else
        wheel_arm(a->plan_wheel, &u->plan_node, at);
}

static void plan_fire(void *arg, wheel_node *n)
{
    plan_consider(arg, (upstream *)((char *)n - offsetof(upstream, plan_node)));
}

void plan_run(aggregate *a)
{
    if (!a->leading || !a->l.settled || !aggregate_all_ready(a)) return;
    wheel_advance(a->plan_wheel, a->l.clock_ms, plan_fire, a);
    while (a->plan_first) {
        upstream *u = a->plan_first;
        a->plan_first = u->plan_next;
        u->plan_queued = false;
        plan_one(a, u);
    }
}

void aggregate_job_failed(aggregate *a, ov_str source_token)
{
    upstream *u = ov_map_get(&a->upstreams, source_token);
    if (!u) return;
    u->job_out = false;
    wheel_arm(a->plan_wheel, &u->plan_node, a->l.clock_ms + AGAIN_MS);
}
