/* The aggregator's table of settings. */
#include "services/aggregator/settings.h"

#include <stddef.h>

#include "httpd/httpd.h"

#include "base/poison.h"

#define AT(member) offsetof(aggregator_settings, member)
#define SECOND_MS INT64_C(1000)
#define HOUR_MS (3600 * SECOND_MS)
#define DAY_MS (24 * HOUR_MS)

static const char *const replicas[] = {"1", "3", "5", NULL};
static const char *const storages[] = {
    [AGGREGATOR_STORAGE_FILE] = "file", [AGGREGATOR_STORAGE_MEMORY] = "memory", NULL};

const ov_setting aggregator_setting_table[] = {
    {.flag = "cache.expiration",
     .env = "CACHE_EXPIRATION",
     .type = OV_SET_DURATION,
     .offset = AT(expiration_ms),
     .fallback = "1h",
     .min = SECOND_MS,
     .max = 365 * DAY_MS,
     .help = "how long an entry lives without a sign of its agent"},
    {.flag = "cache.reconciler-interval",
     .env = "CACHE_RECONCILER_INTERVAL",
     .type = OV_SET_DURATION,
     .offset = AT(reconciler_interval_ms),
     .fallback = "30s",
     .min = 10,
     .max = DAY_MS,
     .help = "how often it looks for what is due or expired"},
    {.flag = "source.interval",
     .env = "SOURCE_INTERVAL",
     .type = OV_SET_DURATION,
     .offset = AT(source_interval_ms),
     .fallback = "30m",
     .min = 100,
     .max = 30 * DAY_MS,
     .help = "how often each source is looked up, once for the whole fleet"},
    {.flag = "report.period",
     .env = "REPORT_PERIOD",
     .type = OV_SET_DURATION,
     .offset = AT(report_period_ms),
     .fallback = "6h",
     .min = SECOND_MS,
     .max = 30 * DAY_MS,
     .help = "how often collectors send a report again that did not change"},
    {.flag = "metrics-bind-address",
     .env = "METRICS_BIND_ADDRESS",
     .type = OV_SET_TEXT,
     .check = ov_http_address_check,
     .offset = AT(metrics_bind_address),
     .fallback = ":8083",
     .help = "address of /metrics, /healthz and /readyz"},
    {.flag = "streams.replicas",
     .env = "STREAMS_REPLICAS",
     .type = OV_SET_CHOICE,
     .offset = AT(replicas),
     .fallback = "1",
     .choices = replicas,
     .help = "copies of each stream in a cluster of servers"},
    {.flag = "streams.storage",
     .env = "STREAMS_STORAGE",
     .type = OV_SET_CHOICE,
     .offset = AT(storage),
     .fallback = "file",
     .choices = storages,
     .help = "where the servers keep the streams"},
    {.flag = "streams.max-bytes",
     .env = "STREAMS_MAX_BYTES",
     .type = OV_SET_INT,
     .offset = AT(max_bytes),
     .fallback = "0",
     .min = 0,
     .max = INT64_MAX / 128,
     .help = "bytes that all streams together may take, 0 for no limit"},
    {.flag = "streams.events-max-age",
     .env = "STREAMS_EVENTS_MAX_AGE",
     .type = OV_SET_DURATION,
     .offset = AT(events_max_age_ms),
     .fallback = "168h",
     .min = HOUR_MS,
     .max = 3650 * DAY_MS,
     .help = "how long events stay in their stream"},
    {.flag = "streams.dead-letters-max-age",
     .env = "STREAMS_DEAD_LETTERS_MAX_AGE",
     .type = OV_SET_DURATION,
     .offset = AT(dead_letters_max_age_ms),
     .fallback = "168h",
     .min = HOUR_MS,
     .max = 3650 * DAY_MS,
     .help = "how long messages that could not be read stay in theirs"},
};
const size_t aggregator_setting_count = sizeof aggregator_setting_table / sizeof aggregator_setting_table[0];

unsigned aggregator_replicas(const aggregator_settings *s)
{
    static const unsigned numbers[] = {1, 3, 5};
    return numbers[s->replicas];
}

int64_t aggregator_retention_ms(const aggregator_settings *s)
{
    int64_t ms = 4 * s->expiration_ms;
    return ms > DAY_MS ? ms : DAY_MS;
}
