/* The blocking client: an answer is pulled piece by piece, or run to its end into a callback. */
#include "fetch/fetch.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "fetch/engine.h"
#include "base/poison.h"

enum { PIECE_BYTES = 16 * 1024, SLEEP_MS = 60000, ALIVE_MS = 1000 };

struct ov_fetch {
    ov_engine engine;
};

struct ov_fetch_stream {
    ov_fetch *fetch;
    ov_transfer transfer;
};

const char *ov_fetch_failure_name(ov_fetch_failure f)
{
    static const char *const names[] = {[OV_FETCH_OK] = "ok",
                                        [OV_FETCH_UNREACHABLE] = "unreachable",
                                        [OV_FETCH_TIMEOUT] = "timeout",
                                        [OV_FETCH_TLS] = "tls",
                                        [OV_FETCH_TOO_LARGE] = "tooLarge",
                                        [OV_FETCH_REFUSED_TARGET] = "refusedTarget",
                                        [OV_FETCH_UNSUPPORTED] = "unsupported",
                                        [OV_FETCH_REDIRECTS] = "redirects",
                                        [OV_FETCH_STOPPED] = "stopped"};
    return (size_t)f < OV_COUNT(names) ? names[f] : "unknown";
}

ov_status ov_fetch_new(const char *user_agent, const char *ca_file, ov_fetch **ret, ov_err *err)
{
    OV_CLEANUP(ov_free_p) ov_fetch *f = ov_zalloc(sizeof *f);
    ov_status status = ov_engine_init(&f->engine, user_agent, ca_file, err);
    if (status != OV_OK) return status;
    *ret = OV_TAKE(f);
    return OV_OK;
}

void ov_fetch_free(ov_fetch *f)
{
    if (!f) return;
    ov_engine_clear(&f->engine);
    free(f);
}

static void rest(ov_fetch_stream *s)
{
    const ov_fetch_request *q = &s->transfer.q;
    if (q->alive) q->alive(q->alive_arg);
    ov_engine_sleep(&s->fetch->engine, q->alive ? ALIVE_MS : SLEEP_MS);
}

void ov_fetch_open(ov_fetch *f, const ov_fetch_request *q, ov_fetch_stream **ret)
{
    ov_fetch_stream *s = ov_zalloc(sizeof *s);
    s->fetch = f;
    ov_transfer_init(&s->transfer, &f->engine.defaults, q, true);
    ov_engine_add(&f->engine, &s->transfer);
    for (;;) {
        ov_engine_work(&f->engine);
        if (s->transfer.head_done || s->transfer.finished) break;
        rest(s);
    }
    *ret = s;
}

const ov_fetch_result *ov_fetch_head(const ov_fetch_stream *s)
{
    return &s->transfer.result;
}

static void resume(ov_transfer *t)
{
    if (!t->paused || t->finished || t->buffer.len > 0) return;
    t->paused = false;
    t->progress = ov_mono_now(); /* the time that the reader took is not the server's idleness */
    (void)curl_easy_pause(t->easy, CURLPAUSE_CONT);
}

int64_t ov_fetch_read(ov_fetch_stream *s, char *out, size_t max)
{
    ov_transfer *t = &s->transfer;
    for (;;) {
        if (t->finished && t->result.failure != OV_FETCH_OK) return -1;
        size_t n = ov_transfer_take(t, out, max);
        if (n > 0) return (int64_t)n;
        if (t->finished) return t->result.failure == OV_FETCH_OK ? 0 : -1;
        resume(t);
        ov_engine_work(&s->fetch->engine);
        if (!t->finished && t->buffer.len == 0) rest(s);
    }
}

void ov_fetch_close(ov_fetch_stream *s, ov_fetch_result *ret)
{
    ov_transfer *t = &s->transfer;
    bool unread = ov_transfer_is_unread(t);
    if (!t->finished) ov_transfer_end(t, OV_FETCH_STOPPED, "the receiver wants no more");
    if (unread && t->result.failure == OV_FETCH_OK) t->result.failure = OV_FETCH_STOPPED;
    ov_engine_remove(&s->fetch->engine, t);
    if (ret) *ret = t->result;
    ov_transfer_clear(t);
    free(s);
}

void ov_fetch_run(ov_fetch *f, const ov_fetch_request *q, ov_fetch_result *ret)
{
    OV_CLEANUP(ov_free_p) char *piece = ov_alloc(PIECE_BYTES);
    ov_fetch_stream *s;
    ov_fetch_open(f, q, &s);
    for (int64_t n; (n = ov_fetch_read(s, piece, PIECE_BYTES)) > 0;)
        if (q->on_body && !q->on_body(q->arg, (ov_str){piece, (size_t)n})) break;
    ov_fetch_close(s, ret);
}

bool ov_fetch_into_buf(void *buf, ov_str piece)
{
    ov_buf *b = buf;
    ov_buf_append_str(b, piece);
    return !b->failed;
}
