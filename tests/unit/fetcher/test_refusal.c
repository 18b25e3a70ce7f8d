/* Which failure a status means, and when it is worth trying again. */
#include "services/fetcher/refusal.h"

#include <stdio.h>

#include "support/check.h"
#include "base/poison.h"

enum { NOW = 1000000 };

static const struct {
    const char *name;
    unsigned status;
    const char *remaining, *reset, *retry_after, *body;
    bool api;
    lookup_failure failure;
    int64_t wait_s; /* 0: upstream named no time */
} cases[] = {
    {"not found", 404, "", "", "", "", true, FAILURE_NOT_FOUND, 0},
    {"gone", 410, "", "", "", "", false, FAILURE_NOT_FOUND, 0},
    {"bad token", 401, "", "", "", "", true, FAILURE_UNAUTHORIZED, 0},
    {"forbidden", 403, "4000", "", "", "{}", true, FAILURE_UNAUTHORIZED, 0},
    {"server error", 500, "", "", "", "", true, FAILURE_UNREACHABLE, 0},
    {"overloaded until", 503, "", "", "30", "", true, FAILURE_UNREACHABLE, 30},
    {"redirect", 302, "", "", "", "", true, FAILURE_UNREACHABLE, 0},
    {"unmarked end", 200, "", "", "", "", true, FAILURE_MALFORMED, 0},
    {"spent until reset", 403, "0", "1000600", "", "", true, FAILURE_RATE_LIMITED, 600},
    {"spent, reset in the past", 403, "0", "999999", "", "", true, FAILURE_RATE_LIMITED, 0},
    {"spent, reset far away", 403, "0", "99999999999", "", "", true, FAILURE_RATE_LIMITED, 86400},
    {"spent, reset nonsense", 403, "0", "soon", "", "", true, FAILURE_RATE_LIMITED, 0},
    {"secondary", 403, "3000", "1000600", "90", "", true, FAILURE_RATE_LIMITED, 90},
    {"retry at once", 429, "", "", "0", "", true, FAILURE_RATE_LIMITED, 1},
    {"retry never", 429, "", "", "99999999", "", true, FAILURE_RATE_LIMITED, 86400},
    {"said in the body", 403, "4987", "", "", "{\"message\":\"API Rate Limit exceeded\"}", true, FAILURE_RATE_LIMITED,
     0},
    {"retry, no time", 429, "", "", "", "", false, FAILURE_RATE_LIMITED, 0},
    {"retry, nonsense", 429, "", "", "soon", "", false, FAILURE_RATE_LIMITED, 0},
    {"retry at a date", 429, "", "", "Mon, 12 Jan 1970 13:48:10 GMT", "", false, FAILURE_RATE_LIMITED, 90},
    {"retry at a past date", 429, "", "", "Thu, 01 Jan 1970 00:00:00 GMT", "", false, FAILURE_RATE_LIMITED, 1},
    {"overloaded, nonsense", 503, "", "", "-5", "", true, FAILURE_UNREACHABLE, 0},
    {"forbidden where nothing is counted", 403, "0", "", "9", "rate limit", false, FAILURE_UNAUTHORIZED, 0},
};

static void test_transport(void)
{
    static const struct {
        ov_fetch_failure from;
        lookup_failure to;
    } kinds[] = {{OV_FETCH_UNREACHABLE, FAILURE_UNREACHABLE},
                 {OV_FETCH_TIMEOUT, FAILURE_TIMEOUT},
                 {OV_FETCH_TLS, FAILURE_TLS},
                 {OV_FETCH_TOO_LARGE, FAILURE_TOO_LARGE},
                 {OV_FETCH_REFUSED_TARGET, FAILURE_REFUSED_TARGET},
                 {OV_FETCH_UNSUPPORTED, FAILURE_UNSUPPORTED},
                 {OV_FETCH_REDIRECTS, FAILURE_UNREACHABLE},
                 {OV_FETCH_STOPPED, FAILURE_UNREACHABLE}};
    for (size_t i = 0; i < OV_COUNT(kinds); i++)
        CHECK_C(lookup_failure_name(refusal_of_transport(kinds[i].from)), lookup_failure_name(kinds[i].to));
}

/* Every kind of failure has its next try, which is the later the more often it failed. */
static void test_next_try(void)
{
    static const struct {
        lookup_failure failure;
        int64_t waits[5]; /* after 1, 2, 3, 10 and 1,000,000 failures in a row */
    } rows[] = {{FAILURE_NOT_FOUND, {300, 600, 1200, 3600, 3600}},
                {FAILURE_UNAUTHORIZED, {300, 600, 1200, 3600, 3600}},
                {FAILURE_RATE_LIMITED, {60, 120, 240, 3600, 3600}},
                {FAILURE_UNREACHABLE, {5, 10, 20, 2560, 3600}},
                {FAILURE_TIMEOUT, {5, 10, 20, 2560, 3600}},
                {FAILURE_TLS, {60, 120, 240, 3600, 3600}},
                {FAILURE_TOO_LARGE, {900, 1800, 3600, 3600, 3600}},
                {FAILURE_MALFORMED, {60, 120, 240, 3600, 3600}},
                {FAILURE_REFUSED_TARGET, {300, 600, 1200, 3600, 3600}},
                {FAILURE_UNSUPPORTED, {300, 600, 1200, 3600, 3600}},
                {FAILURE_EMPTIED, {60, 120, 240, 3600, 3600}},
                {FAILURE_CHANGING, {60, 120, 240, 3600, 3600}}};
    static const int64_t failures[] = {1, 2, 3, 10, 1000000};
    CHECK_INT(OV_COUNT(rows), FAILURE_CHANGING);
    for (size_t i = 0; i < OV_COUNT(rows); i++) {
        check_case(lookup_failure_name(rows[i].failure));
        CHECK_INT(rows[i].failure, i + 1);
        for (size_t k = 0; k < OV_COUNT(failures); k++)
            CHECK_INT(refusal_next_try_s(rows[i].failure, 0, failures[k], NOW), NOW + rows[i].waits[k]);
    }
    check_case("named by upstream");
    CHECK_INT(refusal_next_try_s(FAILURE_RATE_LIMITED, NOW + 90, 1, NOW), NOW + 90);
    CHECK_INT(refusal_next_try_s(FAILURE_RATE_LIMITED, NOW + 1, 1, NOW), NOW + 1);
    CHECK_INT(refusal_next_try_s(FAILURE_RATE_LIMITED, NOW + 1, 6, NOW), NOW + 32);
    CHECK_INT(refusal_next_try_s(FAILURE_UNREACHABLE, NOW + 1, 1000, NOW), NOW + 3600);
    CHECK_INT(refusal_next_try_s(FAILURE_RATE_LIMITED, NOW + 86400, 1000, NOW), NOW + 86400);
}

int main(void)
{
    test_next_try();
    test_transport();
    for (size_t i = 0; i < OV_COUNT(cases); i++) {
        check_case(cases[i].name);
        ov_fetch_result answer = {.status = cases[i].status};
        snprintf(answer.ratelimit_remaining, sizeof answer.ratelimit_remaining, "%s", cases[i].remaining);
        snprintf(answer.ratelimit_reset, sizeof answer.ratelimit_reset, "%s", cases[i].reset);
        snprintf(answer.retry_after, sizeof answer.retry_after, "%s", cases[i].retry_after);
        refusal r;
        refusal_judge(&answer, ov_str_of(cases[i].body), cases[i].api, NOW, &r);
        CHECK_C(lookup_failure_name(r.failure), lookup_failure_name(cases[i].failure));
        CHECK_INT(r.next_try_s, cases[i].wait_s ? NOW + cases[i].wait_s : 0);
        CHECK(strncmp(r.text, "HTTP ", 5) == 0);
    }
    return check_end();
}
