/* What runs: for each tracker the objects that match it and the version of each, kept current object by object. */
#ifndef OPVIC_COLLECTOR_TRACKING_H
#define OPVIC_COLLECTOR_TRACKING_H

#include "proto/report.h"
#include "services/collector/cluster/cluster.h"

typedef struct tracking tracking;

/* tags: raw JSON object. Both texts are copied. */
tracking *tracking_new(ov_str agent_id, ov_str tags);
void tracking_free(tracking *t);

/* For cluster.step; arg is the tracking. */
void tracking_on_event(void *arg, const cluster_event *event);

/* True once after trackers came or changed, or when what a section lost may stand in another one: everything must be
 * given again before reports are rendered. */
bool tracking_takes_reread(tracking *t);

/* The next tracker whose report may have changed, its body written into body (which is reset first; nothing: the
 * tracker is gone); false when there is none. A report that passes body's maximum is replaced by one that says so.
 * *ret_id is valid until the next call or event. */
bool tracking_next_change(tracking *t, ov_str *ret_id, ov_buf *body);

/* Every report is rendered again: the maximum became another one. */
void tracking_touch(tracking *t);

typedef struct {
    size_t trackers, invalid, duplicates, objects, failed;
} tracking_counts;
void tracking_count(const tracking *t, tracking_counts *ret);
/* Calls each(arg, tracker id, objects whose extraction failed) for every tracker. */
void tracking_each_failed(const tracking *t, void (*each)(void *arg, const char *id, size_t failed), void *arg);

#endif
