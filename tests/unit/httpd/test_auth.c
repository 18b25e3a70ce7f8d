/* Bearer tokens: the texts that existing clients know, and no way around an empty token. */
#include "httpd/auth.h"

#include "base/status.h"
#include "support/check.h"

#include "base/poison.h"

static const char missing[] = "missing authorization header";
static const char invalid[] = "invalid authorization header";
static const char wrong[] = "invalid authorization token";

int main(void)
{
    static const struct {
        const char *header, *error;
    } rows[] = {
        {"Bearer golden-token", NULL},
        {"", missing},
        {"Bearer", invalid},
        {"bearer golden-token", invalid},
        {"BEARER golden-token", invalid},
        {"Basic Zm9v", invalid},
        {"golden-token", invalid},
        {"Bearer\tgolden-token", invalid},
        {"Bearer nope", wrong},
        {"Bearer  golden-token", wrong},
        {"Bearer golden-token x", wrong},
        {"Bearer golden-toke", wrong},
        {"Bearer golden-tokenx", wrong},
        {"Bearer Golden-token", wrong},
        {"Bearer Bearer golden-token", wrong},
    };
    OV_CLEANUP(ov_secret_free_p) ov_secret *token = ov_secret_new(OV_STR("golden-token"));
    for (size_t i = 0; i < OV_COUNT(rows); i++) {
        check_case(rows[i].header);
        CHECK_C(ov_http_auth_error(ov_str_of(rows[i].header), token), rows[i].error);
    }
    check_case("an empty token opens nothing");
    OV_CLEANUP(ov_secret_free_p) ov_secret *empty = ov_secret_new(OV_STR(""));
    CHECK_C(ov_http_auth_error(OV_STR("Bearer "), empty), wrong);
    return check_end();
}
