/* Topology: brings the streams and buckets on the bus to what proto defines. */
#ifndef OPVIC_AGGREGATOR_TOPOLOGY_H
#define OPVIC_AGGREGATOR_TOPOLOGY_H

#include "bus/streams.h"

typedef struct {
    unsigned replicas;
    bool memory;
    int64_t max_bytes;    /* of all streams; 0: no limit */
    int64_t retention_ms; /* of reports */
    int64_t events_ms;    /* of events */
    int64_t dead_ms;      /* of dead letters */
} topology_options;

/* OV_INVALID: the server is a broken version, or a stream cannot be changed; OV_RETRY, OV_FAILED as
 * ov_bus_stream_ensure. */
OV_MUST_CHECK ov_status topology_ensure(ov_bus *bus, const topology_options *o, ov_err *err);

#endif
