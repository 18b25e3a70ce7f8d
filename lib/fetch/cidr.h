/* Address ranges, in bytes. */
#ifndef OV_FETCH_CIDR_H
#define OV_FETCH_CIDR_H

#include <stdbool.h>

/* Whether the first bits of both (16 bytes each, IPv4 as ::ffff:a.b.c.d) are the same. */
bool ov_cidr_within(const unsigned char *address, const unsigned char *net, unsigned bits);

#endif
