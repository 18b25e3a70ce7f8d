/* WWW-Authenticate from foreign servers: what is taken from it is printable, terminated, and a place to ask. */
#include <stdlib.h>
#include <string.h>

#include "services/fetcher/challenge.h"

#include "base/poison.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok)
{
    if (!ok) abort();
}

static void check_text(const char *text, size_t size)
{
    size_t len = strnlen(text, size);
    require(len < size);
    for (size_t i = 0; i < len; i++) require(text[i] >= ' ' && text[i] <= '~');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    challenge c;
    bool any = challenge_parse((ov_str){(const char *)data, size}, &c);
    require(any == (c.basic || c.bearer));
    check_text(c.realm, sizeof c.realm);
    check_text(c.service, sizeof c.service);
    check_text(c.scope, sizeof c.scope);
    if (c.bearer) require(c.realm[0] != '\0');
    if (!c.bearer) require(!c.realm[0] && !c.service[0] && !c.scope[0]);
    return 0;
}
