"""lab - a mail site, and people with accounts at it who run tappal's programs.

    with Lab() as lab:
        ada = lab.person("ada")
        ada.account(send={...}, fetch={...})     # the site's hosts, what is given replaces its lines
        result = ada.run("tappal-sendmail", "-t", stdin=b"...", tty=True)
"""
import fcntl
import getpass
import imaplib
import os
import pathlib
import pty
import select
import shlex
import shutil
import signal
import struct
import subprocess
import tempfile
import termios
import threading
import time

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = pathlib.Path(os.environ.get("BUILD", TOP / "build")).absolute()
ROOT = os.getuid() == 0
POSTFIX = TOP / "build/postfix"  # where tests/deps unpacks it
SANITIZED = bool(os.environ.get("SANITIZE"))


class Result:
    def __init__(self, status, out, err):
        self.status, self.out, self.err = status, out, err

    def __str__(self):
        return f"status {self.status}\nstdout {self.out!r}\nstderr {self.err!r}"


class Lab:
    def __init__(self, postfix=False):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="lab-"))
        os.chmod(self.dir, 0o711)
        self.people = []
        self.postfix = postfix

    def __enter__(self):
        more = ["--postfix", str(POSTFIX)] if self.postfix else []
        subprocess.run([str(TOP / "tests/site/site"), "up", str(self.dir / "site"), *more], check=True, stdout=subprocess.DEVNULL)
        lines = (self.dir / "site/env").read_text().splitlines()
        self.site = {k[5:]: v for k, _, v in (w.partition("=") for line in lines for w in shlex.split(line) if "=" in w)}
        return self

    def __exit__(self, *_):
        for person in self.people:
            person.end_processes()
        subprocess.run([str(TOP / "tests/site/site"), "down", str(self.dir / "site")], check=False)
        subprocess.run(["chmod", "-R", "u+rwX", str(self.dir)], check=False)
        shutil.rmtree(self.dir, ignore_errors=True)

    def port(self, name):
        return int(self.site[name + "_PORT"])

    def person(self, name="ada"):
        person = Person(self, name)
        self.people.append(person)
        return person

    def received(self, address=None):
        """The messages that the site holds for an address, each as bytes."""
        folder = pathlib.Path(self.site["MAILROOT"], address or self.site["USER"], "Maildir")
        while True:
            try:
                return [p.read_bytes() for p in sorted(folder.glob("new/*")) + sorted(folder.glob("cur/*"))]
            except FileNotFoundError:
                pass  # a session of Dovecot's, whose client was stopped, still moves it from new/ to cur/

    def imap(self, which=""):
        """A connection of imaplib's, signed in as the site's USER; or as another one, with "2" or "3"."""
        imap = imaplib.IMAP4("127.0.0.1", self.port("IMAP"))
        imap.authenticate("PLAIN", lambda _: f"\0{self.site['USER' + which]}\0{self.site['PASSWORD' + which]}".encode())
        return imap

    def clear(self):
        """Empties every mailbox: those of users through Dovecot, whose index would announce what is gone."""
        for imap in (self.imap(), self.imap("2")):
            if imap.select("INBOX")[1][0] != b"0":
                imap.store("1:*", "+FLAGS.SILENT", "\\Deleted")
                imap.expunge()
            imap.logout()
        for path in pathlib.Path(self.site["MAILROOT"]).glob("*/Maildir/*/*"):
            if path.parent.name in ("new", "cur"):
                path.unlink()

    def put(self, *messages, address=None):
        """Messages straight into a mailbox of the site, as if they had come."""
        folder = pathlib.Path(self.site["MAILROOT"], address or self.site["USER"], "Maildir")
        for message in messages:
            name = f"{time.time():.6f}.M{len(message)}P{os.getpid()}Q{time.monotonic_ns()}.lab"
            (folder / "tmp" / name).write_bytes(message)
            if ROOT:
                shutil.chown(folder / "tmp" / name, "nobody", "nogroup")
            (folder / "tmp" / name).rename(folder / "new" / name)


class Person:
    """Someone with a home of their own."""

    def __init__(self, lab, name):
        self.lab, self.name, self.started = lab, name, set()
        self.home = lab.dir / name
        self.config = self.home / ".config/tappal"
        self.maildir = self.home / "Mail"
        self.state = self.home / ".local/state/tappal"
        self.log = self.home / "tappal.log"
        (self.config / "accounts").mkdir(parents=True, mode=0o700)
        (self.config / "secrets").mkdir(mode=0o700)
        self.write(self.config / "tappal.ini", f"[tappal]\nlog = {self.log}\n")
        self.env = {
            "HOME": str(self.home), "XDG_STATE_HOME": str(self.home / ".local/state"),
            "PATH": f"{BUILD}:/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", "TERM": "dumb", "USER": getpass.getuser(),
            "TAPPAL_LIBEXEC": str(BUILD), "TMPDIR": str(lab.dir), "XDG_RUNTIME_DIR": str(lab.dir),
        }
        self.env.update({k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS")})

    @staticmethod
    def write(path, text):
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as f:
            f.write(text)

    def account(self, name="work", send=(), fetch=(), password=None, **account):
        """accounts/NAME.ini; an option given as None is left out."""
        site = self.lab.site
        self.write(self.config / "secrets" / name, (password or site["PASSWORD"]) + "\n")
        sections = {
            "account": {"address": site["USER"], "login": site["USER"], "password_from": f"file {self.config}/secrets/{name}", **account},
            "send": {"host": "localhost", "port": site["SUBMISSIONS_PORT"], "tls": "implicit", "tls_ca": site["CA"], **dict(send)},
            "fetch": {"protocol": "imap", "host": "localhost", "port": site["IMAPS_PORT"], "tls": "implicit", "tls_ca": site["CA"],
                      "maildir": self.maildir, **dict(fetch)},
        }
        text = ""
        for section, options in sections.items():
            text += f"[{section}]\n" + "".join(f"{k} = {v}\n" for k, v in options.items() if v is not None)
        self.write(self.config / "accounts" / f"{name}.ini", text)

    def run(self, program, *args, stdin=b"", tty=False, limit=60, under=(), **env):
        """Runs a program of build/ (or a path). With tty, stderr is a terminal, of so many (rows, columns) where it says. An
        environment value None unsets."""
        path = program if "/" in str(program) else str(BUILD / program)
        merged = {k: v for k, v in {**self.env, **env}.items() if v is not None}
        master, slave = pty.openpty() if tty else (None, None)
        if isinstance(tty, tuple):
            fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("4H", *tty, 0, 0))
        with subprocess.Popen([*map(str, under), path, *map(str, args)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              stderr=slave if tty else subprocess.PIPE, env=merged, cwd=self.home, start_new_session=True) as child:
            self.started.add(child.pid)
            said, reader = [], None
            if tty:
                os.close(slave)
                reader = threading.Thread(target=drain, args=(master, said))
                reader.start()
            try:
                out, err = child.communicate(stdin, timeout=limit)
            except subprocess.TimeoutExpired:
                child.kill()
                out, err = child.communicate()
                said.append(b"[stopped by the test: too slow]")
        self.started.discard(child.pid)
        if reader:
            reader.join(5)
            err = b"".join(said).replace(b"\r\n", b"\n")
        return Result(child.returncode, out.decode(errors="replace"), err.decode(errors="replace"))

    def queue(self):
        """Ids of the messages in the queue."""
        folder = self.state / "queue/msg"
        return sorted(p.name for p in folder.iterdir() if not p.name.endswith(".j")) if folder.exists() else []

    def fetched(self):
        return [p.read_bytes() for sub in ("new", "cur") for p in sorted(self.maildir.glob(f"**/{sub}/*")) if p.is_file()]

    def forget(self):
        """As on the first day: nothing is fetched, and nothing is known."""
        for folder in (self.maildir, self.state):
            shutil.rmtree(folder, ignore_errors=True)

    def begin_anew(self, *sent):
        """So; and the site holds these messages and no other."""
        self.forget()
        self.lab.clear()
        self.lab.put(*sent)

    def half_written(self):
        return [p for p in self.home.glob("**/tmp/*") if p.is_file()]

    def processes(self):
        """Those that we started, what these started, and deliverers of our queue. (Environments cannot be read:
        the programs forbid it.)"""
        parents, ours = {}, set(self.started)
        for entry in filter(str.isdigit, os.listdir("/proc")):
            try:
                parents[int(entry)] = int(pathlib.Path("/proc", entry, "stat").read_text(errors="replace").rpartition(")")[2].split()[1])
                if str(self.home).encode() in pathlib.Path("/proc", entry, "cmdline").read_bytes():
                    ours.add(int(entry))
            except OSError:
                pass
        return [pid for pid in parents if ancestors(pid, parents) & ours]

    def end_processes(self):
        for _ in range(50):
            left = list(self.processes())
            if not left:
                return
            for pid in left:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            time.sleep(0.02)


def ancestors(pid, parents):
    """A process and all above it."""
    line = {pid}
    while parents.get(pid, 0) not in (0, *line):
        pid = parents[pid]
        line.add(pid)
    return line


def drain(fd, said):
    """Reads a terminal until its last writer is gone."""
    while select.select([fd], [], [], 60)[0]:
        try:
            chunk = os.read(fd, 65536)
        except OSError:
            break
        if not chunk:
            break
        said.append(chunk)
    os.close(fd)


# -- another view of the machine, for one program --

def can_unshare():
    return subprocess.run([*unshare(), "true"], capture_output=True, check=False).returncode == 0


def unshare():
    return ["unshare", "-m"] if ROOT else ["unshare", "--map-current-user", "--keep-caps", "-m"]


def with_mounts(*commands, after=None, uid=None):
    """A prefix that runs a program where these mount commands have been run, then `after` (its output to stderr
    is the caller's to read), without any privilege that root or the namespace gave."""
    drop = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if ROOT else ["setpriv", "--inh-caps=-all", "--ambient-caps=-all"]
    if uid is not None and ROOT:
        drop = ["setpriv", "--reuid", str(uid), "--regid", str(uid), "--clear-groups", "--inh-caps=-all"]
    script = " && ".join(commands or ("true",)) + " || exit 99\n" + shlex.join(drop) + ' "$@"\nstatus=$?\n' + (after or "") + "\nexit $status\n"
    return [*unshare(), "sh", "-c", script, "sh"]


def without_powers():
    """A prefix by which even root meets file modes as others do."""
    return ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if ROOT else []
