/* Transfers on one curl multi handle: the only place that drives curl. */
#ifndef OV_FETCH_ENGINE_H
#define OV_FETCH_ENGINE_H

#include "fetch/transfer.h"

typedef struct {
    CURLM *multi;
    ov_transfer_defaults defaults;
    ov_transfer *running;
} ov_engine;

OV_MUST_CHECK ov_status ov_engine_init(ov_engine *e, const char *user_agent, const char *ca_file, ov_err *err);
/* Transfers must have been taken off before. */
void ov_engine_clear(ov_engine *e);
/* t is the caller's and stays until it was taken off. */
void ov_engine_add(ov_engine *e, ov_transfer *t);
void ov_engine_remove(ov_engine *e, ov_transfer *t);
/* Moves what can be moved without waiting; follows redirects, applies limits; finished transfers have finished set. */
void ov_engine_work(ov_engine *e);
/* Sleeps until a socket is ready, a limit is due, curl_multi_wakeup or most_ms. */
void ov_engine_sleep(ov_engine *e, int64_t most_ms);

#endif
