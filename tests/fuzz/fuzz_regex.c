/* Patterns, templates and contents (a line each): what the gate accepts matches in bounded time, whatever it is. */
#include <stdint.h>
#include <stdlib.h>

#include "regex/extraction.h"

#include "base/poison.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok)
{
    if (!ok) abort();
}

static void expand(const ov_regex *re, ov_str tmpl, ov_str content)
{
    ov_buf out = OV_BUF(2 * OV_REGEX_RESULT_MAX);
    ov_err err = {0};
    bool matched = false;
    ov_status st = ov_regex_expand(re, tmpl, content, &out, &matched, &err);
    require(st == OV_OK || (st == OV_FAILED && err.msg[0]));
    require(out.len <= OV_REGEX_RESULT_MAX && !out.failed);
    require(st != OV_OK || matched || !out.len);
    ov_buf_clear(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ov_str rest = {(const char *)data, size}, pattern = {0}, tmpl = {0};
    (void)ov_str_split(&rest, '\n', &pattern);
    (void)ov_str_split(&rest, '\n', &tmpl);
    OV_CLEANUP(ov_regex_free_p) ov_regex *re = NULL;
    ov_err err = {0};
    ov_status st = ov_regex_compile(pattern, &re, &err);
    require(st == OV_OK ? re != NULL : st == OV_INVALID && err.msg[0]);
    if (re) expand(re, tmpl, rest);
    return 0;
}
