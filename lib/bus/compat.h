/* nats.c as this folder sees it: one include, and everything that differs between its versions 3.4 and 3.10. */
#ifndef OV_BUS_COMPAT_H
#define OV_BUS_COMPAT_H

#include <nats/nats.h>

/* Only the core protocol of nats.c is used; JetStream is spoken here by its documented subjects and JSON. That keeps
 * out what differs between the versions: 3.4's batched fetch overflows the heap (mended in 3.9), its stream struct
 * lacks newer fields, its options cannot express an expected sequence of 0, and it keeps a record of every asynchronous
 * publish until its MaxWait even when the answer came at once. */

#if NATS_VERSION_NUMBER < 0x030400
#error "nats.c 3.4 or newer is needed"
#endif

/* Neither 3.4 nor 3.10 escapes user and password in CONNECT's JSON. */
#define OV_BUS_ESCAPE_CREDENTIALS 1

/* A connection that ended is replaced by a new one here. nats.c's own reconnecting has rules for giving up (any error
 * that the server tells, the same refusal twice) that cannot be turned off in every version, and sends what was
 * buffered meanwhile long after its publisher gave up. */
#define OV_BUS_LIBRARY_RECONNECTS false

#endif
