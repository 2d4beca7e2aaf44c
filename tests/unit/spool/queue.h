/* queue - a queue in a folder of its own for the tests of this layer. Everything is static: each test
 * program has its own. */
#ifndef TAPPAL_TESTS_QUEUE_H
#define TAPPAL_TESTS_QUEUE_H

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "spool/store.h"
#include "unit.h"

#define QUEUE_TEXT "Subject: one\r\n\r\nHello.\r\n"

static char queue_root[40];
static char queue_path[sizeof queue_root + sizeof "/a/queue"];

static inline int queue_remove_one(const char *path, const struct stat *st, int flag, struct FTW *at)
{
    (void)st, (void)flag, (void)at;
    return remove(path);
}

static inline void queue_setup_in(const char *folder)
{
    log_open("test", "none");
    snprintf(queue_root, sizeof queue_root, "%s/tappal-queue-XXXXXX", folder);
    ck_assert_ptr_nonnull(mkdtemp(queue_root));
    snprintf(queue_path, sizeof queue_path, "%s/a/queue", queue_root);
}

static inline void queue_setup(void)
{
    queue_setup_in("/tmp");
}

/* In memory, where it can be: a race needs speed, not a disk. */
static inline void queue_setup_fast(void)
{
    queue_setup_in(access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
}

static inline void queue_teardown(void)
{
    nftw(queue_root, queue_remove_one, 10, FTW_DEPTH | FTW_PHYS);
}

static inline struct store queue_open(void)
{
    struct err err = {0};
    struct store store;
    ck_assert_msg(store_open(queue_path, &store, &err), "%s", err.what);
    return store;
}

/* Commits a message of one recipient; false with err set where that failed. Its id goes to `id`. */
static inline bool queue_try_put(struct store *store, const char *recipient, const char *text,
                                 char id[STORE_ID_LEN + 1], struct err *err)
{
    struct envelope e = {.accepted = 1763780000, .uid = 1000, .sender = (char[]){"ada@example.org"}};
    struct store_writer *w = NULL;
    bool ok = envelope_add(&e, recipient, err) && store_begin(store, &e, &w, err) &&
              store_write(w, text, strlen(text), err) && store_commit(w, err);
    if (ok && id)
        memcpy(id, store_writer_id(w), STORE_ID_LEN + 1);
    store_writer_free(&w);
    e.sender = NULL;
    envelope_free(&e);
    return ok;
}

static inline void queue_put(struct store *store, const char *recipient, char id[STORE_ID_LEN + 1])
{
    struct err err = {0};
    ck_assert_msg(queue_try_put(store, recipient, QUEUE_TEXT, id, &err), "%s", err.what);
}

static inline struct message queue_take(struct store *store, const char *id)
{
    struct err err = {0};
    struct message m;
    enum store_take took = store_take(store, id, &m, &err);
    ck_assert_msg(took == TAKE_GOT, "%d: %s", (int)took, err.what);
    return m;
}

static inline size_t queue_entries(const char *folder)
{
    char path[sizeof queue_path + 20];
    snprintf(path, sizeof path, "%s/%s", queue_path, folder);
    DIR *dir = opendir(path);
    size_t n = 0;
    struct dirent *entry;
    while (dir && (entry = readdir(dir)))
        n += entry->d_name[0] != '.';
    if (dir)
        closedir(dir);
    return n;
}

#endif
