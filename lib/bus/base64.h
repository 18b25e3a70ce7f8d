/* Base64 with padding (RFC 4648), as the JetStream API wraps stored bytes. */
#ifndef OV_BUS_BASE64_H
#define OV_BUS_BASE64_H

#include "base/buf.h"

/* Appends the bytes; false for text that is not base64 or does not fit. */
bool ov_bus_base64_decode(ov_str text, ov_buf *out);

#endif
