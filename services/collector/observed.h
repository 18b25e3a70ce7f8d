/* The objects that one tracker matches, each with its version or the reason why it has none. */
#ifndef OPVIC_COLLECTOR_OBSERVED_H
#define OPVIC_COLLECTOR_OBSERVED_H

#include "proto/report.h"
#include "services/collector/texts.h"

/* 16 bytes an object; the texts are numbers, because most trackers and objects say the same. */
typedef struct {
    uint32_t object;  /* its key, "namespace/name"; 0: an empty slot */
    uint32_t version; /* 0: the extraction failed */
    uint32_t from;    /* the value that the version was taken from, or why there is none */
    uint32_t seen;    /* section and round of the cluster's reading that gave it last */
} observed_slot;

/* Zero is empty. The texts are the same ones in all calls, shared by many trackers. */
typedef struct {
    observed_slot *slots;
    uint32_t cap, count;
    size_t failed;
    bool overlaps; /* some object was given by more than one section */
} observed;

void observed_clear(observed *o, texts *t);
/* Sets what an object says now; version ptr NULL: it failed with problem. object is the number of its key, to which the
 * caller has a reference. True when that differs from before. */
bool observed_set(observed *o, texts *t, uint32_t object, unsigned section, unsigned round, ov_str version, ov_str from,
                  const char *problem);
/* True when it was there. */
bool observed_remove(observed *o, texts *t, uint32_t object);
/* Removes the section's objects that its last round did not give; true when there were any. */
bool observed_sweep(observed *o, texts *t, unsigned section, unsigned round);

/* Fills count, versions (in order of first sight by namespace and name; views into t), reason and message of a report.
 * *ret_versions is freed by the caller; message holds the text. */
void observed_summarize(const observed *o, const texts *t, ov_str resource_kind, report *ret,
                        report_version **ret_versions, ov_err *message);

#endif
