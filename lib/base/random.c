/* Reads random bytes from the kernel with getrandom(2). */
#include "base/random.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/types.h>

#include "base/poison.h"

enum { CHUNK_BYTES = 64 }; /* up to 256 bytes come whole */

static void fill(unsigned char *out, size_t len)
{
    while (len > 0) {
        ssize_t n = getrandom(out, len, 0);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) abort(); /* guessable ids would be worse than none */
        out += n;
        len -= (size_t)n;
    }
}

uint64_t ov_random_u64(void)
{
    unsigned char bytes[8];
    fill(bytes, sizeof bytes);
    uint64_t bits = 0;
    for (size_t i = 0; i < sizeof bytes; i++) bits = bits << 8 | bytes[i];
    return bits;
}

void ov_random_hex(char *out, size_t bytes)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char chunk[CHUNK_BYTES];
    for (size_t done = 0; done < bytes;) {
        size_t n = bytes - done < sizeof chunk ? bytes - done : sizeof chunk;
        fill(chunk, n);
        for (size_t i = 0; i < n; i++) {
            *out++ = digits[chunk[i] >> 4];
            *out++ = digits[chunk[i] & 15];
        }
        done += n;
    }
    *out = '\0';
}
