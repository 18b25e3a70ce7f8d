/* List: all versions that one thing has upstream, complete, raw, with dates. */
#ifndef OPVIC_PROTO_LIST_H
#define OPVIC_PROTO_LIST_H

#include "base/buf.h"
#include "base/clock.h"
#include "json/fields.h"

enum {
    LIST_VERSIONS_MAX = 200000,
    LIST_VERSION_BYTES_MAX = 512,
    LIST_CYCLE_BYTES_MAX = 128,
    LIST_BYTES_MAX = 64 * 1024 * 1024
};

typedef struct {
    ov_str version;     /* as upstream spells it: a tag, a chart's version; empty: its cycle has none yet */
    ov_str app_version; /* charts alone */
    int64_t date_s;     /* Unix seconds; 0: unknown */
    bool prerelease;    /* upstream says so */
    bool deprecated;
    /* Products of endoflife.date alone: the release line whose latest version this is. */
    ov_str cycle;
    int64_t eol_s; /* when the cycle's life ends, Unix seconds; 0: no date is known */
    bool is_eol;   /* it has ended, says upstream */
} list_version;

typedef struct {
    ov_str source, list;
    bool truncated;         /* a cap was reached: it holds all that the one before held, and what else was found */
    list_version *versions; /* in upstream's order */
    size_t count;
    ov_json_arena arena;
} list;
OV_MUST_CHECK ov_status list_decode(ov_str body, list *ret, ov_err *err);
void list_clear(list *l);
void list_encode(const list *l, ov_buf *out);

#endif
