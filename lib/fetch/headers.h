/* The response headers that a result keeps, gathered line by line. */
#ifndef OV_FETCH_HEADERS_H
#define OV_FETCH_HEADERS_H

#include "fetch/fetch.h"

/* How the body is encoded. */
typedef enum { OV_CODING_NONE, OV_CODING_GZIP, OV_CODING_OTHER } ov_coding;

typedef struct {
    unsigned status;
    bool framed;  /* a length, chunks or HTTP/2 mark the body's end */
    bool located; /* there is a Location */
    bool ended;   /* the empty line came */
    ov_coding coding;
} ov_head;

/* One header line as curl hands it over. A status line begins anew (an interim answer came before). true at the empty
 * line that ends a final head. Values that do not fit are left empty, Link lines join. */
bool ov_head_line(ov_head *h, ov_str line, ov_fetch_result *result);

#endif
