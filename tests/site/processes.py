"""processes - starting and ending exactly the site's own processes."""
import ctypes
import os
import shutil
import signal
import subprocess
import time

PR_SET_CHILD_SUBREAPER = 36


def become_subreaper():
    """What a server leaves behind becomes our child, so that end_orphans() can find it."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def close_all_but(*keep):
    low = 3
    for fd in sorted(keep):
        os.closerange(low, fd)
        low = fd + 1
    os.closerange(low, 65536)


def start_time(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as f:
        return f.read().rpartition(")")[2].split()[19]


def start(argv, user, log):
    """A child that ends with us; as `user` where that is given (we are root)."""
    command = ["setpriv", "--pdeathsig", "TERM"]
    if user:
        command += ["--reuid", user, "--regid", "nogroup", "--clear-groups"]
    env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}
    with open(log, "ab") as out:
        return subprocess.Popen(command + argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=env, cwd="/")


def give(root, user):
    if user:
        for folder, folders, files in os.walk(root):
            for name in [".", *folders, *files]:
                shutil.chown(os.path.join(folder, name), user, "nogroup")


def end(children):
    for child in children:
        child.terminate()
    for child in children:
        try:
            child.wait(5)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
    children.clear()


def own_children():
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", encoding="ascii", errors="replace") as f:
                    if int(f.read().rpartition(")")[2].split()[1]) == os.getpid():
                        yield int(name)
            except OSError:
                pass


def end_orphans():
    for number in (signal.SIGTERM, signal.SIGKILL):
        for _ in range(20):
            while True:
                try:
                    if os.waitpid(-1, os.WNOHANG)[0] == 0:
                        break
                except ChildProcessError:
                    return
            left = list(own_children())
            if not left:
                return
            for pid in left:
                os.kill(pid, number)
            time.sleep(0.05)


def tail(root):
    lines = []
    for name in ("relay.log", "dovecot.out", "dovecot.log", "postfix.out", "postfix.log"):
        if (root / name).exists():
            lines += (root / name).read_text(errors="replace").splitlines()[-8:]
    return "\n".join(lines)
