/* Settings of the aggregator: one table, one struct that only main.c sees whole. */
#ifndef OPVIC_AGGREGATOR_SETTINGS_H
#define OPVIC_AGGREGATOR_SETTINGS_H

#include "app/settings.h"

typedef struct {
    int64_t expiration_ms;
    int64_t reconciler_interval_ms;
    int64_t source_interval_ms;
    int64_t report_period_ms;
    char *metrics_bind_address;
    int replicas; /* index: 1, 3 or 5 */
    int storage;  /* AGGREGATOR_STORAGE_* */
    int64_t max_bytes, events_max_age_ms, dead_letters_max_age_ms;
} aggregator_settings;

enum { AGGREGATOR_STORAGE_FILE, AGGREGATOR_STORAGE_MEMORY };

extern const ov_setting aggregator_setting_table[];
extern const size_t aggregator_setting_count;

/* The number that the choice of replicas stands for. */
unsigned aggregator_replicas(const aggregator_settings *s);
/* How long reports stay in their stream: max(24 h, 4 x the expiration). */
int64_t aggregator_retention_ms(const aggregator_settings *s);

#endif
