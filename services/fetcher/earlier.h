/* What stood on the bus before a look: the source's last outcome and the lists that it counts. */
#ifndef OPVIC_FETCHER_EARLIER_H
#define OPVIC_FETCHER_EARLIER_H

#include "bus/bus.h"
#include "proto/job.h"
#include "proto/list.h"
#include "proto/lookup.h"

typedef struct {
    ov_str name;       /* as the job has it */
    uint64_t seq;      /* of its last message; 0: none */
    char revision[17]; /* of the parts that it counts; "" when it went whole or there is none */
} earlier_list;

typedef struct {
    uint64_t seq;      /* of the last outcome; 0: none */
    lookup outcome;    /* without the lists that are not as it says, so that they are looked up and stored anew */
    bool has_outcome;  /* there is one that can be read */
    ov_bus_in *stored; /* what outcome views */
    earlier_list *lists;
    size_t list_count; /* as many as the job names; one without a name when it names none */
} earlier;

/* Reads it before the look begins; what is stored afterwards expects these sequences, so that nobody who slept over
 * another's look stores over it. alive (or NULL) is called between messages. *ret needs earlier_clear, whatever is
 * returned; the job must outlive it. OV_RETRY, OV_FAILED: the bus did not tell. */
OV_MUST_CHECK ov_status earlier_read(ov_bus *bus, const job *j, void (*alive)(void *arg), void *arg, earlier *ret,
                                     ov_err *err);
void earlier_clear(earlier *e);
/* The body of a list as it stands, put together from its parts, decoded into *ret, whose texts *ret_body holds; both
 * are the caller's to clear. OV_NOT_FOUND: there is none, or none that can be read. OV_INVALID: it is not the one of
 * earlier_read any more. OV_RETRY, OV_FAILED: the bus did not tell. */
OV_MUST_CHECK ov_status earlier_list_read(ov_bus *bus, const job *j, const earlier_list *l, void (*alive)(void *arg),
                                          void *arg, list *ret, ov_buf *ret_body, ov_err *err);
/* The outcome, NULL when there is none that can be read. */
const lookup *earlier_outcome(const earlier *e);

#endif
