/* What a table of settings cannot check: GitHub Apps, the API's URL, files, address ranges. */
#include "services/fetcher/settings.h"

#include <stdlib.h>

#include "base/mem.h"
#include "support/check.h"
#include "base/poison.h"

static char *ranges[] = {(char[]){"10.0.0.0/8,127.0.0.1"}, (char[]){"fd00::/8"}};
static char *bad_ranges[] = {(char[]){"10.0.0.0/8"}, (char[]){"everything"}};

static const struct {
    const char *name;
    struct {
        const char *url, *token, *app_id, *installation_id, *key, *ca_file;
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
    {"app", {.url = "https://h", .app_id = "1"}, "--provider.github.app-id: "},
    {"installation", {.url = "https://h", .installation_id = "2"}, "--provider.github.app-installation-id: "},
    {"key", {.url = "https://h", .key = "PEM"}, "--provider.github.app-private-key: "},
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

int main(void)
{
    for (size_t i = 0; i < OV_COUNT(cases); i++) {
        check_case(cases[i].name);
        fetcher_settings s = {.github_api_url = copy(cases[i].set.url),
                              .github_token = secret(cases[i].set.token),
                              .github_app_id = copy(cases[i].set.app_id),
                              .github_app_installation_id = copy(cases[i].set.installation_id),
                              .github_app_private_key = secret(cases[i].set.key),
                              .ca_file = copy(cases[i].set.ca_file),
                              .allow_cidrs = {cases[i].set.bad_range ? bad_ranges : ranges, 2}};
        check(&s, cases[i].error);
        free(s.github_api_url);
        free(s.github_app_id);
        free(s.github_app_installation_id);
        free(s.ca_file);
        ov_secret_free(s.github_token);
        ov_secret_free(s.github_app_private_key);
    }
    return check_end();
}
