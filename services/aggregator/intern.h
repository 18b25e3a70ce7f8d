/* Intern: each text once, named by a 32-bit id and counted, so that a million records can share it. */
#ifndef OPVIC_AGGREGATOR_INTERN_H
#define OPVIC_AGGREGATOR_INTERN_H

#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

/* 0 is the empty text; it is never counted. */
typedef uint32_t text_id;
typedef struct intern intern;

intern *intern_new(void);
void intern_free(intern *in);
/* The text's id with one more reference, which the caller gives back with intern_drop. */
text_id intern_hold(intern *in, ov_str text);
/* One more reference to a held id; returns it. */
text_id intern_share(intern *in, text_id id);
void intern_drop(intern *in, text_id id);
/* Puts what text says into *slot, giving back what stood there; true when it changed. */
bool intern_set(intern *in, text_id *slot, ov_str text);
/* Valid while the id is held; terminated. */
ov_str intern_text(const intern *in, text_id id);
size_t intern_count(const intern *in);

#endif
