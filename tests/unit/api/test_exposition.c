/* Metrics: which series there are, what is merged, cut or left out, and that the compressed answer is the same text. */
#include <stdlib.h>

#include "base/log.h"
#include "services/api/exposition.h"
#include "tests/unit/api/documents.h"

#include "base/poison.h"

#define V1 "0123456789abcdef0123456789abcdef"

static view *publish(mirror *m)
{
    view *v = mirror_publish(m, (ov_mono){0});
    return v ? v : view_new(NULL, 0, -1, NULL);
}

static void expose(mirror *m, ov_buf *out)
{
    reply *r = exposition_plain(publish(m), OV_STR("own 1\n"));
    reply_text(r, out);
    reply_free(r);
}

static size_t lines_with(const ov_buf *text, const char *needle)
{
    size_t count = 0;
    ov_str rest = ov_buf_str(text), line;
    while (ov_str_split(&rest, '\n', &line)) {
        count += line.len && line.ptr[0] != '#' && memmem(line.ptr, line.len, needle, strlen(needle)) != NULL;
    }
    return count;
}

static void put_spellings(mirror *m, const char *const *running, size_t count, const char *verdict)
{
    OV_CLEANUP(ov_buf_clear) ov_buf body = OV_BUF(65536), version = OV_BUF(65536);
    entry_version versions[8];
    ov_buf_printf(&version, "{\"id\":\"t\",\"namespace\":\"n\",\"count\":9,\"uniqVersions\":[],\"versions\":[");
    for (size_t i = 0; i < count; i++) {
        ov_buf_printf(
            &version,
            "%s{\"runningVersion\":\"%s\",\"resourceCount\":%zu,\"resourceKind\":\"Pods\",\"extractedFrom\":\"i\"}",
            i ? "," : "", running[i], i + 1);
        versions[i] = (entry_version){.verdict = ov_str_of(verdict), .state = STATE_BEHIND, .latest = OV_STR("1.3.0")};
    }
    ov_buf_printf(&version, "]}");
    entry_doc d = {.agent_id = OV_STR("a"),
                   .id = OV_STR("t"),
                   .state = STATE_BEHIND,
                   .latest = OV_STR("1.3.0"),
                   .report = ov_buf_str(&version),
                   .versions = versions,
                   .version_count = count};
    ov_err err = {0};
    entry_doc_encode(&d, &body);
    CHECK_OK(mirror_apply(m, OV_STR(STATE_PREFIX "entry.a.t"), ov_buf_str(&body), &err), &err);
}

static void spellings_are_one_series(void)
{
    static const char *const running[] = {"1.2", "v1.2.0", "1.2.0", "latest"};
    mirror *m = mirror_new();
    OV_CLEANUP(ov_buf_clear) ov_buf text = OV_BUF(1 << 20);
    put_verdict(m, V1, STATE_BEHIND, "1.3.0", "[\"1.3.0\"]");
    put_spellings(m, running, OV_COUNT(running), V1);
    expose(m, &text);
    check_case("spellings");
    CHECK_INT(lines_with(&text,
                         "version_state{version_id=\"t\",agent_id=\"a\",running_version=\"1.2.0\",state=\"behind\"} 1"),
              1);
    CHECK_INT(lines_with(&text, "version_state{"), 2);
    CHECK_INT(lines_with(&text, "minor_versions_count{"), 1);
    CHECK_INT(lines_with(&text, "version_resource_count{"), 2);
    CHECK_INT(lines_with(&text,
                         "running_version=\"1.2.0\",resource_kind=\"Pods\",remote_provider=\"\",remote_repo=\"\","
                         "extracted_from=\"i\",latest_version=\"1.3.0\"} 6"),
              1);
    CHECK_INT(lines_with(&text, "version_resource_count{version_id=\"t\",agent_id=\"a\",running_version=\"latest\""),
              1);
    mirror_free(m);
}

static void missing_has_no_gap_series(void)
{
    mirror *m = mirror_new();
    OV_CLEANUP(ov_buf_clear) ov_buf text = OV_BUF(1 << 20);
    put_entry(m, "a", "t", "1.0", "", STATE_UNKNOWN_REMOTE, "missing");
    expose(m, &text);
    check_case("missing");
    CHECK_INT(lines_with(&text, "_versions_count{"), 0);
    CHECK_INT(lines_with(&text, "latest_version=\"missing\"} 2"), 1);
    CHECK_INT(lines_with(&text, "rate_limit_remaining"), 0);
    CHECK(ov_str_ends(ov_buf_str(&text), OV_STR("own 1\n")));
    mirror_free(m);
}

static void long_lists_are_cut(void)
{
    mirror *m = mirror_new();
    OV_CLEANUP(ov_buf_clear) ov_buf text = OV_BUF(1 << 20), minors = OV_BUF(1 << 20);
    ov_buf_append_char(&minors, '[');
    for (int i = 0; i < 1000; i++) ov_buf_printf(&minors, "%s\"1.%d.0\"", i ? "," : "", i + 3);
    ov_buf_append_c(&minors, "]");
    ov_buf_append_char(&minors, '\0');
    put_verdict(m, V1, STATE_BEHIND, "1.1002.0", minors.ptr);
    put_entry(m, "a", "t", "1.0", V1, STATE_BEHIND, "1.1002.0");
    expose(m, &text);
    check_case("cut");
    CHECK_INT(lines_with(&text, "," TAIL_LABEL_CUT "\"} 1000"), 1);
    CHECK(text.len < 8 * TAIL_LABEL_BYTES_MAX);
    mirror_free(m);
}

static void labels_are_escaped(void)
{
    mirror *m = mirror_new();
    OV_CLEANUP(ov_buf_clear) ov_buf text = OV_BUF(1 << 20);
    put_agent(m, "a\"b\\", "{\"k\":\"v\\nw\",\"l\":\"x\"}");
    expose(m, &text);
    check_case("escaped");
    CHECK_INT(lines_with(&text, "{agent_id=\"a\\\"b\\\\\",tags=\"k=v\\nw,l=x\"} 7"), 1);
    mirror_free(m);
}

static void every_state_is_a_series(void)
{
    for (unsigned i = 0; i < STATE_VALUES; i++) {
        const char *state = state_value_name((state_value)i);
        const char *series =
            OV_FMT("version_state{version_id=\"t\",agent_id=\"a\",running_version=\"1.0.0\",state=\"%s\"} 1", state);
        mirror *m = mirror_new();
        OV_CLEANUP(ov_buf_clear) ov_buf text = OV_BUF(1 << 20);
        put_entry(m, "a", "t", "1.0", "", (state_value)i, "missing");
        expose(m, &text);
        check_case(state);
        CHECK_INT(lines_with(&text, series), 1);
        CHECK_INT(lines_with(&text, "version_state{"), 1);
        mirror_free(m);
    }
}

/* A tracker that matches nothing, or cannot be evaluated. */
static void an_entry_without_versions_has_its_state(void)
{
    mirror *m = mirror_new();
    OV_CLEANUP(ov_buf_clear) ov_buf text = OV_BUF(1 << 20), shown = OV_BUF(1 << 20);
    put(m, "entry.a.t",
        "{\"schema\":1,\"agentId\":\"a\",\"id\":\"t\",\"state\":\"invalid\",\"latestVersion\":\"missing\",\"report\":{"
        "\"id\":\"t\","
        "\"namespace\":\"n\",\"count\":0,\"uniqVersions\":[],\"versions\":[]},\"versions\":[]}");
    OV_CLEANUP(view_unref_p) view *v = publish(m);
    reply *r = exposition_plain(view_ref(v), OV_STR(""));
    reply_text(r, &text);
    reply_free(r);
    check_case("no versions");
    CHECK_INT(
        lines_with(&text, "version_state{version_id=\"t\",agent_id=\"a\",running_version=\"\",state=\"invalid\"} 1"),
        1);
    CHECK_INT(lines_with(&text, "version_id="), 1);
    r = answer_gap(view_ref(v), OV_STR("a"), OV_STR("t"));
    reply_text(r, &shown);
    reply_free(r);
    CHECK(ov_str_ends(ov_buf_str(&shown), OV_STR("\"versions\":[]}")));
    mirror_free(m);
}

/* Four running versions: one at its end, one before it, one whose cycle has no date, one whose cycle is not known. */
#define ENDS "{\"product\":\"nginx\",\"cycle\":"
static const struct {
    const char *running, *end;
} living[] = {
    {"v1.26.0", ENDS "\"1.26\",\"date\":\"2025-04-23\",\"reached\":true}"},
    {"1.28.0", ENDS "\"1.28\",\"date\":\"2026-12-01\",\"reached\":false}"},
    {"1.29.0", ENDS "\"1.29\",\"reached\":false}"},
    {"nightly", "{\"product\":\"nginx\",\"reason\":\"no cycle has this version\"}"},
    {"1.26.0", ENDS "\"1.26\",\"date\":\"2025-04-23\",\"reached\":true}"}, /* the same to metrics */
};

static void put_living(mirror *m)
{
    OV_CLEANUP(ov_buf_clear) ov_buf body = OV_BUF(65536), version = OV_BUF(65536);
    entry_version versions[OV_COUNT(living)];
    ov_buf_printf(&version, "{\"id\":\"t\",\"namespace\":\"n\",\"count\":9,\"uniqVersions\":[],\"versions\":[");
    for (size_t i = 0; i < OV_COUNT(living); i++) {
        ov_buf_printf(&version, "%s{\"runningVersion\":\"%s\",\"resourceCount\":1}", i ? "," : "", living[i].running);
        versions[i] = (entry_version){.verdict = OV_STR(""),
                                      .state = STATE_UNKNOWN_REMOTE,
                                      .latest = OV_STR("missing"),
                                      .end_of_life = ov_str_of(living[i].end)};
    }
    ov_buf_printf(&version, "]}");
    entry_doc d = {.agent_id = OV_STR("a"),
                   .id = OV_STR("t"),
                   .state = STATE_UNKNOWN_REMOTE,
                   .latest = OV_STR("missing"),
                   .report = ov_buf_str(&version),
                   .versions = versions,
                   .version_count = OV_COUNT(living)};
    ov_err err = {0};
    entry_doc_encode(&d, &body);
    CHECK_OK(mirror_apply(m, OV_STR(STATE_PREFIX "entry.a.t"), ov_buf_str(&body), &err), &err);
}

#define END_LABELS(running, cycle) \
    "{version_id=\"t\",agent_id=\"a\",running_version=\"" running "\",product=\"nginx\",cycle=\"" cycle "\"} "

static void ends_are_series(void)
{
    mirror *m = mirror_new();
    OV_CLEANUP(ov_buf_clear) ov_buf text = OV_BUF(1 << 20), shown = OV_BUF(1 << 20);
    check_case("nobody asks for ends");
    put_entry(m, "b", "u", "1.0", "", STATE_UNKNOWN_REMOTE, "missing");
    expose(m, &text);
    CHECK(!memmem(text.ptr, text.len, "end_of_life", 11));
    check_case("ends");
    put_living(m);
    OV_CLEANUP(view_unref_p) view *v = publish(m);
    ov_buf_reset(&text);
    reply *r = exposition_plain(view_ref(v), OV_STR(""));
    reply_text(r, &text);
    reply_free(r);
    CHECK_INT(lines_with(&text, "version_end_of_life" END_LABELS("1.26.0", "1.26") "1"), 1);
    CHECK_INT(lines_with(&text, "version_end_of_life" END_LABELS("1.28.0", "1.28") "0"), 1);
    CHECK_INT(lines_with(&text, "version_end_of_life" END_LABELS("1.29.0", "1.29") "0"), 1);
    CHECK_INT(lines_with(&text, "version_end_of_life{"), 3);
    CHECK_INT(lines_with(&text, "version_end_of_life_timestamp_seconds" END_LABELS("1.26.0", "1.26") "1.7453664e+09"),
              1);
    CHECK_INT(lines_with(&text, "version_end_of_life_timestamp_seconds" END_LABELS("1.28.0", "1.28") "1.7960832e+09"),
              1);
    CHECK_INT(lines_with(&text, "version_end_of_life_timestamp_seconds{"), 2);
    check_case("ends in the gap");
    r = answer_gap(view_ref(v), OV_STR("a"), OV_STR("t"));
    reply_text(r, &shown);
    reply_free(r);
    for (size_t i = 0; i < OV_COUNT(living); i++)
        CHECK(memmem(shown.ptr, shown.len, living[i].end, strlen(living[i].end)));
    mirror_free(m);
}

#define SOURCE(repo, rest)                                                                                             \
    "{\"schema\":1,\"source\":\"github/tags/" repo "\",\"provider\":\"github\",\"strategy\":\"tags\",\"repo\":\"" repo \
    "\"," rest "}"
#define SERIES(repo, outcome, value)                                                                            \
    "source_up{remote_provider=\"github\",remote_strategy=\"tags\",remote_repo=\"" repo "\",outcome=\"" outcome \
    "\"} " value

/* Each step's document, and the series that stand afterwards. */
static void sources_say_how_they_are(void)
{
    static const struct {
        const char *name, *key, *body, *series[3];
    } steps[] = {
        {"not looked at", "source.x", SOURCE("o/x", "\"outcome\":\"\""), {NULL}},
        {"complete", "source.x", SOURCE("o/x", "\"outcome\":\"complete\""), {SERIES("o/x", "complete", "1")}},
        {"not modified", "source.x", SOURCE("o/x", "\"outcome\":\"notModified\""), {SERIES("o/x", "complete", "1")}},
        {"failed",
         "source.x",
         SOURCE("o/x", "\"outcome\":\"failed\",\"failure\":\"unreachable\""),
         {SERIES("o/x", "unreachable", "0")}},
        {"deferred",
         "source.a",
         SOURCE("o/a", "\"outcome\":\"deferred\""),
         {SERIES("o/a", "deferred", "0"), SERIES("o/x", "unreachable", "0")}},
        {"gone", "source.x", "", {SERIES("o/a", "deferred", "0")}},
    };
    mirror *m = mirror_new();
    OV_CLEANUP(ov_buf_clear) ov_buf text = OV_BUF(1 << 20);
    for (size_t i = 0; i < OV_COUNT(steps); i++) {
        size_t count = 0;
        check_case(steps[i].name);
        put(m, steps[i].key, steps[i].body);
        view *v = mirror_publish(m, (ov_mono){0});
        if (v) { /* else nothing changed */
            reply *r = exposition_plain(v, OV_STR(""));
            ov_buf_reset(&text);
            reply_text(r, &text);
            reply_free(r);
        }
        for (; steps[i].series[count]; count++) CHECK_INT(lines_with(&text, steps[i].series[count]), 1);
        CHECK_INT(lines_with(&text, "source_up{"), count);
    }
    check_case("not in the next snapshot");
    mirror_snapshot_begin(m);
    mirror_snapshot_end(m);
    ov_buf_reset(&text);
    expose(m, &text);
    CHECK_INT(lines_with(&text, "source_up"), 0);
    mirror_free(m);
}

/* gzip's member as its raw deflate stream, inflated. */
static void gunzip(ov_str member, ov_buf *out)
{
    ov_err err = {0};
    if (!CHECK(member.len > 18)) return;
    CHECK_OK(ov_inflate(ov_str_sub(member, 10, member.len - 8), out, &err), &err);
}

static void compressed_is_the_same(void)
{
    mirror *m = mirror_new();
    put_agent(m, "a", "{}");
    put_agent(m, "b", "{}");
    put_verdict(m, V1, STATE_BEHIND, "1.3.0", "[\"1.3.0\"]");
    put_entry(m, "a", "t", "1.0", V1, STATE_BEHIND, "1.3.0");
    put_entry(m, "b", "t", "1.0", V1, STATE_BEHIND, "1.3.0");
    put_entry(m, "b", "u", "1.0", "", STATE_UNKNOWN_REMOTE, "missing");
    put_living(m);
    put(m, "source.x", SOURCE("o/x", "\"outcome\":\"complete\""));
    OV_CLEANUP(view_unref_p) view *v = publish(m);
    OV_CLEANUP(ov_buf_clear) ov_buf plain = OV_BUF(1 << 20), zipped = OV_BUF(1 << 20), text = OV_BUF(1 << 20);
    reply *r = exposition_plain(view_ref(v), OV_STR("own 1\n"));
    reply_text(r, &plain);
    reply_free(r);
    for (int round = 0; round < 2; round++) {
        check_case(round ? "again" : "gzip");
        ov_buf_reset(&zipped);
        ov_buf_reset(&text);
        r = exposition_gzip(view_ref(v), OV_STR("own 1\n"));
        reply_text(r, &zipped);
        reply_free(r);
        gunzip(ov_buf_str(&zipped), &text);
        CHECK_STR(ov_buf_str(&text), ov_buf_str(&plain));
    }
    mirror_free(m);
}

int main(void)
{
    spellings_are_one_series();
    missing_has_no_gap_series();
    long_lists_are_cut();
    labels_are_escaped();
    every_state_is_a_series();
    an_entry_without_versions_has_its_state();
    ends_are_series();
    sources_say_how_they_are();
    compressed_is_the_same();
    return check_end();
}
