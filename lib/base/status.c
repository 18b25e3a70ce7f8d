/* Writes the message that travels with a status. */
#include "base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/poison.h"

ov_status ov_fail(ov_err *err, ov_status status, const char *fmt, ...)
{
    if (!err) return status;
    ov_err made; /* the arguments may point into *err */
    va_list args;
    va_start(args, fmt);
    if (vsnprintf(made.msg, sizeof made.msg, fmt, args) < 0) made.msg[0] = '\0';
    va_end(args);
    memcpy(err->msg, made.msg, strlen(made.msg) + 1);
    return status;
}

ov_status ov_fail_in(ov_err *err, ov_status status, const char *prefix)
{
    return ov_fail(err, status, "%s: %s", prefix, err ? err->msg : "");
}

const char *ov_status_name(ov_status status)
{
    static const char *const names[] = {
        [OV_OK] = "ok",       [OV_INVALID] = "invalid", [OV_NOT_FOUND] = "not found",
        [OV_RETRY] = "retry", [OV_FAILED] = "failed",
    };
    return (size_t)status < OV_COUNT(names) ? names[status] : "unknown";
}
