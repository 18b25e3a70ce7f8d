/* Makes each stream and bucket of proto's one table with the limits that the settings give. */
#include "services/aggregator/topology.h"

#include "proto/streams.h"
#include "base/poison.h"

static int64_t max_age_ms(const stream_definition *d, const topology_options *o)
{
    switch (d->max_age_ms) {
    case STREAM_AGE_EXPIRATION:
        return o->retention_ms;
    case STREAM_AGE_EVENTS:
        return o->events_ms;
    case STREAM_AGE_DEAD:
        return o->dead_ms;
    default:
        return d->max_age_ms;
    }
}

static ov_bus_stream wanted(const stream_definition *d, const topology_options *o)
{
    return (ov_bus_stream){.name = d->name,
                           .subjects = d->subjects,
                           .description = d->description,
                           .retention = d->work_queue ? OV_RETENTION_WORKQUEUE : OV_RETENTION_LIMITS,
                           .bucket = d->bucket,
                           .memory = o->memory,
                           .replicas = o->replicas,
                           .max_age_ms = max_age_ms(d, o),
                           .max_bytes =
                               o->max_bytes && d->max_bytes_share ? o->max_bytes / 100 * d->max_bytes_share : -1,
                           .max_msgs = -1,
                           .max_msgs_per_subject = d->max_msgs_per_subject,
                           .duplicate_window_ms = d->duplicate_window_ms,
                           .discard_new = d->discard_new};
}

ov_status topology_ensure(ov_bus *bus, const topology_options *o, ov_err *err)
{
    char version[32];
    ov_bus_server_version(bus, version);
    ov_status st = ov_bus_server_check(version, o->replicas, err);
    for (size_t i = 0; st == OV_OK && i < stream_definition_count; i++) {
        ov_bus_stream want = wanted(&stream_definitions[i], o);
        st = ov_bus_stream_ensure(bus, &want, err);
    }
    return st;
}
