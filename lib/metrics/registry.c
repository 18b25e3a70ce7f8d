/* A process's own counters and gauges: atomics where a family has no labels, one mutex for those that have. */
#include "metrics/metrics.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/mem.h"
#include "metrics/process.h"
#include "base/poison.h"

enum { LABELS_BYTES_MAX = 4096 }; /* of one series; a longer one counts as "other" */

typedef struct {
    char *labels; /* as rendered: a="b",c="d" */
    double value;
} series;

struct ov_metric {
    ov_metrics *registry;
    ov_metric_kind kind;
    const char *name, *help;
    const char *const *labels; /* NULL: no labels, and the value is bits */
    _Atomic uint64_t bits;     /* of the double */
    series *series;            /* sorted by labels; guarded by the registry's lock, as the next three */
    size_t count, cap, max;
};

struct ov_metrics {
    pthread_mutex_t lock;
    ov_metric **families; /* sorted by name */
    size_t count, cap;
    ov_metric *start_time, *resident, *cpu, *build_info;
};

static double to_double(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static uint64_t to_bits(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

ov_metrics *ov_metrics_new(void)
{
    static const char *const build_labels[] = {"service", "version", NULL};
    ov_metrics *m = ov_zalloc(sizeof *m);
    pthread_mutex_init(&m->lock, NULL);
    m->start_time = ov_metrics_add(m, OV_METRIC_GAUGE, "process_start_time_seconds",
                                   "Start time of the process since unix epoch in seconds.", NULL, 0);
    m->resident =
        ov_metrics_add(m, OV_METRIC_GAUGE, "process_resident_memory_bytes", "Resident memory size in bytes.", NULL, 0);
    m->cpu = ov_metrics_add(m, OV_METRIC_COUNTER, "process_cpu_seconds_total",
                            "Total user and system CPU time spent in seconds.", NULL, 0);
    m->build_info =
        ov_metrics_add(m, OV_METRIC_GAUGE, "opvic_build_info", "Which service and version this is.", build_labels, 1);
    ov_metric_set(m->start_time, NULL, ov_process_start_seconds());
    return m;
}

static void family_free(ov_metric *metric)
{
    for (size_t i = 0; i < metric->count; i++) free(metric->series[i].labels);
    free(metric->series);
    free(metric);
}

void ov_metrics_free(ov_metrics *m)
{
    if (!m) return;
    for (size_t i = 0; i < m->count; i++) family_free(m->families[i]);
    free(m->families);
    pthread_mutex_destroy(&m->lock);
    free(m);
}

ov_metric *ov_metrics_add(ov_metrics *m, ov_metric_kind kind, const char *name, const char *help,
                          const char *const *labels, unsigned series_max)
{
    ov_metric *metric = ov_zalloc(sizeof *metric);
    *metric = (ov_metric){.registry = m, .kind = kind, .name = name, .help = help, .labels = labels, .max = series_max};
    size_t at = 0;
    while (at < m->count && strcmp(m->families[at]->name, name) < 0) at++;
    assert(at == m->count || strcmp(m->families[at]->name, name) != 0);
    ov_grow(&m->families, &m->cap, m->count + 1, sizeof *m->families);
    memmove(m->families + at + 1, m->families + at, (m->count - at) * sizeof *m->families);
    m->families[at] = metric;
    m->count++;
    return metric;
}

/* values NULL: "other" for each label. */
static void append_labels(ov_buf *out, const char *const *labels, const char *const *values)
{
    for (size_t i = 0; labels[i]; i++) {
        if (i > 0) ov_buf_append_char(out, ',');
        ov_buf_append_c(out, labels[i]);
        ov_buf_append_c(out, "=\"");
        ov_exposition_escape(out, values ? ov_str_of(values[i]) : OV_STR("other"));
        ov_buf_append_char(out, '"');
    }
}

/* The place of the labels among the series: where they are, or where they belong. */
static bool find_series(const ov_metric *metric, const char *labels, size_t *ret_at)
{
    size_t low = 0, high = metric->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(metric->series[middle].labels, labels);
        if (order == 0) {
            *ret_at = middle;
            return true;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *ret_at = low;
    return false;
}

static char *render_labels(const ov_metric *metric, const char *const *values)
{
    OV_CLEANUP(ov_buf_clear) ov_buf text = OV_BUF(LABELS_BYTES_MAX);
    append_labels(&text, metric->labels, values);
    if (text.failed) {
        ov_buf_reset(&text);
        append_labels(&text, metric->labels, NULL);
    }
    return ov_buf_take(&text, NULL);
}

/* The series of these values, made when there is room, else that of "other". The lock is held. */
static series *series_of(ov_metric *metric, const char *const *values)
{
    OV_CLEANUP(ov_free_p) char *labels = render_labels(metric, values);
    size_t at;
    if (find_series(metric, labels, &at)) return &metric->series[at];
    if (metric->count >= metric->max) {
        free(labels);
        labels = render_labels(metric, NULL);
        if (find_series(metric, labels, &at)) return &metric->series[at];
    }
    ov_grow(&metric->series, &metric->cap, metric->count + 1, sizeof *metric->series);
    memmove(metric->series + at + 1, metric->series + at, (metric->count - at) * sizeof *metric->series);
    metric->series[at] = (series){.labels = OV_TAKE(labels)};
    metric->count++;
    return &metric->series[at];
}

void ov_metric_add(ov_metric *metric, const char *const *values, double delta)
{
    if (metric->labels) {
        pthread_mutex_lock(&metric->registry->lock);
        series_of(metric, values)->value += delta;
        pthread_mutex_unlock(&metric->registry->lock);
        return;
    }
    uint64_t before = atomic_load_explicit(&metric->bits, memory_order_relaxed);
    while (!atomic_compare_exchange_weak(&metric->bits, &before, to_bits(to_double(before) + delta))) {
    }
}

void ov_metric_set(ov_metric *metric, const char *const *values, double value)
{
    if (!metric->labels) {
        atomic_store(&metric->bits, to_bits(value));
        return;
    }
    pthread_mutex_lock(&metric->registry->lock);
    series_of(metric, values)->value = value;
    pthread_mutex_unlock(&metric->registry->lock);
}

double ov_metric_get(ov_metric *metric, const char *const *values)
{
    if (!metric->labels) return to_double(atomic_load(&metric->bits));
    OV_CLEANUP(ov_free_p) char *labels = render_labels(metric, values);
    size_t at;
    pthread_mutex_lock(&metric->registry->lock);
    double value = find_series(metric, labels, &at) ? metric->series[at].value : 0;
    pthread_mutex_unlock(&metric->registry->lock);
    return value;
}

static void render_sample(ov_buf *out, const char *name, const char *labels, double value)
{
    ov_buf_append_c(out, name);
    if (labels) {
        ov_buf_append_char(out, '{');
        ov_buf_append_c(out, labels);
        ov_buf_append_char(out, '}');
    }
    ov_buf_append_char(out, ' ');
    ov_exposition_number(out, value);
    ov_buf_append_char(out, '\n');
}

static void render_family(const ov_metric *metric, ov_buf *out)
{
    if (metric->labels && metric->count == 0) return;
    ov_exposition_family(out, metric->name, metric->kind, metric->help);
    if (!metric->labels) render_sample(out, metric->name, NULL, to_double(atomic_load(&metric->bits)));
    for (size_t i = 0; i < metric->count; i++)
        render_sample(out, metric->name, metric->series[i].labels, metric->series[i].value);
}

void ov_metrics_render(ov_metrics *m, const char *service, ov_buf *out)
{
    ov_metric_set(m->resident, NULL, ov_process_resident_bytes());
    ov_metric_set(m->cpu, NULL, ov_process_cpu_seconds());
    ov_metric_set(m->build_info, (const char *const[]){service, OPVIC_VERSION}, 1);
    pthread_mutex_lock(&m->lock);
    for (size_t i = 0; i < m->count; i++) render_family(m->families[i], out);
    pthread_mutex_unlock(&m->lock);
}
