/* Which subjects and names are taken, and what a filter matches. */
#include "bus/internal.h"
#include "support/check.h"

static void test_validity(void)
{
    static const struct {
        const char *subject;
        bool plain, wild;
    } cases[] = {
        {"a", true, true},          {"a.b-c.=2E", true, true}, {"$KV.b.k", true, true},  {"", false, false},
        {".a", false, false},       {"a.", false, false},      {"a..b", false, false},   {"a b", false, false},
        {"a\r\nPUB", false, false}, {"a.*", false, true},      {"a.>", false, true},     {">", false, true},
        {"a.>.b", false, false},    {"a.b*", false, false},    {"a.\x7f", false, false},
    };
    for (size_t i = 0; i < OV_COUNT(cases); i++) {
        check_case(cases[i].subject);
        CHECK_INT(ov_bus_subject_is_valid(cases[i].subject, false), cases[i].plain);
        CHECK_INT(ov_bus_subject_is_valid(cases[i].subject, true), cases[i].wild);
    }
}

static void test_names(void)
{
    static const struct {
        const char *name;
        bool valid;
    } cases[] = {{"OPVIC_JOBS", true}, {"a.b", false}, {"", false}, {"a b", false}, {"a/b", false}, {"*", false}};
    for (size_t i = 0; i < OV_COUNT(cases); i++) {
        check_case(cases[i].name);
        CHECK_INT(ov_bus_name_is_valid(cases[i].name), cases[i].valid);
    }
}

static void test_matching(void)
{
    static const struct {
        const char *filter, *subject;
        bool matches;
    } cases[] = {
        {"a.b", "a.b", true}, {"a.b", "a.c", false},    {"a.b", "a", false},      {"a", "a.b", false},
        {"a.*", "a.b", true}, {"a.*", "a.b.c", false},  {"a.>", "a.b.c", true},   {"a.>", "a", false},
        {">", "x.y", true},   {"*.b.>", "a.b.c", true}, {"a.*.c", "a.b.c", true}, {"a.*", "a", false},
    };
    for (size_t i = 0; i < OV_COUNT(cases); i++) {
        check_case(cases[i].filter);
        CHECK_INT(ov_bus_subject_matches(ov_str_of(cases[i].filter), ov_str_of(cases[i].subject)), cases[i].matches);
    }
}

int main(void)
{
    test_validity();
    test_names();
    test_matching();
    return check_end();
}
