/* The objects that one tracker matches, each with its version or the reason why it has none. */
#ifndef OPVIC_COLLECTOR_OBSERVED_H
#define OPVIC_COLLECTOR_OBSERVED_H

#include "base/map.h"
#include "proto/report.h"

typedef struct {
    unsigned section, round; /* of the cluster's reading that gave it last */
    char *key;               /* "namespace/name" */
    char *version, *from;    /* version is NULL when the extraction failed */
    char *problem;           /* then: why */
} observed_object;

/* Zero is empty. */
typedef struct {
    ov_map objects; /* key -> observed_object */
    size_t failed;
    bool overlaps; /* some object was given by more than one section */
} observed;

void observed_clear(observed *o);
/* Sets what an object says now; version ptr NULL: it failed with problem. True when that differs from before. */
bool observed_set(observed *o, ov_str key, unsigned section, unsigned round, ov_str version, ov_str from,
                  const char *problem);
/* True when it was there. */
bool observed_remove(observed *o, ov_str key);
/* Removes the section's objects that its last round did not give; true when there were any. */
bool observed_sweep(observed *o, unsigned section, unsigned round);

/* Fills count, versions (in order of first sight by namespace and name; views into o), reason and message of a report.
 * *ret_versions is freed by the caller; message holds the text. */
void observed_summarize(const observed *o, const char *resource_kind, report *ret, report_version **ret_versions,
                        ov_err *message);

#endif
