/* Ships over the bus: each report, heartbeat and inventory is stored by JetStream; asks come as core messages. */
#ifndef OPVIC_COLLECTOR_SHIP_TRANSPORT_BUS_H
#define OPVIC_COLLECTOR_SHIP_TRANSPORT_BUS_H

#include "bus/bus.h"
#include "services/collector/ship/transport.h"

enum { TRANSPORT_BUS_STORE_MS = 5000 /* until a store without an answer counts as failed */ };

/* bus and inbox must outlive it; agent_id and instance are copied. Its free is called only when the bus is closed or
 * nothing is in flight. Subscribes to what the aggregator asks of this agent. */
OV_MUST_CHECK ov_status transport_bus_open(ov_bus *bus, ov_inbox *inbox, ov_str agent_id, const char *instance,
                                           transport *ret, ov_err *err);

#endif
