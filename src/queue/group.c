/* group - see group.h. */
#include "queue/group.h"

#include <stdlib.h>
#include <string.h>

static bool is_same(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static struct group *find(const struct groups *g, const char *config_dir, const char *account)
{
    for (size_t i = 0; i < g->count; i++) {
        if (is_same(g->items[i]->config_dir, config_dir) && is_same(g->items[i]->account, account)) {
            return g->items[i];
        }
    }
    return NULL;
}

static void group_free(struct group *group)
{
    free(group->config_dir);
    free(group->account);
    free(group);
}

static bool copy(char **to, const char *from)
{
    return from == NULL || (*to = strdup(from)) != NULL;
}

static struct group *add(struct groups *g, const char *config_dir, const char *account, struct err *err)
{
    struct group *group = calloc(1, sizeof(*group));
    struct group **grown = realloc(g->items, (g->count + 1) * sizeof(struct group *));
    if (grown != NULL) {
        g->items = grown;
    }
    if (group == NULL || grown == NULL || !copy(&group->config_dir, config_dir) ||
        !copy(&group->account, account)) {
        if (group != NULL) {
            group_free(group);
        }
        err_nomem(err);
        return NULL;
    }
    g->items[g->count] = group;
    g->count++;
    return group;
}

void groups_free(struct groups *g)
{
    for (size_t i = 0; i < g->count; i++) {
        group_free(g->items[i]);
    }
    free(g->items);
    free(g->known);
    *g = (struct groups){0};
}

static int by_id(const void *a, const void *b)
{
    return strcmp(((const struct known *)a)->id, ((const struct known *)b)->id);
}

static const struct known *find_known(const struct groups *g, const char *id)
{
    struct known key = {.group = NULL};
    if (g->known_count == 0) {
        return NULL;
    }
    memcpy(key.id, id, sizeof(key.id));
    return bsearch(&key, g->known, g->known_count, sizeof(key), by_id);
}

const struct group *groups_find(const struct groups *g, struct store *store, const char *id)
{
    const struct known *known = find_known(g, id);
    const struct group *group = NULL;
    struct message m;
    struct err ignored;
    if (known != NULL) {
        return known->group;
    }
    if (store_peek(store, id, &m, &ignored) == TAKE_GOT) {
        group = find(g, m.envelope.config_dir, m.envelope.account);
    }
    store_release(&m);
    return group;
}

/* NULL: no memory. */
static struct group *look(struct groups *g, struct store *store, const char *id, struct err *err)
{
    struct message m;
    struct err ignored;
    bool got = store_peek(store, id, &m, &ignored) == TAKE_GOT;
    const char *dir = got ? m.envelope.config_dir : NULL, *account = got ? m.envelope.account : NULL;
    struct group *group = find(g, dir, account);
    if (group == NULL) {
        group = add(g, dir, account, err);
    }
    store_release(&m);
    return group;
}

bool groups_learn(struct groups *g, struct store *store, const struct store_item *items, size_t count,
                  struct err *err)
{
    struct known *now = calloc(count + 1, sizeof(*now));
    bool ok = now != NULL || err_nomem(err);
    for (size_t i = 0; ok && i < count; i++) {
        const struct known *known = find_known(g, items[i].id);
        memcpy(now[i].id, items[i].id, sizeof(now[i].id));
        now[i].due = items[i].due;
        /* Due sooner than it was: somebody asked for that, and no child has heard of it. */
        now[i].given = known != NULL && known->given && items[i].due >= known->due;
        now[i].group = known != NULL ? known->group : look(g, store, items[i].id, err);
        ok = now[i].group != NULL;
    }
    if (!ok) {
        free(now);
        return false;
    }
    free(g->known);
    g->known = now;
    g->known_count = count;
    return true;
}
