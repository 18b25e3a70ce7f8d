/* Who may ask: the bearer token of a request against the one that the server knows. */
#ifndef OV_HTTPD_AUTH_H
#define OV_HTTPD_AUTH_H

#include "base/str.h"
#include "crypto/secret.h"

/* NULL when the header's value (the first Authorization, without surrounding space) carries the token; else the error's
 * text, as existing clients know it. */
const char *ov_http_auth_error(ov_str header, const ov_secret *token);

#endif
