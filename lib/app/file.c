/* Reads the --config file: YAML whose keys are flags, nested mappings joined by dots. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "app/values.h"
#include "base/mem.h"
#include "yaml/yaml.h"

#include "base/poison.h"

enum { FILE_BYTES_MAX = 1 << 20, KEY_BYTES_MAX = 256 };

typedef struct {
    ov_settings_values *v;
    ov_yaml *yaml;
    ov_buf key; /* of the place that is read: "cache.expiration" */
    bool failed;
} reading;

static void fail(reading *r, const char *text)
{
    ov_settings_problem(r->v, "%s: %s", r->v->file, text);
    r->failed = true;
}

static bool next(reading *r, ov_yaml_event *e)
{
    ov_err err = {0};
    if (r->failed) return false;
    if (ov_yaml_next(r->yaml, e, &err) == OV_OK) return true;
    fail(r, err.msg);
    return false;
}

static void skip(reading *r, const ov_yaml_event *begun)
{
    ov_err err = {0};
    if (ov_yaml_skip(r->yaml, begun, &err) != OV_OK) fail(r, err.msg);
}

static void key_problem(reading *r, const char *text)
{
    ov_settings_problem(r->v, "%s: %.*s: %s", r->v->file, OV_STR_ARG(ov_buf_str(&r->key)), text);
}

static bool is_null(const ov_yaml_event *e)
{
    ov_yaml_value value = {0};
    return ov_yaml_resolve(e, &value, NULL) == OV_OK && value.kind == OV_YAML_NULL;
}

static void read_items(reading *r, ov_setting_value *value)
{
    ov_yaml_event e;
    while (next(r, &e) && e.type != OV_YAML_SEQUENCE_END) {
        if (e.type == OV_YAML_SCALAR) {
            ov_setting_give(value, OV_FROM_FILE, e.text);
            continue;
        }
        key_problem(r, "expected a list of texts");
        skip(r, &e);
    }
}

/* The value of a key that is a setting's flag; the flag alone tells whether a list may stand there. */
static void read_value(reading *r, ov_setting_value *value, const ov_yaml_event *e)
{
    bool list = value->setting->type == OV_SET_LIST;
    if (e->type == OV_YAML_SCALAR && !is_null(e)) {
        ov_setting_give(value, OV_FROM_FILE, e->text);
    } else if (e->type == OV_YAML_SEQUENCE && list) {
        read_items(r, value);
    } else if (e->type != OV_YAML_SCALAR) {
        key_problem(r, list ? "expected a list or a text" : "expected one value");
        skip(r, e);
    }
}

static void read_mapping(reading *r);

static void read_member(reading *r)
{
    ov_yaml_event e;
    if (!next(r, &e)) return;
    ov_setting_value *value = ov_settings_value_of(r->v, ov_buf_str(&r->key));
    if (value && value->origin == OV_FROM_FILE) {
        key_problem(r, "given twice");
        skip(r, &e);
    } else if (value) {
        read_value(r, value, &e);
    } else if (e.type == OV_YAML_MAPPING) {
        read_mapping(r);
    } else {
        key_problem(r, "unknown key");
        skip(r, &e);
    }
}

/* Depth is bounded by the YAML reader and by the length of a key. */
static void read_mapping(reading *r)
{
    size_t outer = r->key.len;
    ov_yaml_event e;
    while (next(r, &e) && e.type != OV_YAML_MAPPING_END) {
        if (e.type != OV_YAML_SCALAR || e.text.len == 0) {
            fail(r, "expected texts as keys");
            return;
        }
        if (outer) ov_buf_append_char(&r->key, '.');
        ov_buf_append_str(&r->key, e.text);
        if (r->key.failed) {
            fail(r, "a key is too long");
            return;
        }
        read_member(r);
        r->key.len = outer;
    }
}

static void read_document(reading *r)
{
    ov_yaml_event e;
    if (!next(r, &e) || e.type == OV_YAML_END) return;
    if (!next(r, &e)) return;
    if (e.type == OV_YAML_MAPPING)
        read_mapping(r);
    else if (e.type != OV_YAML_SCALAR || !is_null(&e))
        fail(r, "expected a mapping");
    if (next(r, &e) && next(r, &e) && e.type != OV_YAML_END) fail(r, "expected one document");
}

/* The whole file; false after the problem was told. */
static bool load(ov_settings_values *v, ov_buf *text)
{
    FILE *f = fopen(v->file, "re");
    if (!f) {
        ov_settings_problem(v, "%s: cannot be opened: %s", v->file, strerror(errno));
        return false;
    }
    char piece[4096];
    size_t n;
    while (!text->failed && (n = fread(piece, 1, sizeof piece, f)) > 0) ov_buf_append(text, piece, n);
    bool ok = !ferror(f) && !text->failed;
    fclose(f);
    explicit_bzero(piece, sizeof piece);
    if (!ok) ov_settings_problem(v, "%s: expected a file of at most %d bytes", v->file, FILE_BYTES_MAX);
    return ok;
}

void ov_settings_read_file(ov_settings_values *v)
{
    if (!v->file || !*v->file) return;
    OV_CLEANUP(ov_buf_clear) ov_buf text = OV_BUF(FILE_BYTES_MAX);
    reading r = {.v = v, .key = OV_BUF(KEY_BYTES_MAX)};
    if (load(v, &text)) {
        r.yaml = ov_yaml_new_text(ov_buf_str(&text), OV_YAML_EXPAND_ALIASES);
        read_document(&r);
        ov_yaml_free(r.yaml);
    }
    if (text.len) explicit_bzero(text.ptr, text.len);
    ov_buf_clear(&r.key);
}
