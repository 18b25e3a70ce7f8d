/* The ends of running versions: what is known, the day that comes, its event once whatever happens around it. */
#include "unit/aggregator/world.h"

#include "proto/end_of_life.h"

#include "base/poison.h"

#define HOUR_MS INT64_C(3600000)
#define EOL_SOURCE "endoflife/cycles/acme"

/* The world begins on the evening of 2023-11-14. */
enum { NOV_14 = 1699920000, NOV_15 = NOV_14 + 86400, NOV_16 = NOV_15 + 86400, DEC_1 = 1701388800 };

static const report_remote ends = {
    .provider = {"github", 6}, .strategy = {"releases", 8}, .repo = {"acme/app", 8}, .end_of_life = {"Acme", 4}};
static const report_remote ends_of_other = {
    .provider = {"github", 6}, .strategy = {"releases", 8}, .repo = {"acme/app", 8}, .end_of_life = {"other", 5}};
static const report_remote ends_of_none = {
    .provider = {"github", 6}, .strategy = {"releases", 8}, .repo = {"acme/app", 8}, .end_of_life = {"a b", 3}};
static const report_remote repo_is_product = {
    .provider = {"endoflife", 9}, .strategy = {"cycles", 6}, .repo = {"acme", 4}};

static const list_version cycles[] = {
    {.version = {"1.3.9", 5}, .cycle = {"1.3", 3}},
    {.version = {"1.2.9", 5}, .cycle = {"1.2", 3}, .eol_s = DEC_1},
    {.version = {"1.1.9", 5}, .cycle = {"1.1", 3}, .eol_s = NOV_15},
    {.version = {"1.0.9", 5}, .cycle = {"1.0", 3}, .eol_s = NOV_14, .is_eol = true},
    {.version = {"", 0}, .cycle = {"0.9", 3}, .is_eol = true},
};

static void world_cycles(world *w, const char *source, const list_version *items, size_t count)
{
    list l = {.source = ov_str_of(source), .list = OV_STR(""), .versions = (list_version *)items, .count = count};
    world_store_list(w, &l);
}

/* What stands in the entry's document of its version i. */
static const char *end_of(const world *w, const char *agent, const char *tracker, size_t i)
{
    static char text[512];
    char key[SUBJECT_MAX];
    key_entry(ov_str_of(agent), ov_str_of(tracker), key);
    entry_doc d = {0};
    ov_err err = {0};
    snprintf(text, sizeof text, "no entry");
    if (!CHECK_OK(entry_doc_decode(world_doc(w, key), &d, &err), &err)) return text;
    snprintf(text, sizeof text, "%.*s", OV_STR_ARG(i < d.version_count ? d.versions[i].end_of_life : OV_STR("none")));
    entry_doc_clear(&d);
    return text;
}

static void settle(world *w)
{
    world_feed(w);
    world_flush(w);
}

static size_t ends_told(const world *w, const char *part)
{
    return world_events(w, "endOfLife", NULL, part);
}

static size_t jobs_of(world *w, const char *provider)
{
    size_t n = 0;
    effect e;
    while (aggregate_next_effect(w->a, &e)) {
        n += e.kind == EFFECT_JOB && strstr(e.subject, provider) != NULL;
        effect_clear(&e);
    }
    return n;
}

#define KNOWN(cycle, date, reached) \
    "{\"product\":\"acme\",\"cycle\":\"" cycle "\",\"date\":\"" date "\",\"reached\":" reached "}"
#define DATELESS(cycle, reached) "{\"product\":\"acme\",\"cycle\":\"" cycle "\",\"reached\":" reached "}"
#define UNKNOWN(why) "{\"product\":\"acme\",\"reason\":\"" why "\"}"

static const struct {
    const char *version, *want;
} rows[] = {
    {"v1.3.0", DATELESS("1.3", "false")},
    {"1.2.0-alpine", KNOWN("1.2", "2023-12-01", "false")},
    {"1.1.7", KNOWN("1.1", "2023-11-15", "false")},
    {"1.0", KNOWN("1.0", "2023-11-14", "true")},
    {"0.9.1", DATELESS("0.9", "true")},
    {"1", UNKNOWN("no cycle has this version")},
    {"nightly", UNKNOWN("no cycle has this version")},
    {"1.0-not.a.version", KNOWN("1.0", "2023-11-14", "true")},
};

static void test_what_is_known(void)
{
    world w;
    world_init(&w);
    world_start(&w);
    for (size_t i = 0; i < OV_COUNT(rows); i++) world_report(&w, rows[i].version, "app", rows[i].version, &ends);
    world_report(&w, "east", "plain", "1.0.0", &acme);
    world_cycles(&w, EOL_SOURCE, cycles, OV_COUNT(cycles));
    settle(&w);
    for (size_t i = 0; i < OV_COUNT(rows); i++) {
        check_case(rows[i].version);
        CHECK_C(end_of(&w, rows[i].version, "app", 0), rows[i].want);
    }
    check_case("a tracker that names no product");
    CHECK_C(end_of(&w, "east", "plain", 0), "");
    CHECK_INT(ends_told(&w, NULL), 0);
    world_clear(&w);
}

static void test_why_not(void)
{
    world w;
    world_init(&w);
    world_start(&w);
    check_case("not looked up");
    world_report(&w, "east", "app", "1.1.0", &ends);
    world_report(&w, "east", "bad", "1.1.0", &ends_of_none);
    world_report(&w, "east", "other", "1.1.0", &ends_of_other);
    settle(&w);
    CHECK_C(end_of(&w, "east", "app", 0), UNKNOWN("not looked up yet"));
    CHECK_C(end_of(&w, "east", "bad", 0),
            "{\"product\":\"a b\",\"reason\":\"remoteVersion.endOfLife: \\\"a b\\\": expected a product of "
            "endoflife.date, such as nginx\"}");
    check_case("the look failed");
    world_look(&w, EOL_SOURCE, LOOKUP_FAILED, FAILURE_TIMEOUT);
    settle(&w);
    CHECK_C(end_of(&w, "east", "app", 0), UNKNOWN("timeout: HTTP 500"));
    check_case("a list of before");
    static const list_version old[] = {{.version = {"1.1.9", 5}}};
    world_cycles(&w, EOL_SOURCE, old, 1);
    settle(&w);
    CHECK_C(end_of(&w, "east", "app", 0), UNKNOWN("the list names no cycles"));
    check_case("the list goes");
    world_cycles(&w, EOL_SOURCE, cycles, OV_COUNT(cycles));
    settle(&w);
    CHECK_C(end_of(&w, "east", "app", 0), KNOWN("1.1", "2023-11-15", "false"));
    check_case("looks fail, what is known stays");
    world_look(&w, EOL_SOURCE, LOOKUP_FAILED, FAILURE_TIMEOUT);
    settle(&w);
    CHECK_C(end_of(&w, "east", "app", 0), KNOWN("1.1", "2023-11-15", "false"));
    check_case("the tracker forgets its product");
    world_report(&w, "east", "app", "1.1.0", &acme);
    world_wait(&w, 30 * HOUR_MS);
    settle(&w);
    CHECK_C(end_of(&w, "east", "app", 0), "");
    CHECK_INT(ends_told(&w, NULL), 0);
    world_clear(&w);
}

/* One look-up for the fleet, planned again like any other, and none when nobody asks any more. */
static void test_planning(void)
{
    check_case("planning");
    world w;
    char key[SUBJECT_MAX];
    world_init(&w);
    world_start(&w);
    world_report(&w, "east", "app", "1.1.0", &ends);
    world_report(&w, "west", "app", "1.2.0", &ends);
    world_report(&w, "west", "product", "1.2.0", &repo_is_product);
    world_feed(&w);
    while (world_flush_once(&w, KILL_NEVER, 0)) {
    }
    CHECK_INT(jobs_of(&w, ".endoflife."), 1);
    world_cycles(&w, EOL_SOURCE, cycles, OV_COUNT(cycles));
    world_look(&w, EOL_SOURCE, LOOKUP_COMPLETE, FAILURE_NONE);
    settle(&w);
    CHECK_C(end_of(&w, "west", "product", 0), KNOWN("1.2", "2023-12-01", "false"));
    world_wait(&w, HOUR_MS / 4);
    CHECK_INT(jobs_of(&w, ".endoflife."), 0);
    world_wait(&w, HOUR_MS / 4);
    CHECK_INT(jobs_of(&w, ".endoflife."), 1);
    key_source(OV_STR(EOL_SOURCE), key);
    CHECK(world_doc(&w, key).len > 0);
    world_tombstone(&w, "east", "app");
    world_tombstone(&w, "west", "app");
    world_tombstone(&w, "west", "product");
    settle(&w);
    CHECK(world_doc(&w, key).len == 0);
    aggregate_sizes sizes;
    aggregate_measure(w.a, &sizes);
    CHECK_INT(sizes.sources, 0);
    world_clear(&w);
}

/* A list that was stored before lists named cycles is looked up again, whatever validators say. */
static void test_old_list(void)
{
    check_case("an old list");
    static const list_version old[] = {{.version = {"1.1.9", 5}}};
    world w;
    world_init(&w);
    world_start(&w);
    world_cycles(&w, EOL_SOURCE, old, 1);
    world_look(&w, EOL_SOURCE, LOOKUP_COMPLETE, FAILURE_NONE);
    world_feed(&w);
    CHECK_INT(jobs_of(&w, ".endoflife."), 0);
    world_report(&w, "east", "app", "1.1.0", &ends);
    world_feed(&w);
    size_t fresh = 0;
    effect e;
    while (aggregate_next_effect(w.a, &e)) {
        fresh += e.kind == EFFECT_JOB && strstr(e.body, EOL_SOURCE) && strstr(e.body, "\"freshLists\":true");
        effect_clear(&e);
    }
    CHECK_INT(fresh, 1);
    world_clear(&w);
}

static void begin(world *w)
{
    world_init(w);
    world_start(w);
    world_cycles(w, EOL_SOURCE, cycles, OV_COUNT(cycles));
    world_look(w, EOL_SOURCE, LOOKUP_COMPLETE, FAILURE_NONE);
    world_report(w, "east", "app", "1.1.0", &ends);
    world_report(w, "west", "app", "1.1.0", &ends);
    world_report(w, "west", "old", "1.0.0", &ends);
    world_report(w, "west", "new", "1.2.0", &ends);
    settle(w);
}

/* Everything lives on: reports come again as they were. */
static void again(world *w)
{
    world_report(w, "east", "app", "1.1.0", &ends);
    world_report(w, "west", "app", "1.1.0", &ends);
    world_report(w, "west", "old", "1.0.0", &ends);
    world_report(w, "west", "new", "1.2.0", &ends);
    world_feed(w);
}

static void test_the_day(void)
{
    check_case("the day comes");
    world w;
    begin(&w);
    uint64_t before = w.in[INPUT_STATE].last_seq;
    world_wait(&w, HOUR_MS / 2);
    world_wait(&w, HOUR_MS / 2);
    again(&w);
    settle(&w);
    CHECK_INT(ends_told(&w, NULL), 0);
    world_wait(&w, HOUR_MS * 3 / 4);
    world_flush(&w);
    CHECK_INT(ends_told(&w, NULL), 0);
    world_wait(&w, 180 * 1000);
    size_t written = 0;
    world_flush(&w);
    for (size_t i = 0; i < w.in[INPUT_STATE].count; i++)
        written += w.in[INPUT_STATE].items[i].seq > before && strstr(w.in[INPUT_STATE].items[i].subject, ".entry.");
    CHECK_INT(written, 2);
    CHECK_C(end_of(&w, "east", "app", 0), KNOWN("1.1", "2023-11-15", "true"));
    CHECK_C(end_of(&w, "west", "app", 0), KNOWN("1.1", "2023-11-15", "true"));
    CHECK_C(end_of(&w, "west", "new", 0), KNOWN("1.2", "2023-12-01", "false"));
    CHECK_INT(
        ends_told(&w, "\"product\":\"acme\",\"cycle\":\"1.1\",\"date\":\"2023-11-15\",\"runningVersion\":\"1.1.0\""),
        2);
    CHECK_INT(ends_told(&w, NULL), 2);
    CHECK_INT(world_events(&w, "endOfLife", "east", "\"subject\":\"east/app\""), 1);
    CHECK_INT(world_events(&w, "endOfLife", "east", "\"time\":\"2023-11-15T00:0"), 1);
    check_case("the day came");
    world_start(&w);
    settle(&w);
    again(&w);
    settle(&w);
    world_wait(&w, HOUR_MS / 2);
    world_flush(&w);
    CHECK_INT(ends_told(&w, NULL), 2);
    CHECK_C(end_of(&w, "east", "app", 0), KNOWN("1.1", "2023-11-15", "true"));
    world_clear(&w);
}

/* It comes without the bus and without any message, and a successor that reads old messages alone knows that it came.
 */
static void test_calendar(void)
{
    check_case("a successor's calendar");
    world w;
    begin(&w);
    world_wait(&w, HOUR_MS);
    again(&w);
    world_wait(&w, HOUR_MS * 4 / 5);
    for (size_t s = 0; s < INPUT_STREAMS; s++)
        for (size_t i = 0; i < w.in[s].count; i++) w.in[s].items[i].stored_ms = 1700000000000;
    int64_t wall_ms = w.wall_ms;
    w.wall_ms = 1700000000000; /* as if the server's clock were that slow */
    world_flush_once(&w, KILL_BEFORE_EVENTS, 0);
    CHECK_INT(ends_told(&w, NULL), 0);
    world_start(&w);
    settle(&w);
    CHECK_INT(ends_told(&w, NULL), 1 + 1);
    CHECK_C(end_of(&w, "east", "app", 0), KNOWN("1.1", "2023-11-15", "true"));
    w.wall_ms = wall_ms;
    world_wait(&w, HOUR_MS / 4);
    world_flush(&w);
    CHECK_INT(ends_told(&w, NULL), 2);
    check_case("without the bus");
    world_clear(&w);
    begin(&w);
    world_signal(&w, INPUT_BUS_DOWN);
    world_wait(&w, HOUR_MS * 9 / 5);
    world_signal(&w, INPUT_BUS_UP);
    world_signal(&w, INPUT_TICK);
    world_flush(&w);
    CHECK_INT(ends_told(&w, NULL), 2);
    world_clear(&w);
}

/* News is what was known otherwise before. */
static void test_news(void)
{
    check_case("first known is no news");
    world w;
    world_init(&w);
    world_start(&w);
    world_report(&w, "east", "app", "1.0.0", &ends);
    settle(&w);
    world_cycles(&w, EOL_SOURCE, cycles, OV_COUNT(cycles));
    settle(&w);
    CHECK_C(end_of(&w, "east", "app", 0), KNOWN("1.0", "2023-11-14", "true"));
    CHECK_INT(ends_told(&w, NULL), 0);
    check_case("another version is no news");
    world_report(&w, "east", "app", "1.1.0", &ends);
    settle(&w);
    world_report(&w, "east", "app", "1.0.1", &ends);
    settle(&w);
    CHECK_INT(ends_told(&w, NULL), 0);
    check_case("a date that moves is");
    list_version moved[OV_COUNT(cycles)];
    memcpy(moved, cycles, sizeof cycles);
    world_report(&w, "east", "app", "1.2.0", &ends);
    settle(&w);
    moved[1].eol_s = NOV_14;
    world_cycles(&w, EOL_SOURCE, moved, OV_COUNT(moved));
    settle(&w);
    CHECK_INT(ends_told(&w, "\"cycle\":\"1.2\",\"date\":\"2023-11-14\""), 1);
    check_case("and back, and again");
    moved[1].eol_s = NOV_16;
    world_cycles(&w, EOL_SOURCE, moved, OV_COUNT(moved));
    settle(&w);
    CHECK_C(end_of(&w, "east", "app", 0), KNOWN("1.2", "2023-11-16", "false"));
    CHECK_INT(ends_told(&w, NULL), 1);
    for (int i = 0; i < 60; i++) {
        world_report(&w, "east", "app", "1.2.0", &ends);
        world_feed(&w);
        world_wait(&w, HOUR_MS / 2);
    }
    world_flush(&w);
    CHECK_INT(ends_told(&w, "\"cycle\":\"1.2\",\"date\":\"2023-11-16\""), 1);
    check_case("a cycle without a date ends");
    world_report(&w, "east", "app", "1.3.0", &ends);
    settle(&w);
    moved[0].is_eol = true;
    world_cycles(&w, EOL_SOURCE, moved, OV_COUNT(moved));
    settle(&w);
    CHECK_INT(ends_told(&w, "\"cycle\":\"1.3\",\"runningVersion\":\"1.3.0\""), 1);
    CHECK_INT(ends_told(&w, NULL), 3);
    world_clear(&w);
}

/* Another product's end says nothing of this one's. */
static void test_other_product(void)
{
    check_case("another product");
    world w;
    static const list_version ended[] = {{.version = {"1.1.9", 5}, .cycle = {"1", 1}, .is_eol = true}};
    begin(&w);
    world_cycles(&w, "endoflife/cycles/other", ended, 1);
    world_report(&w, "east", "app", "1.1.0", &ends_of_other);
    settle(&w);
    CHECK_C(end_of(&w, "east", "app", 0), "{\"product\":\"other\",\"cycle\":\"1\",\"reached\":true}");
    CHECK_INT(ends_told(&w, NULL), 0);
    world_clear(&w);
}

/* One tracker, several versions, some twice: each its own event. */
static void test_many_versions(void)
{
    check_case("many versions");
    static const char *const versions[] = {"1.1.0", "v1.1.0", "1.1.0", "1.2.0", "1.0.0", "1.1.1"};
    world w;
    world_init(&w);
    world_start(&w);
    world_cycles(&w, EOL_SOURCE, cycles, OV_COUNT(cycles));
    ov_buf body = report_body("east", "app", versions, OV_COUNT(versions), &ends);
    char subject[SUBJECT_MAX];
    subject_report(OV_STR("east"), OV_STR("app"), subject);
    world_store(&w, INPUT_REPORTS, subject, ov_buf_str(&body), "", "");
    settle(&w);
    world_start(&w);
    settle(&w);
    for (int i = 0; i < 5; i++) {
        w.wall_ms += HOUR_MS / 2;
        w.mono_ms += HOUR_MS / 2;
        world_store(&w, INPUT_REPORTS, subject, ov_buf_str(&body), "", "");
        world_feed(&w);
        world_wait(&w, 0);
    }
    world_flush(&w);
    CHECK_INT(ends_told(&w, "\"runningVersion\":\"1.1.0\""), 1);
    CHECK_INT(ends_told(&w, "\"runningVersion\":\"v1.1.0\""), 1);
    CHECK_INT(ends_told(&w, "\"runningVersion\":\"1.1.1\""), 1);
    CHECK_INT(ends_told(&w, NULL), 3);
    ov_buf_clear(&body);
    world_clear(&w);
}

/* A changed list is worked on in slices; nobody sees a half of it. */
static void test_slices(void)
{
    check_case("slices");
    static const char *const versions[] = {"1.1.0", "1.1.1", "1.1.2", "1.1.3", "1.2.0", "1.2.1"};
    world w;
    world_init(&w);
    world_start(&w);
    world_cycles(&w, EOL_SOURCE, cycles, OV_COUNT(cycles));
    ov_buf body = report_body("east", "app", versions, OV_COUNT(versions), &ends);
    char subject[SUBJECT_MAX];
    subject_report(OV_STR("east"), OV_STR("app"), subject);
    world_store(&w, INPUT_REPORTS, subject, ov_buf_str(&body), "", "");
    settle(&w);
    list_version moved[OV_COUNT(cycles)];
    memcpy(moved, cycles, sizeof cycles);
    moved[2].eol_s = NOV_14;
    world_cycles(&w, EOL_SOURCE, moved, OV_COUNT(moved));
    w.idles = true;
    world_feed(&w);
    int slices = 0;
    CHECK(aggregate_has_rules(w.a));
    while (aggregate_work(w.a, 1)) {
        world_flush_once(&w, KILL_NEVER, 0);
        CHECK_C(end_of(&w, "east", "app", 0), KNOWN("1.1", "2023-11-15", "false"));
        slices++;
    }
    CHECK(slices >= 5);
    world_flush(&w);
    CHECK_C(end_of(&w, "east", "app", 3), KNOWN("1.1", "2023-11-14", "true"));
    CHECK_INT(ends_told(&w, NULL), 4);
    check_case("a product goes amid its list");
    world_cycles(&w, EOL_SOURCE, cycles, OV_COUNT(cycles));
    world_tombstone(&w, "east", "app");
    w.idles = false;
    while (w.fed[INPUT_LISTS] < w.in[INPUT_LISTS].count)
        world_give(&w, INPUT_LISTS, &w.in[INPUT_LISTS].items[w.fed[INPUT_LISTS]++]);
    CHECK(aggregate_has_rules(w.a));
    settle(&w);
    CHECK(!aggregate_has_rules(w.a));
    ov_buf_clear(&body);
    world_clear(&w);
}

/* ---- kills ---- */

static uint64_t draw(uint64_t *state, uint64_t below)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (*state >> 33) % below;
}

static void kill_or_flush(world *w, uint64_t *state)
{
    switch (draw(state, 4)) {
    case 0:
        world_start(w);
        break;
    case 1:
        world_flush_once(w, (kill_point)(1 + draw(state, 3)), draw(state, 3));
        world_start(w);
        break;
    case 2:
        world_flush(w);
        break;
    default:
        break;
    }
}

/* Forty hours with two ends in them, killed at any point: each version that was seen before its end is told once. */
static void test_kills(uint64_t seed)
{
    static char name[32];
    world w;
    snprintf(name, sizeof name, "seed %d", (int)seed);
    check_case(name);
    list_version moved[OV_COUNT(cycles)];
    memcpy(moved, cycles, sizeof cycles);
    moved[1].eol_s = NOV_16;
    begin(&w);
    world_cycles(&w, EOL_SOURCE, moved, OV_COUNT(moved));
    settle(&w);
    for (int step = 0; step < 60; step++) {
        world_wait(&w, HOUR_MS * 2 / 3);
        again(&w);
        if (step % 3 == 0) world_look(&w, EOL_SOURCE, LOOKUP_NOT_MODIFIED, FAILURE_NONE);
        if (draw(&seed, 2)) world_feed(&w);
        kill_or_flush(&w, &seed);
        world_wait(&w, draw(&seed, 2) ? 0 : 1000);
        kill_or_flush(&w, &seed);
    }
    settle(&w);
    world_wait(&w, 0);
    while (w.waiting.count || aggregate_has_work(w.a)) world_flush(&w);
    CHECK_C(end_of(&w, "west", "new", 0), KNOWN("1.2", "2023-11-16", "true"));
    CHECK_INT(world_events(&w, "endOfLife", "east", "\"cycle\":\"1.1\""), 1);
    CHECK_INT(world_events(&w, "endOfLife", "west", "\"cycle\":\"1.1\""), 1);
    CHECK_INT(world_events(&w, "endOfLife", "west", "\"cycle\":\"1.2\""), 1);
    CHECK_INT(ends_told(&w, NULL), 3);
    world_clear(&w);
}

int main(void)
{
    test_what_is_known();
    test_why_not();
    test_planning();
    test_old_list();
    test_the_day();
    test_calendar();
    test_news();
    test_other_product();
    test_many_versions();
    test_slices();
    for (uint64_t seed = 1; seed <= 40; seed++) test_kills(seed);
    return check_end();
}
