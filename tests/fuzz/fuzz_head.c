/* Heads of answers from foreign servers, line by line: what is kept of them ends within its place. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "fetch/headers.h"

#include "base/poison.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const char *text, size_t size)
{
    if (strnlen(text, size) >= size) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    OV_CLEANUP(ov_free_p) ov_fetch_result *r = ov_alloc(sizeof *r);
    memset(r, 'x', sizeof *r); /* a status line empties what is kept */
    ov_head h = {0};
    ov_str rest = {(const char *)data, size}, line;
    (void)ov_head_line(&h, OV_STR("HTTP/1.1 200 OK\r\n"), r);
    while (ov_str_split(&rest, '\n', &line)) {
        bool ended = ov_head_line(&h, line, r);
        if (ended != (h.ended && h.status >= 200 && ov_str_trim(line).len == 0)) abort();
    }
    check_text(r->etag, sizeof r->etag);
    check_text(r->last_modified, sizeof r->last_modified);
    check_text(r->content_type, sizeof r->content_type);
    check_text(r->link, sizeof r->link);
    check_text(r->www_authenticate, sizeof r->www_authenticate);
    check_text(r->retry_after, sizeof r->retry_after);
    check_text(r->date, sizeof r->date);
    check_text(r->total, sizeof r->total);
    check_text(r->ratelimit_remaining, sizeof r->ratelimit_remaining);
    check_text(r->ratelimit_reset, sizeof r->ratelimit_reset);
    return 0;
}
