/* A secret: held in one place, zeroed when freed, never printed. */
#ifndef OV_CRYPTO_SECRET_H
#define OV_CRYPTO_SECRET_H

#include <stddef.h>

#include "base/buf.h"
#include "base/str.h"

typedef struct ov_secret ov_secret;

ov_secret *ov_secret_new(ov_str text);
void ov_secret_free(ov_secret *s); /* zeroes; NULL is fine */
void ov_secret_free_p(ov_secret **s);
/* The text, for a library's door alone (terminated behind len). Valid while s lives; empty for NULL. */
ov_str ov_secret_text(const ov_secret *s);

/* A buffer for secret bytes on their way. All of max is there from the start: one that grows leaves its text behind
 * where it was. */
ov_buf ov_secret_buf(size_t max);
void ov_secret_buf_clear(ov_buf *b); /* zeroes */

#endif
