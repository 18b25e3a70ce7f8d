/* Counts the references of a text. */
#include "services/api/shared_text.h"

#include <stdlib.h>

#include "base/mem.h"

#include "base/poison.h"

shared_text *shared_text_new(ov_str text)
{
    shared_text *t = ov_alloc(sizeof *t + text.len);
    atomic_init(&t->refs, 1);
    t->len = text.len;
    if (text.len) memcpy(t->bytes, text.ptr, text.len);
    return t;
}

shared_text *shared_text_ref(shared_text *t)
{
    if (t) atomic_fetch_add_explicit(&t->refs, 1, memory_order_relaxed);
    return t;
}

void shared_text_unref(shared_text *t)
{
    if (t && atomic_fetch_sub_explicit(&t->refs, 1, memory_order_acq_rel) == 1) free(t);
}

ov_str shared_text_of(const shared_text *t)
{
    return t ? (ov_str){t->bytes, t->len} : (ov_str){0};
}
