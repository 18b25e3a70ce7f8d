/* One line a host: its end moves on with each who joins. */
#include "services/fetcher/spread.h"

#include "base/poison.h"

int64_t spread_next_s(spread *s, int64_t earliest_s, int64_t gap_ms, uint64_t random)
{
    int64_t earliest_ms = earliest_s * 1000, longest_ms = (int64_t)SPREAD_MAX_S * 1000;
    int64_t at_ms = s->next_ms > earliest_ms ? s->next_ms : earliest_ms;
    if (at_ms - earliest_ms > longest_ms) return earliest_s + (int64_t)(random % SPREAD_MAX_S);
    s->next_ms = at_ms + gap_ms;
    return (at_ms + 999) / 1000;
}
