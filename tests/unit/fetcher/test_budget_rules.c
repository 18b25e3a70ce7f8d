/* What may be asked: limits, resets, those who go alone, times to wait; and answers that overtake each other. */
#include "services/fetcher/budget_rules.h"

#include "support/check.h"
#include "base/poison.h"

enum { NOW = 1000000 };

#define TAKE                                                   \
    {                                                          \
        .kind = BUDGET_TAKE, .api = true, .reserve_percent = 5 \
    }
#define TAKE_WEB                                  \
    {                                             \
        .kind = BUDGET_TAKE, .reserve_percent = 5 \
    }
#define TOLD(left, of, at)                                                                                   \
    {                                                                                                        \
        .kind = BUDGET_ANSWERED, .told = true, .served = true, .remaining = left, .limit = of, .until_s = at \
    }
#define TOLD_ALONE(left, of, at)                                                                              \
    {                                                                                                         \
        .kind = BUDGET_ANSWERED, .alone = true, .told = true, .served = true, .remaining = left, .limit = of, \
        .until_s = at                                                                                         \
    }

static const struct {
    const char *name;
    budget_state before;
    budget_event event;
    budget_state after;
    budget_decision want;
} cases[] = {
    {"an API is asked alone first", {0}, TAKE, {.alone_s = NOW + 30}, {true, BUDGET_ALONE, 0, 0, 0}},
    {"the others wait meanwhile",
     {.alone_s = NOW + 30},
     TAKE,
     {.alone_s = NOW + 30},
     {false, BUDGET_WAIT, BUDGET_WHY_ALONE, NOW + 2, 100}},
    {"not for ever", {.alone_s = NOW}, TAKE, {.alone_s = NOW + 30}, {true, BUDGET_ALONE, 0, 0, 0}},
    {"other hosts are just asked", {0}, TAKE_WEB, {0}, {false, BUDGET_FREE, 0, 0, 0}},
    {"an API that told no limit, too",
     {.unlimited_s = NOW + 1},
     TAKE,
     {.unlimited_s = NOW + 1},
     {false, BUDGET_FREE, 0, 0, 0}},
    {"for a while",
     {.unlimited_s = NOW},
     TAKE,
     {.alone_s = NOW + 30, .unlimited_s = NOW},
     {true, BUDGET_ALONE, 0, 0, 0}},
    {"one is taken",
     {.limit = 60, .remaining = 60, .reset_s = NOW + 99},
     TAKE,
     {.limit = 60, .remaining = 59, .reset_s = NOW + 99},
     {true, BUDGET_RESERVED, 0, NOW + 99, 0}},
    {"the last one",
     {.limit = 60, .remaining = 4, .reset_s = NOW + 99},
     TAKE,
     {.limit = 60, .remaining = 3, .reset_s = NOW + 99},
     {true, BUDGET_RESERVED, 0, NOW + 99, 0}},
    {"the reserve is kept",
     {.limit = 60, .remaining = 3, .reset_s = NOW + 99, .period_s = 3600},
     TAKE,
     {.limit = 60, .remaining = 3, .reset_s = NOW + 99, .period_s = 3600},
     {false, BUDGET_WAIT, BUDGET_WHY_SPENT, NOW + 99, 3600 * 1000 / 57}},
    {"a look that could not be ended does not begin",
     {.limit = 60, .remaining = 10, .reset_s = NOW + 99},
     {.kind = BUDGET_TAKE, .count = 8, .reserve_percent = 5},
     {.limit = 60, .remaining = 10, .reset_s = NOW + 99},
     {false, BUDGET_WAIT, BUDGET_WHY_SPENT, NOW + 99, 1000}},
    {"a long look begins when half of a period is left",
     {.limit = 60, .remaining = 31, .reset_s = NOW + 99},
     {.kind = BUDGET_TAKE, .count = 500, .reserve_percent = 5},
     {.limit = 60, .remaining = 30, .reset_s = NOW + 99},
     {true, BUDGET_RESERVED, 0, NOW + 99, 0}},
    {"a limit holds for whoever told it",
     {.remaining = 0, .reset_s = NOW + 99},
     TAKE_WEB,
     {.remaining = 0, .reset_s = NOW + 99},
     {false, BUDGET_WAIT, BUDGET_WHY_SPENT, NOW + 99, 1000}},
    {"nobody begins in a period's last second",
     {.limit = 60, .remaining = 50, .reset_s = NOW + 1},
     TAKE,
     {.limit = 60, .remaining = 50, .reset_s = NOW + 1},
     {false, BUDGET_WAIT, BUDGET_WHY_SPENT, NOW + 1, 1000}},
    {"after the reset one goes alone",
     {.limit = 60, .remaining = 50, .reset_s = NOW, .period_s = 3600},
     TAKE_WEB,
     {.limit = 60, .remaining = 50, .reset_s = NOW, .period_s = 3600, .alone_s = NOW + 30},
     {true, BUDGET_ALONE, 0, 0, 0}},
    {"who was told to wait waits, whatever is left",
     {.limit = 60, .remaining = 60, .reset_s = NOW + 99, .wait_s = NOW + 7},
     TAKE,
     {.limit = 60, .remaining = 60, .reset_s = NOW + 99, .wait_s = NOW + 7},
     {false, BUDGET_WAIT, BUDGET_WHY_TOLD_OFF, NOW + 7, 1000}},
    {"the first answer",
     {.alone_s = NOW + 30},
     TOLD_ALONE(59, 60, NOW + 3600),
     {.limit = 60, .remaining = 59, .reset_s = NOW + 3600, .period_s = 3600},
     {.changed = true}},
    {"a spent budget when first seen",
     {.alone_s = NOW + 30},
     TOLD_ALONE(0, 60, NOW + 300),
     {.limit = 60, .reset_s = NOW + 300, .period_s = 300},
     {.changed = true}},
    {"a reset that cannot be meant is none: of milliseconds, for one",
     {.alone_s = NOW + 30},
     TOLD_ALONE(5, 60, INT64_C(1000) * NOW),
     {.limit = 60, .remaining = 5, .reset_s = NOW + 60, .period_s = 60},
     {.changed = true}},
    {"nothing new",
     {.limit = 60, .remaining = 40, .reset_s = NOW + 99},
     TOLD(50, 60, NOW + 99),
     {.limit = 60, .remaining = 40, .reset_s = NOW + 99},
     {0}},
    {"others use it, too",
     {.limit = 60, .remaining = 40, .reset_s = NOW + 99},
     TOLD(10, 60, NOW + 99),
     {.limit = 60, .remaining = 10, .reset_s = NOW + 99},
     {.changed = true}},
    {"a clock's flicker is no news",
     {.limit = 60, .remaining = 40, .reset_s = NOW + 99},
     TOLD(50, 60, NOW + 100),
     {.limit = 60, .remaining = 40, .reset_s = NOW + 99},
     {0}},
    {"an answer of a period that is over",
     {.limit = 60, .remaining = 5, .reset_s = NOW + 99},
     TOLD(50, 60, NOW - 1),
     {.limit = 60, .remaining = 5, .reset_s = NOW + 99},
     {0}},
    {"such a one while somebody asks alone",
     {.limit = 60, .remaining = 5, .reset_s = NOW - 1, .alone_s = NOW + 20},
     TOLD(50, 60, NOW - 1),
     {.limit = 60, .remaining = 5, .reset_s = NOW - 1, .alone_s = NOW + 20},
     {0}},
    {"one of the new period while somebody asks alone",
     {.limit = 60, .remaining = 5, .reset_s = NOW - 1, .alone_s = NOW + 20},
     TOLD(59, 60, NOW + 3599),
     {.limit = 60, .remaining = 58, .reset_s = NOW + 3599, .period_s = 3599},
     {.changed = true}},
    {"the next period came early",
     {.limit = 60, .remaining = 0, .reset_s = NOW + 60},
     TOLD(5000, 5000, NOW + 3660),
     {.limit = 5000, .remaining = 5000, .reset_s = NOW + 3660, .period_s = 3660},
     {.changed = true}},
    {"no reset told",
     {.alone_s = NOW + 30},
     TOLD_ALONE(41, 0, 0),
     {.remaining = 41, .reset_s = NOW + 60, .period_s = 60},
     {.changed = true}},
    {"no limit told",
     {.limit = 60, .reset_s = NOW - 1, .alone_s = NOW + 30},
     {.kind = BUDGET_ANSWERED, .alone = true, .served = true},
     {.unlimited_s = NOW + 600},
     {.changed = true}},
    {"a server that fails tells nothing",
     {.alone_s = NOW + 30},
     {.kind = BUDGET_ANSWERED, .alone = true},
     {0},
     {.changed = true}},
    {"no answer to who asked alone",
     {.alone_s = NOW + 30},
     {.kind = BUDGET_LOST, .alone = true},
     {0},
     {.changed = true}},
    {"no answer to another",
     {.limit = 60, .remaining = 40, .reset_s = NOW + 99},
     {.kind = BUDGET_LOST},
     {.limit = 60, .remaining = 40, .reset_s = NOW + 99},
     {0}},
    {"told off", {0}, {.kind = BUDGET_TOLD_OFF, .until_s = NOW + 7}, {.wait_s = NOW + 7}, {.changed = true}},
    {"told off again, but earlier",
     {.wait_s = NOW + 70},
     {.kind = BUDGET_TOLD_OFF, .until_s = NOW + 7},
     {.wait_s = NOW + 70},
     {0}},
    {"told off for years",
     {0},
     {.kind = BUDGET_TOLD_OFF, .until_s = NOW * 1000},
     {.wait_s = NOW + 86400},
     {.changed = true}},
    {"not used after all",
     {.limit = 60, .remaining = 40, .reset_s = NOW + 99},
     {.kind = BUDGET_RETURN, .count = 3, .until_s = NOW + 99},
     {.limit = 60, .remaining = 43, .reset_s = NOW + 99},
     {.changed = true}},
    {"not used in another period",
     {.limit = 60, .remaining = 40, .reset_s = NOW + 99},
     {.kind = BUDGET_RETURN, .count = 3, .until_s = NOW - 1},
     {.limit = 60, .remaining = 40, .reset_s = NOW + 99},
     {0}},
    {"times out of all bounds are not believed",
     {.limit = INT64_MAX, .remaining = INT64_MAX, .reset_s = INT64_MAX, .wait_s = INT64_MAX, .alone_s = INT64_MAX},
     TAKE,
     {.limit = INT32_MAX, .remaining = INT32_MAX, .alone_s = NOW + 30},
     {true, BUDGET_ALONE, 0, 0, 0}},
};

static void check_state(const budget_state *got, const budget_state *want)
{
    CHECK_INT(got->limit, want->limit);
    CHECK_INT(got->remaining, want->remaining);
    CHECK_INT(got->reset_s, want->reset_s);
    CHECK_INT(got->period_s, want->period_s);
    CHECK_INT(got->wait_s, want->wait_s);
    CHECK_INT(got->alone_s, want->alone_s);
    CHECK_INT(got->unlimited_s, want->unlimited_s);
}

static void test_cases(void)
{
    for (size_t i = 0; i < OV_COUNT(cases); i++) {
        check_case(cases[i].name);
        budget_state s = cases[i].before;
        budget_decision d = budget_apply(&s, &cases[i].event, NOW);
        check_state(&s, &cases[i].after);
        CHECK(d.changed == cases[i].want.changed);
        CHECK_INT(d.verdict, cases[i].want.verdict);
        CHECK_INT(d.why, cases[i].want.why);
        CHECK_INT(d.until_s, cases[i].want.until_s);
        CHECK_INT(d.gap_ms, cases[i].want.gap_ms);
    }
    check_case(NULL);
}

static const struct {
    int64_t limit, percent, reserve;
} reserves[] = {{60, 5, 3}, {5000, 5, 250}, {10, 5, 1},  {1, 5, 0},         {0, 5, 0},
                {60, 0, 0}, {2, 90, 1},     {100, 1, 1}, {INT64_MAX, 0, 0}, {INT32_MAX, 90, 1932735283}};

/* Whatever the order in which answers come, no more than the limit is ever granted in a period. */
static void test_never_more(void)
{
    enum { LIMIT = 60, TOGETHER = 32 };
    for (unsigned seed = 1; seed <= 200; seed++) {
        budget_state s = {0};
        unsigned random = seed, sent = 0, waiting = 0;
        int64_t left[LIMIT + TOGETHER], on_the_way = 0;
        budget_event take = TAKE;
        budget_decision d = budget_apply(&s, &take, NOW);
        CHECK_INT(d.verdict, BUDGET_ALONE);
        sent = 1;
        budget_event first = TOLD_ALONE(LIMIT - 1, LIMIT, NOW + 3600);
        (void)budget_apply(&s, &first, NOW);
        for (unsigned step = 0; step < 1000 && waiting < 100; step++) {
            random = random * 1103515245u + 12345u;
            if (on_the_way < TOGETHER && (random >> 16) % 2) {
                d = budget_apply(&s, &take, NOW + 1);
                if (d.verdict == BUDGET_WAIT) waiting++;
                if (d.verdict != BUDGET_RESERVED) continue;
                left[on_the_way++] = LIMIT - (int64_t)++sent;
            } else if (on_the_way) {
                int64_t which = (int64_t)((random >> 16) % (unsigned)on_the_way);
                budget_event e = TOLD(left[which], LIMIT, NOW + 3600);
                left[which] = left[--on_the_way];
                (void)budget_apply(&s, &e, NOW + 1);
            }
        }
        CHECK_INT(sent, LIMIT - budget_reserve(LIMIT, 5));
    }
}

int main(void)
{
    test_cases();
    for (size_t i = 0; i < OV_COUNT(reserves); i++)
        CHECK_INT(budget_reserve(reserves[i].limit, reserves[i].percent), reserves[i].reserve);
    test_never_more();
    for (budget_why w = BUDGET_WHY_SPENT; w <= BUDGET_WHY_UNKNOWN; w++) CHECK(*budget_why_text(w) != '\0');
    return check_end();
}
