/* The tree's strict door and its look-ups. */
#include "json/tree.h"
#include "support/check.h"

#include "base/poison.h"

static void test_members(void)
{
    OV_CLEANUP(ov_json_tree_p) cJSON *tree = NULL;
    ov_err err = {0};
    CHECK_OK(ov_json_tree(OV_STR("{\"Name\":\"a\",\"name\":\"b\",\"n\":1}"), &tree, &err), &err);
    CHECK_STR(ov_json_member_str(tree, "name"), OV_STR("b"));
    CHECK_STR(ov_json_member_str(tree, "n"), OV_STR(""));
    CHECK_STR(ov_json_member_str(tree, "none"), OV_STR(""));
    CHECK(ov_json_member(tree, "NAME") == NULL);
    CHECK(ov_json_member(ov_json_member(tree, "n"), "x") == NULL);
    CHECK(ov_json_member(NULL, "x") == NULL);
}

static void test_refusals(void)
{
    static const char *const rows[] = {"", "{} x", "\"\\u0000\"", "\"\xFF\"", "[1,]", "nan"};
    for (size_t i = 0; i < OV_COUNT(rows); i++) {
        cJSON *tree = NULL;
        ov_err err = {0};
        check_case(rows[i]);
        CHECK_STATUS(ov_json_tree(ov_str_of(rows[i]), &tree, &err), OV_INVALID, &err);
        CHECK(tree == NULL);
        CHECK(ov_str_starts(ov_str_of(err.msg), OV_STR("offset ")));
    }
    check_case(NULL);
}

int main(void)
{
    test_members();
    test_refusals();
    return check_end();
}
