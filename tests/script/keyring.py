#!/usr/bin/python3
"""tappal-keyring as its callers meet it: libsecret's file backend, a real gnome-keyring (found, absent, locked,
msmtp's entries), no D-Bus at all, and cron's bare environment."""
# run: limit=120
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import tap  # noqa: E402
from lab import BUILD, ROOT  # noqa: E402

KEYRING = str(BUILD / "tappal-keyring")
WORK = {"account": "work", "host": "mail.example.org", "service": "imap", "user": "ada@example.org"}


def ask(env, command, secret=b"", under=(), **more):
    values = {"command": command, **WORK, **more}
    head = "".join(f"{k}: {v}\n" for k, v in values.items() if v is not None)
    done = subprocess.run([*under, KEYRING], input=head.encode() + b"\n" + secret, env=env, capture_output=True, timeout=40)
    word, _, rest = done.stdout.partition(b"\n")
    return word.decode() if done.returncode == 0 else f"exit status {done.returncode}: {done.stderr.decode()}", rest


def secret_tool(env, password, *attributes):
    subprocess.run(["secret-tool", "store", "--label=test", *attributes], input=password, env=env, check=True, timeout=30)


def life_of_a_password(env, where):
    """From absent to deleted, and beside other programs' entries."""
    tap.same(ask(env, "find"), ("absent", b""), f"{where}: nothing is there at first")
    tap.same(ask(env, "delete"), ("absent", b""), f"{where}: nothing can be deleted")
    secret_tool(env, b"network", "user", WORK["user"], "protocol", "imap", "server", WORK["host"])
    tap.same(ask(env, "find"), ("found", b"network"), f"{where}: an entry of the network schema is found")
    secret_tool(env, b"msmtp", "host", WORK["host"], "service", "imap", "user", WORK["user"])
    tap.same(ask(env, "find"), ("found", b"msmtp"), f"{where}: an msmtp entry is found, and comes first")
    odd = "blank lines\n\n and pässwörds\u00a0".encode() + b"\xff\x01"
    tap.same(ask(env, "store", odd), ("found", b""), f"{where}: ours is stored")
    tap.same(ask(env, "find"), ("found", odd), f"{where}: ours comes before the others, byte for byte")
    tap.same(ask(env, "store", b"new"), ("found", b""), f"{where}: ours is stored again")
    tap.same(ask(env, "find"), ("found", b"new"), f"{where}: the new one replaced the old one")
    tap.same(ask(env, "find", service="smtp"), ("absent", b""), f"{where}: another service is another password")
    tap.same(ask(env, "find", user="bob@example.org"), ("absent", b""), f"{where}: another user is another password")
    tap.same(ask(env, "find", host="mail.example.test"), ("absent", b""), f"{where}: another host is another password")
    tap.same(ask(env, "delete"), ("found", b""), f"{where}: ours is deleted")
    tap.same(ask(env, "find"), ("found", b"msmtp"), f"{where}: msmtp's entry is still there")
    tap.same(ask(env, "delete"), ("absent", b""), f"{where}: what msmtp stored is never deleted")
    ask(env, "store", b"shared")
    found = subprocess.run(["secret-tool", "lookup", "host", WORK["host"], "service", "imap", "user", WORK["user"], "account", "work"],
                           env=env, capture_output=True, timeout=30)
    tap.same(found.stdout, b"shared", f"{where}: ours bears msmtp's attributes and the account")
    tap.same(ask(env, "find", account="play")[0], "found", f"{where}: an account of another name finds the same server and user")


def faults(env):
    tap.matches(ask(env, "find", account=None)[0], "^error .*account", "a request without account is an error")
    tap.matches(ask(env, "burn")[0], "^error .*command", "an unknown command is an error")
    tap.matches(ask(env, "find", colour="red")[0], "^error .*key", "an unknown key is an error")
    for raw in (b"", b"command: find", b"command: find\naccount: x\n", b"\n", b"nonsense\n\n", b"command: find\n" + b"x" * 50000):
        done = subprocess.run([KEYRING], input=raw, env=env, capture_output=True, timeout=30)
        tap.matches(done.stdout.decode(), r"^error [^\n]*\n$", f"a bad request is an error: {raw[:20]!r}")


class Bus:
    """A session bus with gnome-keyring on it, both our children."""

    def __init__(self, folder, env):
        self.folder, self.env = folder, {**env, "XDG_RUNTIME_DIR": str(folder), "XDG_DATA_HOME": str(folder / "data")}
        self.bus = subprocess.Popen(["dbus-daemon", "--session", "--nofork", "--nopidfile", f"--address=unix:path={folder}/bus",
                                     "--print-address"], env=self.env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.env["DBUS_SESSION_BUS_ADDRESS"] = self.bus.stdout.readline().decode().strip()
        self.daemon = None

    def unlock(self, password=b"opensesame"):
        self.end(self.daemon)
        self.daemon = subprocess.Popen(["gnome-keyring-daemon", "--unlock", "--replace", "--components=secrets", "--foreground"],
                                       env=self.env, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.daemon.stdin.write(password)
        self.daemon.stdin.close()
        subprocess.run(["gdbus", "wait", "--session", "--timeout", "20", "org.freedesktop.secrets"], env=self.env, check=True)

    def lock(self):
        subprocess.run(["gdbus", "call", "--session", "-d", "org.freedesktop.secrets", "-o", "/org/freedesktop/secrets", "-m",
                        "org.freedesktop.Secret.Service.Lock", "['/org/freedesktop/secrets/collection/login']"],
                       env=self.env, check=True, stdout=subprocess.DEVNULL, timeout=30)

    @staticmethod
    def end(child):
        if child is not None:
            child.terminate()
            child.wait(20)

    def close(self):
        self.end(self.daemon)
        self.end(self.bus)


def gnome_keyring(folder, env):
    bus = Bus(folder, env)
    try:
        bus.unlock()
        life_of_a_password(bus.env, "gnome-keyring")
        bus.lock()
        tap.matches(ask(bus.env, "find")[0], "^locked", "gnome-keyring: a locked entry is locked, not absent")
        tap.matches(ask(bus.env, "find", interactive="yes")[0], "^(locked|error)", "gnome-keyring: with nobody to ask it stays locked")
        tap.same(ask(bus.env, "find", user="bob@example.org")[0], "absent", "gnome-keyring: what is not there is absent, locked or not")
        tap.matches(ask(bus.env, "store", b"x")[0], "^(locked|error)", "gnome-keyring: nothing can be stored in a locked one")
        tap.matches(ask(bus.env, "delete")[0], "^locked", "gnome-keyring: nor deleted")
        bus.unlock()
        tap.same(ask(bus.env, "find"), ("found", b"shared"), "gnome-keyring: unlocked again, it answers")
        cron(bus)
    finally:
        bus.close()


def cron(bus):
    """No variable names the bus, but it is where systemd puts it."""
    what = "cron: the bus under /run/user is found"
    if not ROOT:
        tap.skip(what, "root only: needs a mount namespace")
        return
    place = f"mount -t tmpfs tmpfs /run && mkdir -p /run/user/0 && mount --bind {bus.folder} /run/user/0 && exec \"$0\""
    bare = {"PATH": os.environ["PATH"], "HOME": bus.env["HOME"]}
    tap.same(ask(bare, "find", under=["unshare", "-m", "sh", "-c", place]), ("found", b"shared"), what)


def main():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="tappal-keyring-"))
    env = {"PATH": os.environ["PATH"], "HOME": str(folder), "LANG": "C.UTF-8"}
    env.update({k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS")})
    try:
        file_env = {**env, "SECRET_BACKEND": "file", "SECRET_FILE_TEST_PATH": str(folder / "ring"), "SECRET_FILE_TEST_PASSWORD": "x"}
        life_of_a_password(file_env, "file")
        faults(file_env)
        tap.matches(ask(env, "find")[0], "^error .*D-Bus", "without D-Bus: an error that says so, at once")
        tap.matches(ask({**env, "DBUS_SESSION_BUS_ADDRESS": "unix:path=/nonexistent"}, "find")[0], "^error ", "with a dead bus: an error")
        if all(map(shutil.which, ("dbus-daemon", "gnome-keyring-daemon", "gdbus"))):
            (folder / "run").mkdir(mode=0o700)
            gnome_keyring(folder / "run", env)
        else:
            tap.skip("gnome-keyring", "gnome-keyring is not installed")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    tap.done()


main()
