#!/usr/bin/python3
"""queue_steps - tappal-sendmail -odq is stopped, and made to fail, at every durable step of an enqueue; then the
queue folder is read by a reader that shares no code with tappal's. Also two PID namespaces and 50 senders at
once on one queue, and 50 MB in constant memory.

run: limit=240
"""
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import tap      # noqa: E402

BUILD = pathlib.Path(os.environ.get("BUILD", "build")).absolute()
SANITIZED = bool(os.environ.get("SANITIZE"))
PROGRAM = BUILD / "tappal-sendmail"
ACCOUNT = "[account]\naddress = ada@example.org\n[send]\nhost = 127.0.0.1\nauth = none\ntls = off\n"
FAULTS = ["stop:%d", "short:%d", "fail:%d:EIO", "fail:%d:ENOSPC", "fail:%d:EDQUOT", "fail:%d:EACCES", "fail:%d:EROFS"]
PARALLEL, BIG, LIMIT_KB = 50, 50 * 1000 * 1000, 16 * 1024
TRAILER = re.compile(rb"tappal-trailer 1 envelope (\d{10}) ([0-9a-f]{8}) text (\d{20}) header (\d{20}) line (\d{10}) "
                     rb"eight ([b-])([h-]) sha256 ([0-9a-f]{64}) crc ([0-9a-f]{8})\n\Z")


def crc_table():
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
        yield crc


CRC_TABLE = list(crc_table())


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = (crc >> 8) ^ CRC_TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


class Queue:
    """A person's queue in a folder of its own."""

    def __init__(self, top, name):
        self.top = top / name
        shutil.rmtree(self.top, ignore_errors=True)
        (self.top / "config/accounts").mkdir(parents=True)
        (self.top / "config/accounts/work.ini").write_text(ACCOUNT)
        subprocess.run(["chmod", "-R", "go=", str(self.top)], check=True)
        self.folder = self.top / "state/tappal/queue"
        self.log = self.top / "steps"

    def command(self, *arguments):
        return [str(PROGRAM), "-odq", "-i", *arguments]

    def environment(self, fault=None):
        env = {**os.environ, "HOME": str(self.top), "XDG_STATE_HOME": str(self.top / "state"),
               "TAPPAL_CONFIG": str(self.top / "config"), "TAPPAL_TEST_STEP_LOG": str(self.log)}
        return {**env, "TAPPAL_TEST_STEP": fault} if fault else env

    def send(self, recipient, text, fault=None):
        self.log.unlink(missing_ok=True)
        done = subprocess.run(self.command(recipient), input=text, env=self.environment(fault), capture_output=True, check=False)
        return done.returncode, done.stderr.decode()

    def steps(self):
        return [line.split()[1] for line in self.log.read_text().splitlines()] if self.log.exists() else []

    def entries(self, folder):
        path = self.folder / folder
        return sorted(p.name for p in path.iterdir()) if path.is_dir() else []

    def messages(self):
        """(recipients, text) of each; an empty file was withdrawn. ValueError: one is damaged."""
        found = []
        for name in self.entries("msg"):
            data = (self.folder / "msg" / name).read_bytes()
            if data:
                found.append(read_message(data))
        return found


def read_message(data):
    end = TRAILER.search(data)
    if not end:
        raise ValueError("no trailer")
    size, text = int(end[1]), data[int(end[1]):end.start()]
    envelope = data[:size]
    head, _, body = text.partition(b"\r\n\r\n")
    header = len(head) + (4 if body or text.endswith(b"\r\n\r\n") else 0)
    facts = (b"%08x" % crc32c(envelope) == end[2], len(text) == int(end[3]), header == int(end[4]),
             max(map(len, text.split(b"\r\n"))) == int(end[5]), hashlib.sha256(text).hexdigest().encode() == end[8],
             b"%08x" % crc32c(data[end.start():end.end() - 9]) == end[9])
    if not all(facts):
        raise ValueError(f"facts {facts}")
    return re.findall(rb"^recipient: (.*)$", envelope, re.M), text


def letter(n):
    return b"Subject: letter %d\n\nThe words of letter %d.\n" % (n, n)


def wrong_with(queue, n, status, before):
    """What is not as it must be after letter n ended so; None where all is."""
    try:
        found = queue.messages()
    except ValueError as damage:
        return f"a damaged message: {damage}"
    mine = [(to, text) for to, text in found if b"Subject: letter %d\r\n" % n in text]
    if len(found) - len(mine) != before:
        return f"{len(found) - len(mine)} others, not {before}"
    if any(to != [b"u%d@example.test" % n] or b"The words of letter %d.\r\n" % n not in text for to, text in mine):
        return "messages are mixed"
    if status == 0 and len(mine) != 1:
        return f"status 0 and {len(mine)} kept"
    if status > 0 and mine:
        return f"status {status} and it was kept"
    if queue.entries("tmp"):
        return f"left in tmp: {queue.entries('tmp')}"
    return None


def walk_one(top, fault, fresh):
    """The fault at step 1, 2, ... until there is no such step. What went wrong, and how many steps there were."""
    wrong, n = [], 0
    queue = Queue(top, "walk")
    if not fresh:
        queue.send("u0@example.test", letter(0))
    while True:
        n += 1
        if fresh:
            queue = Queue(top, "walk")
        before = len(queue.messages())
        status, said = queue.send(f"u{n}@example.test", letter(n), fault % n)
        problem = wrong_with(queue, n, status, before)
        if problem:
            wrong.append(f"{fault % n} ({queue.steps()[-1:]}): {problem}")
        if status > 0 and (status != 75 or len(said) < 20):
            wrong.append(f"{fault % n}: status {status}, {said!r}")
        if len(queue.steps()) < n:
            return wrong, n - 1


def walk(top):
    for fresh in (True, False):
        for fault in FAULTS:
            wrong, steps = walk_one(top, fault, fresh)
            what = "the first message of a queue" if fresh else "a further message"
            tap.ok(not wrong and steps >= 5, f"{fault.replace('%d', 'N')} at each of {steps} steps of {what}", *wrong)


def in_parallel(top):
    queue = Queue(top, "parallel")
    children = [subprocess.Popen(queue.command(f"u{n}@example.test"), stdin=subprocess.PIPE, env=queue.environment(),
                                 stderr=subprocess.PIPE) for n in range(PARALLEL)]
    for n, child in enumerate(children):
        child.stdin.write(letter(n))
    said = [child.communicate()[1] for child in children]
    check_all(queue, [child.returncode for child in children], said, PARALLEL, f"{PARALLEL} senders at once on a new queue")


def check_all(queue, statuses, said, count, what):
    tap.same(statuses, [0] * count, f"{what}: each has status 0")
    tap.same(b"".join(said), b"", f"{what}: each is silent")
    wrong = [problem for n in range(count) if (problem := wrong_with(queue, n, 0, count - 1))]
    tap.ok(not wrong, f"{what}: each message is there once, unmixed", *wrong)


def in_two_namespaces(top):
    """The same PIDs twice: a name made of one would meet itself."""
    queue = Queue(top, "namespaces")
    unshare = ["unshare", "--pid", "--fork", "--mount-proc"] if os.getuid() == 0 else ["unshare", "-r", "--pid", "--fork", "--mount-proc"]
    if subprocess.run([*unshare, "true"], capture_output=True, check=False).returncode != 0:
        tap.skip("two PID namespaces on one queue", "root only: no namespaces here")
        return
    script = 'for n in "$@"; do printf "Subject: letter %d\\n\\nThe words of letter %d.\\n" $n $n | "$PROGRAM" -odq -i u$n@example.test || exit; done'
    halves = [[str(n) for n in range(20) if n % 2 == half] for half in (0, 1)]
    children = [subprocess.Popen([*unshare, "sh", "-c", script, "sh", *half], stderr=subprocess.PIPE,
                                 env={**queue.environment(), "PROGRAM": str(PROGRAM)}) for half in halves]
    said = [child.communicate()[1] for child in children]
    statuses = [child.returncode for child in children]
    check_all(queue, statuses + [0] * 18, said, 20, "two PID namespaces on one queue")


def big(top):
    queue = Queue(top, "big")
    source = top / "big.eml"
    with source.open("wb") as out:
        out.write(letter(0))
        for n in range(BIG // 80):
            out.write(b"%079d\n" % n)
    child = subprocess.Popen(queue.command("u0@example.test"), stdin=subprocess.PIPE, env=queue.environment())
    with source.open("rb") as text:
        shutil.copyfileobj(text, child.stdin)
    child.stdin.flush()
    peak = int(re.search(r"VmHWM:\s+(\d+)", pathlib.Path(f"/proc/{child.pid}/status").read_text())[1])
    child.stdin.close()
    tap.same(child.wait(), 0, "50 MB: stored")
    stored = next((queue.folder / "msg").iterdir()).read_bytes()
    end = TRAILER.search(stored[-1000:])
    text = stored[int(end[1]):-len(end[0])]
    tap.same(hashlib.sha256(text).hexdigest().encode(), end[8], "50 MB: whole")
    tap.same(text.partition(b"\r\n\r\n")[2].replace(b"\r\n", b"\n"), source.read_bytes().partition(b"\n\n")[2], "50 MB: byte for byte")
    if not SANITIZED:
        tap.ok(peak < LIMIT_KB, f"50 MB: {peak} kB resident at most")


def main():
    top = pathlib.Path(tempfile.mkdtemp(prefix="queue-steps-"))
    try:
        walk(top)
        in_parallel(top)
        in_two_namespaces(top)
        big(top)
    finally:
        shutil.rmtree(top, ignore_errors=True)
    tap.done()


main()
