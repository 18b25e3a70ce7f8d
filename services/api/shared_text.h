/* Shared text: bytes that several answers show; freed with the last reference. */
#ifndef OPVIC_API_SHARED_TEXT_H
#define OPVIC_API_SHARED_TEXT_H

#include <stdatomic.h>

#include "base/str.h"

/* Immutable and shared by threads. */
typedef struct {
    atomic_uint refs;
    size_t len;
    char bytes[];
} shared_text;

/* A copy; the caller owns one reference. */
shared_text *shared_text_new(ov_str text);
shared_text *shared_text_ref(shared_text *t); /* NULL is fine */
void shared_text_unref(shared_text *t);       /* NULL is fine */
ov_str shared_text_of(const shared_text *t);  /* NULL: empty */

#endif
