/* Stream configurations as they are sent, patched onto what an operator has, and the servers that are refused. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bus/stream_config.h"
#include "support/check.h"

static const char *const subjects[] = {"opvic.report.*.*", "opvic.heartbeat.*", NULL};

static ov_bus_stream wanted(void)
{
    return (ov_bus_stream){.name = "S",
                           .subjects = subjects,
                           .description = "reports",
                           .replicas = 1,
                           .max_age_ms = (int64_t)14 * 86400 * 1000,
                           .max_bytes = 1000,
                           .max_msgs = -1,
                           .max_msgs_per_subject = 1,
                           .duplicate_window_ms = 120000};
}

static void test_create(void)
{
    check_case("create");
    ov_err err = {0};
    char *text = NULL;
    ov_bus_stream want = wanted();
    if (!CHECK_OK(ov_bus_stream_config(&want, &text, &err), &err)) return;
    CHECK_C(text, "{\"name\":\"S\",\"storage\":\"file\",\"retention\":\"limits\",\"description\":\"reports\","
                  "\"discard\":\"old\",\"max_age\":1209600000000000,\"max_bytes\":1000,\"max_msgs_per_subject\":1,"
                  "\"duplicate_window\":120000000000,\"num_replicas\":1,"
                  "\"subjects\":[\"opvic.report.*.*\",\"opvic.heartbeat.*\"]}");
    free(text);
}

static void test_bucket(void)
{
    check_case("bucket");
    ov_err err = {0};
    char *text = NULL;
    ov_bus_stream want = {
        .name = "b", .bucket = true, .discard_new = true, .memory = true, .max_bytes = -1, .max_msgs = -1};
    if (!CHECK_OK(ov_bus_stream_config(&want, &text, &err), &err)) return;
    CHECK_C(text, "{\"name\":\"KV_b\",\"storage\":\"memory\",\"retention\":\"limits\",\"discard\":\"new\","
                  "\"max_msgs_per_subject\":1,\"num_replicas\":1,\"allow_rollup_hdrs\":true,"
                  "\"allow_direct\":true,\"subjects\":[\"$KV.b.>\"]}");
    free(text);
}

static void test_patch(void)
{
    static const char same[] =
        "{\"name\":\"S\",\"storage\":\"file\",\"retention\":\"limits\",\"description\":\"reports\","
        "\"discard\":\"old\",\"max_age\":1209600000000000,\"max_bytes\":1000,\"max_msgs\":-1,"
        "\"max_msgs_per_subject\":1,\"duplicate_window\":120000000000,\"num_replicas\":1,"
        "\"subjects\":[\"opvic.heartbeat.*\",\"opvic.report.*.*\"],\"placement\":{\"tags\":[\"a\"]},"
        "\"max_msg_size\":5}";
    static const struct {
        const char *title, *from, *to; /* in same */
        bool changed;
        const char *text; /* is in the result */
        const char *refusal;
    } cases[] = {
        {"nothing differs", "", "", false, "\"placement\":{\"tags\":[\"a\"]}", NULL},
        {"age", "\"max_age\":1209600000000000", "\"max_age\":5", true, "\"max_age\":1209600000000000", NULL},
        {"unlimited is 0 too", "\"max_msgs\":-1", "\"max_msgs\":0", false, "", NULL},
        {"discard", "\"old\"", "\"new\"", true, "\"discard\":\"old\"", NULL},
        {"an operator's fields stay", "\"max_bytes\":1000", "\"max_bytes\":2000", true, "\"max_msg_size\":5", NULL},
        {"replicas are not lowered", "\"num_replicas\":1", "\"num_replicas\":3", false, "\"num_replicas\":3", NULL},
        {"storage", "\"file\"", "\"memory\"", false, "", "stream S: storage is memory, wanted file"},
        {"retention", "\"limits\"", "\"workqueue\"", false, "", "stream S: retention is workqueue, wanted limits"},
    };
    for (size_t i = 0; i < OV_COUNT(cases); i++) {
        check_case(cases[i].title);
        char text[1024];
        const char *at = strstr(same, cases[i].from);
        snprintf(text, sizeof text, "%.*s%s%s", (int)(at - same), same, cases[i].to, at + strlen(cases[i].from));
        ov_err err = {0};
        bool changed = false;
        OV_CLEANUP(ov_json_tree_p) cJSON *config = NULL;
        ov_bus_stream want = wanted();
        if (!CHECK_OK(ov_json_tree(ov_str_of(text), &config, &err), &err)) continue;
        ov_status s = ov_bus_stream_patch(&want, config, &changed, &err);
        CHECK_STATUS(s, cases[i].refusal ? OV_INVALID : OV_OK, &err);
        if (cases[i].refusal) CHECK_C(err.msg, cases[i].refusal);
        CHECK_INT(changed, cases[i].changed);
        char *printed = ov_bus_stream_print(config);
        CHECK(strstr(printed, cases[i].text));
        free(printed);
    }
}

static void test_servers(void)
{
    static const struct {
        const char *version;
        unsigned replicas;
        ov_status status;
    } cases[] = {
        {"2.9.10", 1, OV_OK},       {"2.9.10", 3, OV_INVALID}, {"2.10.0", 3, OV_OK},        {"2.10.25", 1, OV_INVALID},
        {"2.10.26", 3, OV_INVALID}, {"2.10.27", 3, OV_OK},     {"2.15.2", 3, OV_OK},        {"3.0.0", 3, OV_OK},
        {"2.11.0-RC.1", 3, OV_OK},  {"1.4.1", 3, OV_INVALID},  {"nonsense", 1, OV_INVALID}, {"", 3, OV_OK},
    };
    for (size_t i = 0; i < OV_COUNT(cases); i++) {
        ov_err err = {0};
        check_case(cases[i].version);
        CHECK_STATUS(ov_bus_server_check(cases[i].version, cases[i].replicas, &err), cases[i].status, &err);
    }
}

int main(void)
{
    test_create();
    test_bucket();
    test_patch();
    test_servers();
    return check_end();
}
