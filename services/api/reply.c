/* Collects pieces and hands them to the HTTP server with the view that they lie in. */
#include "services/api/reply.h"

#include <stdlib.h>

#include "base/mem.h"

#include "base/poison.h"

reply *reply_new(view *v)
{
    reply *r = ov_zalloc(sizeof *r);
    r->view = v;
    return r;
}

void reply_free(void *arg)
{
    reply *r = arg;
    if (!r) return;
    view_unref(r->view);
    ov_json_arena_clear(&r->arena);
    free(r->pieces);
    free(r);
}

void reply_add(reply *r, ov_str piece)
{
    if (!piece.len) return;
    ov_grow(&r->pieces, &r->cap, r->count + 1, sizeof *r->pieces);
    r->pieces[r->count++] = piece;
}

ov_str *reply_extend(reply *r, size_t count)
{
    ov_grow(&r->pieces, &r->cap, r->count + count, sizeof *r->pieces);
    r->count += count;
    return r->pieces + r->count - count;
}

void reply_add_copy(reply *r, ov_str piece)
{
    reply_add(r, ov_json_arena_copy(&r->arena, piece));
}

void reply_text(const reply *r, ov_buf *out)
{
    for (size_t i = 0; i < r->count; i++) ov_buf_append_str(out, r->pieces[i]);
}

void reply_send(reply *r, ov_http_answer *a)
{
    a->pieces = r->pieces;
    a->piece_count = r->count;
    a->release = reply_free;
    a->owner = r;
}
