/* The event reader and the conversion: bounded on any bytes, and what is converted is JSON. */
#include <stdint.h>
#include <stdlib.h>

#include "json/reader.h"
#include "yaml/yaml.h"

#include "base/poison.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { JSON_MAX = 256 * 1024 };

static void require(bool ok)
{
    if (!ok) abort();
}

static bool is_json(ov_str text)
{
    ov_json_reader r;
    ov_json_token end;
    ov_str raw;
    ov_json_reader_init(&r, text);
    return ov_json_skip(&r, &raw, NULL) == OV_OK && ov_json_next(&r, &end, NULL) == OV_OK;
}

static void read_events(ov_str text)
{
    OV_CLEANUP(ov_yaml_free_p) ov_yaml *y = ov_yaml_new_text(text, OV_YAML_EXPAND_ALIASES);
    size_t depth = 0;
    ov_yaml_event e;
    ov_yaml_value v;
    do {
        if (ov_yaml_next(y, &e, NULL) != OV_OK) return;
        if (e.type == OV_YAML_MAPPING_END || e.type == OV_YAML_SEQUENCE_END) depth--;
        require(e.depth == depth && depth <= OV_YAML_DEPTH_MAX);
        if (e.type == OV_YAML_MAPPING || e.type == OV_YAML_SEQUENCE) depth++;
        if (e.type != OV_YAML_SCALAR) continue;
        require(ov_str_is_utf8(e.text));
        if (ov_yaml_resolve(&e, &v, NULL) == OV_OK && v.json[0]) require(is_json(ov_str_of(v.json)));
    } while (e.type != OV_YAML_END);
    require(depth == 0);
}

static void convert(ov_str text, ov_yaml_aliases aliases)
{
    OV_CLEANUP(ov_yaml_free_p) ov_yaml *y = ov_yaml_new_text(text, aliases);
    bool more = true;
    while (more) {
        ov_buf out = OV_BUF(JSON_MAX);
        ov_err err = {0};
        ov_status st = ov_yaml_to_json(y, &out, &more, &err);
        if (st == OV_OK && more) require(is_json(ov_buf_str(&out)));
        require(st == OV_OK || err.msg[0]);
        if (st != OV_OK) more = false;
        ov_buf_clear(&out);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ov_str text = {(const char *)data, size};
    read_events(text);
    convert(text, OV_YAML_EXPAND_ALIASES);
    convert(text, OV_YAML_REFUSE_ALIASES);
    return 0;
}
