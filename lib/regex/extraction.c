/* A tracker's extraction: pattern and template together. */
#include "regex/extraction.h"

#include <stdlib.h>

#include "base/mem.h"

#include "base/poison.h"

ov_status ov_extraction_init(ov_extraction *x, ov_str pattern, ov_str result, ov_err *err)
{
    ov_regex *regex = NULL;
    if (pattern.len && result.len) {
        ov_status st = ov_regex_compile(pattern, &regex, err);
        if (st != OV_OK) return st;
    }
    *x = (ov_extraction){regex, ov_dup(result)};
    return OV_OK;
}

void ov_extraction_clear(ov_extraction *x)
{
    ov_regex_free(x->regex);
    free(x->result);
    *x = (ov_extraction){0};
}

ov_status ov_extraction_apply(const ov_extraction *x, ov_str value, ov_buf *out, bool *ret_matched, ov_err *err)
{
    size_t work = 0;
    return ov_extraction_apply_counted(x, value, out, ret_matched, &work, err);
}

ov_status ov_extraction_apply_counted(const ov_extraction *x, ov_str value, ov_buf *out, bool *ret_matched,
                                      size_t *work, ov_err *err)
{
    if (x->regex) return ov_regex_expand_counted(x->regex, ov_str_of(x->result), value, out, ret_matched, work, err);
    ov_buf_append_str(out, value);
    *ret_matched = true;
    return OV_OK;
}
