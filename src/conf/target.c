/* target - see target.h. */
#include "conf/target.h"

#include <string.h>

#include "base/text.h"

#define PART_MAX 255 /* octets of a file's name */

static bool is_part(const char *part, size_t n)
{
    static const char *const taken[] = {".", "..", "cur", "new", "tmp"}; /* the latter by maildirs */
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
        if (strlen(taken[i]) == n && memcmp(part, taken[i], n) == 0)
            return false;
    return n > 0 && n <= PART_MAX && !text_has_control(part, n);
}

static bool is_place(const char *place)
{
    for (const char *part = place, *end;; part = end + 1) {
        end = part + strcspn(part, "/");
        if (!is_part(part, (size_t)(end - part)))
            return false;
        if (!*end)
            return strlen(place) <= TARGET_PLACE_MAX;
    }
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* cut - at the last colon, for a folder's name may hold some; blanks beside it do not count */
static bool cut(const char *item, struct target *t, struct err *err)
{
    const char *colon = strrchr(item, ':'), *place = colon ? colon + 1 : NULL;
    size_t n = colon ? (size_t)(colon - item) : 0;
    while (n > 0 && is_blank(item[n - 1]))
        n--;
    while (place && is_blank(*place))
        place++;
    return (n > 0 || err_set(err, ERR_CONFIG, "\"%.200s\" does not say which folder goes where.", item)) &&
           str_add(&t->folder, item, n, err) && str_addz(&t->place, place, err);
}

bool target_read(const char *item, struct target *target_r, struct err *err)
{
    *target_r = (struct target){STR_INIT(4096), STR_INIT(4096)};
    struct target *t = target_r;
    if (!cut(item, t, err))
        return false;
    if (strpbrk(t->folder.buf, "*%") || t->folder.buf[0] == '!')
        return err_set(err, ERR_CONFIG, "\"%.200s\" is not one folder: a target has no wildcards.",
                       t->folder.buf);
    if (strcmp(t->place.buf, ".") == 0)
        str_clear(&t->place);
    else if (!is_place(t->place.buf))
        return err_set(err, ERR_CONFIG, "\"%.200s\" cannot be a place below the maildir.", t->place.buf);
    return true;
}

void target_free(struct target *target)
{
    str_free(&target->folder);
    str_free(&target->place);
}
