/* The writer: commas, escapes, bad bytes. */
#include "json/writer.h"
#include "support/check.h"

#include "base/poison.h"

static void test_document(void)
{
    ov_buf out = OV_BUF(1024);
    ov_json_writer w = ov_json_writer_on(&out);
    ov_json_open_object(&w, NULL);
    ov_json_write_c(&w, "a", "x");
    ov_json_write_i64(&w, "n", INT64_MIN);
    ov_json_write_bool(&w, "t", true);
    ov_json_write_bool(&w, "f", false);
    ov_json_write_null(&w, "z");
    ov_json_open_array(&w, "list");
    ov_json_write_i64(&w, NULL, 1);
    ov_json_open_object(&w, NULL);
    ov_json_close_object(&w);
    ov_json_write_raw(&w, NULL, OV_STR("[2, 3]"));
    ov_json_close_array(&w);
    ov_json_open_array(&w, "empty");
    ov_json_close_array(&w);
    ov_json_write_member(&w, OV_STR("fo\"o"), OV_STR("bar"));
    ov_json_close_object(&w);
    CHECK_STR(ov_buf_str(&out), OV_STR("{\"a\":\"x\",\"n\":-9223372036854775808,\"t\":true,\"f\":false,\"z\":null,"
                                       "\"list\":[1,{},[2, 3]],\"empty\":[],\"fo\\\"o\":\"bar\"}"));
    ov_buf_clear(&out);
}

static void test_quote(void)
{
    static const struct {
        ov_str text;
        const char *json;
    } rows[] = {
        {OV_STR(""), "\"\""},
        {OV_STR("plain text"), "\"plain text\""},
        {OV_STR("\"\\/\b\f\n\r\t\x01\x1F\x7F"), "\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\x7F\""},
        {OV_STR("a\0b"), "\"a\\u0000b\""},
        {OV_STR("\xC3\xA9\xF0\x9F\x9A\x80<&>"), "\"\xC3\xA9\xF0\x9F\x9A\x80<&>\""},
        {OV_STR("a\xFFz\xC3"), "\"a\xEF\xBF\xBDz\xEF\xBF\xBD\""},
        {OV_STR("\xED\xA0\x80"), "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\""},
    };
    for (size_t i = 0; i < OV_COUNT(rows); i++) {
        ov_buf out = OV_BUF(256);
        check_case(rows[i].json);
        ov_json_quote(&out, rows[i].text);
        CHECK_STR(ov_buf_str(&out), ov_str_of(rows[i].json));
        ov_buf_clear(&out);
    }
    check_case(NULL);
}

static void test_bound_sticks(void)
{
    ov_buf out = OV_BUF(8);
    ov_err err = {0};
    ov_json_writer w = ov_json_writer_on(&out);
    ov_json_write_c(&w, NULL, "longer than that");
    CHECK_STATUS(ov_buf_finish(&out, "text", &err), OV_INVALID, &err);
    ov_buf_clear(&out);
}

int main(void)
{
    test_document();
    test_quote();
    test_bound_sticks();
    return check_end();
}
