/* What waits, flies, is stored and is repeated, with the clock in the test's hand. */
#include "services/collector/delivery.h"

#include <stdio.h>

#include "base/log.h"
#include "base/mem.h"
#include "support/check.h"
#include "base/poison.h"

enum { HOUR_MS = 3600 * 1000 };

static void delivery_free_p(delivery **d)
{
    delivery_free(*d);
}
#define DELIVERY OV_CLEANUP(delivery_free_p) delivery *d = delivery_new(42)

static ov_mono at(int64_t ms)
{
    return (ov_mono){ms};
}

static void put(delivery *d, const char *tracker, const char *body, int64_t ms)
{
    delivery_put(d, ov_str_of(tracker), ov_str_of(body), at(ms));
}

/* Sends the next one and gives its revision; 0: there is none. */
static int64_t fly(delivery *d, const char *tracker, const char *body, int64_t ms)
{
    delivery_item item;
    if (!delivery_next(d, at(ms), &item)) return 0;
    CHECK_STR(item.tracker, ov_str_of(tracker));
    CHECK_STR(item.body, ov_str_of(body));
    return item.revision;
}

static void land(delivery *d, const char *tracker, int64_t revision, delivery_outcome outcome, int64_t ms)
{
    delivery_done(d, ov_str_of(tracker), revision, outcome, at(ms));
}

static void ship(delivery *d, const char *tracker, const char *body, int64_t ms)
{
    put(d, tracker, body, ms);
    land(d, tracker, fly(d, tracker, body, ms), DELIVERY_STORED, ms);
}

static delivery_summary summary(delivery *d)
{
    delivery_summary s;
    delivery_summarize(d, &s);
    return s;
}

static void digest_of(const char *id, const char *body, char out[REPORT_DIGEST_HEX])
{
    char of_body[REPORT_DIGEST_HEX];
    inventory_digest digest = {0};
    report_digest(ov_str_of(body), of_body);
    inventory_digest_toggle(&digest, ov_str_of(id), ov_str_of(of_body));
    inventory_digest_hex(&digest, out);
}

static void test_one_in_flight(void)
{
    DELIVERY;
    CHECK_INT(fly(d, "", "", 0), 0);
    CHECK_INT(delivery_age_ms(d, at(0)), -1);
    put(d, "a", "1", 0);
    CHECK_INT(delivery_pending(d), 1);
    CHECK_INT(delivery_wake_at(d, at(0)).ms, 0);
    CHECK_INT(fly(d, "a", "1", 0), 1);
    put(d, "a", "2", 1);
    CHECK_INT(fly(d, "a", "2", 1), 0); /* the first is still in the air */
    land(d, "a", 1, DELIVERY_STORED, 2);
    CHECK_INT(fly(d, "a", "2", 2), 2);
    land(d, "a", 2, DELIVERY_STORED, 3);
    CHECK_INT(delivery_pending(d), 0);
    CHECK_INT(delivery_age_ms(d, at(10)), 7);
    CHECK_INT(fly(d, "", "", 4), 0);
}

static void test_equal_bytes_change_nothing(void)
{
    DELIVERY;
    ship(d, "a", "1", 0);
    put(d, "a", "1", 1);
    CHECK_INT(fly(d, "", "", 1), 0);
    CHECK_INT(summary(d).revision, 1);
}

static void test_retry_waits_and_grows(void)
{
    DELIVERY;
    put(d, "a", "1", 0);
    int64_t now = 0;
    for (int i = 0; i < 10; i++) {
        CHECK_INT(fly(d, "a", "1", now), 1);
        land(d, "a", 1, DELIVERY_RETRY, now);
        CHECK_INT(fly(d, "a", "1", now), 0);
        int64_t wake = delivery_wake_at(d, at(now)).ms;
        CHECK(wake - now >= 250 && wake - now <= 15000);
        now = wake;
    }
}

static void test_outage_ends_for_all(void)
{
    DELIVERY;
    const char *const ids[] = {"a", "b", "c", "d"};
    int64_t revisions[4] = {0};
    delivery_item item;
    for (size_t i = 0; i < 4; i++) put(d, ids[i], "1", 0);
    for (int round = 0; round < 6; round++) {
        for (size_t i = 0; i < 4 && delivery_next(d, at(round * 100000), &item); i++) revisions[i] = item.revision;
        for (size_t i = 0; i < 16; i++) land(d, ids[i % 4], revisions[i / 4], DELIVERY_RETRY, round * 100000);
    }
    int64_t now = delivery_wake_at(d, at(500000)).ms;
    CHECK(delivery_next(d, at(now), &item));
    OV_CLEANUP(ov_free_p) char *first = ov_dup(item.tracker);
    land(d, first, item.revision, DELIVERY_STORED, now);
    int others = 0;
    while (delivery_next(d, at(now), &item)) others++;
    CHECK_INT(others, 3);
}

static void test_refused_waits_for_a_change(void)
{
    DELIVERY;
    put(d, "a", "1", 0);
    land(d, "a", fly(d, "a", "1", 0), DELIVERY_REFUSED, 0);
    ship(d, "b", "1", 0);
    CHECK_INT(fly(d, "b", "1", 100 * HOUR_MS), 2); /* its repeat */
    CHECK_INT(fly(d, "", "", 100 * HOUR_MS), 0);
    CHECK_INT(delivery_pending(d), 1);
    CHECK_INT(summary(d).revision, 2); /* it does not hold the others back */
    put(d, "a", "2", 1);
    CHECK_INT(fly(d, "a", "2", 1), 3);
}

static void test_late_answers_are_of_no_interest(void)
{
    DELIVERY;
    ship(d, "a", "1", 0);
    land(d, "a", 1, DELIVERY_RETRY, 1);
    land(d, "x", 1, DELIVERY_STORED, 1);
    CHECK_INT(fly(d, "", "", 1), 0);
}

static void test_tombstones(void)
{
    DELIVERY;
    put(d, "never", "", 0);
    CHECK_INT(fly(d, "", "", 0), 0);
    ship(d, "a", "1", 0);
    CHECK_INT(summary(d).count, 1);
    put(d, "a", "", 1);
    CHECK_INT(summary(d).count, 1); /* until it is stored */
    CHECK_INT(summary(d).revision, 1);
    land(d, "a", fly(d, "a", "", 1), DELIVERY_STORED, 1);
    CHECK_INT(summary(d).count, 0);
    CHECK_INT(summary(d).revision, 2);
    CHECK_C(summary(d).digest, "00000000000000000000000000000000");
    ship(d, "a", "1", 2); /* comes back */
    CHECK_INT(summary(d).count, 1);
}

static void test_back_while_the_tombstone_flies(void)
{
    DELIVERY;
    ship(d, "a", "1", 0);
    put(d, "a", "", 1);
    int64_t gone = fly(d, "a", "", 1);
    put(d, "a", "1", 2);
    land(d, "a", gone, DELIVERY_STORED, 3);
    CHECK_INT(summary(d).count, 0);
    CHECK_INT(fly(d, "a", "1", 3), 3);
}

/* What was stored counts, also when something newer is due already. */
static void test_stored_but_outdated(void)
{
    DELIVERY;
    char want[REPORT_DIGEST_HEX];
    put(d, "a", "1", 0);
    int64_t first = fly(d, "a", "1", 0);
    put(d, "a", "2", 0);
    land(d, "a", first, DELIVERY_STORED, 0);
    digest_of("a", "1", want);
    CHECK_C(summary(d).digest, want);
    CHECK_INT(summary(d).revision, 1);
}

static void test_repeats(void)
{
    DELIVERY;
    ship(d, "a", "1", 0);
    int64_t wake = 0;
    for (int64_t now = 0; now < 7 * HOUR_MS && !wake; now += HOUR_MS / 4)
        if (fly(d, "a", "1", now)) wake = now;
    CHECK(wake >= DELIVERY_PERIOD_MS / 4 * 3 && wake <= DELIVERY_PERIOD_MS);
}

static void test_repeat_all(void)
{
    DELIVERY;
    ship(d, "a", "1", 0);
    delivery_repeat_all(d, at(5));
    CHECK_INT(fly(d, "a", "1", 5), 1); /* the same revision: nothing changed */
    land(d, "a", 1, DELIVERY_STORED, 5);
    CHECK_INT(fly(d, "", "", 5), 0);
}

static void test_asked(void)
{
    DELIVERY;
    ship(d, "a", "1", 0);
    ship(d, "b", "1", 0);
    ov_str wanted[] = {OV_STR("a"), OV_STR("unknown")};
    delivery_ask(d, &(ask_report){.wanted = wanted, .wanted_count = 2}, at(10));
    CHECK_INT(fly(d, "a", "1", 10), 1);
    CHECK_INT(fly(d, "", "", 10), 0);
    /* A shorter period counts at once for what was stored under the longer one. */
    land(d, "a", 1, DELIVERY_STORED, 10);
    delivery_ask(d, &(ask_report){.report_period_ms = 60000}, at(10));
    CHECK(delivery_wake_at(d, at(10)).ms <= 10 + 60000);
    delivery_item item;
    CHECK(delivery_next(d, at(10 + 60000), &item));
    CHECK(delivery_next(d, at(10 + 60000), &item));
}

static void test_inventory(void)
{
    DELIVERY;
    char want[REPORT_DIGEST_HEX];
    CHECK(summary(d).inventory_due); /* that there is nothing is news too */
    put(d, "b", "2", 0);
    CHECK(!summary(d).inventory_due); /* not while something waits */
    land(d, "b", fly(d, "b", "2", 0), DELIVERY_STORED, 0);
    ship(d, "a", "1", 0);
    delivery_summary s = summary(d);
    CHECK(s.inventory_due && !s.inventory_wanted);
    OV_CLEANUP(ov_free_p) inventory_item *items = NULL;
    if (!CHECK_INT(delivery_inventory(d, &items), 2)) return;
    CHECK_STR(items[0].id, OV_STR("a"));
    report_digest(OV_STR("1"), want);
    CHECK_STR(items[0].digest, ov_str_of(want));
    CHECK_STR(items[1].id, OV_STR("b"));
    delivery_inventory_flies(d);
    delivery_inventory_sent(d, ov_str_of(s.digest));
    CHECK(!summary(d).inventory_due);
    delivery_ask(d, &(ask_report){.inventory_wanted = true}, at(1));
    CHECK(summary(d).inventory_due && summary(d).inventory_wanted);
    delivery_inventory_flies(d);
    delivery_ask(d, &(ask_report){.inventory_wanted = true}, at(2)); /* asked again while it flies */
    delivery_inventory_sent(d, ov_str_of(s.digest));
    CHECK(summary(d).inventory_wanted);
}

static void test_revision_stops_before_what_waits(void)
{
    DELIVERY;
    put(d, "a", "1", 0);
    put(d, "b", "1", 0);
    put(d, "c", "1", 0);
    CHECK_INT(summary(d).revision, 0);
    delivery_item item;
    while (delivery_next(d, at(0), &item)) {
    }
    land(d, "a", 1, DELIVERY_STORED, 0);
    land(d, "c", 3, DELIVERY_STORED, 0);
    CHECK_INT(summary(d).revision, 1);
    land(d, "b", 2, DELIVERY_STORED, 0);
    CHECK_INT(summary(d).revision, 3);
    CHECK_INT(summary(d).count, 3);
}

static void test_many_are_all_given(void)
{
    DELIVERY;
    delivery_item item;
    for (int i = 0; i < 1000; i++) put(d, OV_FMT("t%d", i), "1", 0);
    int given = 0;
    for (; delivery_next(d, at(0), &item); given++)
        if (given == 500) put(d, "late", "1", 0); /* the table may grow meanwhile */
    CHECK_INT(given, 1001);
}

int main(void)
{
    test_one_in_flight();
    test_equal_bytes_change_nothing();
    test_retry_waits_and_grows();
    test_outage_ends_for_all();
    test_refused_waits_for_a_change();
    test_late_answers_are_of_no_interest();
    test_tombstones();
    test_back_while_the_tombstone_flies();
    test_stored_but_outdated();
    test_repeats();
    test_repeat_all();
    test_asked();
    test_inventory();
    test_revision_stops_before_what_waits();
    test_many_are_all_given();
    return check_end();
}
