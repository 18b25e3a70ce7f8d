/* Lines that stand whole in a piece are given in place; only what a piece leaves half is copied. */
#include "services/collector/kube/lines.h"

#include "base/poison.h"

void kube_lines_init(kube_lines *l)
{
    l->begun = OV_BUF(KUBE_LINE_MAX);
}

void kube_lines_clear(kube_lines *l)
{
    ov_buf_clear(&l->begun);
}

static ov_status give(ov_str line, kube_line each, void *arg, ov_err *err)
{
    line = ov_str_trim(line);
    return line.len > 0 ? each(arg, line, err) : OV_OK;
}

static ov_status give_begun(kube_lines *l, ov_str rest, kube_line each, void *arg, ov_err *err)
{
    ov_buf_append_str(&l->begun, rest);
    ov_status st = ov_buf_finish(&l->begun, "a line of the watch", err);
    if (st == OV_OK) st = give(ov_buf_str(&l->begun), each, arg, err);
    if (l->begun.cap > KUBE_LINE_KEPT_MAX) ov_buf_clear(&l->begun);
    ov_buf_reset(&l->begun);
    return st;
}

ov_status kube_lines_feed(kube_lines *l, ov_str piece, kube_line each, void *arg, ov_err *err)
{
    for (size_t at = 0; at < piece.len;) {
        size_t end = ov_str_find(piece, '\n', at);
        ov_str part = ov_str_sub(piece, at, end);
        at = end + 1;
        ov_status st = OV_OK;
        if (end == piece.len) {
            ov_buf_append_str(&l->begun, part);
            st = ov_buf_finish(&l->begun, "a line of the watch", err);
        } else if (l->begun.len > 0) {
            st = give_begun(l, part, each, arg, err);
        } else {
            st = give(part, each, arg, err);
        }
        if (st != OV_OK) return st;
    }
    return OV_OK;
}
