/* One version: parsed, normalised and ordered as go-version 1.9.0 does, made a total order. */
#ifndef OV_VERSION_VERSION_H
#define OV_VERSION_VERSION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/status.h"
#include "base/str.h"

enum { OV_VERSION_TEXT_MAX = 512 /* bytes of a version's text; longer is OV_INVALID */ };

/* One heap block; every pointer leads into it. */
typedef struct {
    uint32_t segment_count;  /* as many as canonical has: at least 3 */
    uint32_t written_count;  /* as many as the text has: 1 for "v3" */
    const int64_t *segments; /* >= 0 */
    ov_str pre;              /* without the dash; empty: a release */
    ov_str meta;             /* without the plus */
    ov_str canonical;        /* "1.2.0-beta+meta" as go-version's String() */
    ov_str original;         /* as it was given */
} ov_version;

/* The caller frees. OV_INVALID: "version \"1.x\": malformed". */
OV_MUST_CHECK ov_status ov_version_parse(ov_str text, ov_version **ret, ov_err *err);
void ov_version_free(ov_version *v);
void ov_version_free_p(ov_version **v);

/* <0, 0, >0; a total order up to metadata, which is ignored. */
int ov_version_compare(const ov_version *a, const ov_version *b);
/* The same over segments alone: missing ones are 0. */
int ov_version_compare_segments(const ov_version *a, const ov_version *b);
/* Segment i, 0 behind the end. */
int64_t ov_version_segment(const ov_version *v, uint32_t i);

/* Sorts ascending, stable, in place. */
void ov_version_sort(const ov_version **versions, size_t count);

#endif
