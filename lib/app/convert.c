/* Turns a setting's text into its type, or says what was expected. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/values.h"
#include "base/clock.h"
#include "base/mem.h"
#include "crypto/secret.h"

#include "base/poison.h"

enum { SECRET_FILE_MAX = 65536, LIST_MAX = 4096, EXPECTED_BYTES = 256 };

static int64_t upper_bound(const ov_setting *s)
{
    return s->max ? s->max : INT64_MAX;
}

static void amount_text(const ov_setting *s, int64_t n, char out[OV_WALL_TEXT])
{
    if (s->type == OV_SET_DURATION)
        ov_duration_format(n, out);
    else
        snprintf(out, OV_WALL_TEXT, "%lld", (long long)n);
}

static void range_problem(ov_settings_values *v, const ov_setting_value *value, const char *text)
{
    const ov_setting *s = value->setting;
    char low[OV_WALL_TEXT], high[OV_WALL_TEXT], expected[EXPECTED_BYTES];
    amount_text(s, s->min, low);
    amount_text(s, upper_bound(s), high);
    if (s->max)
        snprintf(expected, sizeof expected, "expected %s to %s", low, high);
    else
        snprintf(expected, sizeof expected, "expected at least %s", low);
    ov_setting_problem(v, value, text, expected);
}

static bool parse_int(ov_str text, int64_t *ret)
{
    bool negative = text.len > 0 && text.ptr[0] == '-';
    uint64_t n;
    if (!ov_str_to_u64(ov_str_sub(text, negative, text.len), &n) || n > INT64_MAX) return false;
    *ret = negative ? -(int64_t)n : (int64_t)n;
    return true;
}

static void convert_amount(ov_settings_values *v, const ov_setting_value *value, const char *text)
{
    const ov_setting *s = value->setting;
    int64_t n = 0;
    bool duration = s->type == OV_SET_DURATION;
    bool ok = duration ? ov_duration_parse(ov_str_of(text), &n, NULL) == OV_OK : parse_int(ov_str_of(text), &n);
    if (!ok)
        ov_setting_problem(v, value, text, duration ? "expected a duration such as 1m30s" : "expected a whole number");
    else if (n < s->min || n > upper_bound(s))
        range_problem(v, value, text);
    else
        *(int64_t *)value->target = n;
}

static void convert_bool(ov_settings_values *v, const ov_setting_value *value, const char *text)
{
    static const char *const yes[] = {"true", "1", "yes"}, *const no[] = {"false", "0", "no"};
    for (size_t i = 0; i < OV_COUNT(yes); i++) {
        bool is_yes = ov_str_eq_ignore_case(ov_str_of(text), ov_str_of(yes[i]));
        if (!is_yes && !ov_str_eq_ignore_case(ov_str_of(text), ov_str_of(no[i]))) continue;
        *(bool *)value->target = is_yes;
        return;
    }
    ov_setting_problem(v, value, text, "expected true or false");
}

static void convert_choice(ov_settings_values *v, const ov_setting_value *value, const char *text)
{
    const ov_setting *s = value->setting;
    OV_CLEANUP(ov_buf_clear) ov_buf expected = OV_BUF(EXPECTED_BYTES);
    ov_buf_append_c(&expected, "expected one of");
    for (int i = 0; s->choices[i]; i++) {
        if (strcmp(s->choices[i], text) == 0) {
            *(int *)value->target = i;
            return;
        }
        ov_buf_printf(&expected, "%s %s", i ? "," : "", s->choices[i]);
    }
    OV_CLEANUP(ov_free_p) char *sentence = ov_buf_take(&expected, NULL);
    ov_setting_problem(v, value, text, sentence);
}

static void add_item(ov_text_list *list, size_t *cap, ov_str text)
{
    ov_str line;
    while (ov_str_split(&text, '\n', &line)) {
        line = ov_str_trim(line);
        if (line.len == 0) continue;
        ov_grow(&list->items, cap, list->count + 1, sizeof *list->items);
        list->items[list->count++] = ov_dup(line);
    }
}

static void convert_list(ov_settings_values *v, const ov_setting_value *value)
{
    ov_text_list *list = value->target;
    size_t cap = 0;
    for (size_t i = 0; i < value->count && list->count <= LIST_MAX; i++)
        add_item(list, &cap, ov_str_of(value->texts[i]));
    if (list->count > LIST_MAX) ov_setting_problem(v, value, "...", "expected fewer entries");
}

/* The file's text without the newline that editors leave behind; false when there is no such file. */
static bool read_secret_file(ov_settings_values *v, const ov_setting_value *value, const char *name)
{
    struct stat st;
    int fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return false;
    bool is_file = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
    char *text = ov_alloc(SECRET_FILE_MAX + 1);
    ssize_t len = is_file ? read(fd, text, SECRET_FILE_MAX + 1) : -1;
    close(fd);
    if (is_file && (len < 0 || len > SECRET_FILE_MAX)) {
        ov_setting_problem(v, value, name, len < 0 ? "the file cannot be read" : "the file is too large for a secret");
    } else if (is_file) {
        while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r')) len--;
        *(ov_secret **)value->target = len ? ov_secret_new((ov_str){text, (size_t)len}) : NULL;
    }
    explicit_bzero(text, SECRET_FILE_MAX + 1);
    free(text);
    return is_file;
}

static void convert_plain(ov_settings_values *v, const ov_setting_value *value, const char *text)
{
    ov_err err = {0};
    if (*text && value->setting->check && value->setting->check(text, &err) != OV_OK)
        ov_setting_problem(v, value, text, err.msg);
    *(char **)value->target = *text ? ov_dup(ov_str_of(text)) : NULL;
}

static void convert_secret(ov_settings_values *v, const ov_setting_value *value, const char *text)
{
    if (value->setting->type == OV_SET_SECRET_OR_FILE && read_secret_file(v, value, text)) return;
    *(ov_secret **)value->target = *text ? ov_secret_new(ov_str_of(text)) : NULL;
}

static void convert_text(ov_settings_values *v, const ov_setting_value *value, const char *text)
{
    switch (value->setting->type) {
    case OV_SET_TEXT:
        convert_plain(v, value, text);
        break;
    case OV_SET_SECRET:
    case OV_SET_SECRET_OR_FILE:
        convert_secret(v, value, text);
        break;
    case OV_SET_BOOL:
        convert_bool(v, value, text);
        break;
    case OV_SET_INT:
    case OV_SET_DURATION:
        convert_amount(v, value, text);
        break;
    case OV_SET_CHOICE:
        convert_choice(v, value, text);
        break;
    case OV_SET_LIST:
        convert_list(v, value);
        break;
    }
}

static void zero(const ov_setting *s, void *target)
{
    static const size_t sizes[] = {
        [OV_SET_TEXT] = sizeof(char *), [OV_SET_SECRET] = sizeof(ov_secret *),
        [OV_SET_BOOL] = sizeof(bool),   [OV_SET_SECRET_OR_FILE] = sizeof(ov_secret *),
        [OV_SET_INT] = sizeof(int64_t), [OV_SET_DURATION] = sizeof(int64_t),
        [OV_SET_CHOICE] = sizeof(int),  [OV_SET_LIST] = sizeof(ov_text_list),
    };
    memset(target, 0, sizes[s->type]);
}

/* Whether the target of a required setting holds something. */
static bool is_set(const ov_setting_value *value)
{
    switch (value->setting->type) {
    case OV_SET_TEXT:
        return *(char **)value->target != NULL;
    case OV_SET_SECRET:
    case OV_SET_SECRET_OR_FILE:
        return *(ov_secret **)value->target != NULL;
    case OV_SET_LIST:
        return ((ov_text_list *)value->target)->count > 0;
    default:
        return value->count > 0;
    }
}

void ov_setting_convert(ov_settings_values *v, const ov_setting_value *value)
{
    const ov_setting *s = value->setting;
    size_t before = v->problems->len;
    zero(s, value->target);
    if (value->count > 0) convert_text(v, value, value->texts[value->count - 1]);
    if (!s->required || is_set(value) || v->problems->len > before) return;
    ov_settings_problem(v, "--%s%s%s: missing: expected %s", s->flag, s->env ? " or " : "", s->env ? s->env : "",
                        s->help);
}

void ov_setting_clear(const ov_setting *s, void *target)
{
    if (s->type == OV_SET_TEXT) free(*(char **)target);
    if (ov_setting_is_secret(s)) ov_secret_free(*(ov_secret **)target);
    if (s->type == OV_SET_LIST) {
        ov_text_list *list = target;
        for (size_t i = 0; i < list->count; i++) free(list->items[i]);
        free(list->items);
    }
    zero(s, target);
}
