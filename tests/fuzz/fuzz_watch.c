/* A watch and a list, in pieces of any size: whatever comes, the sink gets whole objects, and a request follows. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "services/collector/kube/event.h"
#include "services/collector/kube/lines.h"
#include "services/collector/kube/reflector.h"

#include "base/poison.h"

enum { ROUNDS = 3, PIECES = 3 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok)
{
    if (!ok) abort();
}

/* Reads every byte of a view. */
static size_t sum_of(ov_str s)
{
    size_t sum = 0;
    for (size_t i = 0; i < s.len; i++) sum += (unsigned char)s.ptr[i];
    return sum;
}

typedef struct {
    bool in_snapshot;
    size_t objects, sum;
} seen;

static void take(void *arg, const cluster_event *e)
{
    seen *s = arg;
    s->sum += sum_of(e->kind) + sum_of(e->ns) + sum_of(e->name) + sum_of(e->text);
    if (e->type == CLUSTER_SNAPSHOT) s->in_snapshot = true;
    if (e->type == CLUSTER_READY) {
        require(s->in_snapshot);
        s->in_snapshot = false;
    }
    if (e->type != CLUSTER_OBJECT && e->type != CLUSTER_GONE) return;
    require(e->name.len > 0 && e->name.len <= CLUSTER_NAME_MAX && e->ns.len <= CLUSTER_NAME_MAX);
    require((e->type == CLUSTER_OBJECT) == (e->object != NULL));
    s->objects++;
}

/* The same answer to each of some requests in a row, as a watch, as a list or as a refusal. */
static void answer(ov_str body, size_t piece, bool can_stream, unsigned status, ov_fetch_failure failure)
{
    static char path[REFLECTOR_PATH_MAX];
    seen s = {0};
    reflector_options o = {.event_kind = OV_STR("Pods"),
                           .version = OV_STR("v1"),
                           .kind = OV_STR("Pod"),
                           .plural = OV_STR("pods"),
                           .watch_s = 300,
                           .sink = take,
                           .arg = &s};
    reflector *r = reflector_new(&o);
    ov_mono now = {1};
    for (int i = 0; i < ROUNDS; i++) {
        require(reflector_due(r).ms < INT64_MAX);
        if (reflector_due(r).ms > now.ms) now = reflector_due(r);
        (void)reflector_begin(r, can_stream, now, 7, path);
        require(path[0] == '/' && strlen(path) < sizeof path);
        reflector_on_head(r, status);
        bool wanted = true;
        for (size_t at = 0; wanted && at < body.len; at += piece)
            wanted = reflector_on_body(r, ov_str_sub(body, at, at + piece < body.len ? at + piece : body.len));
        ov_fetch_result result = {.failure = wanted ? failure : OV_FETCH_STOPPED, .status = status, .text = "broke"};
        ov_err text = {0};
        reflector_reason reason = reflector_on_done(r, &result, now, 7, &text);
        require(reason < REFLECTOR_REASONS && (reason == REFLECTOR_GOES_ON || text.msg[0]));
        require(strlen(reflector_problem(r)) < sizeof text.msg);
    }
    reflector_free(r);
}

static ov_status count_line(void *arg, ov_str line, ov_err *err)
{
    size_t *sum = arg;
    kube_event e;
    *sum += sum_of(line) + 1;
    return kube_event_parse(line, &e, err) == OV_OK ? OV_OK : OV_INVALID;
}

/* Lines do not depend on where pieces end. */
static size_t lines_of(ov_str body, size_t piece)
{
    size_t sum = 0;
    ov_err err = {0};
    kube_lines l;
    ov_status st = OV_OK;
    kube_lines_init(&l);
    for (size_t at = 0; st == OV_OK && at < body.len; at += piece)
        st = kube_lines_feed(&l, ov_str_sub(body, at, at + piece < body.len ? at + piece : body.len), count_line, &sum,
                             &err);
    require(st == OV_OK || err.msg[0]);
    kube_lines_clear(&l);
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const size_t pieces[PIECES] = {1, 61, 1 << 20};
    ov_str body = {(const char *)data, size};
    for (size_t i = 0; i < PIECES; i++) {
        require(lines_of(body, pieces[i]) == lines_of(body, 1 << 20));
        answer(body, pieces[i], true, 200, OV_FETCH_OK);
        answer(body, pieces[i], false, 200, OV_FETCH_UNREACHABLE);
        answer(body, pieces[i], false, 200, OV_FETCH_OK);
    }
    static const unsigned refusals[] = {401, 403, 404, 410, 422, 429, 503};
    for (size_t i = 0; i < OV_COUNT(refusals); i++) answer(body, 61, true, refusals[i], OV_FETCH_OK);
    return 0;
}
