/* fs_syncfs - one sync for many files: see fs.h. */
#include <errno.h>
#include <stdio.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/fs.h"

bool fs_may_syncfs(int fd)
{
    static const unsigned long kinds[] = {0xEF53 /* ext4 */, 0x58465342 /* xfs */, 0x9123683E /* btrfs */,
                                          0xF2F52010 /* f2fs */, 0x01021994 /* tmpfs */};
    struct utsname host;
    struct statfs s;
    unsigned major, minor;
    if (uname(&host) != 0 || sscanf(host.release, "%u.%u", &major, &minor) != 2 || fstatfs(fd, &s) != 0)
        return false;
    if (major < 5 || (major == 5 && minor < 8))
        return false;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (((unsigned long)s.f_type & 0xffffffff) == kinds[i])
            return true;
    return false;
}

bool fs_syncfs(int fd, const char *shown, struct err *err)
{
    int failed = fs_step("syncfs");
    if (failed)
        errno = failed;
    return (!failed && syncfs(fd) == 0) ||
           err_errno(err, ERR_LOCAL, "What was written to %s cannot be made durable", shown);
}
