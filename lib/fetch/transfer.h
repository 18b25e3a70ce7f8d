/* One request with its redirects on its way: what curl calls back, its limits, and how it ended. */
#ifndef OV_FETCH_TRANSFER_H
#define OV_FETCH_TRANSFER_H

#include "base/clock.h"
#include "deflate/deflate.h"
#include "fetch/compat.h"
#include "fetch/fetch.h"
#include "fetch/headers.h"
#include "fetch/proxy.h"
#include "fetch/tls.h"
#include "fetch/url.h"

/* What all transfers of one client share. */
typedef struct {
    char *user_agent, *ca_file; /* ca_file NULL: the system's */
    ov_proxy_env proxy;
} ov_transfer_defaults;

typedef struct ov_transfer {
    const ov_transfer_defaults *defaults;
    ov_fetch_request q;
    bool pull; /* bytes wait in buffer for a reader; else they go to q.on_body */
    void (*done)(void *arg, const ov_fetch_result *result); /* for a loop */
    void *done_arg;

    CURL *easy;
    struct curl_slist *headers;
    ov_tls_held tls;
    char named[OV_URL_HOST_MAX]; /* the Host header, when curl asks for another name */
    char curl_text[CURL_ERROR_SIZE];
    char url[OV_URL_MAX + 1];
    ov_url_parts parts;              /* of url */
    bool proxied, foreign, bodyless; /* foreign: at another origin than asked; bodyless: a redirect made it a GET */
    unsigned redirects;
    char refused[64]; /* the address that was refused */

    ov_head head;
    size_t head_bytes; /* of all lines of this hop, interim answers' too */
    bool head_done, connected, paused, finished;
    bool decodes;      /* we asked for gzip and unpack it; curl would take one that is cut off for whole */
    ov_gunzip *gunzip; /* NULL until a body that is packed begins */
    ov_buf buffer;     /* as it came */
    size_t taken;      /* of buffer */
    int64_t moved;     /* bytes that curl told of last */
    ov_mono started, progress;
    ov_fetch_result result;
    struct ov_transfer *next;
} ov_transfer;

/* easy is ready to be added to a multi unless finished is set already (a bad URL, a bad header). */
void ov_transfer_init(ov_transfer *t, const ov_transfer_defaults *d, const ov_fetch_request *q, bool pull);
void ov_transfer_clear(ov_transfer *t);
/* curl is done with one hop. true: a redirect was followed, easy is to be added again; false: finished. */
bool ov_transfer_hop(ov_transfer *t, CURLcode code);
/* Ends it when a limit of time has passed or the caller's flag is set; easy must then be taken off its multi. */
void ov_transfer_check(ov_transfer *t, ov_mono now);
/* How long nothing needs to be checked, at most most_ms. */
int64_t ov_transfer_quiet_ms(const ov_transfer *t, ov_mono now, int64_t most_ms);
/* Unpacked bytes that wait for a reader, up to max; 0: none, for now or at the end. It may end the transfer. */
size_t ov_transfer_take(ov_transfer *t, char *out, size_t max);
/* Part of the body was not taken. */
bool ov_transfer_is_unread(const ov_transfer *t);
/* Marks the end for a reason of our own. */
void ov_transfer_end(ov_transfer *t, ov_fetch_failure failure, const char *text);

#endif
