/* Git's pkt-lines, cut from a stream as it arrives. https://git-scm.com/docs/protocol-common#_pkt_line_format */
#ifndef OPVIC_FETCHER_PKTLINE_H
#define OPVIC_FETCHER_PKTLINE_H

#include "services/fetcher/provider.h"

enum { PKTLINE_BYTES_MAX = 65520 }; /* with its four digits */

typedef enum {
    PKTLINE_DATA,
    PKTLINE_FLUSH,        /* 0000 */
    PKTLINE_DELIMITER,    /* 0001 */
    PKTLINE_RESPONSE_END, /* 0002 */
    PKTLINE_END           /* the stream's, between two lines */
} pktline_type;

typedef struct {
    provider_read read;
    void *arg;
    char *bytes; /* PKTLINE_BYTES_MAX of them */
    size_t begin, end;
} pktline_reader;
/* pktline_clear frees. */
void pktline_init(pktline_reader *r, provider_read read, void *arg);
void pktline_clear(pktline_reader *r);
/* The next line; of a PKTLINE_DATA *ret_data is its data without a line feed at the end, valid until the next call.
 * OV_INVALID: what comes is no pkt-line, ends within one, or is git's "ERR ...", whose text is in err. The status of
 * read when that failed. */
OV_MUST_CHECK ov_status pktline_next(pktline_reader *r, pktline_type *ret, ov_str *ret_data, ov_err *err);

#endif
