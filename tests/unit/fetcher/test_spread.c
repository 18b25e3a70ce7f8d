/* Those who wait for one host come back one after the other. */
#include "services/fetcher/spread.h"

#include "support/check.h"
#include "base/poison.h"

int main(void)
{
    spread s = {0};
    CHECK_INT(spread_next_s(&s, 100, 500, 0), 100);
    CHECK_INT(spread_next_s(&s, 100, 500, 0), 101);
    CHECK_INT(spread_next_s(&s, 100, 500, 0), 101);
    CHECK_INT(spread_next_s(&s, 90, 500, 0), 102); /* behind those who stand there */
    CHECK_INT(spread_next_s(&s, 200, 500, 0), 200);
    spread_next_s(&s, 200, (int64_t)SPREAD_MAX_S * 1000, 0);
    CHECK_INT(spread_next_s(&s, 200, 500, 7), 207); /* nobody waits for days */
    CHECK_INT(spread_next_s(&s, 200, 500, SPREAD_MAX_S + 8), 208);
    return check_end();
}
