/* Signs, asks, and keeps the answer: success, or the failure, for as long as either counts. */
#include "services/fetcher/credentials_app.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/backoff.h"
#include "base/mem.h"
#include "base/random.h"
#include "crypto/jwt.h"
#include "json/fields.h"
#include "services/fetcher/refusal.h"
#include "base/poison.h"

enum {
    ISSUED_AGO_S = 60, /* for a clock that is ahead of GitHub's */
    ASSERTED_S = 540,  /* with the minute before: ten, the most that GitHub takes */
    ASK_MS = 15000,
    AHEAD_MS = 5 * 60 * 1000,  /* before its end a token is replaced */
    SPARE_MS = 60 * 1000,      /* before its end it is not used any more */
    LASTS_MS = 60 * 60 * 1000, /* the most that is believed */
    CLOCK_OFF_MS = 30 * 1000,  /* what a wrong clock differs by at least */
    RETRY_MIN_MS = 5000,
    RETRY_MAX_MS = 5 * 60 * 1000,
    ANSWER_BYTES_MAX = 256 * 1024,
    WORD_BYTES_MAX = 8 * 1024,
    URL_BYTES = 2048,
    ID_DIGITS_MAX = 18
};

struct github_app {
    char *url, *issuer;
    char id[CREDENTIAL_ID];
    credential_origin origin;
    ov_rsa_key *key;
    int64_t clock_offset_ms; /* GitHub's less ours; the one who asks reads and writes it */
    pthread_mutex_t lock;    /* of all below */
    pthread_cond_t asked;
    bool asking;
    credential_entry *token; /* NULL: none yet */
    ov_mono got, fresh_until, usable_until;
    credential_failure failure; /* of the last request */
    ov_mono retry_at;
    ov_backoff backoff;
};

/* ---- set up ---- */

static bool is_number(const char *text)
{
    uint64_t n;
    ov_str s = ov_str_of(text);
    return s.len <= ID_DIGITS_MAX && ov_str_to_u64(s, &n) && n > 0;
}

static ov_status check_options(const github_app_options *o, ov_err *err)
{
    const struct {
        const char *flag;
        bool set;
        const char *number;
    } parts[] = {
        {"app-id", o->app_id != NULL, o->app_id},
        {"app-installation-id", o->installation_id != NULL, o->installation_id},
        {"app-private-key", o->private_key != NULL, NULL},
    };
    for (size_t i = 0; i < OV_COUNT(parts); i++)
        if (!parts[i].set)
            return ov_fail(err, OV_INVALID,
                           "--provider.github.%s: missing: a GitHub App needs app-id, app-installation-id and "
                           "app-private-key",
                           parts[i].flag);
    for (size_t i = 0; i < OV_COUNT(parts); i++)
        if (parts[i].number && !is_number(parts[i].number))
            return ov_fail(err, OV_INVALID, "--provider.github.%s: \"%.60s\": expected a number", parts[i].flag,
                           parts[i].number);
    return OV_OK;
}

static ov_status set_url(github_app *a, const github_app_options *o, ov_err *err)
{
    char url[URL_BYTES];
    ov_url_parts parts;
    int n = snprintf(url, sizeof url, "%s/app/installations/%s/access_tokens", o->api_url, o->installation_id);
    if (n < 0 || (size_t)n >= sizeof url || !ov_url_split(url, &parts))
        return ov_fail(err, OV_INVALID, "--provider.github.api-url: expected an http or https URL");
    a->url = ov_dup(ov_str_of(url));
    a->origin.https = parts.https;
    snprintf(a->origin.host, sizeof a->origin.host, "%s", parts.host);
    snprintf(a->origin.port, sizeof a->origin.port, "%s", parts.port);
    return OV_OK;
}

ov_status github_app_new(const github_app_options *o, github_app **ret, ov_err *err)
{
    ov_status status = check_options(o, err);
    if (status != OV_OK) return status;
    github_app *a = ov_zalloc(sizeof *a);
    a->backoff = (ov_backoff){.base_ms = RETRY_MIN_MS, .max_ms = RETRY_MAX_MS};
    pthread_mutex_init(&a->lock, NULL);
    pthread_cond_init(&a->asked, NULL);
    a->issuer = ov_dup(ov_str_of(o->app_id));
    status = set_url(a, o, err);
    if (status == OV_OK) {
        status = ov_rsa_key_parse(ov_secret_text(o->private_key), &a->key, err);
        if (status != OV_OK) status = ov_fail_in(err, status, "--provider.github.app-private-key (or its file)");
    }
    credential_id_make("app", &a->origin, ov_str_of(o->app_id), ov_str_of(o->installation_id), a->id);
    if (status == OV_OK)
        *ret = a;
    else
        github_app_free(a);
    return status;
}

void github_app_free(github_app *a)
{
    if (!a) return;
    credential_entry_let_go(a->token);
    ov_rsa_key_free(a->key);
    pthread_cond_destroy(&a->asked);
    pthread_mutex_destroy(&a->lock);
    free(a->issuer);
    free(a->url);
    free(a);
}

const char *github_app_id(const github_app *a)
{
    return a->id;
}

/* ---- one request ---- */

/* What came of asking: a token, a failure, or neither when the program stops. */
typedef struct {
    credential_entry *token;
    int64_t lasts_ms;
    credential_failure failure;
    bool stopped;
} app_answer;

static void answer_fail(app_answer *a, lookup_failure failure, const char *text)
{
    a->failure.failure = failure;
    snprintf(a->failure.text, sizeof a->failure.text, "GitHub App: %.200s", text);
}

/* https://docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-json-web-token-jwt-for-a-github-app
 */
static ov_secret *assertion(const github_app *a, ov_wall wall)
{
    OV_CLEANUP(ov_secret_buf_clear) ov_buf token = ov_secret_buf(WORD_BYTES_MAX);
    char claims[128];
    long long now_s = (long long)((wall.ms + a->clock_offset_ms) / 1000);
    snprintf(claims, sizeof claims, "{\"iat\":%lld,\"exp\":%lld,\"iss\":\"%s\"}", now_s - ISSUED_AGO_S,
             now_s + ASSERTED_S, a->issuer);
    if (ov_jwt_sign(a->key, ov_str_of(claims), &token, NULL) != OV_OK) return NULL;
    return ov_secret_new(ov_buf_str(&token));
}

static bool ask_once(github_app *a, const credentials_way *w, ov_wall wall, ov_buf *body, ov_fetch_result *ret)
{
    OV_CLEANUP(ov_secret_free_p) ov_secret *word = assertion(a, wall);
    if (!word) return false;
    ov_fetch_request q = {.url = a->url,
                          .method = "POST",
                          .body = OV_STR("{}"),
                          .content_type = "application/json",
                          .headers = {{"Accept", "application/vnd.github+json"}},
                          .bearer = word,
                          .wire_max = ANSWER_BYTES_MAX,
                          .body_max = ANSWER_BYTES_MAX,
                          .connect_ms = w->connect_ms,
                          .total_ms = w->total_ms > 0 ? w->total_ms : ASK_MS,
                          .policy = w->policy,
                          .stop = w->stop,
                          .on_body = ov_fetch_into_buf,
                          .arg = body};
    ov_buf_reset(body);
    ov_fetch_run(w->fetch, &q, ret);
    if (w->asked) w->asked(w->arg, a->url, ret->failure == OV_FETCH_OK ? ret->status : 0);
    return true;
}

/* A clock that is wrong makes GitHub refuse the word; the answer tells what time it is there. */
static bool adopt_clock(github_app *a, ov_wall wall, const ov_fetch_result *r)
{
    int64_t date_s = ov_fetch_date_s(ov_str_of(r->date));
    if (r->failure != OV_FETCH_OK || r->status != 401 || date_s < 0) return false;
    int64_t off = date_s * 1000 - (wall.ms + a->clock_offset_ms);
    if (off <= CLOCK_OFF_MS && off >= -CLOCK_OFF_MS) return false;
    a->clock_offset_ms += off;
    return true;
}

typedef struct {
    ov_str token, expires_at;
} token_answer;
static const ov_field token_fields[] = {
    {"token", OV_FIELD_STRING, true, offsetof(token_answer, token)},
    {"expires_at", OV_FIELD_STRING, true, offsetof(token_answer, expires_at)},
};

static void take_token(const github_app *a, ov_str body, const ov_fetch_result *r, ov_wall wall, app_answer *ret)
{
    token_answer t = {0};
    ov_wall ends;
    OV_CLEANUP(ov_json_arena_clear) ov_json_arena arena = {0};
    bool ok = ov_json_fields_of(body, token_fields, OV_COUNT(token_fields), &t, &arena, "", NULL) == OV_OK &&
              credential_is_token(t.token) && ov_wall_parse(t.expires_at, &ends, NULL) == OV_OK;
    if (!ok) {
        answer_fail(ret, FAILURE_MALFORMED, "the answer is no token with its expires_at");
        return;
    }
    /* Both by GitHub's clock when it says what time it is. */
    int64_t date_s = ov_fetch_date_s(ov_str_of(r->date));
    int64_t lasts_ms = ends.ms - (date_s >= 0 ? date_s * 1000 : wall.ms + a->clock_offset_ms);
    ret->lasts_ms = lasts_ms < LASTS_MS ? lasts_ms : LASTS_MS;
    if (ret->lasts_ms <= SPARE_MS) {
        answer_fail(ret, FAILURE_MALFORMED, "the token has ended already: is the clock right?");
        return;
    }
    ret->token = credential_entry_new(&a->origin, a->id);
    ret->token->bearer = ov_secret_new(t.token);
}

/* Statuses that say which setting is wrong. The first: the word's author is not known by that key. */
static const char *setting_to_blame(unsigned status)
{
    switch (status) {
    case 401:
        return "HTTP 401: --provider.github.app-private-key is no key of the App that --provider.github.app-id names";
    case 403:
        return "HTTP 403: the installation that --provider.github.app-installation-id names is suspended, or may not "
               "ask from here";
    case 404:
        return "HTTP 404: --provider.github.app-installation-id is no installation of the App that "
               "--provider.github.app-id names";
    default:
        return NULL;
    }
}

static void judge(const github_app *a, ov_str body, const ov_fetch_result *r, ov_wall wall, app_answer *ret)
{
    refusal why;
    if (r->failure != OV_FETCH_OK) {
        answer_fail(ret, refusal_of_transport(r->failure), r->text);
        return;
    }
    if (r->status == 200 || r->status == 201) {
        take_token(a, body, r, wall, ret);
        return;
    }
    int64_t now_s = wall.ms / 1000;
    refusal_judge(r, body, true, now_s, &why);
    if (why.failure == FAILURE_RATE_LIMITED)
        why.next_try_s = refusal_next_try_s(why.failure, why.next_try_s, a->backoff.failures + 1, now_s);
    bool blamed = why.failure != FAILURE_RATE_LIMITED && setting_to_blame(r->status);
    answer_fail(ret, blamed ? FAILURE_UNAUTHORIZED : why.failure, blamed ? setting_to_blame(r->status) : why.text);
    ret->failure.next_try_s = why.next_try_s;
}

static void ask(github_app *a, const credentials_way *w, ov_wall wall, app_answer *ret)
{
    OV_CLEANUP(ov_secret_buf_clear) ov_buf body = ov_secret_buf(ANSWER_BYTES_MAX);
    ov_fetch_result r;
    *ret = (app_answer){0};
    bool asked = ask_once(a, w, wall, &body, &r);
    if (asked && adopt_clock(a, wall, &r)) asked = ask_once(a, w, wall, &body, &r);
    if (!asked) {
        answer_fail(ret, FAILURE_UNSUPPORTED, "OpenSSL cannot sign with --provider.github.app-private-key");
        return;
    }
    judge(a, ov_buf_str(&body), &r, wall, ret);
    ret->stopped = r.failure != OV_FETCH_OK && w->stop && __atomic_load_n(w->stop, __ATOMIC_RELAXED);
}

/* ---- what all workers share ---- */

static bool is_before(ov_mono now, ov_mono then)
{
    return ov_mono_since(then, now) > 0;
}

static void keep_token(github_app *a, app_answer *answer, ov_mono now)
{
    credential_entry_let_go(a->token);
    a->token = OV_TAKE(answer->token);
    a->got = now;
    int64_t fresh_ms = answer->lasts_ms - AHEAD_MS, usable_ms = answer->lasts_ms - SPARE_MS;
    a->fresh_until = ov_mono_after(now, fresh_ms > usable_ms / 2 ? fresh_ms : usable_ms / 2);
    a->usable_until = ov_mono_after(now, usable_ms);
    a->failure = (credential_failure){0};
    ov_backoff_reset(&a->backoff);
}

static void keep_failure(github_app *a, const app_answer *answer, credentials_moment now)
{
    a->failure = answer->failure;
    if (answer->stopped) return;
    int64_t wait_ms = ov_backoff_next_ms(&a->backoff, ov_random_u64());
    int64_t named_ms = answer->failure.next_try_s * 1000 - now.wall.ms;
    a->retry_at = ov_mono_after(now.mono, named_ms > wait_ms ? named_ms : wait_ms);
}

/* Asks without the lock, which is held before and afterwards. */
static void renew(github_app *a, const credentials_way *w, credentials_moment now)
{
    app_answer answer;
    a->asking = true;
    pthread_mutex_unlock(&a->lock);
    ask(a, w, now.wall, &answer);
    pthread_mutex_lock(&a->lock);
    if (answer.token)
        keep_token(a, &answer, now.mono);
    else
        keep_failure(a, &answer, now);
    a->asking = false;
    pthread_cond_broadcast(&a->asked);
}

bool github_app_token(github_app *a, const credentials_way *w, credentials_moment now, credential_entry **ret,
                      credential_failure *why)
{
    pthread_mutex_lock(&a->lock);
    while (a->asking && !(a->token && is_before(now.mono, a->usable_until))) pthread_cond_wait(&a->asked, &a->lock);
    bool fresh = a->token && is_before(now.mono, a->fresh_until);
    bool waits = a->failure.failure != FAILURE_NONE && is_before(now.mono, a->retry_at);
    if (!fresh && !waits && !a->asking) renew(a, w, now);
    bool usable = a->token && is_before(now.mono, a->usable_until);
    if (usable)
        *ret = credential_entry_hold(a->token);
    else
        *why = a->failure;
    pthread_mutex_unlock(&a->lock);
    return usable;
}

void github_app_refused(github_app *a, const credential_entry *token, ov_mono now)
{
    pthread_mutex_lock(&a->lock);
    if (a->token == token && ov_mono_since(now, a->got) >= SPARE_MS) a->fresh_until = a->usable_until = now;
    pthread_mutex_unlock(&a->lock);
}
