/* The order of versions: segments, then releases above prereleases, then SemVer's rule for prerelease parts. */
#include <stdlib.h>

#include "base/mem.h"
#include "version/version.h"
#include "base/poison.h"

static bool is_number(ov_str part)
{
    for (size_t i = 0; i < part.len; i++)
        if (part.ptr[i] < '0' || part.ptr[i] > '9') return false;
    return part.len > 0;
}

/* By value at any length: without leading zeros the longer one is larger. */
static int compare_numbers(ov_str a, ov_str b)
{
    while (a.len > 1 && a.ptr[0] == '0') a = ov_str_sub(a, 1, a.len);
    while (b.len > 1 && b.ptr[0] == '0') b = ov_str_sub(b, 1, b.len);
    if (a.len != b.len) return a.len < b.len ? -1 : 1;
    return ov_str_cmp(a, b);
}

static int compare_parts(ov_str a, ov_str b)
{
    bool a_number = is_number(a), b_number = is_number(b);
    if (a_number != b_number) return a_number ? -1 : 1;
    return a_number ? compare_numbers(a, b) : ov_str_cmp(a, b);
}

static int compare_pre(ov_str a, ov_str b)
{
    if (ov_str_eq(a, b)) return 0;
    if (a.len == 0 || b.len == 0) return a.len == 0 ? 1 : -1;
    for (;;) {
        ov_str part_a, part_b;
        bool more_a = ov_str_split(&a, '.', &part_a), more_b = ov_str_split(&b, '.', &part_b);
        if (!more_a || !more_b) return (int)more_a - (int)more_b;
        int order = compare_parts(part_a, part_b);
        if (order != 0) return order;
    }
}

static bool has_more(const ov_version *v, uint32_t from)
{
    for (uint32_t i = from; i < v->segment_count; i++)
        if (v->segments[i] > 0) return true;
    return false;
}

int ov_version_compare_segments(const ov_version *a, const ov_version *b)
{
    uint32_t shared = a->segment_count < b->segment_count ? a->segment_count : b->segment_count;
    for (uint32_t i = 0; i < shared; i++)
        if (a->segments[i] != b->segments[i]) return a->segments[i] < b->segments[i] ? -1 : 1;
    return (int)has_more(a, shared) - (int)has_more(b, shared);
}

int ov_version_compare(const ov_version *a, const ov_version *b)
{
    int order = ov_version_compare_segments(a, b);
    return order != 0 ? order : compare_pre(a->pre, b->pre);
}

/* Merges the runs [from, mid) and [mid, to); the left one wins ties, which keeps the sort stable. */
static void merge(const ov_version **in, const ov_version **out, size_t from, size_t mid, size_t to)
{
    size_t left = from, right = mid;
    for (size_t i = from; i < to; i++) {
        bool take_left = left < mid && (right >= to || ov_version_compare(in[left], in[right]) <= 0);
        out[i] = take_left ? in[left++] : in[right++];
    }
}

static size_t at_most(size_t n, size_t max)
{
    return n < max ? n : max;
}

/* Lists mostly arrive sorted one way or the other. */
static bool is_sorted(const ov_version **versions, size_t count)
{
    for (size_t i = 1; i < count; i++)
        if (ov_version_compare(versions[i - 1], versions[i]) > 0) return false;
    return true;
}

void ov_version_sort(const ov_version **versions, size_t count)
{
    if (is_sorted(versions, count)) return;
    OV_CLEANUP(ov_free_p) const ov_version **spare = ov_calloc(count, sizeof *spare);
    const ov_version **in = versions, **out = spare;
    for (size_t run = 1; run < count; run *= 2) {
        for (size_t from = 0; from < count; from += 2 * run)
            merge(in, out, from, at_most(from + run, count), at_most(from + 2 * run, count));
        const ov_version **swap = in;
        in = out;
        out = swap;
    }
    if (in != versions) memcpy(versions, in, count * sizeof *versions);
}
