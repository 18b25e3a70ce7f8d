/* What is stored after a look: lists that changed, what stands from before, validators, failures in a row. */
#include "services/fetcher/outcome.h"

#include <stdlib.h>

#include "support/check.h"
#include "base/poison.h"

#define DIGEST "0123456789abcdef0123456789abcdef"

static lookup_list known[] = {{OV_STR("a"), OV_STR(DIGEST), 3}, {OV_STR("b"), {0}, 0}};
static const lookup before = {.etag = OV_STR("\"e1\""),
                              .last_modified = OV_STR("then"),
                              .lists = known,
                              .list_count = 2,
                              .failures = 2,
                              .complete_at_s = 50};

static const struct {
    const char *name, *lists, *etag, *modified;
    bool previous, complete_once, conditional;
} conditions[] = {
    {"all known", "a b", "\"e1\"", "then", true, true, true},
    {"one known", "b", "\"e1\"", "then", true, true, true},
    {"a new list", "a c", "\"e1\"", "then", true, true, false},
    {"other validator", "a", "\"e2\"", "then", true, true, false},
    {"other date", "a", "\"e1\"", "now", true, true, false},
    {"nothing stored", "a", "\"e1\"", "then", false, true, false},
    {"never complete", "a", "\"e1\"", "then", true, false, false},
};

static void test_conditional(void)
{
    for (size_t i = 0; i < OV_COUNT(conditions); i++) {
        check_case(conditions[i].name);
        ov_str wanted[4], rest = ov_str_of(conditions[i].lists);
        job j = {
            .lists = wanted, .etag = ov_str_of(conditions[i].etag), .last_modified = ov_str_of(conditions[i].modified)};
        while (ov_str_split(&rest, ' ', &wanted[j.list_count])) j.list_count++;
        lookup previous = before;
        if (!conditions[i].complete_once) previous.complete_at_s = 0;
        CHECK(outcome_may_be_conditional(&j, conditions[i].previous ? &previous : NULL) == conditions[i].conditional);
    }
    check_case(NULL);
}

static void test_list(void)
{
    list_version versions[] = {{.version = OV_STR("1.0.0")}, {.version = OV_STR("1.1.0")}};
    version_list from = {.name = OV_STR("a"), .present = true, .versions = versions, .count = 2};
    job j = {.source = OV_STR("helm/index/https://h")};
    outcome_list one;
    ov_err err = {0};
    CHECK_OK(outcome_list_make(&j, &from, false, &before, &one, &err), &err);
    CHECK(one.changed);
    CHECK_INT(strlen(one.digest), REPORT_DIGEST_HEX - 1);
    list decoded = {0};
    CHECK_OK(list_decode(ov_buf_str(&one.body), &decoded, &err), &err);
    CHECK_STR(decoded.list, OV_STR("a"));
    CHECK_INT(decoded.count, 2);
    list_clear(&decoded);
    ov_buf_clear(&one.body);

    lookup_list same[] = {{from.name, ov_str_of(one.digest), 2}};
    lookup previous = {.lists = same, .list_count = 1};
    outcome_list again;
    CHECK_OK(outcome_list_make(&j, &from, false, &previous, &again, &err), &err);
    CHECK(!again.changed);
    CHECK_C(again.digest, one.digest);
    ov_buf_clear(&again.body);

    from.present = false;
    CHECK_OK(outcome_list_make(&j, &from, false, &previous, &again, &err), &err);
    CHECK(!again.changed);
    CHECK_C(again.digest, "");
    ov_buf_clear(&again.body);
}

static const struct {
    const char *name;
    lookup_outcome outcome;
    lookup_failure failure;
    bool previous;
    int64_t failures, complete_at_s;
    const char *etag;
    size_t lists;
} outcomes[] = {
    {"complete", LOOKUP_COMPLETE, FAILURE_NONE, true, 0, 100, "\"e2\"", 1},
    {"first complete", LOOKUP_COMPLETE, FAILURE_NONE, false, 0, 100, "\"e2\"", 1},
    {"not modified", LOOKUP_NOT_MODIFIED, FAILURE_NONE, true, 0, 100, "\"e1\"", 2},
    {"failed", LOOKUP_FAILED, FAILURE_TIMEOUT, true, 3, 50, "\"e1\"", 2},
    {"failed at first", LOOKUP_FAILED, FAILURE_TIMEOUT, false, 6, 0, "", 0},
    {"deferred", LOOKUP_DEFERRED, FAILURE_RATE_LIMITED, true, 2, 50, "\"e1\"", 2},
};

static void test_outcomes(void)
{
    job j = {.source = OV_STR("s"),
             .provider = OV_STR("helm"),
             .strategy = OV_STR("index"),
             .repo = OV_STR("r"),
             .epoch = 7,
             .after = 9,
             .failures = 5};
    lookup_list lists[] = {{OV_STR("a"), OV_STR(DIGEST), 4}};
    for (size_t i = 0; i < OV_COUNT(outcomes); i++) {
        check_case(outcomes[i].name);
        look_result r = {
            .outcome = outcomes[i].outcome, .failure = outcomes[i].failure, .etag = OV_BUF(64), .budget_remaining = -1};
        r.lists.count = 1;
        ov_buf_append_c(&r.etag, "\"e2\"");
        lookup made, decoded = {0};
        outcome_make(&j, &r, outcomes[i].previous ? &before : NULL, lists, 100, &made);
        ov_buf body = OV_BUF(4096);
        lookup_encode(&made, &body);
        ov_err err = {0};
        CHECK_OK(lookup_decode(ov_buf_str(&body), &decoded, &err), &err);
        CHECK_INT(decoded.failures, outcomes[i].failures);
        CHECK_INT(decoded.complete_at_s, outcomes[i].complete_at_s);
        CHECK_STR(decoded.etag, ov_str_of(outcomes[i].etag));
        CHECK_INT(decoded.list_count, outcomes[i].lists);
        CHECK_INT(decoded.after, 9);
        CHECK_INT(decoded.epoch, 7);
        CHECK_INT(decoded.looked_at_s, 100);
        lookup_clear(&decoded);
        ov_buf_clear(&body);
        ov_buf_clear(&r.etag);
        free(made.lists);
    }
    check_case(NULL);
}

int main(void)
{
    test_conditional();
    test_list();
    test_outcomes();
    return check_end();
}
