#!/usr/bin/python3
"""lmtp - tappal-deliver against scripted LMTP servers: an answer for each recipient, and what is in doubt when some
are missing.

run: limit=120
"""
import email
import email.policy
import json
import pathlib
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
from deliver_home import BUILD, Home, serve, went_well
from peer import Peer
from tap import done, matches, ok, same

HELLO = "S: 220 mail.example.test\nC: LHLO [127.0.0.1]\nS: 250-mail.example.test\nS: 250-8BITMIME\n"
PLAIN = HELLO + "S: 250 ENHANCEDSTATUSCODES\n"
PIPED = HELLO + "S: 250-CHUNKING\nS: 250 PIPELINING\n"
MAIL = "C: MAIL FROM:<ada@example.org>*\n"
NAMES = ("a@example.org", "b@example.org", "c@example.org")
RCPTS = ["C: RCPT TO:<%s>\n" % name for name in NAMES]
QUIT = "C: QUIT\neof\n"
TEXT = "C: DATA\nS: 354 go on\ndata\n"
PIPED_TEXT = PIPED + MAIL + "".join(RCPTS) + "C: DATA\nS: 250 ok\n" + "S: 250 ok\n" * 3 + "S: 354 go on\ndata\n"
FIRST = MAIL + RCPTS[0] + RCPTS[1] + "C: DATA\nS: 250 ok\nS: 250 ok\nS: 250 ok\nS: 354 go on\ndata\n"
SECOND = "C: RSET\n" + MAIL + RCPTS[0] + RCPTS[1] + "C: DATA\nS: 250 a\nS: 250 b\nS: 250 reset\nS: 250 ok\nS: 250 ok\nS: 250 ok\nS: 354 go on\ndata\n"
DAY = 24 * 3600


def play(home, script, **options):
    return serve(home, script, protocol="lmtp", **options)


def once(script, *recipients, **account):
    home = Home()
    home.account(1)
    ident = home.put(*(recipients or NAMES))
    run, peer = play(home, script, wait_for=ident, **account)
    return home, ident, run, peer


# -- answers --

def test_each_has_its_answer():
    answers = "S: 250 2.1.5 kept\nS: 452 4.2.2 mailbox full\nS: 550-5.7.1 no\nS: 550 5.7.1 never\n"
    lock_step = PLAIN + MAIL + "S: 250 ok\n" + "".join(rcpt + "S: 250 ok\n" for rcpt in RCPTS) + TEXT
    for what, script in (("lock step", lock_step), ("one flight", PIPED_TEXT)):
        home, ident, run, peer = once(script + answers + QUIT)
        with home:
            went_well(peer, what)
            same(run.verdicts(), ["0 delivered 250 2.1.5", "1 later 452 4.2.2", "2 refused 550 5.7.1"], f"{what}: each recipient has the answer that is its own")
            same(home.ids(), [ident], f"{what}: one is left")
            home.later(120)
            run, peer = play(home, PLAIN + MAIL + "S: 250 ok\n" + RCPTS[1] + "S: 250 ok\n" + TEXT + "S: 250 2.1.5 kept\n" + QUIT)
            went_well(peer, f"{what}, again: the one alone")
            same(home.ids(), [], f"{what}, again: nothing is left")
            same(len(home.reports()), 1, f"{what}: a report for the one that was refused")


def test_only_accepted_answer():
    script = (PIPED + MAIL + "".join(RCPTS) + "C: DATA\nS: 250 ok\nS: 250 ok\nS: 550 5.1.1 unknown\nS: 250 ok\nS: 354 go on\ndata\n"
              "S: 250 2.0.0 first\nS: 250 2.0.0 third\n" + QUIT)
    home, _, run, peer = once(script)
    with home:
        went_well(peer, "one refused at RCPT")
        same(run.verdicts(), ["0 delivered 250 2.0.0", "1 refused 550 5.1.1", "2 delivered 250 2.0.0"], "one refused at RCPT: the answers are the others'")
    home, _, run, peer = once(PIPED + MAIL + RCPTS[0] + "C: DATA\nS: 250 ok\nS: 550 5.1.1 unknown\nS: 503 no recipients\n" + QUIT, NAMES[0])
    with home:
        went_well(peer, "nobody accepted")
        same(run.verdicts(), ["0 refused 550 5.1.1"], "nobody accepted: RCPT's answer is the verdict")


def test_no_bdat():
    """What answers BDAT has, RFC 2033 does not say."""
    home, _, run, peer = once(PIPED + MAIL + RCPTS[0] + "C: DATA\nS: 250 ok\nS: 250 ok\nS: 354 go on\ndata\nS: 250 2.0.0 kept\n" + QUIT, NAMES[0])
    with home:
        went_well(peer, "CHUNKING offered: DATA all the same")


def test_chain():
    with Home() as home:
        home.account(1)
        idents = [home.put(*NAMES[:2]) for _ in range(2)]
        again = MAIL + "S: 250 ok\n" + RCPTS[1] + "S: 250 ok\n" + TEXT + "S: 452 full\n"
        run, peer = play(home, PIPED + FIRST + SECOND + "S: 250 a\nS: 452 full\n" + again + QUIT)
        went_well(peer, "the next envelope behind a text")
        same(home.ids(), idents[1:], "the next envelope behind a text: the first message is done")


# -- doubt --

def in_doubt(home, ident):
    """Is it shown as in doubt?"""
    out = subprocess.run([BUILD / "tappal", "queue", "list", "--json"], env=home.environment(), capture_output=True, check=True, timeout=60).stdout
    return [entry.get("in_doubt") for entry in json.loads(out) if entry.get("id") == ident]


def test_cut_between_answers():
    for what, cut in (("cut", "cut\n"), ("half a line", "S| 25\ncut\n"), ("421", "S: 421 4.3.2 closing\nclose\n")):
        home, ident, run, peer = once(PIPED_TEXT + "S: 250 2.1.5 kept\n" + cut)
        with home:
            same([line for line in run.verdicts() if "delivered" in line], ["0 delivered 250 2.1.5"], f"{what} behind the first answer: that one is delivered")
            same(home.ids(), [ident], f"{what}: the message stays")
            same(in_doubt(home, ident), [True], f"{what}: in doubt")
            ok(800 < home.due_in(ident) < 1000, f"{what}: tried again in a quarter of an hour", home.due_in(ident))
            home.later(1000)
            rest = RCPTS[1:]
            again = PIPED + MAIL + "S: 250 ok\n" + "".join(rcpt + "S: 250 ok\n" for rcpt in rest) + TEXT
            run, peer = play(home, again + "cut\n")
            ok("C: RCPT TO:<a@example.org>" not in peer.transcript, f"{what}, again: nothing for the one that has it", peer.transcript)
            same(in_doubt(home, ident), [True], f"{what}, again: in doubt")
            matches("\n".join(home.journal(ident)), "hold ", f"{what}, twice: held")


def listed(home):
    """Whom the letter about a doubt names."""
    letters = [email.message_from_bytes(r, policy=email.policy.default) for r in home.reports()]
    about = [list(letter.iter_parts())[1].get_payload()[1:] for letter in letters]
    return [[block["Final-Recipient"].split("; ")[1] for block in blocks] for blocks in about]


def test_hold_lists_those_in_doubt():
    lock_step = PLAIN + MAIL + "S: 250 ok\n" + "".join(rcpt + "S: 250 ok\n" for rcpt in RCPTS) + TEXT
    for what, script in (("lock step", lock_step), ("one flight", PIPED_TEXT)):
        with Home() as home:
            home.account(1)
            ident = home.put(*NAMES)
            play(home, script + "S: 250 2.1.5 kept\nS: 452 4.2.2 full\ncut\n", wait_for=ident, in_doubt="hold")
            matches("\n".join(home.journal(ident)), "hold ", f"{what}, in_doubt = hold: held")
            same(listed(home), [["c@example.org"]], f"{what}: the letter names whom there was no answer for, and nobody else")
    with Home() as home:
        home.account(1)
        idents = [home.put(*NAMES[:2]) for _ in range(2)]
        play(home, PIPED + FIRST + SECOND + "S: 250 a\ncut\n", in_doubt="hold")
        same((home.ids(), listed(home)), (idents[1:], [["b@example.org"]]), "the next envelope behind a text: likewise")
    rcpts = RCPTS[0] + "S: 250 ok\n" + RCPTS[1] + "S: 450 4.2.1 later\n" + RCPTS[2] + "S: 250 ok\n"
    home, ident, _, _ = once(PLAIN + MAIL + "S: 250 ok\n" + rcpts + TEXT + "S: 250 kept\ncut\n", in_doubt="hold")
    with home:
        same(listed(home), [["c@example.org"]], "put off at RCPT: not in doubt")
    home, ident, _, _ = once(lock_step + "cut\n", in_doubt="hold")
    with home:
        same(listed(home), [list(NAMES)], "no answer at all: all of them")


def test_cut_before_end():
    home, ident, run, peer = once(PIPED + MAIL + "".join(RCPTS) + "C: DATA\nS: 250 ok\nS: 250 ok\ncut\n")
    with home:
        same((run.verdicts(), in_doubt(home, ident)), ([], [False]), "cut before the text: no verdict, no doubt")


def test_smtp_refused_beside_doubt():
    """By SMTP too: what RCPT answered for one recipient says nothing of the end of the data."""
    script = ("S: 220 hi\nC: EHLO *\nS: 250 8BITMIME\n" + MAIL + "S: 250 ok\n" + RCPTS[0] + "S: 550 5.1.1 unknown\n" + RCPTS[1] + "S: 250 ok\n" + TEXT + "cut\n")
    again = "S: 220 hi\nC: EHLO *\nS: 250 8BITMIME\n" + MAIL + "S: 250 ok\n" + RCPTS[1] + "S: 250 ok\n" + TEXT + "cut\n"
    with Home() as home:
        home.account(1)
        ident = home.put(*NAMES[:2])
        with Peer(script, limit=20) as peer:
            home.account(peer.port)
            home.deliver(ident)
        same(in_doubt(home, ident), [True], "SMTP, one refused and the connection lost: in doubt")
        home.later(1000)
        with Peer(again, limit=20) as peer:
            home.account(peer.port)
            home.deliver()
            peer.hang_up()
        matches("\n".join(home.journal(ident)), "hold ", "SMTP, one refused and the connection lost twice: held")


# -- ways to the server --

def test_socket():
    with Home() as home:
        home.account(1)
        home.put(NAMES[0])
        path = str(home.dir / "lmtp")
        with Peer(PLAIN + MAIL + "S: 250 ok\n" + RCPTS[0] + "S: 250 ok\n" + TEXT + "S: 250 2.1.5 kept\n" + QUIT, unix=path, limit=20) as peer:
            home.account(None, host=None, protocol="lmtp", socket=path)
            home.deliver()
            peer.hang_up()
        went_well(peer, "a UNIX socket")
        same(home.ids(), [], "a UNIX socket: delivered")


def test_wrong_protocol():
    home, _, run, peer = once("S: 220 hi\nC: LHLO *\nS: 500 5.5.1 what?\n" + QUIT)
    with home:
        matches(str(run), "LHLO.*protocol = lmtp out", "an SMTP server: it says what to do")
    with Home() as home:
        home.account(1)
        ident = home.put()
        with Peer("S: 220 hi\nC: EHLO *\nS: 500 5.5.1 what?\n" + QUIT, limit=20) as peer:
            home.account(peer.port)
            run = home.deliver(ident)
            peer.hang_up()
        matches(str(run), "EHLO.*protocol = lmtp under", "an LMTP server, and protocol = smtp: it says what to do")


def main():
    test_each_has_its_answer()
    test_only_accepted_answer()
    test_no_bdat()
    test_chain()
    test_cut_between_answers()
    test_hold_lists_those_in_doubt()
    test_cut_before_end()
    test_smtp_refused_beside_doubt()
    test_socket()
    test_wrong_protocol()
    done()


main()
