/* The cases of the decision, each by itself. */
#include "services/fetcher/budget_rules.h"

#include "base/poison.h"

enum {
    GAP_MS = 1000,
    GAP_MAX_MS = 600 * 1000,
    ALONE_WAIT_S = 2,
    LATER_S = 60,
    PERIOD_MAX_S = 32 * 24 * 3600,
    CLOCKS_S = 600
};

static const char *const why_texts[] = {
    [BUDGET_WHY_NONE] = "",
    [BUDGET_WHY_SPENT] = "the provider's budget is spent until its reset",
    [BUDGET_WHY_TOLD_OFF] = "the host wants to be left alone until then",
    [BUDGET_WHY_ALONE] = "another request is asking what is left of the budget",
    [BUDGET_WHY_UNKNOWN] = "the bus could not be asked what is left of the budget",
};

const char *budget_why_text(budget_why w)
{
    return why_texts[w];
}

int64_t budget_reserve(int64_t limit, int64_t percent)
{
    if (limit <= 1 || percent <= 0) return 0;
    int64_t whole = limit / 100 * percent, rest = (limit % 100 * percent + 99) / 100;
    return whole + rest < limit ? whole + rest : limit - 1;
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t most(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static budget_decision wait_for(budget_why why, int64_t until_s, int64_t gap_ms)
{
    return (budget_decision){.verdict = BUDGET_WAIT, .why = why, .until_s = until_s, .gap_ms = gap_ms};
}

/* Those who wait share what a period grants. */
static int64_t gap_ms(const budget_state *s, int64_t reserve)
{
    int64_t usable = most(s->limit - reserve, 1);
    if (s->limit <= 0 || s->period_s <= 0) return GAP_MS;
    return least(least(s->period_s, PERIOD_MAX_S) * 1000 / usable, GAP_MAX_MS);
}

/* ---- taking ---- */

/* No more than half of a period may be asked for, or there would be none that is good enough. */
static int64_t needed(const budget_state *s, const budget_event *e, int64_t reserve)
{
    return most(least(e->count, (s->limit - reserve) / 2), 1);
}

static budget_decision take_known(budget_state *s, const budget_event *e, int64_t now_s)
{
    int64_t reserve = budget_reserve(s->limit, e->reserve_percent);
    bool closing = s->reset_s - now_s <= BUDGET_GUARD_S;
    if (closing || s->remaining - needed(s, e, reserve) < reserve)
        return wait_for(BUDGET_WHY_SPENT, s->reset_s, gap_ms(s, reserve));
    s->remaining--;
    return (budget_decision){.changed = true, .verdict = BUDGET_RESERVED, .until_s = s->reset_s};
}

static budget_decision take_unknown(budget_state *s, const budget_event *e, bool had_limit, int64_t now_s)
{
    bool suspected = had_limit || s->limit > 0 || (e->api && s->unlimited_s <= now_s);
    if (!suspected) return (budget_decision){.verdict = BUDGET_FREE};
    if (s->alone_s > now_s) return wait_for(BUDGET_WHY_ALONE, least(s->alone_s, now_s + ALONE_WAIT_S), GAP_MS / 10);
    s->alone_s = now_s + BUDGET_ALONE_S;
    return (budget_decision){.changed = true, .verdict = BUDGET_ALONE};
}

static budget_decision take(budget_state *s, const budget_event *e, int64_t now_s)
{
    bool known = s->reset_s > now_s, had_limit = s->reset_s > 0;
    if (s->wait_s > now_s)
        return wait_for(BUDGET_WHY_TOLD_OFF, s->wait_s, gap_ms(s, budget_reserve(s->limit, e->reserve_percent)));
    return known ? take_known(s, e, now_s) : take_unknown(s, e, had_limit, now_s);
}

/* ---- what an answer tells ---- */

/* No host grants by more than a month: a time behind that is of another unit, or none. */
static int64_t reset_of(const budget_state *s, const budget_event *e, int64_t now_s)
{
    if (e->until_s > 0 && e->until_s <= now_s + PERIOD_MAX_S) return e->until_s;
    return s->reset_s > now_s ? s->reset_s : now_s + BUDGET_MINUTE_S;
}

/* Who asks alone meanwhile is not in an answer that another got. */
static void begin_period(budget_state *s, const budget_event *e, int64_t reset_s, int64_t now_s)
{
    bool another_asks = s->alone_s > now_s && !e->alone;
    s->remaining = most(e->remaining - (another_asks ? 1 : 0), 0);
    s->period_s = most(reset_s - now_s, s->period_s);
    s->reset_s = reset_s;
    s->unlimited_s = 0;
    s->alone_s = 0;
}

static void answered_told(budget_state *s, const budget_event *e, int64_t now_s)
{
    int64_t reset_s = reset_of(s, e, now_s);
    if (e->alone) s->alone_s = 0;
    if (reset_s <= now_s) return; /* of a period that is over */
    if (e->limit > 0 && e->limit != s->limit) {
        s->limit = e->limit;
        s->period_s = 0;
    }
    if (s->reset_s <= now_s || reset_s > s->reset_s + LATER_S) {
        begin_period(s, e, reset_s, now_s);
        return;
    }
    s->remaining = least(s->remaining, e->remaining);
    if (s->reset_s + BUDGET_GUARD_S < reset_s) s->reset_s = reset_s;
}

static void answered(budget_state *s, const budget_event *e, int64_t now_s)
{
    if (e->told) {
        answered_told(s, e, now_s);
        return;
    }
    if (!e->alone) return;
    s->alone_s = 0;
    if (!e->served) return;
    s->unlimited_s = now_s + BUDGET_UNLIMITED_S;
    s->limit = s->period_s = s->reset_s = 0;
}

/* ---- all events ---- */

/* What another wrote is believed within bounds: a wrong clock or a foreign hand must not stop a host for ever. */
static void make_sane(budget_state *s, int64_t now_s)
{
    if (s->wait_s > now_s + BUDGET_BOUND_S + CLOCKS_S) s->wait_s = 0;
    if (s->alone_s > now_s + BUDGET_ALONE_S + CLOCKS_S) s->alone_s = 0;
    if (s->unlimited_s > now_s + BUDGET_UNLIMITED_S + CLOCKS_S) s->unlimited_s = 0;
    if (s->reset_s > now_s + PERIOD_MAX_S + CLOCKS_S) s->reset_s = 0;
    s->limit = least(s->limit, INT32_MAX);
    s->remaining = least(s->remaining, INT32_MAX);
}

static bool is_same(const budget_state *a, const budget_state *b)
{
    return a->limit == b->limit && a->remaining == b->remaining && a->reset_s == b->reset_s &&
           a->period_s == b->period_s && a->wait_s == b->wait_s && a->alone_s == b->alone_s &&
           a->unlimited_s == b->unlimited_s;
}

budget_decision budget_apply(budget_state *s, const budget_event *e, int64_t now_s)
{
    make_sane(s, now_s);
    if (e->kind == BUDGET_TAKE) return take(s, e, now_s);
    budget_state before = *s;
    switch (e->kind) {
    case BUDGET_ANSWERED:
        answered(s, e, now_s);
        break;
    case BUDGET_LOST:
        if (e->alone) s->alone_s = 0;
        break;
    case BUDGET_TOLD_OFF:
        s->wait_s = most(s->wait_s, least(e->until_s, now_s + BUDGET_BOUND_S));
        if (e->alone) s->alone_s = 0;
        break;
    case BUDGET_RETURN:
        if (s->reset_s == e->until_s && s->reset_s > now_s) s->remaining += e->count;
        break;
    case BUDGET_TAKE:
        break;
    }
    return (budget_decision){.changed = !is_same(&before, s)};
}
