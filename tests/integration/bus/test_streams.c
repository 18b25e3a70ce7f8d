/* Streams and buckets: made, changed where they are ours, refused where they cannot be; asked and purged. */
#include "fixture.h"

#include <stdio.h>
#include <string.h>

#include "json/tree.h"

static const char *const subjects[] = {"t.>", NULL};

static ov_bus_stream wanted(void)
{
    return (ov_bus_stream){.name = "T",
                           .subjects = subjects,
                           .description = "versions <of> \"things\"",
                           .replicas = 1,
                           .max_age_ms = (int64_t)14 * 24 * 3600 * 1000,
                           .max_bytes = -1,
                           .max_msgs = -1,
                           .max_msgs_per_subject = 1,
                           .duplicate_window_ms = 120000};
}

static cJSON *api(ov_bus *bus, const char *subject, const char *body)
{
    OV_CLEANUP(ov_bus_in_free_p) ov_bus_in *answer = NULL;
    cJSON *tree = NULL;
    ov_err err = {0};
    if (CHECK_OK(ov_bus_request(bus, subject, ov_str_of(body), 5000, &answer, &err), &err))
        CHECK_OK(ov_json_tree(ov_bus_in_data(answer), &tree, &err), &err);
    return tree;
}

static double number(const cJSON *info, const char *name)
{
    const cJSON *n = ov_json_member(ov_json_member(info, "config"), name);
    return n ? n->valuedouble : 0;
}

static void test_made_and_made_again(ov_bus *bus)
{
    check_case("made, and nothing changed the second time");
    ov_err err = {0};
    ov_bus_stream want = wanted();
    ov_bus_stream_info info = {0};
    CHECK_STATUS(ov_bus_stream_state(bus, "T", &info, &err), OV_NOT_FOUND, &err);
    for (int i = 0; i < 2; i++) CHECK_OK(ov_bus_stream_ensure(bus, &want, &err), &err);
    CHECK_OK(ov_bus_stream_state(bus, "T", &info, &err), &err);
    CHECK(info.created.ms > 1600000000000);
    OV_CLEANUP(ov_json_tree_p) cJSON *tree = api(bus, "$JS.API.STREAM.INFO.T", "");
    CHECK_INT(number(tree, "max_age"), 1209600000000000LL);
    CHECK_INT(number(tree, "max_msgs_per_subject"), 1);
    CHECK_INT(number(tree, "duplicate_window"), 120000000000LL);
    CHECK_STR(ov_json_member_str(ov_json_member(tree, "config"), "description"), ov_str_of(want.description));
    CHECK_STR(ov_json_member_str(ov_json_member(tree, "config"), "discard"), OV_STR("old"));
}

/* What an operator set by hand, and what we do not know, stays. */
static void test_operators_fields_stay(ov_bus *bus)
{
    check_case("an operator's fields stay");
    OV_CLEANUP(ov_json_tree_p)
    cJSON *by_hand = api(
        bus, "$JS.API.STREAM.UPDATE.T",
        "{\"name\":\"T\",\"subjects\":[\"t.>\"],\"storage\":\"file\",\"retention\":\"limits\",\"max_msg_size\":12345,"
        "\"max_age\":1209600000000000,\"max_msgs_per_subject\":1,\"num_replicas\":1,\"duplicate_window\":120000000000,"
        "\"description\":\"versions <of> \\\"things\\\"\",\"allow_direct\":true}");
    CHECK(!ov_json_member(by_hand, "error"));
    ov_err err = {0};
    ov_bus_stream want = wanted();
    want.max_bytes = 3000000000;
    want.discard_new = true;
    CHECK_OK(ov_bus_stream_ensure(bus, &want, &err), &err);
    OV_CLEANUP(ov_json_tree_p) cJSON *tree = api(bus, "$JS.API.STREAM.INFO.T", "");
    CHECK_INT(number(tree, "max_msg_size"), 12345);
    CHECK(cJSON_IsTrue(ov_json_member(ov_json_member(tree, "config"), "allow_direct")));
    CHECK_INT(number(tree, "max_bytes"), 3000000000LL);
    CHECK_INT(number(tree, "max_age"), 1209600000000000LL); /* 16 digits */
    CHECK_STR(ov_json_member_str(ov_json_member(tree, "config"), "discard"), OV_STR("new"));
}

static void test_subjects_are_ours(ov_bus *bus)
{
    check_case("subjects");
    const char *more[] = {"t.>", "u.*", NULL};
    ov_err err = {0};
    ov_bus_stream want = wanted();
    want.subjects = more;
    CHECK_OK(ov_bus_stream_ensure(bus, &want, &err), &err);
    CHECK(fixture_put(bus, "u.x", "1") > 0);
}

static void test_what_cannot_change(ov_bus *bus)
{
    check_case("what cannot change");
    ov_err err = {0};
    ov_bus_stream want = wanted();
    want.memory = true;
    CHECK_STATUS(ov_bus_stream_ensure(bus, &want, &err), OV_INVALID, &err);
    CHECK_C(err.msg, "stream T: storage is file, wanted memory");
    want = wanted();
    want.retention = OV_RETENTION_WORKQUEUE;
    CHECK_STATUS(ov_bus_stream_ensure(bus, &want, &err), OV_INVALID, &err);
    CHECK_C(err.msg, "stream T: retention is limits, wanted workqueue");
    want = wanted();
    want.name = "a.b";
    CHECK_STATUS(ov_bus_stream_ensure(bus, &want, &err), OV_INVALID, &err);
    want = wanted();
    want.name = "R3";
    want.replicas = 3;
    const char *other[] = {"r3.>", NULL};
    want.subjects = other;
    CHECK_STATUS(ov_bus_stream_ensure(bus, &want, &err), OV_INVALID, &err);
    CHECK(strstr(err.msg, "replicas"));
}

/* The key-value convention, so that any client reads it as a bucket. */
static void test_bucket(ov_bus *bus)
{
    check_case("bucket");
    static const char *const flags[] = {"allow_rollup_hdrs", "allow_direct"};
    ov_err err = {0};
    ov_bus_stream want = {
        .name = "state", .bucket = true, .discard_new = true, .replicas = 1, .max_bytes = -1, .max_msgs = -1};
    for (int i = 0; i < 2; i++) CHECK_OK(ov_bus_stream_ensure(bus, &want, &err), &err);
    OV_CLEANUP(ov_json_tree_p) cJSON *tree = api(bus, "$JS.API.STREAM.INFO.KV_state", "");
    const cJSON *config = ov_json_member(tree, "config");
    for (size_t i = 0; i < OV_COUNT(flags); i++) CHECK(cJSON_IsTrue(ov_json_member(config, flags[i])));
    CHECK_STR(ov_json_member_str(config, "discard"), OV_STR("new"));
    CHECK_INT(number(tree, "max_msgs_per_subject"), 1);
    CHECK(fixture_put(bus, "$KV.state.a.b", "1") > 0);
}

static void test_last_message(ov_bus *bus)
{
    check_case("last message");
    ov_err err = {0};
    ov_bus_stored stored;
    ov_bus_in *m = NULL;
    ov_bus_out out = OV_BUS_OUT("$KV.state.key", OV_STR("bytes \0 and\nmore"));
    out.headers[0] = (ov_bus_header){"Opvic-Epoch", "7: x"};
    CHECK_STATUS(ov_bus_last_message(bus, "KV_state", "$KV.state.key", &m, &err), OV_NOT_FOUND, &err);
    CHECK_STATUS(ov_bus_last_message(bus, "NOSUCH", "$KV.state.key", &m, &err), OV_NOT_FOUND, &err);
    CHECK_OK(ov_bus_store_wait(bus, &out, 5000, &stored, &err), &err);
    if (!CHECK_OK(ov_bus_last_message(bus, "KV_state", "$KV.state.key", &m, &err), &err)) return;
    CHECK_STR(ov_bus_in_data(m), out.data);
    CHECK_STR(ov_bus_in_subject(m), OV_STR("$KV.state.key"));
    CHECK_STR(ov_bus_in_header(m, "Opvic-Epoch"), OV_STR("7: x"));
    CHECK_STR(ov_bus_in_header(m, "Nothing"), OV_STR(""));
    CHECK_INT(ov_bus_in_seq(m), stored.seq);
    CHECK(ov_bus_in_stored_at(m).ms > 1600000000000);
    ov_bus_in_free(m);
}

static void test_purge(ov_bus *bus)
{
    check_case("purge");
    ov_err err = {0};
    ov_bus_stream_info info = {0};
    fixture_put(bus, "t.a.1", "x");
    fixture_put(bus, "t.a.2", "x");
    fixture_put(bus, "t.b.1", "x");
    CHECK_OK(ov_bus_stream_purge(bus, "T", "t.a.*", &err), &err);
    CHECK_OK(ov_bus_stream_state(bus, "T", &info, &err), &err);
    CHECK_INT(info.messages, 2);
    CHECK_INT(info.last_seq, 4);
    fixture_put(bus, "t.a.1", "x");
    CHECK_OK(ov_bus_stream_state(bus, "T", &info, &err), &err);
    uint64_t before = info.last_seq;
    fixture_put(bus, "t.a.1", "y");
    CHECK_OK(ov_bus_stream_purge_to(bus, "T", "t.a.1", before, &err), &err);
    OV_CLEANUP(ov_bus_in_free_p) ov_bus_in *m = NULL;
    CHECK_OK(ov_bus_last_message(bus, "T", "t.a.1", &m, &err), &err);
    CHECK_INT(ov_bus_in_seq(m), before + 1);
    CHECK_STATUS(ov_bus_stream_purge(bus, "NOSUCH", "t.a", &err), OV_NOT_FOUND, &err);
    CHECK_STATUS(ov_bus_stream_purge(bus, "T", "not a subject", &err), OV_INVALID, &err);
}

int main(void)
{
    test_nats *server = test_nats_new(NULL);
    fixture_bus f;
    fixture_open(&f, server, NULL, NULL);
    test_made_and_made_again(f.bus);
    test_operators_fields_stay(f.bus);
    test_subjects_are_ours(f.bus);
    test_what_cannot_change(f.bus);
    test_bucket(f.bus);
    test_last_message(f.bus);
    test_purge(f.bus);
    fixture_close(&f);
    test_nats_free(server);
    return check_end();
}
