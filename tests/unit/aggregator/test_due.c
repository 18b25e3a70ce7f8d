/* When a source is due: at once, each interval, not before upstream wants to be asked. */
#include "services/aggregator/due.h"
#include "services/aggregator/rule.h"

#include "support/check.h"

#include "base/poison.h"

enum { INTERVAL_MS = 1800000, LOOKED_MS = 1000000 };

static void test_rows(void)
{
    static const struct {
        const char *name;
        bool looked, job_out, refresh, fresh_tried, present;
        lookup_outcome outcome;
        lookup_failure failure;
        int64_t next_try_s, job_ms, gather_ms, clock_ms;
        bool due, fresh;
    } rows[] = {
        {"never looked", .clock_ms = LOOKED_MS, .due = true, .fresh = true},
        {"more charts may come", .gather_ms = LOOKED_MS + 500, .clock_ms = LOOKED_MS + 499, .fresh = true},
        {"they have come", .gather_ms = LOOKED_MS + 500, .clock_ms = LOOKED_MS + 500, .due = true, .fresh = true},
        {"a job is out", .job_out = true, .job_ms = LOOKED_MS, .clock_ms = LOOKED_MS + 1000, .fresh = true},
        {"its outcome never came", .job_out = true, .job_ms = LOOKED_MS, .clock_ms = LOOKED_MS + DUE_PATIENCE_MS,
         .due = true, .fresh = true},
        {"just looked", .looked = true, .present = true, .clock_ms = LOOKED_MS + 1000},
        {"an interval later", .looked = true, .present = true, .clock_ms = LOOKED_MS + INTERVAL_MS, .due = true},
        {"spread by a tenth at most", .looked = true, .present = true,
         .clock_ms = LOOKED_MS + INTERVAL_MS / 10 * 9 - 1},
        {"deferred until", .looked = true, .present = true, .outcome = LOOKUP_DEFERRED, .next_try_s = 600,
         .clock_ms = LOOKED_MS + 99999},
        {"deferred until now", .looked = true, .present = true, .outcome = LOOKUP_DEFERRED, .next_try_s = 600,
         .clock_ms = LOOKED_MS + 100000, .due = true},
        {"deferred for ever", .looked = true, .present = true, .outcome = LOOKUP_DEFERRED, .next_try_s = INT64_MAX,
         .clock_ms = LOOKED_MS + DUE_WAIT_MAX_MS - 1},
        {"that is not believed", .looked = true, .present = true, .outcome = LOOKUP_DEFERRED, .next_try_s = INT64_MAX,
         .clock_ms = LOOKED_MS + DUE_WAIT_MAX_MS, .due = true},
        {"failed, no time named", .looked = true, .present = true, .outcome = LOOKUP_FAILED,
         .clock_ms = LOOKED_MS + 60000},
        {"failed, time named", .looked = true, .present = true, .outcome = LOOKUP_FAILED, .next_try_s = 600,
         .clock_ms = LOOKED_MS + 100000, .due = true},
        {"asked for", .looked = true, .present = true, .refresh = true, .clock_ms = LOOKED_MS + DUE_REFRESH_MS,
         .due = true},
        {"asked for at once again", .looked = true, .present = true, .refresh = true, .clock_ms = LOOKED_MS + 5000},
        {"asked for before its time", .looked = true, .present = true, .refresh = true, .next_try_s = 600,
         .clock_ms = LOOKED_MS + 50000},
        {"asked for when it may be mended", .looked = true, .present = true, .refresh = true, .outcome = LOOKUP_FAILED,
         .failure = FAILURE_NOT_FOUND, .next_try_s = 600, .clock_ms = LOOKED_MS + 50000, .due = true},
        {"asked for against upstream's wish", .looked = true, .present = true, .refresh = true,
         .outcome = LOOKUP_FAILED, .failure = FAILURE_RATE_LIMITED, .next_try_s = 600, .clock_ms = LOOKED_MS + 50000},
        {"a wanted list is new", .looked = true, .clock_ms = LOOKED_MS + 1000, .due = true, .fresh = true},
        {"it was tried", .looked = true, .fresh_tried = true, .clock_ms = LOOKED_MS + 1000, .fresh = true},
        {"and is tried each interval", .looked = true, .fresh_tried = true, .clock_ms = LOOKED_MS + INTERVAL_MS,
         .due = true, .fresh = true},
    };
    for (size_t i = 0; i < OV_COUNT(rows); i++) {
        check_case(rows[i].name);
        upstream *u = upstream_new(OV_STR("s"));
        rule r = {0};
        upstream_name(u, OV_STR("s"), OV_STR("github"), OV_STR("tags"), OV_STR("a/b"));
        upstream_list *l = upstream_list_named(u, OV_STR(""));
        l->rules = &r;
        l->present = rows[i].present;
        u->rule_count = 1;
        u->looked = rows[i].looked;
        u->looked_ms = LOOKED_MS;
        u->last.looked_at_s = 500;
        u->last.outcome = rows[i].outcome;
        u->last.failure = rows[i].failure;
        u->last.next_try_s = rows[i].next_try_s;
        u->job_out = rows[i].job_out;
        u->job_ms = rows[i].job_ms;
        u->gather_until_ms = rows[i].gather_ms;
        u->refresh = rows[i].refresh;
        u->fresh_tried = rows[i].fresh_tried;
        bool fresh = false;
        CHECK_INT(due_at(u, INTERVAL_MS, &fresh) <= rows[i].clock_ms, rows[i].due);
        CHECK_INT(fresh, rows[i].fresh);
        u->rule_count = 0;
        CHECK(due_at(u, INTERVAL_MS, &fresh) == DUE_NEVER);
        upstream_free(u);
    }
}

int main(void)
{
    test_rows();
    return check_end();
}
