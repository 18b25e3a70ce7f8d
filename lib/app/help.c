/* Shows a table of settings: to people (--help) and to the checks of documents and charts (--settings-json). */
#include "app/settings.h"
#include "json/writer.h"

#include "base/poison.h"

static const char *const type_names[] = {
    [OV_SET_TEXT] = "text",     [OV_SET_SECRET] = "secret", [OV_SET_SECRET_OR_FILE] = "secret or file",
    [OV_SET_BOOL] = "bool",     [OV_SET_INT] = "int",       [OV_SET_DURATION] = "duration",
    [OV_SET_CHOICE] = "choice", [OV_SET_LIST] = "list",
};

static void append_choices(const ov_setting *s, ov_buf *out)
{
    for (int i = 0; s->choices[i]; i++) ov_buf_printf(out, "%s%s", i ? "|" : "", s->choices[i]);
}

static void append_setting(const ov_setting *s, ov_buf *out)
{
    ov_buf_printf(out, "  --%s ", s->flag);
    if (s->type == OV_SET_CHOICE)
        append_choices(s, out);
    else
        ov_buf_append_c(out, type_names[s->type]);
    ov_buf_printf(out, "\n        %s", s->help);
    const char *separator = " (";
    if (s->env) {
        ov_buf_printf(out, "%s%s", separator, s->env);
        separator = ", ";
    }
    if (s->required)
        ov_buf_printf(out, "%srequired)", separator);
    else if (s->fallback && *s->fallback)
        ov_buf_printf(out, "%sdefault %s)", separator, s->fallback);
    else if (s->env)
        ov_buf_append_c(out, ")");
    ov_buf_append_char(out, '\n');
}

void ov_settings_help(const char *program, const char *purpose, const ov_settings_table *tables, size_t count,
                      ov_buf *out)
{
    ov_buf_printf(out, "%s %s\n\nusage: %s [flags]\n\n", program, purpose, program);
    ov_buf_append_c(
        out, "A flag beats its environment variable, which beats the --config file, which beats the default.\n\n");
    for (size_t t = 0; t < count; t++)
        for (size_t i = 0; i < tables[t].count; i++) append_setting(&tables[t].settings[i], out);
    ov_buf_append_c(out,
                    "  --config text\n        a YAML file of settings: keys are flags, nested mappings join with dots "
                    "(CONFIG_FILE)\n"
                    "  --settings-json\n        prints the table of settings as JSON\n"
                    "  --version\n        prints the version\n"
                    "  --help\n        prints this\n");
}

static void write_setting(ov_json_writer *w, const ov_setting *s)
{
    ov_json_open_object(w, NULL);
    ov_json_write_c(w, "flag", s->flag);
    ov_json_write_c(w, "env", s->env ? s->env : "");
    ov_json_write_c(w, "type", type_names[s->type]);
    ov_json_write_c(w, "default", s->fallback ? s->fallback : "");
    ov_json_write_bool(w, "required", s->required);
    if (s->type == OV_SET_CHOICE) {
        ov_json_open_array(w, "choices");
        for (int i = 0; s->choices[i]; i++) ov_json_write_c(w, NULL, s->choices[i]);
        ov_json_close_array(w);
    }
    if (s->min) ov_json_write_i64(w, "min", s->min);
    if (s->max) ov_json_write_i64(w, "max", s->max);
    ov_json_write_c(w, "help", s->help);
    ov_json_close_object(w);
}

void ov_settings_json(const ov_settings_table *tables, size_t count, ov_buf *out)
{
    ov_json_writer w = ov_json_writer_on(out);
    ov_json_open_array(&w, NULL);
    for (size_t t = 0; t < count; t++)
        for (size_t i = 0; i < tables[t].count; i++) write_setting(&w, &tables[t].settings[i]);
    ov_json_close_array(&w);
    ov_buf_append_char(out, '\n');
}
