/* Retry-After, HTTP dates and the times of pages from foreign servers: within their bounds, and the same each time. */
#include <stdlib.h>

#include "services/fetcher/provider.h"
#include "services/fetcher/refusal.h"

#include "base/poison.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { NOW = 1700000000, DAY_S = 24 * 3600 };

static void require(bool ok)
{
    if (!ok) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ov_str text = {(const char *)data, size};
    int64_t wait = ov_fetch_retry_after_s(text, NOW), date = ov_fetch_date_s(text);
    require(wait >= -1);
    require(date >= -1);
    uint64_t seconds;
    if (ov_str_to_u64(ov_str_trim(text), &seconds))
        require(wait == (seconds > INT32_MAX ? INT32_MAX : (int64_t)seconds));
    else
        require(wait == (date < 0 ? -1 : date > NOW ? date - NOW : 0));
    require(ov_fetch_retry_after_s(text, NOW) == wait);
    require(provider_date_s(text) == provider_date_s(text));
    ov_fetch_result answer = {.status = 429};
    if (size < sizeof answer.retry_after) {
        if (size) memcpy(answer.retry_after, data, size);
        refusal why;
        refusal_judge(&answer, text, true, NOW, &why);
        require(why.failure == FAILURE_RATE_LIMITED);
        require(why.next_try_s == 0 || (why.next_try_s > NOW && why.next_try_s <= NOW + DAY_S));
        int64_t next = refusal_next_try_s(why.failure, why.next_try_s, 1, NOW);
        require(next > NOW && next <= NOW + DAY_S);
    }
    return 0;
}
