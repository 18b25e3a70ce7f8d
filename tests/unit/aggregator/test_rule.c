/* A rule over its list: what it chooses and what that weighs, how it stands; verdicts on top. */
#include "services/aggregator/rule.h"

#include <stdio.h>
#include <stdlib.h>

#include "services/aggregator/verdict.h"
#include "support/check.h"

#include "base/poison.h"

typedef struct {
    upstream *u;
    upstream_list *l;
    intern *texts;
    rule *r;
} bench;

static void setup(bench *b, const char *const *versions, size_t count, const report_remote *remote)
{
    ov_err err = {0};
    list_version items[32] = {0};
    bool changed;
    for (size_t i = 0; i < count; i++)
        items[i] = (list_version){.version = ov_str_of(versions[i]), .date_s = 100 * (int64_t)(i + 1)};
    list l = {.source = OV_STR("s"), .versions = items, .count = count};
    ov_buf body = OV_BUF(LIST_BYTES_MAX);
    list_encode(&l, &body);
    *b = (bench){.u = upstream_new(OV_STR("s")), .texts = intern_new()};
    b->l = upstream_list_named(b->u, OV_STR(""));
    CHECK_OK(upstream_list_take(b->l, ov_buf_str(&body), &changed, &err), &err);
    CHECK(changed);
    CHECK_OK(upstream_list_take(b->l, ov_buf_str(&body), &changed, &err), &err);
    CHECK(!changed);
    ov_buf_clear(&body);
    CHECK_OK(rule_new("0123456789abcdef0123456789abcdef", b->l, false, remote, &b->r, &err), &err);
    rule_choose(b->r);
    rule_stand(b->r, b->texts);
}

static void teardown(bench *b)
{
    rule_free(b->r, b->texts);
    upstream_free(b->u);
    intern_free(b->texts);
}

static void test_nothing(void)
{
    check_case("nothing passes");
    static const char *const versions[] = {"nightly", "weekly"};
    static const report_remote remote = {0};
    bench b;
    setup(&b, versions, 2, &remote);
    CHECK_STR(intern_text(b.texts, b.r->latest), OV_STR("missing"));
    CHECK_STR(intern_text(b.texts, b.r->reason), OV_STR("nothing passes: 2 unparseable (\"nightly\")"));
    teardown(&b);
}

/* A list of versions of thirty ones and a number, under a pattern that backtracks over them. */
static void setup_heavy(bench *b, size_t count)
{
    static const report_remote remote = {.pattern = {"^(([0-9]+)+)+$", 14}, .result = {"$1", 2}};
    ov_err err = {0};
    bool changed;
    OV_CLEANUP(ov_buf_clear) ov_buf body = OV_BUF(LIST_BYTES_MAX);
    list l = {.source = OV_STR("s"), .count = count};
    l.versions = calloc(count, sizeof *l.versions);
    char(*texts)[48] = calloc(count, sizeof *texts);
    for (size_t i = 0; i < count; i++) {
        snprintf(texts[i], sizeof texts[i], "111111111111111111111111111111%05zux", i);
        l.versions[i].version = ov_str_of(texts[i]);
    }
    list_encode(&l, &body);
    *b = (bench){.u = upstream_new(OV_STR("s")), .texts = intern_new()};
    b->l = upstream_list_named(b->u, OV_STR(""));
    CHECK_OK(upstream_list_take(b->l, ov_buf_str(&body), &changed, &err), &err);
    CHECK_OK(rule_new("0123456789abcdef0123456789abcdef", b->l, false, &remote, &b->r, &err), &err);
    free(l.versions);
    free(texts);
}

static void test_overwork(void)
{
    check_case("a pattern that takes too much work is given up");
    bench b;
    setup_heavy(&b, 1000);
    rule_choose(b.r);
    CHECK(rule_stand(b.r, b.texts));
    CHECK_INT(b.r->stands, STANDING_OVERWORK);
    CHECK_INT(b.r->candidates.count, 0);
    CHECK_STR(intern_text(b.texts, b.r->latest), OV_STR("missing"));
    CHECK_STR(intern_text(b.texts, b.r->reason),
              OV_STR("the pattern takes too much work, on \"11111111111111111111111111111100000x\": given up after 101 "
                     "of 1000 versions"));
    teardown(&b);
    check_case("a few of them are left out");
    setup_heavy(&b, 50);
    rule_choose(b.r);
    rule_stand(b.r, b.texts);
    CHECK_INT(b.r->stands, STANDING_READY);
    teardown(&b);
}

static void test_slices(void)
{
    check_case("slices");
    static const char *const versions[] = {"v1.2.0", "v1.10.0", "nightly", "v", "v0.9.0", "v1.2"};
    static const report_remote remote = {.pattern = {"^v(.*)$", 7}, .result = {"$1", 2}};
    bench b;
    setup(&b, versions, OV_COUNT(versions), &remote);
    CHECK(b.r->chosen);
    CHECK_INT(b.r->candidates.count, 3);
    CHECK_STR(intern_text(b.texts, b.r->latest), OV_STR("1.10.0"));
    size_t bytes = b.r->above[0];
    CHECK_INT(b.r->above[3], 0);
    CHECK_INT(bytes, 2 * (5 + 5 + 6 + 3 * 3));
    rule_choose_begin(b.r);
    int64_t steps = 1;
    while (!rule_choose_more(b.r, &steps)) {
        CHECK(!b.r->chosen && !b.r->above);
        if (b.r->candidates.looked == 4) rule_choose_begin(b.r); /* another list came */
        steps = b.r->candidates.looked ? 1 : 1000000;
    }
    CHECK(b.r->chosen);
    CHECK_INT(b.r->candidates.count, 3);
    CHECK_INT(b.r->above[0], bytes);
    teardown(&b);
}

/* A chart's list holds both; a rule reads one of them. */
static void test_app_version(void)
{
    check_case("appVersion");
    static const char *const versions[] = {"1.0.0", "1.1.0"};
    static const report_remote remote = {0};
    ov_err err = {0};
    rule *r = NULL;
    bench b;
    setup(&b, versions, OV_COUNT(versions), &remote);
    CHECK_OK(rule_new("0123456789abcdef0123456789abcdff", b.l, true, &remote, &r, &err), &err);
    b.l->versions.versions[0].app_version = OV_STR("v7");
    rule_choose(r);
    rule_stand(r, b.texts);
    CHECK_INT(r->candidates.dropped[OV_FILTER_NO_VALUE].count, 1);
    CHECK_INT(r->candidates.count, 1);
    CHECK_STR(intern_text(b.texts, r->latest), OV_STR("7.0.0"));
    rule_free(r, b.texts);
    teardown(&b);
}

static void test_verdict(void)
{
    check_case("verdict");
    static const char *const versions[] = {"1.0.0", "1.0.1", "1.1.0", "2.0.0", "2.1.0"};
    static const report_remote remote = {0};
    ov_err err = {0};
    ov_version *running = NULL;
    bench b;
    setup(&b, versions, OV_COUNT(versions), &remote);
    CHECK_OK(ov_version_parse(OV_STR("v1.0"), &running, &err), &err);
    char id[33];
    verdict_id(b.r, running->canonical, id);
    verdict *v = verdict_new(ov_str_of(id));
    verdict_bind(v, b.r, running);
    verdict_change c = verdict_compute(v, b.texts);
    CHECK(c.document && c.entries);
    CHECK_INT(v->state, STATE_BEHIND);
    CHECK_INT(v->behind_since_s, 200);
    CHECK_STR(((ov_str){v->gap, v->gap_len}),
              OV_STR("{\"latestVersion\":\"2.1.0\",\"availableVersions\":[\"1.0.1\",\"1.1.0\",\"2.0.0\",\"2.1.0\"],"
                     "\"availableMajors\":[\"2.1.0\"],\"availableMinors\":[\"1.1.0\"],\"availablePatches\":[\"1.0.1\"],"
                     "\"majorAvailable\":true,\"minorAvailable\":true,\"patchAvailable\":true,\"state\":\"behind\"}"));
    c = verdict_compute(v, b.texts);
    CHECK(!c.document && !c.entries);
    b.u->stale = true;
    CHECK(rule_stand(b.r, b.texts));
    c = verdict_compute(v, b.texts);
    CHECK(c.entries);
    CHECK_INT(v->state, STATE_STALE);
    verdict_free(v, b.texts);
    teardown(&b);
}

static void test_bad_rules(void)
{
    static const struct {
        const char *pattern, *constraint;
    } rows[] = {{"(", ""}, {"(?=x)", ""}, {"", "^1"}, {"", " "}};
    for (size_t i = 0; i < OV_COUNT(rows); i++) {
        upstream *u = upstream_new(OV_STR("s"));
        report_remote remote = {
            .pattern = ov_str_of(rows[i].pattern), .result = OV_STR("$1"), .constraint = ov_str_of(rows[i].constraint)};
        rule *r = NULL;
        ov_err err = {0};
        check_case(*rows[i].pattern ? rows[i].pattern : rows[i].constraint);
        CHECK_STATUS(
            rule_new("0123456789abcdef0123456789abcdef", upstream_list_named(u, OV_STR("")), false, &remote, &r, &err),
            OV_INVALID, &err);
        CHECK_INT(u->rule_count, 0);
        upstream_free(u);
    }
}

int main(void)
{
    test_nothing();
    test_overwork();
    test_slices();
    test_app_version();
    test_verdict();
    test_bad_rules();
    return check_end();
}
