/* Image references as container runtimes read them: domain, path, tag, digest.
 * Rules: https://github.com/distribution/reference (ParseNormalizedNamed). */
#ifndef OPVIC_COLLECTOR_IMAGE_H
#define OPVIC_COLLECTOR_IMAGE_H

#include "base/status.h"
#include "base/str.h"

enum {
    IMAGE_TEXT_MAX = 1024, /* bytes of a reference */
    IMAGE_PATH_MAX = 255   /* bytes of the path with its "library/" */
};

/* Views into the text, but for a default domain and the path, which may gain "library/". */
typedef struct {
    ov_str domain; /* "docker.io" where none is written; empty where the first part cannot be a host's name */
    ov_str tag;    /* empty: none */
    ov_str digest; /* "sha256:..."; empty: none */
    size_t path_len;
    char path[IMAGE_PATH_MAX];
} image_ref;

/* OV_INVALID: "image reference \"...\": ..." */
OV_MUST_CHECK ov_status image_parse(ov_str text, image_ref *ret, ov_err *err);
static inline ov_str image_path(const image_ref *ref)
{
    return (ov_str){.ptr = ref->path, .len = ref->path_len};
}

#endif
