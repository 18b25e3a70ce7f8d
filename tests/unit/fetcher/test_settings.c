/* What a table of settings cannot check: URLs, files, address ranges, a GitHub App whose parts do not make one. */
#include "services/fetcher/settings.h"

#include <stdlib.h>

#include "base/mem.h"
#include "support/check.h"
#include "support/rsa_key.h"
#include "base/poison.h"

static char *ranges[] = {(char[]){"10.0.0.0/8,127.0.0.1"}, (char[]){"fd00::/8"}};
static char *bad_ranges[] = {(char[]){"10.0.0.0/8"}, (char[]){"everything"}};

static const struct {
    const char *name;
    struct {
        const char *url, *token, *ca_file;
        bool bad_range;
    } set;
    const char *error; /* NULL: fine */
} cases[] = {
    {"as by default", {.url = "https://api.github.com"}, NULL},
    {"slash at the end", {.url = "https://ghe.example.org/api/v3/", .token = "ghp_x"}, NULL},
    {"no URL", {.url = NULL}, "--provider.github.api-url: \"\": expected an http or https URL"},
    {"bad URL", {.url = "ftp://h"}, "--provider.github.api-url: \"ftp://h\""},
    {"URL with a query", {.url = "https://h/?a=b"}, "--provider.github.api-url: \"https://h/?a=b\""},
    {"no such token file", {.url = "https://h", .token = "/run/token"}, "--provider.github.token: "},
    {"no such CA file", {.url = "https://h", .ca_file = "/nope"}, "--fetch.ca-file: \"/nope\": expected"},
    {"CA file is a folder", {.url = "https://h", .ca_file = "/tmp"}, "--fetch.ca-file: \"/tmp\": expected"},
    {"CA file without certificate", {.url = "https://h", .ca_file = "/etc/passwd"}, "--fetch.ca-file: \"/etc/passwd\""},
    {"bad range", {.url = "https://h", .bad_range = true}, "--fetch.allow-cidrs: \"everything\": expected"},
};

static char *copy(const char *text)
{
    return text ? ov_dup(ov_str_of(text)) : NULL;
}

static ov_secret *secret(const char *text)
{
    return text ? ov_secret_new(ov_str_of(text)) : NULL;
}

static void check(const fetcher_settings *s, const char *error)
{
    ov_fetch_policy policy;
    look_options o;
    ov_err err = {0};
    ov_status status = fetcher_look_options(s, &policy, &o, &err);
    CHECK_STATUS(status, error ? OV_INVALID : OV_OK, &err);
    if (error) CHECK(strncmp(err.msg, error, strlen(error)) == 0);
    if (status != OV_OK) return;
    CHECK_INT(policy.allowed_count, 3);
    CHECK(s->github_api_url[strlen(s->github_api_url) - 1] != '/');
}

static void test_look_options(void)
{
    for (size_t i = 0; i < OV_COUNT(cases); i++) {
        check_case(cases[i].name);
        fetcher_settings s = {.github_api_url = copy(cases[i].set.url),
                              .github_token = secret(cases[i].set.token),
                              .ca_file = copy(cases[i].set.ca_file),
                              .allow_cidrs = {cases[i].set.bad_range ? bad_ranges : ranges, 2}};
        check(&s, cases[i].error);
        free(s.github_api_url);
        free(s.ca_file);
        ov_secret_free(s.github_token);
    }
}

static const struct {
    const char *name, *id, *installation, *key, *error; /* error NULL: fine */
} apps[] = {
    {"no App", NULL, NULL, NULL, NULL},
    {"an App", "1", "2", RFC7515_KEY, NULL},
    {"id alone", "1", NULL, NULL, "--provider.github.app-installation-id: missing"},
    {"installation alone", NULL, "2", NULL, "--provider.github.app-id: missing"},
    {"key alone", NULL, NULL, RFC7515_KEY, "--provider.github.app-id: missing"},
    {"no key", "1", "2", NULL, "--provider.github.app-private-key: missing"},
    {"a name as an id", "my-app", "2", RFC7515_KEY, "--provider.github.app-id: \"my-app\": expected a number"},
    {"zero", "0", "2", RFC7515_KEY, "--provider.github.app-id: \"0\": expected a number"},
    {"a path as an installation", "1", "2/../../user", RFC7515_KEY,
     "--provider.github.app-installation-id: \"2/../../user\": expected a number"},
    {"a file that is not there", "1", "2", "/s3cret.pem",
     "--provider.github.app-private-key (or its file): expected an RSA private key in PEM"},
};

static void test_app(void)
{
    for (size_t i = 0; i < OV_COUNT(apps); i++) {
        check_case(apps[i].name);
        OV_CLEANUP(ov_secret_free_p) ov_secret *key = apps[i].key ? ov_secret_new(ov_str_of(apps[i].key)) : NULL;
        fetcher_settings s = {.github_api_url = (char[]){"https://api.github.com"},
                              .gitlab_url = (char[]){"https://gitlab.com"},
                              .gitea_url = (char[]){"https://gitea.com"},
                              .github_app_id = (char *)(uintptr_t)apps[i].id,
                              .github_app_installation_id = (char *)(uintptr_t)apps[i].installation,
                              .github_app_private_key = key};
        credentials *c = NULL;
        ov_err err = {0};
        CHECK_STATUS(fetcher_credentials(&s, &c, &err), apps[i].error ? OV_INVALID : OV_OK, &err);
        if (apps[i].error) CHECK(strncmp(err.msg, apps[i].error, strlen(apps[i].error)) == 0);
        CHECK(!strstr(err.msg, "s3cret"));
        credentials_free(c);
    }
    check_case(NULL);
}

int main(void)
{
    test_look_options();
    test_app();
    return check_end();
}
