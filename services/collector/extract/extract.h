/* One object in, the version it runs out, or the reason why there is none. */
#ifndef OPVIC_COLLECTOR_EXTRACT_H
#define OPVIC_COLLECTOR_EXTRACT_H

#include "tracker.h"

enum {
    EXTRACT_VALUE_MAX = 4096,  /* bytes of the value that a version is taken from */
    EXTRACT_VERSION_MAX = 1024 /* bytes of a version */
};

typedef enum {
    EXTRACT_FINE,
    EXTRACT_NOT_FOUND,   /* the field is absent or null, or the path does not fit the object */
    EXTRACT_NOT_ONE,     /* no value or several */
    EXTRACT_NOT_IMAGE,   /* ImageTag on what is not an image reference */
    EXTRACT_DIGEST_ONLY, /* an image reference that names a digest and no tag */
    EXTRACT_NOT_MATCHED, /* no tag, or the pattern does not match */
    EXTRACT_EMPTY,       /* the pattern matched, the result is the empty text */
    EXTRACT_TOO_LONG,
    EXTRACT_LIMIT /* the path or the pattern needed too much work */
} extract_outcome;
/* "fine", "notFound", "digestOnly", ...; static. */
const char *extract_outcome_name(extract_outcome outcome);

/* Both buffers are the caller's, made with the maxima above; they are reset first, so that they can serve many objects.
 * from: the full value (extractedFrom), also where the extraction failed later on; version: set with EXTRACT_FINE
 * alone. Otherwise err says what was wrong with which value. */
OV_MUST_CHECK extract_outcome extract_version(const tracker_spec *t, const cJSON *object, ov_buf *version, ov_buf *from,
                                              ov_err *err);

#endif
