/* Core publishing and requests. */
#include "bus/internal.h"

#include "base/poison.h"

ov_status ov_bus_publish(ov_bus *bus, const ov_bus_out *m, ov_err *err)
{
    OV_CLEANUP(ov_bus_nats_msg_p) natsMsg *msg = NULL;
    ov_status s = ov_bus_out_convert(m, NULL, &msg, err);
    if (s) return s;
    OV_CLEANUP(ov_bus_link_release_p) ov_bus_link *link = ov_bus_link_use(bus);
    if (!link) return ov_fail(err, OV_RETRY, "bus: not connected");
    char what[OV_BUS_DENIAL_TEXT];
    if (ov_bus_is_denied(bus, OV_BUS_PUBLISH, m->subject, ov_mono_now().ms - OV_BUS_DENIED_RETRY_MS, what))
        return ov_fail(err, OV_FAILED, "permission denied: %.230s", what);
    ov_bus_denials_try(bus, OV_BUS_PUBLISH, m->subject);
    return ov_bus_link_failed(link, natsConnection_PublishMsg(link->nc, msg), m->subject, err);
}

/* ---- requests ---- */

enum { SLICE_MS = 50 /* a wait is cut so that a refusal ends it */ };

void ov_bus_request_inbox(ov_bus *bus, char out[OV_BUS_INBOX_MAX])
{
    snprintf(out, OV_BUS_INBOX_MAX, "%s.q.%u", bus->inbox, atomic_fetch_add(&bus->requests_made, 1));
}

static bool is_hopeless(ov_bus *bus, const char *subject, int64_t since_ms, ov_err *why)
{
    char what[OV_BUS_DENIAL_TEXT];
    if (!ov_bus_is_denied(bus, OV_BUS_PUBLISH, subject, since_ms, what) && !ov_bus_are_answers_denied(bus, what))
        return false;
    (void)!ov_fail(why, OV_FAILED, "permission denied: %.230s", what);
    return true;
}

/* Not through nats.c's own requests: their wait cannot be ended when the server refuses. */
static natsStatus wait_reply(ov_bus *bus, natsSubscription *sub, const char *subject, ov_mono deadline, natsMsg **ret,
                             ov_err *why)
{
    int64_t since_ms = ov_mono_now().ms;
    for (;;) {
        int64_t left_ms = ov_mono_since(deadline, ov_mono_now());
        if (left_ms <= 0) return NATS_TIMEOUT;
        natsStatus s = natsSubscription_NextMsg(ret, sub, left_ms < SLICE_MS ? left_ms : SLICE_MS);
        if (s != NATS_TIMEOUT) return s;
        if (is_hopeless(bus, subject, since_ms, why)) return NATS_NOT_PERMITTED;
    }
}

natsStatus ov_bus_exchange(ov_bus_link *link, natsMsg *msg, int64_t timeout_ms, natsMsg **ret, ov_err *why)
{
    ov_bus *bus = link->bus;
    const char *subject = natsMsg_GetSubject(msg);
    ov_mono now = ov_mono_now();
    /* Who asks again and again must not fill the server's log. */
    if (is_hopeless(bus, subject, now.ms - OV_BUS_DENIED_RETRY_MS, why)) return NATS_NOT_PERMITTED;
    natsSubscription *sub = NULL;
    natsStatus s = natsConnection_SubscribeSync(&sub, link->nc, natsMsg_GetReply(msg));
    if (s == NATS_OK) {
        ov_bus_denials_try(bus, OV_BUS_PUBLISH, subject);
        s = natsConnection_PublishMsg(link->nc, msg);
    }
    if (s == NATS_OK) s = wait_reply(bus, sub, subject, ov_mono_after(now, timeout_ms), ret, why);
    natsSubscription_Destroy(sub);
    if (s == NATS_OK && natsMsg_IsNoResponders(*ret)) {
        ov_bus_nats_msg_p(ret);
        s = NATS_NO_RESPONDERS; /* as the library says itself in some versions */
    }
    return s;
}

ov_status ov_bus_request(ov_bus *bus, const char *subject, ov_str data, int64_t timeout_ms, ov_bus_in **ret,
                         ov_err *err)
{
    ov_bus_out out = OV_BUS_OUT(subject, data);
    char inbox[OV_BUS_INBOX_MAX];
    ov_bus_request_inbox(bus, inbox);
    OV_CLEANUP(ov_bus_nats_msg_p) natsMsg *msg = NULL, *answer = NULL;
    ov_status s = ov_bus_out_convert(&out, inbox, &msg, err);
    if (s) return s;
    OV_CLEANUP(ov_bus_link_release_p) ov_bus_link *link = ov_bus_link_use(bus);
    if (!link) return ov_fail(err, OV_RETRY, "bus: not connected");
    ov_err why = {0};
    natsStatus n = ov_bus_exchange(link, msg, timeout_ms, &answer, &why);
    if (n == NATS_NOT_PERMITTED) return ov_fail(err, OV_FAILED, "%s", why.msg);
    if (n != NATS_OK) return ov_bus_link_failed(link, n, subject, err);
    *ret = ov_bus_in_new(bus, OV_TAKE(answer), NULL);
    return OV_OK;
}
