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
    return ov_bus_link_failed(link, natsConnection_PublishMsg(link->nc, msg), m->subject, err);
}

ov_status ov_bus_request(ov_bus *bus, const char *subject, ov_str data, int64_t timeout_ms, ov_bus_in **ret,
                         ov_err *err)
{
    ov_bus_out out = OV_BUS_OUT(subject, data);
    OV_CLEANUP(ov_bus_nats_msg_p) natsMsg *msg = NULL;
    ov_status s = ov_bus_out_convert(&out, NULL, &msg, err);
    if (s) return s;
    OV_CLEANUP(ov_bus_link_release_p) ov_bus_link *link = ov_bus_link_use(bus);
    if (!link) return ov_fail(err, OV_RETRY, "bus: not connected");
    natsMsg *answer = NULL;
    int64_t since_ms = ov_mono_now().ms;
    s = ov_bus_link_failed(link, natsConnection_RequestMsg(&answer, link->nc, msg, timeout_ms), subject, err);
    if (s == OV_RETRY && ov_bus_was_refused(bus, subject, since_ms))
        return ov_fail(err, OV_FAILED, "%.100s: a right is missing: publish", subject);
    if (s) return s;
    *ret = ov_bus_in_new(bus, answer, NULL);
    return OV_OK;
}
