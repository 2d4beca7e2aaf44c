"""deliver_home - a home with one account whose server is a scripted peer, for tests of tappal-deliver."""
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

from peer import Peer
from tap import ok

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = pathlib.Path(os.environ.get("BUILD", TOP / "build")).absolute()

MESSAGE = b"From: ada@example.org\nTo: bob@example.org\nSubject: x\nDate: Sun, 22 Nov 2026 03:04:05 +0100\nMessage-ID: <1@example.org>\n\nHello\n.dot\n"


class Run:
    """What one run of tappal-deliver said: its exit status and the lines of the verdict pipe."""

    def __init__(self, status, said, err):
        self.status, self.err = status, err
        self.lines = said.decode(errors="replace").splitlines()

    def verdicts(self):
        """ "0 delivered 250" and so on, without texts."""
        return [" ".join(line.split(" ")[1:5]) for line in self.lines if line.startswith("recipient ")]

    def failures(self):
        return [line for line in self.lines if line.startswith("failure ")]

    def __str__(self):
        return "\n".join([f"status {self.status}", *self.lines, self.err])


class Home:
    def __init__(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="deliver-"))
        self.config = self.dir / ".config/tappal"
        self.queue = self.dir / ".local/state/tappal/queue"
        self.log = self.dir / "log"
        self.shift = 0
        (self.config / "accounts").mkdir(parents=True, mode=0o700)
        self.write(self.config / "tappal.ini", f"[tappal]\nlog = {self.log}\n")
        self.env = {"HOME": str(self.dir), "XDG_STATE_HOME": str(self.dir / ".local/state"), "PATH": f"{BUILD}:/usr/bin:/bin", "LANG": "C.UTF-8", "TAPPAL_LIBEXEC": str(BUILD)}
        self.env.update({k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS")})

    def __enter__(self):
        return self

    def deliverers(self):
        """Those that are at work on this queue, or stay there: {pid: its words}."""
        found = {}
        for entry in filter(str.isdigit, os.listdir("/proc")):
            try:
                words = pathlib.Path("/proc", entry, "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if words[0].endswith(b"/tappal-deliver") and str(self.queue).encode() in words:
                found[int(entry)] = b" ".join(words).decode()
        return found

    def end_deliverers(self):
        """What tappal-sendmail started may still be at work, and would write into what is about to be removed."""
        end = time.monotonic() + 20
        while (left := self.deliverers()) and time.monotonic() < end:
            for pid in left:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            time.sleep(0.02)

    def __exit__(self, *_):
        self.end_deliverers()
        shutil.rmtree(self.dir, ignore_errors=True)

    @staticmethod
    def write(path, text):
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as f:
            f.write(text)

    def account(self, port, maildir=True, password=None, **send):
        """The account `work`; written so that it looks older than any breaker."""
        options = {"host": "127.0.0.1", "port": port, "tls": "off", "auth": "none", **send}
        text = "[account]\naddress = ada@example.org\n"
        if password is not None:
            (self.config / "secrets").mkdir(mode=0o700, exist_ok=True)
            self.write(self.config / "secrets/work", password + "\n")
            text += f"login = ada@example.org\npassword_from = file {self.config}/secrets/work\n"
        text += "[send]\n" + "".join(f"{k} = {v}\n" for k, v in options.items() if v is not None)
        if maildir:
            text += f"[fetch]\nhost = 127.0.0.1\nmaildir = {self.dir}/Mail\n"
        path = self.config / "accounts/work.ini"
        self.write(path, text)
        os.utime(path, (1, 1))

    def environment(self):
        return {**self.env, "TAPPAL_TEST_CLOCK": str(self.shift)}

    def put(self, *recipients, message=MESSAGE, options=("-f", "ada@example.org")):
        """Queues a message; its id."""
        before = set(self.ids())
        subprocess.run([BUILD / "tappal-sendmail", "-odq", "-i", *options, "--", *(recipients or ["bob@example.org"])],
                       input=message, env=self.environment(), check=True, timeout=60)
        return (set(self.ids()) - before).pop()

    def deliver(self, wait_for=None, *options, limit=60):
        read, write = os.pipe()
        argv = ["/bin/sh", "-c", 'exec 3>&"$1"; shift; exec "$@"', "sh", str(write), BUILD / "tappal-deliver", "--queue",
                self.queue, *(["--wait-for", wait_for] if wait_for else []), *options]
        with subprocess.Popen([str(a) for a in argv], env=self.environment(), pass_fds=[write], stderr=subprocess.PIPE) as child:
            os.close(write)
            with os.fdopen(read, "rb") as pipe:
                said = pipe.read()
            err = child.communicate(timeout=limit)[1].decode(errors="replace")
        if child.returncode < 0 or "Sanitizer" in err or "runtime error" in err:
            if "TAPPAL_TEST_STEP" not in self.env:
                raise RuntimeError(f"tappal-deliver fell: {child.returncode} {err}")
        return Run(child.returncode, said, err)

    def later(self, seconds):
        self.shift += seconds

    def ids(self, folder="msg"):
        path = self.queue / folder
        return sorted(p.name for p in path.iterdir() if not p.name.endswith(".j")) if path.exists() else []

    def journal(self, ident):
        """Its records, without their sums."""
        path = self.queue / "msg" / (ident + ".j")
        return [line.split(" ", 1)[1] for line in path.read_text().splitlines() if " " in line] if path.exists() else []

    def due_in(self, ident):
        """Seconds until the next try, in the shifted time."""
        return (self.queue / "msg" / (ident + ".j")).stat().st_mtime - time.time() - self.shift

    def reports(self):
        folder = self.dir / "Mail/new"
        return [p.read_bytes() for p in sorted(folder.iterdir())] if folder.exists() else []

    def logged(self):
        return self.log.read_text() if self.log.exists() else ""


def serve(home, script, *options, wait_for=None, **account):
    """One run against one script; the run and the peer."""
    with Peer(script, limit=20) as peer:
        home.account(peer.port, **account)
        run = home.deliver(wait_for, *options)
        peer.hang_up()
    return run, peer


def went_well(peer, what):
    return ok(peer.good, what + ": the conversation went as it should", "\n".join(peer.transcript))
