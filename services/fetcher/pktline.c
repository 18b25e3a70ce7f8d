/* Four hexadecimal digits tell a line's length, themselves included; the lengths below four are marks. */
#include "services/fetcher/pktline.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/poison.h"

enum { LENGTH_DIGITS = 4, SHOWN_BYTES = 120 };

void pktline_init(pktline_reader *r, provider_read read, void *arg)
{
    *r = (pktline_reader){.read = read, .arg = arg, .bytes = ov_alloc(PKTLINE_BYTES_MAX)};
}

void pktline_clear(pktline_reader *r)
{
    free(r->bytes);
    *r = (pktline_reader){0};
}

/* Reads on until want bytes wait, or fewer at the stream's end. */
static ov_status fill(pktline_reader *r, size_t want, ov_err *err)
{
    if (r->begin > 0 && r->begin + want > PKTLINE_BYTES_MAX) {
        memmove(r->bytes, r->bytes + r->begin, r->end - r->begin);
        r->end -= r->begin;
        r->begin = 0;
    }
    while (r->end - r->begin < want) {
        size_t len = 0;
        ov_status status = r->read(r->arg, r->bytes + r->end, PKTLINE_BYTES_MAX - r->end, &len, err);
        if (status != OV_OK || len == 0) return status;
        r->end += len;
    }
    return OV_OK;
}

static bool read_length(const char *digits, size_t *ret)
{
    size_t length = 0;
    for (size_t i = 0; i < LENGTH_DIGITS; i++) {
        char c = digits[i];
        size_t digit = c >= '0' && c <= '9'   ? (size_t)(c - '0')
                       : c >= 'a' && c <= 'f' ? (size_t)(c - 'a') + 10
                       : c >= 'A' && c <= 'F' ? (size_t)(c - 'A') + 10
                                              : 16;
        if (digit > 15) return false;
        length = length * 16 + digit;
    }
    *ret = length;
    return length <= PKTLINE_BYTES_MAX && length != 3;
}

static ov_status take_data(pktline_reader *r, size_t length, ov_str *ret, ov_err *err)
{
    ov_status status = fill(r, length, err);
    if (status != OV_OK) return status;
    if (r->end - r->begin < length) return ov_fail(err, OV_INVALID, "git: the answer ends within a line");
    ov_str data = {r->bytes + r->begin + LENGTH_DIGITS, length - LENGTH_DIGITS};
    r->begin += length;
    if (data.len && data.ptr[data.len - 1] == '\n') data.len--;
    if (ov_str_starts(data, OV_STR("ERR ")))
        return ov_fail(err, OV_INVALID, "git: %.*s", OV_STR_ARG(ov_str_sub(data, 4, SHOWN_BYTES)));
    *ret = data;
    return OV_OK;
}

ov_status pktline_next(pktline_reader *r, pktline_type *ret, ov_str *ret_data, ov_err *err)
{
    static const pktline_type marks[] = {PKTLINE_FLUSH, PKTLINE_DELIMITER, PKTLINE_RESPONSE_END};
    size_t length;
    ov_status status = fill(r, LENGTH_DIGITS, err);
    if (status != OV_OK) return status;
    if (r->end == r->begin) {
        *ret = PKTLINE_END;
        return OV_OK;
    }
    if (r->end - r->begin < LENGTH_DIGITS || !read_length(r->bytes + r->begin, &length))
        return ov_fail(err, OV_INVALID, "git: expected the length of a line");
    if (length < OV_COUNT(marks)) {
        r->begin += LENGTH_DIGITS;
        *ret = marks[length];
        return OV_OK;
    }
    status = take_data(r, length, ret_data, err);
    if (status == OV_OK) *ret = PKTLINE_DATA;
    return status;
}
