/* The one table of streams and buckets. */
#include "proto/streams.h"

#include "base/status.h"
#include "proto/subjects.h"

#include "base/poison.h"

#define MINUTE_MS (60 * INT64_C(1000))
#define DAY_MS (24 * 60 * MINUTE_MS)

static const char *const report_subjects[] = {SUBJECT_REPORTS, SUBJECT_HEARTBEATS, SUBJECT_INVENTORIES, NULL};
static const char *const job_subjects[] = {SUBJECT_JOBS, NULL};
static const char *const list_subjects[] = {SUBJECT_LISTS, SUBJECT_LOOKUPS, NULL};
static const char *const event_subjects[] = {SUBJECT_EVENTS, NULL};
static const char *const dead_subjects[] = {SUBJECT_DEAD, NULL};

/* What is full refuses, so that a publisher knows; only events, dead letters and budgets give way to newer ones: of
 * these the oldest is of a host that is hardly asked any more, if not made up. */
const stream_definition stream_definitions[] = {
    {.name = STREAM_REPORTS,
     .subjects = report_subjects,
     .description = "What runs in each cluster: reports, heartbeats, inventories; the last of each",
     .discard_new = true,
     .max_age_ms = STREAM_AGE_EXPIRATION,
     .max_msgs_per_subject = 1,
     .max_bytes_share = 30,
     .duplicate_window_ms = 2 * MINUTE_MS},
    {.name = STREAM_JOBS,
     .subjects = job_subjects,
     .description = "Look-ups to be done, each by one fetcher",
     .work_queue = true,
     .discard_new = true,
     .max_age_ms = DAY_MS,
     .max_msgs_per_subject = 1,
     .max_bytes_share = 5,
     .duplicate_window_ms = 10 * MINUTE_MS},
    {.name = STREAM_LISTS,
     .subjects = list_subjects,
     .description = "What upstream has, and how the last look at it went; the last of each",
     .discard_new = true,
     .max_msgs_per_subject = 1,
     .max_bytes_share = 20,
     .duplicate_window_ms = 2 * MINUTE_MS},
    {.name = STREAM_EVENTS,
     .subjects = event_subjects,
     .description = "What changed, as CloudEvents",
     .max_age_ms = STREAM_AGE_EVENTS,
     .max_msgs_per_subject = -1,
     .max_bytes_share = 10,
     .duplicate_window_ms = 10 * MINUTE_MS},
    {.name = STREAM_DEAD,
     .subjects = dead_subjects,
     .description = "Messages that could not be read, with the reason",
     .max_age_ms = STREAM_AGE_DEAD,
     .max_msgs_per_subject = 1,
     .max_bytes_share = 2,
     .duplicate_window_ms = 2 * MINUTE_MS},
    {.name = BUCKET_STATE,
     .description = "What the leading aggregator has concluded",
     .bucket = true,
     .discard_new = true,
     .max_msgs_per_subject = 1,
     .max_bytes_share = 30,
     .duplicate_window_ms = 2 * MINUTE_MS},
    {.name = BUCKET_LEASE,
     .description = "Which aggregator leads",
     .bucket = true,
     .discard_new = true,
     .max_msgs_per_subject = 1,
     .max_bytes_share = 1,
     .duplicate_window_ms = 2 * MINUTE_MS},
    {.name = BUCKET_BUDGET,
     .description = "Requests left per host and credential",
     .bucket = true,
     .max_age_ms = 40 * DAY_MS, /* of a host that nobody asks any more; longer than any period */
     .max_msgs_per_subject = 1,
     .max_bytes_share = 1,
     .duplicate_window_ms = 2 * MINUTE_MS},
};
const size_t stream_definition_count = OV_COUNT(stream_definitions);
