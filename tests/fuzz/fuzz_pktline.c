/* Git's pkt-lines from foreign bytes: the same lines and the same end however the bytes arrive. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "services/fetcher/pktline.h"

#include "base/poison.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TEXT_MAX = 4 * 1024 * 1024 };

typedef struct {
    ov_str rest;
    size_t step;
} stream;

static ov_status read_some(void *arg, char *out, size_t max, size_t *ret_len, ov_err *err)
{
    stream *s = arg;
    (void)err;
    if (max == 0) abort();
    size_t n = s->step < max ? s->step : max;
    if (n > s->rest.len) n = s->rest.len;
    if (n) memcpy(out, s->rest.ptr, n);
    s->rest = ov_str_sub(s->rest, n, s->rest.len);
    *ret_len = n;
    return OV_OK;
}

/* All lines with a letter for each kind, and how it ended. */
static void read_all(ov_str text, size_t step, ov_buf *out)
{
    stream s = {text, step};
    OV_CLEANUP(pktline_clear) pktline_reader r;
    pktline_type type = PKTLINE_FLUSH;
    ov_str line;
    ov_err err = {0};
    ov_status status = OV_OK;
    pktline_init(&r, read_some, &s);
    while (status == OV_OK && type != PKTLINE_END) {
        status = pktline_next(&r, &type, &line, &err);
        if (status != OV_OK) break;
        ov_buf_append_char(out, (char)('a' + type));
        if (type != PKTLINE_DATA) continue;
        if (line.len > PKTLINE_BYTES_MAX - 4) abort();
        ov_buf_append_str(out, line);
    }
    ov_buf_append_c(out, status == OV_OK ? "\nwhole" : err.msg);
    if (status != OV_OK && !err.msg[0]) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ov_str text = {(const char *)data, size};
    OV_CLEANUP(ov_buf_clear) ov_buf whole = OV_BUF(TEXT_MAX);
    OV_CLEANUP(ov_buf_clear) ov_buf pieces = OV_BUF(TEXT_MAX);
    read_all(text, size ? size : 1, &whole);
    read_all(text, 3, &pieces);
    if (!ov_str_eq(ov_buf_str(&whole), ov_buf_str(&pieces))) abort();
    return 0;
}
