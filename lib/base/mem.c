/* Asks the C library for memory and ends the process when there is none. */
#include "base/mem.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/poison.h"

enum { GROW_FIRST = 8 };

static _Noreturn void out_of_memory(void)
{
    static const char text[] = "level=error msg=\"out of memory\"\n";
    ssize_t ignored = write(STDERR_FILENO, text, sizeof text - 1);
    (void)ignored;
    abort();
}

static size_t checked_size(size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes) || bytes > PTRDIFF_MAX) out_of_memory();
    return bytes ? bytes : 1; /* NULL from malloc(0) must not look like failure */
}

static void *there(void *p)
{
    if (!p) out_of_memory();
    return p;
}

void *ov_alloc(size_t size)
{
    return there(malloc(checked_size(size, 1)));
}

void *ov_zalloc(size_t size)
{
    return ov_calloc(1, size);
}

void *ov_calloc(size_t count, size_t size)
{
    return there(calloc(1, checked_size(count, size)));
}

void *ov_realloc(void *p, size_t count, size_t size)
{
    return there(realloc(p, checked_size(count, size)));
}

char *ov_dup(ov_str s)
{
    char *copy = ov_realloc(NULL, s.len + 1, 1);
    if (s.len) memcpy(copy, s.ptr, s.len);
    copy[s.len] = '\0';
    return copy;
}

/* The pointers behind the next two have any type: they are read and written as bytes, which no aliasing rule forbids.
 */
void ov_free_p(void *pointer_to_pointer)
{
    void *p;
    memcpy(&p, pointer_to_pointer, sizeof p);
    free(p);
}

void ov_grow(void *pointer_to_array, size_t *cap, size_t want, size_t size)
{
    if (want <= *cap) return;
    size_t grown = *cap > SIZE_MAX / 2 ? want : *cap * 2;
    if (grown < GROW_FIRST) grown = GROW_FIRST;
    if (grown < want) grown = want;
    void *array;
    memcpy(&array, pointer_to_array, sizeof array);
    array = ov_realloc(array, grown, size);
    memcpy(pointer_to_array, &array, sizeof array);
    *cap = grown;
}
