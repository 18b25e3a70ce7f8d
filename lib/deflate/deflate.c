/* Drives zlib's raw streams between a text and a bounded buffer; joins fragments into one gzip member. */
#include "deflate/deflate.h"

#include <assert.h>
#include <stdlib.h>

#define ZLIB_CONST
#include <zlib.h>

#include "base/mem.h"
#include "base/poison.h"

enum {
    CHUNK_BYTES = 16 * 1024,
    FEED_BYTES = 1 << 30, /* zlib counts in unsigned int */
    RAW_WINDOW_BITS = -15,
    GZIP_WINDOW_BITS = 15 + 16,
    MEMORY_LEVEL = 8,   /* zlib's default */
    FRAGMENT_LEVEL = 3, /* made again at each change, so speed before size: on series half the time of 4, 1 % larger */
    FLUSH_BYTES = 64    /* a full flush, generously */
};

const unsigned char ov_gzip_header[10] = {0x1F, 0x8B, Z_DEFLATED, 0, 0, 0, 0, 0, 0, 0xFF};

static voidpf zlib_alloc(voidpf unused, uInt count, uInt size)
{
    (void)unused;
    return ov_realloc(NULL, count, size);
}

static void zlib_free(voidpf unused, voidpf p)
{
    (void)unused;
    free(p);
}

static void deflate_start(z_stream *z, int level)
{
    *z = (z_stream){.zalloc = zlib_alloc, .zfree = zlib_free};
    if (deflateInit2(z, level, Z_DEFLATED, RAW_WINDOW_BITS, MEMORY_LEVEL, Z_DEFAULT_STRATEGY) != Z_OK) abort();
}

static void deflate_end(z_stream *z)
{
    deflateEnd(z);
}

static void inflate_end(z_stream *z)
{
    inflateEnd(z);
}

/* Gives the stream its next piece of the text. */
static void feed(z_stream *z, ov_str *rest)
{
    size_t len = rest->len < FEED_BYTES ? rest->len : FEED_BYTES;
    z->next_in = (const Bytef *)rest->ptr;
    z->avail_in = (uInt)len;
    *rest = ov_str_sub(*rest, len, rest->len);
}

typedef int zlib_step(z_stream *z, int flush);

/* Steps until the input is used up and no output is pending, the stream ends or the buffer is full; zlib's last answer.
 */
static int drain(z_stream *z, zlib_step *step, int flush, ov_buf *out)
{
    Bytef chunk[CHUNK_BYTES];
    int answer;
    do {
        z->next_out = chunk;
        z->avail_out = sizeof chunk;
        answer = step(z, flush);
        if (answer == Z_BUF_ERROR) answer = Z_OK; /* nothing left to do for now */
        ov_buf_append(out, chunk, sizeof chunk - z->avail_out);
    } while (answer == Z_OK && !out->failed && z->avail_out == 0);
    return answer;
}

static void deflate_all(z_stream *z, ov_str text, int last_flush, ov_buf *out)
{
    do {
        feed(z, &text);
        drain(z, deflate, text.len ? Z_NO_FLUSH : last_flush, out);
    } while (text.len && !out->failed);
}

void ov_deflate(ov_str data, ov_buf *out)
{
    OV_CLEANUP(deflate_end) z_stream z;
    deflate_start(&z, Z_DEFAULT_COMPRESSION);
    deflate_all(&z, data, Z_FINISH, out);
}

ov_status ov_inflate(ov_str data, ov_buf *out, ov_err *err)
{
    OV_CLEANUP(inflate_end) z_stream z = {.zalloc = zlib_alloc, .zfree = zlib_free};
    if (inflateInit2(&z, RAW_WINDOW_BITS) != Z_OK) abort();
    int answer;
    do {
        feed(&z, &data);
        answer = drain(&z, inflate, Z_NO_FLUSH, out);
    } while (answer == Z_OK && data.len && !out->failed);
    if (out->failed) return ov_buf_finish(out, "deflate", err);
    if (answer == Z_OK) return ov_fail(err, OV_INVALID, "deflate: cut off");
    if (answer != Z_STREAM_END) return ov_fail(err, OV_INVALID, "deflate: damaged: %s", z.msg ? z.msg : "unknown");
    if (z.avail_in + data.len > 0)
        return ov_fail(err, OV_INVALID, "deflate: %zu bytes after the end", z.avail_in + data.len);
    return OV_OK;
}

struct ov_gunzip {
    z_stream z;
    bool whole;
};

ov_gunzip *ov_gunzip_new(void)
{
    ov_gunzip *g = ov_zalloc(sizeof *g);
    g->z = (z_stream){.zalloc = zlib_alloc, .zfree = zlib_free};
    if (inflateInit2(&g->z, GZIP_WINDOW_BITS) != Z_OK) abort();
    return g;
}

void ov_gunzip_free(ov_gunzip *g)
{
    if (!g) return;
    inflateEnd(&g->z);
    free(g);
}

bool ov_gunzip_is_whole(const ov_gunzip *g)
{
    return g->whole;
}

ov_status ov_gunzip_read(ov_gunzip *g, ov_str *in, char *out, size_t max, size_t *ret_len, ov_err *err)
{
    size_t room = max < FEED_BYTES ? max : FEED_BYTES;
    for (*ret_len = 0; *ret_len == 0;) {
        if (g->whole && in->len == 0) return OV_OK;
        if (g->whole) inflateReset(&g->z); /* a further member */
        ov_str rest = *in;
        feed(&g->z, &rest);
        g->z.next_out = (Bytef *)out;
        g->z.avail_out = (uInt)room;
        int answer = inflate(&g->z, Z_NO_FLUSH);
        *in = (ov_str){rest.ptr - g->z.avail_in, rest.len + g->z.avail_in};
        *ret_len = room - g->z.avail_out;
        g->whole = answer == Z_STREAM_END;
        if (answer == Z_BUF_ERROR) return OV_OK;
        if (answer != Z_OK && answer != Z_STREAM_END)
            return ov_fail(err, OV_INVALID, "gzip: damaged: %s", g->z.msg ? g->z.msg : "unknown");
    }
    return OV_OK;
}

static uint32_t text_crc(ov_str text)
{
    return text.len ? (uint32_t)crc32_z(0, (const Bytef *)text.ptr, text.len) : 0;
}

void ov_deflate_fragment_make(ov_str text, ov_deflate_fragment *ret)
{
    OV_CLEANUP(deflate_end) z_stream z;
    deflate_start(&z, FRAGMENT_LEVEL);
    *ret = (ov_deflate_fragment){
        .bytes = OV_BUF(deflateBound(&z, text.len) + FLUSH_BYTES), .crc32 = text_crc(text), .text_len = text.len};
    if (text.len) deflate_all(&z, text, Z_FULL_FLUSH, &ret->bytes); /* no text: no bytes join as well */
    assert(!ret->bytes.failed);
}

void ov_deflate_fragment_clear(ov_deflate_fragment *f)
{
    ov_buf_clear(&f->bytes);
    *f = (ov_deflate_fragment){0};
}

uint32_t ov_gzip_crc_join(uint32_t crc, const ov_deflate_fragment *next)
{
    return (uint32_t)crc32_combine(crc, next->crc32, (z_off_t)next->text_len);
}

static void put_u32(unsigned char *out, uint32_t n)
{
    for (unsigned byte = 0; byte < 4; byte++) out[byte] = (unsigned char)(n >> 8 * byte);
}

void ov_gzip_trailer(uint32_t crc, uint64_t text_len, unsigned char out[OV_GZIP_TRAILER])
{
    out[0] = 0x03; /* last block, fixed codes, and at once its end: 10 bits */
    out[1] = 0x00;
    put_u32(out + 2, crc);
    put_u32(out + 6, (uint32_t)text_len);
}
