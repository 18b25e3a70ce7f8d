/* Texts that are kept once, however many refer to them: each has a number for as long as somebody does. */
#ifndef OPVIC_COLLECTOR_TEXTS_H
#define OPVIC_COLLECTOR_TEXTS_H

#include "base/str.h"

typedef struct text_item text_item;

/* Zero is empty. What is dropped leaves no trace: numbers and memory serve again. */
typedef struct {
    text_item *items; /* by number - 1 */
    size_t count, cap;
    uint32_t free;   /* the first number that serves again; 0: none */
    uint32_t *slots; /* a hash table of numbers */
    size_t slot_count;
    size_t kept; /* texts that somebody refers to */
} texts;

/* However many references there are. */
void texts_clear(texts *t);
/* The number of the text, which is never 0, or 0 when it is not kept. Takes no reference. */
uint32_t texts_find(const texts *t, ov_str text);
/* Takes a reference; the text is copied when it is not kept yet. */
uint32_t texts_add(texts *t, ov_str text);
/* Takes another reference to a number that has one. */
void texts_hold(texts *t, uint32_t number);
/* Gives a reference back; 0 is passed over. */
void texts_drop(texts *t, uint32_t number);
/* The text, terminated, valid as long as it is kept; 0 gives {NULL, 0}. */
ov_str texts_get(const texts *t, uint32_t number);

#endif
