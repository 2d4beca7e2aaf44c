#!/usr/bin/python3
"""rate - `rate` and `daily`: never more goes out than they say, whoever sends and whoever is killed; what is over them
waits, says so, and goes in its turn.

run: limit=240
"""
import email.utils
import json
import pathlib
import re
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
from deliver_home import BUILD, MESSAGE, Home
from sink import Sink
from tap import done, matches, ok, same

HOUR, DAY = 3600, 86400
BY_RATE = "The account work sends no more than 2 messages in a minute."


def named(name):
    return MESSAGE.replace(b"<1@", b"<" + name.encode() + b"@") + b"last\n"


class House:
    """A home, and a server that takes all."""

    def __init__(self, refuse=None, **limits):
        self.home, self.sink, self.count = Home(), Sink(refuse), 0
        self.limits = limits
        self.home.account(self.sink.port, **limits)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sink.close()
        self.home.__exit__()

    def put(self, *recipients):
        self.count += 1
        return self.home.put(*recipients, message=named(f"m{self.count}"))

    def tappal(self, *words):
        return subprocess.run([BUILD / "tappal", *words], env=self.home.environment(), capture_output=True, text=True, check=False, timeout=60)

    def deliver(self, *options):
        """How many messages it took the server."""
        before = len(self.sink.taken)
        self.home.deliver(None, *options)
        return len(self.sink.taken) - before


def test_waits_its_turn():
    with House(rate="2/min") as house:
        home, ids = house.home, [house.put() for _ in range(7)]
        same(house.deliver(), 2, "2/min: two go out")
        same(home.ids(), ids[2:], "the oldest first; the others wait")
        same([round(home.due_in(i) / 60) for i in home.ids()], [1, 1, 2, 2, 3], "each has its turn")
        matches(house.tappal("queue", "list").stdout, r"next try in \d+ \S+: " + BY_RATE, "list says why")
        explained = house.tappal("queue", "explain", ids[2]).stdout
        matches(explained, r"state +next try in .*" + BY_RATE + r"\nhint .*It goes out by itself in its turn; .*work\.ini says how much may: rate", "explain too")
        matches(house.tappal("status").stdout, r"  sends the next message in \d+ (s|min): " + BY_RATE, "status: when the next one goes")
        limit = json.loads(house.tappal("status", "--json").stdout)["accounts"][0]["limit"]
        ok(limit["error"] == BY_RATE and 50 < limit["next"] - time.time() < 65, "status --json", limit)
        same(house.tappal("status", "--check").returncode, 0, "and no fault")
        callers = len(house.sink.callers)
        same((house.deliver(), house.deliver("--now"), len(house.sink.callers)), (0, 0, callers), "nothing more goes, not even by --now; nobody connects")
        run = house.tappal("queue", "run")
        ok(run.returncode == 75 and BY_RATE in run.stdout, "queue run says why", run)
        home.later(62)
        same(house.deliver(), 2, "a minute later: two more")
        matches(house.tappal("status").stdout, "sends the next message in", "status knows")
        home.later(62)
        late = house.put()
        matches(house.tappal("queue", "list").stdout, late + r".*\n    \(due now\)", "room again: a new one is just due")
        same(house.deliver(), 2, "two more")
        house.put()
        matches(house.tappal("queue", "list").stdout, r"\(due now: waits for account work: " + BY_RATE, "one that was never tried says what it waits for")
        home.later(62)
        house.deliver()
        home.later(62)
        house.deliver()
        same((home.ids(), sorted(house.sink.taken)), ([], [f"m{i}" for i in range(1, 10)]), "all have gone, once")


def test_windows():
    """A host that bears whole windows gets no more by them."""
    with House(rate="40/min") as house:
        for _ in range(90):
            house.put()
        for turn, wanted in enumerate((40, 40, 10)):
            same(house.deliver(), wanted, f"windows, minute {turn}: {wanted}")
            house.home.later(62)
        same(house.home.ids(), [], "windows: all have gone")


def test_refusals_count():
    with House(rate="2/min", refuse="451 4.2.0 later") as house:
        for _ in range(4):
            house.put()
        house.home.deliver()
        same(sum("attempt" in " ".join(house.home.journal(i)) for i in house.home.ids()), 2, "what the server did not take counts as well")


def test_who_waits_for_it():
    """tappal-sendmail does not wait for a turn; nor is a rate a fault of a first set-up."""
    with House(rate="1/hour", refuse="451 4.2.0 later", wait="60s") as house:
        send = ["script", "-qec", f"{BUILD}/tappal-sendmail -i -f ada@example.org bob@example.org <message", "/dev/null"]
        (house.home.dir / "message").write_bytes(named("tty"))
        for turn in (1, 2):
            begun = time.monotonic()
            run = subprocess.run(send, env={**house.home.environment(), "SHELL": "/bin/sh"}, cwd=house.home.dir, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                 check=False, timeout=100)
            same((run.returncode, len(house.home.ids())), (0, turn), f"sendmail {turn}: kept")
        ok(time.monotonic() - begun < 45 and "no more than 1 message in an hour" in run.stdout and "stays in the queue" in run.stdout, "sendmail: says so and does not wait", run.stdout)


def test_many_at_once():
    with House(rate="5/min") as house:
        ids = [house.put() for _ in range(15)]
        runs = [subprocess.Popen([BUILD / "tappal-deliver", "--queue", house.home.queue, "--account", "work"], env=house.home.environment()) for _ in range(6)]
        same([run.wait(timeout=60) for run in runs], [0] * 6, "six runners at once")
        same((len(house.sink.mails), len(house.home.ids())), (5, 10), "take no more than one would")
        ok(set(house.home.ids()) < set(ids), "and the others wait")


def test_killed_at_every_step():
    """What is counted was counted before the server heard of it."""
    with House(rate="3/min") as house:
        home, log = house.home, house.home.dir / "steps"
        for _ in range(4):
            house.put()
        home.env["TAPPAL_TEST_STEP_LOG"] = str(log)
        home.deliver()
        del home.env["TAPPAL_TEST_STEP_LOG"]
        steps = [line.split()[1] for line in log.read_text().splitlines() if line.endswith("tappal-deliver")]
        for n, name in enumerate(steps, 1):
            home.later(HOUR)
            while home.ids():
                home.later(HOUR)
                home.deliver()
            home.later(HOUR)
            for _ in range(4):
                house.put()
            house.sink.mails.clear()
            home.env["TAPPAL_TEST_STEP"] = f"stop:{n}:tappal-deliver"
            home.deliver()
            del home.env["TAPPAL_TEST_STEP"]
            home.deliver()
            home.deliver()
            ok(len(house.sink.mails) <= 3, f"killed at step {n} ({name}): not more than 3 in the minute", *house.sink.mails)


def test_clock_and_damage():
    with House(rate="2/min") as house:
        home = house.home
        for _ in range(8):
            house.put()
        house.deliver()
        home.later(-10 * DAY)
        same(house.deliver("--now"), 0, "clock set back: it holds still")
        home.later(62)
        same(house.deliver("--now"), 2, "but no longer than a minute")
        file = next((home.dir / ".local/state/tappal/accounts").glob("work-*.rate"))
        same(oct(file.stat().st_mode & 0o777), "0o600", "the file is its owner's")
        text = file.read_text()
        for damage in ("", "junk\n", text[:-2], text + "messages 1 0 1\n", text + "messages 1 2 99999999999\n", text.replace("tappal-rate 1", "tappal-rate 2")):
            file.write_text(damage)
            home.account(house.sink.port, rate="9000/min")
            home.account(house.sink.port, rate="2/min")
            house.put()
            same(house.deliver("--now") > 0, True, f"a damaged file counts as none: {damage[-12:]!r}")
            for _ in range(3):
                house.put()


def test_daily():
    with House(daily="5") as house:
        home = house.home
        home.write(home.config / "tappal.ini", f"[tappal]\nlog = {home.log}\n[queue]\nwarn_after = 0s\n")
        three = ("a@example.org", "b@example.org", "c@example.org")
        first, second = house.put(*three), house.put(*three)
        house.deliver()
        same(home.ids(), [second], "daily = 5: a message to three, then no other three")
        matches(house.tappal("queue", "list").stdout, "The account work sends to no more than 5 recipients in 24 hours", "list says so")
        said = house.tappal("queue", "explain", second).stdout
        goes_on = re.search(r"the next one may go on (.*?);", said)
        if ok(goes_on, "explain says when it goes on", said):
            ok(DAY - 120 < email.utils.parsedate_to_datetime(goes_on[1]).timestamp() - time.time() < DAY + 5, "which is in a day", said)
        house.put("d@example.org", "e@example.org")
        house.deliver()
        same((home.ids(), len(house.sink.rcpts)), ([second], 5), "two still fit")
        home.later(DAY - HOUR)
        same(house.deliver("--now"), 0, "23 hours later: no")
        home.later(2 * HOUR)
        same(house.deliver(), 1, "25 hours later: yes")
        home.later(2 * DAY)
        house.sink.rcpts.clear()
        many = house.put(*[f"u{i}@example.org" for i in range(12)])
        for day, wanted in enumerate((5, 10, 12)):
            house.deliver()
            house.deliver("--now")
            same(len(house.sink.rcpts), wanted, f"a message to 12, day {day}: {wanted} have got it")
            home.later(DAY + HOUR)
        same((home.ids(), len(set(house.sink.rcpts))), ([], 12), f"{many} is over: each once")
        same(len(home.reports()), 0, "nothing came back")


def test_given_up():
    with House(rate="1/day") as house:
        home = house.home
        home.write(home.config / "tappal.ini", f"[tappal]\nlog = {home.log}\n[queue]\ngive_up_after = 2h\nwarn_after = 1h\n")
        house.put()
        late = house.put()
        house.deliver()
        ok(3500 < home.due_in(late) < 3605, "a turn that is far off: looked at in an hour", home.due_in(late))
        home.later(HOUR // 2)
        house.deliver("--now")
        same((home.ids(), home.reports()), ([late], []), "before give_up_after it waits")
        home.later(HOUR)
        house.deliver("--now")
        matches(home.reports()[0].decode(), r"1 message waits to be sent by the account work.*sends no more than 1 message in a day", "after warn_after its person is told, and why")
        home.later(HOUR)
        house.deliver("--now")
        same((home.ids(), home.ids("failed"), len(home.reports())), ([], [late], 2), "after give_up_after it comes back")
        ok(any(re.search(rb"sends no more than 1 message in a day", r) for r in home.reports()[1:] + home.reports()[:1]), "with the reason")


for test in (test_waits_its_turn, test_windows, test_refusals_count, test_who_waits_for_it, test_many_at_once, test_killed_at_every_step, test_clock_and_damage, test_daily,
             test_given_up):
    test()
done()
