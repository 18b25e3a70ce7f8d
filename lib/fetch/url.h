/* The pieces of an http or https URL that decisions are made on, taken apart by curl's own parser. */
#ifndef OV_FETCH_URL_H
#define OV_FETCH_URL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

enum { OV_URL_MAX = 2047, OV_URL_HOST_MAX = 272 /* "[host]:port" with its terminator */ };

typedef struct {
    bool https;
    char host[256]; /* without brackets, an IPv4 address in its usual form */
    char port[8];
    char shown[200]; /* for people: no user, no query, cut */
} ov_url_parts;
/* false: malformed, too long, or neither http nor https. */
bool ov_url_split(const char *url, ov_url_parts *ret);
bool ov_url_same_origin(const ov_url_parts *a, const ov_url_parts *b);
/* target against base (RFC 3986, section 5); false when malformed or longer than out. */
bool ov_url_resolve(ov_str base, ov_str target, char *out, size_t size);
/* url with another host, port and all else as they are; an IPv6 address comes without brackets. */
bool ov_url_with_host(const char *url, const char *host, char *out, size_t size);

#endif
