/* Users, rights and core messages: what is forbidden is told, a refused password is tried again. */
#include "fixture.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char config[] =
    "authorization { users = [\n"
    "  { user: admin, password: \"s\\\"e\\\\cret\" }\n"
    "  { user: small, password: p, permissions: {\n"
    "      publish: [ \"ok.>\", \"$JS.API.STREAM.INFO.>\" ], subscribe: [ \"_INBOX.>\", \"ask.>\" ] } }\n"
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
    char text[256];
    ov_bus_out out = OV_BUS_OUT("forbidden.x", OV_STR("x"));
    ov_mono before = ov_mono_now();
    CHECK_OK(ov_bus_store(small->bus, &out, 20000, on_stored, NULL, &err), &err);
    CHECK(fixture_wait(is_positive, &stored_calls));
    CHECK_INT(stored_result.status, OV_FAILED);
    CHECK(strstr(stored_result.text, "forbidden.x"));
    CHECK(ov_mono_since(ov_mono_now(), before) < 15000);
    CHECK(fixture_wait_refusal(small, text));
    CHECK(strstr(text, "forbidden.x"));
    out.subject = "forbidden.y";
    CHECK_OK(ov_bus_store_wait(small->bus, &out, 500, &stored, &err), &err);
    CHECK_INT(stored.status, OV_FAILED);
    ov_bus_in *answer = NULL;
    CHECK_STATUS(ov_bus_request(small->bus, "forbidden.z", OV_STR(""), 500, &answer, &err), OV_FAILED, &err);
    CHECK(strstr(err.msg, "forbidden.z"));
    CHECK_INT(stored_calls, 1);
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
    fixture_bus admin, small;
    fixture_open(&admin, server, "admin", secret);
    fixture_open(&small, server, "small", p);
    test_forbidden(&small);
    test_core(&admin, &small, server);
    test_wrong_password(server);
    fixture_close(&admin);
    fixture_close(&small);
    ov_secret_free(secret);
    ov_secret_free(p);
    test_nats_free(server);
    return check_end();
}
