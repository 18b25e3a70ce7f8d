/* Takes URLs apart and resolves them by curl's own parser, so that what is judged is what is asked. */
#include "fetch/url.h"

#include <curl/curl.h>
#include <stdio.h>
#include <strings.h>

#include "base/mem.h"
#include "base/status.h"
#include "fetch/fetch.h"
#include "base/poison.h"

static void url_cleanup_p(CURLU **u)
{
    curl_url_cleanup(*u);
}

static void curl_text_p(char **text)
{
    curl_free(*text);
}

static bool part(CURLU *u, CURLUPart what, unsigned flags, char *out, size_t size)
{
    OV_CLEANUP(curl_text_p) char *text = NULL;
    if (curl_url_get(u, what, &text, flags) != CURLUE_OK) return false;
    int n = snprintf(out, size, "%s", text);
    return n >= 0 && (size_t)n < size;
}

static void strip_brackets(char *host)
{
    size_t len = strlen(host);
    if (len < 2 || host[0] != '[' || host[len - 1] != ']') return;
    memmove(host, host + 1, len - 2);
    host[len - 2] = '\0';
}

static void show(CURLU *u, char *out, size_t size)
{
    curl_url_set(u, CURLUPART_USER, NULL, 0);
    curl_url_set(u, CURLUPART_PASSWORD, NULL, 0);
    curl_url_set(u, CURLUPART_QUERY, NULL, 0);
    curl_url_set(u, CURLUPART_FRAGMENT, NULL, 0);
    (void)part(u, CURLUPART_URL, 0, out, size);
}

bool ov_url_split(const char *url, ov_url_parts *ret)
{
    if (!url || strlen(url) > OV_URL_MAX) return false;
    OV_CLEANUP(url_cleanup_p) CURLU *u = curl_url();
    if (!u || curl_url_set(u, CURLUPART_URL, url, 0) != CURLUE_OK) return false;
    ov_url_parts p = {0};
    char scheme[8];
    if (!part(u, CURLUPART_SCHEME, 0, scheme, sizeof scheme)) return false;
    p.https = strcasecmp(scheme, "https") == 0;
    if (!p.https && strcasecmp(scheme, "http") != 0) return false;
    if (!part(u, CURLUPART_HOST, 0, p.host, sizeof p.host) || p.host[0] == '\0') return false;
    if (!part(u, CURLUPART_PORT, CURLU_DEFAULT_PORT, p.port, sizeof p.port)) return false;
    strip_brackets(p.host);
    show(u, p.shown, sizeof p.shown);
    *ret = p;
    return true;
}

bool ov_url_same_origin(const ov_url_parts *a, const ov_url_parts *b)
{
    return a->https == b->https && strcasecmp(a->host, b->host) == 0 && strcmp(a->port, b->port) == 0;
}

bool ov_fetch_same_origin(const char *a, const char *b)
{
    ov_url_parts x, y;
    return ov_url_split(a, &x) && ov_url_split(b, &y) && ov_url_same_origin(&x, &y);
}

bool ov_url_resolve(ov_str base, ov_str target, char *out, size_t size)
{
    if (base.len > OV_URL_MAX || target.len == 0 || target.len > OV_URL_MAX) return false;
    OV_CLEANUP(ov_free_p) char *from = ov_dup(base);
    OV_CLEANUP(ov_free_p) char *to = ov_dup(target);
    OV_CLEANUP(url_cleanup_p) CURLU *u = curl_url();
    if (!u || curl_url_set(u, CURLUPART_URL, from, 0) != CURLUE_OK) return false;
    if (curl_url_set(u, CURLUPART_URL, to, 0) != CURLUE_OK) return false;
    return part(u, CURLUPART_URL, 0, out, size);
}

bool ov_url_with_host(const char *url, const char *host, char *out, size_t size)
{
    char bracketed[OV_URL_HOST_MAX];
    bool v6 = strchr(host, ':') != NULL;
    int n = snprintf(bracketed, sizeof bracketed, "%s%s%s", v6 ? "[" : "", host, v6 ? "]" : "");
    OV_CLEANUP(url_cleanup_p) CURLU *u = curl_url();
    if (n < 0 || (size_t)n >= sizeof bracketed || !u || curl_url_set(u, CURLUPART_URL, url, 0) != CURLUE_OK)
        return false;
    return curl_url_set(u, CURLUPART_HOST, bracketed, 0) == CURLUE_OK && part(u, CURLUPART_URL, 0, out, size);
}
