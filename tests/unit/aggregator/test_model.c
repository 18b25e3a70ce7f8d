/* Random inputs, refused events, kills between any two steps, restarts and new snapshots: the documents end up the same
 * as in a quiet run, each entry's events form one unbroken chain, and no event is told twice. */
#include "unit/aggregator/world.h"

#include "base/poison.h"

enum { AGENTS = 3, TRACKERS = 4, STEPS = 120, SEEDS = 60, DAY_STEP_MS = 2 * 60000 /* by then a day is seen */ };

/* The same numbers on every machine. */
static uint64_t draw(uint64_t *state, uint64_t below)
{
    *state += UINT64_C(0x9E3779B97F4A7C15);
    uint64_t z = *state;
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return (z ^ z >> 31) % below;
}

static const char *const upstream_versions[] = {"v1.0.0", "v1.1.0", "v1.2.0", "v2.0.0", "v2.1.0"};

static const report_remote acme_ends = {
    .provider = {"github", 6}, .strategy = {"releases", 8}, .repo = {"acme/app", 8}, .end_of_life = {"acme", 4}};
static const char ends_source[] = "endoflife/cycles/acme";

/* Cycles of which some end in the midst of the run, some before it, some never. */
static void store_cycles(world *w, uint64_t *state)
{
    static const int64_t days[] = {0, 1699920000, 1700006400, 1700092800};
    static const char *const names[] = {"1", "1.0", "1.1", "1.2"};
    list_version items[OV_COUNT(names)];
    size_t count = draw(state, OV_COUNT(names) + 1);
    for (size_t i = 0; i < count; i++)
        items[i] = (list_version){.version = OV_STR("1.0.0"),
                                  .cycle = ov_str_of(names[draw(state, OV_COUNT(names))]),
                                  .eol_s = days[draw(state, OV_COUNT(days))],
                                  .is_eol = draw(state, 2)};
    list l = {.source = ov_str_of(ends_source), .list = OV_STR(""), .versions = items, .count = count};
    OV_CLEANUP(ov_buf_clear) ov_buf out = OV_BUF(1 << 20);
    char subject[SUBJECT_MAX];
    list_encode(&l, &out);
    subject_list(l.source, l.list, subject);
    world_store(w, INPUT_LISTS, subject, ov_buf_str(&out), "", "");
}

static void input_step(world *w, uint64_t *state)
{
    char agent[16], tracker[16], version[16];
    snprintf(agent, sizeof agent, "agent-%d", (int)draw(state, AGENTS));
    snprintf(tracker, sizeof tracker, "tracker-%d", (int)draw(state, TRACKERS));
    snprintf(version, sizeof version, "1.%d.0", (int)draw(state, 3));
    w->wall_ms += 1000;
    w->mono_ms += 1000;
    switch (draw(state, 9)) {
    case 0:
        world_tombstone(w, agent, tracker);
        break;
    case 1:
        world_list(w, acme_source, "", upstream_versions, 1 + draw(state, OV_COUNT(upstream_versions)), false);
        break;
    case 2:
        world_look(w, acme_source, draw(state, 3) ? LOOKUP_COMPLETE : LOOKUP_FAILED,
                   draw(state, 3) ? FAILURE_NONE : FAILURE_TIMEOUT);
        break;
    case 3:
        store_cycles(w, state);
        break;
    default: {
        const report_remote *const remotes[] = {NULL, &acme, &acme, &acme_ends};
        world_report(w, agent, tracker, version, remotes[draw(state, OV_COUNT(remotes))]);
        break;
    }
    }
}

/* The leader stands down and reads everything again, as after a lost connection. */
static void reread(world *w)
{
    world_signal(w, INPUT_FOLLOW);
    for (size_t s = 0; s < INPUT_STREAMS; s++) world_snapshot(w, (input_stream)s);
    w->epoch++;
    world_take_over(w);
}

/* The bus refuses the events of one agent for a while. */
static void refuse(world *w, uint64_t *state)
{
    static const char *const agents[] = {NULL, "agent-0", "agent-1"};
    w->refused = agents[draw(state, OV_COUNT(agents))];
}

static void disturb(world *w, uint64_t *state)
{
    switch (draw(state, 14)) {
    case 0:
        world_start(w);
        break;
    case 1:
        world_flush_once(w, (kill_point)(1 + draw(state, 3)), draw(state, 3));
        world_start(w);
        break;
    case 2:
        world_flush_once(w, (kill_point)(1 + draw(state, 3)), draw(state, 3));
        reread(w);
        break;
    case 3:
        reread(w);
        break;
    case 4:
    case 5:
    case 6:
        world_flush(w);
        break;
    case 7:
        world_wait(w, 0);
        break;
    case 8:
        refuse(w, state);
        break;
    case 9:
        w->idles = draw(state, 2);
        break;
    case 10:
        aggregate_work(w->a, 1 + (int64_t)draw(state, 300));
        break;
    default:
        break;
    }
}

static void run(world *w, uint64_t seed, bool disturbed)
{
    uint64_t inputs = seed, noise = seed + 1000;
    world_init(w);
    w->wall_ms = INT64_C(1700006400000) - STEPS / 2 * 1000; /* midnight lies in the midst */
    world_start(w);
    for (int i = 0; i < STEPS; i++) {
        input_step(w, &inputs);
        if (draw(&noise, 2)) world_feed(w);
        if (disturbed) disturb(w, &noise);
    }
    world_feed(w);
    w->refused = NULL;
    w->idles = false;
    world_wait(w, DAY_STEP_MS);
    world_flush(w);
    while (w->waiting.count || aggregate_has_work(w->a)) world_flush(w);
}

static bool is_compared(const char *key)
{
    return strstr(key, ".entry.") || strstr(key, ".source.") || strstr(key, ".agent.") || strstr(key, ".verdict.");
}

/* Without what tells how one got there: the outbox, and when an agent was first seen (its first message may be replaced
 * in the stream before anybody read it). */
static ov_str bare(ov_str body)
{
    static const char *const ends[] = {",\"outbox\":", ",\"firstSeen\":"};
    size_t len = body.len ? body.len - 1 : 0;
    for (size_t i = 0; i < OV_COUNT(ends); i++) {
        const char *at = len ? memmem(body.ptr, len, ends[i], strlen(ends[i])) : NULL;
        if (at) len = (size_t)(at - body.ptr);
    }
    return ov_str_sub(body, 0, len);
}

/* A tombstone of what was never written leaves a document in one run and none in another. */
static bool is_nothing(ov_str body)
{
    return !body.len || memmem(body.ptr, body.len, "\"goneAt\":", 9) != NULL;
}

static void compare(const world *quiet, const world *other)
{
    for (size_t i = 0; i < quiet->in[INPUT_STATE].count; i++) {
        const message *m = &quiet->in[INPUT_STATE].items[i];
        if (m->dead || !is_compared(m->subject)) continue;
        ov_str want = {m->data, m->len}, got = world_doc(other, m->subject);
        if (is_nothing(want))
            CHECK(is_nothing(got));
        else
            CHECK_STR(bare(got), bare(want));
    }
}

static void running_of_event(const char *body, const char *name, char out[64])
{
    const char *at = strstr(body, name);
    out[0] = '\0';
    if (!at) return;
    at = strchr(at, '[');
    snprintf(out, 64, "%.*s", (int)(strchr(at, ']') - at + 1), at);
}

/* Each event's "previous" is what the one before said is "running"; no id comes twice. */
static void check_chains(const world *w)
{
    for (size_t i = 0; i < w->event_count; i++) {
        const told *t = &w->events[i];
        char previous[64], before[64] = "[]";
        for (size_t k = 0; k < i; k++) CHECK(strcmp(w->events[k].id, t->id) != 0);
        if (strcmp(t->type, "running") != 0) continue;
        for (size_t k = 0; k < i; k++)
            if (!strcmp(w->events[k].type, "running") && !strcmp(w->events[k].agent, t->agent) &&
                !strcmp(w->events[k].tracker, t->tracker))
                running_of_event(w->events[k].body, "\"running\":", before);
        running_of_event(t->body, "\"previous\":", previous);
        CHECK_C(previous, before);
    }
}

/* The ends that were told, and those that documents say were reached: over all seeds there are some of both. */
static size_t ends_told, ends_reached;

static void count_ends(const world *w)
{
    ends_told += world_events(w, "endOfLife", NULL, NULL);
    for (size_t i = 0; i < w->in[INPUT_STATE].count; i++) {
        const message *m = &w->in[INPUT_STATE].items[i];
        ends_reached += !m->dead && memmem(m->data, m->len, "\"reached\":true", 14) != NULL;
    }
}

/* The last running event of each entry says what its document says. */
static void check_ends(const world *w)
{
    for (int a = 0; a < AGENTS; a++) {
        for (int t = 0; t < TRACKERS; t++) {
            char agent[16], tracker[16], running[64] = "[]";
            snprintf(agent, sizeof agent, "agent-%d", a);
            snprintf(tracker, sizeof tracker, "tracker-%d", t);
            for (size_t k = 0; k < w->event_count; k++)
                if (!strcmp(w->events[k].type, "running") && !strcmp(w->events[k].agent, agent) &&
                    !strcmp(w->events[k].tracker, tracker))
                    running_of_event(w->events[k].body, "\"running\":", running);
            const char *state = world_entry(w, agent, tracker);
            CHECK((strcmp(running, "[]") == 0) == (!*state || strcmp(state, "gone") == 0));
        }
    }
}

int main(void)
{
    static char name[32];
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        world quiet, other;
        snprintf(name, sizeof name, "seed %d", (int)seed);
        check_case(name);
        run(&quiet, seed, false);
        run(&other, seed, true);
        compare(&quiet, &other);
        check_chains(&other);
        check_ends(&other);
        count_ends(&other);
        world_clear(&quiet);
        world_clear(&other);
    }
    check_case(NULL);
    CHECK(ends_told > 0 && ends_reached > 0);
    return check_end();
}
