/* Names and ids that stand in stored data: they must never change. */
#include <stdlib.h>

#include "proto/event.h"
#include "proto/job.h"
#include "proto/lookup.h"
#include "proto/state.h"
#include "proto/streams.h"
#include "proto/subjects.h"
#include "support/check.h"

#include "base/poison.h"

static void states(void)
{
    static const char *const names[] = {"upToDate", "behind",      "ahead",       "unknownRemote", "pending",
                                        "stale",    "noCandidate", "unparseable", "invalid"};
    for (unsigned s = 0; s < OV_COUNT(names); s++) {
        state_value back;
        check_case(names[s]);
        CHECK_C(state_value_name((state_value)s), names[s]);
        CHECK(state_value_parse(ov_str_of(names[s]), &back) && back == (state_value)s);
    }
    state_value none;
    CHECK(!state_value_parse(OV_STR("old"), &none));
    CHECK(!state_value_parse(OV_STR(""), &none));
    CHECK_C(agent_value_name(AGENT_CONFLICT), "conflict");
    CHECK_C(lookup_failure_name(FAILURE_NONE), "");
    CHECK_C(lookup_failure_name(FAILURE_REFUSED_TARGET), "refusedTarget");
    CHECK_C(lookup_failure_name(FAILURE_CHANGING), "changing");
    CHECK_C(lookup_outcome_name(LOOKUP_NOT_MODIFIED), "notModified");
    CHECK_C(event_type_name(EVENT_END_OF_LIFE), "endOfLife");
}

static void shards(void)
{
    bool used[STATE_LIVE_SHARDS] = {false};
    size_t count = 0;
    check_case("shards");
    for (char c = 'a'; c <= 'z'; c++) {
        for (char d = 'a'; d <= 'z'; d++) {
            unsigned shard = state_live_shard((ov_str){(char[]){c, d}, 2});
            if (CHECK(shard < STATE_LIVE_SHARDS) && !used[shard]) count++;
            used[shard] = true;
        }
    }
    CHECK_INT(count, STATE_LIVE_SHARDS);
    CHECK_INT(state_live_shard(OV_STR("cluster-east")), state_live_shard(OV_STR("cluster-east")));
}

static void ids(void)
{
    char one[33], two[33], msg[256];
    check_case("event ids");
    event_id(OV_STR("k"), OV_STR("a"), OV_STR("b"), 0, one);
    event_id(OV_STR("k"), OV_STR("a"), OV_STR("b"), 0, two);
    CHECK_C(one, two);
    CHECK_INT(strlen(one), 32);
    event_id(OV_STR("k"), OV_STR("a"), OV_STR("b"), 1, two);
    CHECK(strcmp(one, two) != 0);
    event_id(OV_STR("ka"), OV_STR(""), OV_STR("b"), 0, two);
    CHECK(strcmp(one, two) != 0);
    check_case("job ids");
    job j = {.source = OV_STR("github/tags/a.b/c"), .after = 12};
    job_msg_id(&j, msg);
    CHECK_C(msg, "github/tags/a=2Eb/c-12");
}

static void streams(void)
{
    int64_t shares = 0;
    for (size_t i = 0; i < stream_definition_count; i++) {
        const stream_definition *d = &stream_definitions[i];
        check_case(d->name);
        shares += d->max_bytes_share;
        CHECK(d->bucket == !d->subjects);
        CHECK(d->max_age_ms <= 0 || d->duplicate_window_ms <= d->max_age_ms);
    }
    check_case("shares");
    CHECK(shares <= 100);
}

int main(void)
{
    states();
    shards();
    ids();
    streams();
    return check_end();
}
