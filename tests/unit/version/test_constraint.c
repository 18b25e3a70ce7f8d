/* Constraints: operators, lists, the pessimistic operator and the rule for prereleases. */
#include "support/check.h"
#include "version/constraint.h"
#include "base/poison.h"

static const struct {
    const char *constraint, *version;
    bool allowed;
} rows[] = {
    {"1.2", "1.2.0", true},
    {"= 1.2", "1.2.1", false},
    {"!=1.2", "1.2.1", true},
    {">1.2,<2", "1.9", true},
    {"> 1.2 ,\t< 2", "2.0", false},
    {">=1.2.0", "1.2.0+build", true},
    {"~>1.2", "1.9.9", true},
    {"~>1.2", "2.0", false},
    {"~>1.2.3", "1.2.9", true},
    {"~>1.2.3", "1.3.0", false},
    {"~>3", "9.0", true},
    {"~>3.0", "4.0", false},
    {">1.0", "2.0.0-rc.1", false},
    {">1.0.0-a", "2.0.0-rc.1", false},
    {">2.0.0-a", "2.0.0-rc.1", true},
    {">2.0.0-a", "2.0.1", true},
    {"~>2.0.0-a", "2.0.1", false},
    {"=2.0.0-rc.1", "2.0.0-rc.1", true},
    {"!=2", "2.0.0-rc.1", true},
};

static const char *const refused[] = {
    "", " ", ",", ">", "^1.2", "~1.2", "==1", "=>1", ">1 <2", ">1||<2", "1.x", "*", ">1,", ">=1.2.3\v", "~ >1",
};

static void test_rows(void)
{
    for (size_t i = 0; i < OV_COUNT(rows); i++) {
        check_case(rows[i].constraint);
        ov_err err = {0};
        OV_CLEANUP(ov_constraint_free_p) ov_constraint *c = NULL;
        OV_CLEANUP(ov_version_free_p) ov_version *v = NULL;
        if (!CHECK_OK(ov_constraint_parse(ov_str_of(rows[i].constraint), &c, &err), &err)) continue;
        if (!CHECK_OK(ov_version_parse(ov_str_of(rows[i].version), &v, &err), &err)) continue;
        CHECK_INT(ov_constraint_check(c, v), rows[i].allowed);
    }
}

static void test_refused(void)
{
    for (size_t i = 0; i < OV_COUNT(refused); i++) {
        check_case(refused[i]);
        ov_err err = {0};
        ov_constraint *c = NULL;
        CHECK_STATUS(ov_constraint_parse(ov_str_of(refused[i]), &c, &err), OV_INVALID, &err);
        CHECK(strstr(err.msg, "constraint \"") == err.msg);
    }
}

static void test_bounds(void)
{
    check_case("longer than allowed");
    char text[OV_CONSTRAINT_TEXT_MAX + 1];
    memset(text, '1', sizeof text);
    ov_err err = {0};
    ov_constraint *c = NULL;
    CHECK_STATUS(ov_constraint_parse((ov_str){text, sizeof text}, &c, &err), OV_INVALID, &err);
}

int main(void)
{
    test_rows();
    test_refused();
    test_bounds();
    return check_end();
}
