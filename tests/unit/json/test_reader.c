/* The pull reader: what it accepts, refuses and returns. */
#include <stdio.h>
#include <stdlib.h>

#include "json/reader.h"
#include "support/check.h"

#include "base/poison.h"

/* A letter per token, '!' for a refusal. */
static void trace(ov_str text, ov_buf *out, ov_err *err)
{
    static const char letters[] = "$o}a]nsdtf0";
    ov_json_reader r;
    ov_json_token t;
    ov_json_reader_init(&r, text);
    do {
        if (ov_json_next(&r, &t, err) != OV_OK) {
            ov_buf_append_char(out, '!');
            return;
        }
        ov_buf_append_char(out, letters[t.type]);
    } while (t.type != OV_JSON_END);
}

static void test_tokens(void)
{
    static const struct {
        const char *text, *tokens, *error;
    } rows[] = {
        {"{}", "o}$", ""},
        {" [ ] ", "a]$", ""},
        {"\t\r\n 1 \n", "d$", ""},
        {"{\"a\":1,\"b\":[true,false,null,\"x\",{}]}", "ondnatf0so}]}$", ""},
        {"[-0,0.5,1e9,1E-2,-12.5e+10]", "addddd]$", ""},
        {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud83d\\ude00\"", "s$", ""},
        {"\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x9A\x80\"", "s$", ""},
        {"", "!", "offset 0: expected a value"},
        {"  ", "!", "offset 2: expected a value"},
        {"{", "o!", "offset 1: expected a member's name"},
        {"{\"a\"}", "o!", "offset 4: expected a colon"},
        {"{\"a\":}", "on!", "offset 5: expected a value"},
        {"{\"a\":1,}", "ond!", "offset 7: expected a member's name"},
        {"{\"a\":1 \"b\":2}", "ond!", "offset 7: expected a comma or }"},
        {"{a:1}", "o!", "offset 1: expected a member's name"},
        {"{1:1}", "o!", "offset 1: expected a member's name"},
        {"[1,]", "ad!", "offset 3: expected a value"},
        {"[,1]", "a!", "offset 1: expected a value"},
        {"[1 2]", "ad!", "offset 3: expected a comma or ]"},
        {"[1}", "ad!", "offset 2: expected a comma or ]"},
        {"]", "!", "offset 0: expected a value"},
        {"1 2", "d!", "offset 2: expected the end of the document"},
        {"{}x", "o}!", "offset 2: expected the end of the document"},
        {"01", "!", "offset 1: number with a leading zero"},
        {"-", "!", "offset 1: expected a digit"},
        {"1.", "!", "offset 2: expected a digit"},
        {".5", "!", "offset 0: expected a value"},
        {"1e", "!", "offset 2: expected a digit"},
        {"+1", "!", "offset 0: expected a value"},
        {"NaN", "!", "offset 0: expected a value"},
        {"tru", "!", "offset 0: expected a value"},
        {"nullx", "0!", "offset 4: expected the end of the document"},
        {"\"abc", "!", "offset 4: string without its closing quote"},
        {"\"a\nb\"", "!", "offset 2: control character in a string"},
        {"\"aaaaaaaaaaaaaaa\x1F\"", "!", "offset 16: control character in a string"},
        {"\"\\x\"", "!", "offset 1: bad escape in a string"},
        {"\"\\", "!", "offset 1: bad escape in a string"},
        {"\"\\u12g4\"", "!", "offset 3: expected four hexadecimal digits"},
        {"\"\\u0000\"", "!", "offset 3: \\u0000 is not allowed"},
        {"\"\\ud800\"", "!", "offset 3: lone surrogate"},
        {"\"\\ud800\\u0041\"", "!", "offset 3: lone surrogate"},
        {"\"\\udc00\"", "!", "offset 3: lone surrogate"},
        {"\"\xFF\"", "!", "offset 1: bytes that are not UTF-8"},
        {"\"\xC0\xAF\"", "!", "offset 1: bytes that are not UTF-8"},
        {"\"\xC3\"", "!", "offset 1: bytes that are not UTF-8"},
        {"\"\xE0\x80\x80\"", "!", "offset 1: bytes that are not UTF-8"},
        {"\"\xED\xA0\x80\"", "!", "offset 1: bytes that are not UTF-8"},
        {"\"\xF4\x90\x80\x80\"", "!", "offset 1: bytes that are not UTF-8"},
        {"\"\xF0\x9F\x9A", "!", "offset 1: bytes that are not UTF-8"},
        {"\xEF\xBB\xBF{}", "!", "offset 0: expected a value"},
    };
    for (size_t i = 0; i < OV_COUNT(rows); i++) {
        ov_buf out = OV_BUF(1024);
        ov_err err = {0};
        check_case(rows[i].text);
        trace(ov_str_of(rows[i].text), &out, &err);
        CHECK_STR(ov_buf_str(&out), ov_str_of(rows[i].tokens));
        CHECK_C(err.msg, rows[i].error);
        ov_buf_clear(&out);
    }
    check_case(NULL);
}

static void test_nul_byte_is_refused(void)
{
    ov_buf out = OV_BUF(16);
    ov_err err = {0};
    trace(OV_STR("\"a\0b\""), &out, &err);
    CHECK_STR(ov_buf_str(&out), OV_STR("!"));
    ov_buf_clear(&out);
}

static void test_depth(void)
{
    for (size_t depth = OV_JSON_DEPTH_MAX; depth <= OV_JSON_DEPTH_MAX + 1; depth++) {
        ov_buf text = OV_BUF(1024);
        ov_str raw;
        ov_err err = {0};
        ov_json_reader r;
        for (size_t i = 0; i < depth; i++) ov_buf_append_char(&text, '[');
        for (size_t i = 0; i < depth; i++) ov_buf_append_char(&text, ']');
        ov_json_reader_init(&r, ov_buf_str(&text));
        CHECK_INT(ov_json_skip(&r, &raw, &err), depth > OV_JSON_DEPTH_MAX ? OV_INVALID : OV_OK);
        if (depth > OV_JSON_DEPTH_MAX) CHECK_C(err.msg, "offset 64: nested too deeply");
        ov_buf_clear(&text);
    }
}

static void test_skip_gives_exact_bytes(void)
{
    ov_json_reader r;
    ov_json_token t;
    ov_str raw;
    ov_err err = {0};
    bool more;
    ov_json_reader_init(&r, OV_STR(" { \"a\" : [ 1, {\"b\":\"]}\"} ] , \"c\": -1.5 }"));
    CHECK_OK(ov_json_next(&r, &t, &err), &err);
    CHECK_OK(ov_json_next(&r, &t, &err), &err);
    CHECK_OK(ov_json_skip(&r, &raw, &err), &err);
    CHECK_STR(raw, OV_STR("[ 1, {\"b\":\"]}\"} ]"));
    CHECK_OK(ov_json_next(&r, &t, &err), &err);
    CHECK_STR(t.raw, OV_STR("c"));
    CHECK_OK(ov_json_skip(&r, &raw, &err), &err);
    CHECK_STR(raw, OV_STR("-1.5"));
    CHECK_OK(ov_json_next(&r, &t, &err), &err);
    CHECK_INT(t.type, OV_JSON_OBJECT_END);
    CHECK_OK(ov_json_next(&r, &t, &err), &err);
    CHECK_INT(t.type, OV_JSON_END);

    ov_json_reader_init(&r, OV_STR("[1 , [2] ]"));
    CHECK_OK(ov_json_next(&r, &t, &err), &err);
    CHECK_OK(ov_json_more(&r, &more, &err), &err);
    CHECK(more);
    CHECK_OK(ov_json_skip(&r, &raw, &err), &err);
    CHECK_STR(raw, OV_STR("1"));
    CHECK_OK(ov_json_more(&r, &more, &err), &err);
    CHECK_OK(ov_json_skip(&r, &raw, &err), &err);
    CHECK_STR(raw, OV_STR("[2]"));
    CHECK_OK(ov_json_more(&r, &more, &err), &err);
    CHECK(!more);
}

static void test_text(void)
{
    static const struct {
        const char *json, *text;
    } rows[] = {
        {"\"plain\"", "plain"},
        {"\"\"", ""},
        {"\"a\\nb\\\"\\/\\\\\"", "a\nb\"/\\"},
        {"\"\\u0041\\u00e9\\u20ac\\ud83d\\ude80!\"", "A\xC3\xA9\xE2\x82\xAC\xF0\x9F\x9A\x80!"},
    };
    for (size_t i = 0; i < OV_COUNT(rows); i++) {
        ov_json_reader r;
        ov_json_token t;
        ov_err err = {0};
        ov_buf out = OV_BUF(256);
        check_case(rows[i].json);
        ov_json_reader_init(&r, ov_str_of(rows[i].json));
        CHECK_OK(ov_json_next(&r, &t, &err), &err);
        ov_json_unescape(&t, &out);
        CHECK_STR(ov_buf_str(&out), ov_str_of(rows[i].text));
        CHECK(ov_json_token_is(&t, ov_str_of(rows[i].text)));
        CHECK(!ov_json_token_is(&t, OV_STR("plaim")));
        CHECK(!ov_json_token_is(&t, OV_STR("A")));
        ov_buf_clear(&out);
    }
    check_case(NULL);
}

static void test_integers(void)
{
    static const struct {
        const char *json;
        bool ok;
        int64_t value;
    } rows[] = {
        {"0", true, 0},
        {"-0", true, 0},
        {"-1", true, -1},
        {"9223372036854775807", true, INT64_MAX},
        {"-9223372036854775808", true, INT64_MIN},
        {"9223372036854775808", false, 0},
        {"-9223372036854775809", false, 0},
        {"18446744073709551616", false, 0},
        {"1.0", false, 0},
        {"1e3", false, 0},
        {"\"1\"", false, 0},
        {"true", false, 0},
    };
    for (size_t i = 0; i < OV_COUNT(rows); i++) {
        ov_json_reader r;
        ov_json_token t;
        ov_err err = {0};
        int64_t value = 0;
        check_case(rows[i].json);
        ov_json_reader_init(&r, ov_str_of(rows[i].json));
        CHECK_OK(ov_json_next(&r, &t, &err), &err);
        CHECK_INT(ov_json_token_i64(&t, &value, &err), rows[i].ok ? OV_OK : OV_INVALID);
        CHECK_INT(value, rows[i].value);
    }
    check_case(NULL);
}

int main(void)
{
    test_tokens();
    test_nul_byte_is_refused();
    test_depth();
    test_skip_gives_exact_bytes();
    test_text();
    test_integers();
    return check_end();
}
