/* The registries' credentials in a docker configuration file.
 * https://docs.docker.com/reference/cli/docker/login/#credential-stores */
#ifndef OPVIC_FETCHER_CREDENTIALS_DOCKER_H
#define OPVIC_FETCHER_CREDENTIALS_DOCKER_H

#include "services/fetcher/credentials_entry.h"

/* Adds the entries under auths, for exactly the scheme, host and port of their keys (https unless a key begins with
 * http://); those of Docker Hub, as docker writes them, for its registry and its token server. OV_INVALID names the
 * entry and what was expected, and shows no secret; what it added before stays in out. */
OV_MUST_CHECK ov_status docker_config_parse(ov_str text, credential_list *out, ov_err *err);

#endif
