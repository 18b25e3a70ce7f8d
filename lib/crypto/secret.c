/* Keeps a secret's only copy and wipes it before the memory goes back. */
#include "crypto/secret.h"

#include <stdlib.h>

#include <openssl/crypto.h>

#include "base/mem.h"
#include "base/poison.h"

struct ov_secret {
    size_t len;
    char text[]; /* terminated */
};

ov_secret *ov_secret_new(ov_str text)
{
    ov_secret *s = ov_zalloc(sizeof *s + text.len + 1);
    s->len = text.len;
    if (text.len) memcpy(s->text, text.ptr, text.len);
    return s;
}

void ov_secret_free(ov_secret *s)
{
    if (!s) return;
    OPENSSL_cleanse(s->text, s->len); /* unlike memset, not optimised away */
    free(s);
}

void ov_secret_free_p(ov_secret **s)
{
    ov_secret_free(*s);
}

ov_str ov_secret_text(const ov_secret *s)
{
    return s ? (ov_str){.ptr = s->text, .len = s->len} : OV_STR("");
}

ov_buf ov_secret_buf(size_t max)
{
    ov_buf b = OV_BUF(max);
    (void)ov_buf_extend(&b, max);
    ov_buf_reset(&b);
    return b;
}

void ov_secret_buf_clear(ov_buf *b)
{
    if (b->ptr) OPENSSL_cleanse(b->ptr, b->cap); /* what was reset too */
    ov_buf_clear(b);
}
