/* What a service waits for, told to /readyz and, when it changes, to the log. */
#include <stdarg.h>
#include <stdio.h>

#include "app/state.h"
#include "base/log.h"

#include "base/poison.h"

enum { DENIALS_SHOWN = 5 };

/* Whether it changed. */
static bool replace(ov_app *app, char held[OV_APP_TEXT_BYTES], const char *text)
{
    pthread_mutex_lock(&app->lock);
    bool changed = strncmp(held, text, OV_APP_TEXT_BYTES - 1) != 0;
    if (changed) snprintf(held, OV_APP_TEXT_BYTES, "%s", text);
    pthread_mutex_unlock(&app->lock);
    return changed;
}

void ov_app_set_waiting(ov_app *app, const char *fmt, ...)
{
    char text[OV_APP_TEXT_BYTES];
    va_list args;
    va_start(args, fmt);
    int len = vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (len < 0 || !replace(app, app->waiting, text)) return;
    if (*text)
        ov_log_info("waiting", "for", text);
    else
        ov_log_info("ready");
}

void ov_app_set_refusal(ov_app *app, const char *text)
{
    (void)replace(app, app->refusal, text);
}

bool ov_app_is_ready(const ov_app *app)
{
    pthread_mutex_t *lock = (pthread_mutex_t *)(uintptr_t)&app->lock; /* looking needs the lock, too */
    pthread_mutex_lock(lock);
    bool ready = !app->waiting[0];
    pthread_mutex_unlock(lock);
    return ready && !ov_app_stopping(app);
}

/* Rights that are missing, named and counted, but no reason of its own to be unready: what cannot be done without them
 * is what the service waits for. */
static void show_denials(const ov_bus *bus, ov_buf *out)
{
    char text[OV_BUS_DENIAL_TEXT];
    size_t shown = 0, all = bus ? ov_bus_denial_count(bus) : 0;
    for (; shown < DENIALS_SHOWN && shown < all && ov_bus_denial_at(bus, shown, text); shown++)
        ov_buf_printf(out, "\nbus permissions: permission denied: %s", text);
    if (all > shown) ov_buf_printf(out, "\nbus permissions: %zu more", all - shown);
}

bool ov_app_readiness(ov_app *app, ov_buf *out)
{
    bool stopping = ov_app_stopping(app);
    pthread_mutex_lock(&app->lock);
    bool ready = !stopping && !app->waiting[0];
    if (stopping)
        ov_buf_append_c(out, "stopping");
    else if (ready)
        ov_buf_append_c(out, "ok");
    else
        ov_buf_printf(out, "waiting for %s", app->waiting);
    if (app->refusal[0]) ov_buf_printf(out, "\nthe bus refused: %s", app->refusal);
    pthread_mutex_unlock(&app->lock);
    show_denials(ov_app_bus(app), out);
    return ready;
}
