/* So many looks at one host and no more; slow and failing ones; times to come back that differ. */
#include "services/fetcher/hosts.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "support/check.h"
#include "base/poison.h"

static circuit_state told = CIRCUIT_CLOSED;

static void note(void *arg, const char *host, circuit_state state)
{
    (void)arg;
    CHECK_C(host, "a");
    told = state;
}

static void test_busy(void)
{
    hosts h;
    hosts_init(&h, &(hosts_options){.at_once = 2});
    hosts_ticket one = hosts_enter(&h, "a"), two = hosts_enter(&h, "a"), other = hosts_enter(&h, "b");
    CHECK_INT(one.verdict, HOSTS_IN);
    CHECK_INT(two.verdict, HOSTS_IN);
    CHECK_INT(other.verdict, HOSTS_IN);
    int64_t last_ms = 0;
    for (int i = 0; i < 100; i++) {
        hosts_ticket t = hosts_enter(&h, "a");
        CHECK_INT(t.verdict, HOSTS_BUSY);
        CHECK(t.wait_ms >= 1000 && t.wait_ms + 1000 >= last_ms);
        last_ms = t.wait_ms;
    }
    CHECK(last_ms > 20000); /* a look is thought to take half a second before one was seen: four a second */
    hosts_leave(&h, &one, HOSTS_WELL);
    hosts_ticket next = hosts_enter(&h, "a");
    CHECK_INT(next.verdict, HOSTS_IN);
    hosts_leave(&h, &two, HOSTS_WELL);
    hosts_leave(&h, &next, HOSTS_WELL);
    hosts_leave(&h, &other, HOSTS_UNTOLD);
    hosts_clear(&h);
}

/* Nobody is sent away for hours because a host is slow. */
static void test_slow(void)
{
    hosts h;
    hosts_init(&h, &(hosts_options){.at_once = 4});
    hosts_ticket one = hosts_enter(&h, "a");
    one.began_ms -= HOSTS_SLOW_MS;
    hosts_leave(&h, &one, HOSTS_WELL);
    one = hosts_enter(&h, "a");
    CHECK_INT(one.verdict, HOSTS_IN);
    for (int i = 0; i < 1000; i++) {
        hosts_ticket t = hosts_enter(&h, "a");
        CHECK_INT(t.verdict, HOSTS_BUSY);
        CHECK(t.wait_ms <= HOSTS_BUSY_MAX_MS);
    }
    hosts_leave(&h, &one, HOSTS_WELL);
    hosts_clear(&h);
}

static void test_failing(void)
{
    hosts h;
    hosts_init(&h, &(hosts_options){.at_once = 2, .changed = note});
    for (int i = 0; i < CIRCUIT_FAILURES; i++) {
        hosts_ticket t = hosts_enter(&h, "a");
        CHECK_INT(t.verdict, HOSTS_IN);
        hosts_leave(&h, &t, HOSTS_FAILED);
    }
    CHECK_INT(told, CIRCUIT_OPEN);
    hosts_ticket t = hosts_enter(&h, "a");
    CHECK_INT(t.verdict, HOSTS_ASIDE);
    CHECK(t.wait_ms >= 1000);
    hosts_clear(&h);
}

static void test_many(void)
{
    hosts h;
    char name[16];
    hosts_init(&h, &(hosts_options){.at_once = 1});
    hosts_ticket kept = hosts_enter(&h, "kept");
    for (int i = 0; i < HOSTS_MAX * 2; i++) {
        snprintf(name, sizeof name, "h%d", i);
        hosts_ticket t = hosts_enter(&h, name);
        hosts_leave(&h, &t, HOSTS_WELL);
    }
    CHECK(h.each.count <= HOSTS_MAX);
    CHECK_INT(hosts_enter(&h, "kept").verdict, HOSTS_BUSY);
    hosts_leave(&h, &kept, HOSTS_WELL);
    hosts_clear(&h);
}

static bool free_worker;

static bool is_free(void *arg)
{
    (void)arg;
    return __atomic_load_n(&free_worker, __ATOMIC_RELAXED);
}

static void *enter(void *h)
{
    hosts_ticket *t = ov_zalloc(sizeof *t);
    *t = hosts_enter(h, "a");
    return t;
}

/* Who finds no place gets the next one, unless the worker is needed. */
static void test_patience(void)
{
    hosts h;
    pthread_t waiting;
    hosts_init(&h, &(hosts_options){.at_once = 1, .may_wait = is_free});
    for (int i = 0; i < 2; i++) {
        void *got;
        __atomic_store_n(&free_worker, true, __ATOMIC_RELAXED);
        hosts_ticket one = hosts_enter(&h, "a");
        pthread_create(&waiting, NULL, enter, &h);
        if (i == 0)
            hosts_leave(&h, &one, HOSTS_WELL);
        else
            __atomic_store_n(&free_worker, false, __ATOMIC_RELAXED);
        pthread_join(waiting, &got);
        hosts_ticket *next = got;
        CHECK_INT(next->verdict, i == 0 ? HOSTS_IN : HOSTS_BUSY);
        hosts_leave(&h, i == 0 ? next : &one, HOSTS_WELL);
        free(next);
    }
    hosts_clear(&h);
}

int main(void)
{
    test_patience();
    test_busy();
    test_slow();
    test_failing();
    test_many();
    return check_end();
}
