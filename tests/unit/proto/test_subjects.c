/* Subjects and keys: escaping, reading back, and what is no subject of ours. */
#include "proto/subjects.h"
#include "support/check.h"

#include "base/poison.h"

static const struct {
    const char *id, *token;
} tokens[] = {
    {"cluster-east", "cluster-east"},
    {"", "="},
    {"_", "=5F"},
    {"a_b", "a_b"},
    {"__", "__"},
    {"a.b", "a=2Eb"},
    {"a=b", "a=3Db"},
    {"github/releases/a/b", "github/releases/a/b"},
    {"/a/", "=2Fa=2F"},
    {"/", "=2F"},
    {"a b*>", "a=20b=2A=3E"},
    {"\xc3\xbc", "=C3=BC"},
};

static void escapes(void)
{
    for (size_t i = 0; i < OV_COUNT(tokens); i++) {
        char out[SUBJECT_TOKEN_MAX + 1];
        check_case(tokens[i].token);
        subject_escape(ov_str_of(tokens[i].id), out);
        CHECK_C(out, tokens[i].token);
        CHECK(subject_token_is(ov_str_of(out), ov_str_of(tokens[i].id)));
    }
    check_case("other spellings");
    CHECK(!subject_token_is(OV_STR("a=2eb"), OV_STR("a.b")));
    CHECK(!subject_token_is(OV_STR("=61"), OV_STR("a")));
}

static void hashes_long_ids(void)
{
    char id[300], out[SUBJECT_TOKEN_MAX + 1];
    memset(id, 'a', sizeof id);
    check_case("200 bytes stay");
    subject_escape((ov_str){id, SUBJECT_TOKEN_MAX}, out);
    CHECK_INT(strlen(out), SUBJECT_TOKEN_MAX);
    check_case("201 become a hash");
    subject_escape((ov_str){id, SUBJECT_TOKEN_MAX + 1}, out);
    CHECK_INT(strlen(out), 66);
    CHECK(ov_str_starts(ov_str_of(out), OV_STR("=h")));
}

static void checks_ids(void)
{
    char longest[ID_MAX + 1];
    ov_err err = {0};
    memset(longest, 'x', sizeof longest);
    check_case("ids");
    CHECK_OK(subject_id_check(OV_STR("list"), "agentId", &err), &err);
    CHECK_OK(subject_id_check((ov_str){longest, ID_MAX}, "agentId", &err), &err);
    CHECK_STATUS(subject_id_check((ov_str){longest, ID_MAX + 1}, "agentId", &err), OV_INVALID, &err);
    CHECK_STATUS(subject_id_check(OV_STR("\xff"), "agentId", &err), OV_INVALID, &err);
    CHECK_STATUS(subject_id_check(OV_STR("a\0b"), "agentId", &err), OV_INVALID, &err);
    CHECK_STATUS(subject_id_check(OV_STR(""), "agentId", &err), OV_INVALID, &err);
    CHECK_C(err.msg, "agentId: missing");
}

static void parses_what_it_made(void)
{
    char out[SUBJECT_MAX];
    subject_parsed p;
    check_case("report");
    subject_report(OV_STR("a.b"), OV_STR("t"), out);
    CHECK_C(out, "opvic.report.a=2Eb.t");
    subject_parse(ov_str_of(out), &p);
    CHECK_INT(p.kind, SUBJECT_REPORT);
    CHECK_STR(p.token[0], OV_STR("a=2Eb"));
    CHECK_STR(p.token[1], OV_STR("t"));
    CHECK_STR(p.manifest, ov_str_of(out));
    check_case("event");
    subject_event("release", (ov_str){0}, (ov_str){0}, out);
    CHECK_C(out, "opvic.event.release._._");
    subject_event("state", OV_STR("_"), OV_STR("t"), out);
    CHECK_C(out, "opvic.event.state.=5F.t");
    subject_parse(ov_str_of(out), &p);
    CHECK_INT(p.kind, SUBJECT_EVENT);
    check_case("entry");
    key_entry(OV_STR("a"), OV_STR("t"), out);
    CHECK_C(out, "$KV.opvic_state.entry.a.t");
    subject_parse(ov_str_of(out), &p);
    CHECK_INT(p.kind, SUBJECT_ENTRY);
    check_case("live");
    key_live(63, out);
    subject_parse(ov_str_of(out), &p);
    CHECK_INT(p.kind, SUBJECT_LIVE);
    CHECK_STR(p.token[0], OV_STR("63"));
    check_case("dead");
    subject_dead(STREAM_JOBS, 7, out);
    CHECK_C(out, "opvic.dead.OPVIC_JOBS.7");
}

static const struct {
    const char *subject;
    subject_kind kind;
    const char *manifest;
} subjects[] = {
    {"opvic.list.s.l", SUBJECT_LIST, "opvic.list.s.l"},
    {"opvic.list.s.l.0123456789abcdef.12", SUBJECT_LIST_PART, "opvic.list.s.l"},
    {"$KV.opvic_state.verdict.v.0123456789abcdef.0", SUBJECT_STATE_PART, "$KV.opvic_state.verdict.v"},
    {"$KV.opvic_state.entry.a.t.0123456789abcdef.0", SUBJECT_STATE_PART, "$KV.opvic_state.entry.a.t"},
    {"opvic.list.s.l.0123456789ABCDEF.12", SUBJECT_UNKNOWN, NULL},
    {"opvic.list.s.l.0123456789abcdef.012", SUBJECT_UNKNOWN, NULL},
    {"opvic.list.s.l.0123456789abcdef.9999999999", SUBJECT_UNKNOWN, NULL},
    {"opvic.list.s.l.0123456789abcdef", SUBJECT_UNKNOWN, NULL},
    {"opvic.report.a", SUBJECT_UNKNOWN, NULL},
    {"opvic.report.a.b.c", SUBJECT_UNKNOWN, NULL},
    {"opvic.report.a.", SUBJECT_UNKNOWN, NULL},
    {"opvic.report.", SUBJECT_UNKNOWN, NULL},
    {"opvic.report..b", SUBJECT_UNKNOWN, NULL},
    {"other", SUBJECT_UNKNOWN, NULL},
    {"", SUBJECT_UNKNOWN, NULL},
};

static void parses_the_table(void)
{
    for (size_t i = 0; i < OV_COUNT(subjects); i++) {
        subject_parsed p;
        check_case(subjects[i].subject);
        subject_parse(ov_str_of(subjects[i].subject), &p);
        CHECK_INT(p.kind, subjects[i].kind);
        if (subjects[i].manifest) CHECK_STR(p.manifest, ov_str_of(subjects[i].manifest));
    }
}

int main(void)
{
    escapes();
    hashes_long_ids();
    checks_ids();
    parses_what_it_made();
    parses_the_table();
    return check_end();
}
