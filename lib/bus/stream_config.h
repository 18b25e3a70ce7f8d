/* A stream's configuration as the JetStream API writes it: what we want, and what of it an existing one lacks. */
#ifndef OV_BUS_STREAM_CONFIG_H
#define OV_BUS_STREAM_CONFIG_H

#include "bus/streams.h"
#include "json/tree.h"

enum { OV_BUS_STREAM_NAME = 260 };

/* The name on the server: KV_<name> for buckets. OV_INVALID when it is none. */
OV_MUST_CHECK ov_status ov_bus_stream_name(const ov_bus_stream *want, char out[OV_BUS_STREAM_NAME], ov_err *err);
/* The body of STREAM.CREATE; the caller frees it. */
OV_MUST_CHECK ov_status ov_bus_stream_config(const ov_bus_stream *want, char **ret, ov_err *err);
/* Sets in config (an existing stream's) what differs from want and is ours; *ret_changed tells whether anything did.
 * OV_INVALID for what cannot be changed: "stream X: storage is file, wanted memory". */
OV_MUST_CHECK ov_status ov_bus_stream_patch(const ov_bus_stream *want, cJSON *config, bool *ret_changed, ov_err *err);
/* The text of a configuration; integers are written as such, which cJSON alone does not do above 15 digits. The caller
 * frees it. */
char *ov_bus_stream_print(cJSON *config);

#endif
