/* Settings on their way from flags, environment and file into a program's struct. */
#ifndef OV_APP_VALUES_H
#define OV_APP_VALUES_H

#include "app/settings.h"
#include "base/str.h"

/* In the order of their strength. */
typedef enum { OV_FROM_NOWHERE, OV_FROM_DEFAULT, OV_FROM_FILE, OV_FROM_ENVIRONMENT, OV_FROM_FLAG } ov_setting_origin;

/* A setting and the strongest text given for it so far. */
typedef struct {
    const ov_setting *setting;
    void *target;
    ov_setting_origin origin;
    char **texts; /* one; several for lists */
    size_t count, cap;
} ov_setting_value;

typedef struct {
    ov_setting_value *values;
    size_t count;
    const char *file; /* --config, NULL: none */
    ov_buf *problems;
    bool wants_help, wants_version, wants_json;
} ov_settings_values;

void ov_settings_values_init(ov_settings_values *v, const ov_settings_table *tables, size_t count, ov_buf *problems);
void ov_settings_values_clear(ov_settings_values *v); /* wipes secrets */
/* NULL: unknown. */
ov_setting_value *ov_settings_value_of(ov_settings_values *v, ov_str flag);
/* The origin's text for a setting (lists: one more from the same origin); a stronger one stands above it. */
void ov_setting_give(ov_setting_value *value, ov_setting_origin origin, ov_str text);
bool ov_setting_is_secret(const ov_setting *s);

/* One line: where it came from, the value (never a secret's), what was expected. */
void ov_setting_problem(ov_settings_values *v, const ov_setting_value *value, const char *text, const char *expected);
void ov_settings_problem(ov_settings_values *v, const char *fmt, ...) OV_PRINTF(2, 3);

/* arguments.c: flags; secrets are overwritten in argv. */
void ov_settings_read_arguments(ov_settings_values *v, int argc, char **argv);
/* file.c: the YAML file. */
void ov_settings_read_file(ov_settings_values *v);
/* convert.c: what was given, or the default, into the target. */
void ov_setting_convert(ov_settings_values *v, const ov_setting_value *value);
void ov_setting_clear(const ov_setting *s, void *target);

#endif
