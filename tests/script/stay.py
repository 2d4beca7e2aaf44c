#!/usr/bin/python3
"""stay - who goes on when nobody does: a deliverer that stays until the queue is empty, and any program that a person uses.

run: limit=400
"""
import pathlib
import shutil
import signal
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
from deliver_home import BUILD, MESSAGE, Home
from peer import Peer
from sink import Sink
from tap import done, matches, ok, same

TEXT = MESSAGE + b"last\n"


def wait_for(what, limit=60):
    end = time.monotonic() + limit
    while not what() and time.monotonic() < end:
        time.sleep(0.05)
    return what()


def gone(home):
    return wait_for(lambda: not home.deliverers())


def sendmail(home, *options):
    return subprocess.run([BUILD / "tappal-sendmail", "-i", "-f", "ada@example.org", *options, "bob@example.org"], input=TEXT, env=home.environment(),
                          capture_output=True, check=False, timeout=60)


def tappal(home, *words, **env):
    return subprocess.run([BUILD / words[0], *words[1:]], env={**home.environment(), **env}, capture_output=True, text=True, check=False, timeout=60)


def test_retried_without_any_service():
    """The first retry is a minute later, and nobody else comes by: the longest wait of these tests."""
    with Home() as home, Sink("451 4.2.0 later") as sink:
        home.account(sink.port)
        for _ in range(3):
            same(sendmail(home).returncode, 0, "kept: the server said later")
        same(len(wait_for(lambda: len(home.deliverers()) == 1) and home.deliverers()), 1, "one deliverer stays, however many were started")
        matches(tappal(home, "tappal", "status").stdout, "woken by tappal-deliver, as long as", "status knows")
        sink.refuse = None
        sink.taken.clear()
        ok(wait_for(lambda: not home.ids(), limit=100), "they go out in their time", home.logged())
        ok(gone(home), "and nobody stays any more", home.deliverers())
        same(len(sink.taken), 3, "each once")


def test_where_nothing_waits():
    with Home() as home, Sink() as sink:
        home.account(sink.port)
        sendmail(home)
        ok(gone(home), "nothing waits: nobody stays")
        ident = home.put()
        tappal(home, "tappal", "queue", "hold", ident)
        sendmail(home)
        ok(gone(home), "nor where all that is left is held", home.ids())
        same(home.ids(), [ident], "which it is")


def test_another_stands():
    with Home() as home, Sink("451 4.2.0 later") as sink:
        home.account(sink.port)
        sendmail(home)
        ok(wait_for(lambda: home.deliverers()), "one stays")
        child = subprocess.Popen([BUILD / "tappal", "queue", "run", "--watch"], env=home.environment())
        wait_for(lambda: "a standing runner" in tappal(home, "tappal", "status").stdout)
        sendmail(home)
        child.send_signal(signal.SIGTERM)
        same(child.wait(timeout=30), 0, "a standing runner takes the role meanwhile")


def test_queue_is_taken_away():
    home, sink = Home(), Sink("451 4.2.0 later")
    with sink:
        home.account(sink.port)
        sendmail(home)
        ok(wait_for(lambda: home.deliverers()), "one stays")
        wait_for(lambda: shutil.rmtree(home.dir, ignore_errors=True) or not home.dir.exists())  # it may be writing there
        ok(gone(home), "where the queue is taken away it leaves", home.deliverers())


def test_sendmail_still_waits():
    """One that stays is no standing runner: tappal-sendmail waits for its own verdict as ever."""
    with Home() as home, Sink("451 4.2.0 later") as sink:
        home.account(sink.port)
        sendmail(home)
        ok(wait_for(lambda: home.deliverers()), "one stays")
        sink.refuse = "550 5.1.1 nobody"
        result = sendmail(home)
        same((result.returncode, b"550 5.1.1 nobody" in result.stderr), (69, True), "refused, and told so at once")


PROGRAMS = [["tappal-fetch"], ["tappal", "status"], ["tappal", "status", "--json"], ["tappal", "account", "list"], ["tappal", "auth", "status"], ["tappal", "check"]]


def test_every_program():
    for words in PROGRAMS:
        with Home() as home, Sink() as sink:
            home.account(sink.port)
            home.put(message=TEXT)
            begun = time.monotonic()
            tappal(home, *words)
            took = time.monotonic() - begun
            ok(wait_for(lambda: not home.ids()) and sink.taken == ["1"], f"{' '.join(words)}: what was due goes out", home.logged())
            ok(took < 20, f"{' '.join(words)}: and was not waited for", took)
            gone(home)
    for words in (["tappal-fetch", "--dry-run"], ["tappal", "queue", "list"], ["tappal", "queue", "list", "--json"]):
        with Home() as home, Sink() as sink:
            home.account(sink.port)
            home.put(message=TEXT)
            tappal(home, *words)
            same((len(home.ids()), home.deliverers()), (1, {}), f"{' '.join(words)}: only looks")
    with Home() as home:
        tappal(home, "tappal", "status", XDG_STATE_HOME=str(home.dir / "elsewhere"))
        tappal(home, "tappal", "check", XDG_STATE_HOME=str(home.dir / "other"))
        ok(not (home.dir / "other").exists(), "where there is no queue none is made")


def test_secret_can_be_had():
    """A keyring that is locked, or its like, is asked each half a minute, and the server is left alone meanwhile."""
    greet = "S: 220 mail.example.test\nC: EHLO *\nS: 250-mail.example.test\nS: 250 AUTH PLAIN\n"
    script = greet + "eof\nnext\n" + greet + "C: AUTH PLAIN *\nS: 235 ok\nC: MAIL *\nS: 250 ok\nC: RCPT *\nS: 250 ok\nC: DATA\nS: 354 go on\ndata\nS: 250 ok\nC: QUIT\neof\n"
    with Home() as home, Peer(script, limit=100) as peer:
        secret, asked = home.dir / "secret", home.dir / "asked"
        home.account(peer.port, auth="plain", login="ada@example.org", password_from=f"command sh: echo >>{asked}; cat {secret} 2>/dev/null")
        sendmail(home)
        ok(wait_for(lambda: asked.exists() and home.ids()), "the password cannot be had: kept")
        ok(wait_for(lambda: asked.read_text().count("\n") > 1), "it is asked for again", home.logged())
        same(sum(line == "+ connection" for line in peer.transcript), 1, "the server is not")
        home.write(secret, "secret-of-ada\n")
        ok(wait_for(lambda: not home.ids()), "once it can be had the message goes out", home.logged())
        ok(peer.wait(), "as it should", *peer.transcript)
        gone(home)


for test in (test_secret_can_be_had, test_where_nothing_waits, test_another_stands, test_queue_is_taken_away, test_sendmail_still_waits, test_every_program, test_retried_without_any_service):
    test()
done()
