/* array - arrays that grow: they are made twice as long where one item more has no room.
 *
 *     struct item *items = array_room(list->items, &list->cap, list->count + 1, sizeof *items, err);
 *     if (!items)
 *         return false;
 *     list->items = items;
 */
#ifndef TAPPAL_BASE_ARRAY_H
#define TAPPAL_BASE_ARRAY_H

#include <stddef.h>

#include "base/err.h"

/* The array, where it is now, with room for so many items (one at least); *cap is how many have room. `items` is NULL at
 * first, with a cap of 0; what is in new places is undefined. NULL, with the error set, where there is no memory: then
 * `items` and *cap are as they were. How many items there may be is the caller's to say. */
MUST_USE void *array_room(void *items, size_t *cap, size_t count, size_t item_size, struct err *err);

#endif
