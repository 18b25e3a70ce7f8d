/* An extraction {pattern, result} as trackers write it: compiled once, applied to many values. */
#ifndef OV_REGEX_EXTRACTION_H
#define OV_REGEX_EXTRACTION_H

#include "regex/regex.h"

typedef struct {
    ov_regex *regex; /* NULL: the value passes unchanged (empty pattern or empty result) */
    char *result;    /* template, terminated */
} ov_extraction;

/* pattern and result as CONTRACT.md has them: either one empty passes values unchanged. OV_INVALID as ov_regex_compile.
 */
OV_MUST_CHECK ov_status ov_extraction_init(ov_extraction *x, ov_str pattern, ov_str result, ov_err *err);
void ov_extraction_clear(ov_extraction *x);
/* *ret_matched false: the pattern did not match. The text is appended to out. OV_FAILED as ov_regex_expand. */
OV_MUST_CHECK ov_status ov_extraction_apply(const ov_extraction *x, ov_str value, ov_buf *out, bool *ret_matched,
                                            ov_err *err);
/* The same, adding to *work as ov_regex_expand_counted. */
OV_MUST_CHECK ov_status ov_extraction_apply_counted(const ov_extraction *x, ov_str value, ov_buf *out,
                                                    bool *ret_matched, size_t *work, ov_err *err);

#endif
