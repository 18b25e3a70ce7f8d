/* The fetcher's settings: one table, and what the modules below get of it. */
#ifndef OPVIC_FETCHER_SETTINGS_H
#define OPVIC_FETCHER_SETTINGS_H

#include "app/settings.h"
#include "crypto/secret.h"
#include "services/fetcher/credentials.h"
#include "services/fetcher/look.h"

typedef struct {
    char *github_api_url;
    ov_secret *github_token;
    char *github_app_id, *github_app_installation_id;
    ov_secret *github_app_private_key;
    char *gitlab_url, *gitea_url;
    ov_secret *gitlab_token, *gitea_token;
    char *docker_config, *netrc;
    ov_text_list allow_cidrs;
    char *ca_file;
    int64_t workers, looks_per_host, budget_reserve, pages_max, bytes_max, total_timeout_ms;
    char *metrics_bind_address;
} fetcher_settings;
extern const ov_setting fetcher_setting_table[];
extern const size_t fetcher_setting_count;
/* The first of them are what a single look needs. */
extern const size_t fetcher_look_setting_count;

/* What a table cannot check, and the options of looks; *policy is filled and both point into s. OV_INVALID names the
 * setting. */
OV_MUST_CHECK ov_status fetcher_look_options(const fetcher_settings *s, ov_fetch_policy *policy, look_options *ret,
                                             ov_err *err);
/* The credentials that s names, read and checked. OV_INVALID names the setting. */
OV_MUST_CHECK ov_status fetcher_credentials(const fetcher_settings *s, credentials **ret, ov_err *err);

#endif
