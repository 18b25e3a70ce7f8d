/* JSONPath: what an expression finds in an object, and how it says that it cannot. */
#include "base/mem.h"
#include "services/collector/extract/jsonpath.h"
#include "support/check.h"
#include "base/poison.h"

static const char object_text[] =
    "{\"a\":{\"b\":\"x\",\"c.d\":\"dotted\",\"n\":3,\"f\":0.25,\"big\":1e21,\"t\":true,\"z\":null,\"e\":[]},"
    "\"list\":[{\"name\":\"one\",\"port\":80},{\"name\":\"two\",\"port\":443},{\"name\":\"three\"}],"
    "\"pair\":[{\"name\":\"one\",\"port\":8e1},{\"name\":\"two\",\"port\":443}],"
    "\"deep\":[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]],"
    "\"html\":{\"z\":\"<&>\",\"a\":[1,\"q\\\"\\n\"]}}";

/* Values are joined by "|". */
static const struct {
    const char *expression, *values;
} found[] = {
    {"a.b", "x"},
    {".a.b", "x"},
    {"{a.b}", "x"},
    {"{.a.b}", "x"},
    {"{.a['b']}", "x"},
    {"{.a.c\\.d}", "dotted"},
    {"{.a['c\\.d']}", "dotted"},
    {"{.a.n}", "3"},
    {"{.a.f}", "0.25"},
    {"{.a.big}", "1e+21"},
    {"{.a.t}", "true"},
    {"{.a.z}", "null"},
    {"{.a.e}", "[]"},
    {"{.a.e[*]}", ""},
    {"{.html}", "{\"a\":[1,\"q\\\"\\n\"],\"z\":\"\\u003c\\u0026\\u003e\"}"},
    {"{.list[0].name}", "one"},
    {"{.list[-1].name}", "three"},
    {"{.list[0:2].name}", "one|two"},
    {"{.list[::2].name}", "one|three"},
    {"{.list[0,2].name}", "one|three"},
    {"{.list[*].port}", "80|443"},
    {"{.list[*]['name','port']}", "one|two|three|80|443"},
    {"{.list[?(@.port)].name}", "one|two"},
    {"{.pair[?(@.port==443)].name}", "two"},
    {"{.list[?(@.name!=\"one\")].name}", "two|three"},
    {"{.list[?(@.name=='one')].port}", "80"},
    {"{.list[?(@.name>=\"three\")].name}", "two|three"},
    {"{.list[?(@.name==\"none\")].name}", ""},
    {"{..port}", "80|443|80|443"},
    {"{.list.*.name}", "one|two|three"},
    {"{.a.b.*}", "120"},
    {"{.a \"lit\\u00e9\"}", "lit\xc3\xa9"},
    {"", ""},
};

static const struct {
    const char *expression;
    ov_status status;
    const char *says;
} not_found[] = {
    {"{.a.nope}", OV_NOT_FOUND, "nope is not found"},
    {"{['a']}", OV_NOT_FOUND, " is not found"},
    {"{.list[9].name}", OV_NOT_FOUND, "array index out of bounds: index 9, length 3"},
    {"{.list[2:1]}", OV_INVALID, "starting index 2 is greater than ending index 1"},
    {"{.list[::0]}", OV_INVALID, "step must be > 0"},
    {"{.a[0]}", OV_INVALID, "object is not an array"},
    {"{.a.b[?(@.x)]}", OV_INVALID, "string is not an array and cannot be filtered"},
    {"{.list[?(@.name==1)]}", OV_INVALID, "incompatible types for comparison"},
    {"{.list[?(@.name<>1)]}", OV_INVALID, "unrecognized filter operator"},
    {"{.a foo}", OV_INVALID, "unrecognized identifier foo"},
    {"{.list[?(@.port==443)]}", OV_NOT_FOUND, "port is not found"},
    {"{.deep...*...*...*...*...*...*...*...*...*}", OV_FAILED, "more than 200000 values"},
};

static const struct {
    const char *expression, *says;
} malformed[] = {
    {"{a", "expected 'a.b'"},
    {"{}", "expected 'a.b'"},
    {"a{.b}c", "expected 'a.b'"},
    {"{.a[0}", "unterminated array"},
    {"{.a[x]}", "invalid array index x"},
    {"{.a[\"b\"]}", "invalid array index \"b\""},
    {"{.a[-]}", "invalid array index -"},
    {"{.list[?(@.name==\"x\"]}", "unterminated filter"},
    {"{.list[?(@.x)}", "unclosed array"},
    {"{.list[?(@.a && @.b)]}", "unrecognized character '&'"},
    {"{.a \"x}", "unterminated quoted string"},
    {"{.a \"\\q\"}", "malformed quoted string"},
    {"{.a 1.2.3}", "cannot parse number 1.2.3"},
    {"a\\", "unclosed action"},
};

static void check_found(const cJSON *object, const char *expression, const char *want)
{
    ov_err err = {0};
    OV_CLEANUP(jsonpath_free_p) jsonpath *path = NULL;
    OV_CLEANUP(jsonpath_values_clear) jsonpath_values values = {0};
    ov_buf text = OV_BUF(4096);
    if (!CHECK_OK(jsonpath_compile(ov_str_of(expression), &path, &err), &err)) return;
    CHECK_OK(jsonpath_find(path, object, &values, &err), &err);
    for (size_t i = 0; i < values.count; i++) {
        if (i > 0) ov_buf_append_char(&text, '|');
        jsonpath_value_write(&values.items[i], &text);
    }
    CHECK_STR(ov_buf_str(&text), ov_str_of(want));
    ov_buf_clear(&text);
}

static void check_not_found(const cJSON *object, const char *expression, ov_status status, const char *says)
{
    ov_err err = {0};
    OV_CLEANUP(jsonpath_free_p) jsonpath *path = NULL;
    jsonpath_values values = {0};
    if (!CHECK_OK(jsonpath_compile(ov_str_of(expression), &path, &err), &err)) return;
    CHECK_STATUS(jsonpath_find(path, object, &values, &err), status, &err);
    CHECK_C(err.msg, says);
    CHECK(values.items == NULL);
}

static void test_malformed(void)
{
    for (size_t i = 0; i < OV_COUNT(malformed); i++) {
        ov_err err = {0};
        jsonpath *path = NULL;
        check_case(malformed[i].expression);
        CHECK_STATUS(jsonpath_compile(ov_str_of(malformed[i].expression), &path, &err), OV_INVALID, &err);
        CHECK(path == NULL);
        if (!CHECK(strstr(err.msg, malformed[i].says) != NULL)) CHECK_C(err.msg, malformed[i].says);
    }
}

static void test_bounds(void)
{
    check_case("bounds");
    char text[JSONPATH_TEXT_MAX + 1];
    memset(text, 'a', sizeof text);
    ov_err err = {0};
    jsonpath *path = NULL;
    CHECK_STATUS(jsonpath_compile((ov_str){text, sizeof text}, &path, &err), OV_INVALID, &err);
    CHECK_STATUS(jsonpath_compile((ov_str){"a\0b", 3}, &path, &err), OV_INVALID, &err);
    CHECK_OK(jsonpath_compile((ov_str){text, JSONPATH_TEXT_MAX}, &path, &err), &err);
    jsonpath_free(path);
}

int main(void)
{
    ov_err err = {0};
    OV_CLEANUP(ov_json_tree_p) cJSON *object = NULL;
    if (!CHECK_OK(ov_json_tree(ov_str_of(object_text), &object, &err), &err)) return check_end();
    for (size_t i = 0; i < OV_COUNT(found); i++) {
        check_case(found[i].expression);
        check_found(object, found[i].expression, found[i].values);
    }
    for (size_t i = 0; i < OV_COUNT(not_found); i++) {
        check_case(not_found[i].expression);
        check_not_found(object, not_found[i].expression, not_found[i].status, not_found[i].says);
    }
    test_malformed();
    test_bounds();
    return check_end();
}
