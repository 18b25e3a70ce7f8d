/* The book: what is stored counts, whoever stored it; writes that others were faster with; headers; what is in hand. */
#include "services/fetcher/budget.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "support/check.h"
#include "base/poison.h"

enum { NOW = 1000000 };

/* One document that all books share. */
typedef struct {
    budget_state state;
    uint64_t revision;
    unsigned loads, saves, conflicts; /* conflicts: so many writes are refused as if another had been faster */
    bool away;
} shelf;

static ov_status load(void *arg, const budget_key *k, budget_state *ret, uint64_t *ret_revision, ov_err *err)
{
    shelf *s = arg;
    (void)k;
    if (s->away) return ov_fail(err, OV_RETRY, "away");
    s->loads++;
    *ret = s->state;
    *ret_revision = s->revision;
    return OV_OK;
}

static ov_status save(void *arg, const budget_key *k, const budget_state *state, uint64_t revision,
                      uint64_t *ret_revision, ov_err *err)
{
    shelf *s = arg;
    (void)k;
    if (s->away) return ov_fail(err, OV_RETRY, "away");
    if (s->conflicts) {
        s->conflicts--;
        s->revision++;
        s->state.remaining--;
    }
    if (revision != s->revision) return ov_fail(err, OV_NOT_FOUND, "conflict");
    s->saves++;
    s->state = *state;
    *ret_revision = ++s->revision;
    return OV_OK;
}

typedef struct {
    shelf shelf;
    budget_store store;
    budget book;
    budget_key key;
} fixture;

static void begin(fixture *f, const char *credential)
{
    *f = (fixture){0};
    f->store = (budget_store){load, save, &f->shelf};
    budget_init(&f->book);
    budget_configure(&f->book, &(budget_options){.store = &f->store});
    CHECK(budget_key_of("https://API.example.org/x", credential, NULL, &f->key));
}

static void answer(fixture *f, const budget_decision *taken, unsigned status, const char *remaining, const char *limit,
                   const char *reset)
{
    OV_CLEANUP(ov_free_p) ov_fetch_result *head = ov_zalloc(sizeof *head);
    budget_told told;
    head->status = status;
    snprintf(head->ratelimit_remaining, sizeof head->ratelimit_remaining, "%s", remaining);
    snprintf(head->ratelimit_limit, sizeof head->ratelimit_limit, "%s", limit);
    snprintf(head->ratelimit_reset, sizeof head->ratelimit_reset, "%s", reset);
    budget_answered(&f->book, &f->key, taken, head, true, NOW, &told);
}

static void test_keys(void)
{
    static const struct {
        const char *url, *host, *protocol;
    } urls[] = {{"https://API.example.org/x?y", "api.example.org", NULL},
                {"https://api.example.org:443/x", "api.example.org", NULL},
                {"http://api.example.org:443/x", "api.example.org:443", NULL},
                {"http://127.0.0.1:8080/x", "127.0.0.1:8080", NULL},
                {"https://[::1]:8080/x", "[::1]:8080", NULL},
                {"https://github.com/a/b.git", "github.com/git", "git"}};
    budget_key k;
    for (size_t i = 0; i < OV_COUNT(urls); i++) {
        CHECK(budget_key_of(urls[i].url, "69fa509aab63", urls[i].protocol, &k));
        CHECK_C(k.host, urls[i].host);
        CHECK_C(k.credential, "69fa509aab63");
    }
    CHECK(!budget_key_of("file:///etc/passwd", "", NULL, &k));
}

/* A limit that nobody knew: alone, told, then each request is stored before it goes out. */
static void test_reserving(void)
{
    fixture f;
    begin(&f, "");
    budget_decision d = budget_take(&f.book, &f.key, true, 1, NOW);
    CHECK_INT(d.verdict, BUDGET_ALONE);
    CHECK_INT(f.shelf.state.alone_s, NOW + BUDGET_ALONE_S);
    CHECK_INT(budget_take(&f.book, &f.key, true, 1, NOW).verdict, BUDGET_WAIT);
    answer(&f, &d, 200, "2", "3", "1003600");
    CHECK_INT(f.shelf.state.remaining, 2);
    d = budget_take(&f.book, &f.key, true, 1, NOW);
    CHECK_INT(d.verdict, BUDGET_RESERVED);
    CHECK_INT(f.shelf.state.remaining, 1);
    f.shelf.conflicts = 1; /* another takes the last one at the same time */
    d = budget_take(&f.book, &f.key, true, 1, NOW);
    CHECK_INT(d.verdict, BUDGET_WAIT);
    CHECK_INT(d.until_s, NOW + 3600);
    CHECK_INT(f.shelf.state.remaining, 0);
    CHECK_INT(budget_turn_s(&f.book, &f.key, &d), NOW + 3600);
    CHECK_INT(budget_turn_s(&f.book, &f.key, &d), NOW + 3600 + 600); /* not all at the same time */
    budget_clear(&f.book);
}

static void test_no_limit(void)
{
    fixture f;
    begin(&f, "");
    for (int i = 0; i < 100; i++) {
        budget_decision d = budget_take(&f.book, &f.key, false, 1, NOW);
        CHECK_INT(d.verdict, BUDGET_FREE);
        answer(&f, &d, 200, "", "", "");
    }
    CHECK_INT(f.shelf.saves, 0);
    budget_decision d = budget_take(&f.book, &f.key, false, 1, NOW);
    answer(&f, &d, 200, "99, 100;w=60", "100;w=60", "60");
    CHECK_INT(f.shelf.state.remaining, 99);
    CHECK_INT(f.shelf.state.limit, 100);
    CHECK_INT(f.shelf.state.reset_s, NOW + 60);
    CHECK_INT(budget_take(&f.book, &f.key, false, 1, NOW).verdict, BUDGET_RESERVED);
    budget_clear(&f.book);
}

/* What upstream does not count is used by the next request, without a write, and goes back at the end. */
static void test_hand(void)
{
    fixture f;
    begin(&f, "69fa509aab63");
    budget_decision d = budget_take(&f.book, &f.key, true, 1, NOW);
    answer(&f, &d, 200, "10", "11", "1003600");
    d = budget_take(&f.book, &f.key, true, 1, NOW);
    CHECK_INT(f.shelf.state.remaining, 9);
    unsigned saves = f.shelf.saves;
    for (int i = 0; i < 5; i++) {
        answer(&f, &d, 304, "10", "11", "1003600");
        d = budget_take(&f.book, &f.key, true, 1, NOW);
        CHECK_INT(d.verdict, BUDGET_RESERVED);
    }
    CHECK_INT(f.shelf.saves, saves);
    answer(&f, &d, 304, "10", "11", "1003600");
    budget_return(&f.book, NOW);
    CHECK_INT(f.shelf.state.remaining, 10);
    budget_return(&f.book, NOW);
    CHECK_INT(f.shelf.state.remaining, 10);
    budget_clear(&f.book);
}

static void test_anonymous_is_counted(void)
{
    fixture f;
    begin(&f, "");
    budget_decision d = budget_take(&f.book, &f.key, true, 1, NOW);
    answer(&f, &d, 200, "10", "11", "1003600");
    d = budget_take(&f.book, &f.key, true, 1, NOW);
    answer(&f, &d, 304, "9", "11", "1003600");
    (void)budget_take(&f.book, &f.key, true, 1, NOW);
    CHECK_INT(f.shelf.state.remaining, 8);
    budget_clear(&f.book);
}

/* What another fetcher was told holds here. */
static void test_told_off(void)
{
    fixture f;
    begin(&f, "");
    budget other;
    budget_init(&other);
    budget_configure(&other, &(budget_options){.store = &f.store});
    budget_told_off(&other, &f.key, NOW + 90, NOW);
    budget_decision d = budget_take(&f.book, &f.key, false, 1, NOW);
    CHECK_INT(d.verdict, BUDGET_WAIT);
    CHECK_INT(d.until_s, NOW + 90);
    CHECK(budget_is_spent(&f.book, &f.key, NOW, &d));
    CHECK(!budget_is_spent(&f.book, &f.key, NOW + 90, &d));
    budget_clear(&other);
    budget_clear(&f.book);
}

static void test_away(void)
{
    fixture f;
    begin(&f, "");
    f.shelf.away = true;
    budget_decision d = budget_take(&f.book, &f.key, true, 1, NOW);
    CHECK_INT(d.verdict, BUDGET_WAIT);
    CHECK_INT(d.why, BUDGET_WHY_UNKNOWN);
    CHECK_INT(budget_take(&f.book, &f.key, false, 1, NOW).verdict, BUDGET_FREE); /* no limit is known or likely */
    budget_told_off(&f.book, &f.key, NOW + 90, NOW);                             /* counts here all the same */
    CHECK_INT(budget_take(&f.book, &f.key, false, 1, NOW).verdict, BUDGET_WAIT);
    budget_clear(&f.book);
}

/* ---- many threads of two fetchers */

static pthread_mutex_t shelf_lock = PTHREAD_MUTEX_INITIALIZER;

static ov_status load_locked(void *arg, const budget_key *k, budget_state *ret, uint64_t *ret_revision, ov_err *err)
{
    pthread_mutex_lock(&shelf_lock);
    ov_status status = load(arg, k, ret, ret_revision, err);
    pthread_mutex_unlock(&shelf_lock);
    return status;
}

static ov_status save_locked(void *arg, const budget_key *k, const budget_state *s, uint64_t revision,
                             uint64_t *ret_revision, ov_err *err)
{
    pthread_mutex_lock(&shelf_lock);
    ov_status status = save(arg, k, s, revision, ret_revision, err);
    pthread_mutex_unlock(&shelf_lock);
    return status;
}

enum { BOOKS = 2, THREADS = 8, LIMIT = 500 };

typedef struct {
    budget *book;
    unsigned *sent;
} asker;

static void *ask(void *arg)
{
    const asker *a = arg;
    budget_key k;
    OV_CLEANUP(ov_free_p) ov_fetch_result *head = ov_zalloc(sizeof *head);
    (void)budget_key_of("https://api.example.org/x", "", NULL, &k);
    for (;;) {
        budget_decision d = budget_take(a->book, &k, true, 1, NOW);
        if (d.verdict == BUDGET_WAIT && d.why == BUDGET_WHY_ALONE) continue;
        if (d.verdict == BUDGET_WAIT) return NULL;
        unsigned sent = __atomic_add_fetch(a->sent, 1, __ATOMIC_RELAXED);
        budget_told told;
        head->status = 200;
        snprintf(head->ratelimit_remaining, sizeof head->ratelimit_remaining, "%u", sent < LIMIT ? LIMIT - sent : 0);
        snprintf(head->ratelimit_limit, sizeof head->ratelimit_limit, "%d", LIMIT);
        snprintf(head->ratelimit_reset, sizeof head->ratelimit_reset, "%d", NOW + 3600);
        budget_answered(a->book, &k, &d, head, true, NOW, &told);
    }
}

static void test_many_threads(void)
{
    shelf s = {0};
    budget_store store = {load_locked, save_locked, &s};
    budget books[BOOKS];
    pthread_t threads[BOOKS * THREADS];
    asker askers[BOOKS];
    unsigned sent = 0;
    for (size_t i = 0; i < BOOKS; i++) {
        budget_init(&books[i]);
        budget_configure(&books[i], &(budget_options){.store = &store, .reserve_percent = 10});
        askers[i] = (asker){&books[i], &sent};
    }
    for (size_t i = 0; i < BOOKS * THREADS; i++) pthread_create(&threads[i], NULL, ask, &askers[i % BOOKS]);
    for (size_t i = 0; i < BOOKS * THREADS; i++) pthread_join(threads[i], NULL);
    CHECK_INT(sent, LIMIT - LIMIT / 10);
    CHECK_INT(s.state.remaining, LIMIT / 10);
    for (size_t i = 0; i < BOOKS; i++) budget_clear(&books[i]);
}

int main(void)
{
    test_many_threads();
    test_keys();
    test_reserving();
    test_no_limit();
    test_hand();
    test_anonymous_is_counted();
    test_told_off();
    test_away();
    return check_end();
}
