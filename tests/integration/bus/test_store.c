/* Stored publishes: order, expectations, deadlines, and exactly one callback for each across a killed server. */
#include "fixture.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MANY = 20000, LONG_MS = 20000 };

/* One store: how often it was called back, and with what. */
typedef struct {
    atomic_int calls;
    ov_bus_stored result;
} outcome;

static outcome outcomes[MANY];
static atomic_int answered;
static int ids; /* raised where a purge must not leave known ids behind */

static void on_stored(void *arg, const ov_bus_stored *result)
{
    outcome *o = arg;
    o->result = *result;
    o->calls++;
    answered++;
}

static void reset(void)
{
    memset(outcomes, 0, sizeof outcomes);
    answered = 0;
}

static bool all_answered(void *count)
{
    return answered >= *(int *)count;
}

static bool wait_answers(int count)
{
    return fixture_wait(all_answered, &count);
}

static ov_status store(ov_bus *bus, int i, int64_t expect, int64_t timeout_ms, ov_err *err)
{
    char subject[64], id[32];
    snprintf(subject, sizeof subject, "p.%d", i);
    snprintf(id, sizeof id, "id-%d-%d", ids, i);
    ov_bus_out out = OV_BUS_OUT(subject, ov_str_of(id));
    out.msg_id = id;
    out.expect_last_seq = expect;
    out.headers[0] = (ov_bus_header){"Opvic-Test", "yes"};
    return ov_bus_store(bus, &out, timeout_ms, on_stored, &outcomes[i], err);
}

static void test_order(ov_bus *bus)
{
    check_case("order");
    fixture_stream(bus, "P", "p.>");
    ov_err err = {0};
    reset();
    for (int i = 0; i < MANY; i++)
        if (store(bus, i, -1, LONG_MS, &err)) CHECK_C(err.msg, "");
    CHECK(wait_answers(MANY));
    int wrong = 0;
    for (int i = 0; i < MANY; i++)
        wrong +=
            outcomes[i].calls != 1 || outcomes[i].result.status != OV_OK || outcomes[i].result.seq != (uint64_t)i + 1;
    CHECK_INT(wrong, 0);
    CHECK_INT(ov_bus_in_flight(bus), 0);
    reset();
    CHECK_OK(store(bus, 5, -1, LONG_MS, &err), &err);
    CHECK(wait_answers(1));
    CHECK(outcomes[5].result.duplicate);
    CHECK_INT(outcomes[5].result.seq, 6);
}

/* After one mismatch everything behind it is refused: the fence of a writer that slept. */
static void test_wrong_sequence(ov_bus *bus)
{
    check_case("wrong sequence");
    ov_bus_stream_info info = {0};
    ov_err err = {0};
    fixture_stream(bus, "P2", "p2.>");
    CHECK_OK(ov_bus_stream_state(bus, "P", &info, &err), &err);
    CHECK_OK(ov_bus_stream_purge(bus, "P", "p.>", &err), &err);
    reset();
    int64_t last = (int64_t)info.last_seq;
    const int64_t expected[] = {last, last + 1, last + 7, last + 3};
    for (int i = 0; i < 4; i++) {
        char subject[32];
        snprintf(subject, sizeof subject, "p.w%d", i);
        ov_bus_out out = OV_BUS_OUT(subject, OV_STR("x"));
        out.expect_last_seq = expected[i];
        CHECK_OK(ov_bus_store(bus, &out, LONG_MS, on_stored, &outcomes[i], &err), &err);
    }
    CHECK(wait_answers(4));
    for (int i = 0; i < 4; i++) {
        CHECK_INT(outcomes[i].result.status, i < 2 ? OV_OK : OV_FAILED);
        CHECK_INT(outcomes[i].result.wrong_sequence, i >= 2);
    }
    CHECK(strstr(outcomes[2].result.text, "10071"));
}

static void test_wrong_subject_sequence(ov_bus *bus)
{
    check_case("wrong sequence of a subject");
    ov_err err = {0};
    ov_bus_stored stored;
    ov_bus_out out = OV_BUS_OUT("p2.key", OV_STR("1"));
    uint64_t seq = fixture_put(bus, "p2.key", "0");
    const struct {
        int64_t expected;
        bool taken;
    } cases[] = {{0, false}, {(int64_t)seq + 5, false}, {(int64_t)seq, true}, {(int64_t)seq, false}};
    for (size_t i = 0; i < OV_COUNT(cases); i++) {
        out.expect_last_subject_seq = cases[i].expected;
        CHECK_OK(ov_bus_store_wait(bus, &out, 5000, &stored, &err), &err);
        CHECK_INT(stored.wrong_sequence, !cases[i].taken);
        CHECK_INT(stored.status, cases[i].taken ? OV_OK : OV_FAILED);
    }
    out.subject = "p2.fresh";
    out.expect_last_subject_seq = 0;
    CHECK_OK(ov_bus_store_wait(bus, &out, 5000, &stored, &err), &err);
    CHECK_INT(stored.status, OV_OK);
}

static void test_refused_input(ov_bus *bus)
{
    check_case("refused input");
    ov_err err = {0};
    ov_bus_stored stored;
    size_t size = (size_t)ov_bus_max_payload(bus) + 1;
    char *big = calloc(1, size);
    ov_bus_out out = OV_BUS_OUT("p.big", ((ov_str){big, size}));
    CHECK_INT(size, 1024 * 1024 + 1);
    CHECK_STATUS(ov_bus_store(bus, &out, LONG_MS, on_stored, NULL, &err), OV_INVALID, &err);
    CHECK_STATUS(ov_bus_store_wait(bus, &out, LONG_MS, &stored, &err), OV_INVALID, &err);
    /* The headers count too. */
    out.data.len = size - 2;
    out.msg_id = "id";
    CHECK_STATUS(ov_bus_store(bus, &out, LONG_MS, on_stored, NULL, &err), OV_INVALID, &err);
    out = OV_BUS_OUT("no spaces", OV_STR("x"));
    CHECK_STATUS(ov_bus_store(bus, &out, LONG_MS, on_stored, NULL, &err), OV_INVALID, &err);
    CHECK_INT(ov_bus_in_flight(bus), 0);
    free(big);
}

static void test_no_stream(ov_bus *bus)
{
    check_case("no stream");
    ov_err err = {0};
    ov_bus_stored stored;
    ov_bus_out out = OV_BUS_OUT("nobody.here", OV_STR("x"));
    reset();
    CHECK_OK(ov_bus_store(bus, &out, LONG_MS, on_stored, &outcomes[0], &err), &err);
    CHECK(wait_answers(1));
    CHECK_INT(outcomes[0].result.status, OV_RETRY);
    CHECK_C(outcomes[0].result.text, "no stream takes this subject");
    CHECK_OK(ov_bus_store_wait(bus, &out, LONG_MS, &stored, &err), &err);
    CHECK_INT(stored.status, OV_RETRY);
}

/* ---- a server that goes ---- */

static void store_until_taken(ov_bus *bus, int i)
{
    ov_err err = {0};
    ov_mono deadline = ov_mono_after(ov_mono_now(), FIXTURE_WAIT_MS);
    outcomes[i].calls = 0;
    while (store(bus, i, -1, LONG_MS, &err) && ov_mono_since(ov_mono_now(), deadline) < 0)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

/* Resends what came back unsure; returns how many did. */
static int resend(ov_bus *bus)
{
    int again = 0;
    for (int i = 0; i < MANY; i++) again += outcomes[i].result.status == OV_RETRY;
    answered = 0;
    for (int i = 0; i < MANY; i++)
        if (outcomes[i].result.status == OV_RETRY) store_until_taken(bus, i);
    CHECK(wait_answers(again));
    return again;
}

static int called_more_or_less_than_once(void)
{
    int wrong = 0;
    for (int i = 0; i < MANY; i++) wrong += outcomes[i].calls != 1;
    return wrong;
}

static void test_killed_server(fixture_bus *f, test_nats *server)
{
    check_case("killed server");
    ov_err err = {0};
    CHECK_OK(ov_bus_stream_purge(f->bus, "P", "p.>", &err), &err);
    ids++;
    reset();
    int ups = fixture_ups(f);
    for (int i = 0; i < MANY; i++) {
        if (i == MANY / 2) {
            test_nats_kill(server);
            test_nats_start(server);
        }
        store_until_taken(f->bus, i);
    }
    CHECK(wait_answers(MANY));
    CHECK_INT(called_more_or_less_than_once(), 0);
    CHECK(fixture_wait_ups(f, ups + 1));
    while (resend(f->bus) > 0) {
    }
    CHECK_INT(called_more_or_less_than_once(), 0);
    ov_bus_stream_info info = {0};
    CHECK_OK(ov_bus_stream_state(f->bus, "P", &info, &err), &err);
    CHECK_INT(info.messages, MANY);
}

static void test_frozen_server(fixture_bus *f, test_nats *server)
{
    check_case("frozen server");
    ov_err err = {0};
    ov_bus_stored stored;
    reset();
    test_nats_freeze(server);
    ov_mono before = ov_mono_now();
    for (int i = 0; i < 100; i++) CHECK_OK(store(f->bus, i, -1, 300, &err), &err);
    CHECK(wait_answers(100));
    int64_t took_ms = ov_mono_since(ov_mono_now(), before);
    CHECK(took_ms >= 300 && took_ms < 5000);
    CHECK_INT(outcomes[99].result.status, OV_RETRY);
    CHECK_C(outcomes[99].result.text, "no answer in time");
    ov_bus_out out = OV_BUS_OUT("p.f", OV_STR("x"));
    CHECK_OK(ov_bus_store_wait(f->bus, &out, 100, &stored, &err), &err);
    CHECK_INT(stored.status, OV_RETRY);
    test_nats_thaw(server);
    ids++;
    /* Late answers find their slots taken by others, or free, and are passed over. */
    reset();
    CHECK_OK(store(f->bus, 200, -1, LONG_MS, &err), &err);
    CHECK(wait_answers(1));
    CHECK_INT(outcomes[200].result.status, OV_OK);
}

static void test_close_in_flight(test_nats *server)
{
    check_case("closed with stores in flight");
    fixture_bus f;
    ov_err err = {0};
    fixture_open(&f, server, NULL, NULL);
    reset();
    test_nats_freeze(server);
    for (int i = 0; i < 10; i++) CHECK_OK(store(f.bus, i, -1, LONG_MS, &err), &err);
    ov_bus_close(f.bus, 50);
    CHECK_INT(answered, 10);
    CHECK_INT(outcomes[9].result.status, OV_RETRY);
    test_nats_thaw(server);
}

static void test_away(test_nats *server)
{
    check_case("no server");
    fixture_bus f = {0};
    pthread_mutex_init(&f.mu, NULL);
    ov_err err = {0};
    ov_bus_stored stored;
    ov_bus_in *answer;
    char url[64], version[32];
    test_nats_stop(server);
    snprintf(url, sizeof url, "%s", test_nats_url(server));
    CHECK_OK(ov_bus_open(&(ov_bus_options){.url = url}, NULL, NULL, &f.bus, &err), &err);
    CHECK(!ov_bus_is_up(f.bus));
    CHECK_INT(ov_bus_max_payload(f.bus), 1024 * 1024);
    ov_bus_out out = OV_BUS_OUT("p.x", OV_STR("x"));
    CHECK_STATUS(ov_bus_store(f.bus, &out, 100, on_stored, NULL, &err), OV_RETRY, &err);
    CHECK_STATUS(ov_bus_store_wait(f.bus, &out, 100, &stored, &err), OV_RETRY, &err);
    CHECK_STATUS(ov_bus_publish(f.bus, &out, &err), OV_RETRY, &err);
    CHECK_STATUS(ov_bus_request(f.bus, "p.x", OV_STR(""), 100, &answer, &err), OV_RETRY, &err);
    ov_bus_server_version(f.bus, version);
    CHECK_C(version, "");
    test_nats_start(server);
    CHECK(fixture_wait_ups(&f, 0));
    ov_bus_server_version(f.bus, version);
    CHECK(version[0] == '2');
    CHECK_OK(ov_bus_publish(f.bus, &out, &err), &err);
    fixture_close(&f);
}

int main(void)
{
    test_nats *server = test_nats_new(NULL);
    fixture_bus f;
    fixture_open(&f, server, NULL, NULL);
    test_order(f.bus);
    test_wrong_sequence(f.bus);
    test_wrong_subject_sequence(f.bus);
    test_refused_input(f.bus);
    test_no_stream(f.bus);
    test_killed_server(&f, server);
    test_frozen_server(&f, server);
    fixture_close(&f);
    test_close_in_flight(server);
    test_away(server);
    test_nats_free(server);
    return check_end();
}
