#!/usr/bin/python3
"""queue - the commands of tappal queue, against scripted servers."""
# run: limit=120
import fcntl
import json
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
from deliver_home import BUILD, Home
from peer import Peer
from taker import Taker
from tap import done, matches, ok, same

GREET = "S: 220 mail.example.test\nC: EHLO [127.0.0.1]\nS: 250 mail.example.test\n"
MAIL = "C: MAIL FROM:<ada@example.org>\nS: 250 ok\n"
QUIT = "C: QUIT\neof\n"


def queue(home, *arguments):
    return subprocess.run([BUILD / "tappal", "queue", *arguments], env=home.environment(), capture_output=True, text=True,
                          check=False, timeout=60)


def status(home, *arguments):
    return subprocess.run([BUILD / "tappal", "status", *arguments], env=home.environment(), capture_output=True, text=True,
                          check=False, timeout=60)


def run(home, script):
    """`queue run` while the server plays the script."""
    with Peer(script, limit=20) as peer:
        home.account(peer.port)
        result = queue(home, "run")
        peer.hang_up()
    return result


def test_empty():
    with Home() as home:
        home.account(1)
        for arguments in (["list"], ["run"]):
            result = queue(home, *arguments)
            same((result.returncode, result.stdout, result.stderr), (0, "Mail queue is empty\n", ""), f"{arguments[0]} of an empty queue")
        for arguments in ([], ["show"], ["remove"], ["list", "x"], ["flush"], ["--nonsense", "list"]):
            same(queue(home, *arguments).returncode, 64, f"queue {' '.join(arguments)}: bad usage")
        for arguments in (["show", "0123456789"], ["remove", "0123456789"], ["show", "0"]):
            result = queue(home, *arguments)
            same(result.returncode, 65, f"queue {' '.join(arguments)}: there is none")
            matches(result.stderr, r"no message.*\n  hint: ", "and it says so, with a hint")


def test_list_and_show():
    with Home() as home:
        home.account(1)
        ident = home.put("bob@example.org", "eve@example.org")
        listed = queue(home, "list")
        same(listed.returncode, 0, "list")
        matches(listed.stdout, rf"{ident}  +\d+ .* ada@example.org\n    \(due now\)\n +bob@example.org\n", "list shows id, sender, recipients")
        same(subprocess.run(["mailq"], executable=BUILD / "tappal-sendmail", env=home.environment(), capture_output=True, text=True,
                            check=False).stdout, listed.stdout, "mailq says the same")
        for part in (ident, ident[:-1], ident[-5:]):
            matches(queue(home, "show", part).stdout, rf"message +{ident}\n.*account +work\n.*Subject: x\n", f"show {part}")
        same(queue(home, "show", ident[-4:]).returncode, 65, "four characters are too few")


def test_run():
    with Home() as home:
        home.account(1)
        ident = home.put()
        result = run(home, GREET + MAIL + "C: RCPT TO:<bob@example.org>\nS: 250 ok\nC: DATA\nS: 354 go\ndata\nS: 250 2.0.0 queued\n" + QUIT)
        same((result.returncode, result.stdout), (0, f"{ident}  delivered\n"), "run: delivered")
        same(home.ids(), [], "and gone")
    with Home() as home:
        home.account(1)
        ident = home.put()
        result = run(home, GREET + MAIL + "C: RCPT TO:<bob@example.org>\nS| 450 4.2.0 Greylisted \\x1b[31m\\r\\n\nC: *\nS: 250 ok\n" + QUIT)
        same(result.returncode, 75, "run: later")
        matches(result.stdout, rf"^{ident}  still queued, next try in .*: the server said 450 4.2.0 Greylisted .*\n$", "with the server's words")
        matches(queue(home, "show", ident).stdout, r"recipient +bob@example.org: later: 450 4.2.0 Greylisted .*\n.*tries +1\n", "show has them too")
        ok("\x1b" not in result.stdout + queue(home, "show", ident).stdout, "an escape in a reply does not reach the terminal")
    with Home() as home:
        home.account(1)
        ident = home.put("bob@example.org", "eve@example.org")
        result = run(home, GREET + MAIL + "C: RCPT TO:<bob@example.org>\nS: 250 ok\nC: RCPT TO:<eve@example.org>\nS: 550 5.1.1 No such user\n"
                     "C: DATA\nS: 354 go\ndata\nS: 250 2.0.0 queued\n" + QUIT)
        same(result.returncode, 0, "run: one of two refused")
        matches(result.stdout, rf"^{ident}  delivered to 1 of 2 recipients, refused .*No such user\n$", "and it says so")
        same(len(home.reports()), 1, "and the sender is told")


def test_run_without_server():
    with Home() as home, socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        home.account(taken.getsockname()[1])
        ids = [home.put(), home.put()]
        result = queue(home, "run")
        same(result.returncode, 75, "run: no server")
        lines = [next((line for line in result.stdout.splitlines() if line.startswith(i)), "") for i in ids]
        ok(any(re.search("still queued, .*refused the connection", line) for line in lines), "the failure is told once at least", *lines)
        ok(all("still queued" in line for line in lines), "both are still queued", *lines)
        same(len(home.ids()), 2, "both are")
    with Home() as home, socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        home.account(taken.getsockname()[1])
        home.write(home.config / "tappal.ini", "")
        home.put()
        result = queue(home, "run")
        same(result.stderr, "", "without a log of its own, the failure is not told twice")
        matches(result.stdout, r"still queued.*refused the connection.*\n  hint: \w", "but once, with its hint")
        home.write(home.config / "tappal.ini", "[tappal]\nlog = stderr\n")
        matches(queue(home, "run").stderr, r"^tappal-deliver: failed ", "unless the log is wanted there")


def test_remove():
    with Home() as home:
        home.account(1)
        ident, other = home.put(), home.put()
        with open(home.queue / "msg" / ident, "rb+") as message:
            fcntl.flock(message, fcntl.LOCK_EX)
            result = queue(home, "remove", ident)
            same(result.returncode, 75, "remove: it is being sent")
            matches(result.stderr, r"just being sent.*\n  hint: Try again", "and it says so")
            same(len(home.ids()), 2, "and it is still there")
        result = queue(home, "remove", ident)
        same((result.returncode, result.stderr), (0, ""), "remove")
        same(home.ids(), [other], "the one is gone, the other is not")
        same(sorted(p.name for p in (home.queue / "msg").iterdir()), [other], "its journal is gone as well")


def test_damage():
    with Home() as home:
        home.account(1)
        ident = home.put()
        path = home.queue / "msg" / ident
        path.write_bytes(path.read_bytes()[:-10])
        matches(queue(home, "list").stdout, rf"{ident}  .*damaged", "list says that a file is damaged")
        same(home.ids(), [ident], "and leaves it where it is")
        queue(home, "run")
        same((home.ids(), home.ids("aside")), ([], [ident]), "run sets it aside")
        matches(queue(home, "list").stdout, r"1 more in .*/aside, not to be sent", "list says where it is")


def test_hold_and_release():
    with Home() as home:
        home.account(1)
        ident = home.put()
        same(queue(home, "hold", ident).returncode, 0, "hold")
        matches(queue(home, "list").stdout, rf"{ident}! .*\n    \(held: by hand\)", "list says so")
        result = run(home, "delay 0.1\n")
        same((result.returncode, home.ids()), (75, [ident]), "run leaves it alone")
        matches(status(home).stdout, "1 message waits, 0 of them due now: tappal queue list\n1 of them is held, and not tried until somebody says so: tappal queue release", "status counts it")
        same(json.loads(status(home, "--json").stdout)["held"], 1, "status --json too")
        check = status(home, "--check")
        same((check.returncode, check.stdout), (1, "WARNING: 1 message is held until somebody says so\n"), "status --check does not forget it")
        with Peer(GREET + MAIL + "C: RCPT TO:<bob@example.org>\nS: 250 ok\nC: DATA\nS: 354 go\ndata\nS: 250 2.0.0 queued\n" + QUIT, limit=20) as peer:
            home.account(peer.port)
            same(queue(home, "release", ident).returncode, 0, "release")
            ok(peer.wait(), "release: it is sent at once", *peer.transcript)


def test_bounce_and_retry():
    with Home() as home:
        home.account(1)
        ident = home.put("bob@example.org", "eve@example.org")
        home.env["TAPPAL_TEST_STEP"] = "stop:1:tappal-deliver"
        bounced = queue(home, "bounce", ident)
        del home.env["TAPPAL_TEST_STEP"]
        ok(bounced.returncode == 0 and bounced.stderr == "", "bounce says once what it did", bounced.stderr)
        matches(queue(home, "list").stdout, rf"{ident}.*\n    \(given up, its sender is still to be told; ", "list knows it, until the report is made")
        same(queue(home, "run").returncode, 0, "the queue goes on")
        ok(until(lambda: home.ids("failed") == [ident] and home.reports()), "bounce: it goes to failed/, with a report", home.logged())
        until(lambda: (home.queue / "failed" / f"{ident}.j").exists())
        matches(home.reports()[0].decode(), r"is given up, for:\n\n  bob@example.org\n    It was sent back by hand", "bounce: the report")
        matches(queue(home, "list").stdout, rf"Mail queue is empty\n-- 1 more in .*/failed, .*\n.*\n{ident}  .*\n    \(kept, not tried again: 4.4.7 It was sent back by hand", "list shows failed/")
        matches(queue(home, "show", ident).stdout, "state +kept, not tried again", "show finds it there")
        matches(queue(home, "hold", ident).stderr, r"in failed/.*\n  hint: .*retry", "hold does not")
        with Peer(GREET + MAIL + "C: RCPT TO:<bob@example.org>\nS: 250 ok\nC: RCPT TO:<eve@example.org>\nS: 250 ok\nC: DATA\nS: 354 go\ndata\nS: 250 2.0.0 queued\n" + QUIT, limit=20) as peer:
            home.account(peer.port)
            matches(queue(home, "retry", ident).stdout, "back in the queue", "retry")
            ok(peer.wait(), "retry: it is sent to all", *peer.transcript)
        ok(until(lambda: (home.ids(), home.ids("failed")) == ([], [])), "retry: and is gone")
        ident = home.put()
        ok(until(lambda: queue(home, "bounce", ident).returncode == 0), "bounce another: once the runner that leaves has let go of it")
        ok(until(lambda: home.ids("failed") == [ident]), "it goes to failed/")
        ok(until(lambda: queue(home, "remove", ident).returncode == 0), "remove: once the runner has let go of it")
        same(home.ids("failed"), [], "remove takes it out of failed/ for good")


def alone(home, *arguments):
    """A command whose deliverer comes to nothing."""
    home.env["TAPPAL_TEST_STEP"] = "stop:1:tappal-deliver"
    result = queue(home, *arguments)
    del home.env["TAPPAL_TEST_STEP"]
    home.end_deliverers()
    return result


def test_windows():
    """What goes out in a window goes to all its recipients: nothing that is settled for some is among it."""
    with Home() as home, Taker() as taker:
        home.account(taker.port)
        ids = [home.put(f"u{i}@example.org") for i in range(5)]
        alone(home, "bounce", ids[2])
        home.deliver()
        taken = taker.settle()
        same(sorted({to for to, _ in taken}), [f"u{i}@example.org" for i in (0, 1, 3, 4)], "sent back before any try: it does not go out with the others")
        same((home.ids(), home.ids("failed"), len(home.reports())), ([], [ids[2]], 1), "but back")
    with Home() as home, Taker() as taker:
        home.account(taker.port)
        ident = home.put("bob@example.org", "later-eve@example.org")
        home.deliver()
        alone(home, "bounce", ident)
        home.deliver()
        same(home.ids("failed"), [ident], "delivered to one of two, then sent back")
        alone(home, "retry", ident)
        taker.patient = True
        new = [home.put(f"u{i}@example.org") for i in range(4)]
        home.deliver()
        taken = taker.settle()
        same(sorted(to for to, _ in taken), ["bob@example.org", "later-eve@example.org", *(f"u{i}@example.org" for i in range(len(new)))], "brought back among new ones: each has it once")
        same((home.ids(), home.ids("failed")), ([], []), "and nothing is left")


def test_no_room_for_a_window():
    """Where there is no room to write down several messages together, they go one by one."""
    def sent(step=None, log=None):
        with Home() as home, Taker() as taker:
            home.account(taker.port)
            for i in range(12):
                home.put(f"u{i}@example.org")
            home.env.update({k: v for k, v in (("TAPPAL_TEST_STEP", step), ("TAPPAL_TEST_STEP_LOG", log)) if v})
            run = home.deliver()
            return sorted(to for to, _ in taker.settle()), run.status, home.ids()

    everybody = sorted(f"u{i}@example.org" for i in range(12))
    with tempfile.TemporaryDirectory() as folder:
        log = pathlib.Path(folder) / "steps"
        same(sent(log=str(log)), (everybody, 0, []), "with room: all go")
        names = [line.split()[1] for line in log.read_text().splitlines() if line.endswith(" tappal-deliver")]
    rooms = [n for n, name in enumerate(names, 1) if name == "reserve"]
    ok(len(rooms) == 12 and "syncfs" in names, "they are written down together", names)
    for n in rooms:
        same(sent(f"fail:{n}:ENOSPC:tappal-deliver"), (everybody, 0, []), f"no room at step {n}: each goes once")


def test_retry_at_every_step():
    """Stopped at each durable step on the way back, nothing is lost, and a runner that comes by keeps it whole."""
    with Home() as home:
        home.account(1)
        ident = home.put()
        queue(home, "bounce", ident)
        until(lambda: home.ids("failed") == [ident])
        steps = home.dir / "steps"
        for how in ("stop:{}:tappal", "fail:{}:EIO:tappal"):
            for n in range(1, 20):
                home.env["TAPPAL_TEST_STEP"] = how.format(n)
                home.env["TAPPAL_TEST_STEP_LOG"] = str(steps)
                result = queue(home, "retry", ident)
                del home.env["TAPPAL_TEST_STEP"], home.env["TAPPAL_TEST_STEP_LOG"]
                ok(home.ids() + home.ids("failed") == [ident], f"{how.format(n)}: it is in one of the two places", result.stderr)
                home.later(120)
                home.deliver()
                # it may be back, and wait for its server
                ok(until(lambda: not home.ids() or queue(home, "bounce", ident).returncode == 0), f"{how.format(n)}: nobody holds on to it")
                ok(until(lambda: (home.ids(), home.ids("failed")) == ([], [ident])), f"{how.format(n)}: it can be taken, wherever it was")
                if result.returncode == 0:
                    break
        ok(until(lambda: not list((home.queue / "msg").iterdir())), "no journal was left alone", list((home.queue / "msg").iterdir()))


def test_explain():
    with Home() as home, socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        home.account(taken.getsockname()[1])
        tried, ident = home.put(), home.put()
        queue(home, "run")
        same(home.journal(ident)[:1], ["tappal-journal 1"] if home.journal(ident) else [], "the second one was not tried")
        said = queue(home, "explain", ident).stdout
        matches(said, r"account +work, since its address is the sender's\n", "explain: which account, and why")
        matches(said, r"state +due now: waits for account work: .*refused the connection", "explain: what keeps it")
        matches(said, r"the account +fails since .*, 1 time; next probe .*\nhint +Nothing listens there", "explain: the breaker")
        same(said.count("refused the connection"), 1, "explain: no sentence is said twice")
        matches(said, r"tried until .*\nwoken by +nothing", "explain: until when, and what wakes the queue")
        matches(queue(home, "list").stdout, rf"{ident}  .*\n    \(due now: waits for account work: .*refused the connection", "list: the breaker's reason stands beside")
        said = queue(home, "explain", tried).stdout
        matches(said, r"state +next try in", "explain: the one that was tried")
        ok(said.count("refused the connection") == 1 == said.count("hint  "), "explain: it too, once", said)


def test_under_way():
    with Home() as home, Peer(GREET + "C: *\ndelay 6\n", limit=30) as peer:
        home.account(peer.port)
        ident = home.put()
        with subprocess.Popen([BUILD / "tappal", "queue", "run"], env=home.environment(), stdout=subprocess.DEVNULL) as child:
            ok(until(lambda: "being sent for" in queue(home, "list").stdout), "list: it is being sent", *peer.transcript)
            matches(queue(home, "list").stdout, rf"{ident}\*.*\n    \(being sent for \d+ s\)", "list: for how long")
            home.later(3600)
            matches(queue(home, "list").stdout, r"\(being sent for .*, or its deliverer was killed\)", "list: too long to be true")
            child.kill()


def test_json():
    with Home() as home:
        home.account(1)
        ident, held = home.put("bob@example.org", "eve@example.org"), home.put()
        queue(home, "hold", held)
        listed = json.loads(queue(home, "list", "--json").stdout)
        same([m["id"] for m in listed], [ident, held], "json: the messages")
        same([r["address"] for r in listed[0]["recipients"]], ["bob@example.org", "eve@example.org"], "json: recipients")
        same((listed[0]["place"], listed[0]["account"], listed[0]["held"], listed[1]["held"], listed[1]["held_why"]), ("queue", "work", False, True, "by hand"), "json: state")
        same(queue(home, "run", "--json").returncode, 64, "json: not for run")
    with Home() as home:
        home.account(1)
        same(queue(home, "list", "--json").stdout, "[]\n", "json: of an empty queue")


def until(what, limit=20):
    end = time.monotonic() + limit
    while not (good := what()) and time.monotonic() < end:
        time.sleep(0.02)
    return good


for test in (test_empty, test_list_and_show, test_run, test_run_without_server, test_remove, test_damage,
             test_hold_and_release, test_bounce_and_retry, test_windows, test_no_room_for_a_window, test_retry_at_every_step, test_explain, test_under_way, test_json):
    test()
done()
