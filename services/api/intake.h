/* Intake: reports and heartbeats from HTTP onto the bus; acknowledged when they are stored. */
#ifndef OPVIC_API_INTAKE_H
#define OPVIC_API_INTAKE_H

#include "bus/bus.h"
#include "httpd/httpd.h"
#include "services/api/view.h"

enum {
    INTAKE_STORE_MS = 5000,  /* for the bus to say that it is stored */
    INTAKE_ANSWER_MS = 7000, /* the answer's own deadline, above the bus's */
    INTAKE_RETRY_AFTER_S = 5
};

/* POST /agents: the body is published as it came. */
void intake_report(ov_bus *bus, const ov_http_request *r, ov_http_answer *a);
/* POST /agents/:id/heartbeat; views tells what the aggregator wants of the agent. */
void intake_heartbeat(ov_bus *bus, view_holder *views, const ov_http_request *r, ov_http_answer *a);
/* 503 with Retry-After. */
void intake_unavailable(ov_http_answer *a, const char *why);

#endif
