/* YAML documents as JSON: what scalars mean, merge keys, what is refused. */
#include <stdio.h>

#include "support/check.h"
#include "yaml/yaml.h"

#include "base/poison.h"

static ov_status convert(ov_str text, ov_buf *out, ov_err *err)
{
    OV_CLEANUP(ov_yaml_free_p) ov_yaml *y = ov_yaml_new_text(text, OV_YAML_EXPAND_ALIASES);
    for (;;) {
        bool more = false;
        ov_status st = ov_yaml_to_json(y, out, &more, err);
        if (st != OV_OK || !more) return st;
        ov_buf_append_char(out, ';');
    }
}

static void test_scalars(void)
{
    static const struct {
        const char *yaml, *json;
    } rows[] = {
        {"~", "null"},
        {"null", "null"},
        {"NULL", "null"},
        {"nULL", "\"nULL\""},
        {"''", "\"\""},
        {"true", "true"},
        {"yes", "true"},
        {"On", "true"},
        {"y", "true"},
        {"n", "false"},
        {"OFF", "false"},
        {"'yes'", "\"yes\""},
        {"\"1\"", "\"1\""},
        {"!!str 1", "\"1\""},
        {"!foo 1", "\"1\""},
        {"!!int '12'", "12"},
        {"!!float 2", "2"},
        {"!!float '2.50'", "2.5"},
        {"0", "0"},
        {"-0", "0"},
        {"12", "12"},
        {"+12", "12"},
        {"-12", "-12"},
        {"1_000", "1000"},
        {"0x1F", "31"},
        {"-0x1f", "-31"},
        {"0b101", "5"},
        {"0o17", "15"},
        {"017", "15"},
        {"08", "8"},
        {"0x", "\"0x\""},
        {"0xg", "\"0xg\""},
        {"9223372036854775807", "9223372036854775807"},
        {"-9223372036854775808", "-9223372036854775808"},
        {"18446744073709551615", "18446744073709551615"},
        {"18446744073709551616", "1.8446744073709552e+19"},
        {"1.10", "1.1"},
        {"1.", "1"},
        {".5", "0.5"},
        {"-.5", "-0.5"},
        {"1e3", "1000"},
        {"1.5E-7", "1.5e-07"},
        {"0.1", "0.1"},
        {"3.141592653589793", "3.141592653589793"},
        {"1e400", "\"1e400\""},
        {"1.2.3", "\"1.2.3\""},
        {"v1", "\"v1\""},
        {"1-2", "\"1-2\""},
        {"- -", "[[null]]"},
        {"-", "[null]"},
        {"'-'", "\"-\""},
        {".", "\".\""},
        {"+", "\"+\""},
        {"e1", "\"e1\""},
        {"1e", "\"1e\""},
        {"2021-11-01", "\"2021-11-01\""},
        {"190:20:30", "\"190:20:30\""},
        {"\"a\\tb\\u00e9\"", "\"a\\tb\xC3\xA9\""},
        {"|\n  a\n  b\n", "\"a\\nb\\n\""},
        {"{on: 1}", "{\"true\":1}"},
        {"{a: , b: ~}", "{\"a\":null,\"b\":null}"},
        {"{1: a, true: b, 1.50: c, x: d}", "{\"1\":\"a\",\"true\":\"b\",\"1.5\":\"c\",\"x\":\"d\"}"},
        {"[a, [], {}]", "[\"a\",[],{}]"},
    };
    for (size_t i = 0; i < OV_COUNT(rows); i++) {
        ov_buf out = OV_BUF(1024), want = OV_BUF(1024);
        ov_err err = {0};
        check_case(rows[i].yaml);
        CHECK_OK(convert(ov_str_of(rows[i].yaml), &out, &err), &err);
        ov_buf_printf(&want, "%s;", rows[i].json);
        CHECK_STR(ov_buf_str(&out), ov_buf_str(&want));
        ov_buf_clear(&out);
        ov_buf_clear(&want);
    }
    check_case(NULL);
}

static void test_documents(void)
{
    static const struct {
        const char *yaml, *json;
    } rows[] = {
        {"", ""},
        {"# only a comment\n", ""},
        {"---\n", "null;"},
        {"a: 1\n---\nb: 2\n...\n---\n- c\n", "{\"a\":1};{\"b\":2};[\"c\"];"},
        {"base: &b {x: 1, z: 2}\nv: *b\n", "{\"base\":{\"x\":1,\"z\":2},\"v\":{\"x\":1,\"z\":2}};"},
        {"b: &b {x: 1, z: 2}\nc:\n  <<: *b\n  z: 3\n", "{\"b\":{\"x\":1,\"z\":2},\"c\":{\"z\":3,\"x\":1}};"},
        {"c:\n  z: 3\n  <<: {x: \"q\\n\", z: 2}\n", "{\"c\":{\"z\":3,\"x\":\"q\\n\"}};"},
        {"a: &a {x: 1}\nb: &b {x: 2, q: 3}\nc:\n  <<: [*a, *b]\n  w: 0\n",
         "{\"a\":{\"x\":1},\"b\":{\"x\":2,\"q\":3},\"c\":{\"w\":0,\"x\":1,\"q\":3}};"},
        {"a: &a {x: 1}\nb: &b\n  <<: *a\n  z: 2\nc: {<<: *b}\n",
         "{\"a\":{\"x\":1},\"b\":{\"z\":2,\"x\":1},\"c\":{\"z\":2,\"x\":1}};"},
        {"{\"<<\": 1}", "{\"<<\":1};"},
        {"{<<: {}}", "{};"},
    };
    for (size_t i = 0; i < OV_COUNT(rows); i++) {
        ov_buf out = OV_BUF(1024);
        ov_err err = {0};
        check_case(rows[i].yaml);
        CHECK_OK(convert(ov_str_of(rows[i].yaml), &out, &err), &err);
        CHECK_STR(ov_buf_str(&out), ov_str_of(rows[i].json));
        ov_buf_clear(&out);
    }
    check_case(NULL);
}

static void test_refusals(void)
{
    static const struct {
        const char *yaml, *error;
    } rows[] = {
        {"a: 1\nb:\n  c: 1\n  c: 2\n", "line 4, column 3: key stands twice: c"},
        {"1: a\n'1': b\n", "line 2, column 1: key stands twice: 1"},
        {"{[a]: b}", "line 1, column 2: a key that is not a scalar"},
        {"{~: b}", "line 1, column 2: a key that is null"},
        {"a: .nan\n", "line 1, column 4: a number that JSON cannot hold: .nan"},
        {"a: -.Inf\n", "line 1, column 4: a number that JSON cannot hold: -.Inf"},
        {"a: !!int x\n", "line 1, column 4: value is not what its tag says: x"},
        {"a: !!bool 1\n", "line 1, column 4: value is not what its tag says: 1"},
        {"a: !!binary aGk=\n", "line 1, column 4: !!binary: not supported"},
        {"a:\n  <<: 1\n", "line 2, column 7: <<: expected a mapping"},
        {"a:\n  <<: [{}, 1]\n", "line 2, column 12: <<: expected a mapping"},
        {"a: b\n c\nd", "line 4, column 1: could not find expected ':' while scanning a simple key"},
        {"a: 012345678901234567890123456789012345678901234567890123456789x\n", "document as JSON: more than 64 bytes"},
    };
    for (size_t i = 0; i < OV_COUNT(rows); i++) {
        ov_buf out = OV_BUF(64);
        ov_err err = {0};
        check_case(rows[i].yaml);
        CHECK_INT(convert(ov_str_of(rows[i].yaml), &out, &err), OV_INVALID);
        CHECK_C(err.msg, rows[i].error);
        ov_buf_clear(&out);
    }
    check_case(NULL);
}

static void test_depth_of_json(void)
{
    for (int depth = 64; depth <= 65; depth++) {
        ov_buf text = OV_BUF(1024), out = OV_BUF(1024);
        ov_err err = {0};
        for (int i = 0; i < depth; i++) ov_buf_append_c(&text, "[");
        for (int i = 0; i < depth; i++) ov_buf_append_c(&text, "]");
        CHECK_INT(convert(ov_buf_str(&text), &out, &err), depth > 64 ? OV_INVALID : OV_OK);
        if (depth > 64) CHECK_C(err.msg, "line 1, column 65: nested too deeply for JSON");
        ov_buf_clear(&text);
        ov_buf_clear(&out);
    }
}

int main(void)
{
    test_scalars();
    test_documents();
    test_refusals();
    test_depth_of_json();
    return check_end();
}
