/* How long to wait before the next try: doubling, bounded, with full jitter; pure. */
#ifndef OV_BASE_BACKOFF_H
#define OV_BASE_BACKOFF_H

#include <stdint.h>

typedef struct {
    int64_t base_ms, max_ms; /* both > 0, base_ms <= max_ms */
    uint32_t failures;       /* since the last success */
} ov_backoff;

/* The wait after one more failure, in [base_ms, ceiling] where the ceiling doubles from 2 * base_ms up to max_ms.
 * random is any 64 random bits: the same bits give the same wait. */
int64_t ov_backoff_next_ms(ov_backoff *b, uint64_t random);
void ov_backoff_reset(ov_backoff *b);

#endif
