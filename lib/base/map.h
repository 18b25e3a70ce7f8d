/* A hash table from byte strings to pointers; keys are copied, values belong to the caller. */
#ifndef OV_BASE_MAP_H
#define OV_BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

typedef struct ov_map_slot ov_map_slot;
typedef struct {
    ov_map_slot *slots;
    size_t cap, count, used; /* used counts tombstones too */
} ov_map;                    /* zero is an empty map */

void ov_map_clear(ov_map *m); /* frees keys and table, not the values */
/* The value, or NULL. */
void *ov_map_get(const ov_map *m, ov_str key);
/* Sets the value (not NULL); returns the one that stood there before, or NULL. */
void *ov_map_put(ov_map *m, ov_str key, void *value);
/* Takes the key out; returns its value, or NULL. */
void *ov_map_remove(ov_map *m, ov_str key);

/* Walks in no particular order: start with *at = 0, false at the end. The map must not grow meanwhile;
 * removing the entry just returned is allowed. key stays valid while it is in the map. */
bool ov_map_next(const ov_map *m, size_t *at, ov_str *ret_key, void **ret_value);

#endif
