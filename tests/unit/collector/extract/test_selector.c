/* Label selectors: matching, the labelSelector parameter, and what is refused with which words. */
#include "services/collector/extract/selector.h"
#include "support/check.h"
#include "base/poison.h"

static const struct {
    const char *selector, *labels, *string;
    bool matches;
} rows[] = {
    {"null", "{\"a\":\"1\"}", "", false},
    {"{}", "{\"a\":\"1\"}", "", true},
    {"{}", "null", "", true},
    {"{\"matchLabels\":{\"b\":\"2\",\"a\":\"1\"}}", "{\"a\":\"1\",\"b\":\"2\"}", "a=1,b=2", true},
    {"{\"matchLabels\":{\"a\":\"1\"}}", "{\"a\":\"2\"}", "a=1", false},
    {"{\"matchLabels\":{\"a\":\"\"}}", "{\"a\":\"\"}", "a=", true},
    {"{\"matchExpressions\":[{\"key\":\"a\",\"operator\":\"In\",\"values\":[\"y\",\"x\"]}]}", "{\"a\":\"x\"}",
     "a in (x,y)", true},
    {"{\"matchExpressions\":[{\"key\":\"a\",\"operator\":\"NotIn\",\"values\":[\"x\"]}]}", "{}", "a notin (x)", true},
    {"{\"matchExpressions\":[{\"key\":\"a\",\"operator\":\"NotIn\",\"values\":[\"x\"]}]}", "{\"a\":\"x\"}",
     "a notin (x)", false},
    {"{\"matchExpressions\":[{\"key\":\"x.io/a\",\"operator\":\"Exists\"}]}", "{\"x.io/a\":\"\"}", "x.io/a", true},
    {"{\"matchExpressions\":[{\"key\":\"a\",\"operator\":\"DoesNotExist\",\"values\":null}]}", "{\"a\":\"\"}", "!a",
     false},
};

static const struct {
    const char *selector, *says;
} refused[] = {
    {"[]", "expected an object"},
    {"{\"matchLabels\":[]}", "matchLabels: expected an object"},
    {"{\"matchLabels\":{\"a\":1}}", "matchLabels.a: expected a string"},
    {"{\"matchLabels\":{\"a b\":\"1\"}}", "matchLabels: \"a b\": expected a label's key"},
    {"{\"matchLabels\":{\"a\":\"b c\"}}", "matchLabels.a: \"b c\": expected a label's value"},
    {"{\"matchExpressions\":{}}", "matchExpressions: expected an array"},
    {"{\"matchExpressions\":[1]}", "matchExpressions[0]: expected an object"},
    {"{\"matchExpressions\":[{\"key\":\"a\",\"operator\":\"in\"}]}",
     "matchExpressions[0].operator: \"in\": expected In, NotIn, Exists or DoesNotExist"},
    {"{\"matchExpressions\":[{\"key\":\"\",\"operator\":\"Exists\"}]}",
     "matchExpressions[0].key: \"\": expected a label's key"},
    {"{\"matchExpressions\":[{\"key\":\"a\",\"operator\":\"In\"}]}", "matchExpressions[0].values: empty"},
    {"{\"matchExpressions\":[{\"key\":\"a\",\"operator\":\"Exists\",\"values\":[\"x\"]}]}",
     "matchExpressions[0].values: expected none"},
    {"{\"matchExpressions\":[{\"key\":\"a\",\"operator\":\"In\",\"values\":[\"x\",\"-\"]}]}",
     "matchExpressions[0].values[1]: \"-\""},
};

static void check_row(const char *json_text, const char *labels_text, const char *string, bool matches)
{
    ov_err err = {0};
    OV_CLEANUP(ov_json_tree_p) cJSON *json = NULL;
    OV_CLEANUP(ov_json_tree_p) cJSON *labels = NULL;
    OV_CLEANUP(selector_free_p) selector *s = NULL;
    ov_buf text = OV_BUF(4096);
    CHECK_OK(ov_json_tree(ov_str_of(json_text), &json, &err), &err);
    CHECK_OK(ov_json_tree(ov_str_of(labels_text), &labels, &err), &err);
    if (!CHECK_OK(selector_parse(json, &s, &err), &err)) return;
    selector_write(s, &text);
    CHECK_STR(ov_buf_str(&text), ov_str_of(string));
    CHECK_INT(selector_matches(s, labels), matches);
    CHECK_INT(selector_is_nothing(s), cJSON_IsNull(json));
    ov_buf_clear(&text);
}

static void check_refused(const char *json_text, const char *says)
{
    ov_err err = {0};
    OV_CLEANUP(ov_json_tree_p) cJSON *json = NULL;
    selector *s = NULL;
    CHECK_OK(ov_json_tree(ov_str_of(json_text), &json, &err), &err);
    CHECK_STATUS(selector_parse(json, &s, &err), OV_INVALID, &err);
    if (!CHECK(strstr(err.msg, says) == err.msg)) CHECK_C(err.msg, says);
}

int main(void)
{
    for (size_t i = 0; i < OV_COUNT(rows); i++) {
        check_case(rows[i].selector);
        check_row(rows[i].selector, rows[i].labels, rows[i].string, rows[i].matches);
    }
    for (size_t i = 0; i < OV_COUNT(refused); i++) {
        check_case(refused[i].selector);
        check_refused(refused[i].selector, refused[i].says);
    }
    return check_end();
}
