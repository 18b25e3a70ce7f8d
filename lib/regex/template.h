/* Go's Regexp.Expand; inside lib/regex alone. */
#ifndef OV_REGEX_TEMPLATE_H
#define OV_REGEX_TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

/* A match: pair i of offsets is PCRE2's group i, 0 the whole; groups[i] and names[i] belong to Go's group i + 1. */
typedef struct {
    ov_str content;
    const size_t *offsets;
    size_t pairs; /* the pairs above the last group that took part are left out */
    const uint32_t *groups;
    const ov_str *names;
    size_t group_count;
} ov_match;

/* Appends to out; false when that would be more than OV_REGEX_RESULT_MAX bytes (what was appended stays). */
bool ov_template_expand(ov_str tmpl, const ov_match *m, ov_buf *out);

#endif
