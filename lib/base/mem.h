/* Memory that is there or ends the process: the orchestrator restarts, state is on the bus. */
#ifndef OV_BASE_MEM_H
#define OV_BASE_MEM_H

#include <stddef.h>

#include "base/str.h"

void *ov_alloc(size_t size);                /* not zeroed */
void *ov_zalloc(size_t size);               /* zeroed */
void *ov_calloc(size_t count, size_t size); /* zeroed; count * size checked */
void *ov_realloc(void *p, size_t count, size_t size);
char *ov_dup(ov_str s);                   /* terminated copy; the caller frees */
void ov_free_p(void *pointer_to_pointer); /* for OV_CLEANUP on any heap pointer: frees *p */

/* Grows *array (of elements of size bytes) so that it holds at least want elements; *cap follows. */
void ov_grow(void *pointer_to_array, size_t *cap, size_t want, size_t size);

#endif
