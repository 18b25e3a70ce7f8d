/* Takes certificates, keys and tokens out of a kubeconfig's members. */
#include "services/collector/kube/kubeconfig_parts.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/base64.h"
#include "base/mem.h"
#include "json/reader.h"
#include "services/collector/kube/document.h"

#include "base/poison.h"

enum { FIELD_MAX = 48 };

char *kubeconfig_what(const kubeconfig_place *place, const char *field)
{
    ov_buf what = OV_BUF(SIZE_MAX);
    ov_buf_printf(&what, "%s%s", place->text, field);
    return ov_buf_take(&what, NULL);
}

char *kubeconfig_resolve(const kubeconfig_place *place, ov_str path)
{
    const char *slash = strrchr(place->path, '/');
    if (ov_str_starts(path, OV_STR("/"))) return ov_dup(path);
    ov_buf joined = OV_BUF(SIZE_MAX);
    ov_buf_append(&joined, place->path, slash ? (size_t)(slash - place->path) : 0);
    ov_buf_append_c(&joined, slash ? "/" : "./");
    ov_buf_append_str(&joined, path);
    return ov_buf_take(&joined, NULL);
}

ov_status kubeconfig_secret(ov_str raw, const kubeconfig_place *place, const char *field, ov_buf *out, ov_err *err)
{
    ov_json_reader r;
    ov_json_token t;
    ov_json_reader_init(&r, raw);
    if (ov_json_next(&r, &t, NULL) != OV_OK || t.type != OV_JSON_STRING)
        return ov_fail(err, OV_INVALID, "%s%s: expected a string (in quotes)", place->text, field);
    ov_json_unescape(&t, out);
    return OV_OK;
}

/* Go's decoder passes over line ends, and a YAML block has them. */
static void drop_line_ends(ov_buf *b)
{
    size_t kept = 0;
    for (size_t i = 0; i < b->len; i++)
        if (b->ptr[i] != '\n' && b->ptr[i] != '\r') b->ptr[kept++] = b->ptr[i];
    b->len = kept;
}

static ov_status set_data(kube_material *m, kube_material_type type, const kubeconfig_place *place, const char *field,
                          ov_str raw, ov_err *err)
{
    OV_CLEANUP(ov_secret_buf_clear) ov_buf text = ov_secret_buf(raw.len);
    OV_CLEANUP(ov_secret_buf_clear) ov_buf bytes = ov_secret_buf(raw.len);
    const char *expected = "base64";
    ov_status st = kubeconfig_secret(raw, place, field, &text, err);
    if (st != OV_OK) return st;
    drop_line_ends(&text);
    if (text.len == 0) return OV_OK;
    if (ov_base64_decode(ov_buf_str(&text), &bytes))
        m->value = kube_material_value(type, ov_buf_str(&bytes), &expected);
    if (!m->value) return ov_fail(err, OV_INVALID, "%s%s: expected %s", place->text, field, expected);
    m->what = kubeconfig_what(place, field);
    return OV_OK;
}

ov_status kubeconfig_material(kube_material *m, kube_material_type type, const kubeconfig_place *place,
                              const char *field, ov_str file, ov_str data, ov_err *err)
{
    char data_field[FIELD_MAX];
    snprintf(data_field, sizeof data_field, "%s-data", field);
    if (data.len) {
        ov_status st = set_data(m, type, place, data_field, data, err);
        if (st != OV_OK || m->value) return st;
    }
    if (file.len) {
        m->what = kubeconfig_what(place, field);
        m->path = kubeconfig_resolve(place, file);
    }
    return OV_OK;
}
