/* Prometheus text exposition: a registry of counters and gauges of a process, and a writer for foreign label values.
 * https://prometheus.io/docs/instrumenting/exposition_formats/ */
#ifndef OV_METRICS_METRICS_H
#define OV_METRICS_METRICS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

typedef enum { OV_METRIC_COUNTER, OV_METRIC_GAUGE } ov_metric_kind;

/* A registry is made before threads start; values may then be changed from any thread. */
typedef struct ov_metrics ov_metrics;
typedef struct ov_metric ov_metric; /* one family */

ov_metrics *ov_metrics_new(void);
void ov_metrics_free(ov_metrics *m);
/* name, help and labels (NULL-terminated array of label names, or NULL) live as long as the registry; the metric
 * belongs to it. series_max bounds the label sets; what comes beyond is counted in one series whose label values are
 * "other". */
ov_metric *ov_metrics_add(ov_metrics *m, ov_metric_kind kind, const char *name, const char *help,
                          const char *const *labels, unsigned series_max);
/* values: as many as labels, or NULL when there are none. Takes a lock only when labels are used. */
void ov_metric_add(ov_metric *metric, const char *const *values, double delta);
void ov_metric_set(ov_metric *metric, const char *const *values, double value);
double ov_metric_get(ov_metric *metric, const char *const *values);
/* The whole registry with HELP and TYPE lines, families in the order of their names. Also what every process has:
 * process_start_time_seconds, process_resident_memory_bytes, process_cpu_seconds_total, opvic_build_info. */
void ov_metrics_render(ov_metrics *m, const char *service, ov_buf *out);

/* Writing samples by hand (the api's families). */
void ov_exposition_family(ov_buf *out, const char *name, ov_metric_kind kind, const char *help);
/* An escaped label value (backslash, quote, newline; bytes that are not UTF-8 become U+FFFD), without quotes. */
void ov_exposition_escape(ov_buf *out, ov_str value);
/* As strconv 'g' prints floats in the exposition of client_golang ("1.639773192e+09", "58", "0.5"). */
void ov_exposition_number(ov_buf *out, double value);

#endif
