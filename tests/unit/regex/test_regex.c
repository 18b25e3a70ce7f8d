/* Compilation, expansion, limits and extraction beyond what the table of Go's answers covers. */
#include "regex/regex.h"

#include "regex/extraction.h"
#include "support/check.h"

#include "base/poison.h"

static void test_refusals(void)
{
    static const struct {
        const char *pattern, *error;
    } rows[] = {
        {"a**", "regex \"a**\": invalid nested repetition operator: *"},
        {"*", "regex \"*\": missing argument to repetition operator: *"},
        {"(?i)*", "regex \"(?i)*\": missing argument to repetition operator: *"},
        {"a{1001}", "regex \"a{1001}\": invalid repeat count: {1001}"},
        {"(a{500}){3}", "regex \"(a{500}){3}\": invalid repeat count: {3}"},
        {"(?=a)", "regex \"(?=a)\": invalid or unsupported Perl syntax: (?="},
        {"(?P=n)", "regex \"(?P=n)\": invalid or unsupported Perl syntax: (?P"},
        {"(?<=a)", "regex \"(?<=a)\": invalid named capture: (?<=a)"},
        {"(?<a b>x)", "regex \"(?<a b>x)\": invalid named capture: (?<a b>"},
        {"(a)\\1", "regex \"(a)\\1\": invalid escape sequence: \\1"},
        {"\\C", "regex \"\\C\": invalid escape sequence: \\C"},
        {"\\", "regex \"\\\": trailing backslash at end of expression"},
        {"(a", "regex \"(a\": missing closing ): (a"},
        {"a)", "regex \"a)\": unexpected ): a)"},
        {"[a", "regex \"[a\": missing closing ]: [a"},
        {"[z-a]", "regex \"[z-a]\": invalid character class range: z-a"},
        {"[[:foo:]]", "regex \"[[:foo:]]\": invalid character class range: [:foo:]"},
        {"\\p{Foo}", "regex \"\\p{Foo}\": invalid character class range: \\p{Foo}"},
        {"\\x{110000}", "regex \"\\x{110000}\": invalid escape sequence: \\x{110000"},
        {"a\xFF", "regex \"a\xFF\": invalid UTF-8"},
    };
    for (size_t i = 0; i < OV_COUNT(rows); i++) {
        ov_regex *re = NULL;
        ov_err err = {0};
        check_case(rows[i].pattern);
        CHECK_STATUS(ov_regex_compile(ov_str_of(rows[i].pattern), &re, &err), OV_INVALID, &err);
        CHECK_C(err.msg, rows[i].error);
        CHECK(re == NULL);
    }
    check_case(NULL);
}

static void expect(const char *pattern, const char *tmpl, ov_str content, const char *result)
{
    OV_CLEANUP(ov_regex_free_p) ov_regex *re = NULL;
    ov_buf out = OV_BUF(1024);
    ov_err err = {0};
    bool matched = false;
    check_case(pattern);
    if (!CHECK_OK(ov_regex_compile(ov_str_of(pattern), &re, &err), &err)) return;
    CHECK_OK(ov_regex_expand(re, ov_str_of(tmpl), content, &out, &matched, &err), &err);
    CHECK_INT(matched, result != NULL);
    if (result) CHECK_STR(ov_buf_str(&out), ov_str_of(result));
    ov_buf_clear(&out);
    check_case(NULL);
}

static void test_matches(void)
{
    expect("^.*:(.*)$", "$1", OV_STR("registry:5000/a/b:v1.2"), "v1.2");
    expect("(?P<major>\\d+)\\.(?P<minor>\\d+)", "${major}_$minor", OV_STR("v1.22"), "1_22");
    expect("(?P<1>a)(b)", "$1$2", OV_STR("ab"), "ab");
    expect("[\\w-.]+", "$0", OV_STR("/a-b.c/"), "a-b.c");
    expect("a$", "$0", OV_STR("a\n"), NULL);
    expect("(?m)^$", "x", OV_STR("a\n"), "x");
    expect("\\s", "x", OV_STR("\v"), NULL);
    expect("(?i)\\W", "x", OV_STR("\xE2\x84\xAA"), NULL);
    expect("(?i)k", "x", OV_STR("\xE2\x84\xAA"), "x");
    expect("(a*|b)*", "$0", OV_STR("abba"), "abba");
    expect("a{,2}", "$0", OV_STR("a{,2}"), "a{,2}");
    expect("(a){0}b", "[$1]", OV_STR("ab"), "[]");
    expect("(|a.)x*?b*c", "$0", OV_STR("1bc"), "bc");
    expect("\\p{Old_Italic}", "x", OV_STR("\xF0\x90\x8C\x80"), "x");
    expect("\\x{d800}|a", "x", OV_STR("b"), NULL);
    expect("[\\x{d800}]|a", "x", OV_STR("a"), "x");
    expect("", "[$0]", (ov_str){0}, "[]");
    expect("a", "x",
           OV_STR("\xFF\xFE"
                  "a"),
           "x");
}

static void test_too_much_work(void)
{
    static const char *const patterns[] = {"^(a+)+$", "^(a|a)*$", "^(a*)*$"};
    ov_str content = OV_STR("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!");
    for (size_t i = 0; i < OV_COUNT(patterns); i++) {
        OV_CLEANUP(ov_regex_free_p) ov_regex *re = NULL;
        ov_buf out = OV_BUF(64);
        ov_err err = {0};
        bool matched = false;
        check_case(patterns[i]);
        CHECK_OK(ov_regex_compile(ov_str_of(patterns[i]), &re, &err), &err);
        CHECK_STATUS(ov_regex_expand(re, OV_STR("$1"), content, &out, &matched, &err), OV_FAILED, &err);
        CHECK(strstr(err.msg, "too much work on \"aaa") != NULL);
        CHECK_INT(out.len, 0);
        ov_buf_clear(&out);
    }
    check_case(NULL);
}

/* What a match costs is bounded over all places where it may begin, and told. */
static void test_work(void)
{
    static const struct {
        const char *pattern;
        size_t repeats; /* of "1.2-a" */
        ov_status status;
        size_t least, most;
    } rows[] = {
        {"^v([0-9]+)[.]([0-9]+)$", 100, OV_OK, 1, 100},
        {"([0-9]+)[.]([0-9]+)", 100, OV_OK, 1, 100},
        {"(.+)-(.+)", 12, OV_OK, 1, 1000},
        {"(.+)[.](.+)[.](.+)[.](.+)[yz]", 5, OV_OK, 1000, OV_REGEX_TOTAL_LIMIT * 2},
        {"(.+)[.](.+)[.](.+)[.](.+)[yz]", 26, OV_FAILED, 1000, OV_REGEX_TOTAL_LIMIT * 2},
        {"(.+)[.](.+)[.](.+)[.](.+)[yz]", 102, OV_FAILED, 1000, OV_REGEX_TOTAL_LIMIT * 2},
        {"^(.*)(.*)(.*)(.*)[yz]$", 102, OV_FAILED, OV_REGEX_MATCH_LIMIT, OV_REGEX_MATCH_LIMIT * 2},
    };
    for (size_t i = 0; i < OV_COUNT(rows); i++) {
        OV_CLEANUP(ov_regex_free_p) ov_regex *re = NULL;
        OV_CLEANUP(ov_buf_clear) ov_buf content = OV_BUF(1024), out = OV_BUF(1024);
        ov_err err = {0};
        bool matched = false;
        size_t work = 0;
        check_case(rows[i].pattern);
        for (size_t k = 0; k < rows[i].repeats; k++) ov_buf_append_c(&content, "1.2-a");
        CHECK_OK(ov_regex_compile(ov_str_of(rows[i].pattern), &re, &err), &err);
        CHECK_STATUS(ov_regex_expand_counted(re, OV_STR("$1"), ov_buf_str(&content), &out, &matched, &work, &err),
                     rows[i].status, &err);
        CHECK(work >= rows[i].least && work <= rows[i].most);
    }
    check_case(NULL);
}

static void test_bounds(void)
{
    OV_CLEANUP(ov_regex_free_p) ov_regex *re = NULL;
    ov_buf text = OV_BUF(1024 * 1024), out = OV_BUF(1024 * 1024);
    ov_err err = {0};
    bool matched = false;
    memset(ov_buf_extend(&text, OV_REGEX_PATTERN_MAX), 'a', OV_REGEX_PATTERN_MAX);
    CHECK_OK(ov_regex_compile(ov_buf_str(&text), &re, &err), &err);
    ov_regex_free(OV_TAKE(re));
    ov_buf_append_char(&text, 'a');
    CHECK_STATUS(ov_regex_compile(ov_buf_str(&text), &re, &err), OV_INVALID, &err);
    CHECK(strstr(err.msg, "4097 bytes: expected at most 4096") != NULL);

    CHECK_OK(ov_regex_compile(OV_STR(".*"), &re, &err), &err);
    CHECK_STATUS(
        ov_regex_expand(re, OV_STR("$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0"), ov_buf_str(&text), &out, &matched, &err),
        OV_FAILED, &err);
    CHECK_C(err.msg, "regex \".*\": result of more than 65536 bytes");
    ov_buf_clear(&out);

    ov_buf_reset(&text);
    for (int i = 0; i < 1001; i++) ov_buf_append_c(&text, "(");
    for (int i = 0; i < 1001; i++) ov_buf_append_c(&text, ")");
    ov_regex_free(OV_TAKE(re));
    CHECK_STATUS(ov_regex_compile(ov_buf_str(&text), &re, &err), OV_INVALID, &err);
    CHECK(strstr(err.msg, "expression nests too deeply") != NULL);
    CHECK_OK(ov_regex_compile(ov_str_sub(ov_buf_str(&text), 1, 2001), &re, &err), &err);
    ov_buf_clear(&text);
}

static void test_extraction(void)
{
    static const struct {
        const char *pattern, *result, *value, *text; /* text NULL: no match */
    } rows[] = {
        {"", "", "v1", "v1"},         {"", "$1", "v1", "v1"},       {"v(.*)", "", "v1", "v1"},
        {"^v(.*)$", "$1", "v1", "1"}, {"^v(.*)$", "$1", "1", NULL},
    };
    for (size_t i = 0; i < OV_COUNT(rows); i++) {
        ov_extraction x = {0};
        ov_buf out = OV_BUF(64);
        ov_err err = {0};
        bool matched = false;
        CHECK_OK(ov_extraction_init(&x, ov_str_of(rows[i].pattern), ov_str_of(rows[i].result), &err), &err);
        CHECK_OK(ov_extraction_apply(&x, ov_str_of(rows[i].value), &out, &matched, &err), &err);
        CHECK_INT(matched, rows[i].text != NULL);
        CHECK_STR(ov_buf_str(&out), ov_str_of(rows[i].text));
        ov_extraction_clear(&x);
        ov_buf_clear(&out);
    }
    ov_extraction x = {0};
    ov_err err = {0};
    CHECK_STATUS(ov_extraction_init(&x, OV_STR("("), OV_STR("$1"), &err), OV_INVALID, &err);
    ov_extraction_clear(&x);
}

int main(void)
{
    test_refusals();
    test_matches();
    test_too_much_work();
    test_work();
    test_bounds();
    test_extraction();
    return check_end();
}
