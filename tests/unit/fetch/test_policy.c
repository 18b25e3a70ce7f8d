/* Which addresses are refused by default, in every spelling, and what ranges allow. */
#include "fetch/fetch.h"

#include <arpa/inet.h>

#include "support/check.h"
#include "base/poison.h"

static const struct {
    const char *address;
    bool allowed;
} defaults[] = {
    {"8.8.8.8", true},
    {"140.82.121.6", true},
    {"0.0.0.0", false},
    {"0.1.2.3", false},
    {"10.1.2.3", false},
    {"100.63.255.255", true},
    {"100.64.0.1", false},
    {"100.127.255.255", false},
    {"127.0.0.1", false},
    {"127.255.255.254", false},
    {"169.254.169.254", false},
    {"172.15.255.255", true},
    {"172.16.0.1", false},
    {"172.31.255.255", false},
    {"172.32.0.1", true},
    {"192.168.1.1", false},
    {"198.18.0.1", false},
    {"224.0.0.1", false},
    {"255.255.255.255", false},
    {"::", false},
    {"::1", false},
    {"::127.0.0.1", false},
    {"::ffff:127.0.0.1", false},
    {"::ffff:8.8.8.8", true},
    {"::ffff:0:127.0.0.1", false},
    {"64:ff9b::10.0.0.1", false},
    {"64:ff9b::8.8.8.8", true},
    {"64:ff9b:1::8.8.8.8", false},
    {"2002:0a00:0001::1", false},
    {"2002:0808:0808::1", true},
    {"2001::1", false},
    {"2001:db8::1", false},
    {"2606:4700::1111", true},
    {"fc00::1", false},
    {"fdff::1", false},
    {"fe80::1", false},
    {"febf::1", false},
    {"ff02::1", false},
};

static bool allows(const ov_fetch_policy *p, const char *text)
{
    unsigned char address[16];
    if (inet_pton(AF_INET, text, address) == 1) return ov_fetch_policy_allows(p, address, 4);
    CHECK(inet_pton(AF_INET6, text, address) == 1);
    return ov_fetch_policy_allows(p, address, 16);
}

static void test_defaults(void)
{
    ov_fetch_policy none = {0}, all = {.allow_all = true};
    for (size_t i = 0; i < OV_COUNT(defaults); i++) {
        check_case(defaults[i].address);
        CHECK(allows(&none, defaults[i].address) == defaults[i].allowed);
        CHECK(allows(NULL, defaults[i].address) == defaults[i].allowed);
        CHECK(allows(&all, defaults[i].address));
    }
}

static const struct {
    const char *cidrs, *address;
    bool allowed;
} ranges[] = {
    {"127.0.0.0/8", "127.0.0.1", true},  {"127.0.0.0/8", "::ffff:127.0.0.1", true},
    {"127.0.0.0/8", "10.0.0.1", false},  {"10.0.0.0/9", "10.127.0.1", true},
    {"10.0.0.0/9", "10.128.0.1", false}, {"10.0.0.7", "10.0.0.7", true},
    {"10.0.0.7", "10.0.0.8", false},     {"10.0.0.0/8", "64:ff9b::10.0.0.1", true},
    {" ::1 , fd00::/8", "::1", true},    {"::1,fd00::/8", "fd12::1", true},
    {"::1,fd00::/8", "fc12::1", false},  {"0.0.0.0/0", "169.254.169.254", true},
    {"0.0.0.0/0", "::1", false},         {"::/0", "127.0.0.1", true},
};

static void test_ranges(void)
{
    for (size_t i = 0; i < OV_COUNT(ranges); i++) {
        check_case(ranges[i].cidrs);
        ov_err err = {0};
        ov_fetch_policy p;
        CHECK_OK(ov_fetch_policy_parse(ov_str_of(ranges[i].cidrs), &p, &err), &err);
        CHECK(allows(&p, ranges[i].address) == ranges[i].allowed);
    }
}

static void test_bad_ranges(void)
{
    static const char *const bad[] = {"10.0.0.0/33", "::/129", "x", "10.0.0/8", "10.0.0.0/", "/8", "10.0.0.0/8/8"};
    for (size_t i = 0; i < OV_COUNT(bad); i++) {
        check_case(bad[i]);
        ov_err err = {0};
        ov_fetch_policy p;
        CHECK_STATUS(ov_fetch_policy_parse(ov_str_of(bad[i]), &p, &err), OV_INVALID, &err);
        CHECK(strstr(err.msg, bad[i]) != NULL);
    }
}

int main(void)
{
    test_defaults();
    test_ranges();
    test_bad_ranges();
    return check_end();
}
