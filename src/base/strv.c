/* strv - see strv.h. */
#include "base/strv.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/text.h"

void strv_free(struct strv *v)
{
    for (size_t i = 0; i < v->count; i++)
        free(v->items[i]);
    free(v->items);
    *v = (struct strv)STRV_INIT;
}

void strv_wipe(struct strv *v)
{
    for (size_t i = 0; i < v->count; i++)
        explicit_bzero(v->items[i], strlen(v->items[i]));
    strv_free(v);
}

bool strv_add(struct strv *v, const char *z, struct err *err)
{
    return strv_addn(v, z, strlen(z), err);
}

bool strv_addn(struct strv *v, const char *bytes, size_t n, struct err *err)
{
    char **items = array_room(v->items, &v->cap, v->count + 2, sizeof *items, err); /* NULL closes them */
    if (!items)
        return false;
    v->items = items;
    char *copy = malloc(n + 1);
    if (!copy)
        return err_nomem(err);
    if (n > 0)
        memcpy(copy, bytes, n);
    copy[n] = '\0';
    items[v->count++] = copy;
    items[v->count] = NULL;
    return true;
}

bool strv_copy(struct strv *to, const struct strv *from, struct err *err)
{
    struct strv copy = STRV_INIT;
    for (size_t i = 0; i < from->count; i++) {
        if (!strv_add(&copy, from->items[i], err)) {
            strv_free(&copy);
            return false;
        }
    }
    strv_free(to);
    *to = copy;
    return true;
}

bool strv_has(const struct strv *v, const char *z)
{
    for (size_t i = 0; i < v->count; i++)
        if (strcmp(v->items[i], z) == 0)
            return true;
    return false;
}

bool strv_has_nocase(const struct strv *v, const char *z)
{
    for (size_t i = 0; i < v->count; i++)
        if (text_eq_nocase(v->items[i], z))
            return true;
    return false;
}
