/* The end of a link: closed while the server talks, and given up when a server that is still there says nothing. */
#include "fixture.h"

#include <stdatomic.h>
#include <string.h>

enum { CLOSES = 40 };

static atomic_bool flooding;
static atomic_int heard;

static void on_flood(void *arg, ov_bus_in *m)
{
    (void)arg;
    atomic_fetch_add(&heard, 1);
    ov_bus_in_free(m);
}

static void *flood(void *arg)
{
    const fixture_bus *f = arg;
    ov_bus_out out = OV_BUS_OUT("flood.x", OV_STR("water"));
    ov_err ignored;
    while (atomic_load(&flooding))
        if (ov_bus_publish(f->bus, &out, &ignored)) continue;
    return NULL;
}

static bool hears(void *arg)
{
    (void)arg;
    return atomic_load(&heard) > 0;
}

/* The descriptor is closed by a thread that is not reading from it only if nobody else can be. ThreadSanitizer tells.
 */
static void test_close_under_flood(const test_nats *server)
{
    check_case("closed while the server sends");
    fixture_bus source;
    fixture_open(&source, server, NULL, NULL);
    atomic_store(&flooding, true);
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, flood, &source) == 0);
    for (int i = 0; i < CLOSES; i++) {
        fixture_bus f;
        ov_err err = {0};
        fixture_open(&f, server, NULL, NULL);
        atomic_store(&heard, 0);
        CHECK_OK(ov_bus_subscribe(f.bus, "flood.x", on_flood, NULL, &err), &err);
        CHECK(fixture_wait(hears, NULL));
        fixture_close(&f);
    }
    atomic_store(&flooding, false);
    pthread_join(thread, NULL);
    fixture_close(&source);
}

static void test_last_words(const test_nats *server)
{
    check_case("what was published before a close goes out");
    fixture_bus listener, f;
    ov_err err = {0};
    fixture_open(&listener, server, NULL, NULL);
    CHECK_OK(ov_bus_subscribe(listener.bus, "flood.last", on_flood, NULL, &err), &err);
    fixture_stream(listener.bus, "SYNC", "sync.>");
    fixture_put(listener.bus, "sync.x", "the subscription is known by now");
    fixture_open(&f, server, NULL, NULL);
    atomic_store(&heard, 0);
    ov_bus_out out = OV_BUS_OUT("flood.last", OV_STR("words"));
    CHECK_OK(ov_bus_publish(f.bus, &out, &err), &err);
    fixture_close(&f);
    CHECK(fixture_wait(hears, NULL));
    fixture_close(&listener);
}

static void test_silence(test_nats *server)
{
    check_case("a server that answers no ping is left");
    fixture_bus f;
    fixture_open(&f, server, NULL, NULL);
    int ups = fixture_ups(&f);
    test_nats_freeze(server);
    CHECK(fixture_wait_down(&f));
    test_nats_thaw(server);
    CHECK(fixture_wait_ups(&f, ups + 1));
    fixture_close(&f);
}

int main(void)
{
    test_nats *server = test_nats_new(NULL);
    test_close_under_flood(server);
    test_last_words(server);
    test_silence(server);
    test_nats_free(server);
    return check_end();
}
