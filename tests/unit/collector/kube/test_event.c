/* What an API server writes, and what somebody else could write in its place. */
#include "services/collector/kube/event.h"

#include <string.h>

#include "support/check.h"

static void test_events(void)
{
    static const struct {
        const char *line;
        ov_status status;
        kube_event_type type;
        const char *object; /* or what the error says */
    } cases[] = {
        {"{\"type\":\"ADDED\",\"object\":{\"a\":1}}", OV_OK, KUBE_ADDED, "{\"a\":1}"},
        {"{\"object\":{},\"type\":\"DELETED\"}", OV_OK, KUBE_DELETED, "{}"},
        {"{\"type\":\"BOOKMARK\",\"object\":{},\"more\":[1]}", OV_OK, KUBE_BOOKMARK, "{}"},
        {"{\"type\":\"ERROR\",\"object\":{\"code\":410}}", OV_OK, KUBE_ERROR, "{\"code\":410}"},
        {"{\"type\":\"OTHER\",\"object\":{}}", OV_INVALID, 0, "expected ADDED"},
        {"{\"type\":\"ADDED\"}", OV_INVALID, 0, "object: missing"},
        {"{\"type\":\"ADDED\",\"object\":[]}", OV_INVALID, 0, "object"},
        {"{\"type\":1,\"object\":{}}", OV_INVALID, 0, "type"},
        {"<html>", OV_INVALID, 0, "watch"},
        {"{\"type\":\"ADDED\",\"object\":{}", OV_INVALID, 0, ""},
    };
    for (size_t i = 0; i < OV_COUNT(cases); i++) {
        kube_event e = {0};
        ov_err err = {0};
        check_case(cases[i].line);
        CHECK_STATUS(kube_event_parse(ov_str_of(cases[i].line), &e, &err), cases[i].status, &err);
        if (cases[i].status != OV_OK) {
            CHECK(strstr(err.msg, cases[i].object));
            continue;
        }
        CHECK_INT(e.type, cases[i].type);
        CHECK_STR(e.object, ov_str_of(cases[i].object));
    }
}

static void test_meta(void)
{
    static const struct {
        const char *object, *ns, *name, *version, *fails;
        bool ends;
    } cases[] = {
        {"{\"metadata\":{\"namespace\":\"n\",\"name\":\"a\",\"resourceVersion\":\"7\"}}", "n", "a", "7", NULL, false},
        {"{\"metadata\":{\"resourceVersion\":\"9\",\"annotations\":{\"k8s.io/initial-events-end\":\"true\"}}}", "", "",
         "9", NULL, true},
        {"{\"metadata\":{\"resourceVersion\":\"9\",\"annotations\":{\"k8s.io/initial-events-end\":\"no\"}}}", "", "",
         "9", NULL, false},
        {"{\"metadata\":{\"name\":\"a\"}}", "", "", "", "resourceVersion: missing", false},
        {"{}", "", "", "", "metadata: expected an object", false},
        {"{\"metadata\":[]}", "", "", "", "metadata: expected an object", false},
    };
    for (size_t i = 0; i < OV_COUNT(cases); i++) {
        OV_CLEANUP(ov_json_tree_p) cJSON *object = NULL;
        kube_meta m = {0};
        ov_err err = {0};
        check_case(cases[i].object);
        CHECK_OK(ov_json_tree(ov_str_of(cases[i].object), &object, &err), &err);
        CHECK_STATUS(kube_meta_read(object, &m, &err), cases[i].fails ? OV_INVALID : OV_OK, &err);
        if (cases[i].fails) {
            CHECK(strstr(err.msg, cases[i].fails));
            continue;
        }
        CHECK_STR(m.ns, ov_str_of(cases[i].ns));
        CHECK_STR(m.name, ov_str_of(cases[i].name));
        CHECK_STR(m.version, ov_str_of(cases[i].version));
        CHECK_INT(m.initial_events_end, cases[i].ends);
    }
}

static void test_statuses(void)
{
    static const struct {
        const char *text;
        unsigned code;
        int64_t retry_after_s;
        const char *message;
    } cases[] = {
        {"{\"kind\":\"Status\",\"message\":\"too old\",\"reason\":\"Expired\",\"code\":410}", 410, -1, "too old"},
        {"{\"code\":429,\"message\":\"later\",\"details\":{\"retryAfterSeconds\":3}}", 429, 3, "later"},
        {"{\"code\":\"x\",\"details\":[]}", 0, -1, ""},
        {"upstream connect error", 0, -1, "upstream connect error"},
        {"", 0, -1, ""},
        {"{\"code\":-5,\"details\":{\"retryAfterSeconds\":1e99}}", 0, -1, ""},
    };
    for (size_t i = 0; i < OV_COUNT(cases); i++) {
        kube_status s;
        check_case(cases[i].text);
        kube_status_parse(ov_str_of(cases[i].text), &s);
        CHECK_INT(s.code, cases[i].code);
        CHECK_INT(s.retry_after_s, cases[i].retry_after_s);
        CHECK_C(s.message, cases[i].message);
    }
}

static void test_list_heads(void)
{
    kube_list_head h = {0};
    ov_err err = {0};
    check_case(NULL);
    CHECK_OK(kube_list_head_parse(
                 OV_STR("{\"metadata\":{\"resourceVersion\":\"5\",\"continue\":\"abc\"},\"items\":[]}"), &h, &err),
             &err);
    CHECK_C(h.version, "5");
    CHECK_C(h.more, "abc");
    CHECK_STATUS(kube_list_head_parse(OV_STR("{\"metadata\":{}}"), &h, &err), OV_INVALID, &err);
    CHECK_STATUS(kube_list_head_parse(OV_STR("[]"), &h, &err), OV_INVALID, &err);
    CHECK_C(h.version, "5");
}

int main(void)
{
    test_events();
    test_meta();
    test_statuses();
    test_list_heads();
    return check_end();
}
