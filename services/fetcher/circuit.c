/* Counts failures in a row; each try that fails makes the next wait longer. */
#include "services/fetcher/circuit.h"

#include "base/poison.h"

void circuit_init(circuit *c)
{
    *c = (circuit){.backoff = {.base_ms = CIRCUIT_WAIT_MS, .max_ms = CIRCUIT_WAIT_MAX_MS}};
}

bool circuit_admits(circuit *c, int64_t now_ms, bool *ret_try, int64_t *ret_until_ms)
{
    *ret_try = c->open;
    if (!c->open) return true;
    if (now_ms < c->until_ms) {
        bool soon = c->trying && c->until_ms > now_ms + CIRCUIT_WAIT_MS; /* it will be known */
        *ret_until_ms = soon ? now_ms + CIRCUIT_WAIT_MS : c->until_ms;
        return false;
    }
    c->trying = true;
    c->until_ms = now_ms + CIRCUIT_TRY_MS;
    return true;
}

void circuit_succeeded(circuit *c)
{
    circuit_init(c);
}

void circuit_failed(circuit *c, bool tried, int64_t now_ms, uint64_t random)
{
    c->failures++;
    if (c->open && !tried) return; /* it had begun before */
    if (!c->open && c->failures < CIRCUIT_FAILURES) return;
    c->open = true;
    c->trying = false;
    c->until_ms = now_ms + ov_backoff_next_ms(&c->backoff, random);
}

void circuit_untold(circuit *c, bool tried, int64_t now_ms)
{
    if (!c->open || !tried) return;
    c->trying = false;
    c->until_ms = now_ms;
}

circuit_state circuit_state_of(const circuit *c)
{
    if (!c->open) return CIRCUIT_CLOSED;
    return c->trying ? CIRCUIT_HALF_OPEN : CIRCUIT_OPEN;
}
