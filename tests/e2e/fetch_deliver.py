#!/usr/bin/python3
"""fetch_deliver - fetched mail that is handed over: to Dovecot's LMTP service, to dovecot-lda, and to a command while
tappal-fetch is stopped, or fails, at its n-th durable step, for every n: each message is delivered at least once, whole,
and twice only where it was shown as in doubt; nothing is deleted on the server that was not taken.

run: limit=400
"""
import pathlib
import shutil
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import lab  # noqa: E402
import tap  # noqa: E402
from letters import growing, here  # noqa: E402

LDA = "/usr/lib/dovecot/dovecot-lda"
PROCMAIL = lab.TOP / "build/procmail/usr/bin/procmail"  # where tests/deps unpacks it
HOUR = 3600
STEPS_MAX = 200


def text_of(message):
    """What comes behind the fields that the receiving side has put before it."""
    return message[message.index(b"From: grace"):]


def fetch(ada, deliver, **options):
    ada.account(fetch={"maildir": None, "deliver": deliver, **options})
    return ada.run("tappal-fetch", limit=60)


def into_dovecot(house, ada, what, deliver):
    grace, sent = house.site["USER2"], list(growing(12))
    house.put(*sent)
    result = fetch(ada, deliver, keep="no")
    tap.same((result.status, result.err), (0, ""), f"{what}: taken")
    came = sorted(text_of(here(message)) for message in house.received(grace))
    tap.same(came, sorted(map(here, sent)), f"{what}: each message is in the other mailbox, as it was")
    tap.same(house.received(), [], f"{what}: and no longer on the server")
    ada.begin_anew()


def refused_by_dovecot(house, ada):
    house.put(next(growing(1)))
    result = fetch(ada, f"lmtp {house.site['LMTP_SOCKET']} nobody@example.test", keep="no")
    tap.same(result.status, 69, "LMTP, unknown recipient: exit status")
    tap.matches(result.err, r"does not take it for nobody@example\.test: 550 5\.1\.1", "LMTP, unknown recipient: the reply is shown")
    tap.same(len(house.received()), 1, "LMTP, unknown recipient: the message stays on the server")
    ada.begin_anew()


def by_procmail(house, ada):
    """A rule of the person's own says where a message goes, and which one waits."""
    rules = ada.home / "procmailrc"
    rules.write_text(f"""DEFAULT={ada.home}/box/
:0
* ^Subject: letter 1
{{
  EXITCODE=75
  HOST=end
}}
:0
* ^Subject: letter 2
other/
""")
    rules.chmod(0o600)
    (ada.home / "box").mkdir()
    sent = list(growing(4))
    house.put(*sent)
    result = fetch(ada, f"command {PROCMAIL} MAILDIR={ada.home} -m {rules}", keep="no")
    tap.same(result.status, 75, "procmail: one waits")
    boxes = [sorted(p.read_bytes() for p in (ada.home / box).glob("new/*")) for box in ("box", "other")]
    tap.same(boxes, [sorted(map(here, (sent[0], sent[3]))), [here(sent[2])]], "procmail: the others are where its rules say")
    tap.same(house.received(), [sent[1]], "procmail: what waits is on the server")
    ada.begin_anew()
    shutil.rmtree(ada.home / "box")


def ended_meanwhile(house, ada):
    """SIGTERM while the first of a batch is being delivered: that one is finished, the others come the next time."""
    (ada.home / "box").mkdir()
    mda = ada.home / "mda"
    mda.write_text('#!/bin/sh\ncat >"$HOME/box/$$"\n[ ! -e "$HOME/pid" ] || { kill -TERM "$(cat "$HOME/pid")"; rm "$HOME/pid"; sleep 3; }\n')
    mda.chmod(0o700)
    sent = list(growing(3))
    house.put(*sent)
    ada.account(fetch={"maildir": None, "deliver": f"command {mda}"})
    ended = ada.run("/bin/sh", "-c", 'echo $$ >"$HOME/pid"; exec tappal-fetch --watch', limit=60)
    tap.same((ended.status, len(delivered(ada))), (0, 1), "ended meanwhile: the one is delivered")
    again = ada.run("tappal-fetch")
    tap.same((again.status, again.err, delivered(ada)), (0, "", sorted(map(here, sent))), "ended meanwhile: the others come the next time")
    ada.begin_anew()


# -- stopped at each step --

def delivered(ada):
    return sorted(p.read_bytes() for p in (ada.home / "box").glob("*"))


def begin_anew(ada, sent):
    ada.begin_anew(*sent)
    shutil.rmtree(ada.home / "box", ignore_errors=True)
    (ada.home / "box").mkdir()


def step(house, ada, sent, hook):
    """One run that is stopped, and the ones behind it: what is wrong, and how many steps the first one made."""
    begin_anew(ada, sent)
    log = ada.home / "steps"
    log.unlink(missing_ok=True)
    ada.run("tappal-fetch", TAPPAL_TEST_STEP=hook, TAPPAL_TEST_STEP_LOG=str(log), limit=30)
    expected, wrong = sorted(map(here, sent)), []
    lost = [text for text in expected if text not in delivered(ada) + [here(text) for text in house.received()]]
    if lost:
        wrong.append(f"{len(lost)} messages are nowhere")
    said = [ada.run("tappal-fetch", TAPPAL_TEST_CLOCK=str(hours * HOUR), limit=30) for hours in (0, 1, 3)]
    came = delivered(ada)
    doubles = len(came) - len(set(came))
    doubts = sum(result.err.count("In doubt: ") for result in said)
    if sorted(set(came)) != expected:
        wrong.append(f"{len(set(came))} messages came, not {len(expected)}")
    if doubles > 1 or doubles > doubts:
        wrong.append(f"{doubles} doubles, {doubts} shown as in doubt")
    if house.received():
        wrong.append(f"{len(house.received())} left on the server")
    if list(ada.state.glob("fetch/*/.*")):
        wrong.append("a file is left behind")
    return wrong, max(int(line.split()[0]) for line in log.read_text().splitlines())


def walk(house, ada, what, sent, verb, suffix="", stride=1):
    wrong, n = [], 1
    while n < STEPS_MAX:
        found, made = step(house, ada, sent, f"{verb}:{n}{suffix}:tappal-fetch")
        wrong += [f"step {n}: {text}" for text in found]
        if made < n:
            break
        n += stride
    tap.ok(not wrong and n < STEPS_MAX and n > 3 * len(sent), f"{what}: {n - 1} steps", *wrong[:5])


def walks(house, ada):
    mda = ada.home / "mda"
    mda.write_text('#!/bin/sh\ncat >"$HOME/box/$$" || exit 75\n')
    mda.chmod(0o700)
    for protocol, port in (("imap", "IMAPS_PORT"), ("pop3", "POP3S_PORT")):
        ada.account(fetch={"protocol": protocol, "port": house.site[port], "maildir": None, "keep": "no", "deliver": f"command {mda}"})
        walk(house, ada, f"{protocol}, 2 messages, stopped", list(growing(2)), "stop")
        walk(house, ada, f"{protocol}, 2 messages, input/output error", list(growing(2)), "fail", ":EIO", stride=3)


def main():
    with lab.Lab() as house:
        ada = house.person("ada")
        into_dovecot(house, ada, "LMTP", f"lmtp {house.site['LMTP_SOCKET']} {house.site['USER2']}")
        refused_by_dovecot(house, ada)
        into_dovecot(house, ada, "dovecot-lda", f"command {LDA} -c {house.site['ROOT']}/dovecot.conf -d {house.site['USER2']}")
        if PROCMAIL.exists():
            by_procmail(house, ada)
        else:
            tap.skip("procmail", "`tests/deps --unpack` has not been run")
        ended_meanwhile(house, ada)
        walks(house, ada)
    tap.done()


main()
