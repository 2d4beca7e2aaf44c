/* news - see news.h. */
#include "fetch/news.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/proc.h"
#include "base/text.h"
#include "box/pipe.h"

#define SAID_MAX 65536

bool news_begin(struct news *n, const char *folder, struct err *err)
{
    *n = (struct news){.fd = -1};
    int dir = fs_open_dir(folder, err);
    if (dir < 0)
        return false;
    n->fd = fs_create_unnamed(dir, err);
    close(dir);
    return n->fd >= 0;
}

bool news_add(struct news *n, const char *path, struct err *err)
{
    struct str line = STR_INIT(SAID_MAX);
    n->count++;
    bool ok = !path || (str_addf(&line, err, "%s\n", path) && /* at once: several processes may be writing */
                        fs_write_all(n->fd, line.buf, line.len, "The list of new mail", err));
    str_free(&line);
    return ok;
}

bool news_tell(struct news *n, char *const argv[], const char *account, struct err *err)
{
    char count[24], name[80], shown[100];
    const char *const pairs[][2] = {{"TAPPAL_ACCOUNT", account}, {"TAPPAL_NEW", count}};
    struct strv env = STRV_INIT;
    struct str said = STR_INIT(SAID_MAX);
    int status = 0;
    if (n->count == 0)
        return true;
    snprintf(count, sizeof count, "%" PRIu64, n->count);
    text_clean(name, sizeof name, argv[0], strlen(argv[0]));
    snprintf(shown, sizeof shown, "The command %s", name);
    bool ok =
        lseek(n->fd, 0, SEEK_SET) == 0 || err_errno(err, ERR_LOCAL, "The list of new mail cannot be read");
    ok = ok && pipe_environment(pairs, sizeof pairs / sizeof *pairs, &env, err) &&
         proc_run(&(struct proc_run){.argv = argv,
                                     .envp = env.items,
                                     .input_fd = &n->fd,
                                     .with_errors = true,
                                     .limit_ms = NEWS_LIMIT_MS,
                                     .shown = shown},
                  &said, &status, err) &&
         (status == 0 || pipe_complain(argv[0], status, &said, err));
    if (!ok) {
        err->kind = ERR_LOCAL;
        err_prefix(err, "on_new: ");
        err_hint(err, "The mail is there; only the command was not told of it.");
    }
    strv_free(&env);
    str_free(&said);
    return ok;
}

void news_end(struct news *n)
{
    if (n->fd >= 0)
        close(n->fd);
    n->fd = -1;
}
