/* One table of settings per program: flag beats environment beats --config file beats default. */
#ifndef OV_APP_SETTINGS_H
#define OV_APP_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/status.h"

typedef enum {
    OV_SET_TEXT,           /* char * (owned by the settings; NULL when empty) */
    OV_SET_SECRET,         /* ov_secret *; a flag's text is wiped from argv */
    OV_SET_SECRET_OR_FILE, /* as SECRET; a value that names a readable file is read from it */
    OV_SET_BOOL,           /* bool: true false 1 0 yes no; a bare flag is true */
    OV_SET_INT,            /* int64_t within min..max */
    OV_SET_DURATION,       /* int64_t milliseconds within min..max */
    OV_SET_CHOICE,         /* int: index in choices */
    OV_SET_LIST /* ov_text_list: a repeatable flag; in the environment and the file one a line, or a YAML list */
} ov_setting_type;

typedef struct {
    char **items;
    size_t count;
} ov_text_list;

typedef struct {
    const char *flag; /* "cache.expiration": given as --cache.expiration=1h or --cache.expiration 1h */
    const char *env;  /* "CACHE_EXPIRATION"; NULL: none; an empty variable counts as not set */
    ov_setting_type type;
    size_t offset;        /* of the target in the program's settings struct */
    const char *fallback; /* text of the default; NULL: none (empty) */
    bool required;
    int64_t min, max;                                  /* INT and DURATION (ms); max 0: no upper bound */
    const char *const *choices;                        /* CHOICE: NULL-terminated names */
    ov_status (*check)(const char *text, ov_err *err); /* TEXT: NULL, or OV_INVALID with what was expected */
    const char *help;                                  /* one sentence without a full stop */
} ov_setting;

/* Several tables (the program's and the shared groups of groups.h), each with the struct that it fills. */
typedef struct {
    const ov_setting *settings;
    size_t count;
    void *target;
} ov_settings_table;

typedef enum {
    OV_SETTINGS_RUN,
    OV_SETTINGS_SHOWN /* --help or --version was answered on stdout */
} ov_settings_outcome;

/* Also knows --help, --version, --config FILE (CONFIG_FILE; YAML, keys are flags, nested maps join with dots) and
 * --settings-json (the table as JSON, for the checks of README, compose and chart). OV_INVALID: names the flag,
 * variable or key, the value and what was expected; unknown flags and keys and left-over arguments are errors too (err
 * holds the first problem). argv is only read, except that secrets are overwritten. Single-dash flags are accepted as
 * Go does. A target's old value is not freed. Nothing is left in the targets after a failure. */
OV_MUST_CHECK ov_status ov_settings_load(const char *program, const char *purpose, const ov_settings_table *tables,
                                         size_t count, int argc, char **argv, ov_settings_outcome *ret, ov_err *err);
/* As ov_settings_load, but finds every problem: one line each, appended to problems (OV_INVALID). */
OV_MUST_CHECK ov_status ov_settings_load_all(const char *program, const char *purpose, const ov_settings_table *tables,
                                             size_t count, int argc, char **argv, ov_settings_outcome *ret,
                                             ov_buf *problems);
/* Frees what the load put into the targets. */
void ov_settings_clear(const ov_settings_table *tables, size_t count);
/* The --help text and what --settings-json prints: an array of {flag, env, type, default, required, choices, min, max,
 * help}. */
void ov_settings_help(const char *program, const char *purpose, const ov_settings_table *tables, size_t count,
                      ov_buf *out);
void ov_settings_json(const ov_settings_table *tables, size_t count, ov_buf *out);

#endif
