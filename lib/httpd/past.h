/* Answers that go past the library, where it takes none: a request that is not whole, a body that is not read. */
#ifndef OV_HTTPD_PAST_H
#define OV_HTTPD_PAST_H

#include "httpd/exchange.h"

/* Writes the answer with Connection: close to a descriptor on which the library has sent nothing for this request and
 * does not any more; takes what it owns. Who does not read gets none. */
void ov_http_past_send(const ov_httpd *h, int fd, ov_http_answer *a);

#endif
