#!/usr/bin/python3
"""leaving - a runner that leaves leaves nothing behind that nobody will be woken for; and a fault of this machine ends the
runner, and is not taken for the server's.

run: limit=120
"""
import fcntl
import os
import pathlib
import subprocess
import sys
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
from deliver_home import BUILD, Home    # noqa: E402
from taker import Taker                 # noqa: E402
from tap import done, ok, same          # noqa: E402


def locked(home, ident, seconds):
    """As its writer has it between the name and the promise; let go of after that time, in silence."""
    held = open(home.queue / "msg" / ident, "rb+")
    fcntl.flock(held, fcntl.LOCK_EX)
    threading.Timer(seconds, held.close).start()


def test_still_being_written():
    taker = Taker()
    with Home() as home:
        home.account(taker.port)
        for others in (0, 2):
            for _ in range(others):
                home.put()
            locked(home, home.put(), 1)
            home.deliver()
            same((home.ids(), len(taker.settle())), ([], others + 1), f"a new message that is still locked, {others} others: sent once its writer lets go")
    taker.close()


def test_locked_for_long():
    """By another sender: a runner does not wait for that one, who looks through the queue himself when done."""
    taker = Taker()
    with Home() as home:
        home.account(taker.port)
        ident = home.put()
        with open(home.queue / "msg" / ident, "rb+") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            home.put()
            began = time.monotonic()
            home.deliver()
            ok(time.monotonic() - began < 50, "a message that another has for long: the runner leaves")
            same((home.ids(), len(taker.settle())), ([ident], 1), "a message that another has for long: the others are sent")
    taker.close()


def test_wake_without_reader():
    """The FIFO is there, and nobody reads: who stores a message is not kept waiting, nor told."""
    with Home() as home:
        home.account(1)
        home.put()
        os.mkfifo(home.queue / "wake", 0o600)
        home.account(1, mode="background")
        sent = subprocess.run([BUILD / "tappal-sendmail", "-odb", "bob@example.org"], input=b"words", env=home.environment(), capture_output=True, timeout=30, check=False)
        same((sent.returncode, sent.stderr), (0, b""), "a FIFO that nobody reads keeps nobody waiting")


def test_local_fault():
    """Each step in turn is forbidden: the message stays and is sent by the next run; no breaker opens, nothing is counted."""
    taker = Taker()
    with Home() as home:
        home.account(taker.port)
        n, stopped = 0, True
        while stopped:
            n += 1
            ident = home.put()
            home.env["TAPPAL_TEST_STEP"] = f"fail:{n}:EACCES:tappal-deliver"
            stopped = home.deliver().status != 0
            del home.env["TAPPAL_TEST_STEP"]
            breakers = list(home.dir.glob(".local/state/tappal/accounts/*.breaker"))
            same(breakers, [], f"EACCES at step {n}: no breaker opens")
            home.later(4000)
            home.deliver()
            ok(home.ids() == [] and 1 <= len(taker.settle()) <= 2, f"EACCES at step {n}: sent by the next run", ident, home.logged()[-2000:])
        ok(n > 8, f"a delivery has {n} steps")
    taker.close()


for test in (test_still_being_written, test_locked_for_long, test_wake_without_reader, test_local_fault):
    test()
done()
