#!/usr/bin/python3
"""hostile_queue - what may stand in a queue that nobody put there so, and times that no clock ever showed: it harms the message
that it is about, if any, and never the others.

run: limit=120
"""
import os
import pathlib
import socket
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import lab                            # noqa: E402
import tap                            # noqa: E402
from deliver_home import BUILD, Home  # noqa: E402
from peer import Peer                 # noqa: E402

HELLO = "S: 220 mail.example.test\nC: EHLO *\nS: 250 8BITMIME\nC: MAIL *\nS: 250 ok\nC: RCPT *\n"
DATA = "S: 250 ok\nC: DATA\nS: 354 go on\ndata\n"
TAKES = HELLO + DATA + "S: 250 taken\n"
YEAR = 365 * 86400


def in_its_place(make):
    """What `make` makes of a path stands where a file was."""
    def spoil(path):
        path.unlink(missing_ok=True)
        make(path)
    return spoil


def make_socket(path):
    """By a short way there: a socket's name has 107 octets at most."""
    folder = os.open(path.parent, os.O_DIRECTORY)
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(f"/proc/self/fd/{folder}/{path.name}")
    os.close(folder)


def close_to_all(path):
    path.touch()
    path.chmod(0)


def grow_beyond_measure(path):
    path.touch()
    os.truncate(path, 1 << 40)


SPOILERS = {
    "a folder": in_its_place(os.mkdir),
    "a link to a file": in_its_place(lambda path: path.symlink_to("/etc/passwd")),
    "a link to a device": in_its_place(lambda path: path.symlink_to("/dev/zero")),
    "a link to nothing": in_its_place(lambda path: path.symlink_to("nowhere")),
    "a FIFO": in_its_place(os.mkfifo),
    "a socket": in_its_place(make_socket),
    "a file without rights": close_to_all,
    "a file of a terabyte": grow_beyond_measure,
}


def run(home, *argv):
    """As a user whom file modes concern."""
    try:
        return subprocess.run([*lab.without_powers(), *argv], env=home.environment(), capture_output=True, timeout=20, check=False).returncode
    except subprocess.TimeoutExpired:
        return "hangs"


def test_spoilt():
    for name, spoil in SPOILERS.items():
        for where, suffix in (("message", ""), ("journal", ".j")):
            with Home() as home:
                home.account(1)
                spoilt, other = home.put(), home.put()
                with Peer(TAKES, limit=20) as peer:
                    home.account(peer.port)
                    spoil(home.queue / "msg" / (spoilt + suffix))
                    status = run(home, BUILD / "tappal-deliver")
                    peer.deadline = 0
                what = f"{name} as {where}"
                tap.ok(status == 0 and other not in home.ids(), f"{what}: the other message is sent", status, home.logged())
                if spoilt in home.ids():
                    tap.matches(home.logged(), f"unreadable id={spoilt}.*hint=", f"{what}: it is said")
                tap.same([run(home, BUILD / "tappal", "queue", "list"), run(home, BUILD / "tappal", "status") in (0, 1)], [0, True], f"{what}: queue list and status go on")


def test_state_that_is_none():
    """What an account is known by is only a help: where it cannot be read, and never ends, mail goes out all the same."""
    for name in ("a FIFO", "a link to a device", "a file of a terabyte"):
        for suffix in ("breaker", "rate", "notice"):
            with Home() as home:
                home.account(1, rate="100/min")
                home.put()
                run(home, BUILD / "tappal-deliver")
                state = home.queue.parent / "accounts"
                (mark,) = {path.stem for path in state.iterdir()}
                home.later(5 * 3600)  # the message has waited for long: it is a matter for a notice
                with Peer(TAKES, limit=20) as peer:
                    home.account(peer.port, rate="100/min")
                    SPOILERS[name](state / f"{mark}.{suffix}")
                    status = run(home, BUILD / "tappal-deliver")
                    peer.deadline = 0
                tap.same((status, home.ids()), (0, []), f"{name} as {suffix} of the account: the message is sent")


def test_clock_that_was_ahead():
    """What was put off while the clock showed another year is not put off for years."""
    failures = {"refused for now": HELLO + "S: 450 later\nC: *\n", "in doubt": HELLO + DATA + "cut\n", "no connection": None}
    for name, script in failures.items():
        for shift in (-50 * YEAR, 10 * YEAR):
            with Home() as home:
                home.account(1)
                home.shift = shift
                ident = home.put()
                if script:
                    with Peer(script, limit=20) as peer:
                        home.account(peer.port)
                        home.deliver()
                        peer.deadline = 0
                else:
                    home.deliver()
                tap.ok(home.ids() == [ident] and home.journal(ident), f"clock off by {shift // YEAR} years, {name}: it stays", *home.journal(ident))
                home.shift = 0
                with Peer(TAKES, limit=20) as peer:
                    home.account(peer.port)
                    home.deliver()
                    peer.deadline = 0
                tap.same(home.ids(), [], f"clock off by {shift // YEAR} years, {name}: set right, it is sent")


def test_limit_of_file_size():
    """Where the verdict could not be written down, nothing is sent: it would be sent again."""
    for limit in (0, 60, 120, 180, 1000):
        with Home() as home:
            home.account(1)
            ident = home.put()
            with Peer(TAKES, limit=20) as peer:
                home.account(peer.port)
                status = run(home, "prlimit", f"--fsize={limit}", BUILD / "tappal-deliver")
                peer.deadline = 0
            tap.same((status, home.ids(), any("MAIL" in line for line in peer.transcript if line.startswith("C"))), (75, [ident], False), f"`ulimit -f` of {limit} octets: nothing is sent")
            with Peer(TAKES, limit=20) as peer:
                home.account(peer.port)
                status = run(home, BUILD / "tappal-deliver")
                peer.deadline = 0
            tap.same((status, home.ids()), (0, []), f"`ulimit -f` of {limit} octets: without it, it is")


def test_held_stays_held():
    with Home() as home:
        home.account(1)
        ident = home.put()
        run(home, BUILD / "tappal", "queue", "hold", ident)
        with Peer(TAKES, limit=20) as peer:
            home.account(peer.port)
            home.deliver()
            tap.same(peer.transcript, [], "what is held is not sent, though it is due in the year 9999")
            peer.deadline = 0


def main():
    test_spoilt()
    test_state_that_is_none()
    test_clock_that_was_ahead()
    test_limit_of_file_size()
    test_held_stays_held()
    tap.done()


main()
