/* Hashes text for tables in memory: 16 bytes a step through a 128-bit product, with secrets drawn once per process so
 * that nobody outside can choose keys that collide. */
#include "base/str.h"

#include <pthread.h>

#include "base/random.h"
#include "base/poison.h"

__extension__ typedef unsigned __int128 wide;

static struct {
    uint64_t start, left, right, end;
} secret;
static pthread_once_t secret_once = PTHREAD_ONCE_INIT;

static void draw_secret(void)
{
    secret.start = ov_random_u64();
    secret.left = ov_random_u64();
    secret.right = ov_random_u64();
    secret.end = ov_random_u64();
}

static uint64_t mix(uint64_t a, uint64_t b)
{
    wide product = (wide)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t load(const char *from, size_t len)
{
    uint64_t word = 0;
    memcpy(&word, from, len);
    return word;
}

uint64_t ov_str_hash(ov_str s)
{
    pthread_once(&secret_once, draw_secret);
    uint64_t state = secret.start ^ s.len;
    const char *at = s.ptr;
    size_t left = s.len;
    for (; left > 16; left -= 16, at += 16)
        state = mix(load(at, 8) ^ secret.left ^ state, load(at + 8, 8) ^ secret.right ^ (state << 32 | state >> 32));
    uint64_t a = 0, b = 0;
    if (left > 0) a = load(at, left < 8 ? left : 8);
    if (left > 8) b = load(at + 8, left - 8);
    state = mix(a ^ secret.left ^ state, b ^ secret.right);
    return mix(state ^ secret.end, secret.left | 1);
}
