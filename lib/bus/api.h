/* Requests of the JetStream API: JSON there, JSON back, errors as statuses. */
#ifndef OV_BUS_API_H
#define OV_BUS_API_H

#include "bus/bus.h"
#include "json/tree.h"

/* Error numbers of the server that callers tell apart (server/errors.json of nats-server). */
enum { OV_BUS_ERR_NAME_IN_USE = 10058 };

/* subject without "$JS.API."; the answer's tree is the caller's. OV_NOT_FOUND for a stream, consumer or message that is
 * not there; OV_RETRY: no answer or JetStream is away; OV_INVALID: refused for what was asked, with the server's text.
 * ret_number (may be NULL) gets the server's error number, 0 when it was none. */
OV_MUST_CHECK ov_status ov_bus_api(ov_bus *bus, const char *subject, ov_str body, int64_t timeout_ms, cJSON **ret,
                                   int *ret_number, ov_err *err);

/* An integer member, 0 when it is absent or no number. */
int64_t ov_bus_json_int(const cJSON *object, const char *name);
/* A time member, 0 when absent. */
ov_wall ov_bus_json_time(const cJSON *object, const char *name);

#endif
