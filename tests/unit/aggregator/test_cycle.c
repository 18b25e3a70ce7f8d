/* Which cycle a running version belongs to: the longest that it begins with, told apart at the ends of numbers and
 * words.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "services/aggregator/cycle.h"
#include "support/check.h"

#include "base/poison.h"

enum { CYCLES_MAX = 8 };

static const struct {
    const char *cycles; /* separated by commas */
    const char *running;
    const char *want; /* "": none */
} rows[] = {
    {"1.27,1.28", "v1.27.3+k3s1", "1.27"},
    {"1.27,1.28", "1.28", "1.28"},
    {"1.27,1.28", "1.2.7", ""},
    {"1.27,1.28", "1.270.1", ""},
    {"1.2,1.20", "1.20.4", "1.20"},
    {"1.2,1.20", "1.2.20", "1.2"},
    {"16,15", "16.4", "16"},
    {"16,15", "16-alpine", "16"},
    {"16,15", "160.1", ""},
    {"16,15", "alpine-16", ""},
    {"3,3.1,3.1.4", "3.1.4", "3.1.4"},
    {"3,3.1,3.1.4", "3.1.5", "3.1"},
    {"3,3.1,3.1.4", "3.2", "3"},
    {"3,3.1,3.1.4", "v3", "3"},
    {"1.0,1.1", "1", ""}, /* a tag that moves: 1.0 is not known to run */
    {"1.0,1.1", "1.", ""},
    {"v2.0,V3", "2.0.1", "v2.0"},
    {"v2.0,V3", "V3.9", "V3"},
    {"3.13,3.14", "3.13.0a1", "3.13"},
    {"3.13,3.14", "3.13rc1", ""}, /* no end of a number */
    {"3.13,3.14", "3.13-rc1", "3.13"},
    {"22.04,22.10", "22.04.5", "22.04"},
    {"22.04,22.10", "22.4", "22.04"},
    {"22.04,22.10", "22.1", ""},
    {"2024.1", "2024.01.7", "2024.1"},
    {"2024.0,0", "2024.00", "2024.0"},
    {"2024.0,0", "00", "0"},
    {"2012-R2,2012", "2012-R2", "2012-R2"},
    {"2012-R2,2012", "2012-R2.5", "2012-R2"},
    {"2012-R2,2012", "2012-R3", "2012"},
    {"2012-R2,2012", "2012-R", "2012"},
    {"bookworm,trixie", "bookworm-20250101", "bookworm"},
    {"bookworm,trixie", "bookworms", ""},
    {"4.18-eus,4.18", "4.18.3", "4.18"},
    {"1.0,1.00", "1.0.1", "1.0"}, /* the first of two spellings */
    {"1.0,", "", ""},
    {"1.0,,", "v", ""},
    {"1.0", "..", ""},
    {"1.0", "1.0.\xc3\xa9", "1.0"},
    {"1.0", "1.0\xc3\xa9", ""},
    {"", "1.0", ""},
};

static void check_row(size_t i)
{
    list_version versions[CYCLES_MAX] = {0};
    list l = {.versions = versions};
    ov_str rest = ov_str_of(rows[i].cycles);
    while (ov_str_split(&rest, ',', &versions[l.count].cycle)) l.count++;
    cycle_index c = {0};
    cycle_index_fill(&c, &l);
    const list_version *found = cycle_find(&c, ov_str_of(rows[i].running));
    CHECK_STR(found ? found->cycle : OV_STR(""), ov_str_of(rows[i].want));
    cycle_index_clear(&c);
}

/* Long texts are cut where cycles end: no version costs more than a cycle is long. */
static void check_long(void)
{
    char cycle[LIST_CYCLE_BYTES_MAX], running[4096];
    memset(cycle, '1', sizeof cycle);
    memset(running, '1', sizeof running);
    list_version versions[] = {{.cycle = {cycle, sizeof cycle}}, {.cycle = OV_STR("7")}};
    list l = {.versions = versions, .count = 2};
    cycle_index c = {0};
    cycle_index_fill(&c, &l);
    CHECK_INT(cycle_index_count(&c), 2);
    CHECK(cycle_find(&c, (ov_str){running, sizeof running}) == NULL);
    running[sizeof cycle] = '.';
    CHECK(cycle_find(&c, (ov_str){running, sizeof running}) == &versions[0]);
    for (size_t i = 0; i + 1 < sizeof running; i += 2) memcpy(running + i, "7.", 2);
    CHECK(cycle_find(&c, (ov_str){running, sizeof running}) == &versions[1]);
    cycle_index_clear(&c);
}

int main(void)
{
    for (size_t i = 0; i < OV_COUNT(rows); i++) {
        check_case(rows[i].running);
        check_row(i);
    }
    check_case("long");
    check_long();
    return check_end();
}
