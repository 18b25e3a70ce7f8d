/* The one place that looks at curl's version. */
#ifndef OV_FETCH_COMPAT_H
#define OV_FETCH_COMPAT_H

#include <curl/curl.h>

/* CURL_WRITEFUNC_ERROR and CURLOPT_QUICK_EXIT. */
#if LIBCURL_VERSION_NUM < 0x075700
#error "libcurl 7.87.0 or newer is needed"
#endif

#endif
