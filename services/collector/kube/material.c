/* Checks what certificates, keys and tokens look like, and reads them from files. */
#include "services/collector/kube/material.h"

#include <stdlib.h>

#include "base/mem.h"
#include "services/collector/kube/document.h"

#include "base/poison.h"

enum { PATH_SHOWN_MAX = 100 };

void kube_material_clear(kube_material *m)
{
    free(m->what);
    free(m->path);
    ov_secret_free(m->value);
    *m = (kube_material){0};
}

bool kube_material_is_set(const kube_material *m)
{
    return m->path || m->value;
}

static bool holds(ov_str bytes, ov_str part)
{
    return bytes.len && memmem(bytes.ptr, bytes.len, part.ptr, part.len) != NULL;
}

/* What a header's value may hold and a token's author may have meant: printable ASCII without spaces. */
static bool is_token(ov_str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] <= ' ' || text.ptr[i] > '~') return false;
    return text.len > 0;
}

ov_secret *kube_material_value(kube_material_type type, ov_str bytes, const char **ret_expected)
{
    static const char *const expected[] = {[KUBE_CERTIFICATE] = "certificates in PEM",
                                           [KUBE_KEY] = "a private key in PEM",
                                           [KUBE_TOKEN] = "a token: printable characters without a space"};
    bool ok = false;
    if (type == KUBE_CERTIFICATE)
        ok = holds(bytes, OV_STR("-----BEGIN CERTIFICATE-----"));
    else if (type == KUBE_KEY)
        ok = holds(bytes, OV_STR("-----BEGIN ")) && holds(bytes, OV_STR("PRIVATE KEY-----"));
    else
        ok = is_token(bytes = ov_str_trim(bytes));
    *ret_expected = expected[type];
    return ok ? ov_secret_new(bytes) : NULL;
}

ov_status kube_material_read(kube_material *m, kube_material_type type, ov_err *err)
{
    OV_CLEANUP(ov_secret_buf_clear) ov_buf bytes = ov_secret_buf(KUBE_FILE_MAX + 1);
    ov_err why = {0};
    const char *expected;
    if (kube_file_read(m->path, &bytes, &why) != OV_OK)
        return ov_fail(err, OV_FAILED, "%s: \"%.*s\": %s", m->what, PATH_SHOWN_MAX, m->path, why.msg);
    ov_secret *value = kube_material_value(type, ov_buf_str(&bytes), &expected);
    if (!value) return ov_fail(err, OV_FAILED, "%s: \"%.*s\": expected %s", m->what, PATH_SHOWN_MAX, m->path, expected);
    ov_secret_free(m->value);
    m->value = value;
    return OV_OK;
}
