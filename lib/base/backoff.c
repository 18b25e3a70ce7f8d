/* Doubles the longest wait with each failure and draws from below it, so that many clients do not return at once. */
#include "base/backoff.h"

#include <assert.h>

#include "base/poison.h"

enum { DOUBLINGS_MAX = 63 }; /* leaves nothing of any maximum; a longer shift would be undefined */

static int64_t ceiling_ms(const ov_backoff *b)
{
    uint32_t doublings = b->failures < DOUBLINGS_MAX ? b->failures : DOUBLINGS_MAX;
    /* Shifting the maximum down instead of the base up cannot overflow. */
    return b->base_ms > b->max_ms >> doublings ? b->max_ms : b->base_ms << doublings;
}

int64_t ov_backoff_next_ms(ov_backoff *b, uint64_t random)
{
    assert(b->base_ms > 0 && b->base_ms <= b->max_ms);
    if (b->failures < UINT32_MAX) b->failures++;
    uint64_t choices = (uint64_t)(ceiling_ms(b) - b->base_ms) + 1;
    return b->base_ms + (int64_t)(random % choices);
}

void ov_backoff_reset(ov_backoff *b)
{
    b->failures = 0;
}
