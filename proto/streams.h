/* The streams and buckets of the bus, from this one definition; plain data that lib/bus turns into a configuration. */
#ifndef OPVIC_PROTO_STREAMS_H
#define OPVIC_PROTO_STREAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    const char *name;
    const char *const *subjects; /* NULL-terminated; NULL for buckets */
    const char *description;
    bool bucket, work_queue, discard_new;
    int64_t max_age_ms;           /* 0: none; or a STREAM_AGE_* */
    int64_t max_msgs_per_subject; /* -1: none */
    int64_t max_bytes_share;      /* percent of --streams.max-bytes, 0: no limit */
    int64_t duplicate_window_ms;
} stream_definition;
/* What an operator sets. */
enum {
    STREAM_AGE_EXPIRATION = -1, /* max(24 h, 4 x the cache expiration) */
    STREAM_AGE_EVENTS = -2,
    STREAM_AGE_DEAD = -3
};
extern const stream_definition stream_definitions[];
extern const size_t stream_definition_count;

#endif
