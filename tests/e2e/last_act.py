#!/usr/bin/python3
"""last_act - a message that is the last thing a job does: the job's PID namespace (a container) ends, and with it
whoever was sending; the message is delivered or waits, and the next program of ours that runs sends it. And callers who
wait for the end of our output, or for a lock that we were born with, are kept waiting by no deliverer, while their server hangs.

run: limit=180
"""
import os
import pathlib
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import tap                              # noqa: E402
from deliver_home import Home           # noqa: E402
from peer import Peer                   # noqa: E402
from taker import Taker                 # noqa: E402

SOON = 20   # seconds in which whoever is not kept waiting is back, on a busy machine too; the server hangs for longer
HANGING = "S: 220 hi\nC: EHLO *\ndelay 60\n"
NAMESPACE = ["unshare", *([] if os.getuid() == 0 else ["-r"]), "--pid", "--fork", "--kill-child", "--mount-proc"]
SEND = 'printf "Subject: last\\n\\nwords of %s\\n" "$0" | tappal-sendmail -f ada@example.org bob@example.org'


def until(what):
    end = time.monotonic() + SOON
    while not (good := what()) and time.monotonic() < end:
        time.sleep(0.02)
    return good


def deliverers(home):
    """Processes that send for this home: their command line names its queue."""
    def is_one(entry):
        try:
            return str(home.queue).encode() in (entry / "cmdline").read_bytes()
        except OSError:
            return False
    return [int(entry.name) for entry in pathlib.Path("/proc").iterdir() if entry.name.isdigit() and is_one(entry)]


def end_deliverers(home):
    while pids := deliverers(home):
        for pid in pids:
            os.kill(pid, 9)
        time.sleep(0.02)


def with_mode(mode):
    return {"auto": {"wait": "1s"}, "background": {"mode": "background"}}[mode]


# -- the namespace ends --

def is_kept(home):
    """Whole, by a look of its own: `queue list` reads it as `show` does."""
    return len(home.ids()) == 1 and not home.ids("aside")


def namespace_ends(mode):
    what = f"the job's namespace ends, mode {mode}"
    with Home() as home, Peer(HANGING, limit=SOON * 2) as peer:
        home.account(peer.port, **with_mode(mode))
        job = subprocess.run([*NAMESPACE, "sh", "-c", SEND, "the job"], env=home.environment(), capture_output=True, check=False, timeout=SOON)
        tap.same((job.returncode, job.stderr), (0, b""), f"{what}: the job is content")
        tap.ok(until(lambda: not deliverers(home)), f"{what}: nobody sends any more")
        tap.ok(is_kept(home), f"{what}: the message waits", home.ids(), home.logged())
        peer.deadline = 0
        next_program(home, what)


def next_program(home, what):
    """Whatever of ours runs next, the message goes: here another message."""
    taker = Taker()
    home.account(taker.port)
    home.later(1000)
    subprocess.run(["sh", "-c", SEND, "the next"], env=home.environment(), check=False, timeout=SOON * 2)
    tap.ok(until(lambda: not home.ids()), f"{what}: the next program sends it", home.ids(), home.logged())
    until(lambda: not deliverers(home))
    texts = [text.rpartition(b"\r\n\r\n")[2] for _, text in taker.settle()]
    tap.same(sorted(texts), [b"words of the job\r\n", b"words of the next\r\n"], f"{what}: both arrive, once")
    taker.close()


def killed_at_once():
    """Killed with all its kin somewhere between the start and the end: delivered once, or kept whole, or never accepted."""
    for delay in (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2):
        taker = Taker()
        with Home() as home:
            home.account(taker.port, mode="wait")
            with subprocess.Popen([*NAMESPACE, "sh", "-c", SEND, "the job"], env=home.environment(), stderr=subprocess.DEVNULL) as job:
                time.sleep(delay)
                job.kill()
            until(lambda: not deliverers(home))
            home.later(2000)
            home.deliver()
            count = len(taker.settle())
            tap.ok(count <= 2 and not home.ids() and not home.ids("aside"), f"killed after {delay} s: nothing is left behind", count, home.logged())
        taker.close()


# -- callers --

CALLERS = {
    "$(...)": 'said=$(%s 2>&1); test -z "$said"' % SEND,
    "a pipe that is read to its end": f"{SEND} 2>&1 | cat >/dev/null",
    "popen": "exec python3 -c \"import os; p = os.popen('tappal-sendmail bob@example.org', 'w'); p.write('words'); exit(p.close() or 0)\"",
    "flock": f"flock -n lock sh -c '{SEND}' && flock -n lock true",
    "a lock held by the caller": f"exec 9>lock; flock -n 9; {SEND}; exec 9>&-; flock -n lock true",
}


def callers(mode):
    for name, script in CALLERS.items():
        what = f"{name}, mode {mode}"
        with Home() as home, Peer(HANGING, limit=SOON * 2) as peer:
            home.account(peer.port, **with_mode(mode))
            try:
                done = subprocess.run(["sh", "-c", script, "x"], env={**home.environment(), "USER": "x"}, cwd=home.dir, stdout=subprocess.PIPE, timeout=SOON, check=False)
            except subprocess.TimeoutExpired:
                done = None
            tap.ok(done and done.returncode == 0, f"{what}: is back, and was not kept waiting", done)
            tap.ok(until(lambda h=home: deliverers(h)), f"{what}: though a deliverer goes on", home.logged())
            tap.ok(is_kept(home), f"{what}: the message is there")
            end_deliverers(home)
            peer.deadline = 0


def main():
    if subprocess.run([*NAMESPACE, "true"], capture_output=True, check=False).returncode != 0:
        tap.skip("a PID namespace that ends", "root only: no namespaces here")
    else:
        for mode in ("auto", "background"):
            namespace_ends(mode)
        killed_at_once()
    for mode in ("auto", "background"):
        callers(mode)
    tap.done()


main()
