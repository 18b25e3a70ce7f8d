/* Owns the reflectors and their requests: starts what is due, ends what nobody needs, reads again for new trackers. */
#include "services/collector/kube/live.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/backoff.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/random.h"
#include "services/collector/kube/reflector.h"

#include "base/poison.h"

enum { URL_MAX = REFLECTOR_PATH_MAX + 2048, VERSION_ANSWER_MAX = 64 * 1024, STREAMS_SINCE_MINOR = 32, TRACKERS = 0 };

typedef struct live live;

/* One kind with its running request. */
typedef struct {
    live *owner;
    reflector *r;
    ov_fetch_request q;
    char *url;
    bool running;
    bool doubts;   /* the last connection was silent or broke: others may be as dead */
    bool headed;   /* the running request's answer began */
    ov_mono heard; /* its last byte, or its start */
    bool wanted;
    bool again;      /* a tracker came that the present reading may not serve */
    ov_mono read_at; /* the next reading for new trackers is not before it */
    ov_mono began;   /* the running reading */
} watcher;

struct live {
    live_options o;
    kube_access *access;
    ov_fetch_loop *loop;
    cluster_sink sink;
    void *arg;
    watcher *watchers[CLUSTER_SECTIONS_MAX]; /* by section; NULL: free */
    size_t count;                            /* no section at or above it is in use */
    bool probed, probing, can_stream;
    ov_buf probe_answer;
    char *probe_url;
    ov_mono probe_at;
    ov_backoff probe_backoff;
    ov_err problem; /* the server cannot be reached, or we are not let in; empty: none */
};

/* ---- watchers ---- */

static watcher *watcher_new(live *l, unsigned section, const cluster_kind_id *kind)
{
    watcher *w = ov_zalloc(sizeof *w);
    reflector_options o = {.event_kind = kind->event_kind,
                           .group = kind->group,
                           .version = kind->version,
                           .kind = kind->kind,
                           .plural = kind->plural,
                           .section = section,
                           .watch_s = (l->o.watch_ms + 999) / 1000,
                           .sink = l->sink,
                           .arg = l->arg};
    w->owner = l;
    w->r = reflector_new(&o);
    w->url = ov_alloc(URL_MAX);
    w->wanted = true;
    l->watchers[section] = w;
    if (section >= l->count) l->count = section + 1;
    return w;
}

static void watcher_free(watcher *w)
{
    if (!w) return;
    if (w->running) ov_fetch_loop_cancel(w->owner->loop, w);
    reflector_free(w->r);
    free(w->url);
    free(w);
}

static watcher *watcher_find(const live *l, ov_str event_kind)
{
    for (size_t i = 0; i < l->count; i++)
        if (l->watchers[i] && ov_str_eq(reflector_kind(l->watchers[i]->r), event_kind)) return l->watchers[i];
    return NULL;
}

/* ---- requests ---- */

static void log_end(const watcher *w, reflector_reason reason, const ov_err *text)
{
    OV_CLEANUP(ov_free_p) char *kind = ov_dup(reflector_kind(w->r));
    const char *name = reflector_reason_name(reason);
    if (reason == REFLECTOR_TIMED_OUT || reason == REFLECTOR_NO_STREAM)
        ov_log_debug("the watch begins again", "kind", kind, "reason", name, "err", text->msg);
    else
        ov_log_warn("the watch broke", "kind", kind, "reason", name, "err", text->msg);
}

static void count_end(const watcher *w, reflector_reason reason)
{
    const live_metrics *m = &w->owner->o.metrics;
    OV_CLEANUP(ov_free_p) char *kind = ov_dup(reflector_kind(w->r));
    ov_metric_add(m->restarts, (const char *const[]){kind, reflector_reason_name(reason)}, 1);
    if (reason != REFLECTOR_TIMED_OUT && reason != REFLECTOR_EXPIRED && reason != REFLECTOR_NO_STREAM)
        ov_metric_add(m->errors, NULL, 1);
}

static void on_done(void *arg, const ov_fetch_result *result)
{
    watcher *w = arg;
    live *l = w->owner;
    ov_err text = {0};
    ov_mono now = ov_mono_now();
    w->running = false;
    char before[sizeof text.msg];
    snprintf(before, sizeof before, "%s", reflector_problem(w->r));
    reflector_reason reason = reflector_on_done(w->r, result, now, ov_random_u64(), &text);
    w->doubts = result->failure != OV_FETCH_OK;
    if (reason == REFLECTOR_UNAUTHORIZED) kube_access_rejected(l->access);
    if (reason == REFLECTOR_GOES_ON) return;
    count_end(w, reason);
    if (strcmp(before, text.msg) != 0) log_end(w, reason, &text);
}

/* A server that one of them reaches is there for all of them. */
static void hasten_others(const live *l, ov_mono now)
{
    for (size_t i = 0; i < l->count; i++)
        if (l->watchers[i])
            reflector_hasten(l->watchers[i]->r, ov_mono_after(now, (int64_t)(ov_random_u64() % REFLECTOR_WAIT_MIN_MS)));
}

static void on_head(void *arg, unsigned status)
{
    watcher *w = arg;
    w->headed = true;
    w->heard = ov_mono_now();
    if (status == 200) hasten_others(w->owner, w->heard);
    reflector_on_head(w->r, status);
}

static bool on_body(void *arg, ov_str piece)
{
    watcher *w = arg;
    w->heard = ov_mono_now();
    ov_metric_add(w->owner->o.metrics.bytes, NULL, (double)piece.len);
    return reflector_on_body(w->r, piece);
}

/* When the running request has been silent for too long. */
static ov_mono silent_at(const watcher *w)
{
    int64_t most = w->owner->o.idle_ms, mine = most;
    if (!w->headed)
        mine = LIVE_ANSWER_MS;
    else if (reflector_is_reading(w->r))
        mine = LIVE_QUIET_MS;
    return ov_mono_after(w->heard, mine < most ? mine : most);
}

static void end_if_silent(watcher *w, ov_mono now)
{
    if (!w->running || now.ms < silent_at(w).ms) return;
    ov_fetch_loop_cancel(w->owner->loop, w);
    on_done(w, &(ov_fetch_result){.failure = OV_FETCH_TIMEOUT, .text = "no progress in the time allowed"});
}

static void watcher_start(watcher *w, const kube_credentials *c, ov_mono now)
{
    OV_CLEANUP(ov_free_p) char *path = ov_alloc(REFLECTOR_PATH_MAX);
    const live *l = w->owner;
    ov_err err = {0};
    bool was_settled = reflector_is_settled(w->r);
    reflector_begin(w->r, l->can_stream, now, ov_random_u64(), path);
    w->headed = false;
    w->heard = now;
    if (!was_settled) w->began = now;
    snprintf(w->url, URL_MAX, "%s%s", c->server, path);
    w->q = kube_request(c, w->url);
    w->q.http1 = true; /* a connection of its own: what ends one watch ends no other */
    w->q.on_head = on_head;
    w->q.on_body = on_body;
    w->q.arg = w;
    w->q.fresh = w->doubts;
    w->q.connect_ms = LIVE_CONNECT_MS; /* silence depends on what comes: see silent_at */
    w->running = ov_fetch_loop_start(l->loop, &w->q, on_done, w, &err) == OV_OK;
    if (w->running) return;
    ov_fetch_result failed = {.failure = OV_FETCH_UNREACHABLE};
    snprintf(failed.text, sizeof failed.text, "%s", err.msg);
    on_done(w, &failed);
}

/* ---- finding the server ---- */

/* "1.34" streams lists; what cannot be read does not. */
static bool version_streams(ov_str answer)
{
    OV_CLEANUP(ov_json_tree_p) cJSON *version = NULL;
    if (ov_json_tree(answer, &version, NULL) != OV_OK) return false;
    ov_str minor = ov_json_member_str(version, "minor"); /* "34", also "34+" */
    size_t digits = 0;
    while (digits < minor.len && minor.ptr[digits] >= '0' && minor.ptr[digits] <= '9') digits++;
    uint64_t n;
    return ov_str_eq(ov_json_member_str(version, "major"), OV_STR("1")) &&
           ov_str_to_u64(ov_str_sub(minor, 0, digits), &n) && n >= STREAMS_SINCE_MINOR;
}

static void set_problem(live *l, const char *text)
{
    if (strcmp(l->problem.msg, text) == 0) return;
    if (text[0]) {
        ov_log_error("cluster could not be read", "err", text);
        ov_metric_add(l->o.metrics.errors, NULL, 1);
    }
    snprintf(l->problem.msg, sizeof l->problem.msg, "%s", text);
}

/* Any answer means that the server is there; who may not ask for the version may still read. */
static void on_probed(void *arg, const ov_fetch_result *result)
{
    live *l = arg;
    ov_err why = {0};
    l->probing = false;
    bool there = result->failure == OV_FETCH_OK && result->status < 500;
    if (there && result->status != 401 && result->status != 429) {
        l->probed = true;
        l->can_stream = result->status == 200 && version_streams(ov_buf_str(&l->probe_answer));
        set_problem(l, "");
        return;
    }
    if (result->failure != OV_FETCH_OK)
        ov_fail(&why, OV_FAILED, "%s: %s", kube_access_name(l->access), result->text);
    else
        ov_fail(&why, OV_FAILED, "%s: HTTP %u from %s", kube_access_name(l->access), result->status, result->shown_url);
    if (result->status == 401) kube_access_rejected(l->access);
    set_problem(l, why.msg);
    int64_t asked_ms = reflector_retry_after_ms(result), ms = ov_backoff_next_ms(&l->probe_backoff, ov_random_u64());
    l->probe_at = ov_mono_after(ov_mono_now(), asked_ms > ms ? asked_ms : ms);
}

static void probe(live *l, const kube_credentials *c)
{
    ov_err err = {0};
    free(l->probe_url);
    l->probe_url = ov_alloc(URL_MAX);
    snprintf(l->probe_url, URL_MAX, "%s/version", c->server);
    ov_buf_reset(&l->probe_answer);
    ov_fetch_request q = kube_request(c, l->probe_url);
    q.connect_ms = LIVE_CONNECT_MS;
    q.on_body = ov_fetch_into_buf;
    q.arg = &l->probe_answer;
    q.total_ms = LIVE_ANSWER_MS;
    q.body_max = VERSION_ANSWER_MAX;
    l->probing = true;
    if (ov_fetch_loop_start(l->loop, &q, on_probed, l, &err) == OV_OK) return;
    ov_fetch_result failed = {.failure = OV_FETCH_UNREACHABLE};
    snprintf(failed.text, sizeof failed.text, "%s", err.msg);
    on_probed(l, &failed);
}

/* ---- what is due ---- */

/* Reads a kind again for trackers that came since. A reading that runs is let finish; the next comes no sooner than
 * twice as long as that took, so that many trackers one after the other do not keep the server busy. */
static void reread_if_due(watcher *w, ov_mono now)
{
    if (!w->again || !reflector_is_settled(w->r)) return;
    if (now.ms < w->read_at.ms) return;
    w->again = false;
    if (w->running) ov_fetch_loop_cancel(w->owner->loop, w);
    w->running = false;
    reflector_restart(w->r, now);
}

static void note_read(watcher *w, ov_mono now)
{
    if (w->began.ms == 0 || !reflector_is_settled(w->r)) return;
    w->read_at = ov_mono_after(now, 2 * ov_mono_since(now, w->began));
    w->began = (ov_mono){0};
}

static bool trackers_are_known(const live *l)
{
    return reflector_is_settled(l->watchers[TRACKERS]->r);
}

/* Other kinds wait for the trackers, so that they are read once for all of them. Far away: it runs, or waits. */
static ov_mono due_of(const live *l, size_t section)
{
    const watcher *w = l->watchers[section];
    if (!w || w->running || (section != TRACKERS && !trackers_are_known(l))) return (ov_mono){INT64_MAX};
    return reflector_due(w->r);
}

static bool any_due(const live *l, ov_mono now)
{
    if (!l->probed) return !l->probing && now.ms >= l->probe_at.ms;
    for (size_t i = 0; i < l->count; i++)
        if (due_of(l, i).ms <= now.ms) return true;
    return false;
}

static void start_due(live *l, const kube_credentials *c, ov_mono now)
{
    if (!l->probed) {
        probe(l, c);
        return;
    }
    set_problem(l, "");
    for (size_t i = 0; i < l->count; i++)
        if (due_of(l, i).ms <= now.ms) watcher_start(l->watchers[i], c, now);
}

static ov_mono next_step(const live *l)
{
    ov_mono next = {INT64_MAX};
    if (!l->probed && !l->probing) next = l->probe_at;
    for (size_t i = 0; l->probed && i < l->count; i++) {
        const watcher *w = l->watchers[i];
        ov_mono due = w && w->running ? silent_at(w) : due_of(l, i);
        if (w && w->again && reflector_is_settled(w->r) && w->read_at.ms < due.ms) due = w->read_at;
        if (due.ms < next.ms) next = due;
    }
    return next;
}

/* The first thing that is wrong, for readiness; a kind's own trouble is told to its trackers. */
static ov_status summary(const live *l, ov_err *err)
{
    if (l->problem.msg[0]) return ov_fail(err, OV_FAILED, "%s", l->problem.msg);
    const reflector *trackers = l->watchers[TRACKERS]->r;
    if (reflector_told(trackers) == CLUSTER_UNKNOWN_KIND)
        return ov_fail(err, OV_FAILED, "VersionTrackers: their CustomResourceDefinition is not installed");
    if (reflector_problem(trackers)[0])
        return ov_fail(err, OV_FAILED, "VersionTrackers: %s", reflector_problem(trackers));
    return OV_OK;
}

/* ---- the interface ---- */

static ov_status live_step(void *self, ov_mono now, ov_mono *ret_next, ov_err *err)
{
    live *l = self;
    kube_credentials credentials;
    ov_err why = {0};
    for (size_t i = 0; i < l->count; i++) {
        if (!l->watchers[i]) continue;
        end_if_silent(l->watchers[i], now);
        note_read(l->watchers[i], now);
        reread_if_due(l->watchers[i], now);
    }
    *ret_next = next_step(l);
    if (any_due(l, now)) {
        ov_status st = kube_access_prepare(l->access, now, ov_wall_now(), &credentials, &why);
        if (st == OV_OK) {
            start_due(l, &credentials, now);
            *ret_next = next_step(l);
        } else {
            if (st != OV_RETRY) set_problem(l, why.msg);
            *ret_next = ov_mono_after(now, st == OV_RETRY ? LIVE_GATHER_MS : REFLECTOR_WAIT_MIN_MS);
        }
    }
    return summary(l, err);
}

static bool free_section(const live *l, unsigned *ret)
{
    for (unsigned i = TRACKERS + 1; i < CLUSTER_SECTIONS_MAX; i++) {
        if (l->watchers[i]) continue;
        *ret = i;
        return true;
    }
    return false;
}

static void live_want(void *self, const cluster_kind_id *kinds, size_t count)
{
    live *l = self;
    unsigned section;
    for (size_t i = TRACKERS + 1; i < l->count; i++)
        if (l->watchers[i]) l->watchers[i]->wanted = false;
    for (size_t i = 0; i < count; i++) {
        watcher *w = watcher_find(l, kinds[i].event_kind);
        if (!w && free_section(l, &section)) w = watcher_new(l, section, &kinds[i]);
        if (w) w->wanted = true;
    }
    for (size_t i = TRACKERS + 1; i < l->count; i++) {
        if (!l->watchers[i] || l->watchers[i]->wanted) continue;
        watcher_free(l->watchers[i]);
        l->watchers[i] = NULL;
    }
}

static void live_reread(void *self, ov_str kind)
{
    live *l = self;
    for (size_t i = TRACKERS + 1; i < l->count; i++) {
        watcher *w = l->watchers[i];
        if (!w || (kind.len > 0 && !ov_str_eq(reflector_kind(w->r), kind))) continue;
        ov_mono soon = ov_mono_after(ov_mono_now(), LIVE_GATHER_MS);
        w->again = w->again || reflector_is_settled(w->r) || reflector_is_reading(w->r);
        if (w->read_at.ms < soon.ms) w->read_at = soon;
    }
}

static bool live_is_complete(const void *self)
{
    const live *l = self;
    for (size_t i = 0; i < l->count; i++)
        if (l->watchers[i] && !reflector_is_settled(l->watchers[i]->r)) return false;
    return trackers_are_known(l) && !reflector_problem(l->watchers[TRACKERS]->r)[0];
}

static void live_free(void *self)
{
    live *l = self;
    if (l->probing) ov_fetch_loop_cancel(l->loop, l);
    for (size_t i = 0; i < l->count; i++) watcher_free(l->watchers[i]);
    ov_buf_clear(&l->probe_answer);
    free(l->probe_url);
    free(l);
}

void live_open(const live_options *o, kube_access *access, ov_fetch_loop *loop, cluster_sink sink, void *arg,
               cluster *ret)
{
    static const cluster_kind_id trackers = {.event_kind = {CLUSTER_TRACKERS, sizeof CLUSTER_TRACKERS - 1},
                                             .group = {"opvic.skillz.com", 16},
                                             .version = {"v1alpha1", 8},
                                             .kind = {"VersionTracker", 14},
                                             .plural = {"versiontrackers", 15}};
    live *l = ov_zalloc(sizeof *l);
    *l = (live){.o = *o, .access = access, .loop = loop, .sink = sink, .arg = arg};
    l->probe_answer = OV_BUF(VERSION_ANSWER_MAX);
    l->probe_backoff = (ov_backoff){.base_ms = REFLECTOR_WAIT_MIN_MS, .max_ms = LIVE_PROBE_WAIT_MAX_MS};
    (void)watcher_new(l, TRACKERS, &trackers);
    *ret = (cluster){l, live_step, live_want, live_reread, live_is_complete, live_free};
}
