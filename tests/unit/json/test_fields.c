/* Decoding by tables: targets, paths in errors, duplicates, nulls. */
#include "json/fields.h"
#include "support/check.h"

#include "base/poison.h"

typedef struct {
    ov_str id, raw, object, array;
    int64_t count;
    bool on;
} sample;

static const ov_field fields[] = {
    {"id", OV_FIELD_STRING, true, offsetof(sample, id)},
    {"count", OV_FIELD_I64, true, offsetof(sample, count)},
    {"on", OV_FIELD_BOOL, false, offsetof(sample, on)},
    {"raw", OV_FIELD_RAW, false, offsetof(sample, raw)},
    {"object", OV_FIELD_OBJECT, false, offsetof(sample, object)},
    {"array", OV_FIELD_ARRAY, false, offsetof(sample, array)},
};

static void test_targets(void)
{
    sample s = {.on = true};
    ov_err err = {0};
    ov_json_arena arena = {0};
    ov_str text = OV_STR("{\"array\":[1, 2],\"more\":{\"id\":1},\"i\\u0064\":\"a\\tb\",\"count\":-7,\"raw\": 1.50 ,"
                         "\"object\":{ },\"on\":null,\"more\":1}");
    CHECK_OK(ov_json_fields_of(text, fields, OV_COUNT(fields), &s, &arena, "thing", &err), &err);
    CHECK_STR(s.id, OV_STR("a\tb"));
    CHECK_INT(s.count, -7);
    CHECK(s.on);
    CHECK_STR(s.raw, OV_STR("1.50"));
    CHECK_STR(s.object, OV_STR("{ }"));
    CHECK_STR(s.array, OV_STR("[1, 2]"));
    ov_json_arena_clear(&arena);
}

static void test_errors(void)
{
    static const struct {
        const char *json, *path, *error;
    } rows[] = {
        {"{\"id\":\"x\"}", "report: version", "report: version.count: missing"},
        {"{\"id\":\"x\"}", "report: ", "report: count: missing"},
        {"{\"id\":null,\"count\":1}", "t", "t.id: missing"},
        {"{\"id\":\"x\",\"count\":\"x\"}", "t", "t.count: \"x\": expected an integer"},
        {"{\"id\":\"x\",\"count\":1.5}", "t", "t.count: 1.5: expected an integer"},
        {"{\"id\":[],\"count\":1}", "t", "t.id: an array: expected a string"},
        {"{\"id\":\"x\",\"count\":1,\"on\":1}", "t", "t.on: 1: expected true or false"},
        {"{\"id\":\"x\",\"count\":1,\"object\":[1]}", "t", "t.object: an array: expected an object"},
        {"{\"id\":\"x\",\"count\":1,\"array\":\"s\"}", "t", "t.array: \"s\": expected an array"},
        {"{\"id\":\"x\",\"count\":1,\"id\":\"y\"}", "t", "t.id: stands twice"},
        {"{\"id\":\"x\",\"count\":1,\"on\":null,\"on\":true}", "t", "t.on: stands twice"},
        {"[]", "t", "t: an array: expected an object"},
        {"\"x\"", "t: ", "t: \"x\": expected an object"},
        {"{\"id\":\"x\",\"count\":1} x", "t", "t: offset 21: expected the end of the document"},
        {"{\"id\":\"x\",\"count\":1", "t: ", "t: offset 19: expected a comma or }"},
        {"{\"id\":\"x\",\"count\":1,\"raw\":[}", "t", "t: offset 27: expected a value"},
        {"{\"id\":\"x\",\"other\":[}", "t", "t: offset 19: expected a value"},
        {"", "t", "t: offset 0: expected a value"},
        {"{\"id\":\"x\",\"count\":\"0123456789012345678901234567890123456789\xC3\xA9\"}", "t",
         "t.count: \"0123456789012345678901234567890123456789...\": expected an integer"},
    };
    for (size_t i = 0; i < OV_COUNT(rows); i++) {
        sample s = {0};
        ov_err err = {0};
        ov_json_arena arena = {0};
        check_case(rows[i].json);
        CHECK_INT(ov_json_fields_of(ov_str_of(rows[i].json), fields, OV_COUNT(fields), &s, &arena, rows[i].path, &err),
                  OV_INVALID);
        CHECK_C(err.msg, rows[i].error);
        ov_json_arena_clear(&arena);
    }
    check_case(NULL);
}

static void test_array_walk(void)
{
    ov_json_reader r;
    ov_err err = {0};
    ov_json_arena arena = {0};
    ov_buf joined = OV_BUF(64);
    bool more = false;
    ov_json_reader_init(&r, OV_STR("[\"a\" , \"\\u0062\",\"c\"]"));
    CHECK_OK(ov_json_array_begin(&r, "list", &err), &err);
    for (;;) {
        ov_str item = {0};
        CHECK_OK(ov_json_array_next(&r, &more, "list", &err), &err);
        if (!more) break;
        CHECK_OK(ov_json_string(&r, &item, &arena, "list[0]", &err), &err);
        ov_buf_append_str(&joined, item);
    }
    CHECK_STR(ov_buf_str(&joined), OV_STR("abc"));
    ov_buf_clear(&joined);

    ov_str item;
    ov_json_reader_init(&r, OV_STR("[null]"));
    CHECK_OK(ov_json_array_begin(&r, "list", &err), &err);
    CHECK_OK(ov_json_array_next(&r, &more, "list", &err), &err);
    CHECK_STATUS(ov_json_string(&r, &item, &arena, "list[0]", &err), OV_INVALID, &err);
    CHECK_C(err.msg, "list[0]: null: expected a string");
    ov_json_reader_init(&r, OV_STR("{}"));
    CHECK_STATUS(ov_json_array_begin(&r, "list", &err), OV_INVALID, &err);
    CHECK_C(err.msg, "list: an object: expected an array");
    ov_json_arena_clear(&arena);
}

static void test_object_walk(void)
{
    ov_json_reader r;
    ov_err err = {0};
    ov_json_arena arena = {0};
    ov_buf joined = OV_BUF(64);
    bool more = false;
    ov_json_reader_init(&r, OV_STR("{\"env\":\"prod\",\"a\\u002fb\":\"\"}"));
    CHECK_OK(ov_json_object_begin(&r, "tags", &err), &err);
    for (;;) {
        ov_str name = {0}, value = {0};
        CHECK_OK(ov_json_object_next(&r, &more, &name, &arena, "tags", &err), &err);
        if (!more) break;
        CHECK_OK(ov_json_string(&r, &value, &arena, "tags", &err), &err);
        ov_buf_append_str(&joined, name);
        ov_buf_append_char(&joined, '=');
        ov_buf_append_str(&joined, value);
        ov_buf_append_char(&joined, ';');
    }
    CHECK_STR(ov_buf_str(&joined), OV_STR("env=prod;a/b=;"));
    ov_buf_clear(&joined);
    ov_json_arena_clear(&arena);
}

static void test_arena_keeps_many(void)
{
    ov_json_arena arena = {0};
    char big[6000];
    memset(big, 'x', sizeof big);
    ov_str first = ov_json_arena_copy(&arena, OV_STR("first"));
    ov_str large = ov_json_arena_copy(&arena, (ov_str){big, sizeof big});
    for (int i = 0; i < 2000; i++) ov_json_arena_copy(&arena, OV_STR("0123456789"));
    CHECK_STR(first, OV_STR("first"));
    CHECK_STR(large, ((ov_str){big, sizeof big}));
    ov_json_arena_clear(&arena);
    CHECK(!arena.blocks);
}

int main(void)
{
    test_targets();
    test_errors();
    test_array_walk();
    test_object_walk();
    test_arena_keeps_many();
    return check_end();
}
