/* Scenarios over the whole core: reports, lists, looks, heartbeats, expiry, lost streams. */
#include "unit/aggregator/world.h"

#include "base/poison.h"

static const char *const two[] = {"v1.0.0", "v1.1.0"};
static const char *const three[] = {"v1.0.0", "v1.1.0", "v2.0.0"};

static void test_first_report(void)
{
    check_case("first report");
    world w;
    world_init(&w);
    world_start(&w);
    world_report(&w, "east", "app", "1.0.0", &acme);
    world_feed(&w);
    world_flush(&w);
    CHECK_C(world_entry(&w, "east", "app"), "pending missing");
    CHECK_INT(world_events(&w, "running", "east", "\"appeared\""), 1);
    CHECK_INT(world_events(&w, "agent", "east", "\"appeared\""), 1);
    CHECK_INT(w.event_count, 2);
    world_list(&w, acme_source, "", two, 2, false);
    world_look(&w, acme_source, LOOKUP_COMPLETE, FAILURE_NONE);
    world_feed(&w);
    world_flush(&w);
    CHECK_C(world_entry(&w, "east", "app"), "behind 1.1.0");
    CHECK_INT(world_events(&w, "state", "east", "\"state\":\"behind\""), 1);
    CHECK_INT(world_events(&w, "release", NULL, NULL), 0);
    world_list(&w, acme_source, "", three, 3, false);
    world_feed(&w);
    world_flush(&w);
    CHECK_C(world_entry(&w, "east", "app"), "behind 2.0.0");
    CHECK_INT(world_events(&w, "release", NULL, "\"latestVersion\":\"2.0.0\""), 1);
    world_list(&w, acme_source, "", two, 2, false);
    world_feed(&w);
    world_flush(&w);
    CHECK_C(world_entry(&w, "east", "app"), "behind 1.1.0");
    CHECK_INT(world_events(&w, "withdrawn", NULL, "\"previous\":\"2.0.0\""), 1);
    world_clear(&w);
}

static void test_states(void)
{
    static const report_remote bad_pattern = {.provider = {"github", 6},
                                              .strategy = {"releases", 8},
                                              .repo = {"acme/app", 8},
                                              .pattern = {"(", 1},
                                              .result = {"$1", 2}};
    static const report_remote bad_constraint = {
        .provider = {"github", 6}, .strategy = {"releases", 8}, .repo = {"acme/app", 8}, .constraint = {"^1", 2}};
    static const report_remote none_left = {
        .provider = {"github", 6}, .strategy = {"releases", 8}, .repo = {"acme/app", 8}, .constraint = {">= 100", 6}};
    static const report_remote nobody = {.provider = {"svn", 3}, .strategy = {"tags", 4}, .repo = {"a/b", 3}};
    static const struct {
        const char *name, *version;
        const report_remote *remote;
        const char *want;
    } rows[] = {
        {"behind", "1.0.0", &acme, "behind 1.1.0"},
        {"up to date", "v1.1", &acme, "upToDate 1.1.0"},
        {"ahead", "3.0.0", &acme, "ahead 1.1.0"},
        {"no remote", "1.0.0", NULL, "unknownRemote missing"},
        {"unparseable", "latest", &acme, "unparseable 1.1.0"},
        {"bad pattern", "1.0.0", &bad_pattern, "invalid missing"},
        {"bad constraint", "1.0.0", &bad_constraint, "invalid missing"},
        {"no candidate", "1.0.0", &none_left, "noCandidate missing"},
        {"unknown provider", "1.0.0", &nobody, "invalid missing"},
    };
    world w;
    world_init(&w);
    world_start(&w);
    world_list(&w, acme_source, "", two, 2, false);
    for (size_t i = 0; i < OV_COUNT(rows); i++) world_report(&w, "east", rows[i].name, rows[i].version, rows[i].remote);
    world_feed(&w);
    world_flush(&w);
    for (size_t i = 0; i < OV_COUNT(rows); i++) {
        check_case(rows[i].name);
        CHECK_C(world_entry(&w, "east", rows[i].name), rows[i].want);
    }
    world_clear(&w);
}

static void test_one_bad_version(void)
{
    check_case("one bad version");
    static const char *const running[] = {"1.0.0", "bad", "1.1.0"};
    world w;
    world_init(&w);
    world_start(&w);
    world_list(&w, acme_source, "", two, 2, false);
    ov_buf body = report_body("east", "app", running, 3, &acme);
    world_store(&w, INPUT_REPORTS, "opvic.report.east.app", ov_buf_str(&body), "", "");
    ov_buf_clear(&body);
    world_feed(&w);
    world_flush(&w);
    char key[SUBJECT_MAX];
    key_entry(OV_STR("east"), OV_STR("app"), key);
    entry_doc d = {0};
    ov_err err = {0};
    CHECK_OK(entry_doc_decode(world_doc(&w, key), &d, &err), &err);
    if (CHECK(d.version_count == 3)) {
        CHECK_INT(d.versions[0].state, STATE_BEHIND);
        CHECK_INT(d.versions[1].state, STATE_UNPARSEABLE);
        CHECK_INT(d.versions[1].verdict.len, 0);
        CHECK_INT(d.versions[2].state, STATE_UP_TO_DATE);
    }
    entry_doc_clear(&d);
    world_clear(&w);
}

/* A report of count running versions 0.0.<i>. */
static void report_many(world *w, const char *tracker, size_t count)
{
    OV_CLEANUP(ov_buf_clear) ov_buf body = OV_BUF(REPORT_BYTES_MAX);
    char subject[SUBJECT_MAX], (*texts)[24] = calloc(count, sizeof *texts);
    report_version *items = calloc(count, sizeof *items);
    for (size_t i = 0; i < count; i++) {
        snprintf(texts[i], sizeof texts[i], "0.0.%zu", i);
        items[i] = (report_version){.running_version = ov_str_of(texts[i]), .resource_count = 1};
    }
    report r = {.agent_id = OV_STR("east"),
                .id = ov_str_of(tracker),
                .ns = OV_STR("opvic"),
                .count = (int64_t)count,
                .versions = items,
                .version_count = count,
                .has_remote = true,
                .remote = acme};
    report_encode(&r, &body);
    subject_report(r.agent_id, r.id, subject);
    world_store(w, INPUT_REPORTS, subject, ov_buf_str(&body), "", "");
    free(texts);
    free(items);
}

/* A list of count versions 1.<i>.0-<filler>. */
static void list_many(world *w, size_t count)
{
    char(*texts)[128] = calloc(count, sizeof *texts);
    const char **versions = calloc(count, sizeof *versions);
    for (size_t i = 0; i < count; i++) {
        snprintf(texts[i], sizeof texts[i], "1.%zu.0-%090d", i, 1);
        versions[i] = texts[i];
    }
    world_list(w, acme_source, "", versions, count, false);
    free(texts);
    free(versions);
}

static size_t count_states(const world *w, const char *tracker, state_value want)
{
    char key[SUBJECT_MAX];
    OV_CLEANUP(entry_doc_clear) entry_doc d = {0};
    ov_err err = {0};
    size_t n = 0;
    key_entry(OV_STR("east"), ov_str_of(tracker), key);
    if (!CHECK_OK(entry_doc_decode(world_doc(w, key), &d, &err), &err)) return 0;
    for (size_t i = 0; i < d.version_count; i++) {
        bool left_out = d.versions[i].state == STATE_INVALID;
        CHECK(left_out == (d.versions[i].verdict.len == 0));
        CHECK(left_out == (d.versions[i].reason.len > 0));
        n += d.versions[i].state == want;
    }
    return n;
}

static size_t count_verdicts(const world *w)
{
    size_t n = 0;
    for (size_t i = 0; i < w->in[INPUT_STATE].count; i++) {
        const message *m = &w->in[INPUT_STATE].items[i];
        n += !m->dead && m->len && strstr(m->subject, ".verdict.") != NULL;
    }
    return n;
}

/* 200 running versions times 2,000 available ones of 96 bytes are more than one entry may ask for: what is left out
 * says so, the others of the rule are not concerned, and another list decides anew. */
static void test_one_entry_is_bounded(void)
{
    enum { RUNNING = 200 };
    check_case("bounded");
    world w;
    world_init(&w);
    world_start(&w);
    list_many(&w, 2000);
    report_many(&w, "many", RUNNING);
    world_report(&w, "west", "app", "0.0.199", &acme);
    world_feed(&w);
    world_flush(&w);
    size_t shown = count_states(&w, "many", STATE_BEHIND);
    CHECK(shown > 50 && shown < 150);
    CHECK_INT(count_states(&w, "many", STATE_INVALID), RUNNING - shown);
    CHECK_C(world_entry(&w, "west", "app") + strlen("behind "),
            "1.1999.0-0000000000000000000000000000000000000000000000000"
            "00000000000000000000000000000000000000001");
    CHECK_INT(count_verdicts(&w), shown + 1);
    check_case("a restart says the same");
    uint64_t before = w.in[INPUT_STATE].last_seq;
    world_start(&w);
    world_flush(&w);
    CHECK_INT(w.in[INPUT_STATE].last_seq, before);
    check_case("a shorter list leaves nothing out");
    list_many(&w, 20);
    world_feed(&w);
    world_flush(&w);
    CHECK_INT(count_states(&w, "many", STATE_BEHIND), RUNNING);
    CHECK_INT(count_verdicts(&w), RUNNING);
    check_case("a longer one does again");
    list_many(&w, 2000);
    world_feed(&w);
    world_flush(&w);
    CHECK_INT(count_states(&w, "many", STATE_BEHIND), shown);
    CHECK_INT(count_verdicts(&w), shown + 1);
    check_case("fewer versions are all shown");
    report_many(&w, "many", 10);
    world_feed(&w);
    world_flush(&w);
    CHECK_INT(count_states(&w, "many", STATE_BEHIND), 10);
    CHECK_INT(count_verdicts(&w), 11);
    world_clear(&w);
}

/* Until a rule is done only what it does not concern is written. */
static void test_a_rule_is_worked_on(void)
{
    check_case("worked on");
    world w;
    world_init(&w);
    world_start(&w);
    world_list(&w, acme_source, "", two, 2, false);
    world_report(&w, "east", "app", "1.0.0", &acme);
    world_feed(&w);
    world_flush(&w);
    CHECK_C(world_entry(&w, "east", "app"), "behind 1.1.0");
    w.idles = true;
    world_list(&w, acme_source, "", three, 3, false);
    world_report(&w, "east", "app", "1.1.0", &acme);
    world_report(&w, "east", "other", "1.0.0", NULL);
    world_feed(&w);
    world_flush(&w);
    CHECK_C(world_entry(&w, "east", "app"), "behind 1.1.0");
    CHECK_C(world_entry(&w, "east", "other"), "unknownRemote missing");
    aggregate_sizes z;
    aggregate_measure(w.a, &z);
    CHECK(z.dirty > 0);
    check_case("another tracker of its entry needs no rule");
    world_report(&w, "east", "app", "1.0.0", NULL);
    world_feed(&w);
    world_flush(&w);
    CHECK_C(world_entry(&w, "east", "app"), "unknownRemote missing");
    world_report(&w, "east", "app", "1.1.0", &acme);
    world_feed(&w);
    while (aggregate_work(w.a, 1)) {
    }
    world_flush(&w);
    CHECK_C(world_entry(&w, "east", "app"), "behind 2.0.0");
    CHECK_INT(world_events(&w, "release", NULL, NULL), 1);
    world_clear(&w);
}

static void test_long_lists_in_events(void)
{
    check_case("truncated");
    world w;
    world_init(&w);
    world_start(&w);
    report_many(&w, "few", 10);
    report_many(&w, "many", 2000);
    world_feed(&w);
    world_flush(&w);
    CHECK_INT(world_events(&w, "running", "east", "\"truncated\":true"), 1);
    CHECK_INT(world_events(&w, "running", "east", NULL), 2);
    world_clear(&w);
}

static void test_unchanged_costs_nothing(void)
{
    check_case("unchanged");
    world w;
    world_init(&w);
    world_start(&w);
    world_report(&w, "east", "app", "1.0.0", &acme);
    world_feed(&w);
    world_flush(&w);
    uint64_t before = w.in[INPUT_STATE].last_seq;
    world_report(&w, "east", "app", "1.0.0", &acme);
    world_feed(&w);
    world_flush(&w);
    CHECK_INT(w.in[INPUT_STATE].last_seq, before);
    CHECK_INT(aggregate_figures(w.a)->same, 1);
    world_clear(&w);
}

static void test_restart_writes_nothing(void)
{
    check_case("restart");
    world w;
    world_init(&w);
    world_start(&w);
    world_list(&w, acme_source, "", two, 2, false);
    world_look(&w, acme_source, LOOKUP_COMPLETE, FAILURE_NONE);
    world_report(&w, "east", "app", "1.0.0", &acme);
    world_report(&w, "west", "app", "1.1.0", &acme);
    world_tombstone(&w, "west", "app");
    world_feed(&w);
    world_flush(&w);
    uint64_t before = w.in[INPUT_STATE].last_seq;
    size_t events = w.event_count;
    world_start(&w);
    world_flush(&w);
    CHECK_INT(w.in[INPUT_STATE].last_seq, before);
    CHECK_INT(w.event_count, events);
    world_clear(&w);
}

static void test_tombstone(void)
{
    check_case("tombstone");
    world w;
    world_init(&w);
    world_start(&w);
    world_report(&w, "east", "app", "1.0.0", NULL);
    world_feed(&w);
    world_flush(&w);
    world_tombstone(&w, "east", "app");
    world_feed(&w);
    world_flush(&w);
    CHECK_C(world_entry(&w, "east", "app"), "gone");
    CHECK_INT(world_events(&w, "running", "east", "\"gone\""), 1);
    world_report(&w, "east", "app", "1.0.0", NULL);
    world_feed(&w);
    world_flush(&w);
    CHECK_C(world_entry(&w, "east", "app"), "unknownRemote missing");
    CHECK_INT(world_events(&w, "running", "east", "\"appeared\""), 2);
    world_clear(&w);
}

static void test_expiry(void)
{
    check_case("expiry");
    world w;
    world_init(&w);
    world_start(&w);
    world_report(&w, "east", "app", "1.0.0", NULL);
    world_report(&w, "west", "app", "1.0.0", NULL);
    world_feed(&w);
    world_flush(&w);
    world_wait(&w, 3000000);
    world_report(&w, "west", "app", "1.0.0", NULL);
    world_feed(&w);
    world_wait(&w, 700000);
    world_flush(&w);
    CHECK_C(world_entry(&w, "east", "app"), "gone");
    CHECK_C(world_entry(&w, "west", "app"), "unknownRemote missing");
    CHECK_INT(world_events(&w, "agent", "east", "\"expired\""), 1);
    size_t events = w.event_count;
    world_start(&w);
    world_flush(&w);
    CHECK_C(world_entry(&w, "east", "app"), "gone");
    CHECK_INT(w.event_count, events);
    world_report(&w, "east", "app", "1.0.0", NULL);
    world_feed(&w);
    world_flush(&w);
    CHECK_C(world_entry(&w, "east", "app"), "unknownRemote missing");
    CHECK_INT(world_events(&w, "agent", "east", "\"returned\""), 1);
    world_clear(&w);
}

static void test_time_without_bus(void)
{
    check_case("time without the bus");
    world w;
    world_init(&w);
    world_start(&w);
    world_report(&w, "east", "app", "1.0.0", NULL);
    world_feed(&w);
    world_flush(&w);
    world_signal(&w, INPUT_BUS_DOWN);
    world_wait(&w, 36000000);
    world_signal(&w, INPUT_BUS_UP);
    world_wait(&w, 60000);
    world_flush(&w);
    CHECK_C(world_entry(&w, "east", "app"), "unknownRemote missing");
    world_clear(&w);
}

static void test_failed_looks(void)
{
    check_case("failed looks");
    world w;
    world_init(&w);
    world_start(&w);
    world_list(&w, acme_source, "", two, 2, false);
    world_look(&w, acme_source, LOOKUP_COMPLETE, FAILURE_NONE);
    world_report(&w, "east", "app", "1.0.0", &acme);
    world_feed(&w);
    world_flush(&w);
    world_look(&w, acme_source, LOOKUP_FAILED, FAILURE_UNREACHABLE);
    world_feed(&w);
    world_flush(&w);
    CHECK_C(world_entry(&w, "east", "app"), "behind 1.1.0");
    CHECK_INT(world_events(&w, "source", NULL, "\"failing\""), 1);
    for (int i = 0; i < 100; i++) {
        world_wait(&w, 60000);
        world_report(&w, "east", "app", "1.0.0", &acme);
        world_feed(&w);
    }
    world_flush(&w);
    CHECK_C(world_entry(&w, "east", "app"), "behind 1.1.0"); /* that look did not say when it was complete */
    world_look(&w, acme_source, LOOKUP_NOT_MODIFIED, FAILURE_NONE);
    world_feed(&w);
    world_flush(&w);
    CHECK_INT(world_events(&w, "source", NULL, "\"recovered\""), 1);
    for (int i = 0; i < 100; i++) {
        world_wait(&w, 60000);
        world_report(&w, "east", "app", "1.0.0", &acme);
        world_feed(&w);
    }
    world_flush(&w);
    CHECK_C(world_entry(&w, "east", "app"), "stale 1.1.0");
    world_clear(&w);
}

static void test_truncated_list(void)
{
    check_case("truncated list");
    static const char *const more[] = {"v3.0.0", "v1.0.0", "v1.1.0"};
    world w;
    world_init(&w);
    world_start(&w);
    world_list(&w, acme_source, "", two, 2, false);
    world_report(&w, "east", "app", "1.0.0", &acme);
    world_feed(&w);
    world_list(&w, acme_source, "", more, 3, true);
    world_feed(&w);
    world_flush(&w);
    CHECK_C(world_entry(&w, "east", "app"), "behind 3.0.0");
    world_clear(&w);
}

static void heartbeat_from(world *w, const char *agent, const char *instance, const char *revision, const char *digest,
                           int64_t count, const char *fingerprint)
{
    heartbeat h = {.agent_id = ov_str_of(agent),
                   .tags = OV_STR("{\"one\":\"tag\"}"),
                   .instance = ov_str_of(instance),
                   .count = count,
                   .digest = ov_str_of(digest),
                   .fingerprint = ov_str_of(fingerprint)};
    ov_buf body = OV_BUF(1 << 16);
    heartbeat_encode(HEARTBEAT_BUS, &h, &body);
    char subject[SUBJECT_MAX];
    subject_heartbeat(h.agent_id, subject);
    world_store(w, INPUT_REPORTS, subject, ov_buf_str(&body), instance, revision);
    ov_buf_clear(&body);
}

static void heartbeat_of(world *w, const char *agent, const char *instance, const char *revision, const char *digest,
                         int64_t count)
{
    heartbeat_from(w, agent, instance, revision, digest, count, "");
}

static void digest_of(const char *agent, const char *tracker, const char *version, char out[REPORT_DIGEST_HEX])
{
    ov_buf body = report_body(agent, tracker, &version, 1, NULL);
    report_digest(ov_buf_str(&body), out);
    ov_buf_clear(&body);
}

/* The digest of trackers "a" .. at version 1.0.0. */
static void sum_of(const char *agent, const char *trackers, char out[REPORT_DIGEST_HEX])
{
    inventory_digest sum = {0};
    for (const char *c = trackers; *c; c++) {
        char digest[REPORT_DIGEST_HEX], tracker[2] = {*c, '\0'};
        digest_of(agent, tracker, "1.0.0", digest);
        inventory_digest_toggle(&sum, ov_str_of(tracker), ov_str_of(digest));
    }
    inventory_digest_hex(&sum, out);
}

static void inventory_of(world *w, const char *agent, const char *instance, const char *revision, const char *trackers)
{
    inventory_item items[8];
    char digests[8][REPORT_DIGEST_HEX];
    size_t n = 0;
    for (const char *c = trackers; *c; c++, n++) {
        char tracker[2] = {*c, '\0'};
        digest_of(agent, tracker, "1.0.0", digests[n]);
        items[n] = (inventory_item){{c, 1}, ov_str_of(digests[n])};
    }
    ov_buf body = OV_BUF(1 << 16);
    inventory_encode(ov_str_of(agent), items, n, &body);
    char subject[SUBJECT_MAX];
    subject_inventory(ov_str_of(agent), subject);
    world_store(w, INPUT_REPORTS, subject, ov_buf_str(&body), instance, revision);
    ov_buf_clear(&body);
}

static size_t asks(world *w, const char *part)
{
    effect e;
    size_t n = 0;
    while (aggregate_next_effect(w->a, &e)) {
        n += e.kind == EFFECT_ASK && (!part || (e.body && memmem(e.body, e.len, part, strlen(part))));
        effect_clear(&e);
    }
    return n;
}

static void test_heartbeats(void)
{
    check_case("heartbeats");
    char sum[REPORT_DIGEST_HEX];
    world w;
    world_init(&w);
    world_start(&w);
    world_report_by(&w, "east", "a", "1.0.0", NULL, "one", "1");
    world_report_by(&w, "east", "b", "1.0.0", NULL, "one", "2");
    sum_of("east", "ab", sum);
    heartbeat_of(&w, "east", "one", "2", sum, 2);
    world_feed(&w);
    CHECK_INT(asks(&w, "\"inventoryWanted\":true"), 0);
    for (int i = 0; i < 3; i++) { /* heartbeats alone keep both alive */
        world_wait(&w, 3000000);
        heartbeat_of(&w, "east", "one", "2", sum, 2);
        world_feed(&w);
    }
    world_flush(&w);
    CHECK_C(world_entry(&w, "east", "a"), "unknownRemote missing");
    sum_of("east", "bc", sum); /* a is gone, c was lost */
    heartbeat_of(&w, "east", "one", "4", sum, 2);
    world_feed(&w);
    CHECK_INT(asks(&w, "\"inventoryWanted\":true"), 1);
    inventory_of(&w, "east", "one", "4", "bc");
    world_feed(&w);
    CHECK_INT(asks(&w, "\"wanted\":[\"c\"]"), 1);
    world_flush(&w);
    CHECK_C(world_entry(&w, "east", "a"), "gone");
    CHECK_C(world_entry(&w, "east", "b"), "unknownRemote missing");
    world_report_by(&w, "east", "c", "1.0.0", NULL, "one", "4");
    heartbeat_of(&w, "east", "one", "4", sum, 2);
    world_feed(&w);
    CHECK_INT(asks(&w, NULL), 0);
    world_flush(&w);
    CHECK_C(world_entry(&w, "east", "c"), "unknownRemote missing");
    world_clear(&w);
}

/* An older instance's report stands in the stream where the newest one's stood. */
static void test_overlap(void)
{
    check_case("overlap of instances");
    char sum[REPORT_DIGEST_HEX];
    world w;
    world_init(&w);
    world_start(&w);
    world_report_by(&w, "east", "a", "1.0.0", NULL, "one", "1");
    world_report_by(&w, "east", "a", "2.0.0", NULL, "two", "1");
    world_report_by(&w, "east", "a", "1.0.1", NULL, "one", "2");
    world_feed(&w);
    world_flush(&w);
    CHECK_INT(world_events(&w, "running", "east", "\"2.0.0\""), 1);
    sum_of("east", "a", sum);
    for (int i = 0; i < 3; i++) {
        CHECK_INT(world_events(&w, "agent", "east", "\"conflict\""), 0);
        heartbeat_of(&w, "east", "one", "2", sum, 1);
        world_feed(&w);
        world_flush(&w);
    }
    CHECK_INT(world_events(&w, "agent", "east", "\"conflict\""), 1);
    check_case("a restart knows who is older and loses nothing");
    world_start(&w);
    heartbeat_of(&w, "east", "one", "2", sum, 1);
    world_feed(&w);
    world_flush(&w);
    CHECK_C(world_entry(&w, "east", "a"), "unknownRemote missing");
    CHECK_INT(world_events(&w, "running", "east", "\"gone\""), 0);
    CHECK_INT(world_events(&w, "running", "east", "\"1.0.1\""), 0);
    CHECK_INT(world_events(&w, "agent", "east", "\"conflict\""), 1);
    world_clear(&w);
}

static void test_other_cluster(void)
{
    char sum[REPORT_DIGEST_HEX];
    world w;
    world_init(&w);
    world_start(&w);
    sum_of("east", "a", sum);
    check_case("two clusters under one id are a conflict with the older one's first word");
    world_report_by(&w, "east", "a", "1.0.0", NULL, "one", "1");
    heartbeat_from(&w, "east", "one", "1", sum, 1, "f1");
    world_report_by(&w, "east", "a", "1.0.0", NULL, "two", "1");
    heartbeat_from(&w, "east", "two", "1", sum, 1, "f2");
    world_feed(&w);
    world_flush(&w);
    CHECK_INT(world_events(&w, "agent", "east", "\"conflict\""), 0);
    heartbeat_from(&w, "east", "one", "1", sum, 1, "");
    world_feed(&w);
    world_flush(&w);
    CHECK_INT(world_events(&w, "agent", "east", "\"conflict\""), 0);
    heartbeat_from(&w, "east", "one", "1", sum, 1, "f1");
    world_feed(&w);
    world_flush(&w);
    CHECK_INT(world_events(&w, "agent", "east", "\"conflict\""), 1);
    char key[SUBJECT_MAX];
    key_agent(OV_STR("east"), key);
    ov_str said = world_doc(&w, key), reason = OV_STR("a collector of another cluster");
    CHECK(memmem(said.ptr, said.len, reason.ptr, reason.len));
    world_clear(&w);
}

static void test_new_instance(void)
{
    check_case("new instance");
    char sum[REPORT_DIGEST_HEX];
    world w;
    world_init(&w);
    world_start(&w);
    world_report_by(&w, "east", "a", "1.0.0", NULL, "one", "1");
    world_report_by(&w, "east", "b", "1.0.0", NULL, "one", "2");
    world_feed(&w);
    world_flush(&w);
    sum_of("east", "a", sum);
    world_report_by(&w, "east", "a", "1.0.0", NULL, "two", "1");
    heartbeat_of(&w, "east", "two", "1", sum, 1);
    world_feed(&w);
    CHECK_INT(asks(&w, "\"inventoryWanted\":true"), 1);
    inventory_of(&w, "east", "two", "1", "a");
    world_feed(&w);
    world_flush(&w);
    CHECK_C(world_entry(&w, "east", "a"), "unknownRemote missing");
    CHECK_C(world_entry(&w, "east", "b"), "gone");
    CHECK_INT(world_events(&w, "agent", "east", "\"conflict\""), 0);
    world_wait(&w, 120000);
    heartbeat_of(&w, "east", "one", "9", sum, 1);
    world_feed(&w);
    world_flush(&w);
    CHECK_INT(world_events(&w, "agent", "east", "\"conflict\""), 1);
    world_wait(&w, 600000);
    world_flush(&w);
    CHECK_INT(world_events(&w, "agent", "east", "\"resolved\""), 1);
    world_clear(&w);
}

static void test_jobs(void)
{
    check_case("jobs");
    world w;
    world_init(&w);
    world_start(&w);
    world_report(&w, "east", "app", "1.0.0", &acme);
    world_report(&w, "west", "app", "1.0.0", &acme);
    world_feed(&w);
    world_wait(&w, 30000);
    CHECK_INT(aggregate_figures(w.a)->jobs, 1);
    world_list(&w, acme_source, "", two, 2, false);
    world_look(&w, acme_source, LOOKUP_COMPLETE, FAILURE_NONE);
    world_feed(&w);
    world_wait(&w, 30000);
    CHECK_INT(aggregate_figures(w.a)->jobs, 1);
    for (int i = 0; i < 4; i++) {
        world_wait(&w, 500000);
        world_report(&w, "east", "app", "1.0.0", &acme);
        world_feed(&w);
    }
    CHECK_INT(aggregate_figures(w.a)->jobs, 2);
    world_clear(&w);
}

static void lose(world *w, input_stream s)
{
    stream_clear(&w->in[s]);
    w->in[s].created_ms = w->wall_ms;
    w->fed[s] = 0;
}

static void prepare(world *w)
{
    world_init(w);
    world_start(w);
    world_list(w, acme_source, "", two, 2, false);
    world_look(w, acme_source, LOOKUP_COMPLETE, FAILURE_NONE);
    world_report(w, "east", "app", "1.0.0", &acme);
    world_report(w, "west", "app", "1.1.0", &acme);
    world_feed(w);
    world_flush(w);
}

/* What is put off is planned when its time has come, not at the next look around. */
static void test_put_off(void)
{
    check_case("put off");
    world w;
    world_init(&w);
    world_start(&w);
    world_report(&w, "east", "app", "1.0.0", &acme);
    world_feed(&w);
    CHECK_INT(aggregate_figures(w.a)->jobs, 1);
    world_look_until(&w, acme_source, LOOKUP_DEFERRED, FAILURE_RATE_LIMITED, w.wall_ms / 1000 + 5);
    world_feed(&w);
    for (int i = 0; i < 4; i++) {
        w.wall_ms += 1000;
        w.mono_ms += 1000;
        world_signal(&w, INPUT_CLOCK);
    }
    CHECK_INT(aggregate_figures(w.a)->jobs, 1);
    w.wall_ms += 2000;
    w.mono_ms += 2000;
    world_signal(&w, INPUT_CLOCK);
    CHECK_INT(aggregate_figures(w.a)->jobs, 2);
    world_signal(&w, INPUT_CLOCK);
    CHECK_INT(aggregate_figures(w.a)->jobs, 2);
    world_clear(&w);
}

static void test_lost_streams_warm(void)
{
    world w;
    for (size_t s = 0; s < INPUT_STREAMS; s++) {
        check_case(input_stream_name((input_stream)s));
        prepare(&w);
        size_t events = w.event_count;
        lose(&w, (input_stream)s);
        world_signal(&w, INPUT_FOLLOW);
        for (size_t i = 0; i < INPUT_STREAMS; i++) world_snapshot(&w, (input_stream)i);
        world_signal(&w, INPUT_LEAD);
        world_flush(&w);
        CHECK_C(world_entry(&w, "east", "app"), "behind 1.1.0");
        CHECK_C(world_entry(&w, "west", "app"), "upToDate 1.1.0");
        CHECK_INT(w.event_count, events);
        world_clear(&w);
    }
}

static void test_lost_reports_cold(void)
{
    check_case("reports lost, cold start");
    world w;
    prepare(&w);
    size_t events = w.event_count;
    lose(&w, INPUT_REPORTS);
    world_start(&w);
    world_flush(&w);
    CHECK_C(world_entry(&w, "east", "app"), "behind 1.1.0");
    CHECK_INT(w.event_count, events);
    world_report(&w, "east", "app", "1.0.0", &acme);
    world_feed(&w);
    world_flush(&w);
    CHECK_INT(w.event_count, events);
    world_clear(&w);
}

static void test_undecodable(void)
{
    check_case("undecodable");
    world w;
    world_init(&w);
    world_start(&w);
    world_store(&w, INPUT_REPORTS, "opvic.report.east.app", OV_STR("{\"agentId\":"), "", "");
    world_store(&w, INPUT_LISTS, "opvic.list.a.=", OV_STR("[]"), "", "");
    ov_buf body = report_body("east", "app", two, 1, NULL);
    world_store(&w, INPUT_REPORTS, "opvic.report.west.app", ov_buf_str(&body), "", "");
    ov_buf_clear(&body);
    world_feed(&w);
    CHECK_INT(aggregate_figures(w.a)->undecodable[INPUT_REPORTS], 2);
    CHECK_INT(aggregate_figures(w.a)->undecodable[INPUT_LISTS], 1);
    effect e;
    size_t dead = 0;
    while (aggregate_next_effect(w.a, &e)) {
        dead += e.kind == EFFECT_DEAD && e.reason && e.origin;
        effect_clear(&e);
    }
    CHECK_INT(dead, 3);
    world_clear(&w);
}

static void test_standby(void)
{
    check_case("standby");
    world w;
    prepare(&w);
    /* A second one reads along and takes over with nothing to write. */
    aggregate *first = w.a;
    w.a = NULL;
    world_start(&w);
    world_signal(&w, INPUT_FOLLOW);
    aggregate_free(first);
    uint64_t before = w.in[INPUT_STATE].last_seq;
    world_report(&w, "east", "app", "1.1.0", &acme);
    world_feed(&w);
    CHECK_INT(world_flush_once(&w, KILL_NEVER, 0), 0);
    world_signal(&w, INPUT_LEAD);
    world_flush(&w);
    CHECK_C(world_entry(&w, "east", "app"), "upToDate 1.1.0");
    CHECK(w.in[INPUT_STATE].last_seq > before);
    world_clear(&w);
}

int main(void)
{
    test_first_report();
    test_states();
    test_one_bad_version();
    test_one_entry_is_bounded();
    test_a_rule_is_worked_on();
    test_long_lists_in_events();
    test_unchanged_costs_nothing();
    test_restart_writes_nothing();
    test_tombstone();
    test_expiry();
    test_time_without_bus();
    test_failed_looks();
    test_truncated_list();
    test_heartbeats();
    test_overlap();
    test_other_cluster();
    test_new_instance();
    test_jobs();
    test_put_off();
    test_lost_streams_warm();
    test_lost_reports_cold();
    test_undecodable();
    test_standby();
    return check_end();
}
