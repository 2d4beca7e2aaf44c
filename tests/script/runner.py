#!/usr/bin/python3
"""runner - tappal queue run --watch: it takes what tappal-sendmail stores, retries in time, and stops when told to."""
# run: limit=180
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
from deliver_home import BUILD, MESSAGE, Home
from peer import Peer
from sink import Sink
from tap import done, matches, ok, same, skip

GREET = "S: 220 mail.example.test\nC: EHLO [127.0.0.1]\nS: 250 8BITMIME\n"
ONE = "C: MAIL FROM:<ada@example.org>*\nS: 250 ok\nC: RCPT TO:<bob@example.org>\nS: 250 ok\nC: DATA\nS: 354 go on\ndata\nS: 250 2.0.0 queued\n"
QUIT = "C: QUIT\neof\n"


def wait_for(what, limit=20):
    """A condition of the disk, looked at often, but not for ever."""
    end = time.monotonic() + limit
    while not what() and time.monotonic() < end:
        time.sleep(0.02)
    return what()


class Runner:
    """`tappal queue run --watch`, ready."""

    def __init__(self, home, *options):
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.listener.bind(str(home.dir / "notify"))
        self.listener.settimeout(20)
        self.child = subprocess.Popen([BUILD / "tappal", "queue", "run", "--watch", *options],
                                      env={**home.environment(), "NOTIFY_SOCKET": str(home.dir / "notify")})
        self.ready = self.listener.recv(100)
        self.home = home

    def stop(self, how=signal.SIGTERM):
        if self.child.poll() is None:
            self.child.send_signal(how)
        status = self.child.wait(timeout=30)
        self.listener.close()
        os.unlink(self.home.dir / "notify")
        return status


def sendmail(home, *options):
    return subprocess.run([BUILD / "tappal-sendmail", "-i", "-f", "ada@example.org", *options, "bob@example.org"], input=MESSAGE,
                          env=home.environment(), capture_output=True, check=False, timeout=60)


def test_takes_what_is_stored():
    with Home() as home, Peer(GREET + ONE + QUIT + "next\n" + GREET + ONE + QUIT, limit=40) as peer:
        home.account(peer.port)
        ident = home.put()
        runner = Runner(home)
        same(runner.ready, b"READY=1", "watch: the service manager hears that it is ready")
        ok(wait_for(lambda: not home.ids() and any("QUIT" in line for line in peer.transcript)), "watch: what was there before goes out", home.ids())
        sent = sendmail(home)
        same((sent.returncode, sent.stderr), (0, b""), "sendmail: stored, and silent")
        ok(wait_for(lambda: home.logged().count("sent id=") == 2 and not home.ids()), "watch: what comes goes out", home.logged())
        ok(peer.wait(), "watch: the conversation went as it should", *peer.transcript)
        same(runner.stop(), 0, "watch: SIGTERM ends it in good order")
        same(runner.listener.fileno(), -1, "watch: over")
        ok(ident not in home.ids(), "watch: the queue is empty")


def test_sendmail_only_stores():
    """While a runner stands, a sendmail does not wait for the server."""
    with Home() as home, Peer(GREET + "C: *\ndelay 6\n", limit=40) as peer:
        home.account(peer.port)
        runner = Runner(home)
        begun = time.monotonic()
        sendmail(home)
        sendmail(home)
        ok(time.monotonic() - begun < 5, "sendmail waits for no server where a runner stands", time.monotonic() - begun)
        same(len(home.ids()), 2, "both are in the queue")
        peer.hang_up()
        same(runner.stop(signal.SIGINT), 0, "and SIGINT ends the runner")


def test_tries_again_in_time():
    with Home() as home, Peer("cut\nnext\n" + GREET + ONE + QUIT, limit=40) as peer:
        home.account(peer.port)
        home.put()
        runner = Runner(home)
        ok(wait_for(lambda: "failed" in home.logged()), "watch: the first try fails", home.logged())
        runner.stop()
        home.later(70)
        runner = Runner(home)
        ok(wait_for(lambda: not home.ids()), "watch: it is tried again in its time", home.logged())
        runner.stop()


def hears_signals(pid):
    """It has blocked SIGTERM, to hear it where it sleeps."""
    blocked = re.search(r"^SigBlk:\s*(\w+)", pathlib.Path(f"/proc/{pid}/status").read_text(), re.M)
    return int(blocked[1], 16) >> (signal.SIGTERM - 1) & 1


def test_another_has_the_role():
    with Home() as home, Peer(GREET + ONE + QUIT, limit=40) as peer:
        home.account(peer.port)
        first = Runner(home)
        child = subprocess.Popen([BUILD / "tappal", "queue", "run", "--watch"], env=home.environment())
        sendmail(home)
        ok(wait_for(lambda: not home.ids()), "two runners: the message goes out once", home.logged())
        wait_for(lambda: hears_signals(child.pid))
        child.send_signal(signal.SIGTERM)
        same(child.wait(timeout=30), 0, "two runners: the one that waits for its turn can be stopped")
        same(first.stop(), 0, "two runners: the other one too")
        same(home.logged().count("sent id="), 1, "two runners: sent once")


def test_person_beside_a_runner():
    """Who says `queue run` is not sent away because a standing runner goes by its own times."""
    later = GREET + "C: MAIL FROM:<ada@example.org>*\nS: 250 ok\nC: RCPT TO:<bob@example.org>\nS: 451 4.7.1 come back\n" + QUIT
    with Home() as home:
        with Peer(later, limit=20) as peer:
            home.account(peer.port)
            ident = home.put()
            runner = Runner(home)
            ok(wait_for(lambda: "451 4.7.1" in home.logged()), "beside a runner: the message is put off", home.logged(), *peer.transcript)
        with Peer(GREET + ONE + QUIT, limit=20) as peer:
            home.account(peer.port)
            result = subprocess.run([BUILD / "tappal", "queue", "run"], env=home.environment(), capture_output=True, text=True, check=False, timeout=60)
            same((result.returncode, result.stdout), (0, f"{ident}  delivered\n"), "beside a runner: a person's run tries it now")
        same(runner.stop(), 0, "beside a runner: which stands on")


def children(pid):
    return pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def test_person_asks_a_runner():
    """What somebody makes due is tried then, and not when a minute is over."""
    later = GREET + "C: MAIL FROM:<ada@example.org>*\nS: 250 ok\nC: RCPT TO:<bob@example.org>\nS: 451 4.7.1 come back\n" + QUIT
    for word in ("release", "retry"):
        with Home() as home:
            with Peer(later, limit=20) as peer:
                home.account(peer.port)
                ident = home.put()
                runner = Runner(home)
                ok(wait_for(lambda: home.journal(ident)[-1:] and home.journal(ident)[-1].startswith("next ")), f"{word}: the message is put off", home.journal(ident))
                ok(wait_for(lambda: not children(runner.child.pid)), f"{word}: nobody is at it")
            time.sleep(0.5)  # it looks at what its child has left
            with Peer(GREET + ONE + QUIT, limit=25) as peer:
                home.account(peer.port)
                subprocess.run([BUILD / "tappal", "queue", word, ident], env=home.environment(), capture_output=True, check=True, timeout=60)
                ok(peer.wait(), f"{word}: a standing runner tries it", *peer.transcript)
            same(runner.stop(), 0, f"{word}: and stands on")


def test_bounce_beside_a_runner():
    """Behind a server that fails, one message stands for all; what is to go back goes all the same."""
    with Home() as home:
        home.account(1)
        ids = [home.put() for _ in range(4)]
        runner = Runner(home)
        ok(wait_for(lambda: "failed" in home.logged()), "bounce beside a runner: the server fails", home.logged())
        wait_for(lambda: not children(runner.child.pid))
        bounced = subprocess.run([BUILD / "tappal", "queue", "bounce", ids[2]], env=home.environment(), capture_output=True, check=False, timeout=60)
        ok(wait_for(lambda: home.ids("failed") == [ids[2]] and home.reports()), "bounce beside a runner: it goes back at once", bounced)
        same(runner.stop(), 0, "bounce beside a runner: which stands on")


def test_one_account():
    with Home() as home, Peer(GREET + ONE + QUIT, limit=40) as peer:
        home.account(peer.port)
        other_account(home, peer.port)
        mine, other = home.put(), home.put(options=("-f", "eve@example.org"))
        result = subprocess.run([BUILD / "tappal", "queue", "run", "--account", "work"], env=home.environment(), capture_output=True, text=True, check=False, timeout=60)
        same((result.returncode, result.stdout), (0, f"{mine}  delivered\n"), "--account: its own is sent")
        same(home.ids(), [other], "--account: the other one is not")
        result = subprocess.run([BUILD / "tappal", "queue", "run", "--account", "nobody"], env=home.environment(), capture_output=True, text=True, check=False, timeout=60)
        same(result.returncode, 78, "--account: one that does not exist")


def other_account(home, port):
    home.write(home.config / "accounts/other.ini", f"[account]\naddress = eve@example.org\n[send]\nhost = 127.0.0.1\nport = {port}\ntls = off\nauth = none\n")


def test_slow_account():
    """A server that does not even greet holds up its own account alone, and who is killed leaves no role behind."""
    with Home() as home, socket.create_server(("127.0.0.1", 0)) as slow, Sink() as fast:
        home.account(slow.getsockname()[1])
        other_account(home, fast.port)
        stuck = home.put()
        runner = Runner(home)
        for turn in range(3):
            sendmail(home, "-f", "eve@example.org")
            sendmail(home, "-f", "eve@example.org")
            ok(wait_for(lambda: home.ids() == [stuck]), f"turn {turn}: the other account's mail goes out meanwhile", home.ids(), home.logged())
        same(home.logged().count(" sent "), 6, "each once")
        runner.stop(signal.SIGKILL)
        ok("a standing runner" not in status(home).stdout, "killed: nobody takes it for standing, though a child goes on")
        slow.close()
        ok(wait_for(lambda: "failed" in home.logged()), "the child ends by itself", home.logged())


def test_stop_reaches_children():
    """SIGTERM: the message that a child is at goes out, the next one does not."""
    script = GREET + ONE.replace("data\n", "data\ndelay 2\n") + "C: QUIT\neof\n"
    with Home() as home, Peer(script, limit=40) as peer:
        home.account(peer.port)
        for _ in range(3):
            home.put()
        runner = Runner(home)
        ok(wait_for(lambda: any("DATA" in line for line in peer.transcript)), "stop: one is on its way")
        same((runner.stop(), len(home.ids())), (0, 2), "stop: behind that message")
        ok(peer.wait(), "stop: in good order", *peer.transcript)


def has_namespaces():
    return os.geteuid() == 0 and shutil.which("ip") and shutil.which("unshare")


def test_network_comes_up():
    """In a network namespace of its own: no route to the server, then one."""
    if not has_namespaces():
        skip("network comes up", "root only, with ip(8)")
        return
    with Home() as home:
        home.account(1, host="192.0.2.7")
        home.put()
        script = ('ip link set lo up; "$1" queue run --watch & r=$!; read x; ip addr add 192.0.2.7/24 dev lo; '
                  'echo up; read x; kill $r; wait $r; echo "exit $?"')
        child = subprocess.Popen(["unshare", "--net", "sh", "-c", script, "sh", BUILD / "tappal"], env=home.environment(), stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE, text=True)
        ok(wait_for(lambda: home.logged().count("failed") == 1), "no network: the first try fails", home.logged())
        child.stdin.write("\n")
        child.stdin.flush()
        same(child.stdout.readline(), "up\n", "there is an address")
        ok(wait_for(lambda: home.logged().count("failed") == 2), "network comes up: tried at once, though not due", home.logged())
        child.stdin.write("\n")
        child.stdin.close()
        same(child.stdout.readline(), "exit 0\n", "and stopped")
        child.wait(timeout=20)


def deliver(home, script):
    with Peer(script, limit=20) as peer:
        home.account(peer.port)
        home.deliver()
        peer.hang_up()
    return peer


def test_poison():
    """A message over which three runners were killed is held; the others go out."""
    with Home() as home:
        home.account(1)
        ident = home.put()
        for _ in range(4):  # the first time, that is before the record
            home.env["TAPPAL_TEST_STEP"] = "stop:4:tappal-deliver"  # behind the record of the attempt
            deliver(home, GREET + ONE)
            del home.env["TAPPAL_TEST_STEP"]
        same([r.split()[0] for r in home.journal(ident)][-3:], ["attempt"] * 3, "three runners were killed over it")
        other = home.put()
        peer = deliver(home, GREET + ONE + QUIT)
        ok(peer.good, "the other one goes out", *peer.transcript)
        same(home.ids(), [ident], f"it stays ({other} does not)")
        ok(any(r.startswith("hold ") for r in home.journal(ident)), "and is held", home.journal(ident))
        with Peer(GREET + ONE + QUIT, limit=20) as peer:
            home.account(peer.port)
            queue(home, "release", ident)
            ok(peer.wait() and wait_for(lambda: not home.ids()), "released, it is tried again", *peer.transcript)


def test_hung_up_at_one():
    """The host hangs up at two messages, each time, and takes others: those are not kept waiting by them."""
    bad = GREET + "C: MAIL FROM:<bad@example.org>*\nS: 250 ok\nC: RCPT TO:<bob@example.org>\nS: 250 ok\nC: DATA\ncut\nnext\n"
    good = GREET + ONE
    with Home() as home:
        home.account(1)
        bads = [home.put(options=("-f", "bad@example.org")) for _ in range(2)]
        for _ in range(3):
            home.later(4000)
            deliver(home, bad + bad)
        for turn in range(2):
            home.later(4000)
            home.put()
            peer = deliver(home, good + bad.replace(GREET, "", 1) + bad + bad)
            ok(home.ids() == bads, f"turn {turn}: the good one passes, before the bad ones", *peer.transcript)
            ok(not list(home.dir.glob(".local/state/tappal/accounts/*.breaker")), f"turn {turn}: and the account is not to blame")


def queue(home, *arguments):
    return subprocess.run([BUILD / "tappal", "queue", *arguments], env=home.environment(), capture_output=True, text=True, check=False, timeout=60)


def status(home, *arguments):
    return subprocess.run([BUILD / "tappal", "status", *arguments], env=home.environment(), capture_output=True, text=True, check=False, timeout=60)


def test_status():
    with Home() as home, socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        home.account(taken.getsockname()[1])
        checked = status(home, "--check")
        same((checked.returncode, checked.stdout), (0, "OK: 0 messages wait\n"), "check: all is well")
        same(json.loads(status(home, "--json").stdout)["accounts"], [{"name": "work", "address": "ada@example.org", "sends": True, "fetches": True, "failure": None, "limit": None, "fetching": False, "fetch_failure": None, "offline": None, "fetched": None, "new_mail": None, "new_messages": 0, "quarantine": []}], "json: accounts")
        ident = home.put()
        matches(status(home).stdout, r"1 message waits, 1 of them due now: .*\nThe queue is woken by nothing, until", "status says that nothing will wake the queue")
        ok(wait_for(lambda: list(home.dir.glob(".local/state/tappal/accounts/*.breaker"))), "status has it tried")
        checked = status(home, "--check")
        same(checked.returncode, 1, "check: an account fails")
        matches(checked.stdout, "^WARNING: account work cannot send: .*refused the connection", "and says so")
        matches(status(home).stdout, r"work: .*\n  cannot send for .*refused the connection", "status too")
        same(json.loads(status(home, "--json").stdout)["accounts"][0]["failure"]["kind"], "network", "json too")
        home.later(3 * 3600)
        checked = status(home, "--check", "--max-age", "2h")
        same((checked.returncode, checked.stdout), (2, "CRITICAL: 1 message waits, the oldest for 3 h\n"), "check: it waits for too long")
        same(status(home, "--check", "--max-age", "4h").returncode, 1, "check: not for too long")
        queue(home, "hold", ident)
        same(status(home, "--check", "--max-age", "2h").returncode, 1, "check: what is held waits for nobody")
        for arguments in (["--max-age", "1h"], ["--check", "--json"], ["--check", "--max-age", "soon"]):
            same(status(home, *arguments).returncode, 64, f"{arguments}: bad usage")
    with Home() as home:
        home.account(1)
        queue(home, "bounce", home.put())
        ok(wait_for(lambda: home.ids("failed")), "bounced")
        matches(status(home).stdout, r"^1 message could not be sent and lies in .*failed", "what failed is the first line of status")
        same(status(home, "--check").returncode, 1, "and a warning")
        runner = Runner(home)
        home.account(1)
        home.put()
        ok(json.loads(status(home, "--json").stdout)["woken_by"] == "a standing runner", "a runner that stands is known")
        runner.stop()


for test in (test_takes_what_is_stored, test_sendmail_only_stores, test_tries_again_in_time, test_another_has_the_role, test_person_beside_a_runner, test_person_asks_a_runner, test_bounce_beside_a_runner, test_one_account, test_slow_account, test_stop_reaches_children, test_network_comes_up, test_poison,
             test_hung_up_at_one, test_status):
    test()
done()
