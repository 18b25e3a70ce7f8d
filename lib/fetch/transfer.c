/* Sets one hop up, takes in what curl calls back, follows redirects and judges the end. */
#include "fetch/transfer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "base/poison.h"

enum {
    CONNECT_MS = 10000,
    PULL_BYTES = 256 * 1024, /* that wait for a reader before curl is paused */
    STOP_POLL_MS = 200,
    PIECE_BYTES = 16 * 1024,
    OWN_HEADER_MAX = 16 * 1024,
    HEAD_BYTES_MAX = 256 * 1024 /* of one hop; curl keeps them all */
};

void ov_transfer_end(ov_transfer *t, ov_fetch_failure failure, const char *text)
{
    if (t->finished) return;
    t->finished = true;
    snprintf(t->result.shown_url, sizeof t->result.shown_url, "%s", t->parts.shown);
    t->result.failure = failure;
    t->result.took_ms = ov_mono_since(ov_mono_now(), t->started);
    snprintf(t->result.text, sizeof t->result.text, "%s", text ? text : "");
    snprintf(t->result.final_url, sizeof t->result.final_url, "%s", t->url);
}

static void end_about(ov_transfer *t, ov_fetch_failure failure, const char *what)
{
    ov_err cut = {0};
    ov_fail(&cut, OV_FAILED, "%s: %s", t->parts.shown[0] ? t->parts.shown : "the URL", what);
    ov_transfer_end(t, failure, cut.msg);
}

static void end_refused(ov_transfer *t, const char *address)
{
    ov_err cut = {0};
    const char *setting = t->q.policy ? t->q.policy->setting : NULL;
    ov_fail(&cut, OV_INVALID, "refused target %s of %s%s%s", address, t->parts.shown, setting ? ": allow it with " : "",
            setting ? setting : "");
    ov_transfer_end(t, OV_FETCH_REFUSED_TARGET, cut.msg);
}

/* ---- what curl calls back ---- */

static curl_socket_t on_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *a)
{
    ov_transfer *t = arg;
    (void)purpose;
    const unsigned char *bytes = NULL;
    size_t len = 0;
    union {
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } address;
    if (a->family == AF_INET) {
        memcpy(&address.v4, &a->addr, sizeof address.v4);
        bytes = (const unsigned char *)&address.v4.sin_addr, len = 4;
    } else if (a->family == AF_INET6 && a->addrlen >= sizeof address.v6) {
        /* curl's storage behind addr is as large as addrlen says. */
        memcpy(&address.v6, (const char *)a + offsetof(struct curl_sockaddr, addr), sizeof address.v6);
        bytes = (const unsigned char *)&address.v6.sin6_addr, len = 16;
    } else {
        return CURL_SOCKET_BAD;
    }
    if (!t->proxied && !ov_fetch_policy_allows(t->q.policy, bytes, len)) {
        inet_ntop(a->family, bytes, t->refused, sizeof t->refused);
        return CURL_SOCKET_BAD;
    }
    return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

static int on_connected(void *arg, char *address, char *local, int port, int local_port)
{
    ov_transfer *t = arg;
    (void)address, (void)local, (void)port, (void)local_port;
    t->connected = true;
    t->progress = ov_mono_now();
    return CURL_PREREQFUNC_OK;
}

static bool is_head(const ov_transfer *t)
{
    return t->q.method && strcmp(t->q.method, "HEAD") == 0;
}

static bool is_followed(const ov_transfer *t)
{
    unsigned s = t->head.status;
    bool redirect = s == 301 || s == 302 || s == 303 || s == 307 || s == 308;
    return redirect && t->head.located && t->q.redirects_max > 0;
}

static size_t on_header(char *bytes, size_t one, size_t len, void *arg)
{
    ov_transfer *t = arg;
    (void)one;
    t->progress = ov_mono_now();
    t->head_bytes += len;
    if (t->head_bytes > HEAD_BYTES_MAX) {
        end_about(t, OV_FETCH_TOO_LARGE, "the headers are larger than allowed");
        return 0;
    }
    if (ov_head_line(&t->head, (ov_str){bytes, len}, &t->result) && !is_followed(t)) {
        bool empty = t->head.status == 204 || t->head.status == 304 || is_head(t);
        t->result.unframed = !t->head.framed && !empty;
        if (!t->head_done && t->q.on_head) t->q.on_head(t->q.arg, t->head.status);
        t->head_done = true;
    }
    return len;
}

static bool over(uint64_t n, uint64_t max)
{
    return max > 0 && n > max;
}

static bool wire_is_over(ov_transfer *t)
{
    curl_off_t wire = 0;
    curl_easy_getinfo(t->easy, CURLINFO_SIZE_DOWNLOAD_T, &wire);
    t->result.wire_bytes = (uint64_t)wire;
    return over(t->result.wire_bytes, t->q.wire_max);
}

/* A failure that is found when all has come counts in place of the success. */
static void end_late(ov_transfer *t, ov_fetch_failure failure, const char *what)
{
    if (t->result.failure == OV_FETCH_OK) t->finished = false;
    end_about(t, failure, what);
}

static bool is_packed(const ov_transfer *t)
{
    return t->decodes && t->head.coding == OV_CODING_GZIP;
}

/* The next unpacked bytes of in; 0: there are none, or that ended the transfer. */
static size_t unpack(ov_transfer *t, ov_str *in, char *out, size_t max)
{
    ov_err err = {0};
    size_t len = 0;
    if (!t->gunzip) t->gunzip = ov_gunzip_new();
    if (ov_gunzip_read(t->gunzip, in, out, max, &len, &err) != OV_OK) {
        end_late(t, OV_FETCH_UNREACHABLE, err.msg);
        return 0;
    }
    t->result.body_bytes += len;
    if (!over(t->result.body_bytes, t->q.body_max)) return len;
    end_late(t, OV_FETCH_TOO_LARGE, "the body is larger than allowed");
    return 0;
}

static bool give(ov_transfer *t, ov_str piece)
{
    if (!t->q.on_body || t->q.on_body(t->q.arg, piece)) return true;
    end_about(t, OV_FETCH_STOPPED, "the receiver wants no more");
    return false;
}

static bool give_unpacked(ov_transfer *t, ov_str piece)
{
    OV_CLEANUP(ov_free_p) char *out = ov_alloc(PIECE_BYTES);
    for (size_t len; (len = unpack(t, &piece, out, PIECE_BYTES)) > 0;)
        if (!give(t, (ov_str){out, len})) return false;
    return !t->finished;
}

/* For a reader it waits as it came: a little of it may be much. */
static size_t take(ov_transfer *t, ov_str piece)
{
    if (t->pull && t->buffer.len - t->taken >= PULL_BYTES) {
        t->paused = true;
        return CURL_WRITEFUNC_PAUSE;
    }
    if (!is_packed(t)) t->result.body_bytes += piece.len;
    if (t->pull)
        ov_buf_append_str(&t->buffer, piece);
    else if (!(is_packed(t) ? give_unpacked(t, piece) : give(t, piece)))
        return CURL_WRITEFUNC_ERROR;
    return piece.len;
}

size_t ov_transfer_take(ov_transfer *t, char *out, size_t max)
{
    ov_str in = ov_str_sub(ov_buf_str(&t->buffer), t->taken, t->buffer.len);
    size_t n = in.len < max ? in.len : max;
    if (is_packed(t)) {
        size_t had = in.len;
        n = had || t->gunzip ? unpack(t, &in, out, max) : 0;
        t->taken += had - in.len;
        if (n == 0 && t->finished && t->gunzip && !ov_gunzip_is_whole(t->gunzip))
            end_late(t, OV_FETCH_UNREACHABLE, "the body is packed and cut off");
    } else {
        if (n) memcpy(out, in.ptr, n);
        t->taken += n;
    }
    if (t->taken == t->buffer.len) {
        ov_buf_reset(&t->buffer);
        t->taken = 0;
    }
    return n;
}

bool ov_transfer_is_unread(const ov_transfer *t)
{
    return t->buffer.len > t->taken || (t->gunzip && !ov_gunzip_is_whole(t->gunzip));
}

static size_t on_bytes(char *bytes, size_t one, size_t len, void *arg)
{
    ov_transfer *t = arg;
    (void)one;
    t->progress = ov_mono_now();
    if (wire_is_over(t) || (!is_packed(t) && over(t->result.body_bytes + len, t->q.body_max))) {
        end_about(t, OV_FETCH_TOO_LARGE, "the body is larger than allowed");
        return CURL_WRITEFUNC_ERROR;
    }
    if (is_followed(t)) return len;
    if (t->decodes && t->head.coding == OV_CODING_OTHER) {
        end_about(t, OV_FETCH_UNREACHABLE, "the body has an encoding that was not asked for");
        return CURL_WRITEFUNC_ERROR;
    }
    return take(t, (ov_str){bytes, len});
}

static int on_progress(void *arg, curl_off_t all, curl_off_t in, curl_off_t all_out, curl_off_t out)
{
    ov_transfer *t = arg;
    (void)all, (void)all_out;
    if (in + out != t->moved) t->progress = ov_mono_now();
    t->moved = in + out;
    return 0;
}

/* ---- one hop ---- */

/* Appends "name: value"; false when curl or an intermediary could read more than one header in it. */
static bool add_header(ov_transfer *t, const char *name, const char *value)
{
    for (const char *c = value; *c; c++)
        if ((unsigned char)*c < 0x20 && *c != '\t') return false;
    OV_CLEANUP(ov_buf_clear) ov_buf line = OV_BUF(OWN_HEADER_MAX);
    ov_buf_append_c(&line, name);
    ov_buf_append_c(&line, *value ? ": " : ":");
    ov_buf_append_c(&line, value);
    ov_buf_append_char(&line, '\0');
    if (line.failed) return false;
    struct curl_slist *longer = curl_slist_append(t->headers, line.ptr);
    explicit_bzero(line.ptr, line.len);
    if (!longer) return false;
    t->headers = longer;
    return true;
}

static bool is_credential(const char *name)
{
    return strcasecmp(name, "authorization") == 0 || strcasecmp(name, "cookie") == 0 ||
           strcasecmp(name, "private-token") == 0;
}

static void free_headers(ov_transfer *t)
{
    for (struct curl_slist *h = t->headers; h; h = h->next) explicit_bzero(h->data, strlen(h->data));
    curl_slist_free_all(t->headers);
    t->headers = NULL;
}

static bool has_body(const ov_transfer *t)
{
    return !t->bodyless && t->q.method && (t->q.body.len > 0 || strcmp(t->q.method, "POST") == 0);
}

static bool set_headers(ov_transfer *t)
{
    free_headers(t);
    bool ok = true, encoding = false;
    if (t->named[0]) ok = add_header(t, "Host", t->named);
    for (size_t i = 0; i < OV_FETCH_HEADERS && t->q.headers[i].name; i++) {
        const char *name = t->q.headers[i].name, *value = t->q.headers[i].value;
        if (!value || !*value || (t->foreign && is_credential(name))) continue;
        encoding = encoding || strcasecmp(name, "accept-encoding") == 0;
        ok = ok && add_header(t, name, value);
    }
    ov_str bearer = ov_secret_text(t->q.bearer);
    if (bearer.len && !t->foreign) {
        OV_CLEANUP(ov_buf_clear) ov_buf value = OV_BUF(OWN_HEADER_MAX);
        ov_buf_append_c(&value, "Bearer ");
        ov_buf_append_str(&value, bearer);
        ov_buf_append_char(&value, '\0');
        ok = ok && !value.failed && add_header(t, "Authorization", value.ptr);
        if (value.ptr) explicit_bzero(value.ptr, value.len);
    }
    if (has_body(t)) {
        if (t->q.content_type) ok = ok && add_header(t, "Content-Type", t->q.content_type);
        ok = ok && add_header(t, "Expect", "");
    }
    t->decodes = !encoding;
    ok = ok && (encoding || add_header(t, "Accept-Encoding", "gzip"));
    curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->headers);
    return ok;
}

static void set_method(ov_transfer *t)
{
    const char *method = t->bodyless || !t->q.method ? "GET" : t->q.method;
    curl_easy_setopt(t->easy, CURLOPT_HTTPGET, 1L);
    curl_easy_setopt(t->easy, CURLOPT_CUSTOMREQUEST, NULL);
    if (strcmp(method, "HEAD") == 0) curl_easy_setopt(t->easy, CURLOPT_NOBODY, 1L);
    if (has_body(t)) {
        curl_easy_setopt(t->easy, CURLOPT_POST, 1L);
        curl_easy_setopt(t->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)t->q.body.len);
        curl_easy_setopt(t->easy, CURLOPT_POSTFIELDS, t->q.body.ptr ? t->q.body.ptr : "");
    }
    if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
        curl_easy_setopt(t->easy, CURLOPT_CUSTOMREQUEST, method);
}

/* An address that stands in the URL itself, where a proxy would connect to it. */
static bool literal_is_refused(ov_transfer *t)
{
    unsigned char address[16];
    size_t len = 0;
    if (inet_pton(AF_INET, t->parts.host, address) == 1)
        len = 4;
    else if (inet_pton(AF_INET6, t->parts.host, address) == 1)
        len = 16;
    return len > 0 && !ov_fetch_policy_allows(t->q.policy, address, len);
}

static void set_callbacks(ov_transfer *t)
{
    curl_easy_setopt(t->easy, CURLOPT_PRIVATE, t);
    curl_easy_setopt(t->easy, CURLOPT_ERRORBUFFER, t->curl_text);
    curl_easy_setopt(t->easy, CURLOPT_OPENSOCKETFUNCTION, on_socket);
    curl_easy_setopt(t->easy, CURLOPT_OPENSOCKETDATA, t);
    curl_easy_setopt(t->easy, CURLOPT_PREREQFUNCTION, on_connected);
    curl_easy_setopt(t->easy, CURLOPT_PREREQDATA, t);
    curl_easy_setopt(t->easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(t->easy, CURLOPT_HEADERDATA, t);
    curl_easy_setopt(t->easy, CURLOPT_WRITEFUNCTION, on_bytes);
    curl_easy_setopt(t->easy, CURLOPT_WRITEDATA, t);
    curl_easy_setopt(t->easy, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(t->easy, CURLOPT_XFERINFODATA, t);
    curl_easy_setopt(t->easy, CURLOPT_NOPROGRESS, 0L);
}

static void set_limits(ov_transfer *t)
{
    long connect_ms = t->q.connect_ms > 0 ? (long)t->q.connect_ms : CONNECT_MS;
    curl_easy_setopt(t->easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(t->easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(t->easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    curl_easy_setopt(t->easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(t->easy, CURLOPT_QUICK_EXIT, 1L); /* a slow resolver holds nobody up */
    curl_easy_setopt(t->easy, CURLOPT_TCP_KEEPALIVE, 1L);
    if (t->q.fresh) curl_easy_setopt(t->easy, CURLOPT_FRESH_CONNECT, 1L);
    if (t->q.http1) curl_easy_setopt(t->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(t->easy, CURLOPT_CONNECTTIMEOUT_MS, connect_ms);
    curl_easy_setopt(t->easy, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)t->q.wire_max);
    curl_easy_setopt(t->easy, CURLOPT_USERAGENT, t->defaults->user_agent);
    if (t->defaults->ca_file) curl_easy_setopt(t->easy, CURLOPT_CAINFO, t->defaults->ca_file);
}

/* A target that is not the one that was asked gets a handle that knows nothing. */
static void forget_tls(ov_transfer *t)
{
    curl_easy_reset(t->easy);
    ov_tls_held_clear(&t->tls);
    t->named[0] = '\0';
    set_callbacks(t);
    set_limits(t);
}

static bool set_tls(ov_transfer *t)
{
    return !t->q.tls || t->foreign || !t->parts.https ||
           ov_tls_set(t->easy, t->q.tls, t->url, &t->parts, &t->tls, t->named);
}

/* The hop to t->url; false when it ended before it began. */
static bool set_hop(ov_transfer *t)
{
    if (t->foreign && t->q.tls) forget_tls(t);
    t->head = (ov_head){0};
    t->head_bytes = 0;
    t->connected = false;
    t->refused[0] = t->curl_text[0] = '\0';
    t->moved = 0;
    t->progress = ov_mono_now();
    const char *proxy = t->q.proxy ? t->q.proxy : ov_proxy_for(&t->defaults->proxy, &t->parts);
    t->proxied = *proxy != '\0';
    if (t->proxied && literal_is_refused(t)) {
        end_refused(t, t->parts.host);
        return false;
    }
    curl_easy_setopt(t->easy, CURLOPT_URL, t->url);
    curl_easy_setopt(t->easy, CURLOPT_PROXY, proxy);
    curl_easy_setopt(t->easy, CURLOPT_NOPROXY, "");
    if (!set_tls(t)) {
        end_about(t, OV_FETCH_UNSUPPORTED, "the server name is not a name");
        return false;
    }
    set_method(t);
    if (set_headers(t)) return true;
    end_about(t, OV_FETCH_UNSUPPORTED, "a request header holds a control character or is too long");
    return false;
}

/* There is one hop and curl knows all of it: what only that needed may be gone from now on. */
static void forget_start(ov_transfer *t)
{
    t->q.url = t->q.proxy = NULL;
    t->q.bearer = NULL;
    t->q.tls = NULL;
    memset(t->q.headers, 0, sizeof t->q.headers);
}

void ov_transfer_init(ov_transfer *t, const ov_transfer_defaults *d, const ov_fetch_request *q, bool pull)
{
    *t = (ov_transfer){.defaults = d, .q = *q, .pull = pull, .started = ov_mono_now()};
    t->buffer = OV_BUF(PULL_BYTES + CURL_MAX_WRITE_SIZE);
    t->progress = t->started;
    if (!ov_url_split(q->url, &t->parts)) {
        ov_transfer_end(t, OV_FETCH_UNSUPPORTED, "not an http or https URL, or too long");
        return;
    }
    snprintf(t->url, sizeof t->url, "%s", q->url);
    t->easy = curl_easy_init();
    if (!t->easy) {
        end_about(t, OV_FETCH_UNREACHABLE, "curl could not start");
        return;
    }
    set_callbacks(t);
    set_limits(t);
    if (set_hop(t) && q->redirects_max == 0) forget_start(t);
}

void ov_transfer_clear(ov_transfer *t)
{
    if (t->easy) curl_easy_cleanup(t->easy);
    ov_tls_held_clear(&t->tls);
    free_headers(t);
    ov_buf_clear(&t->buffer);
    ov_gunzip_free(t->gunzip);
}

/* ---- how a hop ended ---- */

static ov_fetch_failure failure_of(CURLcode code)
{
    switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
        return OV_FETCH_TIMEOUT;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
        return OV_FETCH_TLS;
    case CURLE_FILESIZE_EXCEEDED:
        return OV_FETCH_TOO_LARGE;
    default:
        return OV_FETCH_UNREACHABLE;
    }
}

/* curl resolves against the URL that it was given, which has the server's name in it and not its address. */
static bool redirect_target(const ov_transfer *t, char *out, size_t size)
{
    char *location = NULL;
    struct curl_header *raw = NULL;
    if (t->named[0]) {
        CURLHcode code = curl_easy_header(t->easy, "Location", 0, CURLH_HEADER, -1, &raw);
        return code == CURLHE_OK && ov_url_resolve(ov_str_of(t->url), ov_str_of(raw->value), out, size);
    }
    curl_easy_getinfo(t->easy, CURLINFO_REDIRECT_URL, &location);
    int n = location ? snprintf(out, size, "%s", location) : -1;
    return n >= 0 && (size_t)n < size;
}

/* Where a redirect leads, checked; false when it ended. */
static bool set_redirect(ov_transfer *t)
{
    char location[sizeof t->url];
    ov_url_parts to, asked;
    if (!redirect_target(t, location, sizeof location) || !ov_url_split(location, &to)) {
        end_about(t, OV_FETCH_REDIRECTS, "redirected to what is not an http or https URL");
        return false;
    }
    if (t->parts.https && !to.https) {
        end_about(t, OV_FETCH_REDIRECTS, "redirected from https to http");
        return false;
    }
    if (t->redirects++ >= t->q.redirects_max) {
        end_about(t, OV_FETCH_REDIRECTS, "too many redirects");
        return false;
    }
    bool becomes_get = t->head.status == 303 || (t->head.status < 303 && has_body(t));
    t->bodyless = t->bodyless || (becomes_get && !is_head(t));
    t->foreign = t->foreign || !ov_url_split(t->q.url, &asked) || !ov_url_same_origin(&asked, &to);
    snprintf(t->url, sizeof t->url, "%s", location);
    t->parts = to;
    return true;
}

bool ov_transfer_hop(ov_transfer *t, CURLcode code)
{
    if (t->finished) return false;
    bool late = wire_is_over(t); /* also what came behind the last piece */
    if (code != CURLE_OK && t->refused[0]) {
        end_refused(t, t->refused);
    } else if (code != CURLE_OK) {
        end_about(t, failure_of(code), t->curl_text[0] ? t->curl_text : curl_easy_strerror(code));
    } else if (late) {
        end_about(t, OV_FETCH_TOO_LARGE, "the body is larger than allowed");
    } else if (!t->head.ended) {
        end_about(t, OV_FETCH_UNREACHABLE, "the answer ends in its head");
    } else if (is_followed(t)) {
        return set_redirect(t) && set_hop(t);
    } else if (!t->pull && t->gunzip && !ov_gunzip_is_whole(t->gunzip)) {
        end_about(t, OV_FETCH_UNREACHABLE, "the body is packed and cut off");
    } else {
        ov_transfer_end(t, OV_FETCH_OK, NULL);
    }
    return false;
}

void ov_transfer_check(ov_transfer *t, ov_mono now)
{
    if (t->finished) return;
    if (t->q.stop && __atomic_load_n(t->q.stop, __ATOMIC_RELAXED)) {
        end_about(t, OV_FETCH_STOPPED, "stopped");
    } else if (t->q.total_ms > 0 && ov_mono_since(now, t->started) >= t->q.total_ms) {
        end_about(t, OV_FETCH_TIMEOUT, "not done in the time allowed");
    } else if (t->q.idle_ms > 0 && t->connected && !t->paused && ov_mono_since(now, t->progress) >= t->q.idle_ms) {
        end_about(t, OV_FETCH_TIMEOUT, "no progress in the time allowed");
    }
}

int64_t ov_transfer_quiet_ms(const ov_transfer *t, ov_mono now, int64_t most_ms)
{
    int64_t quiet = most_ms, left;
    if (t->q.stop && quiet > STOP_POLL_MS) quiet = STOP_POLL_MS;
    if (t->q.total_ms > 0 && (left = t->q.total_ms - ov_mono_since(now, t->started)) < quiet) quiet = left;
    if (t->q.idle_ms > 0 && t->connected && !t->paused &&
        (left = t->q.idle_ms - ov_mono_since(now, t->progress)) < quiet)
        quiet = left;
    return quiet > 0 ? quiet : 1;
}
