/* The table of credentials: three APIs' tokens or an App, then the entries of two files. */
#include "services/fetcher/credentials.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "services/fetcher/credentials_docker.h"
#include "services/fetcher/credentials_file.h"
#include "services/fetcher/credentials_netrc.h"
#include "base/poison.h"

enum { API_GITHUB, API_GITLAB, API_GITEA, API_COUNT, URL_MAX = 2000 };

/* https://docs.gitlab.com/api/rest/authentication/, https://docs.gitea.com/development/api-usage */
static const struct {
    const char *url_flag, *token_flag;
    const char *path;   /* of the API, below the URL */
    const char *header; /* NULL: Authorization */
    const char *scheme; /* in Authorization; NULL: Bearer */
} apis[API_COUNT] = {
    [API_GITHUB] = {"--provider.github.api-url", "--provider.github.token", "/", NULL, NULL},
    [API_GITLAB] = {"--provider.gitlab.url", "--provider.gitlab.token", "/api/v4/", "PRIVATE-TOKEN", NULL},
    [API_GITEA] = {"--provider.gitea.url", "--provider.gitea.token", "/api/v1/", NULL, "token "},
};

typedef struct {
    bool set;
    credential_origin origin;
    char *path;
    credential_entry *token; /* NULL: the App's */
} api_credential;

struct credentials {
    api_credential apis[API_COUNT];
    github_app *app;
    pthread_mutex_t lock; /* of the files */
    credentials_file docker, netrc;
};

/* ---- set up ---- */

static ov_str path_of(const char *url)
{
    ov_str all = ov_str_of(url);
    const char *begin = strstr(url, "://");
    size_t authority = begin ? (size_t)(begin - url) + 3 : 0;
    return ov_str_sub(all, ov_str_find(all, '/', authority), all.len);
}

/* The API's origin and path; the token is for them alone. */
static ov_status set_url(api_credential *a, size_t which, const char *url, ov_err *err)
{
    ov_url_parts parts;
    if (!url || strlen(url) > URL_MAX || strpbrk(url, "@?#") || !ov_url_split(url, &parts))
        return ov_fail(err, OV_INVALID, "%s: expected an http or https URL without user and query",
                       apis[which].url_flag);
    ov_str path = path_of(url);
    while (path.len && path.ptr[path.len - 1] == '/') path.len--;
    OV_CLEANUP(ov_buf_clear) ov_buf whole = OV_BUF(URL_MAX + 16);
    ov_buf_append_str(&whole, path);
    ov_buf_append_c(&whole, apis[which].path);
    a->path = ov_buf_take(&whole, NULL);
    a->origin.https = parts.https;
    snprintf(a->origin.host, sizeof a->origin.host, "%s", parts.host);
    snprintf(a->origin.port, sizeof a->origin.port, "%s", parts.port);
    return OV_OK;
}

static credential_entry *entry_of_token(const api_credential *a, size_t which, ov_str token)
{
    char id[CREDENTIAL_ID];
    credential_id_make("token", &a->origin, token, OV_STR(""), id);
    credential_entry *e = credential_entry_new(&a->origin, id);
    if (apis[which].scheme) {
        size_t scheme_len = strlen(apis[which].scheme);
        OV_CLEANUP(ov_secret_buf_clear) ov_buf text = ov_secret_buf(scheme_len + token.len);
        ov_buf_append_c(&text, apis[which].scheme);
        ov_buf_append_str(&text, token);
        e->authorization = ov_secret_new(ov_buf_str(&text));
    } else if (apis[which].header) {
        e->header = apis[which].header;
        e->value = ov_secret_new(token);
    } else {
        e->bearer = ov_secret_new(token);
    }
    return e;
}

static ov_status open_api(credentials *c, size_t which, const char *url, const ov_secret *secret, ov_err *err)
{
    api_credential *a = &c->apis[which];
    ov_str token = ov_secret_text(secret);
    bool app = which == API_GITHUB && c->app;
    if (!secret && !app && !url) return OV_OK;
    ov_status status = set_url(a, which, url, err);
    if (status != OV_OK) return status;
    a->set = secret || app;
    if (!secret) return OV_OK;
    if (!credential_is_token(token))
        return ov_fail(err, OV_INVALID, "%s: expected printable characters without a space, or a file that holds them",
                       apis[which].token_flag);
    if (!app) a->token = entry_of_token(a, which, token);
    return OV_OK;
}

static ov_status open_app(credentials *c, const credentials_options *o, ov_err *err)
{
    char url[URL_MAX + 1];
    if (!o->app_id && !o->app_installation_id && !o->app_private_key) return OV_OK;
    ov_str given = ov_str_of(o->github_url);
    while (given.len && given.ptr[given.len - 1] == '/') given.len--;
    snprintf(url, sizeof url, "%.*s", OV_STR_ARG(given));
    github_app_options app = {.api_url = url,
                              .app_id = o->app_id,
                              .installation_id = o->app_installation_id,
                              .private_key = o->app_private_key};
    return github_app_new(&app, &c->app, err);
}

ov_status credentials_open(const credentials_options *o, credentials **ret, ov_err *err)
{
    credentials *c = ov_zalloc(sizeof *c);
    pthread_mutex_init(&c->lock, NULL);
    ov_status status = open_app(c, o, err);
    if (status == OV_OK) status = open_api(c, API_GITHUB, o->github_url, o->github_token, err);
    if (status == OV_OK) status = open_api(c, API_GITLAB, o->gitlab_url, o->gitlab_token, err);
    if (status == OV_OK) status = open_api(c, API_GITEA, o->gitea_url, o->gitea_token, err);
    if (status == OV_OK && o->docker_config)
        status = credentials_file_open(&c->docker, "--fetch.docker-config", o->docker_config, docker_config_parse, err);
    if (status == OV_OK && o->netrc)
        status = credentials_file_open(&c->netrc, "--fetch.netrc", o->netrc, netrc_parse, err);
    if (status == OV_OK)
        *ret = c;
    else
        credentials_free(c);
    return status;
}

void credentials_free(credentials *c)
{
    if (!c) return;
    for (size_t i = 0; i < API_COUNT; i++) {
        credential_entry_let_go(c->apis[i].token);
        free(c->apis[i].path);
    }
    github_app_free(c->app);
    credentials_file_clear(&c->docker);
    credentials_file_clear(&c->netrc);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

/* ---- whose URL it is ---- */

typedef struct {
    credential_entry *entry; /* held */
    bool app;                /* the App's token is to be had */
} found;

static void find_in_files(credentials *c, const ov_url_parts *url, found *ret)
{
    pthread_mutex_lock(&c->lock);
    credentials_file_refresh(&c->docker);
    credentials_file_refresh(&c->netrc);
    credential_entry *e = credential_list_find(&c->docker.list, url);
    if (!e) e = credential_list_find(&c->netrc.list, url);
    if (e) ret->entry = credential_entry_hold(e);
    pthread_mutex_unlock(&c->lock);
}

static bool find_api(credentials *c, const ov_url_parts *url, ov_str path, found *ret)
{
    for (size_t i = 0; i < API_COUNT; i++) {
        api_credential *a = &c->apis[i];
        if (!a->set || !credential_origin_is(&a->origin, url)) continue;
        if (path.ptr && !ov_str_starts(path, ov_str_of(a->path))) continue;
        if (a->token) ret->entry = credential_entry_hold(a->token);
        ret->app = !a->token;
        return true;
    }
    return false;
}

static found find(credentials *c, const char *url)
{
    ov_url_parts parts;
    found f = {0};
    if (!ov_url_split(url, &parts)) return f;
    ov_str path = path_of(url);
    if (path.len && find_api(c, &parts, path, &f)) return f;
    find_in_files(c, &parts, &f);
    if (!f.entry) (void)find_api(c, &parts, (ov_str){0}, &f);
    return f;
}

const char *credentials_id(credentials *c, const char *url, char out[CREDENTIAL_ID])
{
    found f = find(c, url);
    const char *id = f.entry ? f.entry->id : f.app ? github_app_id(c->app) : "";
    snprintf(out, CREDENTIAL_ID, "%s", id);
    credential_entry_let_go(f.entry);
    return out;
}

/* ---- a worker ---- */

struct credentials_user {
    credentials *all;
    credentials_way way;
    credential_entry **held; /* each once */
    size_t count, cap;
    credential_failure failure;
};

credentials_user *credentials_user_new(credentials *c, const credentials_way *w)
{
    credentials_user *u = ov_zalloc(sizeof *u);
    u->all = c;
    u->way = *w;
    return u;
}

void credentials_user_begin(credentials_user *u)
{
    for (size_t i = 0; i < u->count; i++) credential_entry_let_go(u->held[i]);
    u->count = 0;
    u->failure = (credential_failure){0};
}

void credentials_user_free(credentials_user *u)
{
    if (!u) return;
    credentials_user_begin(u);
    free(u->held);
    free(u);
}

/* Takes the caller's hold on e; the worker's own keeps it alive. */
static void keep(credentials_user *u, credential_entry *e)
{
    for (size_t i = 0; i < u->count; i++)
        if (u->held[i] == e) {
            credential_entry_let_go(e);
            return;
        }
    ov_grow(&u->held, &u->cap, u->count + 1, sizeof *u->held);
    u->held[u->count++] = e;
}

/* Alive until the next look; NULL: none, or failure is set. */
static const credential_entry *obtain(credentials_user *u, const char *url)
{
    found f = find(u->all, url);
    u->failure = (credential_failure){0};
    credentials_moment now = {ov_wall_now(), ov_mono_now()};
    if (f.app && !github_app_token(u->all->app, &u->way, now, &f.entry, &u->failure)) return NULL;
    if (f.entry) keep(u, f.entry);
    return f.entry;
}

static const char *text_of(const ov_secret *s)
{
    return s ? ov_secret_text(s).ptr : NULL;
}

bool credentials_give(void *user, const char *url, provider_credential *ret)
{
    const credential_entry *e = obtain(user, url);
    *ret = (provider_credential){0};
    if (!e) return false;
    memcpy(ret->id, e->id, sizeof ret->id);
    if (e->identity_token) return false;
    ret->bearer = e->bearer;
    ret->authorization = text_of(e->authorization);
    ret->header = e->header;
    ret->value = text_of(e->value);
    return true;
}

const credential_failure *credentials_user_failure(void *user)
{
    const credentials_user *u = user;
    return u->failure.failure == FAILURE_NONE ? NULL : &u->failure;
}

const char *credentials_user_id(void *user, const char *url, char out[CREDENTIAL_ID])
{
    const credentials_user *u = user;
    return credentials_id(u->all, url, out);
}

const ov_secret *credentials_identity_token(void *user, const char *url)
{
    const credential_entry *e = obtain(user, url);
    return e ? e->identity_token : NULL;
}

void credentials_user_refused(credentials_user *u)
{
    for (size_t i = 0; u->all->app && i < u->count; i++) github_app_refused(u->all->app, u->held[i], ov_mono_now());
}
