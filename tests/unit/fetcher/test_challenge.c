/* WWW-Authenticate as registries write it, and as nobody should; and what the OCI provider makes of it. */
#include "services/fetcher/challenge.h"

#include <stdio.h>

#include "base/mem.h"
#include "services/fetcher/provider.h"
#include "support/check.h"
#include "base/poison.h"

#define HUB   \
    "Bearer " \
    "realm=\"https://auth.docker.io/token\",service=\"registry.docker.io\",scope=\"repository:library/nginx:pull\""

static const struct {
    const char *header;
    const char *want; /* "basic bearer realm|service|scope" */
} cases[] = {
    {HUB, "bearer https://auth.docker.io/token|registry.docker.io|repository:library/nginx:pull"},
    {"bearer Realm=https://h/t , SERVICE = h", "bearer https://h/t|h|"},
    {"Bearer realm=\"https://h/t\"", "bearer https://h/t||"},
    {"Bearer realm=\"https://h/\\t\\\"x\"", "bearer https://h/t\"x||"},
    {"Bearer realm=\"https://h/a,b=c\",service=\"x, Basic realm=\\\"y\"", "bearer https://h/a,b=c|x, Basic realm=\"y|"},
    {"Basic realm=\"Registry Realm\"", "basic ||"},
    {"Basic realm=\"x\", Bearer realm=\"https://h/t\",service=\"s\"", "basic bearer https://h/t|s|"},
    {"Bearer realm=\"https://h/t\",service=\"s\", Basic realm=\"x\"", "basic bearer https://h/t|s|"},
    {"Bearer realm=\"https://a/t\", Bearer realm=\"https://b/t\"", "bearer https://a/t||"},
    {"Bearer, Bearer realm=\"https://b/t\"", "bearer https://b/t||"},
    {"Negotiate, NTLM TlRMTVNTUAAB==, Bearer realm=\"https://b/t\"", "bearer https://b/t||"},
    {"Negotiate Basic", ""},
    {",, ,Basic", "basic ||"},
    {"Digest realm=\"https://h/t\", nonce=\"Bearer realm=x\"", ""},
    {"", ""},
    {"Bearer", ""},
    {"Bearer realm=\"\"", ""},
    {"Bearer realm=\"https://h/t", ""},
    {"Bearer realm=\"https://h/t\",realm=\"https://other/t\"", ""},
    {"Bearer realm=\"https://h/t\x01\"", ""},
    {"Bearer realm=\"https://h/ t\"", ""},
    {"Bearer realm=\"https://h/\xc3\xa9\"", ""},
    {"realm=\"https://h/t\"", ""},
    {"Bearer =\"https://h/t\"", ""},
    {"Bearer realm", ""},
};

static void describe(const challenge *c, ov_buf *out)
{
    if (c->basic) ov_buf_append_c(out, "basic ");
    if (c->bearer) ov_buf_append_c(out, "bearer ");
    ov_buf_printf(out, "%s|%s|%s", c->realm, c->service, c->scope);
}

static void test_headers(void)
{
    for (size_t i = 0; i < OV_COUNT(cases); i++) {
        challenge c;
        check_case(cases[i].header);
        OV_CLEANUP(ov_buf_clear) ov_buf got = OV_BUF(4096);
        bool any = challenge_parse(ov_str_of(cases[i].header), &c);
        if (any) describe(&c, &got);
        CHECK_STR(ov_buf_str(&got), ov_str_of(cases[i].want));
    }
    check_case(NULL);
}

static void test_too_long(void)
{
    challenge c;
    OV_CLEANUP(ov_buf_clear) ov_buf header = OV_BUF(8192);
    ov_buf_append_c(&header, "Bearer realm=\"https://h/");
    while (header.len < CHALLENGE_REALM_BYTES + 64) ov_buf_append_char(&header, 'a');
    ov_buf_append_c(&header, "\", Basic realm=\"x\"");
    CHECK(challenge_parse(ov_buf_str(&header), &c));
    CHECK(c.basic && !c.bearer);
}

/* ---- the provider's answer to it */

typedef struct {
    const char *answer; /* NULL: it fails */
    char url[512], form[256];
} token_server;

static ov_status ask(void *arg, const char *url, ov_str form, ov_buf *body, ov_err *err)
{
    token_server *s = arg;
    snprintf(s->url, sizeof s->url, "%s", url);
    snprintf(s->form, sizeof s->form, "%.*s", OV_STR_ARG(form));
    if (!s->answer) return ov_fail(err, OV_FAILED, "no answer");
    ov_buf_append_c(body, s->answer);
    return OV_OK;
}

#define TOKEN "{\"token\":\"abc.def\"}"
static const struct {
    const char *name, *url, *header, *answer;
    ov_status status;
    const char *asked, *token; /* "" where there is none */
} answers[] = {
    {"another host", "https://registry-1.docker.io/v2/x", HUB, TOKEN, OV_OK,
     "https://auth.docker.io/token?service=registry.docker.io&scope=repository%3Alibrary%2Fnginx%3Apull", "abc.def"},
    {"the same origin over http", "http://h:5000/v2/x", "Bearer realm=\"http://h:5000/token?a=b\"",
     "{\"access_token\":\"t\",\"expires_in\":60}", OV_OK, "http://h:5000/token?a=b&scope=repository%3Ao%2Fn%3Apull",
     "t"},
    {"said over http", "http://h:5000/v2/x", "Bearer realm=\"https://evil/token\",scope=s", TOKEN, OV_OK,
     "https://evil/token?scope=s", "abc.def"},
    {"to http", "https://h/v2/x", "Bearer realm=\"http://h/token\",scope=s", TOKEN, OV_OK, "http://h/token?scope=s",
     "abc.def"},
    {"the token server fails", "https://h/v2/x", "Bearer realm=\"https://h/token\",scope=s", NULL, OV_FAILED,
     "https://h/token?scope=s", ""},
    {"no token", "https://h/v2/x", "Bearer realm=\"https://h/token\",scope=s", "{}", OV_INVALID,
     "https://h/token?scope=s", ""},
    {"no JSON", "https://h/v2/x", "Bearer realm=\"https://h/token\",scope=s", "<html>", OV_INVALID,
     "https://h/token?scope=s", ""},
    {"a token that is none", "https://h/v2/x", "Bearer realm=\"https://h/token\",scope=s", "{\"token\":\"a\\r\\nb\"}",
     OV_INVALID, "https://h/token?scope=s", ""},
    {"a realm that is no URL", "https://h/v2/x", "Bearer realm=\"file:///etc/passwd\"", TOKEN, OV_INVALID, "", ""},
    {"Basic: the credential itself", "https://h/v2/x", "Basic realm=\"x\"", NULL, OV_OK, "", ""},
    {"nothing is said", "https://h/v2/x", "", NULL, OV_NOT_FOUND, "", ""},
};

static void test_answers(void)
{
    job j = {.provider = OV_STR("oci"), .strategy = OV_STR("tags"), .repo = OV_STR("http://h:5000/o/n")};
    for (size_t i = 0; i < OV_COUNT(answers); i++) {
        token_server s = {.answer = answers[i].answer};
        provider_challenge c = {
            .j = &j, .text = answers[i].header, .url = answers[i].url, .known = true, .ask = ask, .arg = &s};
        OV_CLEANUP(ov_secret_free_p) ov_secret *token = NULL;
        ov_err err = {0};
        check_case(answers[i].name);
        CHECK_STATUS(provider_oci.authorize(&c, &token, &err), answers[i].status, &err);
        CHECK_C(s.url, answers[i].asked);
        CHECK_C(s.form, "");
        CHECK_STR(ov_secret_text(token), ov_str_of(answers[i].token));
    }
    check_case(NULL);
}

/* Shown to the registry's own token server alone. */
static void test_identity_token(void)
{
    job j = {.provider = OV_STR("oci"), .strategy = OV_STR("tags"), .repo = OV_STR("h/o/n")};
    OV_CLEANUP(ov_secret_free_p) ov_secret *identity = ov_secret_new(OV_STR("id/1"));
    static const char *const headers[] = {"Bearer realm=\"https://h/token\",service=\"s\"",
                                          "Bearer realm=\"https://other/token\",service=\"s\""};
    static const char *const forms[] = {
        "grant_type=refresh_token&client_id=opvic&service=s&scope=repository%3Ao%2Fn%3Apull"
        "&refresh_token=id%2F1",
        ""};
    for (size_t i = 0; i < OV_COUNT(headers); i++) {
        token_server s = {.answer = "{\"access_token\":\"t\"}"};
        provider_challenge c = {
            .j = &j, .text = headers[i], .url = "https://h/v2/x", .identity_token = identity, .ask = ask, .arg = &s};
        OV_CLEANUP(ov_secret_free_p) ov_secret *token = NULL;
        ov_err err = {0};
        check_case(headers[i]);
        CHECK_OK(provider_oci.authorize(&c, &token, &err), &err);
        CHECK_C(s.form, forms[i]);
        CHECK_STR(ov_secret_text(token), OV_STR("t"));
    }
    check_case(NULL);
}

static void test_basic_without_credential(void)
{
    job j = {.provider = OV_STR("oci"), .strategy = OV_STR("tags"), .repo = OV_STR("h/n")};
    provider_challenge c = {.j = &j, .text = "Basic realm=\"x\"", .url = "https://h/v2/x", .ask = ask};
    OV_CLEANUP(ov_secret_free_p) ov_secret *token = NULL;
    ov_err err = {0};
    CHECK_STATUS(provider_oci.authorize(&c, &token, &err), OV_NOT_FOUND, &err);
}

int main(void)
{
    test_headers();
    test_too_long();
    test_answers();
    test_identity_token();
    test_basic_without_credential();
    return check_end();
}
