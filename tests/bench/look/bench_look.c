/* One look at an upstream, measured: seconds, CPU, versions, and the peak of memory above what the process had after a
 * look at a small one. bench_look PROVIDER STRATEGY SMALL-REPO REPO [LIST...] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "services/fetcher/look.h"

#include "base/poison.h"

enum { BYTES_MAX = 1 << 30, MINUTE_MS = 60000 };

static void fail(const char *what)
{
    fprintf(stderr, "bench_look: %s\n", what);
    exit(EXIT_FAILURE);
}

static long memory_kb(const char *name)
{
    char line[256];
    long kb = -1;
    FILE *f = fopen("/proc/self/status", "re");
    while (f && kb < 0 && fgets(line, sizeof line, f))
        if (strncmp(line, name, strlen(name)) == 0) kb = strtol(line + strlen(name), NULL, 10);
    if (f) fclose(f);
    return kb;
}

/* The peak begins anew (proc(5), clear_refs). */
static void forget_peak(void)
{
    FILE *f = fopen("/proc/self/clear_refs", "we");
    if (!f || fputs("5", f) < 0 || fclose(f) != 0) fail("/proc/self/clear_refs cannot be written");
}

static double cpu_seconds(void)
{
    struct timespec at;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &at);
    return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

static size_t look(ov_fetch *f, const look_options *o, job *j, char *repo)
{
    OV_CLEANUP(budget_clear) budget left;
    budget_init(&left);
    look_result r;
    size_t versions = 0;
    j->repo = ov_str_of(repo);
    look_run(o, f, j, false, ov_wall_now().ms / 1000, &left, &r);
    if (r.outcome != LOOKUP_COMPLETE) fail(r.message);
    for (size_t i = 0; i < r.lists.count; i++) versions += r.lists.lists[i].count;
    look_result_clear(&r);
    return versions;
}

int main(int argc, char **argv)
{
    enum { FIRST_LIST = 5 };
    if (argc < FIRST_LIST) fail("usage: bench_look PROVIDER STRATEGY SMALL-REPO REPO [LIST...]");
    static ov_fetch_policy all = {.allow_all = true};
    const char *api = getenv("BENCH_GITHUB_URL");
    look_options o = {.providers = {.github_api_url = api ? api : "http://127.0.0.1"},
                      .policy = &all,
                      .pages_max = 100,
                      .bytes_max = BYTES_MAX,
                      .connect_ms = MINUTE_MS,
                      .idle_ms = MINUTE_MS,
                      .total_ms = 10 * MINUTE_MS};
    size_t lists = (size_t)argc - FIRST_LIST;
    OV_CLEANUP(ov_free_p) ov_str *names = ov_calloc(lists + 1, sizeof *names);
    for (size_t i = 0; i < lists; i++) names[i] = ov_str_of(argv[FIRST_LIST + i]);
    job j = {.source = OV_STR("bench"),
             .provider = ov_str_of(argv[1]),
             .strategy = ov_str_of(argv[2]),
             .lists = names,
             .list_count = lists};
    ov_err err = {0};
    ov_fetch *f = NULL;
    if (ov_fetch_new("bench", NULL, &f, &err) != OV_OK) fail(err.msg);
    look(f, &o, &j, argv[3]);
    forget_peak();
    long idle_kb = memory_kb("VmRSS:");
    double cpu_before = cpu_seconds();
    ov_mono began = ov_mono_now();
    size_t versions = look(f, &o, &j, argv[4]);
    int64_t took_ms = ov_mono_since(ov_mono_now(), began);
    double cpu = cpu_seconds() - cpu_before;
    printf("{\"versions\":%zu,\"seconds\":%.3f,\"cpu_seconds\":%.3f,\"heap_mb\":%.2f,\"rss_mb\":%.2f}\n", versions,
           (double)took_ms / 1000, cpu, (double)(memory_kb("VmHWM:") - idle_kb) / 1024,
           (double)memory_kb("VmHWM:") / 1024);
    ov_fetch_free(f);
    return EXIT_SUCCESS;
}
