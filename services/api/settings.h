/* Settings of the api; the groups that all services share stand in lib/app. */
#ifndef OPVIC_API_SETTINGS_H
#define OPVIC_API_SETTINGS_H

#include "app/settings.h"
#include "crypto/secret.h"

typedef struct {
    char *bind_address;
    ov_secret *token;
    int64_t max_connections;
    bool log_requests;
    int64_t expiration_ms,
        reconciler_interval_ms; /* the aggregator's; taken here so that one set of settings fits both */
} api_settings;

enum { API_SETTINGS = 6 };
extern const ov_setting api_settings_table[API_SETTINGS];

#endif
