/* Order, room, deadlines and stopping; many threads put while one takes. */
#include "base/inbox.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "support/check.h"
#include "base/poison.h"

enum { PUTTERS = 4, ITEMS_EACH = 5000, CAPACITY = 8, PATIENCE_MS = 30000 };

static int numbers[16];
static size_t dropped_items;

static void count_drop(void *item)
{
    (void)item;
    dropped_items++;
}

static ov_mono patience(void)
{
    return ov_mono_after(ov_mono_now(), PATIENCE_MS);
}

static void test_order_and_room(void)
{
    OV_CLEANUP(ov_inbox_free_p) ov_inbox *in = ov_inbox_new(3, NULL);
    for (int round = 0; round < 5; round++) { /* the ring turns */
        CHECK(ov_inbox_put(in, &numbers[0]));
        CHECK(ov_inbox_try_put(in, &numbers[1]));
        CHECK_INT(ov_inbox_length(in), 2);
        CHECK(ov_inbox_take(in, patience()) == &numbers[0]);
        CHECK(ov_inbox_take(in, patience()) == &numbers[1]);
    }
    for (int i = 0; i < 3; i++) CHECK(ov_inbox_try_put(in, &numbers[i]));
    CHECK(!ov_inbox_try_put(in, &numbers[3]));
    CHECK_INT(ov_inbox_dropped(in), 1);
    CHECK_INT(ov_inbox_length(in), 3);
}

static void test_deadline(void)
{
    OV_CLEANUP(ov_inbox_free_p) ov_inbox *in = ov_inbox_new(1, NULL);
    CHECK(ov_inbox_take(in, (ov_mono){0}) == NULL);
    CHECK(ov_inbox_take(in, (ov_mono){-1}) == NULL);
    ov_mono deadline = ov_mono_after(ov_mono_now(), 20);
    CHECK(ov_inbox_take(in, deadline) == NULL);
    CHECK(ov_mono_since(ov_mono_now(), deadline) >= 0);
    CHECK(ov_inbox_put(in, &numbers[0]));
    CHECK(ov_inbox_take(in, (ov_mono){0}) == &numbers[0]); /* what is there comes even when it is late */
}

static void test_stopped(void)
{
    OV_CLEANUP(ov_inbox_free_p) ov_inbox *in = ov_inbox_new(4, NULL);
    CHECK(ov_inbox_put(in, &numbers[0]));
    CHECK(!ov_inbox_is_stopped(in));
    ov_inbox_stop(in);
    CHECK(ov_inbox_is_stopped(in));
    CHECK(!ov_inbox_put(in, &numbers[1]));
    CHECK(!ov_inbox_try_put(in, &numbers[1]));
    CHECK_INT(ov_inbox_dropped(in), 0);
    CHECK(ov_inbox_take(in, patience()) == &numbers[0]);
    CHECK(ov_inbox_take(in, patience()) == NULL);
}

static void test_free_drops(void)
{
    ov_inbox *in = ov_inbox_new(4, count_drop);
    for (int i = 0; i < 3; i++) CHECK(ov_inbox_put(in, &numbers[i]));
    CHECK(ov_inbox_take(in, patience()) == &numbers[0]);
    ov_inbox_free(in);
    CHECK_INT(dropped_items, 2);
    ov_inbox_free(NULL);
}

static void count_wake(void *arg)
{
    atomic_fetch_add((atomic_int *)arg, 1);
}

static void test_wake(void)
{
    atomic_int woken = 0;
    OV_CLEANUP(ov_inbox_free_p) ov_inbox *in = ov_inbox_new(1, NULL);
    ov_inbox_on_put(in, count_wake, &woken);
    CHECK(ov_inbox_put(in, &numbers[0]));
    CHECK_INT(woken, 1);
    CHECK(!ov_inbox_try_put(in, &numbers[0]));
    CHECK_INT(woken, 1);
    ov_inbox_stop(in);
    CHECK_INT(woken, 2);
}

typedef struct {
    ov_inbox *in;
    int items[ITEMS_EACH]; /* each its own number */
    size_t put;
} putter;

static void *put_all(void *arg)
{
    putter *p = arg;
    while (p->put < ITEMS_EACH && ov_inbox_put(p->in, &p->items[p->put])) p->put++;
    return NULL;
}

static void test_many_putters(void)
{
    static putter putters[PUTTERS];
    pthread_t threads[PUTTERS];
    OV_CLEANUP(ov_inbox_free_p) ov_inbox *in = ov_inbox_new(CAPACITY, NULL);
    for (size_t i = 0; i < PUTTERS; i++) {
        putters[i].in = in;
        for (int n = 0; n < ITEMS_EACH; n++) putters[i].items[n] = n;
        CHECK_INT(pthread_create(&threads[i], NULL, put_all, &putters[i]), 0);
    }
    int next[PUTTERS] = {0};
    size_t taken = 0, out_of_order = 0;
    for (int *item; taken < PUTTERS * ITEMS_EACH && (item = ov_inbox_take(in, patience())) != NULL; taken++)
        for (size_t i = 0; i < PUTTERS; i++)
            if (item >= putters[i].items && item < putters[i].items + ITEMS_EACH) out_of_order += *item != next[i]++;
    for (size_t i = 0; i < PUTTERS; i++) pthread_join(threads[i], NULL);
    CHECK_INT(taken, PUTTERS * ITEMS_EACH);
    CHECK_INT(out_of_order, 0);
    CHECK_INT(ov_inbox_length(in), 0);
}

/* Nobody takes: the putters stand before a full inbox when, or soon after, it is stopped. */
static void test_stop_wakes_putters(void)
{
    static putter putters[PUTTERS];
    pthread_t threads[PUTTERS];
    OV_CLEANUP(ov_inbox_free_p) ov_inbox *in = ov_inbox_new(CAPACITY, NULL);
    for (size_t i = 0; i < PUTTERS; i++) {
        putters[i].in = in;
        CHECK_INT(pthread_create(&threads[i], NULL, put_all, &putters[i]), 0);
    }
    while (ov_inbox_length(in) < CAPACITY) sched_yield();
    ov_inbox_stop(in);
    size_t put = 0;
    for (size_t i = 0; i < PUTTERS; i++) {
        pthread_join(threads[i], NULL);
        put += putters[i].put;
    }
    CHECK_INT(put, CAPACITY);
    CHECK_INT(ov_inbox_length(in), CAPACITY);
}

static void *take_one(void *in)
{
    return ov_inbox_take(in, patience());
}

static void test_stop_wakes_taker(void)
{
    pthread_t thread;
    void *item = &numbers[0];
    OV_CLEANUP(ov_inbox_free_p) ov_inbox *in = ov_inbox_new(1, NULL);
    ov_mono start = ov_mono_now();
    CHECK_INT(pthread_create(&thread, NULL, take_one, in), 0);
    ov_inbox_stop(in);
    pthread_join(thread, &item);
    CHECK(item == NULL);
    CHECK(ov_mono_since(ov_mono_now(), start) < PATIENCE_MS);
}

int main(void)
{
    test_order_and_room();
    test_deadline();
    test_stopped();
    test_free_drops();
    test_wake();
    test_many_putters();
    test_stop_wakes_putters();
    test_stop_wakes_taker();
    return check_end();
}
