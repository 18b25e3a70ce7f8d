/* netrc files as GNU and curl describe them, odd ones, and ones that are refused by line and machine. */
#include "services/fetcher/credentials_netrc.h"

#include <stdio.h>

#include "support/check.h"
#include "base/poison.h"

typedef struct {
    const char *url, *sent; /* NULL: nothing */
} expectation;

#define UP "Basic dTpw" /* u:p */

static const struct {
    const char *name, *text;
    expectation expected[5]; /* up to the first NULL url */
    bool default_ignored;
} good[] = {
    {"empty", "", {{"https://h.example/", NULL}}, false},
    {"comments alone", "# a\n  # machine h.example login u password p", {{"https://h.example/", NULL}}, false},
    {"one line",
     "machine h.example login u password p",
     {{"https://h.example/index.yaml", UP},
      {"https://H.Example:8443/", UP},
      {"http://h.example/", NULL},
      {"https://a.h.example/", NULL},
      {"https://h.example.org/", NULL}},
     false},
    {"over lines", "machine\n\th.example\r\n  login\tu\r\n  password p\r\n", {{"https://h.example/", UP}}, false},
    {"keywords in any case", "MACHINE h.example Login u PASSWORD p", {{"https://h.example/", UP}}, false},
    {"account is passed over", "machine h.example login u account x password p", {{"https://h.example/", UP}}, false},
    {"port",
     "machine h.example:8443 login u password p",
     {{"https://h.example:8443/", UP}, {"https://h.example/", NULL}},
     false},
    {"http by name",
     "machine http://h.example:8080 login u password p",
     {{"http://h.example:8080/", UP}, {"http://h.example/", NULL}, {"https://h.example:8080/", NULL}},
     false},
    {"https by name",
     "machine https://h.example login u password p",
     {{"https://h.example/", UP}, {"https://h.example:1/", NULL}},
     false},
    {"quotes",
     "machine \"h.example\" login \"a b\" password \"c \\\"d\\\\ #\"",
     {{"https://h.example/", "Basic YSBiOmMgImRcICM="}},
     false},
    {"an empty password", "machine h.example login u password \"\"", {{"https://h.example/", "Basic dTo="}}, false},
    {"quoted keyword as a value",
     "machine h.example login \"password\" password p",
     {{"https://h.example/", "Basic cGFzc3dvcmQ6cA=="}},
     false},
    {"login alone", "machine h.example login u", {{"https://h.example/", "Basic dTo="}}, false},
    {"password alone", "machine h.example password p", {{"https://h.example/", "Basic OnA="}}, false},
    {"neither",
     "machine h.example machine g.example login u password p",
     {{"https://h.example/", NULL}, {"https://g.example/", UP}},
     false},
    {"# inside a token",
     "machine h.example login u#1 password p#2",
     {{"https://h.example/", "Basic dSMxOnAjMg=="}},
     false},
    {"# behind a token", "machine h.example # mine\nlogin u # me\npassword p #", {{"https://h.example/", UP}}, false},
    {"the first of one name",
     "machine h.example login u password p\nmachine h.example login v password q\n",
     {{"https://h.example/", UP}},
     false},
    {"macro",
     "machine a.example login u password p\nmacdef init\ncd /pub\nmachine h.example login x password y\n\nmachine "
     "g.example login "
     "u password p",
     {{"https://a.example/", UP}, {"https://h.example/", NULL}, {"https://g.example/", UP}},
     false},
    {"macro at the end", "macdef init\nmachine h.example login u password p", {{"https://h.example/", NULL}}, false},
    {"macro with nothing in it",
     "macdef m\r\n\r\nmachine h.example login u password p",
     {{"https://h.example/", UP}},
     false},
    {"default is for nobody",
     "machine h.example login u password p\ndefault login anonymous password s3cret\n",
     {{"https://h.example/", UP}, {"https://g.example/", NULL}, {"https://169.254.169.254/", NULL}},
     true},
    {"machines behind default",
     "default login a password b machine h.example login u password p",
     {{"https://h.example/", UP}},
     true},
    {"IPv6", "machine [fd00::1] login u password p", {{"https://[fd00::1]:8443/", UP}}, false},
    {"not ASCII", "machine h.example login \xc3\xbc password p", {{"https://h.example/", "Basic w7w6cA=="}}, false},
};

static const struct {
    const char *name, *text, *error;
} bad[] = {
    {"a word", "s3cret", "line 1: expected machine, default, login, password, account or macdef"},
    {"space in a password", "machine h.example login u\npassword my s3cret",
     "line 2: machine \"h.example\": expected machine, default,"},
    {"login first", "login u password s3cret", "line 1: expected machine or default before login"},
    {"no name", "machine", "line 1: machine: expected a name"},
    {"no login", "machine h.example\nlogin\n", "machine \"h.example\": login: expected a value"},
    {"no password", "machine h.example login u password", "line 1: machine \"h.example\": password: expected a value"},
    {"login twice", "machine h.example login u login s3cret", "line 1: machine \"h.example\": login: given twice"},
    {"password twice", "machine h.example password p password s3cret", "machine \"h.example\": password: given twice"},
    {"password that begins with #", "machine h.example login u password #s3cret\n\nmachine g.example",
     "line 3: machine \"h.example\": a \"#\" begins a comment: quote a value that begins with one"},
    {"open quote", "machine h.example\nlogin u password \"s3cret\n",
     "line 2: machine \"h.example\": expected a closing quote"},
    {"open quote behind an escape", "machine h.example password \"s3cret\\\n\"",
     "expected a closing quote on the same line"},
    {"text behind a quote", "machine h.example password \"p\"s3cret", "expected a space behind a closing quote"},
    {"quoted keyword", "\"machine\" h.example", "line 1: expected machine,"},
    {"URL as a name", "machine https://h.example/charts login u password s3cret",
     "line 1: machine: expected a host, host:port, or http://host:port"},
    {"user in the name", "machine u:s3cret@h.example", "line 1: machine: expected a host"},
    {"pattern", "machine *.example", "line 1: machine: expected a host"},
    {"no macro's name", "macdef", "line 1: macdef: expected a name"},
    {"colon in the login", "machine h.example login u:s3cret password p",
     "machine \"h.example\": login: expected no \":\""},
    {"line in the password", "machine h.example login u password \"s3cret\\nX\"",
     "machine \"h.example\": password: expected no control"},
    {"wrong in default", "default login a:s3cret", "line 1: default: login: expected no \":\""},
};

static void test_good(void)
{
    for (size_t i = 0; i < OV_COUNT(good); i++) {
        check_case(good[i].name);
        OV_CLEANUP(credential_list_clear) credential_list list = {0};
        ov_err err = {0};
        CHECK_OK(netrc_parse(ov_str_of(good[i].text), &list, &err), &err);
        CHECK_INT(list.default_ignored, good[i].default_ignored);
        for (size_t k = 0; k < OV_COUNT(good[i].expected) && good[i].expected[k].url; k++) {
            const expectation *x = &good[i].expected[k];
            ov_url_parts url;
            if (!CHECK(ov_url_split(x->url, &url))) continue;
            const credential_entry *e = credential_list_find(&list, &url);
            if (CHECK(!e == !x->sent) && e) CHECK_STR(ov_secret_text(e->authorization), ov_str_of(x->sent));
        }
    }
}

static void check_refused(ov_str text, const char *error)
{
    OV_CLEANUP(credential_list_clear) credential_list list = {0};
    ov_err err = {0};
    CHECK_STATUS(netrc_parse(text, &list, &err), OV_INVALID, &err);
    if (!CHECK(strstr(err.msg, error) != NULL)) fprintf(stderr, "  %s\n", err.msg);
    CHECK(!strstr(err.msg, "s3cret"));
}

static void test_bad(void)
{
    for (size_t i = 0; i < OV_COUNT(bad); i++) {
        check_case(bad[i].name);
        check_refused(ov_str_of(bad[i].text), bad[i].error);
    }
    check_case(NULL);
    check_refused(OV_STR("machine h.example login u\0password s3cret"), "expected text");
}

static void test_long(void)
{
    OV_CLEANUP(ov_buf_clear) ov_buf text = OV_BUF(16 * 1024);
    ov_buf_append_c(&text, "machine h.example login u password ");
    for (int i = 0; i < CREDENTIAL_TEXT_MAX; i++) ov_buf_append_char(&text, 'x');
    OV_CLEANUP(credential_list_clear) credential_list list = {0};
    ov_err err = {0};
    CHECK_OK(netrc_parse(ov_buf_str(&text), &list, &err), &err);
    CHECK_INT(list.count, 1);
    ov_buf_append_char(&text, 'x');
    check_refused(ov_buf_str(&text), "machine \"h.example\": longer than 4096 bytes");
}

int main(void)
{
    test_good();
    test_bad();
    test_long();
    return check_end();
}
