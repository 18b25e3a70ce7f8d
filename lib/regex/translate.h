/* Go's regular expression syntax to PCRE2's; inside lib/regex alone. */
#ifndef OV_REGEX_TRANSLATE_H
#define OV_REGEX_TRANSLATE_H

#include "base/buf.h"
#include "base/status.h"
#include "base/str.h"

enum { OV_RE_LOOPS_MAX = 255 }; /* PCRE2 numbers its callouts so far */

/* Names in the PCRE2 pattern, a letter and a number from 1 on: Go's groups, the places where a loop was entered, the
 * places where its current round began. */
#define OV_RE_NAME "%c%zu"
enum { OV_RE_GROUP = 'g', OV_RE_ENTRY = 'e', OV_RE_ROUND = 'r' };

typedef struct {
    ov_buf pattern; /* for PCRE2_UTF, newline LF and no other option that changes meaning */
    ov_str *names;  /* of Go's groups, empty for the unnamed; views into what was translated */
    size_t name_count;
    size_t loops; /* callout i stands at the end of loop i's round */
} ov_translation;

/* Fills *ret, which the caller clears in any case. OV_INVALID says what Go would refuse.
 * PCRE2 leaves a loop once a round matched nothing; in Go such a round, unless it is the first, does not happen. So
 * each loop whose round can match nothing gets a callout at its end, which is to fail when the round is empty and began
 * elsewhere than the loop was entered. (Go counts the first min rounds of x{min,} as first.) */
OV_MUST_CHECK ov_status ov_regex_translate(ov_str pattern, ov_translation *ret, ov_err *err);
void ov_translation_clear(ov_translation *t);

#endif
