/* The splitter gives the same elements however the document is cut. */
#include "json/splitter.h"
#include "support/check.h"

#include "base/poison.h"

static ov_status collect(void *arg, ov_str element, ov_err *err)
{
    (void)err;
    ov_buf_append_str(arg, element);
    ov_buf_append_char(arg, '|');
    return OV_OK;
}

static ov_status split(const char *text, const char *member, size_t piece, size_t max, ov_buf *out, ov_err *err)
{
    ov_json_splitter *s = ov_json_splitter_new(member, max, collect, out);
    ov_str rest = ov_str_of(text);
    ov_status st = OV_OK;
    for (size_t at = 0; at < rest.len && st == OV_OK; at += piece)
        st = ov_json_splitter_feed(s, ov_str_sub(rest, at, at + piece), err);
    if (st == OV_OK) st = ov_json_splitter_finish(s, err);
    ov_json_splitter_free(s);
    return st;
}

static void test_around(void)
{
    OV_CLEANUP(ov_buf_clear) ov_buf out = OV_BUF(100);
    ov_err err = {0};
    check_case("around");
    ov_json_splitter *s = ov_json_splitter_new("items", 100, collect, &out);
    CHECK_OK(ov_json_splitter_feed(s, OV_STR("{\"metadata\":{\"a\":\"b c\"},\"items\":[1,2],\"z\":0}"), &err), &err);
    CHECK_OK(ov_json_splitter_finish(s, &err), &err);
    CHECK_STR(ov_json_splitter_around(s), OV_STR("{\"metadata\":{\"a\":\"b c\"},\"items\":[],\"z\":0}"));
    ov_json_splitter_free(s);
}

static const struct {
    const char *text, *member, *elements; /* elements NULL: refused with error */
    const char *error;
} rows[] = {
    {"[1,2,{\"a\":[3]},\"x,]\"]", NULL, "1|2|{\"a\":[3]}|\"x,]\"|", ""},
    {" [ ] ", "", "", ""},
    {"[ true , null ]", NULL, "true|null|", ""},
    {"{\"kind\":\"List\",\"items\":[{\"a\":1},{\"b\":\"}\\\"]\"}],\"x\":[9]}", "items", "{\"a\":1}|{\"b\":\"}\\\"]\"}|",
     ""},
    {"{ \"x\" : {\"items\":[5]} , \"items\" : [ 6 , [7] ] }", "items", "6|[7]|", ""},
    {"{\"x\":\"items\",\"it\\u0065ms\":[1]}", "items", "1|", ""},
    {"{\"items\":null,\"x\":1}", "items", "", ""},
    {"{\"items\":[]}", "items", "", ""},
    {"{\"items\":{}}", "items", NULL, "items: expected an array"},
    {"{\"items\":[1],\"items\":[2]}", "items", NULL, "items: stands twice"},
    {"{\"items\":[1],\"items\":null}", "items", NULL, "items: stands twice"},
    {"{}", "items", NULL, "items: expected an array"},
    {"{\"items\":[1]", "items", NULL, "JSON around the array: offset 11: expected a comma or }"},
    {"{\"items\":[1", "items", NULL, "array: cut off before its end"},
    {"{\"items\":[1,]}", "items", NULL, "array: expected an element"},
    {"[,1]", NULL, NULL, "array: expected an element"},
    {"[1 2]", NULL, NULL, "array: expected a comma or ]"},
    {"[1}", NULL, NULL, "array: expected a comma or ]"},
    {"[1] x", NULL, NULL, "JSON around the array: offset 3: expected the end of the document"},
    {"[1][2]", NULL, NULL, "array: stands twice"},
    {"[{\"a\" 1}]", NULL, NULL, "array element: offset 5: expected a colon"},
    {"[tru]", NULL, NULL, "array element: offset 0: expected a value"},
    {"[\"\xFF\"]", NULL, NULL, "array element: offset 1: bytes that are not UTF-8"},
    {"[[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16]]", NULL, NULL, "array element: more than 32 bytes"},
    {"{\"a\":1}", NULL, NULL, "document: expected an array"},
    {"1 2", NULL, NULL, "JSON around the array: offset 2: expected the end of the document"},
    {"", NULL, NULL, "JSON around the array: offset 0: expected a value"},
};

static void test_every_cut(void)
{
    for (size_t i = 0; i < OV_COUNT(rows); i++) {
        check_case(rows[i].text);
        for (size_t piece = 1; piece <= strlen(rows[i].text) + 1; piece++) {
            ov_buf out = OV_BUF(1024);
            ov_err err = {0};
            ov_status st = split(rows[i].text, rows[i].member, piece, 32, &out, &err);
            CHECK_C(err.msg, rows[i].error);
            CHECK_INT(st, rows[i].elements ? OV_OK : OV_INVALID);
            if (rows[i].elements) CHECK_STR(ov_buf_str(&out), ov_str_of(rows[i].elements));
            ov_buf_clear(&out);
        }
    }
    check_case(NULL);
}

static ov_status stop_at_second(void *arg, ov_str element, ov_err *err)
{
    (void)element;
    int *count = arg;
    return ++*count == 2 ? ov_fail(err, OV_NOT_FOUND, "enough") : OV_OK;
}

static void test_consumer_stops(void)
{
    int count = 0;
    ov_err err = {0};
    ov_json_splitter *s = ov_json_splitter_new(NULL, 100, stop_at_second, &count);
    CHECK_INT(ov_json_splitter_feed(s, OV_STR("[1,2,3]"), &err), OV_NOT_FOUND);
    CHECK_C(err.msg, "enough");
    CHECK_INT(ov_json_splitter_feed(s, OV_STR("[1,2,3]"), &err), OV_NOT_FOUND);
    CHECK_INT(ov_json_splitter_finish(s, &err), OV_NOT_FOUND);
    CHECK_INT(count, 2);
    ov_json_splitter_free(s);
    ov_json_splitter_free(NULL);
}

int main(void)
{
    test_every_cut();
    test_consumer_stops();
    test_around();
    return check_end();
}
