/* Ships over HTTP to a control plane, as the Go agent does, with heartbeats where the control plane knows them. */
#ifndef OPVIC_COLLECTOR_SHIP_TRANSPORT_HTTP_H
#define OPVIC_COLLECTOR_SHIP_TRANSPORT_HTTP_H

#include "crypto/secret.h"
#include "fetch/fetch.h"
#include "services/collector/ship/transport.h"

enum {
    TRANSPORT_HTTP_URL_MAX = 1024,
    TRANSPORT_HTTP_CONNECT_MS = 5000,
    TRANSPORT_HTTP_TOTAL_MS = 20000,
    TRANSPORT_HTTP_BODY_MAX = REPORT_BYTES_MAX / 4 * 3 /* what a control plane on a bus with its usual payload takes */
};

typedef struct {
    const char *url;        /* http(s)://host[:port][/path], what stands before /api/v1alpha1 */
    const ov_secret *token; /* or NULL; must outlive the transport */
    ov_str agent_id;        /* copied; of letters, digits and dashes */
    const char *instance;   /* copied */
} transport_http_options;

/* loop and inbox must outlive what is in flight: the loop is freed (which ends it) before the transport's free is
 * called. OV_INVALID: "controlplane.url: \"x\": expected http://... or https://...". */
OV_MUST_CHECK ov_status transport_http_open(ov_fetch_loop *loop, ov_inbox *inbox, const transport_http_options *o,
                                            transport *ret, ov_err *err);

#endif
