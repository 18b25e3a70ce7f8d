/* The api's table of settings. */
#include "services/api/settings.h"

#include "httpd/httpd.h"

#include "base/poison.h"

const ov_setting api_settings_table[API_SETTINGS] = {
    {.flag = "controlplane.bind-address",
     .env = "CONTROLPLANE_BIND_ADDRESS",
     .type = OV_SET_TEXT,
     .check = ov_http_address_check,
     .offset = offsetof(api_settings, bind_address),
     .fallback = ":8080",
     .help = "address and port on which the API listens"},
    {.flag = "controlplane.auth-token",
     .env = "CONTROLPLANE_AUTH_TOKEN",
     .type = OV_SET_SECRET_OR_FILE,
     .offset = offsetof(api_settings, token),
     .required = true,
     .help = "token that clients send as Authorization: Bearer, or the name of a file that holds it"},
    {.flag = "controlplane.max-connections",
     .env = "CONTROLPLANE_MAX_CONNECTIONS",
     .type = OV_SET_INT,
     .offset = offsetof(api_settings, max_connections),
     .fallback = "4096",
     .min = 16,
     .max = 7200,
     .help = "connections kept open at once, one a client, up to 34 KiB each; beyond them those that wait longest are "
             "closed"},
    {.flag = "log.http-requests",
     .env = "LOG_HTTP_REQUESTS",
     .type = OV_SET_BOOL,
     .offset = offsetof(api_settings, log_requests),
     .fallback = "false",
     .help = "log each HTTP request"},
    {.flag = "cache.expiration",
     .env = "CACHE_EXPIRATION",
     .type = OV_SET_DURATION,
     .offset = offsetof(api_settings, expiration_ms),
     .fallback = "1h",
     .help = "used by the aggregator; accepted here so that both take the same settings"},
    {.flag = "cache.reconciler-interval",
     .env = "CACHE_RECONCILER_INTERVAL",
     .type = OV_SET_DURATION,
     .offset = offsetof(api_settings, reconciler_interval_ms),
     .fallback = "30s",
     .help = "used by the aggregator; accepted here so that both take the same settings"},
};
