/* Keeps the newest report of each tracker until it is stored, with retries, repeats and revisions. */
#include "services/collector/delivery.h"

#include <stdlib.h>

#include "base/backoff.h"
#include "base/map.h"
#include "base/mem.h"

#include "base/poison.h"

enum {
    RETRY_BASE_MS = 250,
    RETRY_MAX_MS = 15000,
    FAR_MS = 3600 * 1000,
    PERIOD_MIN_MS = 1000,
    PERIOD_MAX_MS = 7 * 24 * 3600 * 1000,
    OUTAGE_FAILURES = 3 /* in a row: not one report's trouble, everybody's */
};

typedef struct {
    char *tracker;
    char *body; /* the newest; empty: gone */
    size_t body_len;
    char digest[REPORT_DIGEST_HEX];    /* of body */
    char delivered[REPORT_DIGEST_HEX]; /* of what was stored last; empty: nothing counts as delivered */
    char flying_digest[REPORT_DIGEST_HEX];
    int64_t revision, flying_revision;
    bool flying_gone; /* what flies is a tombstone */
    bool due, flying, refused;
    ov_mono not_before, repeat_at;
    ov_backoff backoff;
} item;

struct delivery {
    ov_map items; /* tracker -> item */
    int64_t revision;
    int64_t period_ms;
    uint64_t random;
    inventory_digest digest; /* of what was delivered */
    int64_t count;
    char inventory_digest_sent[REPORT_DIGEST_HEX];
    size_t at; /* where the next search begins, so that many trackers are not searched from the start each time */
    unsigned failures_in_row;
    bool inventory_wanted, stored_any;
    ov_mono stored_at;
};

static uint64_t next_random(delivery *d)
{
    d->random = d->random * 6364136223846793005u + 1442695040888963407u;
    return d->random ^ (d->random >> 29);
}

static void item_free(item *it)
{
    free(it->tracker);
    free(it->body);
    free(it);
}

delivery *delivery_new(uint64_t random)
{
    delivery *d = ov_zalloc(sizeof *d);
    d->random = random;
    d->period_ms = DELIVERY_PERIOD_MS;
    return d;
}

void delivery_free(delivery *d)
{
    if (!d) return;
    size_t at = 0;
    ov_str key;
    void *value;
    while (ov_map_next(&d->items, &at, &key, &value)) item_free(value);
    ov_map_clear(&d->items);
    free(d);
}

static item *item_new(delivery *d, ov_str tracker)
{
    item *it = ov_zalloc(sizeof *it);
    it->tracker = ov_dup(tracker);
    it->backoff = (ov_backoff){.base_ms = RETRY_BASE_MS, .max_ms = RETRY_MAX_MS};
    ov_map_put(&d->items, tracker, it);
    return it;
}

void delivery_put(delivery *d, ov_str tracker, ov_str body, ov_mono now)
{
    char digest[REPORT_DIGEST_HEX];
    report_digest(body, digest);
    item *it = ov_map_get(&d->items, tracker);
    if (it && ov_str_eq(ov_str_of(it->digest), ov_str_of(digest))) return;
    if (!it) {
        if (body.len == 0) return;
        it = item_new(d, tracker);
    }
    free(it->body);
    it->body = ov_dup(body);
    it->body_len = body.len;
    memcpy(it->digest, digest, sizeof digest);
    it->revision = ++d->revision;
    it->due = true;
    it->refused = false;
    it->not_before = now;
    ov_backoff_reset(&it->backoff);
}

static bool is_ready(const item *it, ov_mono now)
{
    if (it->flying) return false;
    if (it->due) return it->not_before.ms <= now.ms;
    return !it->refused && it->body_len > 0 && it->repeat_at.ms <= now.ms;
}

static item *find_ready(delivery *d, ov_mono now)
{
    ov_str key;
    void *value;
    while (ov_map_next(&d->items, &d->at, &key, &value)) {
        if (is_ready(value, now)) return value;
    }
    d->at = 0;
    return NULL;
}

bool delivery_next(delivery *d, ov_mono now, delivery_item *ret)
{
    bool from_start = d->at == 0;
    item *it = find_ready(d, now);
    if (!it && !from_start) it = find_ready(d, now);
    if (!it) return false;
    it->flying = true;
    it->due = false;
    it->flying_revision = it->revision;
    it->flying_gone = it->body_len == 0;
    memcpy(it->flying_digest, it->digest, sizeof it->flying_digest);
    *ret = (delivery_item){ov_str_of(it->tracker), {it->body, it->body_len}, it->revision};
    return true;
}

/* Takes what was delivered of the item out of the inventory's digest. */
static void forget_delivered(delivery *d, item *it)
{
    if (!it->delivered[0]) return;
    inventory_digest_toggle(&d->digest, ov_str_of(it->tracker), ov_str_of(it->delivered));
    d->count--;
    it->delivered[0] = '\0';
}

/* Spread over the last quarter of the period, so that a fleet that started together does not repeat together. */
static ov_mono repeat_time(delivery *d, ov_mono now)
{
    int64_t spread_ms = (int64_t)(next_random(d) % (uint64_t)(d->period_ms / 4 + 1));
    return ov_mono_after(now, d->period_ms - spread_ms);
}

/* What had to wait because nobody could be reached need not wait for its own next try. */
static void end_outage(delivery *d, ov_mono now)
{
    size_t at = 0;
    ov_str key;
    void *value;
    bool was_outage = d->failures_in_row >= OUTAGE_FAILURES;
    d->failures_in_row = 0;
    while (was_outage && ov_map_next(&d->items, &at, &key, &value)) {
        item *it = value;
        if (it->due) it->not_before = now;
        ov_backoff_reset(&it->backoff);
    }
}

/* What flew is what the other side holds now, even when something newer is due already. */
static void note_stored(delivery *d, item *it, ov_mono now)
{
    forget_delivered(d, it);
    d->stored_at = now;
    d->stored_any = true;
    ov_backoff_reset(&it->backoff);
    end_outage(d, now);
    if (it->flying_gone) {
        if (it->due) return;
        ov_map_remove(&d->items, ov_str_of(it->tracker));
        item_free(it);
        return;
    }
    memcpy(it->delivered, it->flying_digest, sizeof it->delivered);
    inventory_digest_toggle(&d->digest, ov_str_of(it->tracker), ov_str_of(it->delivered));
    d->count++;
    it->repeat_at = repeat_time(d, now);
}

void delivery_done(delivery *d, ov_str tracker, int64_t revision, delivery_outcome outcome, ov_mono now)
{
    item *it = ov_map_get(&d->items, tracker);
    if (!it || !it->flying || it->flying_revision != revision) return;
    it->flying = false;
    if (outcome == DELIVERY_STORED) {
        note_stored(d, it, now);
        return;
    }
    if (outcome == DELIVERY_RETRY) d->failures_in_row++;
    if (it->revision != revision) return; /* a newer one is due already */
    if (outcome == DELIVERY_REFUSED) {
        it->refused = true;
        return;
    }
    it->due = true;
    it->not_before = ov_mono_after(now, ov_backoff_next_ms(&it->backoff, next_random(d)));
}

static void set_period(delivery *d, int64_t period_ms, ov_mono now)
{
    size_t at = 0;
    ov_str key;
    void *value;
    if (period_ms < PERIOD_MIN_MS) period_ms = PERIOD_MIN_MS;
    if (period_ms > PERIOD_MAX_MS) period_ms = PERIOD_MAX_MS;
    if (period_ms == d->period_ms) return;
    d->period_ms = period_ms;
    while (ov_map_next(&d->items, &at, &key, &value)) ((item *)value)->repeat_at = repeat_time(d, now);
}

void delivery_ask(delivery *d, const ask_report *ask, ov_mono now)
{
    if (ask->report_period_ms > 0) set_period(d, ask->report_period_ms, now);
    d->inventory_wanted |= ask->inventory_wanted;
    for (size_t i = 0; i < ask->wanted_count; i++) {
        item *it = ov_map_get(&d->items, ask->wanted[i]);
        if (!it || it->flying || it->refused) continue;
        it->due = true;
        it->not_before = now;
    }
}

void delivery_repeat_all(delivery *d, ov_mono now)
{
    size_t at = 0;
    ov_str key;
    void *value;
    while (ov_map_next(&d->items, &at, &key, &value)) {
        item *it = value;
        if (!it->due && !it->refused && it->body_len > 0) it->repeat_at = now;
    }
}

ov_mono delivery_wake_at(const delivery *d, ov_mono now)
{
    ov_mono wake = ov_mono_after(now, FAR_MS);
    size_t at = 0;
    ov_str key;
    void *value;
    while (ov_map_next(&d->items, &at, &key, &value)) {
        const item *it = value;
        if (it->flying || (it->refused && !it->due)) continue;
        ov_mono when = it->due ? it->not_before : it->repeat_at;
        if (when.ms < wake.ms) wake = when;
    }
    return wake;
}

void delivery_summarize(delivery *d, delivery_summary *ret)
{
    size_t pending = 0, at = 0;
    ov_str key;
    void *value;
    ret->revision = d->revision;
    while (ov_map_next(&d->items, &at, &key, &value)) {
        const item *it = value;
        if (it->due || it->flying) pending++;
        /* A refused report is never stored: waiting for it would keep the heartbeat from saying anything. */
        bool is_delivered = ov_str_eq(ov_str_of(it->delivered), ov_str_of(it->digest));
        if (it->refused || (is_delivered && !it->due)) continue;
        if (it->revision <= ret->revision) ret->revision = it->revision - 1;
    }
    ret->count = d->count;
    inventory_digest_hex(&d->digest, ret->digest);
    bool changed = !ov_str_eq(ov_str_of(ret->digest), ov_str_of(d->inventory_digest_sent));
    ret->inventory_wanted = pending == 0 && d->inventory_wanted;
    ret->inventory_due = ret->inventory_wanted || (pending == 0 && changed);
}

static int by_id(const void *a, const void *b)
{
    return ov_str_cmp(((const inventory_item *)a)->id, ((const inventory_item *)b)->id);
}

size_t delivery_inventory(const delivery *d, inventory_item **ret_items)
{
    inventory_item *items = ov_calloc((size_t)d->count + 1, sizeof *items);
    size_t count = 0, at = 0;
    ov_str key;
    void *value;
    while (ov_map_next(&d->items, &at, &key, &value)) {
        const item *it = value;
        if (it->delivered[0]) items[count++] = (inventory_item){ov_str_of(it->tracker), ov_str_of(it->delivered)};
    }
    qsort(items, count, sizeof *items, by_id);
    *ret_items = items;
    return count;
}

void delivery_inventory_flies(delivery *d)
{
    d->inventory_wanted = false;
}

void delivery_inventory_sent(delivery *d, ov_str digest)
{
    size_t len = digest.len < REPORT_DIGEST_HEX - 1 ? digest.len : REPORT_DIGEST_HEX - 1;
    memcpy(d->inventory_digest_sent, digest.ptr, len);
    d->inventory_digest_sent[len] = '\0';
}

size_t delivery_pending(const delivery *d)
{
    size_t pending = 0, at = 0;
    ov_str key;
    void *value;
    while (ov_map_next(&d->items, &at, &key, &value)) {
        const item *it = value;
        if (it->due || it->flying) pending++;
    }
    return pending;
}

int64_t delivery_age_ms(const delivery *d, ov_mono now)
{
    return d->stored_any ? ov_mono_since(now, d->stored_at) : -1;
}
