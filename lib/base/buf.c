/* Doubles a byte buffer up to its maximum and remembers when somebody wanted more. */
#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/poison.h"

enum { FIRST_BYTES = 64, PRINTF_BYTES = 256, DIGITS_MAX = 20 };

void ov_buf_clear(ov_buf *b)
{
    free(b->ptr);
    *b = OV_BUF(b->max);
}

void ov_buf_reset(ov_buf *b)
{
    b->len = 0;
    b->failed = false;
}

/* Memory for total bytes, which max allows. */
static void reserve(ov_buf *b, size_t total)
{
    if (total <= b->cap) return;
    size_t cap = b->cap > b->max / 2 ? b->max : b->cap * 2;
    if (cap < FIRST_BYTES) cap = FIRST_BYTES;
    if (cap < total) cap = total;
    b->ptr = ov_realloc(b->ptr, cap, 1);
    b->cap = cap;
}

char *ov_buf_extend(ov_buf *b, size_t len)
{
    if (b->failed || len > b->max - b->len) {
        b->failed = true;
        return NULL;
    }
    reserve(b, len ? b->len + len : b->len + 1); /* a place exists even for nothing */
    char *place = b->ptr + b->len;
    b->len += len;
    return place;
}

void ov_buf_append(ov_buf *b, const void *bytes, size_t len)
{
    if (len == 0) return;
    char *place = ov_buf_extend(b, len);
    if (place) memcpy(place, bytes, len);
}

void ov_buf_append_str(ov_buf *b, ov_str s)
{
    ov_buf_append(b, s.ptr, s.len);
}

void ov_buf_append_c(ov_buf *b, const char *terminated)
{
    ov_buf_append_str(b, ov_str_of(terminated));
}

void ov_buf_append_char(ov_buf *b, char c)
{
    char *place = ov_buf_extend(b, 1);
    if (place) *place = c;
}

void ov_buf_append_u64(ov_buf *b, uint64_t n)
{
    char digits[DIGITS_MAX];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + n % 10);
        n /= 10;
    } while (n);
    ov_buf_append(b, digits + at, sizeof digits - at);
}

void ov_buf_append_i64(ov_buf *b, int64_t n)
{
    if (n < 0) ov_buf_append_char(b, '-');
    ov_buf_append_u64(b, n < 0 ? 0 - (uint64_t)n : (uint64_t)n);
}

OV_PRINTF(2, 0) static void append_formatted(ov_buf *b, const char *fmt, size_t len, va_list args)
{
    char *place = ov_buf_extend(b, len);
    if (!place) return;
    OV_CLEANUP(ov_free_p) char *text = ov_alloc(len + 1);
    vsnprintf(text, len + 1, fmt, args);
    memcpy(place, text, len);
}

void ov_buf_printf(ov_buf *b, const char *fmt, ...)
{
    char text[PRINTF_BYTES];
    va_list args;
    va_start(args, fmt);
    int len = vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (len < 0) {
        b->failed = true;
    } else if ((size_t)len < sizeof text) {
        ov_buf_append(b, text, (size_t)len);
    } else {
        va_start(args, fmt);
        append_formatted(b, fmt, (size_t)len, args);
        va_end(args);
    }
}

ov_status ov_buf_finish(const ov_buf *b, const char *what, ov_err *err)
{
    if (!b->failed) return OV_OK;
    return ov_fail(err, OV_INVALID, "%s: more than %zu bytes", what, b->max);
}

ov_str ov_buf_str(const ov_buf *b)
{
    return (ov_str){.ptr = b->ptr, .len = b->len};
}

char *ov_buf_take(ov_buf *b, size_t *ret_len)
{
    char *taken = ov_realloc(b->ptr, b->len + 1, 1);
    taken[b->len] = '\0';
    if (ret_len) *ret_len = b->len;
    *b = OV_BUF(b->max);
    return taken;
}
