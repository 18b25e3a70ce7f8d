/* Many requests at once: all complete, failures too, wake ends a wait, freeing ends what runs. */
#include "fetch/fetch.h"

#include "base/clock.h"
#include "support/check.h"
#include "support/upstream/canned.h"
#include "base/poison.h"

static const canned_route routes[] = {
    {.path = "/ok", .answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"},
    {.path = "/half", .answer = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\nConnection: close\r\n\r\nok"},
    {.path = "/stall", .answer = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok", .after = CANNED_STALL},
};

enum { MANY = 20 };

typedef struct {
    unsigned done, ok, bytes;
} tally;

static void on_done(void *arg, const ov_fetch_result *r)
{
    tally *t = arg;
    t->done++;
    if (r->failure == OV_FETCH_OK) t->ok++;
}

static bool on_body(void *arg, ov_str piece)
{
    tally *t = arg;
    t->bytes += (unsigned)piece.len;
    return true;
}

static bool refuse_body(void *arg, ov_str piece)
{
    (void)arg, (void)piece;
    return false;
}

static void on_head(void *arg, unsigned status)
{
    tally *t = arg;
    t->bytes += status;
}

static void *wake(void *loop)
{
    ov_fetch_loop_wake(loop);
    return NULL;
}

static void wait_done(ov_fetch_loop *l, const tally *t, unsigned want)
{
    ov_mono until = ov_mono_after(ov_mono_now(), 20000);
    while (t->done < want && ov_mono_since(until, ov_mono_now()) > 0) ov_fetch_loop_wait(l, 1000);
    CHECK_INT(t->done, want);
}

int main(void)
{
    canned server;
    canned_start(&server, routes, OV_COUNT(routes));
    char urls[OV_COUNT(routes)][64];
    for (size_t i = 0; i < OV_COUNT(routes); i++)
        snprintf(urls[i], sizeof urls[i], "http://127.0.0.1:%u%s", server.port, routes[i].path);
    ov_fetch_policy all = {.allow_all = true};
    ov_err err = {0};
    ov_fetch_loop *l = NULL;
    CHECK_OK(ov_fetch_loop_new("opvic-test", NULL, &l, &err), &err);

    tally t = {0};
    ov_fetch_request q = {.policy = &all, .on_body = on_body, .arg = &t};
    for (unsigned i = 0; i < MANY; i++) {
        q.url = urls[i % 2];
        CHECK_OK(ov_fetch_loop_start(l, &q, on_done, &t, &err), &err);
    }
    q.url = urls[2];
    q.idle_ms = 100;
    CHECK_OK(ov_fetch_loop_start(l, &q, on_done, &t, &err), &err);
    q.idle_ms = 0;
    q.url = "nonsense";
    CHECK_OK(ov_fetch_loop_start(l, &q, on_done, &t, &err), &err);
    wait_done(l, &t, MANY + 2);
    CHECK_INT(t.ok, MANY / 2);
    CHECK(t.bytes >= 2 * MANY); /* the stalled one may have been ended before its bytes */

    t = (tally){0};
    q.url = urls[0];
    q.on_body = refuse_body;
    CHECK_OK(ov_fetch_loop_start(l, &q, on_done, &t, &err), &err);
    wait_done(l, &t, 1);
    CHECK_INT(t.ok, 0);

    pthread_t thread;
    ov_mono before = ov_mono_now();
    CHECK(pthread_create(&thread, NULL, wake, l) == 0);
    ov_fetch_loop_wait(l, 30000);
    CHECK(ov_mono_since(ov_mono_now(), before) < 20000);
    pthread_join(thread, NULL);

    tally head = {0}, kept = {0};
    q.url = urls[0];
    q.on_body = NULL;
    q.on_head = on_head;
    q.arg = &head;
    CHECK_OK(ov_fetch_loop_start(l, &q, on_done, &head, &err), &err);
    q.url = urls[2];
    q.on_head = NULL;
    CHECK_OK(ov_fetch_loop_start(l, &q, on_done, &kept, &err), &err);
    wait_done(l, &head, 1);
    CHECK_INT(head.bytes, 200);
    ov_fetch_loop_cancel(l, &kept);
    ov_fetch_loop_wait(l, 10);
    CHECK_INT(kept.done, 0);

    /* What arrived before the wait ends it as well as what arrives in it. */
    for (int i = 0; i < 20; i++) {
        tally piece = {0};
        unsigned asked = canned_requests(&server);
        q.on_body = on_body;
        q.arg = &piece;
        CHECK_OK(ov_fetch_loop_start(l, &q, on_done, &piece, &err), &err);
        while (canned_requests(&server) == asked) ov_fetch_loop_wait(l, 1);
        before = ov_mono_now();
        while (piece.bytes == 0 && ov_mono_since(ov_mono_now(), before) < 20000) ov_fetch_loop_wait(l, 30000);
        ov_fetch_loop_wait(l, 0);
        CHECK(ov_mono_since(ov_mono_now(), before) < 20000);
        ov_fetch_loop_cancel(l, &piece);
    }
    q.on_body = NULL;
    q.arg = &t;

    CHECK_OK(ov_fetch_loop_start(l, &q, on_done, &t, &err), &err);
    ov_fetch_loop_wait(l, 10);
    ov_fetch_loop_free(l);
    CHECK_INT(t.done, 1);
    canned_stop(&server);
    return check_end();
}
