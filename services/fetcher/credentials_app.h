/* A GitHub App's installation token: asked for with a signed word, kept until shortly before it ends.
 * https://docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app */
#ifndef OPVIC_FETCHER_CREDENTIALS_APP_H
#define OPVIC_FETCHER_CREDENTIALS_APP_H

#include "base/clock.h"
#include "fetch/fetch.h"
#include "proto/lookup.h"
#include "services/fetcher/credentials_entry.h"

typedef struct {
    const char *api_url; /* without a slash at its end */
    const char *app_id, *installation_id;
    const ov_secret *private_key; /* PEM */
} github_app_options;

/* How a worker asks. */
typedef struct {
    ov_fetch *fetch; /* the worker's own */
    const ov_fetch_policy *policy;
    const volatile bool *stop;    /* or NULL */
    int64_t connect_ms, total_ms; /* of one request for a token; 0: 10 s, 15 s */
    /* or NULL: after each request, with what was asked and what came (status 0: no answer). */
    void (*asked)(void *arg, const char *url, unsigned status);
    void *arg;
} credentials_way;

typedef struct {
    ov_wall wall;
    ov_mono mono;
} credentials_moment;

/* Why there is no credential where there should be one. */
typedef struct {
    lookup_failure failure; /* FAILURE_NONE: there is no failure */
    int64_t next_try_s;     /* Unix seconds; 0: the usual interval */
    char text[256];         /* names the setting when that is what is wrong */
} credential_failure;

typedef struct github_app github_app;
/* o is copied. OV_INVALID names the setting: one of the three is missing, an id is no number, the key is none. */
OV_MUST_CHECK ov_status github_app_new(const github_app_options *o, github_app **ret, ov_err *err);
void github_app_free(github_app *a); /* NULL is fine */
/* The same for all tokens of the installation. */
const char *github_app_id(const github_app *a);

/* A token that lasts for a minute at least. One worker at a time asks for a new one (five minutes before the old one
 * ends), the others go on with the old one or wait. A failure is answered for a while without asking again. false: *why
 * says why; else *ret holds the token and is to be let go. */
bool github_app_token(github_app *a, const credentials_way *w, credentials_moment now, credential_entry **ret,
                      credential_failure *why);
/* GitHub refused this token (it was revoked): the next one who asks gets a new one, but not more than one a minute. */
void github_app_refused(github_app *a, const credential_entry *token, ov_mono now);

#endif
