/* Entries, each used by one thread at a time: copy, decide, store, and again when another was faster. */
#include "services/fetcher/budget.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/random.h"
#include "base/poison.h"

enum {
    TRIES_MAX = 50,     /* that others were faster */
    UNKNOWN_WAIT_S = 5, /* when the store cannot be asked */
    UNKNOWN_GAP_MS = 250
};

typedef struct {
    budget_key key;
    budget_state state;
    uint64_t revision;
    bool loaded;     /* state is what was stored once */
    ov_mono read_at; /* when it surely was */
    bool busy;       /* a thread works on it without the lock */
    int64_t hand, hand_reset_s;
    spread line;
} entry;

bool budget_key_of(const char *url, const char *credential, const char *protocol, budget_key *ret)
{
    ov_url_parts p;
    if (!ov_url_split(url, &p)) return false;
    bool six = strchr(p.host, ':') != NULL, usual = strcmp(p.port, p.https ? "443" : "80") == 0;
    snprintf(ret->host, sizeof ret->host, "%s%s%s%s%s%s%s", six ? "[" : "", p.host, six ? "]" : "", usual ? "" : ":",
             usual ? "" : p.port, protocol ? "/" : "", protocol ? protocol : "");
    for (char *c = ret->host; *c; c++)
        if (*c >= 'A' && *c <= 'Z') *c = (char)(*c - 'A' + 'a');
    snprintf(ret->credential, sizeof ret->credential, "%s", credential);
    return true;
}

/* ---- the table ---- */

void budget_init(budget *b)
{
    *b = (budget){0};
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&b->moved, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_mutex_init(&b->lock, NULL);
}

void budget_configure(budget *b, const budget_options *o)
{
    b->o = *o;
}

void budget_clear(budget *b)
{
    size_t at = 0;
    ov_str name;
    void *each;
    while (ov_map_next(&b->entries, &at, &name, &each)) free(each);
    ov_map_clear(&b->entries);
    pthread_cond_destroy(&b->moved);
    pthread_mutex_destroy(&b->lock);
}

static ov_str name_of(const budget_key *k, char out[sizeof(budget_key) + 1])
{
    snprintf(out, sizeof(budget_key) + 1, "%s %s", k->host, k->credential);
    return ov_str_of(out);
}

/* What is stored can be read again; what is the process's own is forgotten. */
static void make_room(budget *b)
{
    size_t at = 0;
    ov_str name;
    void *each;
    while (b->entries.count >= BUDGET_ENTRIES_MAX && ov_map_next(&b->entries, &at, &name, &each)) {
        entry *e = each;
        if (e->busy || e->hand) continue;
        (void)ov_map_remove(&b->entries, name);
        free(e);
    }
}

static entry *entry_of(budget *b, const budget_key *k)
{
    char text[sizeof(budget_key) + 1];
    ov_str name = name_of(k, text);
    entry *e = ov_map_get(&b->entries, name);
    if (e) return e;
    make_room(b);
    e = ov_zalloc(sizeof *e);
    e->key = *k;
    ov_map_put(&b->entries, name, e);
    return e;
}

/* With the lock; the entry is this thread's until release. */
static entry *claim(budget *b, const budget_key *k)
{
    entry *e = entry_of(b, k);
    while (e->busy) {
        pthread_cond_wait(&b->moved, &b->lock);
        e = entry_of(b, k);
    }
    e->busy = true;
    return e;
}

static void release(budget *b, entry *e)
{
    e->busy = false;
    pthread_cond_broadcast(&b->moved);
}

/* ---- the store; with the entry claimed, without the lock ---- */

static bool is_fresh(const entry *e)
{
    return e->loaded && ov_mono_since(ov_mono_now(), e->read_at) < BUDGET_FRESH_MS;
}

static void stands(budget *b, entry *e, const budget_state *s, uint64_t revision, ov_mono at)
{
    e->state = *s;
    e->revision = revision;
    e->loaded = true;
    e->read_at = at;
    if (b->o.seen) b->o.seen(b->o.arg, &e->key, s);
}

static ov_status load(budget *b, entry *e, ov_err *err)
{
    const budget_store *store = b->o.store;
    budget_state s = e->state;
    uint64_t revision = 0;
    ov_mono now = ov_mono_now();
    ov_status status = store ? store->load(store->arg, &e->key, &s, &revision, err) : OV_OK;
    if (status != OV_OK) return status;
    stands(b, e, &s, revision, now);
    return OV_OK;
}

static ov_status save(budget *b, entry *e, const budget_state *s, ov_err *err)
{
    const budget_store *store = b->o.store;
    uint64_t revision = 0;
    ov_mono now = ov_mono_now();
    ov_status status = store ? store->save(store->arg, &e->key, s, e->revision, &revision, err) : OV_OK;
    if (status != OV_OK) return status;
    stands(b, e, s, revision, now);
    return OV_OK;
}

/* Applies an event to what is stored. OV_OK: *ret was decided on the stored state, and is stored. */
static ov_status agree(budget *b, entry *e, const budget_event *event, int64_t now_s, budget_decision *ret, ov_err *err)
{
    ov_status status = OV_OK;
    for (unsigned tries = 0; tries < TRIES_MAX; tries++) {
        if (!is_fresh(e) || status == OV_NOT_FOUND) status = load(b, e, err);
        if (status != OV_OK) return status;
        budget_state s = e->state;
        *ret = budget_apply(&s, event, now_s);
        if (!ret->changed) return OV_OK;
        status = save(b, e, &s, err);
        if (status != OV_NOT_FOUND) return status;
    }
    return ov_fail(err, OV_RETRY, "budget of %s: others were faster %d times", e->key.host, TRIES_MAX);
}

/* What is told here and cannot be stored counts in this process at least, until the next reading. */
static void tell(budget *b, const budget_key *k, const budget_event *event, int64_t now_s)
{
    ov_err err = {0};
    budget_decision d = {0};
    pthread_mutex_lock(&b->lock);
    entry *e = claim(b, k);
    pthread_mutex_unlock(&b->lock);
    ov_status status = agree(b, e, event, now_s, &d, &err);
    if (status != OV_OK) {
        ov_log_warn("a budget is not stored: it counts in this process alone", "host", k->host, "reason", err.msg);
        (void)budget_apply(&e->state, event, now_s);
    }
    pthread_mutex_lock(&b->lock);
    if (d.changed) b->changes++;
    release(b, e);
    pthread_mutex_unlock(&b->lock);
}

/* ---- taking ---- */

/* Of what an earlier request did not use; with the lock, the entry claimed. */
static bool take_from_hand(entry *e, int64_t now_s, budget_decision *ret)
{
    if (e->hand > 0 && e->hand_reset_s - now_s <= BUDGET_GUARD_S) e->hand = 0;
    if (e->hand == 0 || e->state.wait_s > now_s || e->state.reset_s != e->hand_reset_s) return false;
    e->hand--;
    *ret = (budget_decision){.verdict = BUDGET_RESERVED, .until_s = e->hand_reset_s};
    return true;
}

/* What was known before counts on; a host that never told a limit is asked. */
static budget_decision unavailable(const entry *e, const budget_event *event, int64_t now_s, const ov_err *err)
{
    budget_state s = e->state;
    budget_decision d = budget_apply(&s, event, now_s);
    if (d.verdict == BUDGET_WAIT || d.verdict == BUDGET_FREE) return d;
    ov_log_warn("not asked: the bus could not be asked what is left of the budget", "host", e->key.host, "reason",
                err->msg);
    return (budget_decision){
        .verdict = BUDGET_WAIT, .why = BUDGET_WHY_UNKNOWN, .until_s = now_s + UNKNOWN_WAIT_S, .gap_ms = UNKNOWN_GAP_MS};
}

static budget_decision take_once(budget *b, entry *e, const budget_event *event, int64_t now_s)
{
    budget_decision d = {0};
    ov_err err = {0};
    if (!is_fresh(e) && load(b, e, &err) != OV_OK) return unavailable(e, event, now_s, &err);
    if (take_from_hand(e, now_s, &d)) return d;
    return agree(b, e, event, now_s, &d, &err) == OV_OK ? d : unavailable(e, event, now_s, &err);
}

/* With the lock: until an entry has changed here, or what others stored may have. */
static void wait_a_little(budget *b)
{
    ov_mono until = ov_mono_after(ov_mono_now(), BUDGET_FRESH_MS);
    struct timespec at = {.tv_sec = until.ms / 1000, .tv_nsec = until.ms % 1000 * 1000000};
    unsigned seen = b->changes;
    while (b->changes == seen && pthread_cond_timedwait(&b->moved, &b->lock, &at) == 0) {
    }
}

budget_decision budget_take(budget *b, const budget_key *k, bool api, int64_t count, int64_t now_s)
{
    budget_event event = {.kind = BUDGET_TAKE, .api = api, .count = count, .reserve_percent = b->o.reserve_percent};
    ov_mono began = ov_mono_now();
    budget_decision d;
    bool patient;
    pthread_mutex_lock(&b->lock);
    do {
        entry *e = claim(b, k);
        int64_t waited_ms = ov_mono_since(ov_mono_now(), began);
        pthread_mutex_unlock(&b->lock);
        d = take_once(b, e, &event, now_s + waited_ms / 1000);
        pthread_mutex_lock(&b->lock);
        patient = d.verdict == BUDGET_WAIT && d.why == BUDGET_WHY_ALONE && waited_ms < BUDGET_PATIENCE_MS;
        if (d.changed) b->changes++;
        release(b, e);
        if (patient) wait_a_little(b);
    } while (patient);
    pthread_mutex_unlock(&b->lock);
    return d;
}

/* ---- answers ---- */

/* "60", or "100, 100;w=60" and "100;w=21600" of drafts of RateLimit (draft-ietf-httpapi-ratelimit-headers). */
static bool read_count(const char *text, int64_t *ret)
{
    size_t digits = strspn(text, "0123456789");
    uint64_t n;
    if (!digits || !ov_str_to_u64((ov_str){text, digits}, &n)) return false;
    *ret = n > INT32_MAX ? INT32_MAX : (int64_t)n;
    return true;
}

/* Unix seconds of upstream's clock, told apart from seconds that are left; by our clock. 0: not told. */
static int64_t read_reset(const ov_fetch_result *head, int64_t now_s)
{
    enum { CLOCKS_AGREE_S = 2 };
    uint64_t n;
    if (!ov_str_to_u64(ov_str_of(head->ratelimit_reset), &n) || n == 0 || n > INT64_MAX / 4) return 0;
    int64_t reset_s = (int64_t)n;
    if (reset_s < now_s / 2) return now_s + reset_s;
    int64_t ahead_s = ov_fetch_date_s(ov_str_of(head->date)) - now_s;
    bool told = head->date[0] && ahead_s > -now_s;
    return told && (ahead_s > CLOCKS_AGREE_S || ahead_s < -CLOCKS_AGREE_S) ? reset_s - ahead_s : reset_s;
}

static void keep_in_hand(budget *b, const budget_key *k, int64_t reset_s)
{
    pthread_mutex_lock(&b->lock);
    entry *e = claim(b, k);
    if (e->hand_reset_s < reset_s) {
        e->hand = 0;
        e->hand_reset_s = reset_s;
    }
    if (e->hand_reset_s == reset_s) e->hand++;
    release(b, e);
    pthread_mutex_unlock(&b->lock);
}

void budget_answered(budget *b, const budget_key *k, const budget_decision *taken, const ov_fetch_result *head,
                     bool unchanged_is_free, int64_t now_s, budget_told *ret)
{
    *ret = (budget_told){.reset_s = read_reset(head, now_s)};
    ret->told = read_count(head->ratelimit_remaining, &ret->remaining);
    (void)read_count(head->ratelimit_limit, &ret->limit);
    const budget_event e = {.kind = BUDGET_ANSWERED,
                            .alone = taken->verdict == BUDGET_ALONE,
                            .told = ret->told,
                            .served = head->status < 500 && head->status != 429,
                            .remaining = ret->remaining,
                            .limit = ret->limit,
                            .until_s = ret->reset_s};
    if (e.told || e.alone) tell(b, k, &e, now_s);
    bool uncounted = head->status == 304 && unchanged_is_free && k->credential[0];
    if (uncounted && taken->verdict == BUDGET_RESERVED) keep_in_hand(b, k, taken->until_s);
}

void budget_lost(budget *b, const budget_key *k, const budget_decision *taken, int64_t now_s)
{
    budget_event e = {.kind = BUDGET_LOST, .alone = taken->verdict == BUDGET_ALONE};
    if (e.alone) tell(b, k, &e, now_s);
}

void budget_told_off(budget *b, const budget_key *k, int64_t until_s, int64_t now_s)
{
    budget_event e = {.kind = BUDGET_TOLD_OFF, .until_s = until_s};
    tell(b, k, &e, now_s);
}

/* ---- what is known ---- */

budget_state budget_look_up(budget *b, const budget_key *k)
{
    pthread_mutex_lock(&b->lock);
    entry *e = claim(b, k);
    budget_state s = e->state;
    release(b, e);
    pthread_mutex_unlock(&b->lock);
    return s;
}

int64_t budget_granted(budget *b, const budget_key *k)
{
    int64_t limit = budget_look_up(b, k).limit;
    return limit - budget_reserve(limit, b->o.reserve_percent);
}

bool budget_is_spent(budget *b, const budget_key *k, int64_t now_s, budget_decision *ret)
{
    budget_event event = {.kind = BUDGET_TAKE, .reserve_percent = b->o.reserve_percent};
    budget_state s = budget_look_up(b, k);
    budget_decision d = budget_apply(&s, &event, now_s);
    bool spent = d.verdict == BUDGET_WAIT && d.why != BUDGET_WHY_ALONE;
    if (spent) *ret = d;
    return spent;
}

int64_t budget_turn_s(budget *b, const budget_key *k, const budget_decision *wait)
{
    pthread_mutex_lock(&b->lock);
    entry *e = entry_of(b, k);
    int64_t at_s = spread_next_s(&e->line, wait->until_s, wait->gap_ms, ov_random_u64());
    pthread_mutex_unlock(&b->lock);
    return at_s;
}

/* The next entry that has something in hand, NULL when none has; with the lock. */
static entry *next_handful(budget *b)
{
    size_t at = 0;
    ov_str name;
    void *each;
    while (ov_map_next(&b->entries, &at, &name, &each)) {
        entry *e = each;
        if (e->hand > 0) return e;
    }
    return NULL;
}

void budget_return(budget *b, int64_t now_s)
{
    for (;;) {
        pthread_mutex_lock(&b->lock);
        entry *e = next_handful(b);
        budget_event event = {.kind = BUDGET_RETURN};
        budget_key k = {0};
        if (e) {
            event.count = e->hand;
            event.until_s = e->hand_reset_s;
            k = e->key;
            e->hand = 0;
        }
        pthread_mutex_unlock(&b->lock);
        if (!e) return;
        tell(b, &k, &event, now_s);
    }
}
