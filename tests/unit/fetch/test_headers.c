/* Link and Retry-After as upstreams write them, and which URLs share an origin. */
#include "fetch/fetch.h"

#include "support/check.h"
#include "base/poison.h"

#define BASE "https://api.example.org/repos/a/b/tags?page=1"

static const struct {
    const char *link, *next; /* next NULL: there is none */
} links[] = {
    {"", NULL},
    {"<https://api.example.org/x?page=2>; rel=\"next\"", "https://api.example.org/x?page=2"},
    {"<https://api.example.org/x?page=1>; rel=\"prev\", <https://api.example.org/x?page=3>; rel=\"next\", "
     "<https://api.example.org/x?page=9>; rel=\"last\"",
     "https://api.example.org/x?page=3"},
    {"<https://api.example.org/x?page=1>; rel=\"prev\"", NULL},
    {"</v2/x/tags/list?n=2&last=b>; rel=next", "https://api.example.org/v2/x/tags/list?n=2&last=b"},
    {"<?page=2>; rel=\"next\"", "https://api.example.org/repos/a/b/tags?page=2"},
    {"<https://h/a,b;c>; title=\"x, rel=next\"; rel=\"prev next\"", "https://h/a,b;c"},
    {"<https://h/a>; title=\"rel=next\"", NULL},
    {"<https://h/a>; REL=Next", "https://h/a"},
    {"<https://h/a; rel=\"next\"", NULL},
    {"rel=next", NULL},
};

static void test_links(void)
{
    for (size_t i = 0; i < OV_COUNT(links); i++) {
        char out[256] = "";
        check_case(links[i].link);
        bool found = ov_fetch_link_next(ov_str_of(links[i].link), OV_STR(BASE), out, sizeof out);
        CHECK(found == (links[i].next != NULL));
        if (found && links[i].next) CHECK_C(out, links[i].next);
    }
    char tiny[8];
    CHECK(!ov_fetch_link_next(OV_STR("<https://h/long>; rel=next"), OV_STR(BASE), tiny, sizeof tiny));
}

static const struct {
    const char *value;
    int64_t seconds;
} waits[] = {
    {"0", 0},
    {"120", 120},
    {" 7 ", 7},
    {"99999999999", INT32_MAX},
    {"Thu, 01 Jan 1970 00:18:20 GMT", 100},
    {"Thu, 01 Jan 1970 00:00:00 GMT", 0},
    {"", -1},
    {"soon", -1},
    {"-5", -1},
};

static void test_waits(void)
{
    for (size_t i = 0; i < OV_COUNT(waits); i++) {
        check_case(waits[i].value);
        CHECK_INT(ov_fetch_retry_after_s(ov_str_of(waits[i].value), 1000), waits[i].seconds);
    }
    check_case("dates");
    CHECK_INT(ov_fetch_date_s(OV_STR(" Thu, 01 Jan 1970 00:18:20 GMT ")), 1100);
    CHECK_INT(ov_fetch_date_s(OV_STR("120")), -1);
    CHECK_INT(ov_fetch_date_s(OV_STR("")), -1);
}

static const struct {
    const char *a, *b;
    bool same;
} origins[] = {
    {"https://h/a", "https://H:443/b", true},      {"http://h/a", "https://h/a", false},
    {"https://h/a", "https://h.evil/a", false},    {"https://h/a", "https://h:8443/a", false},
    {"https://h/a", "https://u:p@h/a", true},      {"https://h/a", "https://h@evil/a", false},
    {"http://[::1]:80/a", "http://[::1]/b", true}, {"ftp://h/a", "ftp://h/a", false},
};

static void test_origins(void)
{
    for (size_t i = 0; i < OV_COUNT(origins); i++) {
        check_case(origins[i].b);
        CHECK(ov_fetch_same_origin(origins[i].a, origins[i].b) == origins[i].same);
    }
}

int main(void)
{
    test_links();
    test_waits();
    test_origins();
    return check_end();
}
