/* Opening and closing a bus, and what can be asked about its connection. */
#include <stdlib.h>

#include "base/buf.h"
#include "base/random.h"
#include "bus/internal.h"

#include "base/poison.h"

/* ---- what an operator wrote ---- */

/* host[:port] or [v6][:port] behind an optional user[:password]@ */
static bool is_host_and_port(ov_str s)
{
    size_t at = ov_str_find(s, '@', 0);
    if (at < s.len) s = ov_str_sub(s, at + 1, s.len);
    size_t host_end;
    if (s.len && s.ptr[0] == '[') {
        host_end = ov_str_find(s, ']', 0) + 1;
        if (host_end > s.len || host_end < 4) return false;
    } else {
        host_end = ov_str_find(s, ':', 0);
        if (host_end == 0) return false;
    }
    if (host_end == s.len) return true;
    uint64_t port;
    return s.ptr[host_end] == ':' && ov_str_to_u64(ov_str_sub(s, host_end + 1, s.len), &port) && port > 0 &&
           port < 65536;
}

static ov_str without_user(ov_str url, size_t scheme)
{
    size_t at = ov_str_find(url, '@', scheme);
    return ov_str_sub(url, at < url.len ? at + 1 : scheme, url.len);
}

/* The URL as messages show it. */
static void show_url(ov_str url, ov_buf *out)
{
    size_t colon = ov_str_find(url, ':', 0);
    size_t scheme = ov_str_starts(ov_str_sub(url, colon, url.len), OV_STR("://")) ? colon + 3 : 0;
    ov_buf_append_str(out, ov_str_sub(url, 0, scheme));
    ov_buf_append_str(out, without_user(url, scheme));
}

static ov_status refuse_url(ov_str url, ov_err *err)
{
    OV_CLEANUP(ov_buf_clear) ov_buf text = OV_BUF(128);
    show_url(url, &text);
    return ov_fail(err, OV_INVALID, "url: \"%.*s\": expected nats://host:port or tls://host:port",
                   OV_STR_ARG(ov_buf_str(&text)));
}

static ov_status add_server(ov_bus *bus, ov_str url, ov_buf *shown, ov_err *err)
{
    bool tls = ov_str_starts(url, OV_STR("tls://"));
    bool known = tls || ov_str_starts(url, OV_STR("nats://"));
    if (!known || !is_host_and_port(ov_str_sub(url, tls ? 6 : 7, url.len))) return refuse_url(url, err);
    if (bus->server_count == OV_BUS_SERVERS_MAX)
        return ov_fail(err, OV_INVALID, "url: more than %d servers", OV_BUS_SERVERS_MAX);
    bus->servers[bus->server_count++] = ov_dup(url);
    bus->tls = bus->tls || tls;
    if (shown->len) ov_buf_append_char(shown, ',');
    show_url(url, shown);
    return OV_OK;
}

static ov_status read_urls(ov_bus *bus, const char *urls, ov_err *err)
{
    OV_CLEANUP(ov_buf_clear) ov_buf shown = OV_BUF(8192);
    ov_str rest = ov_str_of(urls ? urls : ""), url;
    while (ov_str_split(&rest, ',', &url)) {
        ov_status s = add_server(bus, ov_str_trim(url), &shown, err);
        if (s) return s;
    }
    ov_status s = ov_buf_finish(&shown, "url", err);
    if (s) return s;
    bus->shown = ov_dup(ov_buf_str(&shown));
    return OV_OK;
}

static char *dup_or_null(const char *text)
{
    return text && *text ? ov_dup(ov_str_of(text)) : NULL;
}

static ov_status read_options(ov_bus *bus, const ov_bus_options *o, ov_err *err)
{
    ov_status s = read_urls(bus, o->url, err);
    if (s) return s;
    bus->name = ov_dup(ov_str_of(o->name ? o->name : "opvic"));
    bus->credentials_file = dup_or_null(o->credentials_file);
    bus->user = dup_or_null(o->user);
    bus->password = o->password ? ov_dup(ov_secret_text(o->password)) : NULL;
    bus->tls_ca_file = dup_or_null(o->tls_ca_file);
    bus->tls_cert_file = dup_or_null(o->tls_cert_file);
    bus->tls_key_file = dup_or_null(o->tls_key_file);
    bus->inbox_prefix = dup_or_null(o->inbox_prefix);
    bus->tls = bus->tls || bus->tls_ca_file || bus->tls_cert_file;
    if (bus->tls_cert_file && !bus->tls_key_file)
        return ov_fail(err, OV_INVALID, "tls-key-file: missing: expected the key of %.100s", bus->tls_cert_file);
    if (bus->tls_key_file && !bus->tls_cert_file)
        return ov_fail(err, OV_INVALID, "tls-cert-file: missing: expected the certificate of %.100s",
                       bus->tls_key_file);
    if (bus->inbox_prefix &&
        (!ov_bus_subject_is_valid(bus->inbox_prefix, false) || strlen(bus->inbox_prefix) > OV_BUS_PREFIX_MAX))
        return ov_fail(err, OV_INVALID,
                       "inbox-prefix: \"%.100s\": expected a subject without wildcards, at most %d bytes",
                       bus->inbox_prefix, OV_BUS_PREFIX_MAX);
    char unique[17];
    ov_random_hex(unique, 8);
    const char *prefix = bus->inbox_prefix ? bus->inbox_prefix : "_INBOX";
    snprintf(bus->inbox, sizeof bus->inbox, "%s.ov%s", prefix, unique);
    snprintf(bus->answers, sizeof bus->answers, "%s.>", prefix);
    /* Built once here, so that a file that cannot be read is told at once. */
    natsOptions *options = NULL;
    s = ov_bus_nats_options(bus, &options, err);
    natsOptions_Destroy(options);
    return s == OV_RETRY ? OV_INVALID : s;
}

/* ---- opening ---- */

static void init_waiting(ov_bus *bus)
{
    pthread_mutex_init(&bus->mu, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&bus->kick, &monotonic);
    pthread_cond_init(&bus->moved, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

static void init_slots(ov_bus *bus)
{
    for (size_t i = 0; i < OV_BUS_IN_FLIGHT; i++) bus->free_slots[i] = (uint16_t)(OV_BUS_IN_FLIGHT - 1 - i);
    bus->free_count = OV_BUS_IN_FLIGHT;
    bus->next_expiry_ms = INT64_MAX;
}

static void listeners_free(ov_bus *bus)
{
    while (bus->listeners) {
        ov_bus_listener *l = bus->listeners;
        bus->listeners = l->next;
        natsSubscription_Destroy(l->sub);
        free(l->subject);
        free(l);
    }
}

static void bus_free(ov_bus *bus)
{
    listeners_free(bus);
    ov_bus_readers_free(bus);
    for (int i = 0; i < bus->server_count; i++) {
        explicit_bzero(bus->servers[i], strlen(bus->servers[i]));
        free(bus->servers[i]);
    }
    if (bus->password) explicit_bzero(bus->password, strlen(bus->password));
    char *texts[] = {bus->name,          bus->credentials_file, bus->user,         bus->password, bus->tls_ca_file,
                     bus->tls_cert_file, bus->tls_key_file,     bus->inbox_prefix, bus->shown};
    for (size_t i = 0; i < OV_COUNT(texts); i++) free(texts[i]);
    pthread_mutex_destroy(&bus->mu);
    pthread_cond_destroy(&bus->kick);
    pthread_cond_destroy(&bus->moved);
    free(bus);
}

/* Not connected yet. */
static ov_status bus_make(const ov_bus_options *o, ov_bus **ret, ov_err *err)
{
    /* A second delivery thread would let an answer overtake a message. Repeating the call is harmless. */
    if (nats_Open(-1) != NATS_OK || nats_SetMessageDeliveryPoolSize(1) != NATS_OK)
        return ov_fail(err, OV_FAILED, "nats.c cannot be started");
    ov_bus *bus = ov_zalloc(sizeof *bus);
    init_waiting(bus);
    init_slots(bus);
    bus->max_payload = 1024 * 1024;
    bus->backoff = (ov_backoff){.base_ms = OV_BUS_WAIT_MIN_MS, .max_ms = OV_BUS_WAIT_MAX_MS};
    ov_status s = read_options(bus, o, err);
    if (s)
        bus_free(bus);
    else
        *ret = bus;
    return s;
}

ov_status ov_bus_check(const ov_bus_options *o, ov_err *err)
{
    ov_bus *bus;
    ov_status s = bus_make(o, &bus, err);
    if (!s) bus_free(bus);
    return s;
}

ov_status ov_bus_open(const ov_bus_options *o, ov_bus_on_change on_change, void *arg, ov_bus **ret, ov_err *err)
{
    ov_bus *bus;
    ov_err why = {0};
    ov_status s = bus_make(o, &bus, &why);
    if (s) return ov_fail(err, s, "bus: %.240s", why.msg);
    bus->on_change = on_change;
    bus->arg = arg;
    if (pthread_create(&bus->worker, NULL, ov_bus_worker, bus)) {
        bus_free(bus);
        return ov_fail(err, OV_FAILED, "bus: thread: cannot be started");
    }
    *ret = bus;
    return OV_OK;
}

/* ---- closing ---- */

static bool is_idle(const ov_bus *bus)
{
    return bus->free_count == OV_BUS_IN_FLIGHT;
}

void ov_bus_close(ov_bus *bus, int64_t drain_ms)
{
    if (!bus) return;
    ov_mono deadline = ov_mono_after(ov_mono_now(), drain_ms);
    pthread_mutex_lock(&bus->mu);
    bus->closing = true;
    pthread_cond_broadcast(&bus->moved);
    while (!is_idle(bus) && ov_bus_wait_moved(bus, deadline)) {
    }
    bus->finish = true;
    ov_bus_kick_locked(bus);
    pthread_mutex_unlock(&bus->mu);
    pthread_join(bus->worker, NULL);
    bus_free(bus);
}

/* ---- questions ---- */

bool ov_bus_is_up(const ov_bus *bus)
{
    return atomic_load(&bus->up);
}

int64_t ov_bus_max_payload(const ov_bus *bus)
{
    ov_bus *b = (ov_bus *)bus; /* the lock is no part of what const promises */
    pthread_mutex_lock(&b->mu);
    int64_t max = b->max_payload;
    pthread_mutex_unlock(&b->mu);
    return max;
}

void ov_bus_server_version(const ov_bus *bus, char out[32])
{
    ov_bus *b = (ov_bus *)bus;
    pthread_mutex_lock(&b->mu);
    snprintf(out, 32, "%s", b->link && b->up ? b->link->server_version : "");
    pthread_mutex_unlock(&b->mu);
}

size_t ov_bus_in_flight(const ov_bus *bus)
{
    return atomic_load(&bus->in_flight);
}
