/* Judges statuses: not found, unauthorized, rate limited until when, or a server that fails. */
#include "services/fetcher/refusal.h"

#include <stdio.h>

#include "base/poison.h"

enum { WAIT_MAX_S = 3600, NAMED_MAX_S = 24 * 3600 };

int64_t refusal_bound(int64_t next_try_s, int64_t now_s)
{
    if (next_try_s > now_s + NAMED_MAX_S) return now_s + NAMED_MAX_S;
    return next_try_s > now_s ? next_try_s : now_s + 1;
}

lookup_failure refusal_of_transport(ov_fetch_failure f)
{
    static const lookup_failure kinds[] = {[OV_FETCH_UNREACHABLE] = FAILURE_UNREACHABLE,
                                           [OV_FETCH_TIMEOUT] = FAILURE_TIMEOUT,
                                           [OV_FETCH_TLS] = FAILURE_TLS,
                                           [OV_FETCH_TOO_LARGE] = FAILURE_TOO_LARGE,
                                           [OV_FETCH_REFUSED_TARGET] = FAILURE_REFUSED_TARGET,
                                           [OV_FETCH_UNSUPPORTED] = FAILURE_UNSUPPORTED,
                                           [OV_FETCH_REDIRECTS] = FAILURE_UNREACHABLE,
                                           [OV_FETCH_STOPPED] = FAILURE_UNREACHABLE};
    return kinds[f];
}

/* What passes by itself is tried again soon; what somebody has to mend, or what costs a whole download, less so.
 * Somebody who has mended it need not wait: a look that is asked for comes first. */
static int64_t first_wait_s(lookup_failure f)
{
    switch (f) {
    case FAILURE_UNREACHABLE:
    case FAILURE_TIMEOUT:
        return 5;
    case FAILURE_RATE_LIMITED: /* GitHub asks for at least that where it names no time */
    case FAILURE_EMPTIED:
    case FAILURE_CHANGING:
    case FAILURE_MALFORMED:
    case FAILURE_TLS:
        return 60;
    case FAILURE_TOO_LARGE:
        return 900;
    default:
        return 300;
    }
}

int64_t refusal_next_try_s(lookup_failure f, int64_t named_s, int64_t failures, int64_t now_s)
{
    int64_t wait = named_s > 0 ? 1 : first_wait_s(f); /* "Retry-After: 0" again and again */
    for (int64_t i = 1; i < failures && wait < WAIT_MAX_S; i++) wait *= 2;
    if (wait > WAIT_MAX_S) wait = WAIT_MAX_S;
    return named_s > now_s + wait ? named_s : now_s + wait;
}

static bool holds(ov_str text, ov_str word)
{
    for (size_t at = 0; at + word.len <= text.len; at++)
        if (ov_str_eq_ignore_case(ov_str_sub(text, at, at + word.len), word)) return true;
    return false;
}

static bool is_rate_limit(const ov_fetch_result *answer, ov_str body)
{
    if (answer->status == 429) return true;
    return ov_str_eq(ov_str_of(answer->ratelimit_remaining), OV_STR("0")) || answer->retry_after[0] != '\0' ||
           holds(body, OV_STR("rate limit")) || holds(body, OV_STR("abuse detection"));
}

/* 0: upstream did not say. */
static int64_t rate_limited_until(const ov_fetch_result *answer, int64_t now_s)
{
    int64_t wait = ov_fetch_retry_after_s(ov_str_of(answer->retry_after), now_s);
    if (wait >= 0) return refusal_bound(now_s + wait, now_s);
    uint64_t reset;
    bool spent = ov_str_eq(ov_str_of(answer->ratelimit_remaining), OV_STR("0"));
    if (spent && ov_str_to_u64(ov_str_of(answer->ratelimit_reset), &reset) && reset < INT64_MAX &&
        (int64_t)reset > now_s)
        return refusal_bound((int64_t)reset, now_s);
    return 0;
}

void refusal_judge(const ov_fetch_result *answer, ov_str body, bool api, int64_t now_s, refusal *ret)
{
    unsigned status = answer->status;
    *ret = (refusal){.failure = FAILURE_UNREACHABLE};
    const char *why = "";
    if (status == 429 || (status == 403 && api && is_rate_limit(answer, body))) {
        ret->failure = FAILURE_RATE_LIMITED;
        ret->next_try_s = rate_limited_until(answer, now_s);
        why = ", the rate limit is reached";
    } else if (status == 401 || status == 403 || status == 407) {
        ret->failure = FAILURE_UNAUTHORIZED;
        if (status == 401) why = ", it needs a credential or is not there"; /* many hosts tell nobody which */
    } else if (status == 404 || status == 410) {
        ret->failure = FAILURE_NOT_FOUND;
    } else if (status == 200) {
        ret->failure = FAILURE_MALFORMED;
        why = ", a body whose end is not marked: a short one could not be told from a whole one";
    } else if (status >= 500) {
        int64_t wait = ov_fetch_retry_after_s(ov_str_of(answer->retry_after), now_s);
        if (wait > 0) ret->next_try_s = refusal_bound(now_s + wait, now_s);
    }
    snprintf(ret->text, sizeof ret->text, "HTTP %u%s", status, why);
}
