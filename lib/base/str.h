/* A piece of foreign text: pointer and length, not terminated, not owned. */
#ifndef OV_BASE_STR_H
#define OV_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct {
    const char *ptr; /* may be NULL when len is 0 */
    size_t len;
} ov_str;

#define OV_STR(literal) ((ov_str){.ptr = "" literal, .len = sizeof(literal) - 1})
/* For printf: "%.*s", OV_STR_ARG(s) */
#define OV_STR_ARG(s) (int)(s).len, ((s).ptr ? (s).ptr : "")

static inline ov_str ov_str_of(const char *c)
{
    return (ov_str){.ptr = c, .len = c ? strlen(c) : 0};
}

static inline bool ov_str_eq(ov_str a, ov_str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* Order of unsigned bytes; a prefix is below what it begins. <0, 0, >0. */
int ov_str_cmp(ov_str a, ov_str b);
bool ov_str_eq_ignore_case(ov_str a, ov_str b); /* ASCII letters alone */
bool ov_str_starts(ov_str s, ov_str prefix);
bool ov_str_ends(ov_str s, ov_str suffix);
/* The first place of c at or after from, or s.len. */
size_t ov_str_find(ov_str s, char c, size_t from);
ov_str ov_str_sub(ov_str s, size_t from, size_t to); /* clamped to the text */
ov_str ov_str_trim(ov_str s);                        /* ASCII space, \t \r \n off both ends */

/* Cuts the text before the next sep off *rest and returns it; *rest moves behind sep (empty at the end).
 * false when *rest was exhausted (its ptr is then NULL). */
bool ov_str_split(ov_str *rest, char sep, ov_str *ret_part);

/* A whole decimal number without sign, space or overflow; false otherwise. */
bool ov_str_to_u64(ov_str s, uint64_t *ret);

/* Well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms). */
bool ov_str_is_utf8(ov_str s);
/* The bytes of the well-formed UTF-8 character that begins at at: 1 to 4; 0 when none does, or at the end. */
size_t ov_str_rune_length(ov_str s, size_t at);

uint64_t ov_str_hash(ov_str s); /* for tables in memory; not stable across releases */

#endif
