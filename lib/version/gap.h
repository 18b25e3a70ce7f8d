/* How far a running version is behind a sorted list of candidates: what CONTRACT.md calls the gap. */
#ifndef OV_VERSION_GAP_H
#define OV_VERSION_GAP_H

#include "version/version.h"

/* Index ranges and picks in the candidates' array; the caller owns nothing here but the arrays freed by _clear. */
typedef struct {
    size_t first_above; /* candidates[first_above..count) are above the running version: availableVersions */
    size_t *majors;     /* of each higher major its highest version, ascending: availableMajors. A prerelease
                           is the highest where its major has nothing above it */
    size_t majors_count;
    size_t minors_from, minors_to;   /* same major, higher minor, prereleases too: availableMinors */
    size_t patches_from, patches_to; /* same major and minor, higher third segment: availablePatches. What is above the
                                        running version with the same three segments (its release, a later prerelease,
                                        a fourth segment) is available, but no patch */
} ov_gap;

/* candidates: ascending by ov_version_compare; equal ones (they differ in metadata) may stand side by side: all or none
 * of them are above, and the last of them is its major's highest. Segments beyond the end count as 0. */
void ov_gap_compute(const ov_version *const *candidates, size_t count, const ov_version *running, ov_gap *ret);
void ov_gap_clear(ov_gap *g);
/* first_above alone. */
size_t ov_gap_first_above(const ov_version *const *candidates, size_t count, const ov_version *running);

#endif
