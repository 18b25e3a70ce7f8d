/* List (streamed or in pages), watch from there, resume after a break, begin again when the server has forgotten. */
#include "services/collector/kube/reflector.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/backoff.h"
#include "base/mem.h"
#include "json/splitter.h"
#include "services/collector/kube/event.h"
#include "services/collector/kube/lines.h"
#include "services/collector/kube/path.h"

#include "base/poison.h"

enum {
    REFUSAL_MAX = 16 * 1024,
    DISCOVERY_MAX = 1024 * 1024,
    EARLY_MS = 500 /* before its time a watch's end is no failure */
};

typedef enum {
    NEXT_DISCOVER, /* which path has the kind */
    NEXT_SNAPSHOT, /* everything, streamed where the server can */
    NEXT_PAGE,     /* more of a list */
    NEXT_WATCH
} next_request;

struct reflector {
    reflector_options o;
    char *texts; /* what o points to */
    char plural[256];
    next_request next;
    bool running, streams, refuses_stream; /* streams: the running snapshot is a watch */
    bool in_snapshot, settled;
    bool unreached;  /* the last request had no answer */
    bool in_time;    /* the running watch lived as long as was asked */
    bool ignored;    /* the running stream is that of a server that does not know sendInitialEvents */
    unsigned status; /* of the running request's answer; 0: none yet */
    char version[KUBE_VERSION_MAX], more[KUBE_CONTINUE_MAX];
    ov_json_splitter *splitter; /* of the running page */
    kube_lines lines;
    ov_buf answer; /* a refusal, or a discovery */
    ov_err failure;
    unsigned error;  /* the code of an ERROR event; 0: none */
    unsigned denied; /* how often in a row a kind was said to be missing or forbidden */
    bool doubted;    /* and that is not believed yet, because it was read before */
    int64_t retry_after_ms;
    ov_backoff backoff;
    ov_mono due, begun;
    cluster_problem told;
    ov_err problem;
};

static const char *const reason_names[] = {"goesOn",    "timedOut",  "expired",     "cut",
                                           "idle",      "throttled", "serverError", "unauthorized",
                                           "forbidden", "missing",   "noStream",    "malformed"};
_Static_assert(OV_COUNT(reason_names) == REFLECTOR_REASONS, "each reason has a name");

const char *reflector_reason_name(reflector_reason reason)
{
    return reason_names[reason];
}

/* ---- life ---- */

static ov_str keep(char **at, ov_str text)
{
    char *to = *at;
    if (text.len > 0) memcpy(to, text.ptr, text.len);
    *at += text.len;
    return (ov_str){to, text.len};
}

reflector *reflector_new(const reflector_options *o)
{
    reflector *r = ov_zalloc(sizeof *r);
    r->o = *o;
    r->texts = ov_alloc(o->event_kind.len + o->group.len + o->version.len + o->kind.len + o->plural.len + 1);
    char *at = r->texts;
    r->o.event_kind = keep(&at, o->event_kind);
    r->o.group = keep(&at, o->group);
    r->o.version = keep(&at, o->version);
    r->o.kind = keep(&at, o->kind);
    r->o.plural = keep(&at, o->plural);
    snprintf(r->plural, sizeof r->plural, "%.*s", OV_STR_ARG(o->plural));
    r->next = o->plural.len > 0 ? NEXT_SNAPSHOT : NEXT_DISCOVER;
    r->answer = OV_BUF(DISCOVERY_MAX);
    r->backoff = (ov_backoff){.base_ms = REFLECTOR_WAIT_MIN_MS, .max_ms = REFLECTOR_WAIT_MAX_MS};
    kube_lines_init(&r->lines);
    return r;
}

void reflector_free(reflector *r)
{
    if (!r) return;
    ov_json_splitter_free(r->splitter);
    kube_lines_clear(&r->lines);
    ov_buf_clear(&r->answer);
    free(r->texts);
    free(r);
}

ov_str reflector_kind(const reflector *r)
{
    return r->o.event_kind;
}

bool reflector_is_settled(const reflector *r)
{
    return r->settled;
}

bool reflector_is_reading(const reflector *r)
{
    return r->in_snapshot;
}

cluster_problem reflector_told(const reflector *r)
{
    return r->told;
}

const char *reflector_problem(const reflector *r)
{
    return r->problem.msg;
}

ov_mono reflector_due(const reflector *r)
{
    return r->running ? (ov_mono){INT64_MAX} : r->due;
}

/* ---- what the trackers are told ---- */

static void tell(const reflector *r, cluster_event_type type)
{
    r->o.sink(r->o.arg, &(cluster_event){.type = type, .section = r->o.section, .kind = r->o.event_kind});
}

static void tell_problem(reflector *r, cluster_problem problem, const char *text)
{
    if (problem == r->told && (problem == CLUSTER_FINE || ov_str_eq(ov_str_of(text), ov_str_of(r->problem.msg))))
        return;
    r->told = problem;
    r->o.sink(r->o.arg, &(cluster_event){.type = CLUSTER_PROBLEM,
                                         .section = r->o.section,
                                         .kind = r->o.event_kind,
                                         .problem = problem,
                                         .text = ov_str_of(text)});
}

static void begin_snapshot(reflector *r)
{
    r->in_snapshot = true;
    tell(r, CLUSTER_SNAPSHOT);
}

static void end_snapshot(reflector *r)
{
    r->in_snapshot = false;
    r->settled = true;
    tell(r, CLUSTER_READY);
}

/* ---- asking ---- */

static ov_status on_item(void *arg, ov_str element, ov_err *err);

/* How long a watch may last: not all of them end together. */
static int64_t watch_seconds(const reflector *r, uint64_t random)
{
    return r->o.watch_s + (int64_t)(random % (uint64_t)(r->o.watch_s + 1));
}

static void write_path(const reflector *r, uint64_t random, ov_buf *out)
{
    kube_path_append(out, r->o.group, r->o.version, r->next == NEXT_DISCOVER ? "" : r->plural);
    if (r->next == NEXT_WATCH)
        kube_path_append_watch(out, watch_seconds(r, random), r->version);
    else if (r->streams)
        kube_path_append_stream(out, watch_seconds(r, random));
    else if (r->next != NEXT_DISCOVER)
        kube_path_append_list(out, REFLECTOR_PAGE, r->next == NEXT_PAGE ? r->more : "");
}

bool reflector_begin(reflector *r, bool can_stream, ov_mono now, uint64_t random, char path[REFLECTOR_PATH_MAX])
{
    OV_CLEANUP(ov_buf_clear) ov_buf out = OV_BUF(REFLECTOR_PATH_MAX - 1);
    r->running = true;
    r->begun = now;
    r->status = 0;
    r->failure = (ov_err){0};
    r->error = 0;
    r->ignored = false;
    r->retry_after_ms = -1;
    r->streams = r->next == NEXT_SNAPSHOT && can_stream && !r->refuses_stream;
    bool is_watch = r->next == NEXT_WATCH || r->streams;
    ov_buf_clear(&r->answer);
    kube_lines_clear(&r->lines);
    ov_json_splitter_free(r->splitter);
    r->splitter = NULL;
    if (!is_watch && r->next != NEXT_DISCOVER)
        r->splitter = ov_json_splitter_new("items", REFLECTOR_OBJECT_MAX, on_item, r);
    write_path(r, random, &out);
    snprintf(path, REFLECTOR_PATH_MAX, "%.*s", OV_STR_ARG(ov_buf_str(&out)));
    return is_watch;
}

/* ---- objects ---- */

static void give(const reflector *r, cluster_event_type type, const kube_meta *meta, const cJSON *object)
{
    r->o.sink(r->o.arg, &(cluster_event){.type = type,
                                         .section = r->o.section,
                                         .kind = r->o.event_kind,
                                         .ns = meta->ns,
                                         .name = meta->name,
                                         .object = type == CLUSTER_OBJECT ? object : NULL});
}

static ov_status on_item(void *arg, ov_str element, ov_err *err)
{
    const reflector *r = arg;
    OV_CLEANUP(ov_json_tree_p) cJSON *object = NULL;
    kube_meta meta;
    ov_status st = ov_json_tree(element, &object, err);
    if (st == OV_OK) st = kube_meta_read(object, &meta, err);
    if (st == OV_OK && meta.name.len == 0) st = ov_fail(err, OV_INVALID, "metadata.name: missing");
    if (st == OV_OK) give(r, CLUSTER_OBJECT, &meta, object);
    return st;
}

static ov_status on_error_event(reflector *r, ov_str object, ov_err *err)
{
    kube_status s;
    kube_status_parse(object, &s);
    r->error = s.code > 0 ? s.code : 500;
    if (s.retry_after_s >= 0) r->retry_after_ms = s.retry_after_s * 1000;
    return ov_fail(err, OV_FAILED, "watch: ERROR %u%s%s", r->error, s.message[0] ? ": " : "", s.message);
}

static ov_status on_bookmark(reflector *r, const kube_meta *meta, ov_err *err)
{
    if (!r->in_snapshot) return OV_OK;
    r->ignored = !meta->initial_events_end;
    if (r->ignored) return ov_fail(err, OV_FAILED, "the server does not know sendInitialEvents");
    end_snapshot(r);
    r->next = NEXT_WATCH;
    return OV_OK;
}

static ov_status on_line(void *arg, ov_str line, ov_err *err)
{
    reflector *r = arg;
    kube_event e;
    kube_meta meta;
    OV_CLEANUP(ov_json_tree_p) cJSON *object = NULL;
    ov_status st = kube_event_parse(line, &e, err);
    if (st != OV_OK) return st;
    if (e.type == KUBE_ERROR) return on_error_event(r, e.object, err);
    st = ov_json_tree(e.object, &object, err);
    if (st == OV_OK) st = kube_meta_read(object, &meta, err);
    if (st != OV_OK) return st;
    snprintf(r->version, sizeof r->version, "%.*s", OV_STR_ARG(meta.version));
    if (e.type == KUBE_BOOKMARK) return on_bookmark(r, &meta, err);
    if (meta.name.len == 0) return ov_fail(err, OV_INVALID, "metadata.name: missing");
    give(r, e.type == KUBE_DELETED ? CLUSTER_GONE : CLUSTER_OBJECT, &meta, object);
    return OV_OK;
}

/* ---- answers ---- */

void reflector_on_head(reflector *r, unsigned status)
{
    r->status = status;
    if (status != 200) return;
    if (r->next != NEXT_DISCOVER) {
        tell_problem(r, CLUSTER_FINE, "");
        r->problem = (ov_err){0};
    }
    if (r->next == NEXT_SNAPSHOT) begin_snapshot(r);
}

bool reflector_on_body(reflector *r, ov_str piece)
{
    if (r->status != 200 || r->next == NEXT_DISCOVER) {
        size_t max = r->status == 200 ? DISCOVERY_MAX : REFUSAL_MAX;
        if (r->answer.len + piece.len <= max) ov_buf_append_str(&r->answer, piece);
        return true;
    }
    ov_status st = r->splitter ? ov_json_splitter_feed(r->splitter, piece, &r->failure)
                               : kube_lines_feed(&r->lines, piece, on_line, r, &r->failure);
    return st == OV_OK;
}

/* The plural under which the server has the kind; false: it does not have it. */
static bool find_plural(reflector *r)
{
    OV_CLEANUP(ov_json_tree_p) cJSON *found = NULL;
    if (ov_json_tree(ov_buf_str(&r->answer), &found, NULL) != OV_OK) return false;
    const cJSON *resources = ov_json_member(found, "resources"), *one;
    cJSON_ArrayForEach(one, resources)
    {
        ov_str name = ov_json_member_str(one, "name");
        bool is_sub = ov_str_find(name, '/', 0) < name.len; /* deployments/status */
        if (is_sub || !ov_str_eq(ov_json_member_str(one, "kind"), r->o.kind)) continue;
        if (name.len == 0 || name.len >= sizeof r->plural) continue;
        snprintf(r->plural, sizeof r->plural, "%.*s", OV_STR_ARG(name));
        return true;
    }
    return false;
}

static reflector_reason fail_missing(const reflector *r, ov_err *text)
{
    ov_fail(text, OV_NOT_FOUND, "the server has no kind %.*s in %.*s%s%.*s", OV_STR_ARG(r->o.kind),
            OV_STR_ARG(r->o.group), r->o.group.len > 0 ? "/" : "", OV_STR_ARG(r->o.version));
    return REFLECTOR_MISSING;
}

static reflector_reason end_page(reflector *r, ov_err *text)
{
    kube_list_head head;
    ov_status st = ov_json_splitter_finish(r->splitter, text);
    if (st == OV_OK) st = kube_list_head_parse(ov_json_splitter_around(r->splitter), &head, text);
    if (st != OV_OK) return REFLECTOR_MALFORMED;
    snprintf(r->version, sizeof r->version, "%s", head.version);
    snprintf(r->more, sizeof r->more, "%s", head.more);
    r->next = r->more[0] ? NEXT_PAGE : NEXT_WATCH;
    if (r->next == NEXT_WATCH) end_snapshot(r);
    return REFLECTOR_GOES_ON;
}

/* Half an event that is none is what something else wrote; half of a good one comes again. A stream that ends without
 * the bookmark behind its list was cut, or it is that of a server that sends none. */
static reflector_reason end_watch(const reflector *r, ov_err *text)
{
    ov_str half = ov_str_trim(ov_buf_str(&r->lines.begun));
    if (half.len > 0 && half.ptr[0] != '{') {
        ov_fail(text, OV_FAILED, "watch: expected events, one JSON object each line");
        return REFLECTOR_MALFORMED;
    }
    if (half.len > 0 || r->in_snapshot) {
        ov_fail(text, OV_FAILED, half.len > 0 ? "the watch ended within an event" : "the watch ended within its list");
        return r->in_snapshot && r->in_time ? REFLECTOR_NO_STREAM : REFLECTOR_CUT;
    }
    ov_fail(text, OV_OK, "the watch ended in its time");
    return REFLECTOR_TIMED_OUT;
}

static reflector_reason end_well(reflector *r, ov_err *text)
{
    if (r->next == NEXT_DISCOVER) {
        if (!find_plural(r)) return fail_missing(r, text);
        r->next = NEXT_SNAPSHOT;
        return REFLECTOR_GOES_ON;
    }
    if (r->splitter) return end_page(r, text);
    return end_watch(r, text);
}

/* As an API server says it. Whatever else answers in its place (a load balancer without a server) knows nothing of it.
 */
static bool says_missing(ov_str answer, const kube_status *s)
{
    ov_str plain = OV_STR("404 page not found");
    return s->code == 404 || ov_str_starts(ov_str_trim(answer), plain);
}

static reflector_reason refusal(reflector *r, unsigned status, ov_err *text)
{
    kube_status s;
    kube_status_parse(ov_buf_str(&r->answer), &s);
    if (s.retry_after_s >= 0 && r->retry_after_ms < 0) r->retry_after_ms = s.retry_after_s * 1000;
    ov_fail(text, OV_FAILED, "HTTP %u%s%s", status, s.message[0] ? ": " : "", s.message);
    switch (status) {
    case 401:
        return REFLECTOR_UNAUTHORIZED;
    case 403:
        return REFLECTOR_FORBIDDEN;
    case 404:
        return says_missing(ov_buf_str(&r->answer), &s) ? fail_missing(r, text) : REFLECTOR_MALFORMED;
    case 410:
        return REFLECTOR_EXPIRED;
    case 429:
        return REFLECTOR_THROTTLED;
    default:
        break;
    }
    if (r->streams && status >= 400 && status < 500) return REFLECTOR_NO_STREAM;
    return status >= 500 ? REFLECTOR_SERVER_ERROR : REFLECTOR_MALFORMED;
}

/* Why we wanted no more of the answer. */
static reflector_reason broken_off(const reflector *r)
{
    if (r->ignored) return REFLECTOR_NO_STREAM;
    if (r->error == 410) return REFLECTOR_EXPIRED;
    if (r->error == 429 || r->retry_after_ms >= 0) return REFLECTOR_THROTTLED;
    return r->error >= 500 ? REFLECTOR_SERVER_ERROR : REFLECTOR_MALFORMED;
}

static reflector_reason judge(reflector *r, const ov_fetch_result *result, ov_err *text)
{
    if (r->failure.msg[0]) {
        *text = r->failure;
        return broken_off(r);
    }
    if (result->failure != OV_FETCH_OK) {
        bool idle = result->failure == OV_FETCH_TIMEOUT && r->status == 200;
        ov_fail(text, OV_FAILED, "%s", result->text);
        if (idle && r->streams && r->in_snapshot) return REFLECTOR_NO_STREAM; /* or none that gets there */
        return idle ? REFLECTOR_IDLE : REFLECTOR_CUT;
    }
    return result->status == 200 ? end_well(r, text) : refusal(r, result->status, text);
}

/* What the next request is after this one's end. Pages may be asked for again: what comes twice is the same. */
static void choose_next(reflector *r, reflector_reason reason)
{
    if (reason == REFLECTOR_NO_STREAM) r->refuses_stream = true;
    if (r->doubted) return;
    if (reason == REFLECTOR_GOES_ON || r->next == NEXT_DISCOVER) return;
    bool lost = reason == REFLECTOR_EXPIRED || reason == REFLECTOR_MALFORMED || reason == REFLECTOR_MISSING ||
                (reason == REFLECTOR_SERVER_ERROR && r->error); /* what the server cannot go on with */
    if (!lost && (!r->in_snapshot || r->next == NEXT_PAGE)) return;
    r->next = reason == REFLECTOR_MISSING && r->o.plural.len == 0 ? NEXT_DISCOVER : NEXT_SNAPSHOT;
    r->in_snapshot = false;
}

/* A kind that the server does not have any more has no objects; one that we may not see keeps what was seen. */
static void take_problem(reflector *r, reflector_reason reason, const ov_err *text)
{
    /* A server that starts may not know every kind and every right yet. */
    r->denied = reason == REFLECTOR_MISSING || reason == REFLECTOR_FORBIDDEN ? r->denied + 1 : 0;
    r->doubted = r->denied > 0 && r->denied < REFLECTOR_DENIALS && r->version[0];
    if (r->doubted) return;
    if (reason == REFLECTOR_MISSING) {
        r->version[0] = '\0';
        tell(r, CLUSTER_SNAPSHOT);
        tell(r, CLUSTER_READY);
        tell_problem(r, CLUSTER_UNKNOWN_KIND, text->msg);
    } else if (reason == REFLECTOR_FORBIDDEN) {
        tell_problem(r, CLUSTER_FORBIDDEN, text->msg);
    } else {
        return;
    }
    r->settled = true;
}

/* A server that answers again is asked soon, whatever it says: how long it could not be reached has nothing to do with
 * that. */
static void note_reached(reflector *r)
{
    bool unreached = r->status == 0;
    if (r->unreached && !unreached) ov_backoff_reset(&r->backoff);
    r->unreached = unreached;
}

static int64_t wait_ms(reflector *r, reflector_reason reason, ov_mono now, uint64_t random)
{
    bool old = ov_mono_since(now, r->begun) >= REFLECTOR_STEADY_MS;
    bool steady = old || r->in_time || reason == REFLECTOR_IDLE;
    if (reason == REFLECTOR_GOES_ON || reason == REFLECTOR_NO_STREAM) return 0;
    if (r->status == 200 && steady) {
        ov_backoff_reset(&r->backoff);
        if (reason == REFLECTOR_TIMED_OUT || reason == REFLECTOR_EXPIRED) return 0;
    }
    int64_t ms = ov_backoff_next_ms(&r->backoff, random);
    int64_t asked = r->retry_after_ms < REFLECTOR_RETRY_AFTER_MAX_MS ? r->retry_after_ms : REFLECTOR_RETRY_AFTER_MAX_MS;
    return asked > ms ? asked + (int64_t)(random % 1000) : ms;
}

int64_t reflector_retry_after_ms(const ov_fetch_result *result)
{
    uint64_t seconds;
    if (result->failure != OV_FETCH_OK || result->status == 200) return -1;
    if (!ov_str_to_u64(ov_str_of(result->retry_after), &seconds)) return -1;
    uint64_t most = REFLECTOR_RETRY_AFTER_MAX_MS / 1000;
    return (int64_t)(seconds < most ? seconds : most) * 1000;
}

reflector_reason reflector_on_done(reflector *r, const ov_fetch_result *result, ov_mono now, uint64_t random,
                                   ov_err *text)
{
    int64_t asked_ms = reflector_retry_after_ms(result);
    if (asked_ms >= 0) r->retry_after_ms = asked_ms;
    r->in_time = ov_mono_since(now, r->begun) >= r->o.watch_s * 1000 - EARLY_MS;
    reflector_reason reason = judge(r, result, text);
    take_problem(r, reason, text);
    choose_next(r, reason);
    r->running = false;
    note_reached(r);
    r->due = ov_mono_after(now, wait_ms(r, reason, now, random));
    if (reason == REFLECTOR_GOES_ON)
        r->problem = (ov_err){0};
    else if (reason != REFLECTOR_TIMED_OUT && reason != REFLECTOR_EXPIRED && reason != REFLECTOR_NO_STREAM)
        r->problem = *text;
    ov_json_splitter_free(r->splitter);
    r->splitter = NULL;
    kube_lines_clear(&r->lines);
    ov_buf_clear(&r->answer);
    return reason;
}

void reflector_hasten(reflector *r, ov_mono at)
{
    if (!r->running && r->unreached && r->due.ms > at.ms) r->due = at;
}

void reflector_restart(reflector *r, ov_mono now)
{
    r->running = r->in_snapshot = r->settled = false;
    if (r->next != NEXT_DISCOVER) r->next = NEXT_SNAPSHOT;
    r->due = now;
}
