/* Go's regular expressions and templates on PCRE2: the same patterns are accepted, the same text comes out, in bounded
 * time. Rules: https://pkg.go.dev/regexp/syntax and Regexp.Expand.
 * Where ours departs: \p{} follows PCRE2's Unicode version and takes script names of several words (Old_Italic) as the
 * documentation says; with (?i) \p{Lu}, \p{Ll} and \p{Lt} are every cased letter; in x{min,} where x can match nothing,
 * groups may show another of its rounds; bytes that are not UTF-8 match nothing. */
#ifndef OV_REGEX_REGEX_H
#define OV_REGEX_REGEX_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/status.h"

enum {
    OV_REGEX_PATTERN_MAX = 4096,    /* bytes */
    OV_REGEX_MATCH_LIMIT = 100000,  /* steps of a match that can begin at one place alone; a step takes some 50 ns */
    OV_REGEX_PLACE_LIMIT = 2048,    /* steps for each place where a match may begin, */
    OV_REGEX_TOTAL_LIMIT = 1 << 20, /* and more as long as all places together take no more than this */
    OV_REGEX_HEAP_KIB = 1024,       /* PCRE2 heap limit */
    OV_REGEX_RESULT_MAX = 64 * 1024 /* bytes of an expanded template */
};

/* Immutable after compilation: may be shared by threads (each match has its own match data). */
typedef struct ov_regex ov_regex;

/* OV_INVALID: "regex \"...\": ..." what Go would refuse, or what PCRE2 refused. */
OV_MUST_CHECK ov_status ov_regex_compile(ov_str pattern, ov_regex **ret, ov_err *err);
void ov_regex_free(ov_regex *re);
void ov_regex_free_p(ov_regex **re);

/* First match of the pattern in content, expanded by Go's template rules and appended to out; *ret_matched says whether
 * there was one. OV_FAILED when a limit stopped the match ("regex \"...\": too much work on ..."). */
OV_MUST_CHECK ov_status ov_regex_expand(const ov_regex *re, ov_str tmpl, ov_str content, ov_buf *out, bool *ret_matched,
                                        ov_err *err);
/* The same; adds to *work the steps that it took at most. A caller that applies one pattern to many texts bounds the
 * sum. */
OV_MUST_CHECK ov_status ov_regex_expand_counted(const ov_regex *re, ov_str tmpl, ov_str content, ov_buf *out,
                                                bool *ret_matched, size_t *work, ov_err *err);

#endif
