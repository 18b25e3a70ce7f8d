/* A map keeps a million keys, forgets what is removed and stays small when keys come and go. */
#include "base/map.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/mem.h"
#include "support/check.h"
#include "base/poison.h"

enum { MANY = 1000000, CHURN = 100000, LIVE = 10 };

static char values[MANY];

static ov_str numbered(ov_buf *key, unsigned n)
{
    ov_buf_reset(key);
    ov_buf_append_c(key, "key-");
    ov_buf_append_u64(key, n);
    return ov_buf_str(key);
}

static void test_empty(void)
{
    OV_CLEANUP(ov_map_clear) ov_map m = {0};
    size_t at = 0;
    ov_str key;
    void *value;
    CHECK(ov_map_get(&m, OV_STR("x")) == NULL);
    CHECK(ov_map_remove(&m, OV_STR("x")) == NULL);
    CHECK(!ov_map_next(&m, &at, &key, &value));
}

static void test_put_get_remove(void)
{
    OV_CLEANUP(ov_map_clear) ov_map m = {0};
    char copy[] = "name";
    CHECK(ov_map_put(&m, ov_str_of(copy), &values[1]) == NULL);
    copy[0] = 'x'; /* the map has its own */
    CHECK(ov_map_get(&m, OV_STR("name")) == &values[1]);
    CHECK(ov_map_put(&m, OV_STR("name"), &values[2]) == &values[1]);
    CHECK(ov_map_put(&m, OV_STR(""), &values[3]) == NULL);
    CHECK(ov_map_put(&m, OV_STR("a\0b"), &values[4]) == NULL);
    CHECK(ov_map_get(&m, (ov_str){0}) == &values[3]);
    CHECK(ov_map_get(&m, OV_STR("a")) == NULL);
    CHECK_INT(m.count, 3);
    CHECK(ov_map_remove(&m, OV_STR("name")) == &values[2]);
    CHECK(ov_map_remove(&m, OV_STR("name")) == NULL);
    CHECK(ov_map_get(&m, OV_STR("a\0b")) == &values[4]);
    CHECK_INT(m.count, 2);
}

static void test_a_million(void)
{
    OV_CLEANUP(ov_map_clear) ov_map m = {0};
    OV_CLEANUP(ov_buf_clear) ov_buf key = OV_BUF(64);
    size_t wrong = 0;
    for (unsigned i = 0; i < MANY; i++) wrong += ov_map_put(&m, numbered(&key, i), &values[i]) != NULL;
    CHECK_INT(m.count, MANY);
    for (unsigned i = 0; i < MANY; i += 2) wrong += ov_map_remove(&m, numbered(&key, i)) != &values[i];
    for (unsigned i = 0; i < MANY; i++) wrong += ov_map_get(&m, numbered(&key, i)) != (i % 2 ? &values[i] : NULL);
    CHECK_INT(m.count, MANY / 2);
    CHECK_INT(wrong, 0);
}

static void test_churn_does_not_grow(void)
{
    OV_CLEANUP(ov_map_clear) ov_map m = {0};
    OV_CLEANUP(ov_buf_clear) ov_buf key = OV_BUF(64);
    for (unsigned i = 0; i < CHURN; i++) {
        ov_map_put(&m, numbered(&key, i), &values[i]);
        if (i >= LIVE) ov_map_remove(&m, numbered(&key, i - LIVE));
    }
    CHECK_INT(m.count, LIVE);
    CHECK(m.cap <= 64);
}

static void test_walk(void)
{
    OV_CLEANUP(ov_map_clear) ov_map m = {0};
    OV_CLEANUP(ov_buf_clear) ov_buf text = OV_BUF(64);
    for (unsigned i = 0; i < 1000; i++) ov_map_put(&m, numbered(&text, i), &values[i]);
    size_t at = 0, seen = 0;
    ov_str key;
    void *value;
    while (ov_map_next(&m, &at, &key, &value)) {
        seen++;
        size_t n = (size_t)((char *)value - values);
        CHECK_STR(key, numbered(&text, (unsigned)n));
        if (n % 3 == 0) CHECK(ov_map_remove(&m, numbered(&text, (unsigned)n)) == value);
    }
    CHECK_INT(seen, 1000);
    CHECK_INT(m.count, 666);
}

int main(void)
{
    test_empty();
    test_put_get_remove();
    test_a_million();
    test_churn_does_not_grow();
    test_walk();
    return check_end();
}
