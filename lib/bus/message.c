/* Messages in both directions: ours into nats.c's, theirs into views with what the server tells about them. */
#include <limits.h>
#include <stdlib.h>

#include "bus/internal.h"

#include "base/poison.h"

struct ov_bus_in {
    ov_bus *bus;
    natsMsg *msg;
    uint64_t seq, deliveries;
    int64_t stored_ms;
};

void ov_bus_nats_msg_p(natsMsg **msg)
{
    ov_bus_msg_discard(*msg);
    *msg = NULL;
}

/* ---- out ---- */

static bool is_header_name(const char *s)
{
    if (!*s) return false;
    for (; *s; s++)
        if (*s <= ' ' || *s == ':' || *s == 0x7f) return false;
    return true;
}

static bool is_header_value(const char *s)
{
    return !strpbrk(s, "\r\n");
}

static ov_status set_header(natsMsg *msg, const char *name, const char *value, ov_err *err)
{
    if (!is_header_name(name) || !is_header_value(value))
        return ov_fail(err, OV_INVALID, "message: header \"%.64s\": expected a name and a value without line ends",
                       name);
    if (natsMsgHeader_Set(msg, name, value) != NATS_OK)
        return ov_fail(err, OV_FAILED, "message: header \"%.64s\": cannot be set", name);
    return OV_OK;
}

static ov_status set_number(natsMsg *msg, const char *name, int64_t value, ov_err *err)
{
    if (value < 0) return OV_OK;
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)value);
    return set_header(msg, name, text, err);
}

static ov_status set_headers(natsMsg *msg, const ov_bus_out *m, ov_err *err)
{
    for (size_t i = 0; i < OV_COUNT(m->headers) && m->headers[i].name; i++) {
        ov_status s = set_header(msg, m->headers[i].name, m->headers[i].value ? m->headers[i].value : "", err);
        if (s) return s;
    }
    if (m->msg_id) {
        ov_status s = set_header(msg, "Nats-Msg-Id", m->msg_id, err);
        if (s) return s;
    }
    /* By hand: the library's options take an expected sequence of 0 for "not checked". */
    ov_status s = set_number(msg, "Nats-Expected-Last-Sequence", m->expect_last_seq, err);
    if (s) return s;
    return set_number(msg, "Nats-Expected-Last-Subject-Sequence", m->expect_last_subject_seq, err);
}

ov_status ov_bus_out_convert(const ov_bus_out *m, const char *reply, natsMsg **ret, ov_err *err)
{
    if (!m->subject || !ov_bus_subject_is_valid(m->subject, false))
        return ov_fail(err, OV_INVALID, "message: subject \"%.100s\": expected tokens without spaces or wildcards",
                       m->subject ? m->subject : "");
    if (m->data.len > INT_MAX / 2)
        return ov_fail(err, OV_INVALID, "message: %zu bytes: expected at most %d", m->data.len, INT_MAX / 2);
    OV_CLEANUP(ov_bus_nats_msg_p) natsMsg *msg = NULL;
    if (natsMsg_Create(&msg, m->subject, reply, m->data.ptr ? m->data.ptr : "", (int)m->data.len) != NATS_OK)
        return ov_fail(err, OV_FAILED, "message: cannot be made");
    ov_status s = set_headers(msg, m, err);
    if (s) return s;
    *ret = OV_TAKE(msg);
    return OV_OK;
}

/* ---- what the reply subject tells ---- */

enum { ACK_TOKENS = 9, ACK_TOKENS_DOMAIN = 11, ACK_TOKENS_MAX = 12 };

/* $JS.ACK.<stream>.<consumer>.<deliveries>.<stream seq>.<consumer seq>.<time>.<pending>; with a domain two tokens more
 * before the stream, and perhaps one more at the end
 * (https://github.com/nats-io/nats-architecture-and-design/blob/main/adr/ADR-15.md). */
bool ov_bus_delivery_parse(ov_str reply, ov_bus_delivery *ret)
{
    if (!ov_str_starts(reply, OV_STR("$JS.ACK."))) return false;
    ov_str tokens[ACK_TOKENS_MAX + 1];
    size_t count = 0;
    while (count < OV_COUNT(tokens) && ov_str_split(&reply, '.', &tokens[count])) count++;
    if (count < ACK_TOKENS || count == ACK_TOKENS + 1 || count > ACK_TOKENS_MAX) return false;
    const ov_str *t = tokens + (count >= ACK_TOKENS_DOMAIN ? 6 : 4);
    uint64_t numbers[5];
    for (size_t i = 0; i < OV_COUNT(numbers); i++)
        if (!ov_str_to_u64(t[i], &numbers[i])) return false;
    if (numbers[3] > INT64_MAX) return false;
    *ret = (ov_bus_delivery){.deliveries = numbers[0],
                             .stream_seq = numbers[1],
                             .consumer_seq = numbers[2],
                             .stored_ns = (int64_t)numbers[3],
                             .pending = numbers[4]};
    return true;
}

int ov_bus_msg_status(natsMsg *msg)
{
    const char *text = NULL;
    uint64_t n;
    if (natsMsg_GetDataLength(msg) > 0 || natsMsgHeader_Get(msg, "Status", &text) != NATS_OK || !text) return 0;
    return ov_str_to_u64(ov_str_sub(ov_str_of(text), 0, 3), &n) ? (int)n : 0;
}

/* ---- in ---- */

ov_bus_in *ov_bus_in_new(ov_bus *bus, natsMsg *msg, const ov_bus_delivery *d)
{
    ov_bus_in *m = ov_zalloc(sizeof *m);
    *m = (ov_bus_in){.bus = bus, .msg = msg};
    if (d) {
        m->seq = d->stream_seq;
        m->deliveries = d->deliveries;
        m->stored_ms = d->stored_ns / 1000000;
    }
    return m;
}

static ov_status add_stored_headers(natsMsg *msg, ov_str block, ov_err *err)
{
    ov_str line;
    bool first = true; /* "NATS/1.0" */
    while (ov_str_split(&block, '\n', &line)) {
        line = ov_str_trim(line);
        size_t colon = ov_str_find(line, ':', 0);
        if (first || colon == line.len) {
            first = false;
            continue;
        }
        OV_CLEANUP(ov_free_p) char *name = ov_dup(ov_str_trim(ov_str_sub(line, 0, colon)));
        OV_CLEANUP(ov_free_p) char *value = ov_dup(ov_str_trim(ov_str_sub(line, colon + 1, line.len)));
        if (natsMsgHeader_Add(msg, name, value) != NATS_OK)
            return ov_fail(err, OV_FAILED, "stored message: header \"%.64s\": cannot be read", name);
    }
    return OV_OK;
}

ov_status ov_bus_in_stored(ov_bus *bus, const char *subject, ov_str headers, ov_str data, uint64_t seq,
                           ov_wall stored_at, ov_bus_in **ret, ov_err *err)
{
    OV_CLEANUP(ov_bus_nats_msg_p) natsMsg *msg = NULL;
    if (data.len > INT_MAX / 2 ||
        natsMsg_Create(&msg, subject, NULL, data.ptr ? data.ptr : "", (int)data.len) != NATS_OK)
        return ov_fail(err, OV_FAILED, "stored message of %.100s: cannot be read", subject);
    ov_status s = add_stored_headers(msg, headers, err);
    if (s) return s;
    ov_bus_in *m = ov_bus_in_new(bus, OV_TAKE(msg), NULL);
    m->seq = seq;
    m->stored_ms = stored_at.ms;
    *ret = m;
    return OV_OK;
}

void ov_bus_in_free(ov_bus_in *m)
{
    if (!m) return;
    ov_bus_msg_discard(m->msg);
    free(m);
}

void ov_bus_in_free_p(ov_bus_in **m)
{
    ov_bus_in_free(*m);
    *m = NULL;
}

ov_str ov_bus_in_subject(const ov_bus_in *m)
{
    return ov_str_of(natsMsg_GetSubject(m->msg));
}

ov_str ov_bus_in_data(const ov_bus_in *m)
{
    return (ov_str){.ptr = natsMsg_GetData(m->msg), .len = (size_t)natsMsg_GetDataLength(m->msg)};
}

ov_str ov_bus_in_header(const ov_bus_in *m, const char *name)
{
    const char *value = NULL;
    if (natsMsgHeader_Get(m->msg, name, &value) != NATS_OK) return (ov_str){0};
    return ov_str_of(value);
}

uint64_t ov_bus_in_seq(const ov_bus_in *m)
{
    return m->seq;
}

ov_wall ov_bus_in_stored_at(const ov_bus_in *m)
{
    return (ov_wall){m->stored_ms};
}

uint64_t ov_bus_in_deliveries(const ov_bus_in *m)
{
    return m->deliveries;
}

/* ---- acknowledging ---- */

static natsStatus answer(ov_bus_in *m, const char *text)
{
    const char *reply = natsMsg_GetReply(m->msg);
    OV_CLEANUP(ov_bus_link_release_p) ov_bus_link *link = ov_bus_link_use(m->bus);
    if (!link || !reply) return NATS_CONNECTION_CLOSED;
    return natsConnection_PublishString(link->nc, reply, text);
}

ov_status ov_bus_ack(ov_bus_in *m, ov_err *err)
{
    const char *reply = natsMsg_GetReply(m->msg);
    if (!reply) return ov_fail(err, OV_INVALID, "ack: %.100s: not a pulled message", natsMsg_GetSubject(m->msg));
    OV_CLEANUP(ov_bus_in_free_p) ov_bus_in *confirmed = NULL;
    ov_status s = ov_bus_request(m->bus, reply, OV_STR("+ACK"), OV_BUS_API_MS, &confirmed, err);
    return s ? ov_fail_in(err, s, "ack") : OV_OK;
}

/* Lost answers come right by themselves: the message is given out again after its time. */
void ov_bus_nak(ov_bus_in *m, int64_t delay_ms)
{
    char text[64] = "-NAK";
    if (delay_ms > 0) snprintf(text, sizeof text, "-NAK {\"delay\": %lld}", (long long)delay_ms * 1000000);
    (void)answer(m, text);
}

void ov_bus_in_progress(ov_bus_in *m)
{
    (void)answer(m, "+WPI");
}
