/* docker configurations: every text gives credentials that can be sent to one origin, or a word why not. */
#include <stdint.h>
#include <stdlib.h>

#include "services/fetcher/credentials_docker.h"

#include "base/poison.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok)
{
    if (!ok) abort();
}

static void require_entry(const credential_entry *e)
{
    ov_str sent = ov_secret_text(e->authorization);
    require(e->origin.host[0] && e->origin.port[0] && !e->origin.any_port);
    require(!e->authorization != !e->identity_token);
    require(!e->authorization || (ov_str_starts(sent, OV_STR("Basic ")) && sent.len > 6));
    require(!e->identity_token || credential_is_token(ov_secret_text(e->identity_token)));
    require(!e->bearer && !e->value);
    require(strlen(e->id) == CREDENTIAL_ID - 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    OV_CLEANUP(credential_list_clear) credential_list list = {0};
    ov_err err = {0};
    ov_status status = docker_config_parse((ov_str){(const char *)data, size}, &list, &err);
    require(status == OV_OK || (status == OV_INVALID && err.msg[0] != '\0'));
    for (size_t i = 0; i < list.count; i++) require_entry(list.items[i]);
    return 0;
}
