/* Choosing candidates: each filter in its order, counted with an example; spellings; dates; work; slices. */
#include "candidates/candidates.h"

#include <stdio.h>

#include "support/check.h"

#include "base/poison.h"

enum { TEXTS_MAX = 16, TEXT_BYTES_MAX = 4096 };

typedef struct {
    const char *pattern, *result, *constraint;
} rule_texts;

/* NULL-terminated; the i-th has the date 100 * (i + 1). */
static ov_candidates_item text_of(const void *arg, size_t i)
{
    const char *const *texts = arg;
    return (ov_candidates_item){ov_str_of(texts[i]), 100 * (int64_t)(i + 1)};
}

static size_t count_of(const char *const *texts)
{
    size_t count = 0;
    while (count < TEXTS_MAX && texts[count]) count++;
    return count;
}

static void init(ov_candidates *c, const rule_texts *r)
{
    ov_err err = {0};
    CHECK_OK(ov_candidates_init(c, ov_str_of(r->pattern), ov_str_of(r->result), ov_str_of(r->constraint), &err), &err);
}

static void choose(ov_candidates *c, ov_candidates_list list, const void *arg, size_t count)
{
    int64_t steps = INT64_MAX;
    ov_candidates_begin(c, count);
    CHECK(ov_candidates_more(c, list, arg, &steps));
}

/* "1.2.0@100 1.10.0@200" */
static void check_candidates(const ov_candidates *c, const char *want)
{
    OV_CLEANUP(ov_buf_clear) ov_buf got = OV_BUF(TEXT_BYTES_MAX);
    for (size_t i = 0; i < c->count; i++)
        ov_buf_printf(&got, "%s%.*s@%lld", i ? " " : "", OV_STR_ARG(c->versions[i]->original), (long long)c->dates[i]);
    CHECK_STR(ov_buf_str(&got), ov_str_of(want));
}

static void check_dropped(const ov_candidates *c, const char *want)
{
    OV_CLEANUP(ov_buf_clear) ov_buf got = OV_BUF(TEXT_BYTES_MAX);
    ov_candidates_write_dropped(c, &got);
    CHECK_STR(ov_buf_str(&got), ov_str_of(want));
}

static void check_explained(const ov_candidates *c, const char *want)
{
    OV_CLEANUP(ov_buf_clear) ov_buf got = OV_BUF(TEXT_BYTES_MAX);
    ov_candidates_explain(c, &got);
    CHECK_STR(ov_buf_str(&got), ov_str_of(want));
}

static void test_filters(void)
{
    static const struct {
        const char *name;
        rule_texts rule;
        const char *texts[TEXTS_MAX], *candidates, *dropped;
    } rows[] = {
        {"each filter",
         {"^v(.*)$", "$1", ">= 1.0"},
         {"v1.2.0", "v1.10.0", "nightly", "chart-1.0.0", "v", "v1.x", "v0.9.0", "", "v1.2"},
         "1.2.0@100 1.10.0@200",
         "1 noValue (\"\"), 2 noMatch (\"nightly\"), 1 emptyResult (\"v\"), 1 unparseable (\"1.x\"), 1 constraint "
         "(\"0.9.0\"), 1 duplicate (\"1.2\")"},
        {"no rule", {"", "", ""}, {"v2", "1.0.0"}, "1.0.0@200 v2@100", ""},
        {"an empty result passes values unchanged", {"^x", "", ""}, {"1.0.0"}, "1.0.0@100", ""},
        {"a pattern need not match all of it", {"[0-9.]+", "v$0", ""}, {"go1.9-rc"}, "v1.9@100", ""},
        {"the canonical spelling stays", {"", "", ""}, {"v1.5", "1.5.0", "1.5"}, "1.5.0@200", "2 duplicate (\"1.5\")"},
        {"else the byte-smallest", {"", "", ""}, {"v1.5", "1.5", "v1.5.0"}, "1.5@200", "2 duplicate (\"v1.5\")"},
        {"metadata keeps apart",
         {"", "", ""},
         {"1.5.0+b", "1.5.0", "1.5.0+a"},
         "1.5.0@200 1.5.0+a@300 1.5.0+b@100",
         ""},
        {"by version", {"", "", ""}, {"1.10.0", "1.9.0", "1.10.0-rc.1"}, "1.9.0@200 1.10.0-rc.1@300 1.10.0@100", ""},
    };
    for (size_t i = 0; i < OV_COUNT(rows); i++) {
        check_case(rows[i].name);
        OV_CLEANUP(ov_candidates_clear) ov_candidates c;
        init(&c, &rows[i].rule);
        choose(&c, text_of, rows[i].texts, count_of(rows[i].texts));
        check_candidates(&c, rows[i].candidates);
        check_dropped(&c, rows[i].dropped);
    }
}

static void test_explained(void)
{
    static const struct {
        const char *texts[TEXTS_MAX], *want;
    } rows[] = {
        {{NULL}, "the list is empty"},
        {{"nightly", "weekly"}, "nothing passes: 2 unparseable (\"nightly\")"},
        {{"\"", "", "2.0"}, "nothing passes: 1 noValue (\"\"), 1 unparseable (\"\\\"\"), 1 constraint (\"2.0\")"},
    };
    static const rule_texts rule = {"", "", "< 1"};
    OV_CLEANUP(ov_candidates_clear) ov_candidates c;
    init(&c, &rule);
    for (size_t i = 0; i < OV_COUNT(rows); i++) {
        check_case(rows[i].want);
        choose(&c, text_of, rows[i].texts, count_of(rows[i].texts));
        CHECK_INT(c.count, 0);
        check_explained(&c, rows[i].want);
    }
}

static void test_long_example(void)
{
    check_case("of a long example the beginning is kept");
    char text[OV_CANDIDATES_EXAMPLE_MAX + 2] = {0};
    memset(text, 'x', sizeof text - 1);
    const char *const texts[] = {text};
    static const rule_texts rule = {"", "", ""};
    OV_CLEANUP(ov_candidates_clear) ov_candidates c;
    init(&c, &rule);
    choose(&c, text_of, texts, 1);
    text[OV_CANDIDATES_EXAMPLE_MAX] = '\0';
    CHECK_C(c.dropped[OV_FILTER_UNPARSEABLE].example, text);
}

/* Thirty ones and a number: a pattern that backtracks has much to do with them. */
static ov_candidates_item heavy_item(const void *arg, size_t i)
{
    char *text = *(char(*)[64])arg;
    snprintf(text, 64, "111111111111111111111111111111%05zux", i);
    return (ov_candidates_item){ov_str_of(text), 0};
}

static void test_overwork(void)
{
    static const rule_texts rule = {"^(([0-9]+)+)+$", "$1", ""};
    char text[64];
    OV_CLEANUP(ov_candidates_clear) ov_candidates c;
    init(&c, &rule);
    check_case("a pattern that takes too much work is given up");
    choose(&c, heavy_item, &text, 1000);
    CHECK(c.overworks);
    CHECK_INT(c.count, 0);
    check_explained(&c, "the pattern takes too much work, on \"11111111111111111111111111111100000x\": given up after "
                        "101 of 1000 versions");
    check_case("a few of them are left out");
    choose(&c, heavy_item, &text, 50);
    CHECK(!c.overworks);
    check_dropped(&c, "50 tooMuchWork (\"11111111111111111111111111111100000x\")");
    check_case("slices give what one go gives");
    size_t slices = 0;
    ov_candidates_begin(&c, 1000);
    for (int64_t steps = 1; !ov_candidates_more(&c, heavy_item, &text, &steps); steps = 500000) slices++;
    CHECK(c.overworks);
    CHECK_INT(c.looked, 101);
    CHECK(slices >= 10);
}

static void test_slices(void)
{
    check_case("slices, and a new beginning between them");
    static const char *const texts[] = {"v1.2.0", "v1.10.0", "nightly", "v", "v0.9.0", "v1.2"};
    static const rule_texts rule = {"^v(.*)$", "$1", ""};
    bool anew = false;
    size_t slices = 0;
    OV_CLEANUP(ov_candidates_clear) ov_candidates c;
    init(&c, &rule);
    ov_candidates_begin(&c, OV_COUNT(texts));
    for (int64_t steps = 1; !ov_candidates_more(&c, text_of, texts, &steps); steps = 1) {
        slices++;
        CHECK(steps <= 0);
        CHECK_INT(c.count, 0);
        if (c.looked != 4 || anew) continue;
        anew = true;
        ov_candidates_begin(&c, OV_COUNT(texts));
    }
    CHECK(anew);
    CHECK_INT(slices, 4 + OV_COUNT(texts) - 1);
    check_candidates(&c, "0.9.0@500 1.2.0@100 1.10.0@200");
    check_dropped(&c, "1 noMatch (\"nightly\"), 1 emptyResult (\"v\"), 1 duplicate (\"1.2\")");
}

static void test_bad_rules(void)
{
    static const struct {
        rule_texts rule;
        const char *want;
    } rows[] = {
        {{"(", "$1", ""}, "regex \"(\": "},
        {{"(?=x)", "$1", ""}, "regex \"(?=x)\": "},
        {{"", "", "^1"}, "constraint \"^1\": malformed term"},
        {{"(", "$1", " "}, "constraint \" \": malformed term"},
    };
    for (size_t i = 0; i < OV_COUNT(rows); i++) {
        const rule_texts *r = &rows[i].rule;
        ov_err err = {0};
        ov_candidates c;
        check_case(rows[i].want);
        CHECK_STATUS(
            ov_candidates_init(&c, ov_str_of(r->pattern), ov_str_of(r->result), ov_str_of(r->constraint), &err),
            OV_INVALID, &err);
        CHECK(ov_str_starts(ov_str_of(err.msg), ov_str_of(rows[i].want)));
    }
}

int main(void)
{
    test_filters();
    test_explained();
    test_long_example();
    test_overwork();
    test_slices();
    test_bad_rules();
    return check_end();
}
