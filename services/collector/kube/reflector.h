/* One kind's objects kept in step with the API server: what to ask next, what the answers mean, when to ask again.
 * Pure: time, random bits and answers are given. */
#ifndef OPVIC_COLLECTOR_KUBE_REFLECTOR_H
#define OPVIC_COLLECTOR_KUBE_REFLECTOR_H

#include "fetch/fetch.h"
#include "services/collector/cluster/cluster.h"

enum {
    REFLECTOR_PATH_MAX = 10 * 1024,            /* bytes of a path with its query */
    REFLECTOR_PAGE = 500,                      /* objects of one page of a list */
    REFLECTOR_OBJECT_MAX = 8 * 1024 * 1024,    /* bytes of one object */
    REFLECTOR_WAIT_MIN_MS = 500,               /* between two tries: at least, */
    REFLECTOR_WAIT_MAX_MS = 30000,             /* at most, */
    REFLECTOR_RETRY_AFTER_MAX_MS = 600 * 1000, /* and at most when the server says so */
    REFLECTOR_STEADY_MS = 5000,                /* a watch that lived so long was no failure */
    REFLECTOR_DENIALS = 3                      /* in a row, until a kind that was read is taken for gone or forbidden */
};

/* Why a request ended, and another one follows. */
typedef enum {
    REFLECTOR_GOES_ON,      /* a page, or the list before its watch, ended well */
    REFLECTOR_TIMED_OUT,    /* the server ended the watch in its time */
    REFLECTOR_EXPIRED,      /* 410: what we know is too old; everything is read again */
    REFLECTOR_CUT,          /* the connection ended, was refused or broke */
    REFLECTOR_IDLE,         /* no byte in the time allowed */
    REFLECTOR_THROTTLED,    /* 429 */
    REFLECTOR_SERVER_ERROR, /* 5xx */
    REFLECTOR_UNAUTHORIZED, /* 401 */
    REFLECTOR_FORBIDDEN,    /* 403 */
    REFLECTOR_MISSING,      /* 404: the server has no such kind */
    REFLECTOR_NO_STREAM,    /* the server does not stream lists: pages are asked for from now on */
    REFLECTOR_MALFORMED,    /* not what an API server writes */
    REFLECTOR_REASONS       /* how many there are */
} reflector_reason;
/* "timedOut", "expired", ...; static. */
const char *reflector_reason_name(reflector_reason reason);

typedef struct {
    ov_str event_kind;           /* as cluster events name it */
    ov_str group, version, kind; /* "apps", "v1", "Deployment"; the group of core kinds is empty */
    ov_str plural;               /* "deployments"; empty: asked of the server */
    unsigned section;
    int64_t watch_s; /* what a watch may last at least, seconds; up to twice that is asked for */
    cluster_sink sink;
    void *arg;
} reflector_options;

typedef struct reflector reflector;
/* Texts are copied. */
reflector *reflector_new(const reflector_options *o);
void reflector_free(reflector *r);
ov_str reflector_kind(const reflector *r);

/* When its next request is due; far away while one is running. */
ov_mono reflector_due(const reflector *r);
/* Begins the request that is due: its path and query. can_stream: the server may know sendInitialEvents. true: it is
 * open as long as it can be (a watch). */
bool reflector_begin(reflector *r, bool can_stream, ov_mono now, uint64_t random, char path[REFLECTOR_PATH_MAX]);
/* The answer, as it comes; objects go to the sink. false: no more of it is wanted. */
void reflector_on_head(reflector *r, unsigned status);
bool reflector_on_body(reflector *r, ov_str piece);
/* What the answer's Retry-After asks for, REFLECTOR_RETRY_AFTER_MAX_MS at most; -1: nothing. */
int64_t reflector_retry_after_ms(const ov_fetch_result *result);
/* It ended; says why, and decides what is next. text (of any size) tells people what happened. */
reflector_reason reflector_on_done(reflector *r, const ov_fetch_result *result, ov_mono now, uint64_t random,
                                   ov_err *text);
/* The server was reached by somebody else: if it could not be reached for this one, the next try is not after `at`. */
void reflector_hasten(reflector *r, ov_mono at);
/* Everything is read again, at once; a running request must have been cancelled. */
void reflector_restart(reflector *r, ov_mono now);

/* Everything was read since the start or the last restart, or cannot be for a reason that trackers were told. */
bool reflector_is_settled(const reflector *r);
/* A reading of everything is under way. */
bool reflector_is_reading(const reflector *r);
/* What its trackers were told last. */
cluster_problem reflector_told(const reflector *r);
/* Why it cannot be read now; "" when it can. */
const char *reflector_problem(const reflector *r);

#endif
