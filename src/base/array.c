/* array - see array.h. */
#include "base/array.h"

#include <stdint.h>
#include <stdlib.h>

#define ARRAY_FIRST 16

void *array_room(void *items, size_t *cap, size_t count, size_t item_size, struct err *err)
{
    if (count <= *cap)
        return items;
    size_t more = *cap > 0 ? *cap * 2 : ARRAY_FIRST; /* no array has more than PTRDIFF_MAX octets */
    if (more < count)
        more = count;
    void *grown = more <= PTRDIFF_MAX / item_size ? realloc(items, more * item_size) : NULL;
    if (!grown) {
        err_nomem(err);
        return NULL;
    }
    *cap = more;
    return grown;
}
