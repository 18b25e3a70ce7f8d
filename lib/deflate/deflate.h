/* zlib: whole payloads in and out with a bound, gzip as it arrives, and fragments that join into one gzip body. */
#ifndef OV_DEFLATE_DEFLATE_H
#define OV_DEFLATE_DEFLATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/status.h"

/* RFC 1951 bytes of data appended to out. */
void ov_deflate(ov_str data, ov_buf *out);
/* The reverse; out's maximum bounds it. OV_INVALID when damaged, cut off, or larger than out may grow. */
OV_MUST_CHECK ov_status ov_inflate(ov_str data, ov_buf *out, ov_err *err);

/* A gzip body that is unpacked as it arrives: one member or several (RFC 1952). */
typedef struct ov_gunzip ov_gunzip;
ov_gunzip *ov_gunzip_new(void);
void ov_gunzip_free(ov_gunzip *g); /* NULL is fine */
/* Writes up to max bytes to out; *in moves on behind what was used. *ret_len 0: it wants more input. OV_INVALID:
 * damaged; nothing more comes. */
OV_MUST_CHECK ov_status ov_gunzip_read(ov_gunzip *g, ov_str *in, char *out, size_t max, size_t *ret_len, ov_err *err);
/* What was given so far ends with a member's end, its checksum and length were right: only here may the body end. */
bool ov_gunzip_is_whole(const ov_gunzip *g);

/* A fragment: raw deflate blocks that end in a full flush, so that fragments concatenate into one stream. */
typedef struct {
    ov_buf bytes;
    uint32_t crc32; /* of the text */
    uint64_t text_len;
} ov_deflate_fragment;
void ov_deflate_fragment_make(ov_str text, ov_deflate_fragment *ret); /* bytes.max is set here */
void ov_deflate_fragment_clear(ov_deflate_fragment *f);
/* Joining into one gzip member: header, then the fragments' bytes in order, then the trailer. crc starts at 0. */
extern const unsigned char ov_gzip_header[10];
uint32_t ov_gzip_crc_join(uint32_t crc, const ov_deflate_fragment *next);
enum { OV_GZIP_TRAILER = 10 }; /* an empty final block (2 bytes), crc32, length modulo 2^32 */
void ov_gzip_trailer(uint32_t crc, uint64_t text_len, unsigned char out[OV_GZIP_TRAILER]);

#endif
