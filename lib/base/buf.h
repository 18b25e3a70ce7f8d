/* Growing bytes with a mandatory maximum; a failed append sticks, so that only the end is checked. */
#ifndef OV_BASE_BUF_H
#define OV_BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"
#include "base/str.h"

typedef struct {
    char *ptr; /* not terminated; NULL until the first byte */
    size_t len, cap, max;
    bool failed; /* an append would have passed max: nothing was added since */
} ov_buf;

#define OV_BUF(max_bytes) ((ov_buf){.max = (max_bytes)})

void ov_buf_clear(ov_buf *b); /* frees; usable again with the same max */
void ov_buf_reset(ov_buf *b); /* keeps the memory, forgets bytes and failure */
void ov_buf_append(ov_buf *b, const void *bytes, size_t len);
void ov_buf_append_str(ov_buf *b, ov_str s);
void ov_buf_append_c(ov_buf *b, const char *terminated);
void ov_buf_append_char(ov_buf *b, char c);
void ov_buf_append_u64(ov_buf *b, uint64_t n);
void ov_buf_append_i64(ov_buf *b, int64_t n);
void ov_buf_printf(ov_buf *b, const char *fmt, ...) OV_PRINTF(2, 3);
/* Room for len bytes to be written at the returned place; NULL when it would pass max. len is added. */
char *ov_buf_extend(ov_buf *b, size_t len);

/* OV_INVALID "<what>: more than <max> bytes" when an append was refused. */
OV_MUST_CHECK ov_status ov_buf_finish(const ov_buf *b, const char *what, ov_err *err);
ov_str ov_buf_str(const ov_buf *b);            /* a view, valid until the next append */
char *ov_buf_take(ov_buf *b, size_t *ret_len); /* terminated; moves to the caller; b is empty again */

#endif
