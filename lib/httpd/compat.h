/* What differs between libmicrohttpd 0.9.75 and 1.0; nothing else in this folder asks for a version. */
#ifndef OV_HTTPD_COMPAT_H
#define OV_HTTPD_COMPAT_H

#include <microhttpd.h>

/* Refuse what only sloppy clients send, where the library knows how: 1.0 renamed the option and moved its zero to the
 * loose side. The checks that matter for security (lengths, hosts, versions) are ours, for both. */
#if MHD_VERSION >= 0x01000000
#define OV_MHD_STRICTNESS MHD_OPTION_CLIENT_DISCIPLINE_LVL, 1
#else
#define OV_MHD_STRICTNESS MHD_OPTION_STRICT_FOR_CLIENT, 0
#endif

#endif
