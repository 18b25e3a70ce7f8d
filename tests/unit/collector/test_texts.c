/* Counted texts: one number for one text, and none when nobody refers to it any more. */
#include "services/collector/texts.h"

#include <stdio.h>

#include "base/status.h"
#include "support/check.h"
#include "base/poison.h"

static void test_one(void)
{
    OV_CLEANUP(texts_clear) texts t = {0};
    CHECK_INT(texts_find(&t, OV_STR("a")), 0);
    uint32_t a = texts_add(&t, OV_STR("a"));
    CHECK(a != 0);
    CHECK_INT(texts_add(&t, OV_STR("a")), a);
    CHECK_INT(texts_find(&t, OV_STR("a")), a);
    CHECK_STR(texts_get(&t, a), OV_STR("a"));
    CHECK_INT(t.kept, 1);
    texts_drop(&t, a);
    texts_hold(&t, a);
    texts_drop(&t, a);
    CHECK_INT(texts_find(&t, OV_STR("a")), a);
    texts_drop(&t, a);
    CHECK_INT(texts_find(&t, OV_STR("a")), 0);
    CHECK_INT(t.kept, 0);
}

static void test_nothing(void)
{
    OV_CLEANUP(texts_clear) texts t = {0};
    texts_drop(&t, 0);
    CHECK(texts_get(&t, 0).ptr == NULL);
    uint32_t empty = texts_add(&t, (ov_str){0});
    CHECK(empty != 0);
    CHECK_C(texts_get(&t, empty).ptr, "");
    CHECK_INT(texts_find(&t, OV_STR("")), empty);
}

static ov_str text(char out[16], unsigned i)
{
    snprintf(out, 16, "text %u", i);
    return ov_str_of(out);
}

/* Numbers and memory serve again: as many are in use as there ever were at a time. */
static void test_churn(void)
{
    enum { LIVE = 500, ROUNDS = 20 };
    OV_CLEANUP(texts_clear) texts t = {0};
    uint32_t numbers[LIVE];
    char room[16];
    for (unsigned i = 0; i < LIVE; i++) numbers[i] = texts_add(&t, text(room, i));
    for (unsigned i = LIVE; i < LIVE * ROUNDS; i++) {
        unsigned old = i - LIVE;
        CHECK_STR(texts_get(&t, numbers[old % LIVE]), text(room, old));
        texts_drop(&t, numbers[old % LIVE]);
        numbers[i % LIVE] = texts_add(&t, text(room, i));
    }
    CHECK_INT(t.kept, LIVE);
    CHECK_INT(t.count, LIVE);
    for (unsigned i = 0; i < LIVE * ROUNDS; i++)
        CHECK_INT(texts_find(&t, text(room, i)), i < LIVE * (ROUNDS - 1) ? 0 : numbers[i % LIVE]);
}

int main(void)
{
    test_one();
    test_nothing();
    test_churn();
    return check_end();
}
