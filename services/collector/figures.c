/* Turns what the collector knows into its metrics. */
#include "services/collector/figures.h"

#include "base/mem.h"

#include "base/poison.h"

enum { TRACKER_SERIES_MAX = 1000, RESTART_SERIES_MAX = 200 };

void figures_init(figures *f, ov_metrics *m)
{
    static const char *const by_tracker[] = {"tracker", NULL};
    static const char *const by_kind_and_reason[] = {"kind", "reason", NULL};
    *f = (figures){
        .errors = ov_metrics_add(m, OV_METRIC_COUNTER, "opvic_agent_reconciliation_errors_total",
                                 "Readings of the cluster that failed.", NULL, 1),
        .last_read = ov_metrics_add(m, OV_METRIC_GAUGE, "opvic_agent_last_reconciliation_timestamp_seconds",
                                    "When the cluster was last read without a failure.", NULL, 1),
        .read_ms = ov_metrics_add(m, OV_METRIC_GAUGE, "opvic_agent_reconciliation_duration_milliseconds",
                                  "How long the last reading of changes took.", NULL, 1),
        .trackers = ov_metrics_add(m, OV_METRIC_GAUGE, "opvic_agent_trackers", "VersionTrackers known.", NULL, 1),
        .objects = ov_metrics_add(m, OV_METRIC_GAUGE, "opvic_agent_objects",
                                  "Objects that match a tracker, counted once for each.", NULL, 1),
        .failures = ov_metrics_add(m, OV_METRIC_GAUGE, "opvic_agent_extraction_failures",
                                   "Matched objects that gave no version.", by_tracker, TRACKER_SERIES_MAX),
        .restarts = ov_metrics_add(m, OV_METRIC_COUNTER, "opvic_agent_watch_restarts_total",
                                   "Requests to the API server that ended before their watch's time, by reason.",
                                   by_kind_and_reason, RESTART_SERIES_MAX),
        .bytes = ov_metrics_add(m, OV_METRIC_COUNTER, "opvic_agent_read_bytes_total", "Bytes read from the API server.",
                                NULL, 1),
        .statuses = ov_metrics_add(m, OV_METRIC_COUNTER, "opvic_agent_status_writes_total",
                                   "Statuses of trackers that the API server took.", NULL, 1),
        .status_failures = ov_metrics_add(m, OV_METRIC_COUNTER, "opvic_agent_status_write_failures_total",
                                          "Statuses of trackers that the API server did not take.", NULL, 1),
        .crd_outdated = ov_metrics_add(m, OV_METRIC_GAUGE, "opvic_agent_crd_outdated",
                                       "1 while the CustomResourceDefinition does not keep what is written.", NULL, 1),
        .delivered = ov_metrics_add(m, OV_METRIC_COUNTER, "opvic_agent_reports_delivered_total",
                                    "Reports stored by the other side.", NULL, 1),
        .pending = ov_metrics_add(m, OV_METRIC_GAUGE, "opvic_agent_reports_pending",
                                  "Reports that wait for delivery or are under way.", NULL, 1),
        .age = ov_metrics_add(m, OV_METRIC_GAUGE, "opvic_agent_last_delivery_age_seconds",
                              "Time since the last report was stored, -1 before the first.", NULL, 1),
    };
    ov_metric_set(f->age, NULL, -1);
}

void figures_clear(figures *f)
{
    ov_map_clear(&f->exported);
}

void figures_read(figures *f, ov_wall now, int64_t took_ms)
{
    ov_metric_set(f->last_read, NULL, (double)now.ms / 1000);
    if (took_ms >= 0) ov_metric_set(f->read_ms, NULL, (double)took_ms);
}

/* A tracker gets its series with its first failure; without any it would only be another zero. */
static void set_failed(void *arg, const char *id, size_t failed)
{
    figures *f = arg;
    if (failed == 0) return;
    ov_metric_set(f->failures, (const char *const[]){id}, (double)failed);
    ov_map_put(&f->exported, ov_str_of(id), f);
}

void figures_tracking(figures *f, const tracking *t)
{
    tracking_counts counts;
    size_t at = 0;
    ov_str id;
    void *value;
    tracking_count(t, &counts);
    ov_metric_set(f->trackers, NULL, (double)counts.trackers);
    ov_metric_set(f->objects, NULL, (double)counts.objects);
    while (ov_map_next(&f->exported, &at, &id, &value)) {
        OV_CLEANUP(ov_free_p) char *name = ov_dup(id);
        ov_metric_set(f->failures, (const char *const[]){name}, 0);
    }
    ov_map_clear(&f->exported);
    tracking_each_failed(t, set_failed, f);
}

void figures_shipping(figures *f, const shipping_state *s)
{
    ov_metric_add(f->delivered, NULL, (double)(s->delivered - f->delivered_told));
    f->delivered_told = s->delivered;
    ov_metric_set(f->pending, NULL, (double)s->pending);
    ov_metric_set(f->age, NULL, s->age_ms < 0 ? -1 : (double)s->age_ms / 1000);
}
