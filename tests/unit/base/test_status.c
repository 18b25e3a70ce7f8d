/* Messages are formatted, cut, prefixed, and may be made from themselves. */
#include "base/status.h"

#include <string.h>

#include "support/check.h"
#include "base/poison.h"

static void test_fail(void)
{
    ov_err err = {0};
    CHECK_STATUS(ov_fail(&err, OV_INVALID, "report: count: %d: negative", -3), OV_INVALID, &err);
    CHECK_C(err.msg, "report: count: -3: negative");
    CHECK_STATUS(ov_fail(NULL, OV_RETRY, "nobody listens"), OV_RETRY, NULL);
}

static void test_long_message_is_cut(void)
{
    char text[400];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    ov_err err = {0};
    CHECK_STATUS(ov_fail(&err, OV_FAILED, "%s", text), OV_FAILED, &err);
    CHECK_INT(strlen(err.msg), sizeof err.msg - 1);
}

static void test_prefix(void)
{
    ov_err err = {0};
    CHECK_STATUS(ov_fail(&err, OV_INVALID, "count: missing"), OV_INVALID, &err);
    CHECK_STATUS(ov_fail_in(&err, OV_INVALID, "version"), OV_INVALID, &err);
    CHECK_STATUS(ov_fail(&err, OV_INVALID, "report: %s", err.msg), OV_INVALID, &err);
    CHECK_C(err.msg, "report: version: count: missing");
    CHECK_STATUS(ov_fail_in(NULL, OV_RETRY, "report"), OV_RETRY, NULL);
}

static void test_names(void)
{
    CHECK_C(ov_status_name(OV_OK), "ok");
    CHECK_C(ov_status_name(OV_INVALID), "invalid");
    CHECK_C(ov_status_name(OV_NOT_FOUND), "not found");
    CHECK_C(ov_status_name(OV_RETRY), "retry");
    CHECK_C(ov_status_name(OV_FAILED), "failed");
}

int main(void)
{
    test_fail();
    test_long_message_is_cut();
    test_prefix();
    test_names();
    return check_end();
}
