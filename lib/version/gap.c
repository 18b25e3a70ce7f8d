/* Finds in a sorted list what is above a running version, by binary search: a gap costs log(count) and its majors. */
#include "version/gap.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/poison.h"

/* The first candidate in [from, count) whose leading segments are above those of v, in a list where those of the
 * running version and below come first. depth: how many leading segments count; 0: the whole order. */
static size_t first_above(const ov_version *const *candidates, size_t from, size_t count, const ov_version *v,
                          uint32_t depth)
{
    size_t low = from, high = count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int order = 0;
        for (uint32_t i = 0; i < depth && order == 0; i++) {
            int64_t x = ov_version_segment(candidates[mid], i), y = ov_version_segment(v, i);
            order = (x > y) - (x < y);
        }
        if (depth == 0) order = ov_version_compare(candidates[mid], v);
        if (order > 0)
            high = mid;
        else
            low = mid + 1;
    }
    return low;
}

static void find_majors(const ov_version *const *candidates, size_t from, size_t count, ov_gap *g)
{
    size_t cap = 0;
    for (size_t at = from; at < count;) {
        at = first_above(candidates, at, count, candidates[at], 1);
        ov_grow(&g->majors, &cap, g->majors_count + 1, sizeof *g->majors);
        g->majors[g->majors_count++] = at - 1;
    }
}

size_t ov_gap_first_above(const ov_version *const *candidates, size_t count, const ov_version *running)
{
    return first_above(candidates, 0, count, running, 0);
}

void ov_gap_compute(const ov_version *const *candidates, size_t count, const ov_version *running, ov_gap *ret)
{
    ov_gap g = {.first_above = first_above(candidates, 0, count, running, 0)};
    g.patches_from = first_above(candidates, g.first_above, count, running, 3);
    g.patches_to = first_above(candidates, g.patches_from, count, running, 2);
    g.minors_from = g.patches_to;
    g.minors_to = first_above(candidates, g.minors_from, count, running, 1);
    find_majors(candidates, g.minors_to, count, &g);
    *ret = g;
}

void ov_gap_clear(ov_gap *g)
{
    free(g->majors);
    *g = (ov_gap){0};
}
