/* Documents as JSON text: events are written as they come, merged members behind a mapping's own. */
#include <stdlib.h>

#include "base/map.h"
#include "json/reader.h"
#include "json/writer.h"
#include "yaml/yaml.h"

#include "base/poison.h"

/* A mapping that is being written. */
typedef struct {
    ov_map keys;    /* those written so far */
    ov_buf sources; /* objects that << names, one JSON text after the other, each ended by a newline */
    bool any;
} mapping;

static void clear_mapping(mapping *m)
{
    ov_map_clear(&m->keys);
    ov_buf_clear(&m->sources);
}

static ov_status write_node(ov_yaml *y, const ov_yaml_event *e, ov_buf *out, ov_err *err);

/* true when the key is new to the mapping. */
static bool add_key(mapping *m, ov_str key)
{
    static char present;
    return !ov_map_put(&m->keys, key, &present);
}

static void begin_member(mapping *m, ov_buf *out)
{
    if (m->any) ov_buf_append_char(out, ',');
    m->any = true;
}

static ov_status write_scalar(const ov_yaml_event *e, ov_buf *out, ov_err *err)
{
    ov_yaml_value v;
    ov_status st = ov_yaml_resolve(e, &v, err);
    if (st != OV_OK) return st;
    if (v.kind == OV_YAML_STRING)
        ov_json_quote(out, e->text);
    else if (!v.json[0])
        return ov_yaml_fail(e, "a number that JSON cannot hold", e->text, err);
    else
        ov_buf_append_c(out, v.json);
    return OV_OK;
}

/* The key's text: a string's own, otherwise that of the value it means. */
static ov_status write_key(const ov_yaml_event *e, mapping *m, ov_buf *out, ov_err *err)
{
    ov_yaml_value v;
    if (e->type != OV_YAML_SCALAR) return ov_yaml_fail(e, "a key that is not a scalar", (ov_str){0}, err);
    ov_status st = ov_yaml_resolve(e, &v, err);
    if (st != OV_OK) return st;
    if (v.kind == OV_YAML_NULL) return ov_yaml_fail(e, "a key that is null", (ov_str){0}, err);
    ov_str key = v.kind != OV_YAML_STRING && v.json[0] ? ov_str_of(v.json) : e->text;
    if (!add_key(m, key)) return ov_yaml_fail(e, "key stands twice", key, err);
    begin_member(m, out);
    ov_json_quote(out, key);
    ov_buf_append_char(out, ':');
    return OV_OK;
}

static bool is_merge_key(const ov_yaml_event *e)
{
    return e->type == OV_YAML_SCALAR && ov_str_eq(e->text, OV_STR("<<")) && (e->plain || e->tag == OV_YAML_TAG_MERGE);
}

static ov_status keep_source(ov_yaml *y, const ov_yaml_event *e, mapping *m, ov_err *err)
{
    if (e->type != OV_YAML_MAPPING) return ov_yaml_fail(e, "<<: expected a mapping", (ov_str){0}, err);
    ov_status st = write_node(y, e, &m->sources, err);
    ov_buf_append_char(&m->sources, '\n');
    return st;
}

/* Behind <<: a mapping or a sequence of mappings. */
static ov_status keep_sources(ov_yaml *y, mapping *m, ov_err *err)
{
    ov_yaml_event e;
    ov_status st = ov_yaml_next(y, &e, err);
    if (st != OV_OK || e.type != OV_YAML_SEQUENCE) return st == OV_OK ? keep_source(y, &e, m, err) : st;
    for (;;) {
        st = ov_yaml_next(y, &e, err);
        if (st != OV_OK || e.type == OV_YAML_SEQUENCE_END) return st;
        st = keep_source(y, &e, m, err);
        if (st != OV_OK) return st;
    }
}

static ov_status merge_source(ov_str source, mapping *m, ov_buf *out, ov_err *err)
{
    ov_json_reader r;
    ov_json_token t;
    ov_json_reader_init(&r, source);
    ov_status st = ov_json_next(&r, &t, err);
    while (st == OV_OK) {
        ov_str value = {0};
        st = ov_json_next(&r, &t, err);
        if (st != OV_OK || t.type != OV_JSON_NAME) break;
        st = ov_json_skip(&r, &value, err);
        ov_buf key = OV_BUF(SIZE_MAX);
        ov_json_unescape(&t, &key);
        if (st == OV_OK && add_key(m, ov_buf_str(&key))) {
            begin_member(m, out);
            ov_json_quote(out, ov_buf_str(&key));
            ov_buf_append_char(out, ':');
            ov_buf_append_str(out, value);
        }
        ov_buf_clear(&key);
    }
    return st;
}

static ov_status merge_sources(mapping *m, ov_buf *out, ov_err *err)
{
    ov_status st = ov_buf_finish(&m->sources, "merged mappings as JSON", err);
    ov_str rest = ov_buf_str(&m->sources), source;
    while (st == OV_OK && ov_str_split(&rest, '\n', &source)) {
        if (source.len) st = merge_source(source, m, out, err);
    }
    return st;
}

static ov_status write_mapping(ov_yaml *y, ov_buf *out, ov_err *err)
{
    OV_CLEANUP(clear_mapping) mapping m = {.sources = OV_BUF(out->max)};
    ov_buf_append_char(out, '{');
    for (;;) {
        ov_yaml_event e;
        ov_status st = ov_yaml_next(y, &e, err);
        if (st != OV_OK) return st;
        if (e.type == OV_YAML_MAPPING_END) break;
        if (is_merge_key(&e)) {
            st = keep_sources(y, &m, err);
        } else {
            st = write_key(&e, &m, out, err);
            if (st == OV_OK) st = ov_yaml_next(y, &e, err);
            if (st == OV_OK) st = write_node(y, &e, out, err);
        }
        if (st != OV_OK) return st;
    }
    ov_status st = m.sources.len || m.sources.failed ? merge_sources(&m, out, err) : OV_OK;
    ov_buf_append_char(out, '}');
    return st;
}

static ov_status write_sequence(ov_yaml *y, ov_buf *out, ov_err *err)
{
    bool any = false;
    ov_buf_append_char(out, '[');
    for (;;) {
        ov_yaml_event e;
        ov_status st = ov_yaml_next(y, &e, err);
        if (st != OV_OK) return st;
        if (e.type == OV_YAML_SEQUENCE_END) break;
        if (any) ov_buf_append_char(out, ',');
        any = true;
        st = write_node(y, &e, out, err);
        if (st != OV_OK) return st;
    }
    ov_buf_append_char(out, ']');
    return OV_OK;
}

/* Recursion is bounded by what lib/json reads. */
static ov_status write_node(ov_yaml *y, const ov_yaml_event *e, ov_buf *out, ov_err *err)
{
    ov_status st;
    if (e->type == OV_YAML_SCALAR)
        st = write_scalar(e, out, err);
    else if (e->depth >= OV_JSON_DEPTH_MAX)
        return ov_yaml_fail(e, "nested too deeply for JSON", (ov_str){0}, err);
    else
        st = e->type == OV_YAML_MAPPING ? write_mapping(y, out, err) : write_sequence(y, out, err);
    return st == OV_OK ? ov_buf_finish(out, "document as JSON", err) : st;
}

ov_status ov_yaml_to_json(ov_yaml *y, ov_buf *out, bool *ret_more, ov_err *err)
{
    ov_yaml_event e;
    ov_status st = ov_yaml_next(y, &e, err);
    if (st == OV_OK && e.type == OV_YAML_END) {
        *ret_more = false;
        return OV_OK;
    }
    if (st == OV_OK) st = ov_yaml_next(y, &e, err); /* behind the document's start */
    if (st == OV_OK) st = write_node(y, &e, out, err);
    if (st == OV_OK) st = ov_yaml_next(y, &e, err);
    if (st == OV_OK) *ret_more = true;
    return st;
}
