/* Reads "Bearer <token>" and compares it in constant time. */
#include "httpd/auth.h"

#include "crypto/hash.h"

#include "base/poison.h"

const char *ov_http_auth_error(ov_str header, const ov_secret *token)
{
    const ov_str scheme = OV_STR("Bearer ");
    if (header.len == 0) return "missing authorization header";
    if (!ov_str_starts(header, scheme)) return "invalid authorization header";
    ov_str given = ov_str_sub(header, scheme.len, header.len), wanted = ov_secret_text(token);
    bool same = ov_secret_equal(given, wanted);
    return same && wanted.len > 0 ? NULL : "invalid authorization token";
}
