/* Fills requests in. */
#include "services/fetcher/asking.h"

#include <stdio.h>

#include "base/mem.h"
#include "base/poison.h"

enum { REDIRECTS_MAX = 5 };

void asking_clear(asking *a)
{
    ov_secret_free(a->token);
    a->token = NULL;
}

void asking_grant(asking *a, const char *url, ov_secret *token)
{
    ov_secret_free(a->token);
    a->token = token;
    snprintf(a->granted_url, sizeof a->granted_url, "%s", url);
}

ov_status asking_credential(const asking *a, const char *url, provider_credential *ret,
                            const credential_failure **ret_why)
{
    const look_options *o = a->o;
    if (!o->credential) return OV_NOT_FOUND;
    if (o->credential(o->credential_arg, url, ret)) return OV_OK;
    const credential_failure *why = o->credential_failure(o->credential_arg);
    if (!why) return OV_NOT_FOUND;
    *ret_why = why;
    return OV_FAILED;
}

static void fill_limits(const asking *a, const char *url, ov_fetch_request *q)
{
    const look_options *o = a->o;
    uint64_t max = (uint64_t)o->bytes_max, left = max > a->body_bytes ? max - a->body_bytes : 1;
    int64_t left_ms = ov_mono_since(a->deadline, ov_mono_now());
    *q = (ov_fetch_request){.url = url,
                            .wire_max = left,
                            .body_max = left,
                            .connect_ms = o->connect_ms,
                            .idle_ms = o->idle_ms,
                            .total_ms = left_ms > 0 ? left_ms : 1,
                            .redirects_max = REDIRECTS_MAX,
                            .policy = o->policy,
                            .stop = o->stop,
                            .alive = o->alive,
                            .alive_arg = o->arg};
}

static void add_header(ov_fetch_request *q, const char *name, const char *value)
{
    for (size_t i = 0; i < OV_FETCH_HEADERS; i++) {
        if (q->headers[i].name) continue;
        q->headers[i].name = name;
        q->headers[i].value = value;
        return;
    }
}

static ov_status add_credential(const asking *a, ov_fetch_request *q, const credential_failure **ret_why)
{
    provider_credential c;
    ov_status status = asking_credential(a, q->url, &c, ret_why);
    if (status != OV_OK) return status == OV_NOT_FOUND ? OV_OK : status;
    q->bearer = c.bearer;
    if (c.authorization) add_header(q, "Authorization", c.authorization);
    if (c.header) add_header(q, c.header, c.value);
    return OV_OK;
}

/* Providers that authorize are shown a credential only when they ask; others at once. */
static ov_status authorise(const asking *a, const provider *p, ov_fetch_request *q, const credential_failure **ret_why)
{
    bool granted = a->granted_url[0] && ov_fetch_same_origin(a->granted_url, q->url);
    if (granted && a->token) q->bearer = a->token;
    return q->bearer || (p->authorize && !granted) ? OV_OK : add_credential(a, q, ret_why);
}

ov_status asking_page(const asking *a, const provider *p, const char *url, unsigned number, ov_str etag,
                      ov_str modified, asking_request *ret, const credential_failure **ret_why)
{
    provider_request how = {0};
    ov_fetch_request *q = &ret->q;
    fill_limits(a, url, q);
    if (p->request) p->request(number, &how);
    if (how.method) {
        q->method = how.method;
        q->body = how.body;
        q->content_type = how.content_type;
        q->redirects_max = 0;
    }
    add_header(q, "Accept", how.accept ? how.accept : p->accept);
    if (how.header) add_header(q, how.header, how.value);
    snprintf(ret->etag, sizeof ret->etag, "%.*s", OV_STR_ARG(etag));
    snprintf(ret->modified, sizeof ret->modified, "%.*s", OV_STR_ARG(modified));
    if (etag.len)
        add_header(q, "If-None-Match", ret->etag);
    else if (modified.len)
        add_header(q, "If-Modified-Since", ret->modified);
    return authorise(a, p, q, ret_why);
}

/* Whether the refused URL's own credential is what its token server is shown. */
static bool shares_credential(const asking *a, const char *refused_url, const char *url)
{
    provider_credential own, other;
    const credential_failure *why;
    if (ov_fetch_same_origin(refused_url, url)) return true;
    if (asking_credential(a, refused_url, &own, &why) != OV_OK || !own.authorization) return false;
    if (asking_credential(a, url, &other, &why) != OV_OK || !other.authorization) return false;
    return ov_str_eq(ov_str_of(own.authorization), ov_str_of(other.authorization));
}

ov_status asking_aside(const asking *a, const char *refused_url, const char *url, ov_str form, ov_fetch_request *ret,
                       const credential_failure **ret_why)
{
    fill_limits(a, url, ret);
    add_header(ret, "Accept", "application/json");
    if (form.len) {
        ret->method = "POST";
        ret->body = form;
        ret->content_type = "application/x-www-form-urlencoded";
        ret->redirects_max = 0;
        return OV_OK;
    }
    return shares_credential(a, refused_url, url) ? add_credential(a, ret, ret_why) : OV_OK;
}
