/* One connection of nats.c: its options, its end, and who is inside it. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include "bus/internal.h"
#include "json/writer.h"

#include "base/poison.h"

/* ---- options ---- */

static void options_p(natsOptions **o)
{
    natsOptions_Destroy(*o);
    *o = NULL;
}

static const char *last_error(void)
{
    const char *text = nats_GetLastError(NULL);
    return text ? text : "";
}

/* For CONNECT's JSON, where nats.c puts the text as it is. */
static char *escaped(const char *text)
{
    if (!text) return NULL;
    if (!OV_BUS_ESCAPE_CREDENTIALS) return ov_dup(ov_str_of(text));
    ov_buf b = OV_BUF(64 * 1024);
    ov_json_quote(&b, ov_str_of(text));
    ov_str quoted = ov_buf_str(&b);
    char *out = b.failed ? ov_dup(OV_STR("")) : ov_dup(ov_str_sub(quoted, 1, quoted.len - 1));
    if (b.ptr) explicit_bzero(b.ptr, b.cap);
    ov_buf_clear(&b);
    return out;
}

static void wipe_p(char **text)
{
    if (*text) explicit_bzero(*text, strlen(*text));
    free(*text);
}

/* A directory opens, too, and cannot be read. */
static ov_status check_readable(const char *option, const char *name, ov_err *err)
{
    FILE *f = fopen(name, "re");
    bool ok = f && (fgetc(f) != EOF || !ferror(f));
    int why = errno;
    if (f) fclose(f);
    if (ok) return OV_OK;
    return ov_fail(err, OV_INVALID, "%s: \"%.100s\": expected a file that can be read: %s", option, name,
                   strerror(why));
}

static ov_status set_credentials(ov_bus *bus, natsOptions *o, ov_err *err)
{
    OV_CLEANUP(wipe_p) char *user = escaped(bus->user);
    OV_CLEANUP(wipe_p) char *password = escaped(bus->password);
    if (user && natsOptions_SetUserInfo(o, user, password) != NATS_OK)
        return ov_fail(err, OV_INVALID, "user: %s", last_error());
    if (!bus->credentials_file) return OV_OK;
    ov_status s = check_readable("credentials-file", bus->credentials_file, err);
    if (!s && natsOptions_SetUserCredentialsFromFiles(o, bus->credentials_file, NULL) != NATS_OK)
        s = ov_fail(err, OV_INVALID, "credentials-file: \"%.100s\": %s", bus->credentials_file, last_error());
    return s;
}

/* The library's texts name its own lines, and nothing that an operator knows. */
static ov_status set_authorities(ov_bus *bus, natsOptions *o, ov_err *err)
{
    if (!bus->tls_ca_file) return OV_OK;
    ov_status s = check_readable("tls-ca-file", bus->tls_ca_file, err);
    if (!s && natsOptions_LoadCATrustedCertificates(o, bus->tls_ca_file) != NATS_OK)
        s = ov_fail(err, OV_INVALID, "tls-ca-file: \"%.100s\": expected certificates in PEM", bus->tls_ca_file);
    return s;
}

static ov_status set_certificate(ov_bus *bus, natsOptions *o, ov_err *err)
{
    if (!bus->tls_cert_file) return OV_OK;
    ov_status s = check_readable("tls-cert-file", bus->tls_cert_file, err);
    if (!s) s = check_readable("tls-key-file", bus->tls_key_file, err);
    if (!s && natsOptions_LoadCertificatesChain(o, bus->tls_cert_file, bus->tls_key_file) != NATS_OK)
        s = ov_fail(err, OV_INVALID, "tls-cert-file: \"%.80s\": expected the certificate of the key in %.80s, both PEM",
                    bus->tls_cert_file, bus->tls_key_file);
    return s;
}

static ov_status set_tls(ov_bus *bus, natsOptions *o, ov_err *err)
{
    if (!bus->tls) return OV_OK;
    if (natsOptions_SetSecure(o, true) != NATS_OK) return ov_fail(err, OV_INVALID, "url: TLS: %s", last_error());
    ov_status s = set_authorities(bus, o, err);
    return s ? s : set_certificate(bus, o, err);
}

static void on_closed(natsConnection *nc, void *closure)
{
    (void)nc;
    ov_bus_link *link = closure;
    ov_bus *bus = link->bus;
    pthread_mutex_lock(&bus->mu);
    link->closed = true;
    if (bus->link == link) bus->up = false;
    ov_bus_kick_locked(bus);
    pthread_mutex_unlock(&bus->mu);
}

static void on_error(natsConnection *nc, natsSubscription *sub, natsStatus s, void *closure)
{
    (void)sub;
    if (s != NATS_NOT_PERMITTED) return;
    ov_bus *bus = closure;
    const char *raw = nats_GetLastError(NULL);
    if (!raw || !*raw) (void)natsConnection_GetLastError(nc, &raw);
    char text[OV_BUS_SUBJECT_MAX + 128];
    snprintf(text, sizeof text, "%s", raw && *raw ? raw : "Permissions Violation");
    ov_bus_denials_take(bus, text);
}

static natsStatus set_rest(ov_bus *bus, natsOptions *o)
{
    natsStatus s = natsOptions_SetServers(o, (const char **)bus->servers, bus->server_count);
    if (s == NATS_OK) s = natsOptions_SetName(o, bus->name);
    if (s == NATS_OK && bus->inbox_prefix) s = natsOptions_SetCustomInboxPrefix(o, bus->inbox_prefix);
    if (s == NATS_OK) s = natsOptions_SetTimeout(o, OV_BUS_CONNECT_MS);
    if (s == NATS_OK) s = natsOptions_SetPingInterval(o, OV_BUS_PING_MS);
    /* nats.c would close the connection on its timers' thread: the wire counts instead. */
    if (s == NATS_OK) s = natsOptions_SetMaxPingsOut(o, INT_MAX);
    if (s == NATS_OK) s = natsOptions_SetWriteDeadline(o, OV_BUS_WRITE_MS);
    if (s == NATS_OK) s = natsOptions_SetAllowReconnect(o, OV_BUS_LIBRARY_RECONNECTS);
    if (s == NATS_OK) s = natsOptions_SetIgnoreDiscoveredServers(o, true);
    if (s == NATS_OK) s = natsOptions_SetSendAsap(o, true);
    if (s == NATS_OK) s = natsOptions_UseGlobalMessageDelivery(o, true);
    if (s == NATS_OK) s = natsOptions_SetErrorHandler(o, on_error, bus);
    return s;
}

ov_status ov_bus_nats_options(ov_bus *bus, natsOptions **ret, ov_err *err)
{
    OV_CLEANUP(options_p) natsOptions *o = NULL;
    if (natsOptions_Create(&o) != NATS_OK) return ov_fail(err, OV_FAILED, "options: %s", last_error());
    if (set_rest(bus, o) != NATS_OK) return ov_fail(err, OV_INVALID, "url: \"%.100s\": %s", bus->shown, last_error());
    ov_status s = set_credentials(bus, o, err);
    if (s) return s;
    s = set_tls(bus, o, err);
    if (s) return s;
    *ret = OV_TAKE(o);
    return OV_OK;
}

/* ---- connecting ---- */

static void read_server(ov_bus_link *link)
{
    link->max_payload = natsConnection_GetMaxPayload(link->nc);
    char url[512];
    if (natsConnection_GetConnectedUrl(link->nc, url, sizeof url) == NATS_OK)
        ov_bus_server_ask(url, OV_BUS_CONNECT_MS, link->server_version);
}

ov_status ov_bus_link_subscribe_answers(ov_bus_link *link, ov_err *err)
{
    char subject[OV_BUS_INBOX_MAX];
    snprintf(subject, sizeof subject, "%s.a.*", link->bus->inbox);
    return ov_bus_link_subscribe(link, subject, ov_bus_on_answer, link->bus, &link->answers, err);
}

static void mark_broken(void *closure)
{
    ov_bus_link *link = closure;
    pthread_mutex_lock(&link->bus->mu);
    link->broken = true;
    ov_bus_kick_locked(link->bus);
    pthread_mutex_unlock(&link->bus->mu);
}

static ov_status open_link(ov_bus_link *link, natsOptions *o, ov_err *err)
{
    natsStatus n = natsOptions_SetClosedCB(o, on_closed, link);
    if (n == NATS_OK) n = ov_bus_wire_serve(&link->wire, o);
    if (n == NATS_OK) n = natsConnection_Connect(&link->nc, o);
    if (n == NATS_OK) return OV_OK;
    return ov_fail(err, n == NATS_CONNECTION_AUTH_FAILED ? OV_FAILED : OV_RETRY, "%s: %s", link->bus->shown,
                   *last_error() ? last_error() : natsStatus_GetText(n));
}

ov_status ov_bus_link_connect(ov_bus *bus, ov_bus_link **ret, ov_err *err)
{
    OV_CLEANUP(options_p) natsOptions *o = NULL;
    ov_status s = ov_bus_nats_options(bus, &o, err);
    if (s) return s;
    ov_bus_link *link = ov_zalloc(sizeof *link);
    link->bus = bus;
    s = ov_bus_wire_init(&link->wire, &bus->in_flight, mark_broken, link, err);
    if (s) {
        free(link);
        return s;
    }
    s = open_link(link, o, err);
    if (s) {
        ov_bus_link_free(link);
        return s;
    }
    pthread_mutex_lock(&bus->mu);
    link->epoch = ++bus->epochs;
    pthread_mutex_unlock(&bus->mu);
    read_server(link);
    /* A link that ends right now is found closed by the worker, as any other. */
    if (ov_bus_link_subscribe_answers(link, err)) link->broken = true;
    *ret = link;
    return OV_OK;
}

void ov_bus_link_free(ov_bus_link *link)
{
    natsSubscription_Destroy(link->answers);
    ov_bus_wire_clear(&link->wire);
    natsConnection_Destroy(link->nc);
    free(link);
}

/* ---- use ---- */

ov_bus_link *ov_bus_link_use(ov_bus *bus)
{
    pthread_mutex_lock(&bus->mu);
    ov_bus_link *link = bus->up && !bus->finish ? bus->link : NULL;
    if (link) link->users++;
    pthread_mutex_unlock(&bus->mu);
    return link;
}

void ov_bus_link_release(ov_bus_link *link)
{
    if (!link) return;
    ov_bus *bus = link->bus;
    pthread_mutex_lock(&bus->mu);
    link->users--;
    if (link->closed) ov_bus_kick_locked(bus);
    pthread_mutex_unlock(&bus->mu);
}

void ov_bus_link_release_p(ov_bus_link **link)
{
    ov_bus_link_release(*link);
    *link = NULL;
}

static void on_subscription_over(void *link)
{
    ov_bus_link_release(link);
}

ov_status ov_bus_link_subscribe(ov_bus_link *link, const char *subject, natsMsgHandler cb, void *closure,
                                natsSubscription **ret, ov_err *err)
{
    natsSubscription *sub = NULL;
    ov_bus_denials_try(link->bus, OV_BUS_SUBSCRIBE, subject);
    natsStatus s = natsConnection_Subscribe(&sub, link->nc, subject, cb, closure);
    if (s != NATS_OK) return ov_bus_link_failed(link, s, subject, err);
    pthread_mutex_lock(&link->bus->mu);
    link->users++;
    pthread_mutex_unlock(&link->bus->mu);
    if (natsSubscription_SetOnCompleteCB(sub, on_subscription_over, link) != NATS_OK) {
        /* The connection ended meanwhile. No callback touches the link itself, so it may go. */
        ov_bus_link_release(link);
        natsSubscription_Destroy(sub);
        return ov_fail(err, OV_RETRY, "%.100s: not connected", subject);
    }
    *ret = sub;
    return OV_OK;
}

ov_status ov_bus_link_failed(ov_bus_link *link, natsStatus s, const char *what, ov_err *err)
{
    switch (s) {
    case NATS_OK:
        return OV_OK;
    case NATS_MAX_PAYLOAD:
    case NATS_INVALID_SUBJECT:
    case NATS_INVALID_ARG:
        return ov_fail(err, OV_INVALID, "%.100s: %s", what, natsStatus_GetText(s));
    case NATS_NOT_PERMITTED:
    case NATS_CONNECTION_AUTH_FAILED:
        return ov_fail(err, OV_FAILED, "%.100s: %s", what, natsStatus_GetText(s));
    case NATS_CONNECTION_CLOSED:
    case NATS_CONNECTION_DISCONNECTED:
    case NATS_IO_ERROR:
    case NATS_SSL_ERROR:
        mark_broken(link);
        return ov_fail(err, OV_RETRY, "%.100s: not connected", what);
    case NATS_NO_RESPONDERS:
        return ov_fail(err, OV_RETRY, "%.100s: nobody answers there", what);
    case NATS_TIMEOUT:
        return ov_fail(err, OV_RETRY, "%.100s: no answer in time", what);
    default:
        return ov_fail(err, OV_RETRY, "%.100s: %s", what, natsStatus_GetText(s));
    }
}
