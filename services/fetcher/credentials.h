/* What to send to whom: an operator's tokens, logins and App, each for its own scheme, host and port alone. */
#ifndef OPVIC_FETCHER_CREDENTIALS_H
#define OPVIC_FETCHER_CREDENTIALS_H

#include "services/fetcher/credentials_app.h"
#include "services/fetcher/provider.h"

/* As the settings give them; NULL where one is not set. */
typedef struct {
    const char *github_url, *gitlab_url, *gitea_url; /* a token is for the origin of its URL */
    const ov_secret *github_token, *gitlab_token, *gitea_token;
    const char *app_id, *app_installation_id; /* a GitHub App wins over the token */
    const ov_secret *app_private_key;
    const char *docker_config, *netrc; /* names of files; read again when they change */
} credentials_options;

/* Shared by all workers. */
typedef struct credentials credentials;
/* o is copied. OV_INVALID names the setting, file and entry and what was expected, and shows no secret. */
OV_MUST_CHECK ov_status credentials_open(const credentials_options *o, credentials **ret, ov_err *err);
void credentials_free(credentials *c); /* after its users; NULL is fine */

/* Which credential serves the URL: a short hash that stays the same when a token is renewed, in every fetcher and after
 * a restart; "" is anonymous. For budgets and for what is stored per credential. Any thread. */
const char *credentials_id(credentials *c, const char *url, char out[CREDENTIAL_ID]);

/* One worker's hold on them: what it was given lives until its next look begins. One thread. */
typedef struct credentials_user credentials_user;
credentials_user *credentials_user_new(credentials *c, const credentials_way *w); /* w's pointers must outlive it */
void credentials_user_free(credentials_user *u);                                  /* NULL is fine */
/* A new look begins: what was given before is gone. */
void credentials_user_begin(credentials_user *u);

/* What to send to the URL's scheme, host and port. A path below an API's URL (.../api/v4/ of GitLab, .../api/v1/ of
 * Gitea) gets the API's token; otherwise the docker configuration comes first, then netrc, then the token of an API of
 * the same origin. false: nothing, or credentials_user_failure says why what there should be could not be had. May ask
 * GitHub. */
bool credentials_give(void *user, const char *url, provider_credential *ret);
/* Of the last credentials_give; NULL when it did not fail. */
const credential_failure *credentials_user_failure(void *user);
/* As credentials_id. */
const char *credentials_user_id(void *user, const char *url, char out[CREDENTIAL_ID]);
/* For an OAuth2 token server of a registry (grant_type=refresh_token); NULL when the URL's origin has none. Lives as
 * what credentials_give gives, which gives nothing for such an entry. */
const ov_secret *credentials_identity_token(void *user, const char *url);
/* The upstream answered 401: an App's token that was given is not used again. */
void credentials_user_refused(credentials_user *u);

#endif
