/* Reports: what is taken, what is refused and how, and that encoding is the reverse of decoding. */
#include <stdlib.h>

#include "json/tree.h"
#include "proto/report.h"
#include "support/check.h"

#include "base/poison.h"

#define HEAD                                                                                                       \
    "{\"agentId\":\"east\",\"agentTags\":{\"env\":\"prod\"},\"version\":{\"id\":\"coredns\",\"namespace\":\"kube-" \
    "system\","
#define ITEM                                                                                                      \
    "{\"runningVersion\":\"1.7.0\",\"resourceCount\":2,\"resourceKind\":\"Pods\",\"extractedFrom\":\"k8s.gcr.io/" \
    "coredns:1.7.0\"}"
#define LISTS "\"uniqVersions\":[\"1.7.0\"],\"versions\":[" ITEM "]"
#define REMOTE                                                                                 \
    "\"remoteVersion\":{\"provider\":\"github\",\"strategy\":\"releases\",\"repo\":\"coredns/" \
    "coredns\",\"extraction\":{\"regex\":{\"pattern\":\"^v(.*)$\",\"result\":\"$1\"}},\"constraint\":\">= 1\"}"

static const char whole[] = HEAD "\"count\":2," LISTS "," REMOTE "}}";

static void decodes_everything(void)
{
    report r;
    ov_err err = {0};
    check_case("whole");
    if (!CHECK_OK(report_decode(ov_str_of(whole), &r, &err), &err)) return;
    CHECK_STR(r.agent_id, OV_STR("east"));
    CHECK_STR(r.tags, OV_STR("{\"env\":\"prod\"}"));
    CHECK_STR(r.id, OV_STR("coredns"));
    CHECK_STR(r.ns, OV_STR("kube-system"));
    CHECK_INT(r.count, 2);
    CHECK_INT(r.version_count, 1);
    CHECK_STR(r.versions[0].running_version, OV_STR("1.7.0"));
    CHECK_INT(r.versions[0].resource_count, 2);
    CHECK(r.has_remote);
    CHECK_STR(r.remote.pattern, OV_STR("^v(.*)$"));
    CHECK_STR(r.remote.constraint, OV_STR(">= 1"));
    CHECK(ov_str_starts(r.version, OV_STR("{\"id\":\"coredns\"")));
    CHECK_INT(r.reason, REPORT_FINE);
    OV_CLEANUP(ov_buf_clear) ov_buf again = OV_BUF(REPORT_BYTES_MAX);
    report_encode(&r, &again);
    CHECK_STR(ov_buf_str(&again), ov_str_of(whole));
    char digest[REPORT_DIGEST_HEX], same[REPORT_DIGEST_HEX];
    report_digest(ov_str_of(whole), digest);
    report_digest(ov_buf_str(&again), same);
    CHECK_C(digest, same);
    report_clear(&r);
}

static const struct {
    const char *name, *body, *error; /* error NULL: taken */
} bodies[] = {
    {"empty", "", "report: offset 0: expected a value"},
    {"null", "null", "report: null: expected an object"},
    {"array", "[]", "report: an array: expected an object"},
    {"agent id missing", "{\"version\":{}}", "report: agentId: missing"},
    {"agent id empty",
     "{\"agentId\":\"\",\"version\":{\"id\":\"a\",\"namespace\":\"b\",\"count\":1,\"uniqVersions\":[],\"versions\":[]}"
     "}",
     "report: agentId: missing"},
    {"agent id a number", "{\"agentId\":1}", "report: agentId: 1: expected a string"},
    {"version missing", "{\"agentId\":\"a\"}", "report: version: missing"},
    {"version null", "{\"agentId\":\"a\",\"version\":null}", "report: version: missing"},
    {"id missing", "{\"agentId\":\"a\",\"version\":{}}", "report: version.id: missing"},
    {"other case", "{\"AGENTID\":\"a\"}", "report: agentId: missing"},
    {"twice", "{\"agentId\":\"a\",\"agentId\":\"b\"}", "report: agentId: stands twice"},
    {"count zero", HEAD "\"count\":0," LISTS "}}", NULL},
    {"count negative", HEAD "\"count\":-1," LISTS "}}", "report: version.count: -1: expected at least 0"},
    {"count text", HEAD "\"count\":\"1\"," LISTS "}}", "report: version.count: \"1\": expected an integer"},
    {"count 2.0", HEAD "\"count\":2.0," LISTS "}}", "report: version.count: 2.0: expected an integer"},
    {"no remote", HEAD "\"count\":1," LISTS "}}", NULL},
    {"remote null", HEAD "\"count\":1," LISTS ",\"remoteVersion\":null}}", NULL},
    {"remote empty", HEAD "\"count\":1," LISTS ",\"remoteVersion\":{}}}", NULL},
    {"remote text", HEAD "\"count\":1," LISTS ",\"remoteVersion\":\"x\"}}",
     "report: version.remoteVersion: \"x\": expected an object"},
    {"regex text", HEAD "\"count\":1," LISTS ",\"remoteVersion\":{\"extraction\":{\"regex\":\"x\"}}}}",
     "report: version.remoteVersion.extraction.regex: \"x\": expected an object"},
    {"lists empty", HEAD "\"count\":1,\"uniqVersions\":[],\"versions\":[]}}", NULL},
    {"null item", HEAD "\"count\":1,\"uniqVersions\":[],\"versions\":[null]}}",
     "report: version.versions[0]: null: expected an object"},
    {"empty item", HEAD "\"count\":1,\"uniqVersions\":[],\"versions\":[{}]}}", NULL},
    {"second item", HEAD "\"count\":1,\"uniqVersions\":[],\"versions\":[" ITEM ",{\"resourceCount\":\"1\"}]}}",
     "report: version.versions[1].resourceCount: \"1\": expected an integer"},
    {"negative item", HEAD "\"count\":1,\"uniqVersions\":[],\"versions\":[{\"resourceCount\":-1}]}}",
     "report: version.versions[0].resourceCount: expected at least 0"},
    {"uniq number", HEAD "\"count\":1,\"uniqVersions\":[\"a\",1],\"versions\":[]}}",
     "report: version.uniqVersions[1]: 1: expected a string"},
    {"uniq null", HEAD "\"count\":1,\"uniqVersions\":[null],\"versions\":[]}}",
     "report: version.uniqVersions[0]: null: expected a string"},
    {"behind the value", HEAD "\"count\":1," LISTS "}} x", ""},
    {"condition",
     HEAD "\"count\":0,\"uniqVersions\":[],\"versions\":[],\"condition\":{\"reason\":\"NothingMatched\"}}}", NULL},
    {"condition unknown", HEAD "\"count\":0,\"uniqVersions\":[],\"versions\":[],\"condition\":{\"reason\":\"X\"}}}",
     "report: version.condition.reason: \"X\": unknown"},
    {"NUL", "{\"agentId\":\"a\\u0000b\"}", ""},
    {"not UTF-8", "{\"agentId\":\"\xff\"}", ""},
};

static void follows_the_table(void)
{
    for (size_t i = 0; i < OV_COUNT(bodies); i++) {
        report r = {0};
        ov_err err = {0};
        check_case(bodies[i].name);
        ov_status st = report_decode(ov_str_of(bodies[i].body), &r, &err);
        CHECK_STATUS(st, bodies[i].error ? OV_INVALID : OV_OK, &err);
        if (bodies[i].error && *bodies[i].error) CHECK_C(err.msg, bodies[i].error);
        if (st == OV_OK) report_clear(&r);
    }
}

static void tags_are_texts(void)
{
    static const struct {
        const char *tags;
        bool fine;
    } rows[] = {{"{}", true},         {"null", true}, {"{\"a\":null}", true}, {"{\"a\":\"b\"}", true},
                {"{\"a\":1}", false}, {"[]", false},  {"\"a\"", false},       {"{\"a\":\"b\",\"a\":\"c\"}", false}};
    for (size_t i = 0; i < OV_COUNT(rows); i++) {
        check_case(rows[i].tags);
        OV_CLEANUP(ov_buf_clear) ov_buf body = OV_BUF(4096);
        ov_buf_printf(
            &body,
            "{\"agentId\":\"a\",\"agentTags\":%s,\"version\":{\"id\":\"i\",\"namespace\":\"n\",\"count\":1," LISTS "}}",
            rows[i].tags);
        report r;
        ov_err err = {0};
        ov_status st = report_decode(ov_buf_str(&body), &r, &err);
        CHECK_STATUS(st, rows[i].fine ? OV_OK : OV_INVALID, &err);
        if (st == OV_OK) report_clear(&r);
    }
}

static void encodes_what_a_collector_knows(void)
{
    report_version versions[] = {{OV_STR("1.0"), 2, OV_STR("Pods"), OV_STR("a:1.0")},
                                 {OV_STR("1.1"), 1, OV_STR("Pods"), OV_STR("a:1.1")},
                                 {OV_STR("1.0"), 1, OV_STR("Jobs"), OV_STR("b:1.0")}};
    report r = {.agent_id = OV_STR("a"),
                .tags = OV_STR("{}"),
                .id = OV_STR("t"),
                .ns = OV_STR("n"),
                .count = 5,
                .versions = versions,
                .version_count = 3,
                .reason = REPORT_SOME_FAILED,
                .message = OV_STR("one \"x\"")};
    OV_CLEANUP(ov_buf_clear) ov_buf body = OV_BUF(REPORT_BYTES_MAX);
    report_encode(&r, &body);
    check_case("collector");
    report back;
    ov_err err = {0};
    if (!CHECK_OK(report_decode(ov_buf_str(&body), &back, &err), &err)) return;
    CHECK_STR(back.uniq_versions, OV_STR("[\"1.0\",\"1.1\"]"));
    CHECK_INT(back.version_count, 3);
    CHECK_INT(back.reason, REPORT_SOME_FAILED);
    CHECK_STR(back.message, OV_STR("one \"x\""));
    CHECK(!back.has_remote);
    report_clear(&back);
}

int main(void)
{
    decodes_everything();
    follows_the_table();
    tags_are_texts();
    encodes_what_a_collector_knows();
    return check_end();
}
