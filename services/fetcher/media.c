/* Judges the Content-Type and the first bytes of a page. */
#include "services/fetcher/media.h"

#include "base/poison.h"

static bool holds_ignoring_case(ov_str text, ov_str word)
{
    for (size_t at = 0; at + word.len <= text.len; at++)
        if (ov_str_eq_ignore_case(ov_str_sub(text, at, at + word.len), word)) return true;
    return false;
}

bool media_fits(const provider *p, const char *content_type)
{
    ov_str type = ov_str_of(content_type);
    if (type.len == 0) return true;
    return p->media ? holds_ignoring_case(type, ov_str_of(p->media)) : !holds_ignoring_case(type, OV_STR("html"));
}

bool media_is_markup(media_sniffer *s, ov_str piece)
{
    ov_str mark = OV_STR("\xef\xbb\xbf");
    if (!s->begun && ov_str_starts(piece, mark)) piece = ov_str_sub(piece, mark.len, piece.len);
    piece = ov_str_trim(piece);
    if (!s->begun && piece.len > 0) {
        s->begun = true;
        s->markup = piece.ptr[0] == '<';
    }
    return s->markup;
}
