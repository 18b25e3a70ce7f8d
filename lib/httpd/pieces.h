/* Answers made of several pieces of memory. */
#ifndef OV_HTTPD_PIECES_H
#define OV_HTTPD_PIECES_H

#include "httpd/compat.h"
#include "httpd/httpd.h"

/* The response takes the answer's release. NULL, and nothing taken, when the library refuses. */
struct MHD_Response *ov_http_pieces_response(ov_http_answer *a);

#endif
