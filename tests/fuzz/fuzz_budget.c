/* A stored budget, whoever wrote it: what is taken survives its own encoding, and no decision on it is out of bounds.
 */
#include <stdint.h>
#include <stdlib.h>

#include "services/fetcher/budget_rules.h"

#include "base/poison.h"

enum { NOW = 1795375000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok)
{
    if (!ok) abort();
}

static void try_event(const budget_state *stored, const budget_event *e)
{
    budget_state s = *stored;
    budget_decision d = budget_apply(&s, e, NOW);
    require(s.remaining >= 0 && s.limit >= 0);
    if (e->kind != BUDGET_TAKE) return;
    int64_t longest = 33 * 24 * 3600;
    if (d.verdict == BUDGET_WAIT) require(d.until_s > NOW && d.until_s <= NOW + longest && d.gap_ms >= 0);
    if (d.verdict == BUDGET_RESERVED) require(d.until_s > NOW && d.changed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    OV_CLEANUP(budget_doc_clear) budget_doc first = {0}, second = {0};
    OV_CLEANUP(ov_buf_clear) ov_buf once = OV_BUF(SIZE_MAX);
    ov_err err = {0};
    if (budget_doc_decode((ov_str){(const char *)data, size}, &first, &err) != OV_OK) {
        require(err.msg[0] != '\0');
        return 0;
    }
    const budget_event events[] = {
        {.kind = BUDGET_TAKE, .reserve_percent = 5},
        {.kind = BUDGET_TAKE, .api = true, .count = INT64_MAX, .reserve_percent = 90},
        {.kind = BUDGET_ANSWERED, .alone = true, .served = true},
        {.kind = BUDGET_ANSWERED, .told = true, .remaining = 7, .limit = 60, .until_s = NOW + 60},
        {.kind = BUDGET_ANSWERED, .told = true, .remaining = 7, .until_s = INT64_MAX},
        {.kind = BUDGET_LOST, .alone = true},
        {.kind = BUDGET_TOLD_OFF, .until_s = INT64_MAX},
        {.kind = BUDGET_RETURN, .count = 1, .until_s = first.state.reset_s},
    };
    for (size_t i = 0; i < OV_COUNT(events); i++) try_event(&first.state, &events[i]);
    budget_doc_encode(&first, &once);
    if (once.len > BUDGET_BYTES_MAX) return 0; /* escapes may grow */
    require(budget_doc_decode(ov_buf_str(&once), &second, &err) == OV_OK);
    require(memcmp(&first.state, &second.state, sizeof first.state) == 0);
    return 0;
}
