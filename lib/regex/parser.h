/* What the parts of the translation from Go's syntax to PCRE2's share; inside lib/regex alone. */
#ifndef OV_REGEX_PARSER_H
#define OV_REGEX_PARSER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/status.h"
#include "base/str.h"

enum { OV_RE_FOLD = 1, OV_RE_LINES = 2, OV_RE_DOT_ALL = 4, OV_RE_LAZY = 8 }; /* (?i) (?m) (?s) (?U) */
enum { OV_RE_RUNE_MAX = 0x10FFFF };

/* The concatenation being read. An atom is what a repetition would apply to. */
typedef struct {
    size_t atom;     /* where it begins in out */
    bool has_atom;   /* false at the beginning and behind | */
    bool bare;       /* the atom takes a quantifier as it stands */
    bool nullable;   /* the atom can match the empty text */
    bool filled;     /* something before the atom cannot */
    uint32_t weight; /* of the atom: the highest product of the counts nested in it */
} ov_re_branch;

/* An open group. */
typedef struct {
    ov_re_branch outer; /* what is continued behind the group */
    size_t begin;       /* of the group in out */
    unsigned flags, written;
    uint32_t weight;      /* the highest of the atoms read so far */
    bool branch_nullable; /* of the alternatives read so far one can match the empty text */
} ov_re_group;

typedef struct {
    ov_str src;
    size_t at;
    ov_buf out;       /* the PCRE2 pattern so far */
    unsigned flags;   /* as Go's text has them here */
    unsigned written; /* OV_RE_FOLD and OV_RE_DOT_ALL as out has them here */
    ov_re_branch branch;
    uint32_t weight; /* of the current level, as is the next */
    bool branch_nullable;
    bool repeated; /* the last thing read was a repetition */
    unsigned loops;
    ov_re_group *open;
    size_t open_count, open_cap;
    ov_str *names; /* of the capturing groups, empty for the unnamed; views into src */
    size_t name_count, name_cap;
    ov_err *err;
} ov_re_parser;

/* "why: text" */
ov_status ov_re_fail(const ov_re_parser *p, const char *why, ov_str text);
/* The source from a place to where the parser stands. */
ov_str ov_re_read_since(const ov_re_parser *p, size_t from);
/* The bytes ahead begin with text. */
bool ov_re_ahead(const ov_re_parser *p, const char *text);
bool ov_re_is_digit(char c);
bool ov_re_is_letter(char c); /* ASCII, as the one above */
/* The next character; the source is UTF-8 and not at its end. */
uint32_t ov_re_rune(ov_re_parser *p);
/* A character behind a backslash (the parser stands on it): \n, \x41, \052, \. */
OV_MUST_CHECK ov_status ov_re_escape(ov_re_parser *p, uint32_t *ret);

/* One character as PCRE2 takes it anywhere. Surrogates, which Go accepts and which match nothing, are not for it. */
void ov_re_write_rune(ov_buf *out, uint32_t c);

/* The parser stands on [: reads the class and writes it. */
OV_MUST_CHECK ov_status ov_re_class(ov_re_parser *p);
/* When a set (\d, \pL) is ahead: reads and writes it, *ret_taken is true. */
OV_MUST_CHECK ov_status ov_re_set(ov_re_parser *p, bool *ret_taken);

/* Unicode's category or script as PCRE2 calls it between the braces of \p{}, or an empty text. Names compare as Go
 * compares them: without case, space, _ and -. */
ov_str ov_re_unicode_name(ov_str name, char *out, size_t size);

#endif
