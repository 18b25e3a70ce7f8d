/* One row a message: decodes a body and encodes it again, as a service would. */
#ifndef OPVIC_TESTS_CONTRACT_CODECS_H
#define OPVIC_TESTS_CONTRACT_CODECS_H

#include "base/buf.h"

typedef struct {
    const char *message; /* name of its schema and folder of fixtures */
    /* Appends the body written anew; OV_INVALID when it is refused. */
    ov_status (*round)(ov_str body, ov_buf *out, ov_err *err);
} codec;

/* NULL when there is no such message. */
const codec *codec_find(const char *message);

#endif
