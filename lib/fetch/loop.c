/* Many requests at once for a loop that must not block: one multi handle, woken from any thread. */
#include "fetch/fetch.h"

#include <stdlib.h>

#include "base/mem.h"
#include "fetch/engine.h"
#include "base/poison.h"

struct ov_fetch_loop {
    ov_engine engine;
};

ov_status ov_fetch_loop_new(const char *user_agent, const char *ca_file, ov_fetch_loop **ret, ov_err *err)
{
    OV_CLEANUP(ov_free_p) ov_fetch_loop *l = ov_zalloc(sizeof *l);
    ov_status status = ov_engine_init(&l->engine, user_agent, ca_file, err);
    if (status != OV_OK) return status;
    *ret = OV_TAKE(l);
    return OV_OK;
}

static void drop(ov_fetch_loop *l, ov_transfer *t)
{
    ov_engine_remove(&l->engine, t);
    ov_transfer_clear(t);
    free(t);
}

void ov_fetch_loop_free(ov_fetch_loop *l)
{
    if (!l) return;
    while (l->engine.running) drop(l, l->engine.running);
    ov_engine_clear(&l->engine);
    free(l);
}

ov_status ov_fetch_loop_start(ov_fetch_loop *l, const ov_fetch_request *q,
                              void (*done)(void *arg, const ov_fetch_result *result), void *arg, ov_err *err)
{
    if (!q->url || !done) return ov_fail(err, OV_INVALID, "request: no URL or nobody to tell");
    ov_transfer *t = ov_zalloc(sizeof *t);
    ov_transfer_init(t, &l->engine.defaults, q, false);
    t->done = done;
    t->done_arg = arg;
    ov_engine_add(&l->engine, t);
    return OV_OK;
}

void ov_fetch_loop_cancel(ov_fetch_loop *l, const void *arg)
{
    ov_transfer *next;
    for (ov_transfer *t = l->engine.running; t; t = next) {
        next = t->next;
        if (t->done_arg == arg) drop(l, t);
    }
}

static ov_transfer *first_finished(const ov_fetch_loop *l)
{
    ov_transfer *t = l->engine.running;
    while (t && !t->finished) t = t->next;
    return t;
}

/* done may start further requests. */
static bool tell_finished(ov_fetch_loop *l)
{
    bool any = false;
    for (ov_transfer *t; (t = first_finished(l)); any = true) {
        ov_engine_remove(&l->engine, t);
        t->done(t->done_arg, &t->result);
        ov_transfer_clear(t);
        free(t);
    }
    return any;
}

static uint64_t received(const ov_fetch_loop *l)
{
    uint64_t sum = 0;
    for (const ov_transfer *t = l->engine.running; t; t = t->next) sum += t->result.body_bytes + t->head_done;
    return sum;
}

/* What had arrived before the sleep is news, too: its receiver may have something to do long before timeout_ms. */
void ov_fetch_loop_wait(ov_fetch_loop *l, int64_t timeout_ms)
{
    uint64_t before = received(l);
    ov_engine_work(&l->engine);
    if (tell_finished(l) || received(l) != before) return;
    ov_engine_sleep(&l->engine, timeout_ms);
    ov_engine_work(&l->engine);
    (void)tell_finished(l);
}

void ov_fetch_loop_wake(ov_fetch_loop *l)
{
    (void)curl_multi_wakeup(l->engine.multi);
}
