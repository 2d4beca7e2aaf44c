#!/usr/bin/python3
"""hostile - servers that never come to an end, and callers who play with us: time and memory are bounded, nothing
reaches a terminal as it came, no password stays in memory behind the sign-in.

run: limit=240
"""
import base64
import os
import pathlib
import resource
import subprocess
import sys
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import fetching  # noqa: E402
import tap       # noqa: E402
from deliver_home import BUILD, MESSAGE, Home  # noqa: E402
from peer import Peer  # noqa: E402

IMAP = "S: * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN UIDPLUS] hi\n"
SIGN_IN = IMAP + "C: {tag} AUTHENTICATE PLAIN *\nS: {tag} OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN UIDPLUS] in\n"
EMPTY = "C: {tag} EXAMINE *\nS: * 0 EXISTS\nS: * OK [UIDVALIDITY 1]\nS: {tag} OK\n"
OPEN = ("C: {tag} EXAMINE *\nS: * 1 EXISTS\nS: * OK [UIDVALIDITY 1]\nS: * OK [UIDNEXT 2]\nS: {tag} OK\n"
        "C: {tag} UID FETCH *:* (*)\nC: {search} UID SEARCH *\nS: * 1 FETCH (UID 1)\nS: {tag} OK\nS: * SEARCH 1\nS: {search} OK\nC: {tag} UID FETCH *\n")
POP3 = "S: +OK hi\nC: CAPA\nS: +OK\n"
POP3_IN = POP3 + "S: SASL PLAIN\nS: UIDL\nS: .\nC: AUTH PLAIN *\nS: +OK\nC: LIST\nS: +OK\nS: 1 5\nS: .\nC: UIDL\nS: +OK\n"
LIMIT = 40  # far more than any of these takes when it works, far less than the server's patience

# name, protocol, conversation, exit status, what is said
ENDLESS = [
    ("untagged lines for ever", "imap", IMAP + "C: {tag} AUTHENTICATE PLAIN *\nrepeat 200\nS: * OK still here\ndelay 0.3\nend\n", 69, "did not answer in time"),
    ("a response of many pieces", "imap", SIGN_IN + OPEN + "S| * 1 FETCH (UID 1 X (" + r"{0}\r\n " * 80 + r") BODY[] {1}\r\nx)\r\n" + "\n", 76, "too many pieces"),
    ("messages nobody asked for", "imap", SIGN_IN + OPEN + "repeat 1100\n" + r"S| * 1 FETCH (BODY[] {1}\r\nx)\r\n" + "\nend\n", 76, "nobody asked for"),
    ("capabilities for ever", "pop3", POP3 + "repeat 300\nS: SASL A B C\nend\n", 76, "CAPA without end"),
    ("a capability now and then", "pop3", POP3 + "repeat 200\nS: X\ndelay 0.3\nend\n", 69, "did not answer in time"),
    ("names for ever", "pop3", POP3_IN + "repeat 1100\nS: 9 x\nend\n", 76, "UIDL without end"),
]


def test_endless(house):
    for name, protocol, script, status, said in ENDLESS:
        result, _ = fetching.play(house.person(), script, protocol, limit=LIMIT, timeout=1)
        tap.same(result.status, status, f"{name}: exit status")
        tap.matches(result.err, said, f"{name}: what is said")


def test_many_ways_to_sign_in(house):
    """Their names cost no memory without bound, and do not hide the one of use."""
    ada = house.person()
    words = "S: SASL " + "X " * 100 + "\n"
    result, server = fetching.play(ada, POP3 + "S: SASL PLAIN\n" + words * 100 + "S: .\nC: AUTH PLAIN *\nS: -ERR [SYS/TEMP] no\n", "pop3", limit=LIMIT)
    tap.ok(server.good and result.status == 75, "many ways to sign in: the one of use is found", result, *server.transcript[-5:])


def test_folders(house):
    """Names that cannot be folders are no reason to flood the person, nor to leave the others alone."""
    ada = house.person()
    names = "".join(f'S: * LIST () "/" "a//{i}"\n' for i in range(30)) + 'S: * LIST () "/" "' + "x" * 60000 + '"\nS: * LIST () "/" INBOX\n'
    result, server = fetching.play(ada, SIGN_IN + 'C: {tag} LIST "" "*"\n' + names + "S: {tag} OK\n" + EMPTY + "C: {tag} LOGOUT\n", "imap",
                                   limit=LIMIT, folders="*")
    tap.ok(server.good, "odd folders: INBOX is opened all the same", *server.transcript[-8:])
    tap.matches(result.err, "26 more of the server's folders", "odd folders: many are counted")
    tap.ok(result.err.count("cannot be") == 5 and "60000 bytes long" in result.err, "odd folders: some are named", result.err)


def test_smtp_drip():
    with Home() as home:
        home.account(1)
        ident = home.put()
        with Peer("S: 220 hi\nC: EHLO *\nrepeat 100\nS: 250-X\ndelay 0.3\nend\n", limit=LIMIT) as peer:
            home.account(peer.port, timeout="1s")
            began = time.monotonic()
            run = home.deliver(ident, limit=LIMIT)
            tap.ok(run.failures() and time.monotonic() - began < 20, "SMTP, a reply line now and then: the limit holds for the whole reply", run)
            peer.deadline = time.monotonic() + 1


# -- callers --

def sendmail(home, *argv, before=None):
    return subprocess.run([BUILD / "tappal-sendmail", "-i", "-odq", *argv], input=MESSAGE + b"x\n" * 5000, env=home.environment(), preexec_fn=before,
                          capture_output=True, timeout=LIMIT, check=False)


def test_callers():
    with Home() as home:
        home.account(1)
        for argv in (("-b\x1b[31m",), ("-N", "\x1b[31m"), ("-R", "\x1b]0;x\x07"), ("-f", "\x1b[31m@example.org"), ("--\x1b[31m",), ("--account", "\x1b[31m")):
            run = sendmail(home, *argv, "--", "bob@example.org")
            tap.ok(run.returncode and run.stderr and not any(b < 32 and b != 10 for b in run.stderr), f"{argv!r}: no control characters", run)
        run = sendmail(home, "--", "bob@example.org", before=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (600, 600)))
        tap.same((run.returncode, home.ids()), (75, []), "past `ulimit -f`: 75, nothing queued")
        tap.matches(run.stderr.decode(), "File too large", "past `ulimit -f`: it is said")


def test_fifo():
    """A FIFO where a journal should be stops nobody."""
    with Home() as home:
        home.account(1)
        ident = home.put()
        (home.queue / "msg" / (ident + ".j")).unlink(missing_ok=True)
        os.mkfifo(home.queue / "msg" / (ident + ".j"), 0o600)
        for argv in (["tappal", "queue", "list"], ["tappal-deliver"]):
            try:
                run = subprocess.run([BUILD / argv[0], *argv[1:]], env=home.environment(), capture_output=True, timeout=10, check=False).returncode
            except subprocess.TimeoutExpired:
                run = "hangs"
            tap.same(run, 0, f"a FIFO as journal: {argv[0]} goes on")
        tap.same((home.ids(), home.ids("aside")), ([], [ident]), "a FIFO as journal: the message is set aside")


def test_log_nobody_reads():
    with Home() as home:
        home.account(1)
        ident = home.put()
        os.mkfifo(home.log, 0o600)
        try:
            run = home.deliver(ident, limit=10)
        except subprocess.TimeoutExpired:
            run = None
        tap.ok(run and run.failures(), "a FIFO as log that nobody reads stops nobody", run)


# -- memory --

def holds(pid, words):
    """Which of these words stand in the memory of that process."""
    found = set()
    with open(f"/proc/{pid}/maps", encoding="utf-8") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for line in maps:
            span, rights = line.split()[:2]
            low, high = (int(n, 16) for n in span.split("-"))
            if rights.startswith("rw"):
                memory.seek(low)
                part = memory.read(high - low)
                found |= {w for w in words if w in part}
    return found


def test_secret_is_wiped():
    if os.getuid() != 0 or os.environ.get("SANITIZE"):
        tap.skip("the password is wiped behind the sign-in", "root only: the memory of another process" if os.getuid() else "a sanitizer keeps what was freed")
        return
    word = b"Zq7-gehe1m-Wort"
    words = {word, base64.b64encode(word), base64.b64encode(b"\0ada@example.org\0" + word)[-20:]}
    with Home() as home:
        home.account(1)
        home.put()
        with Peer("S: 220 hi\nC: EHLO *\nS: 250-x\nS: 250 AUTH PLAIN\nC: AUTH PLAIN *\nS: 235 in\nC: MAIL *\ndelay 3\nS: 250 ok\n", limit=LIMIT) as peer:
            home.account(peer.port, password=word.decode(), auth=None)
            with subprocess.Popen([BUILD / "tappal-deliver", "--queue", home.queue, "--now"], env=home.environment()) as child:
                limit = time.monotonic() + 10
                while not any("MAIL" in line for line in peer.transcript) and time.monotonic() < limit:
                    threading.Event().wait(0.02)
                tap.ok(any("MAIL" in line for line in peer.transcript), "the sign-in is over", *peer.transcript)
                tap.same(holds(child.pid, words), set(), "the password is wiped behind the sign-in")
                child.kill()
            peer.deadline = time.monotonic() + 1


def main():
    with fetching.Alone() as house:
        test_endless(house)
        test_many_ways_to_sign_in(house)
        test_folders(house)
    test_smtp_drip()
    test_callers()
    test_fifo()
    test_log_nobody_reads()
    test_secret_is_wiped()
    tap.done()


main()
