/* Reply: an answer as pieces of a view, which it holds until the last byte is sent. */
#ifndef OPVIC_API_REPLY_H
#define OPVIC_API_REPLY_H

#include "httpd/httpd.h"
#include "services/api/view.h"

typedef struct {
    ov_str *pieces;
    size_t count, cap;
    view *view;          /* one reference; may be NULL */
    ov_json_arena arena; /* texts that are the reply's own */
} reply;

/* Takes over the reference. */
reply *reply_new(view *v);
void reply_free(void *r);               /* as ov_http_answer's release wants it */
void reply_add(reply *r, ov_str piece); /* lives as long as the view, or for ever */
/* Room for count pieces that the caller fills in. */
ov_str *reply_extend(reply *r, size_t count);
void reply_add_copy(reply *r, ov_str piece); /* is copied */
#define REPLY_LITERAL(r, text) reply_add((r), OV_STR(text))
/* All pieces as one text (tests compare it). */
void reply_text(const reply *r, ov_buf *out);
/* The answer owns the reply from now on. */
void reply_send(reply *r, ov_http_answer *a);

#endif
