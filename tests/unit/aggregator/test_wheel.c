/* Nodes fire once they are due, however long nobody looked, and may be armed again meanwhile. */
#include "services/aggregator/wheel.h"

#include "support/check.h"

#include "base/poison.h"

enum { STEP_MS = 10, NODES = 5 };

typedef struct {
    wheel_node node; /* first */
    int fired;
    int64_t again_ms; /* armed again when it fires; 0: no */
} item;

typedef struct {
    wheel *w;
    int total;
} counter;

static void fire(void *arg, wheel_node *n)
{
    counter *c = arg;
    item *i = (item *)n;
    i->fired++;
    c->total++;
    if (i->again_ms) wheel_arm(c->w, n, i->again_ms);
    i->again_ms = 0;
}

static void test_due(void)
{
    static const struct {
        const char *name;
        int64_t due_ms, now_ms;
        int fired;
    } rows[] = {
        {"not yet", 1000, 900, 0},
        {"one step late", 1000, 1010, 1},
        {"past", 0, 20, 1},
        {"negative", -500, 20, 1},
        {"far ahead, beyond the ring", 50000, 40000, 0},
        {"far ahead, reached", 50000, 50020, 1},
        {"a jump over several rings", 100, 100000000, 1},
    };
    for (size_t i = 0; i < OV_COUNT(rows); i++) {
        check_case(rows[i].name);
        counter c = {.w = wheel_new(STEP_MS)};
        item x = {0};
        wheel_arm(c.w, &x.node, rows[i].due_ms);
        wheel_advance(c.w, rows[i].now_ms, fire, &c);
        CHECK_INT(x.fired, rows[i].fired);
        wheel_advance(c.w, rows[i].now_ms + 5 * STEP_MS, fire, &c);
        CHECK_INT(x.fired, rows[i].fired);
        wheel_free(c.w);
    }
}

static void test_again(void)
{
    check_case("again");
    counter c = {.w = wheel_new(STEP_MS)};
    item items[NODES] = {0};
    for (int i = 0; i < NODES; i++) wheel_arm(c.w, &items[i].node, 100);
    items[1].again_ms = 100; /* due already: with the next step */
    items[2].again_ms = 500;
    wheel_disarm(&items[3].node);
    wheel_disarm(&items[3].node);
    wheel_arm(c.w, &items[4].node, 5000);
    wheel_advance(c.w, 110, fire, &c);
    CHECK_INT(c.total, 3);
    wheel_advance(c.w, 130, fire, &c);
    CHECK_INT(items[1].fired, 2);
    wheel_advance(c.w, 520, fire, &c);
    CHECK_INT(items[2].fired, 2);
    CHECK_INT(items[3].fired, 0);
    CHECK_INT(items[4].fired, 0);
    wheel_free(c.w);
}

int main(void)
{
    test_due();
    test_again();
    return check_end();
}
