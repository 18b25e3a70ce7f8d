/* Turns what is known of a host into an outcome, and an outcome into what is known of a host. */
#include "services/fetcher/look_host.h"

#include <stdio.h>
#include <string.h>

#include "services/fetcher/refusal.h"
#include "base/poison.h"

static void put_off(look_result *r, const hosts_ticket *t, int64_t now_s)
{
    bool aside = t->verdict == HOSTS_ASIDE;
    r->outcome = LOOKUP_DEFERRED;
    r->failure = aside ? FAILURE_UNREACHABLE : FAILURE_NONE;
    r->next_try_s = refusal_bound(now_s + (t->wait_ms + 999) / 1000, now_s);
    /* The same text each time: entries that show it are not written anew. */
    snprintf(r->message, sizeof r->message, "not asked: %s",
             aside ? "the host keeps failing" : "as many looks at the host are under way as may be");
}

bool look_enter_host(const look_options *o, const char *url, int64_t now_s, look_result *r, hosts_ticket *ret)
{
    budget_key k = {0};
    if (!o->hosts) return true;
    (void)budget_key_of(url, "", NULL, &k);
    *ret = hosts_enter(o->hosts, k.host);
    if (ret->verdict == HOSTS_IN) return true;
    put_off(r, ret, now_s);
    return false;
}

bool look_change_host(const look_options *o, const char *url, int64_t now_s, look_result *r, hosts_ticket *t)
{
    budget_key k = {0};
    if (!o->hosts) return true;
    (void)budget_key_of(url, "", NULL, &k);
    if (strcmp(k.host, t->host) == 0) return true;
    look_leave_host(o, t, r);
    return look_enter_host(o, url, now_s, r, t);
}

void look_leave_host(const look_options *o, const hosts_ticket *t, const look_result *r)
{
    bool down = r->failure == FAILURE_UNREACHABLE || r->failure == FAILURE_TIMEOUT || r->failure == FAILURE_TLS;
    bool untold = r->outcome == LOOKUP_DEFERRED || r->stopped || r->requests == 0;
    if (!o->hosts || t->verdict != HOSTS_IN) return;
    hosts_leave(o->hosts, t, untold ? HOSTS_UNTOLD : down ? HOSTS_FAILED : HOSTS_WELL);
}
