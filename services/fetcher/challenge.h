/* Reads WWW-Authenticate: how a server wants to be shown who asks. */
#ifndef OPVIC_FETCHER_CHALLENGE_H
#define OPVIC_FETCHER_CHALLENGE_H

#include <stdbool.h>

#include "base/str.h"

enum { CHALLENGE_REALM_BYTES = 1024, CHALLENGE_VALUE_BYTES = 1024 };

typedef struct {
    bool basic;                        /* Basic is among the challenges */
    bool bearer;                       /* so is Bearer, and the first that has a realm says: */
    char realm[CHALLENGE_REALM_BYTES]; /* where tokens are given; visible ASCII alone */
    char service[CHALLENGE_VALUE_BYTES], scope[CHALLENGE_VALUE_BYTES]; /* or empty */
} challenge;

/* header: the values of all its lines, joined by commas (RFC 9110, section 11.6.1). What cannot be read is passed over,
 * what is too long or holds other than printable ASCII makes its challenge count for nothing. false: neither Basic nor
 * Bearer. */
bool challenge_parse(ov_str header, challenge *ret);

#endif
