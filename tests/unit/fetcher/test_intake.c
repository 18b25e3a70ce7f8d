/* Loads go to free workers in the order in which they came; none is wanted while nobody is free; a stop lets all go. */
#include "services/fetcher/intake.h"

#include <pthread.h>

#include "support/check.h"
#include "base/poison.h"

enum { LOADS = 2000, FEEDERS = 3, WORKERS = 4 };

static intake *in;
static unsigned handed[FEEDERS], taken;

static ov_mono within(int64_t ms)
{
    return ov_mono_after(ov_mono_now(), ms);
}

static void *work(void *arg)
{
    (void)arg;
    while (intake_take(in)) __atomic_fetch_add(&taken, 1, __ATOMIC_RELAXED);
    return NULL;
}

static void *feed(void *arg)
{
    unsigned *count = arg;
    intake_place place = {.load = count};
    while (*count < LOADS && intake_wait_for_room(in, within(10000)))
        if (intake_offer(in, &place, within(10000))) ++*count;
    return NULL;
}

static void test_many(void)
{
    pthread_t feeders[FEEDERS], workers[WORKERS];
    in = intake_new();
    for (size_t i = 0; i < WORKERS; i++) pthread_create(&workers[i], NULL, work, NULL);
    for (size_t i = 0; i < FEEDERS; i++) pthread_create(&feeders[i], NULL, feed, &handed[i]);
    for (size_t i = 0; i < FEEDERS; i++) pthread_join(feeders[i], NULL);
    intake_stop(in);
    for (size_t i = 0; i < WORKERS; i++) pthread_join(workers[i], NULL);
    for (size_t i = 0; i < FEEDERS; i++) CHECK_INT(handed[i], LOADS);
    CHECK_INT(taken, FEEDERS * LOADS);
    intake_free(in);
}

static void test_nobody_free(void)
{
    int one = 0, two = 0;
    intake_place first = {.load = &one}, second = {.load = &two};
    in = intake_new();
    CHECK(!intake_wait_for_room(in, within(1)));
    CHECK(!intake_offer(in, &first, within(1)));
    CHECK(!intake_offer(in, &second, within(1)));
    CHECK(!intake_offer(in, &first, within(1))); /* stands where it stood */
    CHECK(intake_take(in) == &one);
    CHECK(intake_offer(in, &first, within(1)));
    CHECK(intake_take(in) == &two);
    CHECK(intake_offer(in, &second, within(1)));
    CHECK(!intake_offer(in, &second, within(1)));
    intake_stop(in);
    CHECK(intake_is_stopped(in));
    CHECK(!intake_offer(in, &second, within(10000)));
    CHECK(intake_take(in) == NULL);
    CHECK(!intake_wait_for_room(in, within(10000)));
    intake_rest(in, within(10000));
    intake_free(in);
}

int main(void)
{
    test_many();
    test_nobody_free();
    return check_end();
}
