#!/usr/bin/python3
"""doubt - messages whose end went out and got no answer: tried once more, alone, when a quarter of an hour is over;
then, or at once where `in_doubt = hold`, held until a person says what is to be done. That person is told.

run: limit=120
"""
import email
import email.policy
import json
import pathlib
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
from deliver_home import BUILD, Home, serve, went_well
from peer import Peer
from tap import done, matches, ok, same

GREET = "S: 220 mail.example.test\nC: EHLO [127.0.0.1]\nS: 250-mail.example.test\n"
PLAIN, PIPED = GREET + "S: 250 8BITMIME\n", GREET + "S: 250-8BITMIME\nS: 250 PIPELINING\n"
CHUNKED = GREET + "S: 250-8BITMIME\nS: 250-CHUNKING\nS: 250 PIPELINING\n"
MAIL, RCPT = "C: MAIL FROM:<ada@example.org>*\n", "C: RCPT TO:<bob@example.org>\n"
ENVELOPE = MAIL + "S: 250 ok\n" + RCPT + "S: 250 ok\n"
TEXT = "C: DATA\nS: 354 go on\ndata\n"
QUIT = "C: QUIT\neof\n"
LOST = PLAIN + ENVELOPE + TEXT + "cut\n"
TAKEN = ENVELOPE + TEXT + "S: 250 2.0.0 ok\n"
NOBODY = "delay 0.1\n"


def home_with_notify():
    home = Home()
    home.write(home.config / "tappal.ini", f"[tappal]\nlog = {home.log}\nnotify = sh: echo \"$1 $2: $3\" >>{home.dir}/told\n")
    home.account(1)
    return home


def told(home):
    path = home.dir / "told"
    return path.read_text().splitlines() if path.exists() else []


def desk(home, *words):
    return subprocess.run([BUILD / "tappal", "queue", *words], env=home.environment(), capture_output=True, text=True, check=True, timeout=60).stdout


def is_held(home, ident):
    return [(e["held"], e["in_doubt"]) for e in json.loads(desk(home, "list", "--json")) if e.get("id") == ident] == [(True, True)]


def check_told(home, ident, times, what):
    same([line for line in told(home) if line.startswith("work held: The server had the whole message")], told(home), f"{what}: `notify` hears of it")
    same((len(told(home)), len(home.reports())), (times, times), f"{what}: and there is a letter")
    letter = email.message_from_bytes(home.reports()[-1], policy=email.policy.default)
    person, fields, text = letter.iter_parts()
    about = fields.get_payload()[1]
    same((letter["Subject"], letter["To"]), ("Mail that may have been delivered", "ada@example.org"), f"{what}: the letter's header")
    same((about["Action"], about["Status"], about["Final-Recipient"]), ("delayed", "4.4.2", "rfc822; bob@example.org"), f"{what}: its fields")
    matches(person.get_content(), f"not arrived: tappal queue release {ident}\nIf it has: tappal queue remove {ident}\n", f"{what}: what can be done")
    same(text.get_content_type(), "text/rfc822-headers", f"{what}: with the header")
    shown = desk(home, "explain", ident)
    matches(shown, rf"state +held, in doubt: The server had the whole message.*hint +if it has not arrived: tappal queue release {ident};", f"{what}: explained")


def test_retry():
    with home_with_notify() as home:
        ident = home.put()
        serve(home, LOST)
        matches(desk(home, "list"), rf"{ident}\?.*\n.*next try in 1[45] min, in doubt: ", "in doubt: shown as that")
        home.later(600)
        _, peer = serve(home, NOBODY, "--now")
        ok("+ connection" not in peer.transcript, "in doubt: nobody makes it go again within 15 minutes", peer.transcript)
        home.later(400)
        went_well(serve(home, PIPED + MAIL + "S: 250 ok\n" + RCPT + "S: 450 4.2.0 greylisted\n" + QUIT)[1], "in doubt: the second time in lock step")
        home.later(1000)
        same((told(home), home.reports()), ([], []), "in doubt once: nobody is told")
        serve(home, LOST)
        ok(is_held(home, ident), "in doubt twice: held", home.journal(ident))
        check_told(home, ident, 1, "in doubt twice")
        home.later(90000)
        serve(home, NOBODY, "--now")
        same(home.ids(), [ident], "in doubt twice: stays")
    with home_with_notify() as home:
        home.put()
        serve(home, LOST)
        home.later(1000)
        went_well(serve(home, PLAIN + TAKEN + QUIT)[1], "in doubt: the second time")
        same((home.ids(), told(home), home.reports()), ([], [], []), "in doubt, then delivered")


def test_hold():
    with home_with_notify() as home:
        ident = home.put()
        serve(home, LOST, in_doubt="hold")
        ok(is_held(home, ident), "in_doubt = hold: held at once", home.journal(ident))
        check_told(home, ident, 1, "in_doubt = hold")
        home.later(90000)
        serve(home, NOBODY, "--now", in_doubt="hold")
        same((home.ids(), len(told(home))), ([ident], 1), "in_doubt = hold: stays, and is told once")
    with home_with_notify() as home:
        ident = home.put()
        serve(home, LOST, in_doubt="hold")
        went_well(release(home, ident, LOST), "released: tried at once")
        until(lambda: is_held(home, ident))
        ok(is_held(home, ident), "released, and in doubt again: held", home.journal(ident))
        check_told(home, ident, 2, "released, and in doubt again")
        went_well(release(home, ident, PIPED + TAKEN + QUIT), "released again: in lock step")
        ok(until(lambda: not home.ids()), "released again: delivered")


def release(home, ident, script):
    """The desk starts a deliverer itself."""
    with Peer(script, limit=20) as peer:
        home.account(peer.port, in_doubt="hold")
        desk(home, "release", ident)
        peer.wait()
    return peer


def until(true, seconds=20):
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.02)
    return true()


def test_hold_others():
    """Nobody to write to, or one who wants no letter: the command hears of it all the same."""
    for options in (("-f", "<>"), ("-f", "ada@example.org", "-N", "never")):
        with home_with_notify() as home:
            ident = home.put(options=options)
            serve(home, LOST.replace("<ada@example.org>", "<*>"), in_doubt="hold")
            ok(is_held(home, ident), f"{options}: held", home.journal(ident))
            same((len(told(home)), home.reports()), (1, []), f"{options}: no letter")


def test_hold_window():
    """Several on their way together: each whose answer did not come is held."""
    whole = MAIL + RCPT + "C: BDAT {n} LAST\nread {n}\n"
    chain = MAIL + RCPT + "S: 250 ok\nS: 250 ok\n" + "C: BDAT {n} LAST\nread {n}\nC: RSET\n" + MAIL + RCPT + "S: 250 done\nS: 250 reset\nS: 250 ok\nS: 250 ok\n" + "C: BDAT {n} LAST\nread {n}\nS: 250 done\n"
    fine = "S: 250 ok\nS: 250 ok\nS: 250 2.0.0 done\n"
    with home_with_notify() as home:
        ids = [home.put() for _ in range(4)]
        serve(home, CHUNKED + chain + whole + "C: RSET\n" + whole + fine + "S: 250 reset\nS: 250 ok\ncut\n", in_doubt="hold")
        same((home.ids(), is_held(home, ids[3])), (ids[3:], True), "a window that was cut: what has no answer is held")
        check_told(home, ids[3], 1, "a window that was cut")


def test_killed():
    """Killed when the text was out: the next runner finds the doubt, and the rule is the same."""
    for rule, held in (("retry", False), ("hold", True)):
        with home_with_notify() as home:
            ident = home.put()
            home.env["TAPPAL_TEST_STEP"] = f"stop:{step_behind_doubt()}:tappal-deliver"
            serve(home, PLAIN + TAKEN + QUIT, in_doubt=rule)
            del home.env["TAPPAL_TEST_STEP"]
            same(home.journal(ident)[-1].split()[0], "doubt", f"killed, {rule}: the record of doubt is the last")
            serve(home, NOBODY, in_doubt=rule)
            same(is_held(home, ident), held, f"killed, {rule}: {'held' if held else 'waits'}")
            if held:
                check_told(home, ident, 1, "killed")


def step_behind_doubt():
    """Which step of a delivery writes down the answer: the third that writes."""
    with home_with_notify() as home:
        home.put()
        log = home.dir / "steps"
        home.env["TAPPAL_TEST_STEP_LOG"] = str(log)
        serve(home, PLAIN + TAKEN + QUIT)
        names = [line.split()[1] for line in log.read_text().splitlines() if line.endswith(" tappal-deliver")]
        return [n for n, name in enumerate(names, 1) if name == "write"][2]


def main():
    test_retry()
    test_hold()
    test_hold_others()
    test_hold_window()
    test_killed()
    done()


main()
