/* Packed bodies from foreign servers: bounded steps, and the same bytes and the same end whatever the pieces. */
#include <stdlib.h>

#include "base/mem.h"
#include "deflate/deflate.h"

#include "base/poison.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ROOM = 1 << 20, PIECE = 997 };

static void require(bool ok)
{
    if (!ok) abort();
}

typedef struct {
    ov_buf bytes;
    bool whole, damaged;
} unpacked;

/* Ends early where out is full. */
static void unpack(ov_str packed, size_t step, size_t room, unpacked *ret)
{
    char out[PIECE];
    ov_gunzip *g = ov_gunzip_new();
    ret->bytes = OV_BUF(ROOM);
    while (packed.len && !ret->damaged && !ret->bytes.failed) {
        ov_str in = ov_str_sub(packed, 0, step);
        packed = ov_str_sub(packed, in.len, packed.len);
        for (size_t len = 1; len && !ret->damaged && !ret->bytes.failed;) {
            size_t had = in.len;
            ov_err err = {0};
            ret->damaged = ov_gunzip_read(g, &in, out, room, &len, &err) != OV_OK;
            require(len <= room && in.len <= had && (!ret->damaged || err.msg[0]));
            ov_buf_append(&ret->bytes, out, len);
        }
        require(ret->damaged || ret->bytes.failed || in.len == 0);
    }
    ret->whole = !ret->damaged && ov_gunzip_is_whole(g);
    ov_gunzip_free(g);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ov_str packed = {(const char *)data, size};
    unpacked at_once = {0}, slowly = {0};
    unpack(packed, size ? size : 1, PIECE, &at_once);
    unpack(packed, 3, 5, &slowly);
    if (!at_once.bytes.failed && !slowly.bytes.failed) {
        require(at_once.damaged == slowly.damaged && at_once.whole == slowly.whole);
        require(at_once.damaged || ov_str_eq(ov_buf_str(&at_once.bytes), ov_buf_str(&slowly.bytes)));
    }
    ov_buf_clear(&at_once.bytes);
    ov_buf_clear(&slowly.bytes);
    return 0;
}
