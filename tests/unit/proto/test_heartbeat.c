/* Heartbeats: the digest of a set, and what an aggregator asks for. */
#include <stdlib.h>

#include "proto/heartbeat.h"
#include "support/check.h"

#include "base/poison.h"

#define A "0123456789abcdef0123456789abcdef"
#define B "fedcba9876543210fedcba9876543210"

static void digests_do_not_depend_on_order(void)
{
    inventory_digest one = {0}, two = {0}, none = {0};
    char left[REPORT_DIGEST_HEX], right[REPORT_DIGEST_HEX];
    check_case("order");
    inventory_digest_toggle(&one, OV_STR("t"), OV_STR(A));
    inventory_digest_toggle(&one, OV_STR("u"), OV_STR(B));
    inventory_digest_toggle(&two, OV_STR("u"), OV_STR(B));
    inventory_digest_toggle(&two, OV_STR("t"), OV_STR(A));
    inventory_digest_hex(&one, left);
    inventory_digest_hex(&two, right);
    CHECK_C(left, right);
    check_case("taken out again");
    inventory_digest_toggle(&one, OV_STR("t"), OV_STR(A));
    inventory_digest_toggle(&one, OV_STR("u"), OV_STR(B));
    CHECK(memcmp(&one, &none, sizeof one) == 0);
    check_case("ids and digests do not run together");
    inventory_digest_toggle(&one, OV_STR("t0"), OV_STR("1"));
    inventory_digest_toggle(&none, OV_STR("t"), OV_STR("01"));
    CHECK(memcmp(&one, &none, sizeof one) != 0);
}

static void asks(void)
{
    ov_str wanted[] = {OV_STR("t"), OV_STR("a\"b")};
    ask_report a = {.report_period_ms = 6 * 3600 * 1000, .wanted = wanted, .wanted_count = 2};
    OV_CLEANUP(ov_buf_clear) ov_buf body = OV_BUF(4096);
    ask_report_encode(&a, &body);
    check_case("ask");
    CHECK_STR(ov_buf_str(&body),
              OV_STR("{\"reportPeriod\":\"6h0m0s\",\"wanted\":[\"t\",\"a\\\"b\"],\"inventoryWanted\":false}"));
    ask_report back;
    ov_err err = {0};
    if (!CHECK_OK(ask_report_decode(ov_buf_str(&body), &back, &err), &err)) return;
    CHECK_INT(back.report_period_ms, a.report_period_ms);
    CHECK_STR(back.wanted[1], wanted[1]);
    ask_report_clear(&back);
}

static void instances(void)
{
    static const struct {
        const char *text;
        ov_status want;
    } rows[] = {{"a", OV_OK}, {"A-1", OV_OK}, {"", OV_INVALID}, {"a b", OV_INVALID}, {"a.b", OV_INVALID}};
    for (size_t i = 0; i < OV_COUNT(rows); i++) {
        ov_err err = {0};
        check_case(rows[i].text);
        CHECK_STATUS(instance_check(ov_str_of(rows[i].text), "instance", &err), rows[i].want, &err);
    }
}

int main(void)
{
    digests_do_not_depend_on_order();
    asks();
    instances();
    return check_end();
}
