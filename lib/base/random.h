/* Random bits from the kernel, for ids and jitter. */
#ifndef OV_BASE_RANDOM_H
#define OV_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

uint64_t ov_random_u64(void);
/* Lower-case hexadecimal digits of fresh random bytes and a terminator: out holds 2 * bytes + 1. */
void ov_random_hex(char *out, size_t bytes);

#endif
