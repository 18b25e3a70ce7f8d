/* Answers that come later: exactly one of the worker, the deadline and the server's close completes each. */
#include <stdlib.h>

#include "base/mem.h"
#include "httpd/watch.h"

#include "base/poison.h"

struct ov_http_deferred {
    atomic_uint references; /* the request's and the worker's */
    atomic_bool claimed;    /* who sets it fills the answer and resumes; nobody else touches the server any more */
    ov_httpd *server;
    struct MHD_Connection *mhd;
    int64_t deadline_ms;
    unsigned timeout_status;
    char timeout_text[128];
    ov_http_answer answer;
    ov_http_deferred *prev, *next; /* guarded by the server's lock */
};

static void link_in(ov_httpd *h, ov_http_deferred *d)
{
    d->next = h->deferred;
    if (d->next) d->next->prev = d;
    h->deferred = d;
    ov_http_watch_by(h, d->deadline_ms);
}

static void link_out(ov_httpd *h, ov_http_deferred *d)
{
    if (d->prev)
        d->prev->next = d->next;
    else
        h->deferred = d->next;
    if (d->next) d->next->prev = d->prev;
}

static void say_closing(ov_http_answer *a)
{
    ov_http_error(a, 503, "shutting down");
    ov_http_set_header(a, "Retry-After", "1");
}

ov_http_deferred *ov_http_defer(const ov_http_request *r, int64_t deadline_ms, unsigned timeout_status,
                                const char *timeout_text)
{
    ov_http_request *own = (ov_http_request *)(uintptr_t)r; /* handlers see it read-only, it is ours */
    ov_httpd *h = own->connection->server;
    ov_http_deferred *d = ov_zalloc(sizeof *d);
    atomic_init(&d->references, 2);
    d->server = h;
    d->mhd = own->connection->mhd;
    d->deadline_ms = ov_mono_now().ms + deadline_ms;
    d->timeout_status = timeout_status;
    size_t len = strnlen(timeout_text, sizeof d->timeout_text - 1);
    memcpy(d->timeout_text, timeout_text, len);
    own->deferred = d;
    MHD_suspend_connection(d->mhd); /* a system call, so not under the lock that all threads share */
    pthread_mutex_lock(&h->lock);
    bool closing = atomic_load(&h->closing);
    if (!closing) link_in(h, d);
    pthread_mutex_unlock(&h->lock);
    if (closing) {
        atomic_store(&d->claimed, true);
        say_closing(&d->answer);
        MHD_resume_connection(d->mhd); /* on the thread that serves it: it cannot end before */
    }
    return d;
}

/* With the lock held. The close waits for an empty list before it stops the server: who resumes without the lock leaves
 * the list only afterwards. */
static void leave_list(ov_http_deferred *d)
{
    ov_httpd *h = d->server;
    link_out(h, d);
    if (!h->deferred && atomic_load(&h->closing)) pthread_cond_signal(&h->idle);
}

void ov_http_complete(ov_http_deferred *d, ov_http_answer *a)
{
    if (atomic_exchange(&d->claimed, true)) {
        ov_http_answer_clear(a); /* too late; the server may be gone */
    } else {
        ov_httpd *h = d->server;
        d->answer = *a;
        *a = (ov_http_answer){0};
        MHD_resume_connection(d->mhd);
        pthread_mutex_lock(&h->lock);
        leave_list(d);
        pthread_mutex_unlock(&h->lock);
    }
    ov_http_deferred_unref(d);
}

int64_t ov_http_deferred_expire(ov_httpd *h, int64_t now_ms)
{
    int64_t nearest = INT64_MAX;
    bool closing = atomic_load(&h->closing);
    for (ov_http_deferred *d = h->deferred, *next; d; d = next) {
        next = d->next;
        if (!closing && d->deadline_ms > now_ms) {
            if (d->deadline_ms < nearest) nearest = d->deadline_ms;
            continue;
        }
        if (atomic_exchange(&d->claimed, true)) continue; /* its worker is about to take it out */
        if (closing)
            say_closing(&d->answer);
        else
            ov_http_error(&d->answer, d->timeout_status, "%s", d->timeout_text);
        leave_list(d);
        MHD_resume_connection(d->mhd); /* the last touch: nobody here holds a reference */
    }
    return nearest;
}

void ov_http_deferred_take(ov_http_request *r, ov_http_answer *ret)
{
    ov_http_deferred *d = OV_TAKE(r->deferred);
    *ret = d->answer;
    d->answer = (ov_http_answer){0};
    ov_http_deferred_unref(d);
}

void ov_http_deferred_unref(ov_http_deferred *d)
{
    if (!d || atomic_fetch_sub(&d->references, 1) != 1) return;
    ov_http_answer_clear(&d->answer);
    free(d);
}
