/* How many reports a second the aggregator's core merges on one core, and what a million entries weigh: unchanged ones,
 * and ones whose versions changed, rendered and compared up to the documents that a leader writes. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "proto/list.h"
#include "proto/report.h"
#include "proto/subjects.h"
#include "services/aggregator/aggregate.h"

#include "base/poison.h"

enum { AGENTS = 1000, TRACKERS = 100, SOURCES = 40, VERSIONS = 200, BATCH = 1024, ROUNDS = 5 };

typedef struct {
    char subject[SUBJECT_MAX];
    ov_buf bodies[2]; /* of two different states of the cluster */
} fixture;

typedef struct {
    aggregate *a;
    fixture *fixtures;
    size_t count;
    uint64_t seq, state_seq;
    int64_t mono_ms;
    size_t written;
} bench;

static void make_body(size_t agent, size_t tracker, int variant, ov_buf *out)
{
    char agent_id[32], id[32], repo[64], version[2][32];
    snprintf(agent_id, sizeof agent_id, "cluster-%zu", agent);
    snprintf(id, sizeof id, "tracker-%zu", tracker);
    snprintf(repo, sizeof repo, "acme/app-%zu", tracker % SOURCES);
    report_version versions[2];
    for (int i = 0; i < 2; i++) {
        snprintf(version[i], sizeof version[i], "1.%d.%zu", variant * 2 + i, agent % 50);
        versions[i] = (report_version){.running_version = ov_str_of(version[i]),
                                       .resource_count = 3,
                                       .resource_kind = OV_STR("Deployments"),
                                       .extracted_from = OV_STR("registry.example.org/acme/app:1.2.3")};
    }
    report r = {.agent_id = ov_str_of(agent_id),
                .tags = OV_STR("{\"env\":\"production\",\"region\":\"eu\"}"),
                .id = ov_str_of(id),
                .ns = OV_STR("opvic"),
                .count = 6,
                .versions = versions,
                .version_count = 2,
                .has_remote = true,
                .remote = {.provider = OV_STR("github"),
                           .strategy = OV_STR("releases"),
                           .repo = ov_str_of(repo),
                           .constraint = OV_STR(">= 1.0.0")}};
    *out = OV_BUF(REPORT_BYTES_MAX);
    report_encode(&r, out);
}

static void apply(bench *b, input_kind kind, input_stream s, const char *subject, ov_str data)
{
    input in = {.kind = kind,
                .stream = s,
                .subject = ov_str_of(subject),
                .data = data,
                .seq = ++b->seq,
                .stored_at = {1700000000000}};
    aggregate_apply(b->a, &in, (ov_mono){b->mono_ms});
}

static void add_lists(bench *b)
{
    list_version versions[VERSIONS];
    char texts[VERSIONS][24], source[64], subject[SUBJECT_MAX];
    for (size_t i = 0; i < VERSIONS; i++) {
        snprintf(texts[i], sizeof texts[i], "v1.%zu.%zu", i / 20, i % 20);
        versions[i] = (list_version){.version = ov_str_of(texts[i])};
    }
    for (size_t i = 0; i < SOURCES; i++) {
        snprintf(source, sizeof source, "github/releases/acme/app-%zu", i);
        list l = {.source = ov_str_of(source), .versions = versions, .count = VERSIONS};
        ov_buf body = OV_BUF(LIST_BYTES_MAX);
        list_encode(&l, &body);
        subject_list(l.source, l.list, subject);
        apply(b, INPUT_MESSAGE, INPUT_LISTS, subject, ov_buf_str(&body));
        ov_buf_clear(&body);
    }
}

static void start(bench *b)
{
    aggregate_options o = {.source_interval_ms = 1800000,
                           .expiration_ms = 3600000,
                           .report_period_ms = 21600000,
                           .retention_ms = 86400000};
    b->a = aggregate_new(&o);
    apply(b, INPUT_BUS_UP, 0, "", OV_STR(""));
    for (int s = 0; s < INPUT_STREAMS; s++) {
        apply(b, INPUT_SNAPSHOT, (input_stream)s, "", OV_STR(""));
        apply(b, INPUT_READY, (input_stream)s, "", OV_STR(""));
    }
    apply(b, INPUT_LEAD, 0, "", OV_STR(""));
    add_lists(b);
}

static void flush(bench *b)
{
    static aggregate_write items[BATCH];
    size_t n;
    while ((n = aggregate_collect(b->a, items, BATCH, 4 << 20, (ov_mono){b->mono_ms}))) {
        for (size_t i = 0; i < n; i++) aggregate_written(b->a, &items[i], ++b->state_seq);
        b->written += n;
    }
    effect e;
    while (aggregate_next_effect(b->a, &e)) effect_clear(&e);
}

/* One report of every tracker of every agent. */
static void round_of(bench *b, int variant)
{
    for (size_t i = 0; i < b->count; i++) {
        const fixture *f = &b->fixtures[i];
        apply(b, INPUT_MESSAGE, INPUT_REPORTS, f->subject, ov_buf_str(&f->bodies[variant]));
        if (i % BATCH == BATCH - 1) flush(b);
    }
    flush(b);
}

static void tell(const char *name, double value, const char *unit)
{
    printf("{\"name\":\"%s\",\"value\":%.0f,\"unit\":\"%s\"}\n", name, value, unit);
}

static void measure(bench *b, const char *name, bool changed)
{
    ov_mono began = ov_mono_now();
    for (int i = 0; i < ROUNDS; i++) round_of(b, changed ? (i + 1) % 2 : 0);
    double seconds = (double)ov_mono_since(ov_mono_now(), began) / 1000;
    tell(name, (double)(b->count * ROUNDS) / seconds, "reports/s");
}

/* Resident memory, megabytes. */
static double resident_mb(void)
{
    FILE *f = fopen("/proc/self/statm", "r");
    unsigned long total = 0, resident = 0;
    int got = f ? fscanf(f, "%lu %lu", &total, &resident) : 0;
    if (f) fclose(f);
    return got == 2 ? (double)resident * (double)sysconf(_SC_PAGESIZE) / 1e6 : 0;
}

int main(int argc, char **argv)
{
    size_t agents = argc > 1 ? strtoul(argv[1], NULL, 10) : AGENTS;
    bench b = {.count = agents * TRACKERS};
    b.fixtures = ov_calloc(b.count, sizeof *b.fixtures);
    for (size_t i = 0; i < b.count; i++) {
        char agent[32], tracker[32];
        snprintf(agent, sizeof agent, "cluster-%zu", i / TRACKERS);
        snprintf(tracker, sizeof tracker, "tracker-%zu", i % TRACKERS);
        subject_report(ov_str_of(agent), ov_str_of(tracker), b.fixtures[i].subject);
        for (int v = 0; v < 2; v++) make_body(i / TRACKERS, i % TRACKERS, v, &b.fixtures[i].bodies[v]);
    }
    double before = resident_mb();
    start(&b);
    round_of(&b, 0);
    double after = resident_mb();
    tell("merge_bytes_per_entry", (after - before) * 1e6 / (double)b.count, "bytes");
    measure(&b, "merge_rate_same", false);
    measure(&b, "merge_rate_changed", true);
    aggregate_free(b.a);
    for (size_t i = 0; i < b.count; i++)
        for (int v = 0; v < 2; v++) ov_buf_clear(&b.fixtures[i].bodies[v]);
    free(b.fixtures);
    return 0;
}
