/* Passes the lexical pieces of JSON text: space, string bodies, numbers; inside lib/json alone. */
#ifndef OV_JSON_SCAN_H
#define OV_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

/* The first byte at or after p that is not JSON's space. */
static inline const char *ov_json_scan_space(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t')) p++;
    return p;
}

/* From behind the opening quote to the closing one, whose place is returned; *escaped is set when a backslash was met.
 * On a fault *why says it and the place of the fault is returned. */
const char *ov_json_scan_string(const char *p, const char *end, bool *escaped, const char **why);

/* From a number's first byte to behind its last; faults as above. */
const char *ov_json_scan_number(const char *p, const char *end, const char **why);

/* The length (1 to 4) of the well-formed UTF-8 sequence at p, 0 when there is none. p < end. */
size_t ov_json_utf8_len(const char *p, const char *end);

/* One unit of a checked string body at *p: a plain byte or a decoded escape, up to 4 bytes into out; *p moves on. */
size_t ov_json_decode_unit(const char **p, char out[4]);

/* The text of a checked string body; out holds at least raw.len bytes. The text's length. */
size_t ov_json_decode(ov_str raw, char *out);

#endif
