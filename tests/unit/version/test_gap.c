/* Gaps: which candidates are available, and which of them are majors, minors and patches. */
#include "base/buf.h"
#include "support/check.h"
#include "version/gap.h"
#include "base/poison.h"

enum { LIST_MAX = 32 };

/* Lists are joined by spaces, ascending. */
static const struct {
    const char *name, *running, *candidates, *available, *majors, *minors, *patches;
} rows[] = {
    {"releases", "1.2.3", "0.9.9 1.0.0 1.2.0 1.2.3 1.2.4 1.2.9 1.2.10 1.9.0 1.10.0 2.0.0 2.0.1 2.11.0 3.0.0 10.1.0",
     "1.2.4 1.2.9 1.2.10 1.9.0 1.10.0 2.0.0 2.0.1 2.11.0 3.0.0 10.1.0", "2.11.0 3.0.0 10.1.0", "1.9.0 1.10.0",
     "1.2.4 1.2.9 1.2.10"},
    {"the release of a running prerelease is no patch", "1.1.0-rc.1",
     "1.1.0-rc.1 1.1.0-rc.2 1.1.0 1.1.1+build.5 1.2.0-alpha 1.2.0-beta.2 2.0.0-rc.1 2.0.0",
     "1.1.0-rc.2 1.1.0 1.1.1+build.5 1.2.0-alpha 1.2.0-beta.2 2.0.0-rc.1 2.0.0", "2.0.0", "1.2.0-alpha 1.2.0-beta.2",
     "1.1.1+build.5"},
    {"a prerelease alone in its major", "1.0.0", "1.1.0 2.0.0-rc.1", "1.1.0 2.0.0-rc.1", "2.0.0-rc.1", "1.1.0", ""},
    {"a fourth segment is no patch", "1.2.3", "1.2.3 1.2.3.1 1.2.4", "1.2.3.1 1.2.4", "", "", "1.2.4"},
    {"a running fourth segment", "1.2.3.4", "1.2.3 1.2.4 1.10.2", "1.2.4 1.10.2", "", "1.10.2", "1.2.4"},
    {"spellings", "1.0.0", "1.5 01.06.00 1.8.0-1 2021.01.05 20210105", "1.5 01.06.00 1.8.0-1 2021.01.05 20210105",
     "2021.01.05 20210105", "1.5 01.06.00 1.8.0-1", ""},
    {"metadata does not make a version higher", "1.2.3+a", "1.2.3 1.2.3+b 1.2.4+a 1.2.4+b", "1.2.4+a 1.2.4+b", "", "",
     "1.2.4+a 1.2.4+b"},
    {"nothing above", "3.0", "1.0 2.0 3.0.0", "", "", "", ""},
    {"nothing known", "3.0", "", "", "", "", ""},
    {"above everything", "4.0", "1.0 2.0", "", "", "", ""},
};

static size_t parse_list(const char *text, const ov_version **versions)
{
    ov_str rest = ov_str_of(text), part;
    size_t count = 0;
    while (rest.len > 0 && ov_str_split(&rest, ' ', &part) && count < LIST_MAX) {
        ov_version *v = NULL;
        ov_err err = {0};
        if (CHECK_OK(ov_version_parse(part, &v, &err), &err)) versions[count++] = v;
    }
    return count;
}

static void check_list(const ov_version *const *versions, const size_t *picks, size_t from, size_t to, const char *want)
{
    ov_buf got = OV_BUF(1024);
    for (size_t i = from; i < to; i++) {
        if (i > from) ov_buf_append_char(&got, ' ');
        ov_buf_append_str(&got, versions[picks ? picks[i] : i]->original);
    }
    CHECK_STR(ov_buf_str(&got), ov_str_of(want));
    ov_buf_clear(&got);
}

int main(void)
{
    for (size_t i = 0; i < OV_COUNT(rows); i++) {
        check_case(rows[i].name);
        const ov_version *versions[LIST_MAX], *running = NULL;
        size_t count = parse_list(rows[i].candidates, versions);
        parse_list(rows[i].running, &running);
        ov_gap g;
        ov_gap_compute(versions, count, running, &g);
        check_list(versions, NULL, g.first_above, count, rows[i].available);
        check_list(versions, g.majors, 0, g.majors_count, rows[i].majors);
        check_list(versions, NULL, g.minors_from, g.minors_to, rows[i].minors);
        check_list(versions, NULL, g.patches_from, g.patches_to, rows[i].patches);
        ov_gap_clear(&g);
        for (size_t j = 0; j < count; j++) ov_version_free((ov_version *)(uintptr_t)versions[j]);
        ov_version_free((ov_version *)(uintptr_t)running);
    }
    return check_end();
}
