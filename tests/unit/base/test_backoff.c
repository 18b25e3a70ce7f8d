/* The waits of a client that fails again and again, for the smallest and the largest random bits. */
#include "base/backoff.h"

#include "support/check.h"
#include "base/poison.h"

typedef struct {
    const char *name;
    int64_t base_ms, max_ms;
    uint32_t failures_before;
    uint64_t random;
    int64_t want_ms;
} wait_case;

static const wait_case waits[] = {
    {"the shortest first wait is the base", 100, 10000, 0, 0, 100},
    {"the longest first wait is twice the base", 100, 10000, 0, 100, 200},
    {"random bits wrap around behind the ceiling", 100, 10000, 0, 101, 100},
    {"the ceiling doubles with each failure", 100, 10000, 1, 300, 400},
    {"the shortest wait stays the base", 100, 10000, 5, 0, 100},
    {"the ceiling stops at the maximum", 100, 10000, 7, 9900, 10000},
    {"the maximum need not be a doubling of the base", 100, 150, 0, 50, 150},
    {"base and maximum may be the same", 100, 100, 3, UINT64_MAX, 100},
    {"many failures do not overflow", 100, 10000, 4000000, 9900, 10000},
    {"the counter of failures stays at its end", 100, 10000, UINT32_MAX, 9900, 10000},
    {"the largest maximum does not overflow", 1, INT64_MAX, 70, (uint64_t)INT64_MAX - 1, INT64_MAX},
    {"the largest base does not overflow", INT64_MAX, INT64_MAX, 1, 12345, INT64_MAX},
};

static void test_waits(void)
{
    for (size_t i = 0; i < OV_COUNT(waits); i++) {
        const wait_case *c = &waits[i];
        check_case(c->name);
        ov_backoff b = {.base_ms = c->base_ms, .max_ms = c->max_ms, .failures = c->failures_before};
        CHECK_INT(ov_backoff_next_ms(&b, c->random), c->want_ms);
    }
    check_case(NULL);
}

static void test_counts_failures(void)
{
    ov_backoff b = {.base_ms = 100, .max_ms = 1000};
    ov_backoff_next_ms(&b, 0);
    ov_backoff_next_ms(&b, 0);
    CHECK_INT(b.failures, 2);
}

static void test_reset_starts_again(void)
{
    ov_backoff b = {.base_ms = 100, .max_ms = 1000, .failures = 9};
    ov_backoff_reset(&b);
    CHECK_INT(b.failures, 0);
    CHECK_INT(ov_backoff_next_ms(&b, 100), 200);
}

int main(void)
{
    test_waits();
    test_counts_failures();
    test_reset_starts_again();
    return check_end();
}
