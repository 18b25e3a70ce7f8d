/* Takes signals where nothing else runs, so that no handler ever interrupts anything. */
#include "app/signals.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/status.h"

#include "base/poison.h"

/* Wakes our thread; it means nothing when somebody else sends it. */
enum { WAKE = SIGUSR1 };

static void wanted(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
    sigaddset(set, WAKE);
}

/* The next signal, 0 when none came by the deadline. */
static int wait_for_signal(const sigset_t *set, const ov_mono *deadline)
{
    if (!deadline) {
        int signal_number;
        return sigwait(set, &signal_number) == 0 ? signal_number : WAKE;
    }
    int64_t left = ov_mono_since(*deadline, ov_mono_now());
    if (left <= 0) return 0;
    struct timespec wait = {.tv_sec = left / 1000, .tv_nsec = left % 1000 * 1000000};
    int signal_number = sigtimedwait(set, NULL, &wait);
    return signal_number > 0 ? signal_number : errno == EAGAIN ? 0 : WAKE;
}

/* The stop has begun: another signal, or too much time, ends the process at once. */
static void guard_stop(ov_signals *s, const sigset_t *set)
{
    ov_mono deadline = ov_mono_after(ov_mono_now(), s->stop_ms);
    int signal_number = WAKE;
    while (!atomic_load(&s->ending) && signal_number == WAKE) signal_number = wait_for_signal(set, &deadline);
    if (atomic_load(&s->ending)) return;
    ov_log_error(signal_number ? "second signal: ended at once" : "the stop took too long: ended");
    _exit(EXIT_FAILURE);
}

static void *run(void *arg)
{
    ov_signals *s = arg;
    sigset_t set;
    wanted(&set);
    for (;;) {
        int signal_number = wait_for_signal(&set, NULL);
        if (atomic_load(&s->ending)) return NULL;
        if (signal_number == WAKE && !atomic_load(&s->asked)) continue;
        ov_log_info("stopping", "signal",
                    signal_number == SIGTERM  ? "SIGTERM"
                    : signal_number == SIGINT ? "SIGINT"
                                              : NULL);
        atomic_store(&s->asked, true);
        s->on_stop(s->arg);
        guard_stop(s, &set);
        return NULL;
    }
}

void ov_signals_start(ov_signals *s, void (*on_stop)(void *arg), void *arg, int64_t stop_ms)
{
    *s = (ov_signals){.on_stop = on_stop, .arg = arg, .stop_ms = stop_ms};
    sigset_t set;
    wanted(&set);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    if (pthread_create(&s->thread, NULL, run, s) != 0) abort();
}

void ov_signals_stop(ov_signals *s)
{
    if (!atomic_exchange(&s->asked, true)) pthread_kill(s->thread, WAKE);
}

void ov_signals_end(ov_signals *s)
{
    atomic_store(&s->ending, true);
    pthread_kill(s->thread, WAKE);
    pthread_join(s->thread, NULL);
}
