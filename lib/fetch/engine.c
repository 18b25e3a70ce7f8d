/* Drives transfers: perform, collect what ended, restart redirects, apply limits, sleep. */
#include "fetch/engine.h"

#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/poison.h"

enum { CACHED_CONNECTIONS = 16 };

static pthread_once_t global_once = PTHREAD_ONCE_INIT;
static CURLcode global_code;

static void global_init(void)
{
    global_code = curl_global_init(CURL_GLOBAL_DEFAULT);
}

ov_status ov_engine_init(ov_engine *e, const char *user_agent, const char *ca_file, ov_err *err)
{
    pthread_once(&global_once, global_init);
    if (global_code != CURLE_OK) return ov_fail(err, OV_FAILED, "curl: %s", curl_easy_strerror(global_code));
    if (ca_file && access(ca_file, R_OK) != 0)
        return ov_fail(err, OV_INVALID, "%s: expected a readable file of certificates", ca_file);
    CURLM *multi = curl_multi_init();
    if (!multi) return ov_fail(err, OV_FAILED, "curl could not start");
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)CACHED_CONNECTIONS);
    *e = (ov_engine){.multi = multi};
    e->defaults.user_agent = ov_dup(ov_str_of(user_agent));
    e->defaults.ca_file = ca_file ? ov_dup(ov_str_of(ca_file)) : NULL;
    ov_proxy_env_read(&e->defaults.proxy);
    return OV_OK;
}

void ov_engine_clear(ov_engine *e)
{
    if (e->multi) curl_multi_cleanup(e->multi);
    free(e->defaults.user_agent);
    free(e->defaults.ca_file);
    ov_proxy_env_clear(&e->defaults.proxy);
    *e = (ov_engine){0};
}

void ov_engine_add(ov_engine *e, ov_transfer *t)
{
    t->next = e->running;
    e->running = t;
    if (!t->finished && curl_multi_add_handle(e->multi, t->easy) != CURLM_OK)
        ov_transfer_end(t, OV_FETCH_UNREACHABLE, "curl could not start");
}

void ov_engine_remove(ov_engine *e, ov_transfer *t)
{
    for (ov_transfer **at = &e->running; *at; at = &(*at)->next)
        if (*at == t) {
            *at = t->next;
            break;
        }
    if (t->easy) curl_multi_remove_handle(e->multi, t->easy);
}

static void collect(ov_engine *e)
{
    int left;
    for (CURLMsg *m; (m = curl_multi_info_read(e->multi, &left));) {
        if (m->msg != CURLMSG_DONE) continue;
        CURL *easy = m->easy_handle;
        CURLcode code = m->data.result; /* m is gone once the handle is removed */
        ov_transfer *t = NULL;
        curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&t);
        curl_multi_remove_handle(e->multi, easy);
        if (ov_transfer_hop(t, code) && curl_multi_add_handle(e->multi, easy) != CURLM_OK)
            ov_transfer_end(t, OV_FETCH_UNREACHABLE, "curl could not start");
    }
}

void ov_engine_work(ov_engine *e)
{
    int running;
    (void)curl_multi_perform(e->multi, &running);
    collect(e);
    ov_mono now = ov_mono_now();
    for (ov_transfer *t = e->running; t; t = t->next) ov_transfer_check(t, now);
}

void ov_engine_sleep(ov_engine *e, int64_t most_ms)
{
    ov_mono now = ov_mono_now();
    int64_t quiet = most_ms;
    for (const ov_transfer *t = e->running; t; t = t->next) quiet = ov_transfer_quiet_ms(t, now, quiet);
    (void)curl_multi_poll(e->multi, NULL, 0, quiet > INT_MAX ? INT_MAX : (int)quiet, NULL);
}
