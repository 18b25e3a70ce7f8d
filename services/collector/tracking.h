/* What runs: for each tracker the objects that match it and the version of each, kept current object by object. */
#ifndef OPVIC_COLLECTOR_TRACKING_H
#define OPVIC_COLLECTOR_TRACKING_H

#include "proto/report.h"
#include "services/collector/cluster/cluster.h"
#include "services/collector/extract/tracker.h"

typedef struct tracking tracking;

/* tags: raw JSON object. Both texts are copied. */
tracking *tracking_new(ov_str agent_id, ov_str tags);
/* Before the first event: events name a kind that is not built in by the version in which they give it, too
 * (kind_versioned), and trackers of another version do not get it. */
void tracking_read_versions_apart(tracking *t);
void tracking_free(tracking *t);

/* For cluster.step; arg is the tracking. */
void tracking_on_event(void *arg, const cluster_event *event);

/* True when objects must be given again before reports are rendered: those of *ret_kind, as events name it, because a
 * tracker of that kind came or changed; "": everything, because what a section lost may stand in another one. Gives
 * each kind once; ask until it is false. *ret_kind is valid until the next event. */
bool tracking_takes_reread(tracking *t, ov_str *ret_kind);

/* Each kind that some valid tracker reads now, once, in no particular order, with what events call it; valid during the
 * call. Where versions are not read apart, any that a tracker names is given. */
void tracking_each_kind(const tracking *t, void (*each)(void *arg, ov_str event_kind, const tracker_kind *kind),
                        void *arg);

/* When reports are due. */
typedef struct {
    ov_mono now;
    int64_t gather_ms; /* how long a change waits for others, longer where they do not end */
    bool by_kind;      /* the cluster reads kind by kind: a tracker says nothing before its kind was read for it */
} tracking_pace;

/* The next tracker whose report may have changed, its body written into body (which is reset first; nothing: the
 * tracker is gone); false when none is due, *ret_next then says when one will be. A report that passes body's maximum
 * is replaced by one that says so. pace NULL: all are due. *ret_id is valid until the next call or event. */
bool tracking_next_change(tracking *t, const tracking_pace *pace, ov_str *ret_id, ov_buf *body, ov_mono *ret_next);

/* Every report is rendered again: the maximum became another one. */
void tracking_touch(tracking *t);

/* Some tracker's status may have to be written. */
bool tracking_has_status(const tracking *t);
/* The next status that does not say what it should, as a merge patch for the VersionTracker *ret_key
 * ("namespace/name", valid until the next event); false: none now. tracking_status_done must follow. */
bool tracking_next_status(tracking *t, ov_wall now, ov_str *ret_key, ov_buf *body, uint64_t *ret_hash);
typedef enum {
    TRACKING_STATUS_WRITTEN,
    TRACKING_STATUS_PRUNED,  /* written, but members are missing: tried again once another one is written whole */
    TRACKING_STATUS_REFUSED, /* the stored object breaks rules: not tried again before it says something else */
    TRACKING_STATUS_GONE,    /* there is no such object any more */
    TRACKING_STATUS_RETRY
} tracking_status_outcome;
void tracking_status_done(tracking *t, ov_str key, uint64_t hash, tracking_status_outcome outcome);
/* How many trackers have a status that was pruned or refused when it was written last. */
size_t tracking_count_outdated(const tracking *t);

typedef struct {
    size_t trackers, invalid, duplicates, objects, failed;
} tracking_counts;
void tracking_count(const tracking *t, tracking_counts *ret);
/* Calls each(arg, tracker id, objects whose extraction failed) for every tracker. */
void tracking_each_failed(const tracking *t, void (*each)(void *arg, const char *id, size_t failed), void *arg);

#endif
