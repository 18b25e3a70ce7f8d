/* A cluster as a collector reads it: objects and VersionTrackers as they come, change and go, whatever the source. */
#ifndef OPVIC_COLLECTOR_CLUSTER_CLUSTER_H
#define OPVIC_COLLECTOR_CLUSTER_CLUSTER_H

#include "base/clock.h"
#include "base/status.h"
#include "base/str.h"
#include "json/tree.h"
#include "services/collector/extract/kind.h"

/* What is read together (a dump, a kind's list) is a section, 0 to CLUSTER_SECTIONS_MAX - 1: a snapshot of it replaces
 * all that it held. An object that several sections give belongs to the last one that gave it. */
enum {
    CLUSTER_SECTIONS_MAX = 4096,
    CLUSTER_NAME_MAX = 253 /* bytes of an object's name or namespace; what is longer is passed over */
};
typedef enum {
    CLUSTER_SNAPSHOT, /* a complete reading of the section begins */
    CLUSTER_OBJECT,   /* exists or changed */
    CLUSTER_GONE,     /* was deleted */
    CLUSTER_READY,    /* the reading is complete: what was not given since SNAPSHOT is gone */
    CLUSTER_PROBLEM   /* a kind cannot be read, or can again; what it held stands */
} cluster_event_type;

typedef enum {
    CLUSTER_FINE,
    CLUSTER_FORBIDDEN,   /* a right is missing */
    CLUSTER_UNKNOWN_KIND /* the cluster has no such kind */
} cluster_problem;

/* Valid during the call. */
typedef struct {
    cluster_event_type type;
    unsigned section;
    ov_str kind;         /* "Pods", "Nodes", ..., "group/Kind" (see kind_all; a live cluster names the version, too), or
                            CLUSTER_TRACKERS; of SNAPSHOT and READY: the only kind that the section has, or empty */
    ov_str ns, name;     /* ns is empty for what has none */
    const cJSON *object; /* OBJECT: the whole object, or NULL when only its text is given */
    ov_str json;         /* OBJECT without object: its text, which is parsed only when somebody wants it */
    cluster_problem problem; /* PROBLEM */
    ov_str text;             /* PROBLEM: why */
} cluster_event;

#define CLUSTER_TRACKERS "VersionTrackers"

typedef void (*cluster_sink)(void *arg, const cluster_event *event);

/* A kind, as it is read: "Deployments" is of the group "apps", version "v1", kind "Deployment", plural "deployments".
 */
typedef struct {
    ov_str event_kind, group, version, kind, plural; /* plural is empty where only the server knows it */
} cluster_kind_id;

/* Implementations fill this in; self is theirs. The sink, given when one is opened, gets events in step, and from
 * whatever else runs on the loop's thread. */
typedef struct {
    void *self;
    /* Works: gives what changed, VersionTrackers before objects. OV_FAILED: something could not be read (the rest was
     * given; what the unreadable part held before stands); err says what, at each call until it can be read, logged and
     * counted once. *ret_next, always set: when to call again at the latest. */
    ov_status (*step)(void *self, ov_mono now, ov_mono *ret_next, ov_err *err);
    /* All kinds that trackers read now; what is not among them need not be given. */
    void (*want)(void *self, const cluster_kind_id *kinds, size_t count);
    /* Gives all objects of the kind (as events name it; "" for all kinds) again, from the next step on, unless the last
     * step gave them: the trackers changed. More may be given than was asked for. */
    void (*reread)(void *self, ov_str kind);
    /* Every section was complete at least once. */
    bool (*is_complete)(const void *self);
    void (*free)(void *self);
} cluster;

/* What events call the objects of a kind: as kind_all, but CLUSTER_TRACKERS for VersionTrackers of either of their
 * groups. Static or in room; empty when api_version or kind is not valid. */
ov_str cluster_kind(ov_str api_version, ov_str kubernetes_kind, char room[KIND_TEXT_MAX]);

#endif
