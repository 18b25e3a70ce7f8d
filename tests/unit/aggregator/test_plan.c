/* Jobs as they are planned: one carries what fits, whatever anybody names. */
#include "proto/job.h"
#include "unit/aggregator/world.h"

#include "base/poison.h"

#define REPO "https://charts.example.org"
#define SOURCE "helm/index/" REPO

enum { NAMES = 400, NAME_BYTES = 2000 };

static void report_chart(world *w, const char *tracker, const char *chart)
{
    report_remote r = {.provider = OV_STR("helm"),
                       .strategy = OV_STR("chartVersion"),
                       .repo = OV_STR(REPO),
                       .chart = ov_str_of(chart)};
    world_report(w, "east", tracker, "1.0.0", &r);
}

/* The one job that is planned now holds the chart. */
static void check_job(world *w, const char *chart)
{
    size_t jobs = 0, found = 0;
    effect e;
    while (aggregate_next_effect(w->a, &e)) {
        job j = {0};
        ov_err err = {0};
        if (e.kind == EFFECT_JOB && CHECK_OK(job_decode((ov_str){e.body, e.len}, &j, &err), &err)) {
            for (size_t i = 0; i < j.list_count; i++) found += ov_str_eq(j.lists[i], ov_str_of(chart));
            job_clear(&j);
        }
        jobs += e.kind == EFFECT_JOB;
        effect_clear(&e);
    }
    CHECK_INT(jobs, 1);
    CHECK_INT(found, 1);
}

/* Names that no job could hold together keep nobody's chart, which is there upstream, from being looked up. */
static void test_too_many_names(void)
{
    static const char *const one[] = {"1.0.0"};
    world w;
    world_init(&w);
    world_start(&w);
    world_list(&w, SOURCE, "zeta", one, 1, false);
    report_chart(&w, "app", "zeta");
    char *name = ov_zalloc(NAME_BYTES + 1);
    for (int i = 0; i < NAMES; i++) {
        char tracker[16];
        memset(name, 'a', NAME_BYTES);
        snprintf(tracker, sizeof tracker, "t%d", i);
        memcpy(name, tracker, strlen(tracker));
        report_chart(&w, tracker, name);
    }
    free(name);
    world_feed(&w);
    world_wait(&w, 5000);
    check_job(&w, "zeta");
    world_clear(&w);
}

int main(void)
{
    test_too_many_names();
    return check_end();
}
