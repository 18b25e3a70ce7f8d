/* Loads settings: gathers what flags, environment and file say, then converts the strongest of each. */
#include "app/settings.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "app/values.h"
#include "base/mem.h"

#include "base/poison.h"

enum { PROBLEMS_BYTES_MAX = 65536, SHOWN_BYTES_MAX = 1 << 20, PROBLEM_VALUE_BYTES = 100 };

void ov_settings_values_init(ov_settings_values *v, const ov_settings_table *tables, size_t count, ov_buf *problems)
{
    *v = (ov_settings_values){.problems = problems};
    for (size_t t = 0; t < count; t++) v->count += tables[t].count;
    v->values = ov_calloc(v->count, sizeof *v->values);
    size_t at = 0;
    for (size_t t = 0; t < count; t++)
        for (size_t i = 0; i < tables[t].count; i++)
            v->values[at++] = (ov_setting_value){.setting = &tables[t].settings[i],
                                                 .target = (char *)tables[t].target + tables[t].settings[i].offset};
}

static void forget(ov_setting_value *value)
{
    for (size_t i = 0; i < value->count; i++) {
        explicit_bzero(value->texts[i], strlen(value->texts[i]));
        free(value->texts[i]);
    }
    value->count = 0;
}

void ov_settings_values_clear(ov_settings_values *v)
{
    for (size_t i = 0; i < v->count; i++) {
        forget(&v->values[i]);
        free(v->values[i].texts);
    }
    free(v->values);
    v->values = NULL;
}

ov_setting_value *ov_settings_value_of(ov_settings_values *v, ov_str flag)
{
    for (size_t i = 0; i < v->count; i++)
        if (ov_str_eq(ov_str_of(v->values[i].setting->flag), flag)) return &v->values[i];
    return NULL;
}

void ov_setting_give(ov_setting_value *value, ov_setting_origin origin, ov_str text)
{
    if (origin < value->origin) return;
    if (origin > value->origin || value->setting->type != OV_SET_LIST) forget(value);
    value->origin = origin;
    ov_grow(&value->texts, &value->cap, value->count + 1, sizeof *value->texts);
    value->texts[value->count++] = ov_dup(text);
}

bool ov_setting_is_secret(const ov_setting *s)
{
    return s->type == OV_SET_SECRET || s->type == OV_SET_SECRET_OR_FILE;
}

void ov_settings_problem(ov_settings_values *v, const char *fmt, ...)
{
    char text[1024];
    va_list args;
    va_start(args, fmt);
    int len = vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (len < 0) return;
    ov_buf_append_c(v->problems, text);
    ov_buf_append_char(v->problems, '\n');
}

void ov_setting_problem(ov_settings_values *v, const ov_setting_value *value, const char *text, const char *expected)
{
    const ov_setting *s = value->setting;
    char where[512];
    if (value->origin == OV_FROM_ENVIRONMENT)
        snprintf(where, sizeof where, "%s", s->env);
    else if (value->origin == OV_FROM_FILE)
        snprintf(where, sizeof where, "%s: %s", v->file, s->flag);
    else
        snprintf(where, sizeof where, "--%s", s->flag);
    if (ov_setting_is_secret(s))
        ov_settings_problem(v, "%s: %s", where, expected);
    else
        ov_settings_problem(v, "%s: \"%.*s\": %s", where, PROBLEM_VALUE_BYTES, text, expected);
}

static void read_environment(ov_settings_values *v)
{
    for (size_t i = 0; i < v->count; i++) {
        const char *text = v->values[i].setting->env ? getenv(v->values[i].setting->env) : NULL;
        if (text && *text) ov_setting_give(&v->values[i], OV_FROM_ENVIRONMENT, ov_str_of(text));
    }
    const char *file = getenv("CONFIG_FILE");
    if (!v->file && file && *file) v->file = file;
}

static void take_defaults(ov_settings_values *v)
{
    for (size_t i = 0; i < v->count; i++)
        if (v->values[i].setting->fallback)
            ov_setting_give(&v->values[i], OV_FROM_DEFAULT, ov_str_of(v->values[i].setting->fallback));
}

/* One write, so that a reader that stops early is no reason to fail. */
static void show(const ov_buf *text)
{
    fwrite(text->ptr, 1, text->len, stdout);
    fflush(stdout);
}

static bool is_answered(const ov_settings_values *v, const char *program, const char *purpose,
                        const ov_settings_table *tables, size_t count)
{
    OV_CLEANUP(ov_buf_clear) ov_buf out = OV_BUF(SHOWN_BYTES_MAX);
    if (v->wants_help)
        ov_settings_help(program, purpose, tables, count, &out);
    else if (v->wants_version)
        ov_buf_printf(&out, "%s %s\n", program, OPVIC_VERSION);
    else if (v->wants_json)
        ov_settings_json(tables, count, &out);
    if (out.len) show(&out);
    return out.len > 0;
}

ov_status ov_settings_load_all(const char *program, const char *purpose, const ov_settings_table *tables, size_t count,
                               int argc, char **argv, ov_settings_outcome *ret, ov_buf *problems)
{
    OV_CLEANUP(ov_settings_values_clear) ov_settings_values v;
    ov_settings_values_init(&v, tables, count, problems);
    size_t before = problems->len;
    ov_settings_read_arguments(&v, argc, argv);
    if (is_answered(&v, program, purpose, tables, count)) {
        problems->len = before; /* who asks for help has not finished typing */
        *ret = OV_SETTINGS_SHOWN;
        return OV_OK;
    }
    read_environment(&v);
    ov_settings_read_file(&v);
    take_defaults(&v);
    for (size_t i = 0; i < v.count; i++) ov_setting_convert(&v, &v.values[i]);
    if (problems->len > before || problems->failed) {
        ov_settings_clear(tables, count);
        return OV_INVALID;
    }
    *ret = OV_SETTINGS_RUN;
    return OV_OK;
}

ov_status ov_settings_load(const char *program, const char *purpose, const ov_settings_table *tables, size_t count,
                           int argc, char **argv, ov_settings_outcome *ret, ov_err *err)
{
    OV_CLEANUP(ov_buf_clear) ov_buf problems = OV_BUF(PROBLEMS_BYTES_MAX);
    ov_status status = ov_settings_load_all(program, purpose, tables, count, argc, argv, ret, &problems);
    if (status == OV_OK) return OV_OK;
    ov_str text = ov_buf_str(&problems);
    ov_str first = ov_str_sub(text, 0, ov_str_find(text, '\n', 0));
    return ov_fail(err, status, "%.*s", OV_STR_ARG(first));
}

void ov_settings_clear(const ov_settings_table *tables, size_t count)
{
    for (size_t t = 0; t < count; t++)
        for (size_t i = 0; i < tables[t].count; i++)
            ov_setting_clear(&tables[t].settings[i], (char *)tables[t].target + tables[t].settings[i].offset);
}
