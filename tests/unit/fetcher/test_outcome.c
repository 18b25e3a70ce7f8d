/* What is stored after a look: lists that changed, what stands from before, validators, failures in a row. */
#include "services/fetcher/outcome.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "support/check.h"
#include "base/poison.h"

#define DIGEST "0123456789abcdef0123456789abcdef"

static lookup_list known[] = {{OV_STR("a"), OV_STR(DIGEST), 3, false}, {OV_STR("b"), {0}, 0, false}};
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

static void test_credential(void)
{
    ov_str wanted = OV_STR("a");
    job j = {.lists = &wanted, .list_count = 1, .etag = before.etag, .last_modified = before.last_modified};
    CHECK(outcome_may_be_conditional(&j, &before));
    j.credential = OV_STR("0123456789ab");
    CHECK(!outcome_may_be_conditional(&j, &before));
}

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
    CHECK_OK(outcome_list_make(&j, &from, NULL, &before, &one, &err), &err);
    CHECK(one.changed);
    CHECK_INT(strlen(one.digest), REPORT_DIGEST_HEX - 1);
    list decoded = {0};
    CHECK_OK(list_decode(ov_buf_str(&one.body), &decoded, &err), &err);
    CHECK_STR(decoded.list, OV_STR("a"));
    CHECK_INT(decoded.count, 2);
    list_clear(&decoded);
    ov_buf_clear(&one.body);

    lookup_list same[] = {{from.name, ov_str_of(one.digest), 2, false}};
    lookup previous = {.lists = same, .list_count = 1};
    outcome_list again;
    CHECK_OK(outcome_list_make(&j, &from, NULL, &previous, &again, &err), &err);
    CHECK(!again.changed);
    CHECK_C(again.digest, one.digest);
    ov_buf_clear(&again.body);

    from.present = false;
    CHECK_OK(outcome_list_make(&j, &from, NULL, &previous, &again, &err), &err);
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
    lookup_list lists[] = {{OV_STR("a"), OV_STR(DIGEST), 4, false}};
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

/* ---- lists that a limit cut */

static void test_extended(void)
{
    static const struct {
        const char *name, *found, *stood, *all;
        bool truncated;
    } rows[] = {
        {"complete replaces", "3 4", "1 2", "3 4", false},
        {"cut at first", "3 4", NULL, "3 4", true},
        {"what is new comes first", "3 2", "2 1", "3 2 1", true},
        {"nothing is lost", "", "2 1", "2 1", true},
        {"order is upstream's, then as it stood", "1 5", "2 1 3", "1 5 2 3", true},
        {"twice counts once", "3 3 2", "2 2", "3 2", true},
    };
    for (size_t i = 0; i < OV_COUNT(rows); i++) {
        check_case(rows[i].name);
        list_version found[8] = {0}, stands[8] = {0};
        list stood = {.versions = stands};
        version_list from = {.present = true, .truncated = rows[i].truncated, .versions = found};
        ov_str rest = ov_str_of(rows[i].found);
        while (ov_str_split(&rest, ' ', &found[from.count].version))
            if (found[from.count].version.len) from.count++;
        rest = ov_str_of(rows[i].stood ? rows[i].stood : "");
        while (ov_str_split(&rest, ' ', &stands[stood.count].version))
            if (stands[stood.count].version.len) stood.count++;
        job j = {.source = OV_STR("s")};
        outcome_list one;
        ov_err err = {0};
        CHECK_OK(outcome_list_make(&j, &from, rows[i].stood ? &stood : NULL, NULL, &one, &err), &err);
        OV_CLEANUP(list_clear) list made = {0};
        CHECK_OK(list_decode(ov_buf_str(&one.body), &made, &err), &err);
        OV_CLEANUP(ov_buf_clear) ov_buf text = OV_BUF(256);
        for (size_t k = 0; k < made.count; k++) {
            if (k) ov_buf_append_char(&text, ' ');
            ov_buf_append_str(&text, made.versions[k].version);
        }
        CHECK_STR(ov_buf_str(&text), ov_str_of(rows[i].all));
        CHECK_INT(one.count, made.count);
        CHECK(made.truncated == rows[i].truncated);
        ov_buf_clear(&one.body);
    }
    check_case(NULL);
}

/* At the limit of versions all that stood stays. */
static void test_extended_full(void)
{
    enum { NAME = 8 };
    OV_CLEANUP(ov_free_p) char *names = ov_calloc(LIST_VERSIONS_MAX, NAME);
    OV_CLEANUP(ov_free_p) list_version *stands = ov_calloc(LIST_VERSIONS_MAX, sizeof *stands);
    list stood = {.versions = stands, .count = LIST_VERSIONS_MAX - 1};
    for (size_t i = 0; i < LIST_VERSIONS_MAX; i++) {
        snprintf(names + i * NAME, NAME, "%zu", i);
        stands[i].version = ov_str_of(names + i * NAME);
    }
    list_version found[] = {{.version = OV_STR("new")}, {.version = OV_STR("newer")}, {.version = OV_STR("7")}};
    version_list from = {.present = true, .truncated = true, .versions = found, .count = OV_COUNT(found)};
    job j = {.source = OV_STR("s")};
    outcome_list one;
    ov_err err = {0};
    CHECK_OK(outcome_list_make(&j, &from, &stood, NULL, &one, &err), &err);
    CHECK_INT(one.count, LIST_VERSIONS_MAX);
    OV_CLEANUP(list_clear) list made = {0};
    CHECK_OK(list_decode(ov_buf_str(&one.body), &made, &err), &err);
    CHECK_STR(made.versions[0].version, OV_STR("new"));
    CHECK_STR(made.versions[1].version, OV_STR("7"));
    CHECK_STR(made.versions[made.count - 1].version, stands[LIST_VERSIONS_MAX - 2].version);
    ov_buf_clear(&one.body);
}

/* ---- lists that came empty */

/* One look after another at lists a and b; what is stored of one is what the next finds. */
static void test_emptied(void)
{
    static const struct {
        const char *name;
        size_t a, b; /* versions that the look finds */
        lookup_outcome looks, stored;
        lookup_failure failure;
        const char *emptied; /* what the stored outcome marks */
        int64_t wait_s;
    } rows[] = {
        {"both are there", 3, 2, LOOKUP_COMPLETE, LOOKUP_COMPLETE, FAILURE_NONE, "", 0},
        {"one is empty", 0, 2, LOOKUP_COMPLETE, LOOKUP_FAILED, FAILURE_EMPTIED, "a", 60},
        {"a failure says nothing", 0, 0, LOOKUP_FAILED, LOOKUP_FAILED, FAILURE_TIMEOUT, "a", 10},
        {"the other one is", 3, 0, LOOKUP_COMPLETE, LOOKUP_FAILED, FAILURE_EMPTIED, "b", 240},
        {"both are", 0, 0, LOOKUP_COMPLETE, LOOKUP_FAILED, FAILURE_EMPTIED, "ab", 480},
        {"upstream says that nothing changed", 0, 0, LOOKUP_NOT_MODIFIED, LOOKUP_NOT_MODIFIED, FAILURE_NONE, "", 0},
        {"again", 3, 0, LOOKUP_COMPLETE, LOOKUP_FAILED, FAILURE_EMPTIED, "b", 60},
        {"and again", 3, 0, LOOKUP_COMPLETE, LOOKUP_COMPLETE, FAILURE_NONE, "", 0},
        {"it stays so", 3, 0, LOOKUP_COMPLETE, LOOKUP_COMPLETE, FAILURE_NONE, "", 0},
    };
    ov_str names[] = {OV_STR("a"), OV_STR("b")};
    job j = {.source = OV_STR("s"), .lists = names, .list_count = 2};
    lookup stands = {0};
    ov_buf body = OV_BUF(4096), next = OV_BUF(4096);
    for (size_t i = 0; i < OV_COUNT(rows); i++) {
        check_case(rows[i].name);
        bool timeout = rows[i].looks == LOOKUP_FAILED;
        OV_CLEANUP(look_result_clear)
        look_result r = {
            .outcome = rows[i].looks, .failure = timeout ? FAILURE_TIMEOUT : FAILURE_NONE, .etag = OV_BUF(64)};
        version_lists_init(&r.lists, &j);
        size_t counts[] = {rows[i].a, rows[i].b};
        lookup_list found[2] = {0};
        for (size_t k = 0; k < 2; k++) {
            for (size_t n = 0; n < counts[k]; n++)
                version_lists_add(&r.lists, &r.lists.lists[k], &(list_version){.version = OV_STR("1")});
            found[k] = (lookup_list){names[k], OV_STR(DIGEST), (int64_t)counts[k], false};
        }
        outcome_doubt(i ? &stands : NULL, &r);
        CHECK_INT(r.outcome, rows[i].stored);
        CHECK_C(lookup_failure_name(r.failure), lookup_failure_name(rows[i].failure));
        CHECK((strstr(r.message, "no versions where there were") != NULL) == (r.failure == FAILURE_EMPTIED));
        lookup made;
        outcome_make(&j, &r, i ? &stands : NULL, found, 100, &made);
        ov_buf_reset(&next);
        lookup_encode(&made, &next);
        free(made.lists);
        lookup_clear(&stands);
        ov_buf_reset(&body);
        ov_buf_append_str(&body, ov_buf_str(&next));
        ov_err err = {0};
        CHECK_OK(lookup_decode(ov_buf_str(&body), &stands, &err), &err);
        CHECK_INT(stands.lists[0].emptied, strchr(rows[i].emptied, 'a') != NULL);
        CHECK_INT(stands.lists[1].emptied, strchr(rows[i].emptied, 'b') != NULL);
        CHECK_INT(stands.next_try_s, rows[i].wait_s ? 100 + rows[i].wait_s : 0);
    }
    lookup_clear(&stands);
    ov_buf_clear(&body);
    ov_buf_clear(&next);
    check_case(NULL);
}

int main(void)
{
    test_credential();
    test_extended();
    test_extended_full();
    test_emptied();
    test_conditional();
    test_list();
    test_outcomes();
    return check_end();
}
