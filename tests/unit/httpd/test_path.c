/* Targets: normalisation before splitting, splitting before decoding, and what is refused. */
#include "httpd/path.h"

#include <stdio.h>
#include <stdlib.h>

#include "httpd/httpd.h"
#include "support/check.h"

#include "base/poison.h"

static void join(const ov_http_target *t, ov_buf *out)
{
    for (unsigned i = 0; i < t->count && i < OV_HTTP_SEGMENTS; i++) {
        if (i) ov_buf_append_char(out, '|');
        ov_buf_append_str(out, t->segments[i]);
    }
}

static void targets_are_normalised(void)
{
    static const struct {
        const char *uri;
        const char *clean, *segments;
        bool slash_behind;
        unsigned status;
    } rows[] = {
        {"/", "/", "", false, 0},
        {"//", "/", "", false, 0},
        {"/..", "/", "", false, 0},
        {"/a", "/a", "a", false, 0},
        {"/a/b", "/a/b", "a|b", false, 0},
        {"//a///b", "/a/b", "a|b", false, 0},
        {"/a/./b", "/a/b", "a|b", false, 0},
        {"/a/x/../b", "/a/b", "a|b", false, 0},
        {"/../../a", "/a", "a", false, 0},
        {"/a/", "/a", "a", true, 0},
        {"/a//", "/a", "a", true, 0},
        {"/a/.", "/a", "a", true, 0},
        {"/a/b/..", "/a", "a", true, 0},
        {"/a/b/../", "/a", "a", true, 0},
        {"/a/..b", "/a/..b", "a|..b", false, 0},
        {"/a?b=/c/", "/a", "a", false, 0},
        {"/a/?b", "/a", "a", true, 0},
        {"/a%2Fb/c", "/a%2Fb/c", "a/b|c", false, 0},
        {"/a%2e%2e/%2e", "/a%2e%2e/%2e", "a..|.", false, 0},
        {"/%E4%B8%AD", "/%E4%B8%AD", "\xE4\xB8\xAD", false, 0},
        {"/a+b;c", "/a+b;c", "a+b;c", false, 0},
        {"/a%25zz", "/a%25zz", "a%zz", false, 0},
        {"http://host/a/b", "/a/b", "a|b", false, 0},
        {"HTTPS://host:1", "/", "", false, 0},
        {"/a%zz", NULL, NULL, false, 400},
        {"/a%", NULL, NULL, false, 400},
        {"/a%2", NULL, NULL, false, 400},
        {"/a%2/b", NULL, NULL, false, 400},
        {"/a b", NULL, NULL, false, 400},
        {"*", NULL, NULL, false, 400},
        {"", NULL, NULL, false, 400},
        {"a/b", NULL, NULL, false, 400},
    };
    ov_http_target t;
    ov_http_target_init(&t);
    for (size_t i = 0; i < OV_COUNT(rows); i++) {
        check_case(rows[i].uri);
        CHECK_INT(ov_http_target_parse(&t, ov_str_of(rows[i].uri)), rows[i].status);
        if (rows[i].status) continue;
        ov_buf segments = OV_BUF(1024);
        join(&t, &segments);
        CHECK_STR(t.clean, ov_str_of(rows[i].clean));
        CHECK_INT(t.clean.ptr[t.clean.len], '\0');
        CHECK_STR(ov_buf_str(&segments), ov_str_of(rows[i].segments));
        CHECK(t.slash_behind == rows[i].slash_behind);
        ov_buf_clear(&segments);
    }
    check_case(NULL);
    ov_http_target_clear(&t);
}

static void a_parameter_holds_any_byte(void)
{
    ov_http_target t;
    ov_http_target_init(&t);
    CHECK_INT(ov_http_target_parse(&t, OV_STR("/a%00b/%ff")), 0);
    CHECK_STR(t.segments[0], OV_STR("a\0b"));
    CHECK_STR(t.segments[1], OV_STR("\xff"));
    ov_http_target_clear(&t);
}

static void lengths_are_bounded(void)
{
    static char uri[OV_HTTP_TARGET_MAX + 2];
    ov_http_target t;
    ov_http_target_init(&t);
    memset(uri, 'a', sizeof uri);
    uri[0] = '/';
    CHECK_INT(ov_http_target_parse(&t, (ov_str){uri, OV_HTTP_PATH_MAX}), 0);
    CHECK_INT(ov_http_target_parse(&t, (ov_str){uri, OV_HTTP_PATH_MAX + 1}), 414);
    uri[10] = '?';
    CHECK_INT(ov_http_target_parse(&t, (ov_str){uri, OV_HTTP_TARGET_MAX}), 0);
    CHECK_INT(ov_http_target_parse(&t, (ov_str){uri, OV_HTTP_TARGET_MAX + 1}), 414);
    for (size_t i = 0; i < 100; i++) uri[i] = i % 2 ? 'a' : '/';
    CHECK_INT(ov_http_target_parse(&t, (ov_str){uri, 100}), 0);
    CHECK_INT(t.count, OV_HTTP_SEGMENTS + 1);
    ov_http_target_clear(&t);
}

static void queries_are_decoded(void)
{
    static const struct {
        const char *uri, *name, *value; /* NULL: absent */
    } rows[] = {
        {"/?a=b", "a", "b"},   {"/?a=b&a=c", "a", "b"},     {"/?x=1&a=b%20c+d", "a", "b c d"},
        {"/?a", "a", ""},      {"/?a=", "a", ""},           {"/?&&a=1&", "a", "1"},
        {"/?%61=1", "a", "1"}, {"/?a=%zz%4", "a", "%zz%4"}, {"/?a=b=c?d", "a", "b=c?d"},
        {"/?b=1", "a", NULL},  {"/?", "a", NULL},           {"/", "a", NULL},
    };
    ov_http_target t;
    ov_http_target_init(&t);
    for (size_t i = 0; i < OV_COUNT(rows); i++) {
        check_case(rows[i].uri);
        CHECK_INT(ov_http_target_parse(&t, ov_str_of(rows[i].uri)), 0);
        ov_str value = ov_http_target_query(&t, ov_str_of(rows[i].name));
        CHECK_STR(value, ov_str_of(rows[i].value));
        CHECK((value.ptr != NULL) == (rows[i].value != NULL));
    }
    check_case(NULL);
    ov_http_target_clear(&t);
}

int main(void)
{
    targets_are_normalised();
    a_parameter_holds_any_byte();
    lengths_are_bounded();
    queries_are_decoded();
    return check_end();
}
