/* What stands of a version's end of life: dates, what is refused, and that encoding is the reverse of decoding. */
#include "proto/end_of_life.h"
#include "support/check.h"

#include "base/poison.h"

static const struct {
    const char *raw;
    const char *error; /* NULL: taken */
    int64_t date_s;
    bool reached;
} texts[] = {
    {"{\"product\":\"nginx\",\"cycle\":\"1.28\",\"date\":\"2026-05-01\",\"reached\":true}", NULL, 1777593600, true},
    {"{\"product\":\"nginx\",\"cycle\":\"1.29\",\"reached\":false}", NULL, 0, false},
    {"{\"product\":\"nginx\",\"cycle\":\"9\",\"date\":\"9999-12-31\",\"reached\":false}", NULL, 253402214400, false},
    {"{\"product\":\"nginx\",\"reason\":\"not looked up yet\"}", NULL, 0, false},
    {"{\"cycle\":\"1\"}", "endOfLife.product: missing", 0, false},
    {"{\"product\":\"p\",\"cycle\":\"1\",\"date\":\"2026-5-1\"}",
     "endOfLife.date: \"2026-5-1\": expected a date such as 2026-10-28", 0, false},
    {"{\"product\":\"p\",\"cycle\":\"1\",\"date\":\"2026-05-01T00:00:00Z\"}",
     "endOfLife.date: \"2026-05-01T00:00:00Z\": expected a date such as 2026-10-28", 0, false},
    {"{\"product\":\"p\",\"cycle\":\"1\",\"date\":\"1969-12-31\"}",
     "endOfLife.date: \"1969-12-31\": expected a date such as 2026-10-28", 0, false},
    {"{\"product\":\"p\",\"reached\":1}", "endOfLife.reached: ", 0, false},
    {"[]", "endOfLife", 0, false},
};

int main(void)
{
    for (size_t i = 0; i < OV_COUNT(texts); i++) {
        OV_CLEANUP(end_of_life_clear) end_of_life e = {0};
        OV_CLEANUP(ov_buf_clear) ov_buf again = OV_BUF(1024);
        ov_err err = {0};
        check_case(texts[i].raw);
        ov_status st = end_of_life_decode(ov_str_of(texts[i].raw), &e, &err);
        if (texts[i].error) {
            CHECK_STATUS(st, OV_INVALID, &err);
            CHECK(ov_str_starts(ov_str_of(err.msg), ov_str_of(texts[i].error)));
            continue;
        }
        if (!CHECK_OK(st, &err)) continue;
        CHECK_INT(e.date_s, texts[i].date_s);
        CHECK_INT(e.reached, texts[i].reached);
        end_of_life_encode(&e, &again);
        CHECK_STR(ov_buf_str(&again), ov_str_of(texts[i].raw));
    }
    return check_end();
}
