/* What the files of the tracking share: trackers by key and by kind, whose report may have changed, texts kept once. */
#ifndef OPVIC_COLLECTOR_TRACKING_PARTS_H
#define OPVIC_COLLECTOR_TRACKING_PARTS_H

#include "base/map.h"
#include "services/collector/tracked.h"
#include "services/collector/tracking.h"

struct tracking {
    char *agent_id, *tags;
    ov_map trackers; /* key -> tracked */
    ov_map groups;   /* a kind, as events name it -> tracked_group; only those that some tracker reads */
    bool versions_apart;
    bool trackers_read; /* all of them, at least once */
    ov_map owners;      /* id -> the tracked that may report under it */
    ov_map gone;        /* ids whose tombstone must be told -> any pointer */
    tracked *dirty_first, *dirty_last;
    texts texts; /* of all that was observed */
    unsigned rounds[CLUSTER_SECTIONS_MAX];
    bool owners_stale;
    bool wants_all; /* everything must be given again */
    bool overlaps;  /* some tracker was given by more than one section */
    ov_buf version, from;
    char *current_id;
    size_t statuses_due;      /* trackers whose status is to be looked at */
    size_t statuses_outdated; /* that were pruned or refused */
};

/* ---- tracking.c ---- */

void tracking_mark_dirty(tracking *t, tracked *k);
void tracking_mark_clean(tracking *t, tracked *k);
void tracking_settle_owners(tracking *t);

/* ---- tracking_status.c ---- */

/* The status of k may not be what it should be. */
void tracking_mark_status(tracking *t, tracked *k);
/* k is about to go. */
void tracking_forget_status(tracking *t, tracked *k);

#endif
