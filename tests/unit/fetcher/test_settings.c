/* What a table of settings cannot check: GitHub Apps, the API's URL, address ranges. */
#include "services/fetcher/settings.h"

#include <stdlib.h>

#include "base/mem.h"
#include "support/check.h"
#include "base/poison.h"

static char *ranges[] = {(char[]){"10.0.0.0/8,127.0.0.1"}, (char[]){"fd00::/8"}};
static char *bad_ranges[] = {(char[]){"10.0.0.0/8"}, (char[]){"everything"}};

static const struct {
    const char *name, *url, *app_id, *installation_id;
    bool key, bad_range;
    const char *error; /* NULL: fine */
} cases[] = {
    {"as by default", "https://api.github.com", NULL, NULL, false, false, NULL},
    {"slash at the end", "https://ghe.example.org/api/v3/", NULL, NULL, false, false, NULL},
    {"no URL", NULL, NULL, NULL, false, false, "--provider.github.api-url: \"\": expected an http or https URL"},
    {"bad URL", "ftp://h", NULL, NULL, false, false, "--provider.github.api-url: \"ftp://h\""},
    {"app", "https://h", "1", NULL, false, false, "--provider.github.app-id: "},
    {"installation", "https://h", NULL, "2", false, false, "--provider.github.app-installation-id: "},
    {"key", "https://h", NULL, NULL, true, false, "--provider.github.app-private-key: "},
    {"bad range", "https://h", NULL, NULL, false, true, "--fetch.allow-cidrs: \"everything\": expected"},
};

int main(void)
{
    for (size_t i = 0; i < OV_COUNT(cases); i++) {
        check_case(cases[i].name);
        ov_secret *key = cases[i].key ? ov_secret_new(OV_STR("PEM")) : NULL;
        char *url = cases[i].url ? ov_dup(ov_str_of(cases[i].url)) : NULL;
        fetcher_settings s = {.github_api_url = url,
                              .github_app_id = (char *)(uintptr_t)cases[i].app_id,
                              .github_app_installation_id = (char *)(uintptr_t)cases[i].installation_id,
                              .github_app_private_key = key,
                              .allow_cidrs = {cases[i].bad_range ? bad_ranges : ranges, 2}};
        ov_fetch_policy policy;
        look_options o;
        ov_err err = {0};
        ov_status status = fetcher_look_options(&s, &policy, &o, &err);
        CHECK_STATUS(status, cases[i].error ? OV_INVALID : OV_OK, &err);
        if (cases[i].error) CHECK(strncmp(err.msg, cases[i].error, strlen(cases[i].error)) == 0);
        if (status == OV_OK) {
            CHECK_INT(policy.allowed_count, 3);
            CHECK(url[strlen(url) - 1] != '/');
        }
        free(url);
        ov_secret_free(key);
    }
    return check_end();
}
