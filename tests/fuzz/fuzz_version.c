/* Versions and constraints from foreign bytes: the first line is a constraint, the others are versions. */
#include <stdlib.h>

#include "version/constraint.h"
#include "version/gap.h"
#include "base/poison.h"

enum { VERSIONS_MAX = 32 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds) abort();
}

/* The canonical text means the same version and is its own canonical text. */
static void check_canonical(const ov_version *v)
{
    ov_err err = {0};
    OV_CLEANUP(ov_version_free_p) ov_version *again = NULL;
    if (v->canonical.len > OV_VERSION_TEXT_MAX) return;
    must(ov_version_parse(v->canonical, &again, &err) == OV_OK);
    must(ov_version_compare(v, again) == 0 && ov_str_eq(again->canonical, v->canonical));
}

static void check_sorted(const ov_version **versions, size_t count)
{
    ov_version_sort(versions, count);
    for (size_t i = 0; i < count; i++)
        for (size_t j = i; j < count; j++) {
            must(ov_version_compare(versions[i], versions[j]) <= 0);
            must(ov_version_compare(versions[j], versions[i]) >= 0);
        }
}

static void check_gap(const ov_version *const *versions, size_t count, const ov_version *running)
{
    ov_gap g;
    ov_gap_compute(versions, count, running, &g);
    must(g.first_above <= g.patches_from && g.patches_from <= g.patches_to && g.patches_to <= g.minors_from);
    must(g.minors_from <= g.minors_to && g.minors_to <= count);
    for (size_t i = g.minors_to; i < count; i++)
        must(ov_version_segment(versions[i], 0) > ov_version_segment(running, 0));
    must(g.majors_count == 0 || g.majors[g.majors_count - 1] == count - 1);
    ov_gap_clear(&g);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ov_str rest = {(const char *)data, size}, line = {0};
    ov_err err = {0};
    const ov_version *versions[VERSIONS_MAX];
    size_t count = 0;
    OV_CLEANUP(ov_constraint_free_p) ov_constraint *constraint = NULL;
    if (ov_str_split(&rest, '\n', &line) && ov_constraint_parse(line, &constraint, &err) != OV_OK) constraint = NULL;
    while (count < VERSIONS_MAX && ov_str_split(&rest, '\n', &line)) {
        ov_version *v = NULL;
        if (ov_version_parse(line, &v, &err) != OV_OK) continue;
        check_canonical(v);
        if (constraint) (void)ov_constraint_check(constraint, v);
        versions[count++] = v;
    }
    check_sorted(versions, count);
    for (size_t i = 0; i < count; i++) check_gap(versions, count, versions[i]);
    for (size_t i = 0; i < count; i++) ov_version_free((ov_version *)(uintptr_t)versions[i]);
    return 0;
}
