/* Link headers from foreign servers: the next page is a text that ends within its place, or there is none. */
#include <stdlib.h>
#include <string.h>

#include "fetch/fetch.h"

#include "base/poison.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ROOM = 256 };

static void require(bool ok)
{
    if (!ok) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ov_str link = {(const char *)data, size}, base = OV_STR("https://h.example/a/b?c#d");
    char roomy[4096], tight[ROOM];
    memset(roomy, 'x', sizeof roomy);
    memset(tight, 'x', sizeof tight);
    bool found = ov_fetch_link_next(link, base, roomy, sizeof roomy);
    if (found) {
        require(strnlen(roomy, sizeof roomy) < sizeof roomy && roomy[0]);
        for (const char *c = roomy; *c; c++) require((unsigned char)*c > ' ' && *c != 0x7f);
        require(strstr(roomy, ":") != NULL);
    }
    bool fits = ov_fetch_link_next(link, base, tight, sizeof tight);
    require(!fits || strcmp(tight, roomy) == 0);
    require(fits == (found && strlen(roomy) < sizeof tight));
    return 0;
}
