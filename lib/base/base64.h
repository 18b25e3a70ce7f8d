/* Base64 with padding (RFC 4648, section 4). */
#ifndef OV_BASE_BASE64_H
#define OV_BASE_BASE64_H

#include "base/buf.h"

/* Appends the bytes; false for text that is not base64 or does not fit. */
bool ov_base64_decode(ov_str text, ov_buf *out);
/* Appends the text of the bytes. */
void ov_base64_encode(ov_str bytes, ov_buf *out);

#endif
