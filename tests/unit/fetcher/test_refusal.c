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
    int64_t failures;
    lookup_failure failure;
    int64_t wait_s; /* 0: the usual interval */
} cases[] = {
    {"not found", 404, "", "", "", "", true, 0, FAILURE_NOT_FOUND, 0},
    {"gone", 410, "", "", "", "", false, 0, FAILURE_NOT_FOUND, 0},
    {"bad token", 401, "", "", "", "", true, 0, FAILURE_UNAUTHORIZED, 0},
    {"forbidden", 403, "4000", "", "", "{}", true, 0, FAILURE_UNAUTHORIZED, 0},
    {"server error", 500, "", "", "", "", true, 0, FAILURE_UNREACHABLE, 0},
    {"overloaded until", 503, "", "", "30", "", true, 0, FAILURE_UNREACHABLE, 30},
    {"redirect", 302, "", "", "", "", true, 0, FAILURE_UNREACHABLE, 0},
    {"unmarked end", 200, "", "", "", "", true, 0, FAILURE_MALFORMED, 0},
    {"spent until reset", 403, "0", "1000600", "", "", true, 0, FAILURE_RATE_LIMITED, 600},
    {"spent, reset in the past", 403, "0", "999999", "", "", true, 0, FAILURE_RATE_LIMITED, 60},
    {"spent, reset far away", 403, "0", "99999999999", "", "", true, 0, FAILURE_RATE_LIMITED, 86400},
    {"spent, reset nonsense", 403, "0", "soon", "", "", true, 0, FAILURE_RATE_LIMITED, 60},
    {"secondary", 403, "3000", "1000600", "90", "", true, 0, FAILURE_RATE_LIMITED, 90},
    {"retry at once", 429, "", "", "0", "", true, 0, FAILURE_RATE_LIMITED, 1},
    {"retry never", 429, "", "", "99999999", "", true, 0, FAILURE_RATE_LIMITED, 86400},
    {"said in the body", 403, "4987", "", "", "{\"message\":\"API Rate Limit exceeded\"}", true, 0,
     FAILURE_RATE_LIMITED, 60},
    {"grows", 429, "", "", "", "", false, 3, FAILURE_RATE_LIMITED, 480},
    {"grows to an hour", 429, "", "", "", "", false, 1000, FAILURE_RATE_LIMITED, 3600},
    {"forbidden where nothing is counted", 403, "0", "", "9", "rate limit", false, 0, FAILURE_UNAUTHORIZED, 0},
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

int main(void)
{
    test_transport();
    for (size_t i = 0; i < OV_COUNT(cases); i++) {
        check_case(cases[i].name);
        ov_fetch_result answer = {.status = cases[i].status};
        snprintf(answer.ratelimit_remaining, sizeof answer.ratelimit_remaining, "%s", cases[i].remaining);
        snprintf(answer.ratelimit_reset, sizeof answer.ratelimit_reset, "%s", cases[i].reset);
        snprintf(answer.retry_after, sizeof answer.retry_after, "%s", cases[i].retry_after);
        refusal r;
        refusal_judge(&answer, ov_str_of(cases[i].body), cases[i].api, NOW, cases[i].failures, &r);
        CHECK_C(lookup_failure_name(r.failure), lookup_failure_name(cases[i].failure));
        CHECK_INT(r.next_try_s, cases[i].wait_s ? NOW + cases[i].wait_s : 0);
        CHECK(strncmp(r.text, "HTTP ", 5) == 0);
    }
    return check_end();
}
