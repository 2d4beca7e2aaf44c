#!/usr/bin/python3
"""delivery_steps - tappal-deliver is stopped, and made to fail, at every durable step of a queue's delivery: a window
of messages of which some are taken, some refused, some put off; reports into a maildir and by SMTP; notices of delay;
giving up. So are tappal-sendmail, where it takes a refused message back, and `queue remove`. After each the queue is
run again and all is compared: each recipient got the message once, or is told of; twice only what was in doubt, and
shown as such; no two messages are mixed; nothing went without a record that it might.

run: limit=900 long
"""
import collections
import pathlib
import re
import shutil
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import steps                            # noqa: E402
import tap                              # noqa: E402
from deliver_home import BUILD, Home    # noqa: E402
from taker import Taker                 # noqa: E402

HOUR, DAY = 3600, 86400
LARGE = 200000  # octets; more than goes into a window
ASKS = ("-f", "ada@example.org", "-N", "success,failure,delay")
WINDOW = [("fine",), ("fine",), ("fine", "no"), ("no",), ("later", "fine"), ("later",), ("fine", "fine2")]
# What becomes of a recipient, by the first word of the address.
ENDS = {"fine": "got", "fine2": "got", "later": "got", "no": "told"}


class Scene:
    """A queue that is set up once and played many times."""

    def __init__(self, name, **account):
        self.name, self.home, self.taker = name, Home(), Taker()
        self.home.account(self.taker.port, **account)
        self.letters = {}           # token -> [recipients]
        self.ends = dict(ENDS)
        self.kept = set()           # tokens of what ends in failed/
        self.silent = set()         # tokens of those whose sender is not told
        self.late, self.patient = 0, True

    def letter(self, *rules, options=("-f", "ada@example.org"), size=0):
        token = f"t{len(self.letters)}x"
        recipients = [f"{rule}-{token}@example.org" for rule in rules]
        self.letters[token] = recipients
        return self.home.put(*recipients, message=text_of(token, size), options=options)

    def ready(self):
        """Each walk begins here, `late` seconds after the letters came in."""
        shutil.copytree(self.home.dir, f"{self.home.dir}.kept", copy_function=shutil.copy2, ignore=shutil.ignore_patterns("wake"))

    def restore(self):
        self.taker.patient, self.home.shift = False, self.late
        self.taker.settle()
        shutil.rmtree(self.home.dir)
        shutil.copytree(f"{self.home.dir}.kept", self.home.dir, copy_function=shutil.copy2)

    def close(self):
        self.taker.close()
        shutil.rmtree(f"{self.home.dir}.kept", ignore_errors=True)
        shutil.rmtree(self.home.dir, ignore_errors=True)

    # -- what there is --

    def token(self, path):
        """Whose message a file of the queue is; None for a report or a notice."""
        found = re.search(rb"^Message-ID: <(t\d+x)@", path.read_bytes().partition(b"\r\n\r\n")[0], re.M)
        return found and found[1].decode()

    def waiting(self, folder="msg"):
        found = {self.token(self.home.queue / folder / i): i for i in self.home.ids(folder)}
        found.pop(None, None)
        return found

    def letters_of_ours(self):
        """The texts of reports and notices that wait to be sent."""
        texts = [self.home.queue / "msg" / i for i in self.home.ids()]
        return b"".join(path.read_bytes() for path in texts if not self.token(path))

    def doubtful(self):
        """Tokens of messages whose journal shows an end of data without an answer."""
        return {token for token, ident in self.waiting().items() if
                steps.is_doubtful(self.home.queue / "msg" / (ident + ".j"), len(self.letters[token]))}

    def told(self, taken):
        """Addresses that the sender was told of, once for each report."""
        by_smtp = [text.replace(b"\r\n", b"\n") for who, text in taken if who == "ada@example.org"]
        return collections.Counter(who for report in self.home.reports() + by_smtp
                                   for who in re.findall(rb"^Final-Recipient: rfc822; (\S+)\nAction: failed", report, re.M))


def text_of(token, size=0):
    return (f"From: ada@example.org\nSubject: {token}\nMessage-ID: <{token}@example.org>\n\nThis is {token}.\n.dot\n".encode() +
            b"0123456789012345678901234567890123456789\n" * (size // 40) + b"last\n")


# -- what may be wrong --

def mixed(scene, taken):
    """Texts that came to somebody else, or are not whole."""
    for who, text in taken:
        token = re.search(r"t\d+x", who)
        if token and (b"This is %s.\r\n" % token[0].encode() not in text or not text.endswith(b"last\r\n") or who not in scene.letters[token[0]]):
            yield f"{who} got {text[:120]!r}"


def gone_too_early(scene, taken):
    """Messages that are no more, with recipients who neither got them nor are told of."""
    there, told = {**scene.waiting(), **scene.waiting("failed")}, scene.told(taken)
    got, queued = {who for who, _ in taken}, scene.letters_of_ours()
    for token, recipients in scene.letters.items():
        for who in recipients if token not in there else ():
            if who not in got and who.encode() not in told and who.encode() not in queued:
                yield f"{token} is gone, {who} has not got it"


def wrong_for(scene, token, who, got, told, doubtful):
    end = scene.ends[who.partition("-")[0]]
    most = 2 if token in doubtful else 1
    if not (1 <= got <= most if end == "got" else got == 0):
        yield f"{who} got it {got} times{', and it was in doubt' * (token in doubtful)}"
    if not (1 <= told <= 2 if end == "told" and token not in scene.silent else told == 0):
        yield f"{who}: the sender was told {told} times"


def wrong_in_the_end(scene, taken, doubtful):
    got, told = collections.Counter(who for who, _ in taken), scene.told(taken)
    for token, recipients in scene.letters.items():
        for who in recipients:
            yield from wrong_for(scene, token, who, got[who], told[who.encode()], doubtful)
    if scene.home.ids() or scene.home.ids("aside") or set(scene.waiting("failed")) != scene.kept:
        yield f"left: {scene.waiting()}, aside {scene.home.ids('aside')}, failed {scene.waiting('failed')}"
    if [*(scene.home.queue / "msg").iterdir()]:
        yield from left_behind(scene)


def left_behind(scene):
    """A journal alone is swept by the next runner that has something to do."""
    scene.home.put()
    scene.home.later(100)
    scene.home.deliver()
    scene.taker.settle()
    if stray := [p.name for p in (scene.home.queue / "msg").iterdir()]:
        yield f"left behind: {stray}"


def shown_as_doubtful(scene, doubtful):
    """What is in doubt stands in the list as that, once somebody has looked at it again."""
    if doubtful:
        scene.home.deliver()
        listed = subprocess.run([BUILD / "tappal", "queue", "list"], env=scene.home.environment(), capture_output=True, text=True, check=False).stdout
        here = {token: ident for token, ident in scene.waiting().items() if token in doubtful}
        yield from (f"{token} is not shown as in doubt: {listed}" for token, ident in here.items()
                    if not re.search(rf"{ident}\?.*\n.*in doubt", listed))


# -- a walk --

def deliver(scene, fault):
    """One run with the fault, and what it left; then runs without, until all is over. What went wrong."""
    scene.restore()
    scene.home.env["TAPPAL_TEST_STEP"] = fault + ":tappal-deliver"
    scene.home.deliver()
    del scene.home.env["TAPPAL_TEST_STEP"]
    return look(scene)


def look(scene):
    taken, doubtful = scene.taker.settle(), scene.doubtful()
    wrong = [*gone_too_early(scene, taken), *shown_as_doubtful(scene, doubtful)]
    scene.taker.patient = scene.patient
    for _ in range(2):
        scene.home.later(4000)
        scene.home.deliver()
    taken += scene.taker.settle()
    wrong += [*mixed(scene, taken), *wrong_in_the_end(scene, taken, doubtful)]
    return wrong and [*wrong, *scene.home.logged().splitlines()[-40:]]


def steps_of(scene, program, run):
    log = scene.home.dir.with_suffix(".steps")
    scene.restore()
    scene.home.env["TAPPAL_TEST_STEP_LOG"] = str(log)
    run()
    del scene.home.env["TAPPAL_TEST_STEP_LOG"]
    names = [line.split()[1] for line in log.read_text().splitlines() if line.endswith(" " + program)]
    log.unlink()
    return names


def walk(scene, least, program="tappal-deliver", once=deliver, run=None):
    """`once` with each fault at each of the steps that `run` takes."""
    names = steps_of(scene, program, run or scene.home.deliver)
    for how in steps.FAULTS:
        wrong = []
        for n, name in enumerate(names, 1):
            if steps.can_happen(how, name):
                wrong += [f"{how % n} ({name}): {what}" for what in once(scene, how % n)]
        tap.ok(not wrong and len(names) >= least, f"{scene.name}: {how.replace('%d', 'N')} at each of {len(names)} steps", *wrong)
    scene.close()


# -- what is walked through --

def known_host(name, **account):
    """The host is known to bear windows."""
    scene = Scene(name, **account)
    for _ in range(2):
        for _ in range(5):
            scene.letter("fine")
        scene.home.deliver()
    scene.letters.clear()
    return scene


def window():
    """One message asks to be told of its delivery, one is large, one has no sender."""
    scene = known_host("a window")
    for rules in WINDOW:
        scene.letter(*rules)
    scene.letter("fine", "no", options=ASKS)
    scene.letter("fine", size=LARGE)
    scene.letter("no", options=("-f", "<>"))
    scene.kept = scene.silent = {list(scene.letters)[-1]}
    scene.ready()
    walk(scene, 100)


def reports_by_smtp():
    scene = known_host("reports by SMTP", maildir=False)
    for rules in (("fine",), ("fine", "no"), ("no",)):
        scene.letter(*rules)
    scene.ready()
    walk(scene, 40)


def delay():
    """Behind four hours: whoever asked is told at once, all others by one letter."""
    scene = Scene("delayed")
    scene.letter("later")
    scene.letter("later", options=ASKS)
    scene.late = 4 * HOUR + 60
    scene.ready()
    walk(scene, 15)


def giving_up():
    """Behind five days, the last hours of which it was tried; kept, and the sender is told."""
    for name, maildir in (("given up", True), ("given up, reports by SMTP", False)):
        scene = Scene(name, maildir=maildir)
        scene.letter("later")
        scene.letter("fine", "later")
        scene.ends["later"] = "told"
        scene.late, scene.patient, scene.kept = 5 * DAY + 60, False, set(scene.letters)
        scene.taker.busy, scene.home.shift = True, scene.late - 5 * HOUR
        scene.home.deliver()
        scene.taker.busy = False
        scene.ready()
        walk(scene, 15)


def taken_back():
    """tappal-sendmail waits, all is refused: it says so and exits non-zero, or a report comes; not both, not neither."""
    scene = Scene("taken back")
    (scene.home.dir / ".local/state").mkdir(parents=True)
    scene.letters["t0x"] = ["no-t0x@example.org"]
    scene.ready()

    def send():
        return subprocess.run([BUILD / "tappal-sendmail", "-odi", "-f", "ada@example.org", "no-t0x@example.org"], input=text_of("t0x"),
                              env=scene.home.environment(), capture_output=True, check=False, timeout=60).returncode

    def deliver_all(scene):
        """The deliverer that tappal-sendmail started may be at work a little longer, and others leave while it is."""
        end = time.monotonic() + 20
        scene.home.deliver()
        while scene.home.ids() and time.monotonic() < end:
            time.sleep(0.05)
            scene.home.deliver()

    def once(scene, fault):
        scene.restore()
        scene.home.env["TAPPAL_TEST_STEP"] = fault + ":tappal-sendmail"
        status = send()
        del scene.home.env["TAPPAL_TEST_STEP"]
        scene.taker.settle()
        scene.home.later(4000)
        deliver_all(scene)
        told = scene.told([])[b"no-t0x@example.org"]
        if told != (status == 0) and not (status < 0 and told <= 1) or status > 0 and status not in (69, 75):
            yield f"status {status}, told {told} times"
        if any(scene.home.ids(folder) for folder in ("msg", "failed", "aside")):
            yield f"status {status}, left: {scene.waiting()}"

    walk(scene, 10, "tappal-sendmail", once, send)


def removed():
    """`queue remove`: where it says so the message never goes; else it does."""
    scene = Scene("queue remove")
    ident = scene.letter("fine")
    scene.ready()

    def remove():
        return subprocess.run([BUILD / "tappal", "queue", "remove", ident], env=scene.home.environment(), capture_output=True, check=False).returncode

    def once(scene, fault):
        scene.restore()
        scene.home.env["TAPPAL_TEST_STEP"] = fault + ":tappal"
        status = remove()
        del scene.home.env["TAPPAL_TEST_STEP"]
        finished = "finished removed" in steps.records(scene.home.queue / "msg" / (ident + ".j"))
        there = bool(scene.home.ids())
        for _ in range(2):
            scene.home.later(4000)
            scene.home.deliver()
        got = len(scene.taker.settle())
        if got != (there and not finished) or status == 0 and got:
            yield f"status {status}, there {there}, finished {finished}, and sent {got} times"
        yield from left_behind(scene)

    walk(scene, 4, "tappal", once, remove)


def main():
    window()
    reports_by_smtp()
    delay()
    giving_up()
    taken_back()
    removed()
    tap.done()


main()
