/* What every fallible function returns: a status to act on and a message for the person. */
#ifndef OV_BASE_STATUS_H
#define OV_BASE_STATUS_H

#include <stddef.h>

typedef enum {
    OV_OK,
    OV_INVALID,   /* the input is wrong; trying again with the same input cannot help */
    OV_NOT_FOUND, /* what was asked for is not there */
    OV_RETRY,     /* not now: the same call may succeed later */
    OV_FAILED     /* the operation failed for a reason of its own (I/O, a refused right) */
} ov_status;

/* Never allocates; always terminated; empty until something failed. */
typedef struct {
    char msg[256];
} ov_err;

#define OV_MUST_CHECK __attribute__((warn_unused_result))
#define OV_PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))

/* Runs fn(&variable) when the variable leaves its scope. fn must accept what the initialiser left. */
#define OV_CLEANUP(fn) __attribute__((cleanup(fn)))

/* Hands a pointer out of an owning local: the local becomes NULL, the value moves to the caller. */
#define OV_TAKE(p)                     \
    (__extension__({                   \
        __typeof__(p) ov_taken_ = (p); \
        (p) = NULL;                    \
        ov_taken_;                     \
    }))

#define OV_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Formats the message into err (which may be NULL; longer messages are cut) and returns status. */
ov_status ov_fail(ov_err *err, ov_status status, const char *fmt, ...) OV_PRINTF(3, 4);

/* Puts "prefix: " before the message that err already holds and returns status. */
ov_status ov_fail_in(ov_err *err, ov_status status, const char *prefix);

/* The status's name in lower case ("ok", "invalid", ...), static. */
const char *ov_status_name(ov_status status);

#endif
