/* Which credential goes where: to its own scheme, host and port, never to another, never across a redirect; and files
 * that change. */
#include "services/fetcher/credentials.h"

#include <stdio.h>
#include <sys/stat.h>

#include "services/fetcher/credentials_file.h"
#include "support/check.h"
#include "support/rsa_key.h"
#include "support/upstream/canned.h"
#include "base/poison.h"

static char folder[] = "/tmp/opvic-credentials-XXXXXX";
static char docker_path[128], netrc_path[128];

/* Put in place by a rename, as editors and Kubernetes do. */
static void write_file(const char *path, const char *text)
{
    char other[160];
    snprintf(other, sizeof other, "%s.new", path);
    FILE *f = fopen(other, "w");
    if (!f || fputs(text, f) < 0 || fclose(f) != 0 || rename(other, path) != 0) abort();
}

static credentials *open_all(const credentials_options *o)
{
    credentials *c = NULL;
    ov_err err = {0};
    if (!CHECK_OK(credentials_open(o, &c, &err), &err)) abort();
    return c;
}

/* "bearer x", "Basic x", "PRIVATE-TOKEN x", or "" for nothing. */
static const char *given(credentials_user *u, const char *url, char out[256])
{
    provider_credential c;
    out[0] = '\0';
    if (!credentials_give(u, url, &c)) return out;
    if (c.bearer)
        snprintf(out, 256, "bearer %s", ov_secret_text(c.bearer).ptr);
    else if (c.authorization)
        snprintf(out, 256, "%s", c.authorization);
    else
        snprintf(out, 256, "%s %s", c.header, c.value);
    CHECK((c.bearer != NULL) + (c.authorization != NULL) + (c.header && c.value) == 1);
    return out;
}

static const struct {
    const char *url, *sent;
} everywhere[] = {
    {"https://api.github.com/repos/o/r/tags?per_page=100", "bearer gh"},
    {"https://API.GitHub.com:443/repositories/1/tags?page=2", "bearer gh"},
    {"https://api.github.com", "bearer gh"},
    {"http://api.github.com/repos/o/r/tags", ""},
    {"https://api.github.com:8443/", ""},
    {"https://github.com/o/r.git/info/refs", ""},
    {"https://api.github.com.example.org/", ""},
    {"https://api.github.com@evil.example/", ""},
    {"https://evil.example/?https://api.github.com/", ""},
    {"https://evil.example/api.github.com/", ""},
    {"https://gitlab.example/sub/api/v4/projects/1/releases", "PRIVATE-TOKEN gl"},
    {"https://gitlab.example/jwt/auth?service=container_registry", "Basic Z2w6ZG9ja2Vy"},
    {"https://gitlab.example:5050/v2/", "Basic cmVnOnA="},
    {"https://gitlab.com/api/v4/projects/1/releases", ""},
    {"http://gitea.internal:3000/api/v1/repos/o/r/tags", "token gt"},
    {"http://gitea.internal:3000/o/r.git/info/refs", "token gt"},
    {"https://gitea.internal:3000/api/v1/repos/o/r/tags", ""},
    {"http://gitea.internal/api/v1/repos/o/r/tags", ""},
    {"https://charts.example/index.yaml", "Basic Yzpu"},
    {"http://charts.example/index.yaml", ""},
    {"https://both.example/", "Basic ZDpk"}, /* the docker configuration comes first */
    {"https://oauth.example/token", ""},     /* an identity token is not sent as it is */
    {"https://169.254.169.254/latest/meta-data", ""},
    {"file:///etc/passwd", ""},
    {"not a URL", ""},
    {"", ""},
};

static void test_everywhere(void)
{
    OV_CLEANUP(ov_secret_free_p) ov_secret *github = ov_secret_new(OV_STR("gh"));
    OV_CLEANUP(ov_secret_free_p) ov_secret *gitlab = ov_secret_new(OV_STR("gl"));
    OV_CLEANUP(ov_secret_free_p) ov_secret *gitea = ov_secret_new(OV_STR("gt"));
    write_file(docker_path, "{\"auths\":{\"gitlab.example\":{\"username\":\"gl\",\"password\":\"docker\"},"
                            "\"gitlab.example:5050\":{\"username\":\"reg\",\"password\":\"p\"},"
                            "\"both.example\":{\"username\":\"d\",\"password\":\"d\"},"
                            "\"oauth.example\":{\"identitytoken\":\"id.tok\"}}}");
    write_file(netrc_path, "machine charts.example login c password n\nmachine both.example login n password n\n"
                           "default login everybody password x\n");
    const credentials_options o = {.github_url = "https://api.github.com",
                                   .gitlab_url = "https://gitlab.example/sub/",
                                   .gitea_url = "http://gitea.internal:3000",
                                   .github_token = github,
                                   .gitlab_token = gitlab,
                                   .gitea_token = gitea,
                                   .docker_config = docker_path,
                                   .netrc = netrc_path};
    credentials *c = open_all(&o);
    const credentials_way w = {0};
    credentials_user *u = credentials_user_new(c, &w);
    for (size_t i = 0; i < OV_COUNT(everywhere); i++) {
        char got[256], id[CREDENTIAL_ID];
        check_case(everywhere[i].url);
        CHECK_C(given(u, everywhere[i].url, got), everywhere[i].sent);
        CHECK(!credentials_user_failure(u));
        bool oauth = strstr(everywhere[i].url, "oauth") != NULL;
        CHECK_INT(strlen(credentials_id(c, everywhere[i].url, id)),
                  everywhere[i].sent[0] || oauth ? CREDENTIAL_ID - 1 : 0);
        const ov_secret *identity = credentials_identity_token(u, everywhere[i].url);
        CHECK_STR(ov_secret_text(identity), oauth ? OV_STR("id.tok") : OV_STR(""));
    }
    check_case(NULL);
    credentials_user_free(u);
    credentials_free(c);
}

static void test_ids(void)
{
    OV_CLEANUP(ov_secret_free_p) ov_secret *one = ov_secret_new(OV_STR("one"));
    OV_CLEANUP(ov_secret_free_p) ov_secret *two = ov_secret_new(OV_STR("two"));
    static const char url[] = "https://api.github.com/x";
    char ids[3][CREDENTIAL_ID];
    const ov_secret *tokens[] = {one, one, two};
    for (size_t i = 0; i < OV_COUNT(tokens); i++) {
        credentials *c =
            open_all(&(credentials_options){.github_url = "https://api.github.com", .github_token = tokens[i]});
        credentials_id(c, url, ids[i]);
        credentials_free(c);
    }
    CHECK_C(ids[0], ids[1]);
    CHECK(strcmp(ids[0], ids[2]) != 0);
    CHECK_C(ids[0], "69fa509aab63"); /* stored with budgets and lists: a change of the rule would lose them */
}

/* ---- files ---- */

static void test_reread(void)
{
    char got[256];
    static const char url[] = "https://charts.example/index.yaml";
    write_file(netrc_path, "machine charts.example login a password first");
    credentials *c = open_all(&(credentials_options){.netrc = netrc_path});
    const credentials_way w = {0};
    credentials_user *u = credentials_user_new(c, &w);
    provider_credential kept;
    if (!CHECK(credentials_give(u, url, &kept))) abort();
    CHECK_C(kept.authorization, "Basic YTpmaXJzdA==");
    write_file(netrc_path, "machine charts.example login a password second");
    CHECK_C(given(u, url, got), "Basic YTpzZWNvbmQ=");
    CHECK_C(kept.authorization, "Basic YTpmaXJzdA=="); /* until the next look */
    credentials_user_begin(u);
    write_file(netrc_path, "machine charts.example login");
    CHECK_C(given(u, url, got), "Basic YTpzZWNvbmQ="); /* a wrong file changes nothing */
    unlink(netrc_path);
    CHECK_C(given(u, url, got), "Basic YTpzZWNvbmQ=");
    write_file(netrc_path, "machine other.example login a password third");
    CHECK_C(given(u, url, got), "");
    CHECK_C(given(u, "https://other.example/", got), "Basic YTp0aGlyZA==");
    credentials_user_free(u);
    credentials_free(c);
}

static void check_open_fails(const credentials_options *o, const char *error)
{
    credentials *c = NULL;
    ov_err err = {0};
    CHECK_STATUS(credentials_open(o, &c, &err), OV_INVALID, &err);
    CHECK(!c && !strstr(err.msg, "s3cret"));
    if (!CHECK(strstr(err.msg, error) != NULL)) fprintf(stderr, "  %s\n", err.msg);
}

static void test_refused_files(void)
{
    char text[256];
    write_file(docker_path, "{\"auths\":{\"q.io\":{\"auth\":\"s3cret\"}}}");
    write_file(netrc_path, "machine h.example login a s3cret");
    snprintf(text, sizeof text, "--fetch.docker-config: \"%s\": auths: \"q.io\": auth: expected the base64",
             docker_path);
    check_open_fails(&(credentials_options){.docker_config = docker_path}, text);
    snprintf(text, sizeof text, "--fetch.netrc: \"%s\": line 1: machine \"h.example\": expected machine,", netrc_path);
    check_open_fails(&(credentials_options){.netrc = netrc_path}, text);
    check_open_fails(&(credentials_options){.netrc = "/nonexistent"}, "\"/nonexistent\": No such file or directory");
    check_open_fails(&(credentials_options){.docker_config = folder}, "expected a regular file");
    CHECK(truncate(netrc_path, CREDENTIALS_FILE_MAX + 1) == 0);
    check_open_fails(&(credentials_options){.netrc = netrc_path}, "expected at most 1048576 bytes");
}

static void test_refused_settings(void)
{
    OV_CLEANUP(ov_secret_free_p) ov_secret *odd = ov_secret_new(OV_STR("s3cret and more"));
    OV_CLEANUP(ov_secret_free_p) ov_secret *plain = ov_secret_new(OV_STR("s3cret"));
    check_open_fails(&(credentials_options){.github_url = "https://h", .github_token = odd},
                     "--provider.github.token: expected printable characters without a space");
    check_open_fails(&(credentials_options){.gitlab_url = "https://h", .gitlab_token = odd},
                     "--provider.gitlab.token: ");
    check_open_fails(&(credentials_options){.gitlab_token = plain},
                     "--provider.gitlab.url: expected an http or https URL");
    check_open_fails(&(credentials_options){.gitea_url = "https://u:s3cret@h"},
                     "--provider.gitea.url: expected an http or https URL without user and query");
}

/* ---- on the wire ---- */

#define MOVED(to) "HTTP/1.1 302 Found\r\nConnection: close\r\nContent-Length: 0\r\nLocation: " to "\r\n\r\n"
#define FINE "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}"

static char moved[128];
static canned_route here_routes[] = {
    {.path = "/api/v1/away", .answer = moved}, {.path = "/api/v4/away", .answer = moved},
    {.path = "/away", .answer = moved},        {.path = "/near", .answer = MOVED("/end")},
    {.path = "/end", .answer = FINE},
};
static const canned_route there_routes[] = {{.path = "/end", .answer = FINE}};

static unsigned ask(ov_fetch *f, credentials_user *u, const ov_fetch_policy *policy, const char *url)
{
    provider_credential c;
    if (!CHECK(credentials_give(u, url, &c))) return 0;
    ov_fetch_request q = {.url = url, .policy = policy, .redirects_max = 3, .total_ms = 20000, .bearer = c.bearer};
    q.headers[0].name = c.authorization ? "Authorization" : c.header;
    q.headers[0].value = c.authorization ? c.authorization : c.value;
    ov_fetch_result r;
    ov_fetch_run(f, &q, &r);
    return r.status;
}

/* One server is the API of all, then a netrc's machine; the other, on another port, must see nothing of it. */
static void test_redirects(void)
{
    canned here, there;
    char base[64], url[128], text[128];
    ov_fetch_policy policy;
    ov_fetch *f = NULL;
    ov_err err = {0};
    OV_CLEANUP(ov_secret_free_p) ov_secret *token = ov_secret_new(OV_STR("s3cret"));
    canned_start(&there, there_routes, OV_COUNT(there_routes));
    snprintf(moved, sizeof moved, MOVED("http://127.0.0.1:%u/end"), there.port);
    canned_start(&here, here_routes, OV_COUNT(here_routes));
    snprintf(base, sizeof base, "http://127.0.0.1:%u", here.port);
    snprintf(text, sizeof text, "machine %s login u password s3cret", base);
    write_file(netrc_path, text);
    CHECK_OK(ov_fetch_policy_parse(OV_STR("127.0.0.0/8"), &policy, &err), &err);
    CHECK_OK(ov_fetch_new("opvic-test", NULL, &f, &err), &err);
    const struct {
        const char *path, *header;
        credentials_options o;
    } cases[] = {
        {"/away", "Authorization: Bearer s3cret\r\n", {.github_url = base, .github_token = token}},
        {"/api/v4/away", "PRIVATE-TOKEN: s3cret\r\n", {.gitlab_url = base, .gitlab_token = token}},
        {"/api/v1/away", "Authorization: token s3cret\r\n", {.gitea_url = base, .gitea_token = token}},
        {"/away", "Authorization: Basic dTpzM2NyZXQ=\r\n", {.netrc = netrc_path}},
    };
    for (size_t i = 0; i < OV_COUNT(cases); i++) {
        check_case(cases[i].header);
        credentials *c = open_all(&cases[i].o);
        const credentials_way w = {0};
        credentials_user *u = credentials_user_new(c, &w);
        char got[256];
        snprintf(url, sizeof url, "%s%s", base, cases[i].path);
        CHECK_INT(ask(f, u, &policy, url), 200);
        CHECK(canned_saw(&here, cases[i].header));
        CHECK(canned_saw(&there, "GET /end "));
        CHECK(!canned_saw(&there, "s3cret") && !canned_saw(&there, "Authorization") && !canned_saw(&there, "Basic"));
        snprintf(url, sizeof url, "%s/near", base);
        CHECK_INT(ask(f, u, &policy, url), 200);
        CHECK(canned_saw(&here, "GET /end ") && canned_saw(&here, cases[i].header)); /* the same origin again */
        snprintf(url, sizeof url, "http://127.0.0.1:%u/end", there.port);
        CHECK_C(given(u, url, got), "");
        credentials_user_free(u);
        credentials_free(c);
    }
    check_case(NULL);
    CHECK_INT(canned_requests(&there), OV_COUNT(cases));
    ov_fetch_free(f);
    canned_stop(&here);
    canned_stop(&there);
}

/* ---- an App ---- */

#define TOKEN_PATH "/app/installations/7/access_tokens"
static canned_route app_routes[] = {
    {.path = TOKEN_PATH,
     .answer = "HTTP/1.1 201 Created\r\nConnection: close\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\n\r\n"
               "{\"token\":\"ghs_1\",\"expires_at\":\"2026-01-01T01:00:00Z\"}"},
};
static const canned_route refusing_routes[] = {
    {.path = TOKEN_PATH, .answer = "HTTP/1.1 401 Unauthorized\r\nConnection: close\r\n\r\n{}"}};

static void on_asked(void *arg, const char *url, unsigned status)
{
    unsigned *count = arg;
    CHECK(strstr(url, TOKEN_PATH) != NULL);
    CHECK(status == 201 || status == 401);
    ++*count;
}

static void test_app(const canned_route *app_route, bool fails)
{
    canned server;
    char base[64], url[128], got[256], id[CREDENTIAL_ID];
    unsigned asked = 0;
    ov_fetch_policy policy;
    ov_fetch *f = NULL;
    ov_err err = {0};
    OV_CLEANUP(ov_secret_free_p) ov_secret *key = ov_secret_new(OV_STR(RFC7515_KEY));
    OV_CLEANUP(ov_secret_free_p) ov_secret *token = ov_secret_new(OV_STR("token"));
    canned_start(&server, app_route, 1);
    snprintf(base, sizeof base, "http://127.0.0.1:%u/", server.port);
    snprintf(url, sizeof url, "%srepos/o/r/tags", base);
    CHECK_OK(ov_fetch_policy_parse(OV_STR("127.0.0.0/8"), &policy, &err), &err);
    CHECK_OK(ov_fetch_new("opvic-test", NULL, &f, &err), &err);
    credentials *c = open_all(&(credentials_options){
        .github_url = base, .github_token = token, .app_id = "42", .app_installation_id = "7", .app_private_key = key});
    const credentials_way w = {.fetch = f, .policy = &policy, .asked = on_asked, .arg = &asked};
    credentials_user *u = credentials_user_new(c, &w);
    CHECK_C(given(u, "https://api.github.com/repos/o/r/tags", got), "");
    CHECK_INT(strlen(credentials_id(c, url, id)), CREDENTIAL_ID - 1);
    CHECK_INT(asked, 0); /* neither needs a token */
    for (int i = 0; i < 2; i++) {
        CHECK_C(given(u, url, got), fails ? "" : "bearer ghs_1"); /* never the token behind it */
        const credential_failure *why = credentials_user_failure(u);
        if (CHECK(!why == !fails) && why) CHECK(strstr(why->text, "--provider.github.app-private-key") != NULL);
    }
    CHECK_INT(asked, 1);
    credentials_user_refused(u);
    CHECK_C(given(u, "https://other.example/", got), "");
    CHECK(!credentials_user_failure(u)); /* of the last one asked for alone */
    credentials_user_free(u);
    credentials_free(c);
    ov_fetch_free(f);
    canned_stop(&server);
}

int main(void)
{
    if (!mkdtemp(folder)) abort();
    snprintf(docker_path, sizeof docker_path, "%s/config.json", folder);
    snprintf(netrc_path, sizeof netrc_path, "%s/netrc", folder);
    test_everywhere();
    test_ids();
    test_reread();
    test_refused_files();
    test_refused_settings();
    test_redirects();
    test_app(app_routes, false);
    test_app(refusing_routes, true);
    unlink(docker_path);
    unlink(netrc_path);
    rmdir(folder);
    return check_end();
}
