/* Memory is zeroed where promised, copies are terminated, arrays grow and keep what they hold. */
#include "base/mem.h"

#include <stdlib.h>

#include "support/check.h"
#include "base/poison.h"

static void test_zeroed(void)
{
    OV_CLEANUP(ov_free_p) int *numbers = ov_calloc(100, sizeof *numbers);
    int sum = 0;
    for (int i = 0; i < 100; i++) sum |= numbers[i];
    CHECK_INT(sum, 0);
    OV_CLEANUP(ov_free_p) char *nothing = ov_alloc(0);
    CHECK(nothing != NULL);
}

static void test_dup(void)
{
    OV_CLEANUP(ov_free_p) char *copy = ov_dup(ov_str_sub(OV_STR("opvic"), 0, 2));
    CHECK_C(copy, "op");
    OV_CLEANUP(ov_free_p) char *empty = ov_dup((ov_str){0});
    CHECK_C(empty, "");
}

static void test_grow(void)
{
    OV_CLEANUP(ov_free_p) size_t *numbers = NULL;
    size_t cap = 0;
    for (size_t i = 0; i < 1000; i++) {
        ov_grow(&numbers, &cap, i + 1, sizeof *numbers);
        numbers[i] = i;
    }
    CHECK(cap >= 1000);
    CHECK_INT(numbers[0], 0);
    CHECK_INT(numbers[999], 999);
    size_t before = cap;
    ov_grow(&numbers, &cap, 5, sizeof *numbers);
    CHECK_INT(cap, before);
}

static void test_take_moves(void)
{
    OV_CLEANUP(ov_free_p) char *owner = ov_dup(OV_STR("x"));
    OV_CLEANUP(ov_free_p) char *next = OV_TAKE(owner);
    CHECK(owner == NULL);
    CHECK_C(next, "x");
}

int main(void)
{
    test_zeroed();
    test_dup();
    test_grow();
    test_take_moves();
    return check_end();
}
