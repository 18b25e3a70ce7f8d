/* A lease is taken when it stands still or was given up, kept by renewals, and lost by one's own clock. */
#include "services/aggregator/lease.h"

#include "base/status.h"
#include "support/check.h"

#include "base/poison.h"

static ov_mono at(int64_t ms)
{
    return (ov_mono){1000 + ms};
}

/* Observes each 250 ms from one time until another; what lease_next wanted last. */
static lease_action watch(lease *l, int64_t from, int64_t until, uint64_t revision)
{
    lease_action action = LEASE_NOTHING;
    for (int64_t ms = from; ms <= until && action != LEASE_STORE; ms += LEASE_OBSERVE_MS) {
        action = lease_next(l, at(ms));
        if (action != LEASE_OBSERVE) continue;
        lease_observed(l, revision, false, at(ms));
        action = lease_next(l, at(ms));
    }
    return action;
}

static void hold(lease *l, int64_t ms)
{
    CHECK_INT(lease_next(l, at(ms)), LEASE_OBSERVE);
    lease_observed(l, 0, true, at(ms));
    CHECK_INT(lease_next(l, at(ms)), LEASE_STORE);
    CHECK_INT(lease_next(l, at(ms)), LEASE_NOTHING);
    lease_stored(l, LEASE_STORED, 7, at(ms + 5));
    CHECK(lease_is_held(l, at(ms + 5)));
}

static void test_nobody(void)
{
    check_case("nobody holds it");
    lease l = {0};
    hold(&l, 0);
    CHECK_INT(l.revision, 7);
}

static void test_stands_still(void)
{
    check_case("stands still");
    lease l = {0};
    CHECK_INT(watch(&l, 0, LEASE_STILL_MS - LEASE_OBSERVE_MS, 4), LEASE_NOTHING);
    CHECK_INT(watch(&l, LEASE_STILL_MS, LEASE_STILL_MS, 4), LEASE_STORE);
    CHECK_INT(l.revision, 4);
}

static void test_moves(void)
{
    check_case("moves");
    lease l = {0};
    for (uint64_t i = 0; i < 20; i++)
        CHECK_INT(watch(&l, (int64_t)i * 1000, (int64_t)i * 1000 + 999, 10 + i), LEASE_NOTHING);
}

static void test_released(void)
{
    check_case("released");
    lease l = {0};
    CHECK_INT(watch(&l, 0, 500, 4), LEASE_NOTHING);
    CHECK_INT(lease_next(&l, at(750)), LEASE_OBSERVE);
    lease_observed(&l, 5, true, at(750));
    CHECK_INT(lease_next(&l, at(750)), LEASE_STORE);
}

static void test_renews(void)
{
    check_case("renews");
    lease l = {0};
    hold(&l, 0);
    CHECK_INT(lease_next(&l, at(LEASE_RENEW_MS - 1)), LEASE_NOTHING);
    CHECK_INT(lease_next(&l, at(LEASE_RENEW_MS)), LEASE_STORE);
    lease_stored(&l, LEASE_STORED, 8, at(LEASE_RENEW_MS + 400));
    /* It counts from when the renewal was sent. */
    CHECK(lease_is_held(&l, at(LEASE_RENEW_MS + LEASE_KEEP_MS - 1)));
    CHECK(!lease_is_held(&l, at(LEASE_RENEW_MS + LEASE_KEEP_MS)));
}

static void test_lost(void)
{
    check_case("refused");
    lease l = {0};
    hold(&l, 0);
    CHECK_INT(lease_next(&l, at(600)), LEASE_STORE);
    lease_stored(&l, LEASE_REFUSED, 0, at(610));
    CHECK(!lease_is_held(&l, at(610)));
    CHECK_INT(lease_next(&l, at(610)), LEASE_OBSERVE);
    check_case("uncertain");
    l = (lease){0};
    hold(&l, 0);
    for (int64_t ms = 500; ms < LEASE_KEEP_MS; ms += 500) {
        CHECK_INT(lease_next(&l, at(ms)), LEASE_STORE);
        lease_stored(&l, LEASE_UNCERTAIN, 0, at(ms + 100));
        CHECK(lease_is_held(&l, at(ms + 100)));
    }
    CHECK_INT(lease_next(&l, at(LEASE_KEEP_MS)), LEASE_OBSERVE);
    CHECK(!lease_is_held(&l, at(LEASE_KEEP_MS)));
    check_case("a late answer");
    l = (lease){0};
    hold(&l, 0);
    CHECK_INT(lease_next(&l, at(500)), LEASE_STORE);
    CHECK_INT(lease_next(&l, at(9000)), LEASE_NOTHING);
    lease_stored(&l, LEASE_STORED, 9, at(9001));
    CHECK(!lease_is_held(&l, at(9001)));
    check_case("unreadable");
    l = (lease){0};
    CHECK_INT(watch(&l, 0, 2500, 4), LEASE_NOTHING);
    lease_unobserved(&l, at(2600));
    CHECK_INT(watch(&l, 3000, 5000, 4), LEASE_NOTHING);
}

int main(void)
{
    test_nobody();
    test_stands_still();
    test_moves();
    test_released();
    test_renews();
    test_lost();
    return check_end();
}
