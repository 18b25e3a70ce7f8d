/* docker configurations as docker, podman and Kubernetes write them, odd ones, and ones that are refused by name. */
#include "services/fetcher/credentials_docker.h"

#include <stdio.h>

#include "support/check.h"
#include "base/poison.h"

/* What is found for a URL: the whole header, "identity <token>", or NULL for nothing. */
typedef struct {
    const char *url, *sent;
} expectation;

#define HUB "{\"auths\":{\"https://index.docker.io/v1/\":{\"auth\":\"dTpw\"}}}"
#define AUTH(key, value) "{\"auths\":{\"" key "\":" value "}}"
#define UP "Basic dTpw" /* u:p */

static const struct {
    const char *name, *json;
    expectation expected[6]; /* up to the first NULL url */
} good[] = {
    {"nothing", "{}", {{"https://ghcr.io/v2/", NULL}}},
    {"null", "{\"auths\":null,\"credsStore\":\"\",\"credHelpers\":{}}", {{"https://ghcr.io/v2/", NULL}}},
    {"no entries", " {\"auths\":{}, \"HttpHeaders\": {\"User-Agent\": \"x\"}, \"detachKeys\": \"ctrl-e\"}\n", {{0}}},
    {"docker hub",
     HUB,
     {{"https://registry-1.docker.io/v2/library/nginx/tags/list", UP},
      {"https://auth.docker.io/token?service=registry.docker.io", UP},
      {"https://index.docker.io/v1/", UP},
      {"https://docker.io/", NULL},
      {"https://hub.docker.com/v2/", NULL},
      {"http://registry-1.docker.io/v2/", NULL}}},
    {"docker hub by another name",
     AUTH("docker.io", "{\"auth\":\"dTpw\"}"),
     {{"https://registry-1.docker.io/v2/", UP}}},
    {"docker hub on a port is none",
     AUTH("docker.io:5000", "{\"auth\":\"dTpw\"}"),
     {{"https://registry-1.docker.io/v2/", NULL}, {"https://docker.io:5000/v2/", UP}}},
    {"docker's own tokens",
     "{\"auths\":{\"https://index.docker.io/v1/access-token\":{\"auth\":\"dTpx\"},"
     "\"https://index.docker.io/v1/refresh-token\":{\"auth\":\"dTpy\"}}}",
     {{"https://index.docker.io/v1/access-token", NULL}}},
    {"host",
     AUTH("ghcr.io", "{\"auth\":\"dTpw\"}"),
     {{"https://ghcr.io/v2/o/r/tags/list?n=1000", UP},
      {"https://GHCR.io:443/token", UP},
      {"http://ghcr.io/v2/", NULL},
      {"https://ghcr.io:5000/v2/", NULL},
      {"https://ghcr.io.example.com/", NULL},
      {"https://ghcr.io@example.com/", NULL}}},
    {"host and port",
     AUTH("h.example:5000", "{\"auth\":\"dTpw\"}"),
     {{"https://h.example:5000/v2/", UP}, {"https://h.example/v2/", NULL}, {"http://h.example:5000/v2/", NULL}}},
    {"http by name",
     AUTH("http://h.example:5000", "{\"auth\":\"dTpw\"}"),
     {{"http://h.example:5000/v2/", UP}, {"https://h.example:5000/v2/", NULL}}},
    {"URL with the API's path", AUTH("https://h.example/v2/", "{\"auth\":\"dTpw\"}"), {{"https://h.example/x", UP}}},
    {"IPv6", AUTH("[fd00::1]:5000", "{\"auth\":\"dTpw\"}"), {{"https://[fd00::1]:5000/v2/", UP}}},
    {"user and password",
     AUTH("q.io", "{\"username\":\"u\",\"password\":\"p\"}"),
     {{"https://q.io/v2/", UP}, {"https://r.io/v2/", NULL}}},
    {"escapes",
     AUTH("q.io", "{\"username\":\"\\u0075\",\"password\":\"\\\"\\\\\"}"),
     {{"https://q.io/", "Basic dToiXA=="}}},
    {"auth before user and password",
     AUTH("q.io", "{\"username\":\"x\",\"password\":\"y\",\"auth\":\"dTpw\",\"email\":\"e\"}"),
     {{"https://q.io/", UP}}},
    {"empty auth", AUTH("q.io", "{\"username\":\"u\",\"password\":\"p\",\"auth\":\"\"}"), {{"https://q.io/", UP}}},
    {"colon in the password", AUTH("q.io", "{\"auth\":\"dTpwOnE=\"}"), {{"https://q.io/", "Basic dTpwOnE="}}},
    {"padded with NUL", AUTH("q.io", "{\"auth\":\"dTpwAAA=\"}"), {{"https://q.io/", UP}}},
    {"identity token",
     AUTH("q.io", "{\"auth\":\"dTo=\",\"identitytoken\":\"i.d\"}"),
     {{"https://q.io/oauth2/token", "identity i.d"}}},
    {"two entries",
     "{\"auths\":{\"a.io\":{\"auth\":\"dTpw\"},\"b.io\":{\"auth\":\"dTpx\"}}}",
     {{"https://a.io/", UP}, {"https://b.io/", "Basic dTpx"}, {"https://c.io/", NULL}}},
    {"the first of one name",
     "{\"auths\":{\"a.io\":{\"auth\":\"dTpw\"},\"https://a.io\":{\"auth\":\"dTpx\"}}}",
     {{"https://a.io/", UP}}},
};

static const struct {
    const char *name, *json, *error;
} bad[] = {
    {"empty", "", "expected a JSON object with auths"},
    {"another kind", "[]", "expected a JSON object with auths"},
    {"cut", "{\"auths\":{", "JSON: offset"},
    {"text behind", "{} x", "JSON: offset"},
    {"twice", "{\"auths\":{},\"auths\":{}}", "auths"},
    {"store", "{\"auths\":{},\"credsStore\":\"desktop\"}", "credsStore: credential helpers are not run here"},
    {"helper", "{\"credHelpers\":{\"gcr.io\":\"gcloud\"}}",
     "credHelpers: \"gcr.io\": credential helpers are not run here: expected the credentials under auths"},
    {"helpers of another kind", "{\"credHelpers\":\"s3cret\"}", "credHelpers: expected an object"},
    {"auths of another kind", "{\"auths\":\"s3cret\"}", "auths: expected an object"},
    {"entry of another kind", AUTH("q.io", "\"s3cret\""), "auths: \"q.io\": expected an object"},
    {"empty entry", AUTH("q.io", "{}"), "auths: \"q.io\": expected auth, username and password, or identitytoken"},
    {"user alone", AUTH("q.io", "{\"username\":\"s3cret\"}"), "auths: \"q.io\": expected auth, username and password"},
    {"no base64", AUTH("q.io", "{\"auth\":\"s3cret!\"}"),
     "auths: \"q.io\": auth: expected the base64 of user:password"},
    {"no colon", AUTH("q.io", "{\"auth\":\"czNjcmV0\"}"),
     "auths: \"q.io\": auth: expected the base64 of user:password"},
    {"no password", AUTH("q.io", "{\"auth\":\"dTo=\"}"), "auths: \"q.io\": expected auth, username and password"},
    {"auth of another kind", AUTH("q.io", "{\"auth\":12345}"), "auths: \"q.io\": auth: expected a string"},
    {"password of another kind", AUTH("q.io", "{\"username\":\"u\",\"password\":12345}"),
     "auths: \"q.io\": password: expected a string"},
    {"member twice", AUTH("q.io", "{\"auth\":\"dTpw\",\"auth\":\"dTpx\"}"), "auths: \"q.io\""},
    {"colon in the login", AUTH("q.io", "{\"username\":\"u:s3cret\",\"password\":\"p\"}"),
     "auths: \"q.io\": login: expected no"},
    {"line in the password", AUTH("q.io", "{\"username\":\"u\",\"password\":\"s3cret\\r\\nX: y\"}"),
     "auths: \"q.io\": password: expected no control"},
    {"space in the token", AUTH("q.io", "{\"identitytoken\":\"s3 cret\"}"),
     "auths: \"q.io\": identitytoken: expected printable"},
    {"path", AUTH("quay.io/org", "{\"auth\":\"dTpw\"}"),
     "auths: \"quay.io/org\": expected a registry's host without a path"},
    {"pattern", AUTH("*.example.com", "{\"auth\":\"dTpw\"}"),
     "auths: \"*.example.com\": expected a host, or host:port"},
    {"user in the key", AUTH("https://u:s3cret@q.io", "{\"auth\":\"dTpw\"}"), "auths: entry 1: expected a host"},
    {"no key", AUTH("", "{\"auth\":\"dTpw\"}"), "auths: entry 1: expected a host"},
    {"lines in the key", AUTH("q.io\\r\\nX: s3cret", "{\"auth\":\"dTpw\"}"), "auths: entry 1: expected a host"},
    {"another scheme", AUTH("ftp://q.io", "{\"auth\":\"dTpw\"}"), "auths: \"ftp://q.io\": expected a"},
    {"bad port", AUTH("q.io:99999", "{\"auth\":\"dTpw\"}"), "auths: \"q.io:99999\": expected a host"},
};

static void check_found(const credential_list *list, const expectation *x)
{
    ov_url_parts url;
    OV_CLEANUP(ov_buf_clear) ov_buf got = OV_BUF(1024);
    if (!CHECK(ov_url_split(x->url, &url))) return;
    const credential_entry *e = credential_list_find(list, &url);
    if (!CHECK(!e == !x->sent) || !e) return;
    if (e->identity_token) ov_buf_append_c(&got, "identity ");
    ov_buf_append_str(&got, ov_secret_text(e->identity_token ? e->identity_token : e->authorization));
    CHECK_STR(ov_buf_str(&got), ov_str_of(x->sent));
    CHECK(!e->bearer && !e->value && strlen(e->id) == CREDENTIAL_ID - 1);
}

static void test_good(void)
{
    for (size_t i = 0; i < OV_COUNT(good); i++) {
        check_case(good[i].name);
        OV_CLEANUP(credential_list_clear) credential_list list = {0};
        ov_err err = {0};
        CHECK_OK(docker_config_parse(ov_str_of(good[i].json), &list, &err), &err);
        for (size_t k = 0; k < OV_COUNT(good[i].expected) && good[i].expected[k].url; k++)
            check_found(&list, &good[i].expected[k]);
    }
}

static void test_bad(void)
{
    for (size_t i = 0; i < OV_COUNT(bad); i++) {
        check_case(bad[i].name);
        OV_CLEANUP(credential_list_clear) credential_list list = {0};
        ov_err err = {0};
        CHECK_STATUS(docker_config_parse(ov_str_of(bad[i].json), &list, &err), OV_INVALID, &err);
        if (!CHECK(strstr(err.msg, bad[i].error) != NULL)) fprintf(stderr, "  %s\n", err.msg);
        CHECK(!strstr(err.msg, "s3cret") && !strstr(err.msg, "12345") && !strstr(err.msg, "czNj"));
    }
    check_case(NULL);
}

static const char *id_of(const char *json, char out[CREDENTIAL_ID])
{
    OV_CLEANUP(credential_list_clear) credential_list list = {0};
    ov_err err = {0};
    CHECK_OK(docker_config_parse(ov_str_of(json), &list, &err), &err);
    snprintf(out, CREDENTIAL_ID, "%s", list.count ? list.items[0]->id : "");
    return out;
}

/* An account keeps its id when its password changes, and no password can be tried against it. */
static void test_ids(void)
{
    char a[CREDENTIAL_ID], b[CREDENTIAL_ID];
    id_of(AUTH("q.io", "{\"username\":\"u\",\"password\":\"p\"}"), a);
    CHECK_C(id_of(AUTH("q.io", "{\"auth\":\"dTpx\"}"), b), a);
    CHECK(strcmp(id_of(AUTH("q.io", "{\"username\":\"v\",\"password\":\"p\"}"), b), a) != 0);
    CHECK(strcmp(id_of(AUTH("r.io", "{\"username\":\"u\",\"password\":\"p\"}"), b), a) != 0);
    CHECK(strcmp(id_of(AUTH("http://q.io", "{\"username\":\"u\",\"password\":\"p\"}"), b), a) != 0);
    CHECK(strcmp(id_of(AUTH("q.io", "{\"identitytoken\":\"u\"}"), b), a) != 0);
}

static void test_too_many(void)
{
    OV_CLEANUP(credential_list_clear) credential_list list = {0};
    OV_CLEANUP(ov_buf_clear) ov_buf text = OV_BUF(1024 * 1024);
    ov_err err = {0};
    ov_buf_append_c(&text, "{\"auths\":{");
    for (int i = 0; i <= CREDENTIAL_ENTRIES_MAX; i++)
        ov_buf_printf(&text, "%s\"h%d.io\":{\"auth\":\"dTpw\"}", i ? "," : "", i);
    ov_buf_append_c(&text, "}}");
    CHECK_STATUS(docker_config_parse(ov_buf_str(&text), &list, &err), OV_INVALID, &err);
    CHECK(strstr(err.msg, "more than 4096 entries") != NULL);
}

int main(void)
{
    test_good();
    test_bad();
    test_ids();
    test_too_many();
    return check_end();
}
