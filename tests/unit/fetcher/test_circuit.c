/* A failing host is set aside for longer and longer, one look tries, and what began before tells nothing. */
#include "services/fetcher/circuit.h"

#include "support/check.h"
#include "base/poison.h"

int main(void)
{
    circuit c;
    bool tries = false;
    int64_t until_ms = 0, now_ms = 0;
    circuit_init(&c);
    for (int i = 0; i < CIRCUIT_FAILURES - 1; i++) circuit_failed(&c, false, now_ms, 0);
    CHECK_INT(circuit_state_of(&c), CIRCUIT_CLOSED);
    circuit_succeeded(&c); /* not in a row */
    for (int i = 0; i < CIRCUIT_FAILURES - 1; i++) circuit_failed(&c, false, now_ms, 0);
    CHECK(circuit_admits(&c, now_ms, &tries, &until_ms));
    CHECK(!tries);
    circuit_failed(&c, false, now_ms, 0);
    CHECK_INT(circuit_state_of(&c), CIRCUIT_OPEN);
    CHECK(!circuit_admits(&c, now_ms, &tries, &until_ms));
    CHECK_INT(until_ms, CIRCUIT_WAIT_MS);
    circuit_failed(&c, false, now_ms, UINT64_MAX); /* it had begun before */
    CHECK_INT(c.until_ms, CIRCUIT_WAIT_MS);
    for (int64_t last_ms = 0, i = 0; i < 20; i++) {
        now_ms = c.until_ms;
        CHECK(circuit_admits(&c, now_ms, &tries, &until_ms));
        CHECK(tries);
        CHECK_INT(circuit_state_of(&c), CIRCUIT_HALF_OPEN);
        CHECK(!circuit_admits(&c, now_ms, &tries, &until_ms)); /* one at a time */
        CHECK_INT(until_ms, now_ms + CIRCUIT_WAIT_MS);         /* then it is known how it went */
        circuit_failed(&c, true, now_ms, (uint64_t)i * 7919);
        CHECK_INT(circuit_state_of(&c), CIRCUIT_OPEN);
        CHECK(c.until_ms - now_ms >= CIRCUIT_WAIT_MS && c.until_ms - now_ms <= CIRCUIT_WAIT_MAX_MS);
        CHECK(c.backoff.failures > last_ms);
        last_ms = c.backoff.failures;
    }
    now_ms = c.until_ms;
    CHECK(circuit_admits(&c, now_ms, &tries, &until_ms));
    circuit_untold(&c, true, now_ms); /* the next one may try at once */
    CHECK(circuit_admits(&c, now_ms, &tries, &until_ms));
    CHECK(tries);
    circuit_succeeded(&c);
    CHECK_INT(circuit_state_of(&c), CIRCUIT_CLOSED);
    CHECK_INT(c.backoff.failures, 0);
    return check_end();
}
