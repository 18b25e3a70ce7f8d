/* Users, rights and core messages: what is forbidden is told, a refused password is tried again. */
#include "fixture.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LONG_MS = 60000, SOON_MS = 15000 };

static const char config[] =
    "authorization { users = [\n"
    "  { user: admin, password: \"s\\\"e\\\\cret\" }\n"
    "  { user: small, password: p, permissions: {\n"
    "      publish: [ \"ok.>\", \"$JS.API.STREAM.INFO.>\" ], subscribe: [ \"_INBOX.>\", \"ask.>\" ] } }\n"
    "  { user: deaf, password: p, permissions: { publish: [ \">\" ], subscribe: [ \"_INBOX_deaf.>\" ] } }\n"
    "] }\n";

static atomic_int asked, stored_calls;
static ov_bus_stored stored_result;

static void on_message(void *arg, ov_bus_in *m)
{
    atomic_int *count = arg;
    if (ov_str_eq(ov_bus_in_data(m), OV_STR("please")) && ov_bus_in_seq(m) == 0) (*count)++;
    ov_bus_in_free(m);
}

static void on_stored(void *arg, const ov_bus_stored *result)
{
    (void)arg;
    stored_result = *result;
    stored_calls++;
}

static bool is_positive(void *count)
{
    return *(atomic_int *)count > 0;
}

static void test_forbidden(fixture_bus *small)
{
    check_case("forbidden");
    ov_err err = {0};
    ov_bus_stored stored;
    char text[OV_BUS_DENIAL_TEXT];
    ov_bus_out out = OV_BUS_OUT("forbidden.x", OV_STR("x"));
    ov_mono before = ov_mono_now();
    CHECK_OK(ov_bus_store(small->bus, &out, 20000, on_stored, NULL, &err), &err);
    CHECK(fixture_wait(is_positive, &stored_calls));
    CHECK_INT(stored_result.status, OV_FAILED);
    CHECK_C(stored_result.text, "permission denied: publish to \"forbidden.x\" as user \"small\"");
    CHECK(ov_mono_since(ov_mono_now(), before) < SOON_MS);
    CHECK(fixture_wait_refusal(small, text));
    CHECK(strstr(text, "forbidden.x"));
    out.subject = "forbidden.y";
    before = ov_mono_now();
    CHECK_OK(ov_bus_store_wait(small->bus, &out, LONG_MS, &stored, &err), &err);
    CHECK_INT(stored.status, OV_FAILED);
    CHECK(strstr(stored.text, "permission denied: publish to \"forbidden.y\""));
    ov_bus_in *answer = NULL;
    CHECK_STATUS(ov_bus_request(small->bus, "forbidden.z", OV_STR(""), LONG_MS, &answer, &err), OV_FAILED, &err);
    CHECK(strstr(err.msg, "permission denied: publish to \"forbidden.z\""));
    CHECK(ov_mono_since(ov_mono_now(), before) < SOON_MS);
    CHECK_INT(stored_calls, 1);
    CHECK_INT(ov_bus_denial_count(small->bus), 3);
    CHECK(ov_bus_denial_at(small->bus, 2, text));
    CHECK_C(text, "publish to \"forbidden.z\" as user \"small\"");
    CHECK(!ov_bus_denial_at(small->bus, 3, text));
}

enum { MANY = 200 };

static bool are_all_told(void *count)
{
    return *(atomic_int *)count == MANY;
}

/* Acknowledgements and flow control have subjects of their own each time: one right, and each still ends by itself. */
static void test_families(fixture_bus *small)
{
    check_case("families");
    ov_err err = {0};
    ov_bus_stored stored;
    char text[OV_BUS_DENIAL_TEXT];
    size_t before = ov_bus_denial_count(small->bus);
    for (int i = 0; i < 3; i++) {
        char subject[64];
        snprintf(subject, sizeof subject, "$JS.ACK.S.c%d.1.1.1.1.0", i);
        ov_bus_out out = OV_BUS_OUT(subject, OV_STR("+ACK"));
        CHECK_OK(ov_bus_store_wait(small->bus, &out, LONG_MS, &stored, &err), &err);
        CHECK_INT(stored.status, OV_FAILED);
    }
    CHECK_INT(ov_bus_denial_count(small->bus), before + 1);
    CHECK(ov_bus_denial_at(small->bus, before, text));
    CHECK_C(text, "publish to \"$JS.ACK.S.>\" as user \"small\"");
    stored_calls = 0;
    ov_bus_out out = OV_BUS_OUT("$JS.FC.S.a.b", OV_STR(""));
    CHECK_OK(ov_bus_store(small->bus, &out, LONG_MS, on_stored, NULL, &err), &err);
    CHECK(fixture_wait(is_positive, &stored_calls));
    CHECK(strstr(stored_result.text, "\"$JS.FC.S.>\""));
}

/* Each is told by itself, though all are refused together; the table of what is missing stays bounded. */
static void test_many(fixture_bus *small)
{
    check_case("many at once");
    ov_err err = {0};
    ov_mono before = ov_mono_now();
    stored_calls = 0;
    for (int i = 0; i < MANY; i++) {
        char subject[32];
        snprintf(subject, sizeof subject, "forbidden.many.%d", i);
        ov_bus_out out = OV_BUS_OUT(subject, OV_STR("x"));
        CHECK_OK(ov_bus_store(small->bus, &out, LONG_MS, on_stored, NULL, &err), &err);
    }
    CHECK(fixture_wait(are_all_told, &stored_calls));
    CHECK(ov_mono_since(ov_mono_now(), before) < SOON_MS);
    size_t count = ov_bus_denial_count(small->bus);
    CHECK(count > 10 && count < MANY);
}

static bool knows_denial(void *bus)
{
    return ov_bus_denial_count(bus) > 0;
}

/* Who cannot hear answers is told so, whatever it asks for. */
static void test_deaf(fixture_bus *deaf)
{
    check_case("deaf");
    ov_err err = {0};
    ov_bus_stored stored;
    char text[OV_BUS_DENIAL_TEXT];
    CHECK(fixture_wait(knows_denial, deaf->bus));
    CHECK(ov_bus_denial_at(deaf->bus, 0, text));
    CHECK_C(text, "subscribe to \"_INBOX.>\" as user \"deaf\"");
    ov_mono before = ov_mono_now();
    stored_calls = 0;
    ov_bus_out out = OV_BUS_OUT("ok.x", OV_STR("x"));
    CHECK_OK(ov_bus_store(deaf->bus, &out, LONG_MS, on_stored, NULL, &err), &err);
    CHECK(fixture_wait(is_positive, &stored_calls));
    CHECK_INT(stored_result.status, OV_FAILED);
    CHECK(strstr(stored_result.text, text));
    CHECK_OK(ov_bus_store_wait(deaf->bus, &out, LONG_MS, &stored, &err), &err);
    CHECK_INT(stored.status, OV_FAILED);
    ov_bus_in *message = NULL;
    CHECK_STATUS(ov_bus_request(deaf->bus, "ok.x", OV_STR(""), LONG_MS, &message, &err), OV_FAILED, &err);
    CHECK(strstr(err.msg, text));
    ov_bus_puller *puller = NULL;
    CHECK_OK(ov_bus_puller_open(deaf->bus, "S", "d", NULL, 1000, &puller, &err), &err);
    CHECK_STATUS(ov_bus_pull(puller, 100, &message, &err), OV_FAILED, &err);
    CHECK(strstr(err.msg, text));
    ov_bus_puller_close(puller);
    CHECK(ov_mono_since(ov_mono_now(), before) < SOON_MS);
    CHECK_INT(ov_bus_denial_count(deaf->bus), 1);
}

static void test_core(fixture_bus *admin, fixture_bus *small, test_nats *server)
{
    check_case("core messages, also after a restart");
    ov_err err = {0};
    CHECK_STATUS(ov_bus_subscribe(small->bus, "not ok", on_message, &asked, &err), OV_INVALID, &err);
    CHECK_OK(ov_bus_subscribe(small->bus, "ask.report.*", on_message, &asked, &err), &err);
    ov_bus_out out = OV_BUS_OUT("ask.report.a", OV_STR("please"));
    for (int round = 0; round < 2; round++) {
        asked = 0;
        ov_mono deadline = ov_mono_after(ov_mono_now(), FIXTURE_WAIT_MS);
        while (asked == 0 && ov_mono_since(ov_mono_now(), deadline) < 0)
            if (ov_bus_publish(admin->bus, &out, &err)) break;
        CHECK(asked > 0);
        if (round) break;
        int ups = fixture_ups(admin), small_ups = fixture_ups(small);
        test_nats_stop(server);
        CHECK(fixture_wait_down(admin) && fixture_wait_down(small));
        test_nats_start(server);
        CHECK(fixture_wait_ups(admin, ups + 1) && fixture_wait_ups(small, small_ups + 1));
    }
}

static void on_refusal(void *arg, ov_bus_change change, const char *text)
{
    if (change == OV_BUS_REFUSED && strstr(text, "uthorization")) (*(atomic_int *)arg)++;
}

/* The library would give up for good after the second refusal. */
static void test_wrong_password(test_nats *server)
{
    check_case("wrong password");
    ov_err err = {0};
    ov_bus *bus = NULL;
    atomic_int refusals = 0;
    ov_secret *password = ov_secret_new(OV_STR("wrong"));
    ov_bus_options o = {.url = test_nats_url(server), .user = "admin", .password = password};
    CHECK_OK(ov_bus_open(&o, on_refusal, &refusals, &bus, &err), &err);
    CHECK(fixture_wait(is_positive, &refusals));
    CHECK(!ov_bus_is_up(bus));
    ov_bus_close(bus, 100);
    ov_secret_free(password);
}

int main(void)
{
    test_nats *server = test_nats_new(config);
    ov_secret *secret = ov_secret_new(OV_STR("s\"e\\cret")), *p = ov_secret_new(OV_STR("p"));
    fixture_bus admin, small, deaf;
    fixture_open(&admin, server, "admin", secret);
    fixture_open(&small, server, "small", p);
    fixture_open(&deaf, server, "deaf", p);
    test_forbidden(&small);
    test_families(&small);
    test_many(&small);
    test_deaf(&deaf);
    test_core(&admin, &small, server);
    test_wrong_password(server);
    fixture_close(&admin);
    fixture_close(&small);
    fixture_close(&deaf);
    ov_secret_free(secret);
    ov_secret_free(p);
    test_nats_free(server);
    return check_end();
}
