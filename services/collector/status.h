/* What a VersionTracker's status says: what was found, the spec as it was resolved, and whether all went well. */
#ifndef OPVIC_COLLECTOR_STATUS_H
#define OPVIC_COLLECTOR_STATUS_H

#include "base/clock.h"
#include "json/tree.h"
#include "proto/report.h"
#include "services/collector/extract/tracker.h"

enum {
    STATUS_BYTES_MAX = 512 * 1024, /* of the document; etcd keeps 1.5 MiB for the whole object */
    STATUS_VERSIONS_MAX = 1000     /* listed at most; a tracker that finds more says so in its condition */
};

/* All views live during the call. */
typedef struct {
    const report *found;
    const tracker_spec *spec; /* NULL: invalid */
    int64_t generation;       /* of the object, to which all this belongs */
    ov_str since;             /* when Ready became what it is, RFC 3339 */
    size_t versions_max;      /* that are listed */
} status_view;

/* Whether Ready is True. */
bool status_is_ready(const status_view *v);
/* The merge patch {"status": {...}}, https://www.rfc-editor.org/rfc/rfc7386: members that do not hold are null. */
void status_write(const status_view *v, ov_buf *out);

/* Equal for two statuses that say the same, whatever the order of their members, nulls left out and
 * lastTransitionTime aside. status may be NULL. */
uint64_t status_hash(const cJSON *status);

#endif
