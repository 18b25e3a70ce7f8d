/* Sends pieces without joining them: a single one from where it lies, several through the library's block.
 * Not MHD_create_response_from_iovec: 0.9.75 and 1.0 copy its table into what the request's headers left of the
 * connection's memory, and end the process when that does not fit. */
#include "httpd/pieces.h"

#include <stdlib.h>

#include "base/mem.h"

#include "base/poison.h"

enum { BLOCK_BYTES = 65536 };

typedef struct {
    const ov_str *pieces;
    size_t count, at; /* pieces[at] is the one under way */
    size_t offset;    /* bytes of it that are read */
    void (*release)(void *owner);
    void *owner;
} cursor;

/* Called with ascending positions, so the cursor needs no search. */
static ssize_t read_pieces(void *arg, uint64_t position, char *out, size_t max)
{
    cursor *c = arg;
    size_t len = 0;
    (void)position;
    while (len < max && c->at < c->count) {
        ov_str left = ov_str_sub(c->pieces[c->at], c->offset, c->pieces[c->at].len);
        size_t n = left.len < max - len ? left.len : max - len;
        if (n) memcpy(out + len, left.ptr, n);
        len += n;
        c->offset += n;
        if (n < left.len) break;
        c->at++;
        c->offset = 0;
    }
    return len ? (ssize_t)len : MHD_CONTENT_READER_END_OF_STREAM;
}

static void cursor_free(void *arg)
{
    cursor *c = arg;
    if (c->release) c->release(c->owner);
    free(c);
}

static uint64_t total(const ov_http_answer *a)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < a->piece_count; i++) bytes += a->pieces[i].len;
    return bytes;
}

struct MHD_Response *ov_http_pieces_response(ov_http_answer *a)
{
    cursor *c = ov_zalloc(sizeof *c);
    *c = (cursor){.pieces = a->pieces, .count = a->piece_count, .release = a->release, .owner = a->owner};
    struct MHD_Response *response;
    if (a->piece_count == 1 && a->pieces[0].len > 0) {
        void *bytes = (void *)(uintptr_t)a->pieces[0].ptr; /* only read */
        response = MHD_create_response_from_buffer_with_free_callback_cls(a->pieces[0].len, bytes, cursor_free, c);
    } else {
        response = MHD_create_response_from_callback(total(a), BLOCK_BYTES, read_pieces, c, cursor_free);
    }
    if (response)
        a->release = NULL;
    else
        free(c);
    return response;
}
