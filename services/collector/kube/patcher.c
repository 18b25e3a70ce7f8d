/* Takes statuses from the tracking, sends them as merge patches, and gives back what became of each.
 * https://kubernetes.io/docs/reference/using-api/api-concepts/ */
#include "services/collector/kube/patcher.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/backoff.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/random.h"
#include "services/collector/kube/event.h"
#include "services/collector/status.h"

#include "base/poison.h"

enum { URL_MAX = 4096, ANSWER_MAX = 4 * 1024 * 1024, TRY_SOON_MS = 100 };

/* One PATCH; free when key is NULL. */
typedef struct {
    patcher *owner;
    char *key, *url;
    ov_buf body, answer;
    uint64_t hash; /* of the status that is written */
    ov_fetch_request q;
} patch;

struct patcher {
    kube_access *access;
    ov_fetch_loop *loop;
    tracking *what;
    patcher_metrics metrics;
    patch patches[PATCHER_REQUESTS_MAX];
    ov_backoff backoff;
    ov_mono not_before;
    bool told_pruned;
    ov_err problem; /* the last failure; told once for as long as it lasts */
};

/* ---- life ---- */

patcher *patcher_new(kube_access *access, ov_fetch_loop *loop, tracking *what, const patcher_metrics *m)
{
    patcher *p = ov_zalloc(sizeof *p);
    *p = (patcher){.access = access, .loop = loop, .what = what, .metrics = *m};
    p->backoff = (ov_backoff){.base_ms = PATCHER_WAIT_MIN_MS, .max_ms = PATCHER_WAIT_MAX_MS};
    for (size_t i = 0; i < PATCHER_REQUESTS_MAX; i++) {
        p->patches[i].owner = p;
        p->patches[i].body = OV_BUF(STATUS_BYTES_MAX);
        p->patches[i].answer = OV_BUF(ANSWER_MAX);
    }
    return p;
}

static void patch_end(patch *one)
{
    free(one->key);
    free(one->url);
    one->key = one->url = NULL;
    ov_buf_clear(&one->body);
    ov_buf_clear(&one->answer);
}

void patcher_free(patcher *p)
{
    if (!p) return;
    for (size_t i = 0; i < PATCHER_REQUESTS_MAX; i++) {
        if (p->patches[i].key) ov_fetch_loop_cancel(p->loop, &p->patches[i]);
        patch_end(&p->patches[i]);
    }
    free(p);
}

/* ---- what became of it ---- */

/* An older CustomResourceDefinition prunes members that it does not know, and takes the rest. */
static tracking_status_outcome judge_written(patcher *p, const patch *one)
{
    OV_CLEANUP(ov_json_tree_p) cJSON *object = NULL;
    ov_metric_add(p->metrics.written, NULL, 1);
    p->problem = (ov_err){0};
    if (ov_json_tree(ov_buf_str(&one->answer), &object, NULL) != OV_OK) return TRACKING_STATUS_WRITTEN;
    if (status_hash(ov_json_member(object, "status")) == one->hash) return TRACKING_STATUS_WRITTEN;
    if (!p->told_pruned)
        ov_log_warn("CRDOutdated: the cluster's CustomResourceDefinition does not keep the whole status; apply the new "
                    "one",
                    "tracker", one->key);
    p->told_pruned = true;
    return TRACKING_STATUS_PRUNED;
}

/* A stored object that newer rules refuse cannot be patched before somebody mends it. */
static tracking_status_outcome judge_refused(patcher *p, const patch *one, const char *text)
{
    ov_metric_add(p->metrics.failed, NULL, 1);
    ov_log_warn("CRDOutdated: the tracker was stored by rules that do not hold any more, its status waits until it is "
                "mended",
                "tracker", one->key, "err", text);
    return TRACKING_STATUS_REFUSED;
}

static void tell_failure(patcher *p, const patch *one, const char *text)
{
    ov_metric_add(p->metrics.failed, NULL, 1);
    if (strcmp(p->problem.msg, text) == 0) return;
    snprintf(p->problem.msg, sizeof p->problem.msg, "%s", text);
    ov_log_warn("status could not be written", "tracker", one->key, "err", text);
}

static tracking_status_outcome judge(patcher *p, const patch *one, const ov_fetch_result *result)
{
    kube_status said;
    if (result->failure != OV_FETCH_OK) {
        tell_failure(p, one, result->text);
        return TRACKING_STATUS_RETRY;
    }
    if (result->status / 100 == 2) return judge_written(p, one);
    if (result->status == 404) return TRACKING_STATUS_GONE;
    ov_err text = {0};
    kube_status_parse(ov_buf_str(&one->answer), &said);
    ov_fail(&text, OV_FAILED, "HTTP %u%s%s", result->status, said.message[0] ? ": " : "", said.message);
    if (result->status == 400 || result->status == 422) return judge_refused(p, one, text.msg);
    tell_failure(p, one, text.msg);
    if (result->status == 401) kube_access_rejected(p->access);
    return TRACKING_STATUS_RETRY;
}

/* After a failure; longer where the server says so. */
static int64_t wait_ms(patcher *p, const ov_fetch_result *result)
{
    uint64_t asked_s, random = ov_random_u64();
    int64_t ms = ov_backoff_next_ms(&p->backoff, random);
    if (!ov_str_to_u64(ov_str_of(result->retry_after), &asked_s)) return ms;
    if (asked_s > PATCHER_RETRY_AFTER_MAX_MS / 1000) asked_s = PATCHER_RETRY_AFTER_MAX_MS / 1000;
    int64_t asked_ms = (int64_t)asked_s * 1000;
    return asked_ms > ms ? asked_ms + (int64_t)(random % 1000) : ms;
}

static void on_done(void *arg, const ov_fetch_result *result)
{
    patch *one = arg;
    patcher *p = one->owner;
    tracking_status_outcome outcome = judge(p, one, result);
    if (outcome == TRACKING_STATUS_RETRY)
        p->not_before = ov_mono_after(ov_mono_now(), wait_ms(p, result));
    else
        ov_backoff_reset(&p->backoff);
    tracking_status_done(p->what, ov_str_of(one->key), one->hash, outcome);
    patch_end(one);
}

static void show_outdated(patcher *p)
{
    bool outdated = tracking_count_outdated(p->what) > 0;
    p->told_pruned &= outdated;
    ov_metric_set(p->metrics.outdated, NULL, outdated ? 1 : 0);
}

/* ---- sending ---- */

static bool on_body(void *arg, ov_str piece)
{
    patch *one = arg;
    return ov_fetch_into_buf(&one->answer, piece);
}

static patch *free_patch(patcher *p)
{
    for (size_t i = 0; i < PATCHER_REQUESTS_MAX; i++)
        if (!p->patches[i].key) return &p->patches[i];
    return NULL;
}

static void send(patch *one, const kube_credentials *c, ov_str key)
{
    patcher *p = one->owner;
    ov_err err = {0};
    size_t slash = ov_str_find(key, '/', 0);
    ov_str ns = ov_str_sub(key, 0, slash), name = ov_str_sub(key, slash + 1, key.len);
    one->key = ov_dup(key);
    one->url = ov_alloc(URL_MAX);
    /* Names of namespaces and objects need no escaping: the server has accepted them. */
    snprintf(one->url, URL_MAX,
             "%s/apis/opvic.skillz.com/v1alpha1/namespaces/%.*s/versiontrackers/%.*s/status?fieldManager=opvic",
             c->server, OV_STR_ARG(ns), OV_STR_ARG(name));
    one->q = kube_request(c, one->url);
    one->q.method = "PATCH";
    one->q.body = ov_buf_str(&one->body);
    one->q.content_type = "application/merge-patch+json";
    one->q.total_ms = PATCHER_ANSWER_MS;
    one->q.body_max = ANSWER_MAX;
    one->q.http1 = true; /* beside the watches, whose connections carry nothing else */
    one->q.on_body = on_body;
    one->q.arg = one;
    if (ov_fetch_loop_start(p->loop, &one->q, on_done, one, &err) == OV_OK) return;
    ov_fetch_result failed = {.failure = OV_FETCH_UNREACHABLE};
    snprintf(failed.text, sizeof failed.text, "%s", err.msg);
    on_done(one, &failed);
}

ov_mono patcher_step(patcher *p, ov_mono now)
{
    kube_credentials c;
    ov_str key;
    show_outdated(p);
    if (!tracking_has_status(p->what)) return (ov_mono){INT64_MAX};
    if (now.ms < p->not_before.ms) return p->not_before;
    if (kube_access_prepare(p->access, now, ov_wall_now(), &c, NULL) != OV_OK) return ov_mono_after(now, TRY_SOON_MS);
    for (patch *one; (one = free_patch(p)) != NULL && now.ms >= p->not_before.ms;) {
        ov_buf_reset(&one->body);
        if (!tracking_next_status(p->what, ov_wall_now(), &key, &one->body, &one->hash)) return (ov_mono){INT64_MAX};
        send(one, &c, key);
    }
    return p->not_before.ms > now.ms ? p->not_before : (ov_mono){INT64_MAX};
}

bool patcher_is_idle(const patcher *p, ov_mono now)
{
    for (size_t i = 0; i < PATCHER_REQUESTS_MAX; i++)
        if (p->patches[i].key) return false;
    return now.ms < p->not_before.ms || !tracking_has_status(p->what);
}
