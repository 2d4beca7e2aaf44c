/* fs_step - counts the steps that matter for durability, and stops or fails at the one that a
 * test names. Without TAPPAL_TEST_STEP and TAPPAL_TEST_STEP_LOG it only counts. */
#include "base/fs_step.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/text.h"

enum at_step { GO_ON, STOP_THERE, FAIL_THERE, SHORT_THERE };

static struct {
    char program[64];
    char log[4096];
    uint64_t count, wanted;
    enum at_step what;
    int fail_with;
} hook;

static int errno_by_name(const char *name)
{
    static const struct {
        const char *name;
        int value;
    } names[] = {{"EIO", EIO}, {"ENOSPC", ENOSPC}, {"EDQUOT", EDQUOT}, {"EACCES", EACCES}, {"EROFS", EROFS}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i].name) == 0)
            return names[i].value;
    return 0;
}

/* next_field - cuts *rest at the next colon; "" where nothing is left */
static char *next_field(char **rest)
{
    char *field = *rest;
    char *colon = strchr(field, ':');
    *rest = colon ? colon + 1 : field + strlen(field);
    if (colon)
        *colon = '\0';
    return field;
}

static void read_step(const char *value)
{
    static const char *const words[] = {
        [STOP_THERE] = "stop", [FAIL_THERE] = "fail", [SHORT_THERE] = "short"};
    char copy[128];
    char *rest = copy;
    if (strlen(value) >= sizeof copy)
        return;
    memcpy(copy, value, strlen(value) + 1);
    char *word = next_field(&rest);
    for (enum at_step w = STOP_THERE; w <= SHORT_THERE; w++)
        if (strcmp(word, words[w]) == 0)
            hook.what = w;
    if (!text_u64(next_field(&rest), UINT64_MAX, &hook.wanted))
        hook.what = GO_ON;
    if (hook.what == FAIL_THERE)
        hook.fail_with = errno_by_name(next_field(&rest));
    char *program = next_field(&rest);
    if (*program && strcmp(program, hook.program) != 0)
        hook.what = GO_ON;
}

void fs_read_test_hook(const char *program)
{
    const char *step = getenv("TAPPAL_TEST_STEP");
    const char *log = getenv("TAPPAL_TEST_STEP_LOG");
    memset(&hook, 0, sizeof hook);
    snprintf(hook.program, sizeof hook.program, "%s", program);
    if (log)
        snprintf(hook.log, sizeof hook.log, "%s", log);
    if (step)
        read_step(step);
}

static void write_log(const char *name)
{
    char line[256];
    int n = snprintf(line, sizeof line, "%llu %s %s\n", (unsigned long long)hook.count, name, hook.program);
    int fd = open(hook.log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return;
    ssize_t done = write(fd, line, (size_t)n);
    (void)done;
    close(fd);
}

static enum at_step count(const char *name)
{
    hook.count++;
    if (hook.log[0])
        write_log(name);
    return hook.count == hook.wanted ? hook.what : GO_ON;
}

int fs_step(const char *name)
{
    enum at_step what = count(name);
    if (what == STOP_THERE || what == SHORT_THERE)
        raise(SIGKILL);
    return what == FAIL_THERE ? hook.fail_with : 0;
}

size_t fs_step_short(size_t n)
{
    if (hook.what != SHORT_THERE || hook.count + 1 != hook.wanted || n == 0)
        return n;
    count("write");
    return n / 2;
}
