/* Families with and without labels, the bound on label sets, rendering, and many threads at once. */
#include "metrics/metrics.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/mem.h"
#include "support/check.h"
#include "base/poison.h"

enum { THREADS = 4, ADDS = 5000, ROOM = 1 << 20 };

#define VALUES(...) ((const char *const[]){__VA_ARGS__})

static const char *const two_labels[] = {"method", "status", NULL};
static const char *const one_label[] = {"name", NULL};

static void free_metrics(ov_metrics **m)
{
    ov_metrics_free(*m);
}

/* The text without the families that every process has. */
static void render_own(ov_metrics *m, ov_buf *out)
{
    OV_CLEANUP(ov_buf_clear) ov_buf all = OV_BUF(ROOM);
    ov_metrics_render(m, "tester", &all);
    ov_str rest = ov_buf_str(&all), line;
    while (ov_str_split(&rest, '\n', &line)) {
        if (line.len == 0 || memmem(line.ptr, line.len, "process_", 8) || memmem(line.ptr, line.len, "opvic_build", 11))
            continue;
        ov_buf_append_str(out, line);
        ov_buf_append_char(out, '\n');
    }
}

static void test_render(void)
{
    OV_CLEANUP(free_metrics) ov_metrics *m = ov_metrics_new();
    OV_CLEANUP(ov_buf_clear) ov_buf out = OV_BUF(ROOM);
    ov_metric *requests = ov_metrics_add(m, OV_METRIC_COUNTER, "requests_total", "Requests.", two_labels, 10);
    ov_metric *depth = ov_metrics_add(m, OV_METRIC_GAUGE, "depth", "Depth.", NULL, 0);
    ov_metrics_add(m, OV_METRIC_COUNTER, "unused_total", "Never.", one_label, 10);
    ov_metrics_add(m, OV_METRIC_COUNTER, "zero_total", "Zero.", NULL, 0);
    ov_metric_add(requests, VALUES("POST", "202"), 2);
    ov_metric_add(requests, VALUES("GET", "200"), 1);
    ov_metric_add(requests, VALUES("GET", "200"), 0.5);
    ov_metric_add(requests, VALUES("a\"b", ""), 1);
    ov_metric_set(depth, NULL, 7);
    ov_metric_add(depth, NULL, -2.5);
    render_own(m, &out);
    CHECK_STR(ov_buf_str(&out), OV_STR("# HELP depth Depth.\n# TYPE depth gauge\ndepth 4.5\n"
                                       "# HELP requests_total Requests.\n# TYPE requests_total counter\n"
                                       "requests_total{method=\"GET\",status=\"200\"} 1.5\n"
                                       "requests_total{method=\"POST\",status=\"202\"} 2\n"
                                       "requests_total{method=\"a\\\"b\",status=\"\"} 1\n"
                                       "# HELP zero_total Zero.\n# TYPE zero_total counter\nzero_total 0\n"));
}

static void test_get(void)
{
    OV_CLEANUP(free_metrics) ov_metrics *m = ov_metrics_new();
    ov_metric *gauge = ov_metrics_add(m, OV_METRIC_GAUGE, "gauge", "Gauge.", one_label, 10);
    CHECK(ov_metric_get(gauge, VALUES("a")) == 0);
    ov_metric_set(gauge, VALUES("a"), 3);
    ov_metric_set(gauge, VALUES("a"), 4);
    CHECK(ov_metric_get(gauge, VALUES("a")) == 4);
    CHECK(ov_metric_get(gauge, VALUES("b")) == 0);
}

static void test_series_bound(void)
{
    OV_CLEANUP(free_metrics) ov_metrics *m = ov_metrics_new();
    OV_CLEANUP(ov_buf_clear) ov_buf out = OV_BUF(ROOM), huge = OV_BUF(ROOM);
    ov_metric *counter = ov_metrics_add(m, OV_METRIC_COUNTER, "seen_total", "Seen.", one_label, 2);
    for (int i = 0; i < 3000; i++) ov_buf_append_c(&huge, "\\\n");
    OV_CLEANUP(ov_free_p) char *huge_value = ov_buf_take(&huge, NULL);
    ov_metric_add(counter, VALUES("b"), 1);
    ov_metric_add(counter, VALUES("a"), 1);
    ov_metric_add(counter, VALUES("c"), 1);
    ov_metric_add(counter, VALUES("d"), 1);
    ov_metric_add(counter, VALUES(huge_value), 1);
    ov_metric_add(counter, VALUES("a"), 1);
    render_own(m, &out);
    CHECK_STR(ov_buf_str(&out), OV_STR("# HELP seen_total Seen.\n# TYPE seen_total counter\n"
                                       "seen_total{name=\"a\"} 2\nseen_total{name=\"b\"} 1\n"
                                       "seen_total{name=\"other\"} 3\n"));
}

/* The value of the first sample line that begins with name; -1 when there is none. */
static double sample(ov_str text, ov_str name)
{
    ov_str line;
    while (ov_str_split(&text, '\n', &line))
        if (ov_str_starts(line, name)) {
            OV_CLEANUP(ov_free_p) char *number = ov_dup(ov_str_sub(line, ov_str_find(line, ' ', 0) + 1, line.len));
            return strtod(number, NULL);
        }
    return -1;
}

static void test_process(void)
{
    OV_CLEANUP(free_metrics) ov_metrics *m = ov_metrics_new();
    OV_CLEANUP(ov_buf_clear) ov_buf out = OV_BUF(ROOM);
    ov_metrics_render(m, "tester", &out);
    ov_str text = ov_buf_str(&out);
    double now = (double)time(NULL), start = sample(text, OV_STR("process_start_time_seconds "));
    CHECK(start <= now + 1 && start > now - 3600);
    CHECK(sample(text, OV_STR("process_resident_memory_bytes ")) > 100000);
    CHECK(sample(text, OV_STR("process_cpu_seconds_total ")) > 0);
    CHECK(sample(text, OV_STR("opvic_build_info{service=\"tester\",version=\"")) == 1);
    ov_buf_reset(&out);
    ov_metrics_render(m, "tester", &out);
    CHECK(sample(ov_buf_str(&out), OV_STR("process_start_time_seconds ")) == start);
}

typedef struct {
    ov_metrics *registry;
    ov_metric *plain, *labelled;
} shared;

static void *add_many(void *arg)
{
    static const char *const names[] = {"a", "b", "c"};
    const shared *s = arg;
    for (size_t i = 0; i < ADDS; i++) {
        ov_metric_add(s->plain, NULL, 1);
        ov_metric_add(s->labelled, &names[i % OV_COUNT(names)], 1);
    }
    OV_CLEANUP(ov_buf_clear) ov_buf out = OV_BUF(ROOM);
    ov_metrics_render(s->registry, "tester", &out);
    return NULL;
}

static void test_threads(void)
{
    OV_CLEANUP(free_metrics) ov_metrics *m = ov_metrics_new();
    shared s = {.registry = m,
                .plain = ov_metrics_add(m, OV_METRIC_COUNTER, "plain_total", "Plain.", NULL, 0),
                .labelled = ov_metrics_add(m, OV_METRIC_COUNTER, "labelled_total", "Labelled.", one_label, 2)};
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++) CHECK_INT(pthread_create(&threads[i], NULL, add_many, &s), 0);
    for (size_t i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    CHECK_INT(ov_metric_get(s.plain, NULL), THREADS * ADDS);
    double sum = ov_metric_get(s.labelled, VALUES("other"));
    sum += ov_metric_get(s.labelled, VALUES("a")) + ov_metric_get(s.labelled, VALUES("b"));
    CHECK_INT(sum + ov_metric_get(s.labelled, VALUES("c")), THREADS * ADDS);
}

int main(void)
{
    test_render();
    test_get();
    test_series_bound();
    test_process();
    test_threads();
    return check_end();
}
