/* Image references from foreign bytes: what is accepted can be put together again from its parts. */
#include <stdlib.h>

#include "base/buf.h"
#include "services/collector/extract/image.h"
#include "base/poison.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void join(const image_ref *ref, ov_buf *out)
{
    if (ref->domain.len > 0) {
        ov_buf_append_str(out, ref->domain);
        ov_buf_append_char(out, '/');
    }
    ov_buf_append_str(out, image_path(ref));
    if (ref->tag.len > 0) ov_buf_append_char(out, ':');
    ov_buf_append_str(out, ref->tag);
    if (ref->digest.len > 0) ov_buf_append_char(out, '@');
    ov_buf_append_str(out, ref->digest);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ov_err err = {0};
    image_ref ref, again;
    if (image_parse((ov_str){(const char *)data, size}, &ref, &err) != OV_OK) return 0;
    ov_buf text = OV_BUF(2 * IMAGE_TEXT_MAX);
    join(&ref, &text);
    if (text.len <= IMAGE_TEXT_MAX) {
        if (image_parse(ov_buf_str(&text), &again, &err) != OV_OK) abort();
        if (!ov_str_eq(image_path(&again), image_path(&ref)) || !ov_str_eq(again.tag, ref.tag)) abort();
        if (!ov_str_eq(again.domain, ref.domain) || !ov_str_eq(again.digest, ref.digest)) abort();
    }
    ov_buf_clear(&text);
    return 0;
}
