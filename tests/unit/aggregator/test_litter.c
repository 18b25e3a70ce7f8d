/* What is purged when: replaced parts at once, markers later and never with what was written behind them; a purge that
 * fails delays nothing else. */
#include "services/aggregator/litter.h"

#include "support/check.h"

#include "base/poison.h"

#define KEY "$KV.opvic_state.entry.a.t"
#define OTHER "$KV.opvic_state.verdict.v"
#define FIRST "0123456789abcdef"
#define SECOND "fedcba9876543210"

static const ov_mono begin = {1000};
static const ov_mono later = {1000 + LITTER_GRAVE_MS};

/* Takes what is due and answers for the purge; "" when nothing is due. */
static void check_take(litter *l, ov_mono now, const char *filter, uint64_t seq, bool purged)
{
    litter_item *x = litter_take(l, now);
    CHECK_STR(x ? ov_str_of(x->filter) : OV_STR(""), ov_str_of(filter));
    CHECK_INT(x ? x->seq : 0, seq);
    if (x) litter_done(l, x, purged, now);
}

static void test_markers(void)
{
    litter l = {0};
    check_case("a marker serves a while, then it alone goes");
    litter_deleted(&l, OV_STR(KEY), 7, begin);
    check_take(&l, begin, "", 0, true);
    check_take(&l, later, KEY, 7, true);
    check_take(&l, later, "", 0, true);
    check_case("a key that lives again has no marker");
    litter_deleted(&l, OV_STR(KEY), 8, begin);
    litter_written(&l, OV_STR(KEY), "", begin);
    check_take(&l, later, "", 0, true);
    check_case("deleted, written, deleted: the last marker counts");
    litter_seen(&l, OV_STR(KEY), true, 9, begin);
    litter_seen(&l, OV_STR(KEY), false, 10, begin);
    litter_seen(&l, OV_STR(KEY), true, 11, begin);
    check_take(&l, later, KEY, 11, true);
    check_take(&l, later, "", 0, true);
    check_case("seen and written are one deletion");
    litter_deleted(&l, OV_STR(KEY), 12, begin);
    litter_seen(&l, OV_STR(KEY), true, 12, begin);
    check_take(&l, later, KEY, 12, true);
    check_take(&l, later, "", 0, true);
    litter_clear(&l);
}

static void test_failures(void)
{
    litter l = {0};
    check_case("a purge that fails delays nothing else");
    litter_seen(&l, OV_STR(KEY "." FIRST ".0"), false, 1, begin);
    litter_seen(&l, OV_STR(OTHER "." FIRST ".0"), false, 2, begin);
    litter_written(&l, OV_STR(KEY), "", begin);
    check_take(&l, begin, KEY "." FIRST ".>", 0, false);
    litter_written(&l, OV_STR(OTHER), SECOND, begin);
    check_take(&l, begin, OTHER "." FIRST ".>", 0, true);
    check_take(&l, begin, "", 0, true);
    check_take(&l, later, KEY "." FIRST ".>", 0, true);
    check_take(&l, later, "", 0, true);
    litter_clear(&l);
}

int main(void)
{
    test_markers();
    test_failures();
    return check_end();
}
