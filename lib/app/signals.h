/* One thread that waits for signals and begins the stop. */
#ifndef OV_APP_SIGNALS_H
#define OV_APP_SIGNALS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct {
    pthread_t thread;
    void (*on_stop)(void *arg); /* once, on the thread */
    void *arg;
    int64_t stop_ms; /* a stop that takes longer ends the process */
    atomic_bool asked, ending;
} ov_signals;

/* Before any other thread: they all inherit the blocked signals. SIGPIPE is ignored. */
void ov_signals_start(ov_signals *s, void (*on_stop)(void *arg), void *arg, int64_t stop_ms);
/* As if SIGTERM had come; any thread, any number of times. */
void ov_signals_stop(ov_signals *s);
/* Joins the thread. on_stop is not called afterwards. */
void ov_signals_end(ov_signals *s);

#endif
