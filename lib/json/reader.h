/* A pull reader over JSON that is whole in memory: no tree, no copies, strict RFC 8259, bounded depth. */
#ifndef OV_JSON_READER_H
#define OV_JSON_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/status.h"
#include "base/str.h"

enum { OV_JSON_DEPTH_MAX = 64 };

typedef enum {
    OV_JSON_END, /* the document ended (only space followed the value) */
    OV_JSON_OBJECT,
    OV_JSON_OBJECT_END,
    OV_JSON_ARRAY,
    OV_JSON_ARRAY_END,
    OV_JSON_NAME, /* a member's name; its value is the next token */
    OV_JSON_STRING,
    OV_JSON_NUMBER,
    OV_JSON_TRUE,
    OV_JSON_FALSE,
    OV_JSON_NULL
} ov_json_type;

typedef struct {
    ov_json_type type;
    ov_str raw;   /* the token as it stands; for strings and names without the quotes */
    bool escaped; /* raw holds backslashes: ov_json_unescape makes the text */
    size_t at;    /* the token's place in the document, bytes (of the quote for strings) */
} ov_json_token;

/* Caller-owned, on the stack; the text must outlive it. */
typedef struct {
    ov_str text;
    size_t at;
    unsigned depth;
    unsigned char stack[OV_JSON_DEPTH_MAX]; /* 'o' or 'a' per open level */
    unsigned char expect;
} ov_json_reader;

void ov_json_reader_init(ov_json_reader *r, ov_str text);
/* The next token. OV_INVALID: "offset N: ..." what was expected; bytes that are not UTF-8, a \u0000 or a lone
 * surrogate, text after the value, and more than OV_JSON_DEPTH_MAX levels are refused. */
OV_MUST_CHECK ov_status ov_json_next(ov_json_reader *r, ov_json_token *ret, ov_err *err);
/* With the reader before a value: passes it and gives its exact bytes. */
OV_MUST_CHECK ov_status ov_json_skip(ov_json_reader *r, ov_str *ret_raw, ov_err *err);
/* Inside an array: *ret_more says whether another element stands ahead (the reader is then before it); at the end of
 * the array its token is consumed. OV_INVALID as ov_json_next. */
OV_MUST_CHECK ov_status ov_json_more(ov_json_reader *r, bool *ret_more, ov_err *err);

/* The text of a string or name token, appended to out. Never fails on tokens that the reader returned. */
void ov_json_unescape(const ov_json_token *t, ov_buf *out);
/* Compares the text of a string or name token without copying. */
bool ov_json_token_is(const ov_json_token *t, ov_str text);
/* An integer token (no fraction or exponent) within the range; OV_INVALID otherwise. */
OV_MUST_CHECK ov_status ov_json_token_i64(const ov_json_token *t, int64_t *ret, ov_err *err);

#endif
