/* What is left of a budget: answers that overtake each other never make it larger within a period. */
#include "services/fetcher/budget.h"

#include <stdlib.h>

#include "support/check.h"
#include "base/poison.h"

enum { NOW = 1000 };

static const struct {
    const char *name;
    struct {
        int64_t remaining, reset_s;
    } told[3];
    size_t count;
    int64_t spent_until_s; /* 0: there is something left, or nobody knows */
} cases[] = {
    {"nothing told", {{0}}, 0, 0},
    {"some left", {{5, NOW + 60}}, 1, 0},
    {"nothing left", {{0, NOW + 60}}, 1, NOW + 60},
    {"an older answer comes late", {{0, NOW + 60}, {7, NOW + 60}}, 2, NOW + 60},
    {"of a period that is over", {{0, NOW + 60}, {7, NOW - 1}}, 2, NOW + 60},
    {"the next period", {{0, NOW + 60}, {5000, NOW + 3660}}, 2, 0},
    {"spent again", {{0, NOW + 60}, {5000, NOW + 3660}, {0, NOW + 3660}}, 3, NOW + 3660},
    {"the reset has come", {{0, NOW}}, 1, 0},
    {"no reset told", {{0, 0}}, 1, 0},
};

int main(void)
{
    for (size_t i = 0; i < OV_COUNT(cases); i++) {
        check_case(cases[i].name);
        budget b;
        budget_init(&b);
        for (size_t k = 0; k < cases[i].count; k++)
            budget_note(&b, cases[i].told[k].remaining, cases[i].told[k].reset_s);
        int64_t until_s = 0;
        CHECK(budget_is_spent(&b, NOW, &until_s) == (cases[i].spent_until_s > 0));
        CHECK_INT(until_s, cases[i].spent_until_s);
        budget_clear(&b);
    }
    return check_end();
}
