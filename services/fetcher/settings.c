/* The table of settings, and the checks that go beyond a table. */
#include "services/fetcher/settings.h"

#include <stdio.h>

#include "base/mem.h"
#include "httpd/httpd.h"
#include "base/poison.h"

enum { CONNECT_MS = 10000, IDLE_MS = 20000, CIDRS_BYTES_MAX = 8192 };

#define AT(member) offsetof(fetcher_settings, member)
const ov_setting fetcher_setting_table[] = {
    {.flag = "provider.github.api-url",
     .env = "PROVIDER_GITHUB_API_URL",
     .type = OV_SET_TEXT,
     .offset = AT(github_api_url),
     .fallback = "https://api.github.com",
     .help = "base URL of the GitHub API (GitHub Enterprise: https://HOST/api/v3)"},
    {.flag = "provider.github.token",
     .env = "PROVIDER_GITHUB_TOKEN",
     .type = OV_SET_SECRET_OR_FILE,
     .offset = AT(github_token),
     .help = "token for the GitHub API, or the name of a file that holds it"},
    {.flag = "provider.github.app-id",
     .env = "PROVIDER_GITHUB_APP_ID",
     .type = OV_SET_TEXT,
     .offset = AT(github_app_id),
     .help = "id of a GitHub App, which wins over the token (app-installation-id and app-private-key are needed too)"},
    {.flag = "provider.github.app-installation-id",
     .env = "PROVIDER_GITHUB_APP_INSTALLATION_ID",
     .type = OV_SET_TEXT,
     .offset = AT(github_app_installation_id),
     .help = "id of the GitHub App's installation, a number"},
    {.flag = "provider.github.app-private-key",
     .env = "PROVIDER_GITHUB_APP_PRIVATE_KEY",
     .type = OV_SET_SECRET_OR_FILE,
     .offset = AT(github_app_private_key),
     .help = "RSA key of the GitHub App in PEM, or the name of a file that holds it"},
    {.flag = "provider.gitlab.url",
     .env = "PROVIDER_GITLAB_URL",
     .type = OV_SET_TEXT,
     .offset = AT(gitlab_url),
     .fallback = "https://gitlab.com",
     .help = "base URL of the GitLab server that the token is for"},
    {.flag = "provider.gitlab.token",
     .env = "PROVIDER_GITLAB_TOKEN",
     .type = OV_SET_SECRET_OR_FILE,
     .offset = AT(gitlab_token),
     .help = "token for that GitLab server alone, or the name of a file that holds it"},
    {.flag = "provider.gitea.url",
     .env = "PROVIDER_GITEA_URL",
     .type = OV_SET_TEXT,
     .offset = AT(gitea_url),
     .fallback = "https://gitea.com",
     .help = "base URL of the Gitea or Forgejo server that the token is for"},
    {.flag = "provider.gitea.token",
     .env = "PROVIDER_GITEA_TOKEN",
     .type = OV_SET_SECRET_OR_FILE,
     .offset = AT(gitea_token),
     .help = "token for that Gitea or Forgejo server alone, or the name of a file that holds it"},
    {.flag = "fetch.docker-config",
     .env = "FETCH_DOCKER_CONFIG",
     .type = OV_SET_TEXT,
     .offset = AT(docker_config),
     .help = "docker's config.json with credentials for registries under auths; read again when it changes"},
    {.flag = "fetch.netrc",
     .env = "FETCH_NETRC",
     .type = OV_SET_TEXT,
     .offset = AT(netrc),
     .help = "netrc file with logins for other hosts; read again when it changes"},
    {.flag = "fetch.allow-cidrs",
     .env = "FETCH_ALLOW_CIDRS",
     .type = OV_SET_LIST,
     .offset = AT(allow_cidrs),
     .help = "private address ranges that upstreams may have, such as 10.0.0.0/8"},
    {.flag = "fetch.ca-file",
     .env = "FETCH_CA_FILE",
     .type = OV_SET_TEXT,
     .offset = AT(ca_file),
     .help = "file of the certificate authorities that upstreams are checked against"},
    {.flag = "fetch.pages-max",
     .env = "FETCH_PAGES_MAX",
     .type = OV_SET_INT,
     .offset = AT(pages_max),
     .fallback = "100",
     .min = 1,
     .max = 10000,
     .help = "pages of one list that are read at most"},
    {.flag = "fetch.bytes-max",
     .env = "FETCH_BYTES_MAX",
     .type = OV_SET_INT,
     .offset = AT(bytes_max),
     .fallback = "536870912",
     .min = 1024,
     .max = INT64_MAX / 2,
     .help = "bytes that one look reads at most"},
    {.flag = "fetch.total-timeout",
     .env = "FETCH_TOTAL_TIMEOUT",
     .type = OV_SET_DURATION,
     .offset = AT(total_timeout_ms),
     .fallback = "2m",
     .min = 1000,
     .max = 3600000,
     .help = "time that one look takes at most"},
    {.flag = "fetch.workers",
     .env = "FETCH_WORKERS",
     .type = OV_SET_INT,
     .offset = AT(workers),
     .fallback = "8",
     .min = 1,
     .max = 64,
     .help = "looks at the same time"},
    {.flag = "fetch.looks-per-host",
     .env = "FETCH_LOOKS_PER_HOST",
     .type = OV_SET_INT,
     .offset = AT(looks_per_host),
     .fallback = "4",
     .min = 1,
     .max = 64,
     .help = "looks at one host at the same time, for each fetcher; a slow host gets one, and one worker is left to "
             "others"},
    {.flag = "fetch.budget-reserve",
     .env = "FETCH_BUDGET_RESERVE",
     .type = OV_SET_INT,
     .offset = AT(budget_reserve),
     .fallback = "5",
     .max = BUDGET_RESERVE_PERCENT_MAX,
     .help = "percent of each upstream's request limit that is left to others who use the same token or address"},
    {.flag = "metrics-bind-address",
     .env = "METRICS_BIND_ADDRESS",
     .type = OV_SET_TEXT,
     .check = ov_http_address_check,
     .offset = AT(metrics_bind_address),
     .fallback = ":8084",
     .help = "where /metrics, /healthz and /readyz are served"},
};
#undef AT
const size_t fetcher_setting_count = OV_COUNT(fetcher_setting_table);
const size_t fetcher_look_setting_count = OV_COUNT(fetcher_setting_table) - 4;

/* Paths are appended to it. */
static ov_status check_url(const fetcher_settings *s, ov_err *err)
{
    const char *url = s->github_api_url ? s->github_api_url : "";
    if (ov_fetch_same_origin(url, url) && !strpbrk(url, "?#")) return OV_OK;
    return ov_fail(err, OV_INVALID, "--provider.github.api-url: \"%s\": expected an http or https URL%s", url,
                   strpbrk(url, "?#") ? " without query and fragment" : "");
}

/* No token of GitHub has a slash; the table took the name for the secret because there is no such file. */
static ov_status check_token(const fetcher_settings *s, ov_err *err)
{
    ov_str token = ov_secret_text(s->github_token);
    if (ov_str_find(token, '/', 0) == token.len) return OV_OK;
    return ov_fail(err, OV_INVALID,
                   "--provider.github.token: a name of a file that is not there: expected a token or a file's name");
}

static void close_p(FILE **f)
{
    if (*f) fclose(*f);
}

static ov_status check_ca_file(const fetcher_settings *s, ov_err *err)
{
    if (!s->ca_file) return OV_OK;
    OV_CLEANUP(close_p) FILE *f = fopen(s->ca_file, "re");
    char line[256];
    while (f && fgets(line, sizeof line, f))
        if (strncmp(line, "-----BEGIN ", 11) == 0 && strstr(line, "CERTIFICATE-----")) return OV_OK;
    return ov_fail(err, OV_INVALID, "--fetch.ca-file: \"%s\": expected a readable file of certificates in PEM",
                   s->ca_file);
}

static ov_status parse_policy(const fetcher_settings *s, ov_fetch_policy *ret, ov_err *err)
{
    OV_CLEANUP(ov_buf_clear) ov_buf joined = OV_BUF(CIDRS_BYTES_MAX);
    for (size_t i = 0; i < s->allow_cidrs.count; i++) {
        ov_buf_append_c(&joined, s->allow_cidrs.items[i]);
        ov_buf_append_char(&joined, ',');
    }
    ov_status status = ov_buf_finish(&joined, "ranges", err);
    if (status == OV_OK) status = ov_fetch_policy_parse(ov_buf_str(&joined), ret, err);
    if (status != OV_OK) return ov_fail_in(err, status, "--fetch.allow-cidrs");
    ret->setting = "--fetch.allow-cidrs";
    return OV_OK;
}

ov_status fetcher_look_options(const fetcher_settings *s, ov_fetch_policy *policy, look_options *ret, ov_err *err)
{
    ov_status status = check_token(s, err);
    if (status == OV_OK) status = check_url(s, err);
    if (status == OV_OK) status = check_ca_file(s, err);
    if (status == OV_OK) status = parse_policy(s, policy, err);
    if (status != OV_OK) return status;
    size_t len = strlen(s->github_api_url);
    while (len && s->github_api_url[len - 1] == '/') s->github_api_url[--len] = '\0';
    *ret = (look_options){.providers = {.github_api_url = s->github_api_url},
                          .policy = policy,
                          .pages_max = s->pages_max,
                          .bytes_max = s->bytes_max,
                          .connect_ms = CONNECT_MS,
                          .idle_ms = IDLE_MS,
                          .total_ms = s->total_timeout_ms};
    return OV_OK;
}

ov_status fetcher_credentials(const fetcher_settings *s, credentials **ret, ov_err *err)
{
    const credentials_options o = {.github_url = s->github_api_url,
                                   .gitlab_url = s->gitlab_url,
                                   .gitea_url = s->gitea_url,
                                   .github_token = s->github_token,
                                   .gitlab_token = s->gitlab_token,
                                   .gitea_token = s->gitea_token,
                                   .app_id = s->github_app_id,
                                   .app_installation_id = s->github_app_installation_id,
                                   .app_private_key = s->github_app_private_key,
                                   .docker_config = s->docker_config,
                                   .netrc = s->netrc};
    return credentials_open(&o, ret, err);
}
