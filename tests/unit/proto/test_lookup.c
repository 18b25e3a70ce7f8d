/* Outcomes with numbers that nobody could reckon with. */
#include "proto/lookup.h"

#include <stdio.h>

#include "support/check.h"
#include "base/poison.h"

static const struct {
    const char *member, *number;
    bool fits;
} rows[] = {
    {"nextTryAt", "253402300799", true},          {"nextTryAt", "253402300800", false},
    {"completeAt", "9223372036854775807", false}, {"failures", "1000000000", true},
    {"failures", "9223372036854775807", false},
};

int main(void)
{
    for (size_t i = 0; i < OV_COUNT(rows); i++) {
        OV_CLEANUP(lookup_clear) lookup l = {0};
        char body[512];
        ov_err err = {0};
        check_case(rows[i].member);
        snprintf(body, sizeof body,
                 "{\"schema\":1,\"source\":\"s\",\"provider\":\"github\",\"strategy\":\"tags\",\"repo\":\"a/b\","
                 "\"outcome\":\"complete\",\"lists\":[],\"epoch\":1,\"after\":0,\"lookedAt\":1000,\"%s\":%s}",
                 rows[i].member, rows[i].number);
        CHECK_INT(lookup_decode(ov_str_of(body), &l, &err), rows[i].fits ? OV_OK : OV_INVALID);
        if (!rows[i].fits) CHECK(strstr(err.msg, rows[i].member) != NULL);
    }
    return check_end();
}
