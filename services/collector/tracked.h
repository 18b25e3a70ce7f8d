/* One VersionTracker as it was given: its spec, the objects that match it, the report that says so. */
#ifndef OPVIC_COLLECTOR_TRACKED_H
#define OPVIC_COLLECTOR_TRACKED_H

#include "base/clock.h"
#include "services/collector/cluster/cluster.h"
#include "services/collector/extract/tracker.h"
#include "services/collector/observed.h"

typedef struct tracked tracked;

/* The trackers that read one kind of objects. */
typedef struct {
    char *kind; /* as events name it */
    tracked **items;
    size_t count, cap;
    bool wants_reread;       /* its objects must be given again */
    bool is_reading;         /* they are being given: until the end old ones stand beside new ones */
    cluster_problem problem; /* why they cannot be read now */
    char *problem_text;
} tracked_group;

struct tracked {
    char *key; /* "namespace/name" of the VersionTracker */
    char *ns;
    char *id;           /* spec.name, or the object's name when it has none */
    char *created;      /* creationTimestamp, RFC 3339: texts compare as times */
    uint64_t given;     /* the spec's hash: an equal one changes nothing */
    tracker_spec *spec; /* NULL: invalid */
    char *problem;      /* then: why */
    unsigned section, round;
    bool duplicate; /* an older tracker has its id */
    char *older;    /* then: its key */
    observed seen;
    bool is_read;      /* a reading of its kind began since it came */
    bool is_whole;     /* and ended */
    ov_mono due;       /* its report; 0: nobody waits */
    ov_mono reported;  /* when it was rendered last; 0: never */
    int64_t gather_ms; /* how long its next change waits for others */
    struct {
        uint64_t stored;  /* hash of what the object says; see status_hash */
        uint64_t written; /* of what the server took, or refused, last */
        int64_t generation;
        char ready[8], since[OV_WALL_TEXT]; /* the stored condition's status and time; empty: none */
        bool due, running;
        bool pruned, refused; /* what became of it when it was written last */
    } status;
    /* Where the tracking keeps it: among those of its kind, and in the list of those whose report may have changed. */
    tracked_group *group; /* NULL: invalid */
    size_t place;
    bool dirty;
    tracked *dirty_before, *dirty_behind;
};

/* e gives the VersionTracker. A spec that is wrong, or may mean something else, is logged. tracked_free ends it; t are
 * the texts of what it saw. */
tracked *tracked_new(const cluster_event *e, ov_str key);
void tracked_free(tracked *k, texts *t);

/* The event gives the same object, not another one of its name. */
bool tracked_is_of(const tracked *k, const cluster_event *e);
/* And the same spec again. */
bool tracked_is_same(const tracked *k, const cluster_event *e);
/* Of two trackers with one id the older one may report. */
bool tracked_is_older(const tracked *a, const tracked *b);

/* The report's body; one that passes body's maximum is replaced by one that says so. tags: raw JSON object. */
void tracked_render(const tracked *k, const texts *t, ov_str agent_id, ov_str tags, ov_buf *body);

/* Takes in what the object's status says; true when that is news. */
bool tracked_note_status(tracked *k, const cluster_event *e);
/* What it should say, as a merge patch. */
void tracked_render_status(const tracked *k, const texts *t, ov_wall now, ov_buf *body);

#endif
