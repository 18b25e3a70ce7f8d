/* Streams and buckets: created and updated from one definition, compared before anything is changed. */
#ifndef OV_BUS_STREAMS_H
#define OV_BUS_STREAMS_H

#include "bus/bus.h"

typedef enum { OV_RETENTION_LIMITS, OV_RETENTION_WORKQUEUE } ov_bus_retention;

/* What we own of a stream; everything else stays as an operator set it. */
typedef struct {
    const char *name;
    const char *const *subjects; /* NULL-terminated */
    const char *description;
    ov_bus_retention retention;
    bool bucket;                  /* a key-value bucket (name is the bucket's; the stream is KV_<name>) */
    bool memory;                  /* storage memory instead of file */
    unsigned replicas;            /* 1, 3 or 5 */
    int64_t max_age_ms;           /* 0: none */
    int64_t max_bytes;            /* -1: none */
    int64_t max_msgs;             /* -1: none */
    int64_t max_msgs_per_subject; /* -1: none */
    int64_t duplicate_window_ms;
    bool discard_new; /* refuse what does not fit, instead of dropping the oldest */
} ov_bus_stream;

/* Creates what is missing; updates the fields that we own through the raw STREAM.INFO JSON (an operator's other fields
 * stay; replicas are never lowered). OV_INVALID: "stream X: storage is file, wanted memory" for what cannot be changed;
 * OV_RETRY while the bus is away. */
OV_MUST_CHECK ov_status ov_bus_stream_ensure(ov_bus *bus, const ov_bus_stream *want, ov_err *err);
/* Removes the messages under a filter subject, of a stream that keeps one a subject. */
OV_MUST_CHECK ov_status ov_bus_stream_purge(ov_bus *bus, const char *stream, const char *filter, ov_err *err);
/* The same, but only those whose sequences are up to seq: what came later stays. */
OV_MUST_CHECK ov_status ov_bus_stream_purge_to(ov_bus *bus, const char *stream, const char *filter, uint64_t seq,
                                               ov_err *err);
typedef struct {
    ov_wall created;
    uint64_t first_seq, last_seq, messages;
} ov_bus_stream_info;
/* OV_NOT_FOUND when there is no such stream. */
OV_MUST_CHECK ov_status ov_bus_stream_state(ov_bus *bus, const char *stream, ov_bus_stream_info *ret, ov_err *err);
/* The last message of a subject, by the JetStream API; *ret is the caller's. OV_NOT_FOUND. */
OV_MUST_CHECK ov_status ov_bus_last_message(ov_bus *bus, const char *stream, const char *subject, ov_bus_in **ret,
                                            ov_err *err);
/* Servers of versions known to be broken are refused by name: 2.10.25, 2.10.26; replicas > 1 need 2.10.0. OV_INVALID.
 */
OV_MUST_CHECK ov_status ov_bus_server_check(const char *version, unsigned replicas, ov_err *err);

#endif
