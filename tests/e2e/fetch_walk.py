#!/usr/bin/python3
"""fetch_walk - tappal-fetch with keep = no, stopped (or failing) at its n-th durable step, for every n, against a real
server: at no moment is a message neither on the server nor in the maildir; after the next run each is in the maildir
exactly once, byte for byte, and none is left on the server or half-written.

run: limit=600
"""
import pathlib
import shutil
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import lab      # noqa: E402
import tap      # noqa: E402

STEPS_MAX = 400


def letters(count):
    for i in range(count):
        body = b"".join(b"line %d of letter %d\r\n" % (k, i) for k in range(i * 40 + 1))
        yield b"From: grace@example.test\r\nTo: ada@example.test\r\nSubject: letter %d\r\nMessage-ID: <%d@example.test>\r\n\r\n" % (i, i) + body


def here(text):
    return text.replace(b"\r\n", b"\n")


def begin_anew(house, ada, sent):
    shutil.rmtree(ada.maildir, ignore_errors=True)
    shutil.rmtree(ada.state, ignore_errors=True)
    house.clear()
    for text in sent:
        house.put(text)


def read_mail(ada, n):
    """What a mail reader does meanwhile: it takes new messages over to cur/, and throws the first one away."""
    taken = []
    for i, path in enumerate(sorted((ada.maildir / "new").glob("*")) if n % 3 == 1 else []):
        if i == 0 and n % 2:
            taken.append(path.read_bytes())
            path.unlink()
        else:
            path.rename(ada.maildir / "cur" / f"{path.name}:2,S")
    return taken


def steps(log):
    """How many there were: a step that fails may be of no importance, so a good end says nothing."""
    return max(int(line.split()[0]) for line in log.read_text().splitlines())


def walk(house, ada, what, sent, verb, suffix="", stride=1):
    """Runs until a run gets through; says for how many steps everything was as it should be."""
    wrong, n = [], 1
    expected, log = sorted(map(here, sent)), ada.home / "steps"
    while n < STEPS_MAX:
        begin_anew(house, ada, sent)
        log.unlink(missing_ok=True)
        ada.run("tappal-fetch", TAPPAL_TEST_STEP=f"{verb}:{n}{suffix}:tappal-fetch", TAPPAL_TEST_STEP_LOG=str(log), limit=30)
        kept = ada.fetched() + [here(text) for text in house.received()]
        lost = [text for text in expected if text not in kept]
        taken = read_mail(ada, n)
        again = ada.run("tappal-fetch", limit=30)
        mail = sorted(ada.fetched() + taken)
        if lost:
            wrong.append(f"step {n}: {len(lost)} messages are nowhere")
        if again.status != 0 or mail != expected:
            wrong.append(f"step {n}: after the next run {len(mail)} messages, not {len(expected)}; {again}")
        if list(ada.state.glob("fetch/*/.*")):
            wrong.append(f"step {n}: left behind: {list(ada.state.glob('fetch/*/.*'))}")
        if house.received() or ada.half_written():
            wrong.append(f"step {n}: {len(house.received())} left on the server, half-written: {ada.half_written()}")
        if steps(log) < n:
            break
        n += stride
    tap.ok(not wrong and n < STEPS_MAX and n > 3 * len(sent), f"{what}: {n - 1} steps", *wrong[:5])


def main():
    with lab.Lab() as house:
        ada = house.person("ada")
        for protocol, port in (("imap", "IMAPS_PORT"), ("pop3", "POP3S_PORT")):
            ada.account(fetch={"protocol": protocol, "port": house.site[port], "keep": "no"})
            walk(house, ada, f"{protocol}, 3 messages, stopped", list(letters(3)), "stop")
        ada.account(fetch={"keep": "no"})
        walk(house, ada, "imap, 3 messages, writes torn", list(letters(3)), "short", stride=2)
        walk(house, ada, "imap, 9 messages (syncfs), stopped", list(letters(9)), "stop", stride=3)
        walk(house, ada, "imap, 3 messages, disk full", list(letters(3)), "fail", ":ENOSPC", stride=2)
        walk(house, ada, "imap, 9 messages (syncfs), input/output error", list(letters(9)), "fail", ":EIO", stride=4)
    tap.done()


main()
