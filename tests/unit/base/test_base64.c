/* Base64 of RFC 4648's examples and of what is none. */
#include "base/base64.h"
#include "support/check.h"

int main(void)
{
    static const struct {
        const char *text, *bytes; /* bytes NULL: refused */
    } cases[] = {
        {"", ""},
        {"Zg==", "f"},
        {"Zm8=", "fo"},
        {"Zm9v", "foo"},
        {"Zm9vYg==", "foob"},
        {"Zm9vYmE=", "fooba"},
        {"Zm9vYmFy", "foobar"},
        {"+/+/", "\xfb\xff\xbf"},
        {"Zg=", NULL},
        {"Z", NULL},
        {"Zg==Zg==", NULL},
        {"Z===", NULL},
        {"====", NULL},
        {"Zm9*", NULL},
        {"-_-_", NULL},
    };
    for (size_t i = 0; i < OV_COUNT(cases); i++) {
        OV_CLEANUP(ov_buf_clear) ov_buf out = OV_BUF(64);
        check_case(cases[i].text);
        bool ok = ov_base64_decode(ov_str_of(cases[i].text), &out);
        CHECK_INT(ok, cases[i].bytes != NULL);
        if (ok && cases[i].bytes) CHECK_STR(ov_buf_str(&out), ov_str_of(cases[i].bytes));
        if (ok) {
            OV_CLEANUP(ov_buf_clear) ov_buf again = OV_BUF(64);
            ov_base64_encode(ov_buf_str(&out), &again);
            CHECK_STR(ov_buf_str(&again), ov_str_of(cases[i].text));
        }
    }
    OV_CLEANUP(ov_buf_clear) ov_buf small = OV_BUF(2);
    CHECK(!ov_base64_decode(OV_STR("Zm9v"), &small));
    return check_end();
}
