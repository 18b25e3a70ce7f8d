/* Reads the command line as Go's flag package does: one or two dashes, value behind = or in the next argument. */
#include "app/values.h"

#include "base/poison.h"

typedef struct {
    ov_settings_values *v;
    int argc, at;
    char **argv;
} arguments;

/* The process list shows argv to everybody on the host. */
static void wipe(char *text)
{
    explicit_bzero(text, strlen(text));
}

/* The value behind '=', else the next argument; NULL when there is none. */
static char *take_value(arguments *a, char *inlined)
{
    if (inlined) return inlined;
    return a->at + 1 < a->argc ? a->argv[++a->at] : NULL;
}

static bool take_own(arguments *a, ov_str name, char *inlined)
{
    ov_settings_values *v = a->v;
    if (ov_str_eq(name, OV_STR("help")) || ov_str_eq(name, OV_STR("h"))) {
        v->wants_help = true;
    } else if (ov_str_eq(name, OV_STR("version"))) {
        v->wants_version = true;
    } else if (ov_str_eq(name, OV_STR("settings-json"))) {
        v->wants_json = true;
    } else if (ov_str_eq(name, OV_STR("config"))) {
        v->file = take_value(a, inlined);
        if (!v->file || !*v->file) ov_settings_problem(v, "--config: expected the name of a file");
    } else {
        return false;
    }
    return true;
}

static void take_flag(arguments *a, ov_str name, char *inlined)
{
    if (take_own(a, name, inlined)) return;
    ov_setting_value *value = ov_settings_value_of(a->v, name);
    if (!value) {
        ov_settings_problem(a->v, "--%.*s: unknown flag", OV_STR_ARG(ov_str_sub(name, 0, 100)));
        return;
    }
    if (value->setting->type == OV_SET_BOOL && !inlined) {
        ov_setting_give(value, OV_FROM_FLAG, OV_STR("true"));
        return;
    }
    char *text = take_value(a, inlined);
    if (!text) {
        ov_settings_problem(a->v, "--%s: expected a value", value->setting->flag);
        return;
    }
    ov_setting_give(value, OV_FROM_FLAG, ov_str_of(text));
    if (ov_setting_is_secret(value->setting)) wipe(text);
}

void ov_settings_read_arguments(ov_settings_values *v, int argc, char **argv)
{
    arguments a = {.v = v, .argc = argc, .argv = argv};
    bool flags = true;
    for (a.at = 1; a.at < argc; a.at++) {
        ov_str text = ov_str_of(argv[a.at]);
        if (flags && ov_str_eq(text, OV_STR("--"))) {
            flags = false;
            continue;
        }
        if (!flags || text.len < 2 || text.ptr[0] != '-') {
            ov_settings_problem(v, "%.*s: expected a flag", OV_STR_ARG(ov_str_sub(text, 0, 100)));
            continue;
        }
        size_t from = text.ptr[1] == '-' ? 2 : 1, equals = ov_str_find(text, '=', from);
        char *inlined = equals < text.len ? argv[a.at] + equals + 1 : NULL;
        take_flag(&a, ov_str_sub(text, from, equals), inlined);
    }
}
