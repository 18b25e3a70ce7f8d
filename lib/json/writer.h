/* Writes JSON straight into a buffer: commas and escapes are done here, nothing is built in between. */
#ifndef OV_JSON_WRITER_H
#define OV_JSON_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

enum { OV_JSON_WRITER_DEPTH = 32 };

typedef struct {
    ov_buf *out;
    unsigned depth;
    bool first[OV_JSON_WRITER_DEPTH]; /* per open level: nothing written in it yet */
} ov_json_writer;

static inline ov_json_writer ov_json_writer_on(ov_buf *out)
{
    return (ov_json_writer){.out = out, .first = {true}};
}

/* name is NULL inside arrays and at the top; it must need no escaping (our own member names). */
void ov_json_open_object(ov_json_writer *w, const char *name);
void ov_json_close_object(ov_json_writer *w);
void ov_json_open_array(ov_json_writer *w, const char *name);
void ov_json_close_array(ov_json_writer *w);
void ov_json_write_str(ov_json_writer *w, const char *name, ov_str value); /* bytes that are not UTF-8 become U+FFFD */
void ov_json_write_c(ov_json_writer *w, const char *name, const char *value);
void ov_json_write_i64(ov_json_writer *w, const char *name, int64_t value);
void ov_json_write_bool(ov_json_writer *w, const char *name, bool value);
void ov_json_write_null(ov_json_writer *w, const char *name);
/* value is JSON already, copied verbatim. */
void ov_json_write_raw(ov_json_writer *w, const char *name, ov_str value);
/* A member whose name is foreign text. */
void ov_json_write_member(ov_json_writer *w, ov_str name, ov_str value);

/* The escaped text with its quotes, without a writer. */
void ov_json_quote(ov_buf *out, ov_str value);

#endif
