/* The mirror: what each document changes in the answers, and that entry and verdict are never mixed. */
#include "tests/unit/api/documents.h"

#include "base/poison.h"

#define V1 "0123456789abcdef0123456789abcdef"

static const char gap_behind[] =
    "{\"id\":\"t\",\"agentId\":\"a\",\"resourceCount\":2,\"runningVersions\":[\"v1.0\"],\"latestVersion\":\"1.2.0\","
    "\"remoteProvider\":\"github\",\"remoteRepo\":\"a/"
    "b\",\"state\":\"behind\",\"versions\":[{\"currentVersion\":\"1.0.0\","
    "\"resourceCount\":2,\"resourceKind\":\"Pods\",\"extractedFrom\":\"i:v1.0\",\"latestVersion\":\"1.2.0\","
    "\"availableVersions\":[\"1.2.0\"],\"availableMajors\":[],\"availableMinors\":[\"1.2.0\"],\"availablePatches\":[],"
    "\"majorAvailable\":false,\"minorAvailable\":true,\"patchAvailable\":false,\"state\":\"behind\"}]}";
static const char gap_pending[] =
    "{\"id\":\"t\",\"agentId\":\"a\",\"resourceCount\":2,\"runningVersions\":[\"v1.0\"],\"latestVersion\":\"missing\","
    "\"remoteProvider\":\"github\",\"remoteRepo\":\"a/"
    "b\",\"state\":\"pending\",\"versions\":[{\"currentVersion\":\"1.0.0\","
    "\"resourceCount\":2,\"resourceKind\":\"Pods\",\"extractedFrom\":\"i:v1.0\",\"latestVersion\":\"missing\"," NO_LISTS
    ",\"state\":\"pending\"}]}";

static void publish(mirror *m, view **v, int64_t now_ms)
{
    view *next = mirror_publish(m, (ov_mono){now_ms});
    if (!next) return;
    view_unref(*v);
    *v = next;
}

static void one_entry(void)
{
    mirror *m = mirror_new();
    OV_CLEANUP(view_unref_p) view *v = view_new(NULL, 0, -1, NULL);
    check_case("empty");
    check_reply(answer_agents(view_ref(v)), "[]");
    check_reply(answer_overview(view_ref(v)), "[]");
    check_reply(answer_agent(view_ref(v), OV_STR("a")), "404");
    check_case("an entry before its verdict");
    put_agent(m, "a", "{\"env\":\"prod\",\"x\":null}");
    put_entry(m, "a", "t", "v1.0", V1, STATE_BEHIND, "1.2.0");
    publish(m, &v, 0);
    check_reply(answer_gap(view_ref(v), OV_STR("a"), OV_STR("t")), gap_pending);
    CHECK_INT(mirror_count(m).waiting, 1);
    check_case("with its verdict");
    put_verdict(m, V1, STATE_BEHIND, "1.2.0", "[\"1.2.0\"]");
    publish(m, &v, 0);
    check_reply(answer_gap(view_ref(v), OV_STR("a"), OV_STR("t")), gap_behind);
    check_reply(answer_gap(view_ref(v), OV_STR("a"), OV_STR("u")), "404");
    check_reply(answer_gap(view_ref(v), OV_STR("b"), OV_STR("t")), "404");
    CHECK_INT(mirror_count(m).waiting, 0);
    check_case("agents");
    check_reply(answer_agents(view_ref(v)),
                "[{\"id\":\"a\",\"tags\":{\"env\":\"prod\",\"x\":\"\"},\"lastHeartbeat\":7}]");
    put(m, "live.3", "{\"schema\":1,\"agents\":{\"a\":1795375872,\"b\":5}}");
    publish(m, &v, 0);
    check_reply(answer_agents(view_ref(v)),
                "[{\"id\":\"a\",\"tags\":{\"env\":\"prod\",\"x\":\"\"},\"lastHeartbeat\":1795375872}]");
    check_case("nothing new is no new view");
    CHECK(mirror_publish(m, (ov_mono){0}) == NULL);
    mirror_free(m);
}

static void never_mixed(void)
{
    mirror *m = mirror_new();
    OV_CLEANUP(view_unref_p) view *v = view_new(NULL, 0, -1, NULL);
    put_verdict(m, V1, STATE_BEHIND, "1.2.0", "[\"1.2.0\"]");
    put_entry(m, "a", "t", "v1.0", V1, STATE_BEHIND, "1.2.0");
    publish(m, &v, 0);
    check_case("a verdict ahead of its entry changes no answer");
    put_verdict(m, V1, STATE_BEHIND, "1.3.0", "[\"1.2.0\",\"1.3.0\"]");
    publish(m, &v, 0);
    check_reply(answer_gap(view_ref(v), OV_STR("a"), OV_STR("t")), gap_behind);
    CHECK_INT(mirror_count(m).waiting, 1);
    check_case("until the entry follows");
    put_entry(m, "a", "t", "v1.0", V1, STATE_BEHIND, "1.3.0");
    publish(m, &v, 10);
    OV_CLEANUP(ov_buf_clear) ov_buf text = OV_BUF(1 << 20);
    reply *r = answer_gap(view_ref(v), OV_STR("a"), OV_STR("t"));
    reply_text(r, &text);
    reply_free(r);
    CHECK(memmem(text.ptr, text.len, "\"1.2.0\",\"1.3.0\"", 15) != NULL);
    CHECK_INT(mirror_count(m).waiting, 0);
    check_case("or too much time passes");
    put_verdict(m, V1, STATE_STALE, "1.3.0", "[]");
    publish(m, &v, 20);
    CHECK_INT(mirror_count(m).waiting, 1);
    publish(m, &v, 20 + MIRROR_WAIT_MS);
    CHECK_INT(mirror_count(m).waiting, 0);
    ov_buf_reset(&text);
    r = answer_gap(view_ref(v), OV_STR("a"), OV_STR("t"));
    reply_text(r, &text);
    reply_free(r);
    CHECK(memmem(text.ptr, text.len, "\"stale\"", 7) != NULL);
    mirror_free(m);
}

static void snapshots_sweep(void)
{
    mirror *m = mirror_new();
    OV_CLEANUP(view_unref_p) view *v = view_new(NULL, 0, -1, NULL);
    mirror_snapshot_begin(m);
    put_agent(m, "a", "{}");
    put_agent(m, "b", "{}");
    put_entry(m, "a", "t", "v1.0", V1, STATE_BEHIND, "1.2.0");
    put_entry(m, "b", "t", "v1.0", V1, STATE_BEHIND, "1.2.0");
    put_entry(m, "b", "u", "v1.0", V1, STATE_BEHIND, "1.2.0");
    put_verdict(m, V1, STATE_BEHIND, "1.2.0", "[\"1.2.0\"]");
    mirror_snapshot_end(m);
    publish(m, &v, 0);
    CHECK_INT(mirror_count(m).entries, 3);
    check_case("what is given again stays without a new view");
    mirror_snapshot_begin(m);
    put_agent(m, "a", "{}");
    put_entry(m, "a", "t", "v1.0", V1, STATE_BEHIND, "1.2.0");
    put_verdict(m, V1, STATE_BEHIND, "1.2.0", "[\"1.2.0\"]");
    mirror_keep(m, OV_STR(STATE_PREFIX "entry.b.u"));
    CHECK(mirror_publish(m, (ov_mono){0}) == NULL);
    CHECK(!mirror_snapshot_is_whole(m));
    mirror_snapshot_end(m);
    publish(m, &v, 0);
    CHECK(mirror_snapshot_is_whole(m));
    check_case("what is not is gone; what cannot be read stays as it was");
    check_reply(answer_gap(view_ref(v), OV_STR("a"), OV_STR("t")), gap_behind);
    check_reply(answer_gap(view_ref(v), OV_STR("b"), OV_STR("t")), "404");
    CHECK_INT(mirror_count(m).entries, 2);
    check_reply(answer_agents(view_ref(v)), "[{\"id\":\"a\",\"tags\":{},\"lastHeartbeat\":7}]");
    check_case("an empty snapshot empties all");
    mirror_snapshot_begin(m);
    mirror_snapshot_end(m);
    publish(m, &v, 0);
    check_reply(answer_overview(view_ref(v)), "[]");
    CHECK_INT(mirror_count(m).agents, 0);
    CHECK_INT(mirror_count(m).verdicts, 0);
    mirror_free(m);
}

static void entries_go(void)
{
    mirror *m = mirror_new();
    OV_CLEANUP(view_unref_p) view *v = view_new(NULL, 0, -1, NULL);
    put_agent(m, "a", "{}");
    put_entry(m, "a", "t", "v1.0", "", STATE_UNKNOWN_REMOTE, "missing");
    put_entry(m, "a", "u", "v1.0", "", STATE_UNKNOWN_REMOTE, "missing");
    put_entry(m, "a", "w.x", "v1.0", "", STATE_UNKNOWN_REMOTE, "missing");
    publish(m, &v, 0);
    OV_CLEANUP(view_unref_p) view *before = view_ref(v);
    check_case("gone");
    put(m, "entry.a.t", "{\"schema\":1,\"agentId\":\"a\",\"id\":\"t\",\"goneAt\":9}");
    put(m, "entry.a.u", "");
    put(m, "entry.a.w=2Ex", "");
    publish(m, &v, 0);
    check_reply(answer_agent(view_ref(v), OV_STR("a")), "[]");
    check_case("a view does not change");
    CHECK(answer_tracker(view_ref(before), OV_STR("a"), OV_STR("zz")) == NULL);
    reply *r = answer_tracker(view_ref(before), OV_STR("a"), OV_STR("t"));
    CHECK(r != NULL);
    reply_free(r);
    check_case("an expired agent is not listed");
    put(m, "agent.a", "{\"schema\":1,\"agentId\":\"a\",\"tags\":{},\"state\":\"expired\"}");
    publish(m, &v, 0);
    check_reply(answer_agents(view_ref(v)), "[]");
    check_reply(answer_agent(view_ref(v), OV_STR("a")), "404");
    mirror_free(m);
}

static const struct {
    const char *key, *body;
} refused[] = {
    {"entry.a.t", "{"},
    {"entry.a.t", "{\"schema\":2,\"agentId\":\"a\",\"id\":\"t\",\"goneAt\":9}"},
    {"entry.b.t", "{\"schema\":1,\"agentId\":\"a\",\"id\":\"t\",\"goneAt\":9}"},
    {"verdict." V1, "{\"schema\":1,\"id\":\"" V1 "\",\"source\":\"s\",\"state\":\"behind\",\"gap\":{}}"},
    {"verdict.x", "{\"schema\":1,\"id\":\"y\",\"source\":\"s\",\"state\":\"behind\",\"gap\":{}}"},
    {"agent.a", "{\"schema\":1,\"agentId\":\"a\",\"tags\":[],\"state\":\"alive\"}"},
    {"live.1", "{\"schema\":1,\"agents\":{\"a\":\"x\"}}"},
};

static void bad_documents_change_nothing(void)
{
    mirror *m = mirror_new();
    OV_CLEANUP(view_unref_p) view *v = view_new(NULL, 0, -1, NULL);
    put_agent(m, "a", "{}");
    put_verdict(m, V1, STATE_BEHIND, "1.2.0", "[\"1.2.0\"]");
    put_entry(m, "a", "t", "v1.0", V1, STATE_BEHIND, "1.2.0");
    for (size_t i = 0; i < OV_COUNT(refused); i++) {
        OV_CLEANUP(ov_buf_clear) ov_buf key = OV_BUF(SUBJECT_MAX);
        ov_err err = {0};
        check_case(refused[i].body);
        ov_buf_printf(&key, STATE_PREFIX "%s", refused[i].key);
        CHECK_STATUS(mirror_apply(m, ov_buf_str(&key), ov_str_of(refused[i].body), &err), OV_INVALID, &err);
        CHECK(err.msg[0] != '\0');
    }
    publish(m, &v, 0);
    check_reply(answer_gap(view_ref(v), OV_STR("a"), OV_STR("t")), gap_behind);
    mirror_free(m);
}

static void overview_is_by_tracker(void)
{
    mirror *m = mirror_new();
    OV_CLEANUP(view_unref_p) view *v = view_new(NULL, 0, -1, NULL);
    put_entry(m, "b", "t", "v1.0", "", STATE_UNKNOWN_REMOTE, "missing");
    put_entry(m, "a", "t", "v1.0", "", STATE_UNKNOWN_REMOTE, "missing");
    put_entry(m, "b", "q", "v1.0", "", STATE_UNKNOWN_REMOTE, "missing");
    publish(m, &v, 0);
    OV_CLEANUP(ov_buf_clear) ov_buf text = OV_BUF(1 << 20);
    reply *r = answer_overview(view_ref(v));
    reply_text(r, &text);
    reply_free(r);
    check_case("overview");
    CHECK(ov_str_starts(ov_buf_str(&text), OV_STR("[{\"q\":[{\"id\":\"q\",\"agentId\":\"b\"")));
    const char *a = memmem(text.ptr, text.len, "\"id\":\"t\",\"agentId\":\"a\"", 22);
    const char *b = memmem(text.ptr, text.len, "\"id\":\"t\",\"agentId\":\"b\"", 22);
    CHECK(a && b && a < b);
    mirror_free(m);
}

int main(void)
{
    one_entry();
    never_mixed();
    snapshots_sweep();
    entries_go();
    bad_documents_change_nothing();
    overview_is_by_tracker();
    return check_end();
}
