/* Hands certificates and keys to curl out of memory, and asks one address under another's name. */
#include "fetch/tls.h"

#include <stdio.h>

#include "base/poison.h"

void ov_tls_held_clear(ov_tls_held *h)
{
    ov_secret_free(h->key);
    curl_slist_free_all(h->connect_to);
    *h = (ov_tls_held){0};
}

static void set_blob(CURL *easy, CURLoption option, ov_str pem, unsigned flags)
{
    /* curl does not write to it. */
    struct curl_blob blob = {.data = (void *)(uintptr_t)pem.ptr, .len = pem.len, .flags = flags};
    curl_easy_setopt(easy, option, &blob);
}

/* An https proxy is trusted as the target is. */
static void set_trust(CURL *easy, const ov_fetch_tls *tls)
{
    long verify = !tls->insecure;
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, verify);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2 * verify);
    curl_easy_setopt(easy, CURLOPT_PROXY_SSL_VERIFYPEER, verify);
    curl_easy_setopt(easy, CURLOPT_PROXY_SSL_VERIFYHOST, 2 * verify);
    if (!tls->ca.len) return;
    set_blob(easy, CURLOPT_CAINFO_BLOB, tls->ca, CURL_BLOB_COPY);
    set_blob(easy, CURLOPT_PROXY_CAINFO_BLOB, tls->ca, CURL_BLOB_COPY);
    /* Debian's curl has the system's folder of certificates as its default, and would trust those too. */
    curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    curl_easy_setopt(easy, CURLOPT_PROXY_CAPATH, NULL);
}

/* curl frees what it copied as it is: the key is copied here, where it is wiped. */
static void set_identity(CURL *easy, const ov_fetch_tls *tls, ov_tls_held *held)
{
    if (!tls->cert.len || !tls->key.len) return;
    if (!held->key) held->key = ov_secret_new(tls->key);
    set_blob(easy, CURLOPT_SSLCERT_BLOB, tls->cert, CURL_BLOB_COPY);
    set_blob(easy, CURLOPT_SSLKEY_BLOB, ov_secret_text(held->key), CURL_BLOB_NOCOPY);
}

static bool is_name(const char *name)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._:";
    size_t len = strspn(name, allowed);
    return len > 0 && name[len] == '\0';
}

static const char *bracket(const char *host, const char *which)
{
    return strchr(host, ':') ? which : "";
}

static bool set_name(CURL *easy, const ov_fetch_tls *tls, const char *url, const ov_url_parts *target,
                     ov_tls_held *held, char host[static OV_URL_HOST_MAX])
{
    char named[OV_URL_MAX + 1], connect_to[OV_URL_HOST_MAX + 2];
    if (!is_name(tls->server_name) || !ov_url_with_host(url, tls->server_name, named, sizeof named)) return false;
    const char *name = target->host;
    snprintf(host, OV_URL_HOST_MAX, "%s%s%s:%s", bracket(name, "["), name, bracket(name, "]"), target->port);
    snprintf(connect_to, sizeof connect_to, "::%s", host);
    if (!held->connect_to) held->connect_to = curl_slist_append(NULL, connect_to);
    curl_easy_setopt(easy, CURLOPT_CONNECT_TO, held->connect_to);
    curl_easy_setopt(easy, CURLOPT_URL, named);
    return held->connect_to != NULL;
}

bool ov_tls_set(CURL *easy, const ov_fetch_tls *tls, const char *url, const ov_url_parts *target, ov_tls_held *held,
                char host[static OV_URL_HOST_MAX])
{
    host[0] = '\0';
    set_trust(easy, tls);
    set_identity(easy, tls, held);
    return !tls->server_name || set_name(easy, tls, url, target, held, host);
}
