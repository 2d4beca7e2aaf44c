#!/usr/bin/python3
"""wire - how far tappal-deliver goes ahead of a server's answers: BDAT, windows, what a host is found to bear.

run: limit=120
"""
import pathlib
import socket
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
from deliver_home import MESSAGE, Home
from peer import Peer
from tap import done, matches, ok, same

HELLO = "S: 220 mail.example.test\nC: EHLO [127.0.0.1]\nS: 250-mail.example.test\n"
PIPED = HELLO + "S: 250-8BITMIME\nS: 250 PIPELINING\n"
CHUNKED = HELLO + "S: 250-8BITMIME\nS: 250-CHUNKING\nS: 250 PIPELINING\n"
MAIL = "C: MAIL FROM:<ada@example.org>*\n"
RCPT = "C: RCPT TO:<bob@example.org>\n"
BDAT = "C: BDAT {n} LAST\nread {n}\n"
WHOLE = MAIL + RCPT + BDAT
RSET = "C: RSET\n"
FINE = "S: 250 ok\nS: 250 ok\nS: 250 2.0.0 done\n"
LOCK_STEP = MAIL + "S: 250 ok\n" + RCPT + "S: 250 ok\nC: DATA\nS: 354 go on\ndata\nS: 250 2.0.0 done\n"
QUIT = "C: QUIT\neof\n"
DAY = 90000


def serve(home, script, *options, wait_for=None, **account):
    with Peer(script, limit=20) as peer:
        home.account(peer.port, **account)
        run = home.deliver(wait_for, *options)
        try:
            peer.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
    return run, peer


def went_well(peer, what):
    return ok(peer.good, what + ": the conversation went as it should", "\n".join(peer.transcript))


def once(script, *recipients, message=MESSAGE, options=("-f", "ada@example.org"), **account):
    home = Home()
    home.account(1, **account)
    ident = home.put(*recipients, message=message, options=options)
    run, peer = serve(home, script, wait_for=ident, **account)
    return home, ident, run, peer


def step(home):
    """What is remembered of the one host that there is (its port changes with each script, its files add up)."""
    files = sorted(home.dir.glob(".local/state/tappal/peers/*"), key=lambda p: p.stat().st_mtime_ns)
    return int(files[-1].read_text().split()[2]) if files else None


# -- BDAT --

def test_whole():
    home, ident, run, peer = once(CHUNKED + WHOLE + FINE + QUIT)
    with home:
        went_well(peer, "a small message goes out whole")
        same(run.verdicts(), ["0 delivered 250 2.0.0"], "whole: delivered")
        ok("C| .dot" in peer.transcript, "whole: no dot is doubled in BDAT", peer.transcript)
        same(home.ids(), [], "whole: the queue is empty")


def test_chunking_off():
    home, ident, run, peer = once(CHUNKED + MAIL + RCPT + "C: DATA\nS: 250 ok\nS: 250 ok\nS: 354 go\ndata\nS: 250 2.0.0 done\n" + QUIT, chunking="off")
    with home:
        went_well(peer, "chunking = off: DATA")
        same(run.verdicts(), ["0 delivered 250 2.0.0"], "chunking = off: delivered")


def test_large():
    large = MESSAGE + b"0123456789012345678901234567890123456789\n" * 5000
    home, ident, run, peer = once(CHUNKED + MAIL + RCPT + "S: 250 ok\nS: 250 ok\n" + BDAT + "S: 250 2.0.0 done\n" + QUIT, message=large)
    with home:
        went_well(peer, "a large message waits for the answers to its envelope")
        same(run.verdicts(), ["0 delivered 250 2.0.0"], "large: delivered")
        same(sum(line.startswith("C| 0123") for line in peer.transcript), 5000, "large: all of it")


def test_no_valid_recipients():
    home, ident, run, peer = once(CHUNKED + WHOLE + "S: 250 ok\nS: 450 4.2.0 greylisted\nS: 554 5.5.1 no valid recipients\n" + QUIT)
    with home:
        went_well(peer, "BDAT's 554 behind a 450")
        same(run.verdicts(), ["0 later 450 4.2.0"], "BDAT's 554 is no verdict where no recipient was accepted")
        same(home.ids(), [ident], "BDAT's 554: the message stays")
        ok("answered" in home.journal(ident) or "recipient 0 later 450" in "".join(home.journal(ident)), "BDAT's 554: not in doubt", home.journal(ident))
        home.later(100)
        serve(home, CHUNKED + WHOLE + FINE + QUIT)
        same(home.ids(), [], "BDAT's 554: delivered the next time")


def test_bdat_unknown():
    home, ident, run, peer = once(CHUNKED + WHOLE + "S: 250 ok\nS: 250 ok\nS: 500 5.5.1 what?\ncut\nnext\n" + CHUNKED + LOCK_STEP + QUIT)
    with home:
        went_well(peer, "BDAT is not understood: again in lock step with DATA, over a new connection")
        same(run.verdicts(), ["0 delivered 250 2.0.0"], "BDAT is not understood: delivered")
        same(step(home), 1, "BDAT is not understood: the host is left a step lower")


def test_cut_in_whole():
    """As Dovecot does it: MAIL is refused by its relay, and BDAT in the same flight makes it fall."""
    home, ident, run, peer = once(CHUNKED + WHOLE + "cut\n")
    with home:
        ok(run.failures() and not run.verdicts(), "cut with all outstanding: no verdict", run)
        ok(home.due_in(ident) > 800, "cut with all outstanding: in doubt, not tried for 15 minutes", home.due_in(ident))
        home.later(1000)
        run, peer = serve(home, CHUNKED + MAIL + "S: 553 5.1.8 not you\n" + QUIT)
        went_well(peer, "cut with all outstanding: again in lock step with DATA")
        home.later(100)
        ok(home.reports() and b"553" in home.reports()[0], "cut with all outstanding: the true answer is the verdict")
    home, ident, run, peer = once(CHUNKED + WHOLE + "S: 553 5.1.8 not you\ncut\n")
    with home:
        ok(home.due_in(ident) < 100, "cut behind a refused MAIL: not in doubt", home.journal(ident))
        same(run.verdicts(), ["0 refused 553 5.1.8"], "cut behind a refused MAIL: the answer is the verdict")


def test_one_after_the_other():
    home = Home()
    with home:
        home.account(1)
        home.put()
        home.put()
        _, peer = serve(home, CHUNKED + WHOLE + FINE + WHOLE + FINE + QUIT)
        went_well(peer, "two messages over one connection")
        same(home.ids(), [], "two messages: delivered")


def test_stale():
    home = Home()
    with home:
        home.account(1)
        home.put()
        home.put()
        _, peer = serve(home, CHUNKED + WHOLE + FINE + "cut\nnext\n" + CHUNKED + WHOLE + FINE + QUIT)
        went_well(peer, "a connection that was closed meanwhile is noticed before the next text goes out")
        same(home.ids(), [], "closed meanwhile: delivered")


# -- what is asked for --

def test_dsn():
    options = ("-f", "ada@example.org", "-N", "success,delay", "-R", "hdrs", "-V", "QQ+314 159")
    offered = HELLO + "S: 250-DSN\nS: 250 PIPELINING\n"
    home, _, run, peer = once(offered + "C: MAIL FROM:<ada@example.org> RET=HDRS ENVID=QQ+2B314+20159\nC: RCPT TO:<bob@example.org> NOTIFY=SUCCESS,DELAY\n"
                              "C: DATA\nS: 250 ok\nS: 250 ok\nS: 354 go\ndata\nS: 250 2.0.0 done\n" + QUIT, options=options)
    with home:
        went_well(peer, "DSN")
        same(run.verdicts(), ["0 delivered 250 2.0.0"], "DSN: delivered")
    home, _, run, peer = once(PIPED + "C: MAIL FROM:<ada@example.org>\n" + RCPT + "C: DATA\nS: 250 ok\nS: 250 ok\nS: 354 go\ndata\nS: 250 2.0.0 done\n" + QUIT, options=options)
    with home:
        went_well(peer, "DSN that the server lacks")
        same(run.verdicts(), ["0 delivered 250 2.0.0"], "DSN that the server lacks: delivered all the same")
        matches(home.logged(), "note .*does not know DSN", "DSN that the server lacks: with a note")


def test_limits():
    three = ("bob@example.org", "eve@example.org", "joe@example.org")
    one = MAIL + "C: RCPT TO:<{}@example.org>\nC: RCPT TO:<{}@example.org>\n" + "C: DATA\nS: 250 ok\nS: 250 ok\nS: 250 ok\nS: 354 go\ndata\nS: 250 ok\n"
    last = MAIL + "C: RCPT TO:<joe@example.org>\nC: DATA\nS: 250 ok\nS: 250 ok\nS: 354 go\ndata\nS: 250 ok\n"
    limits = HELLO + "S: 250-LIMITS FOO=1 {}\nS: 250 PIPELINING\n"
    home, _, run, peer = once(limits.format("RCPTMAX=2") + one.format("bob", "eve") + last + QUIT, *three)
    with home:
        went_well(peer, "RCPTMAX")
        same(len(run.verdicts()), 3, "RCPTMAX: all have their verdict")
    domains = ("bob@example.org", "eve@example.org", "joe@example.test")
    home, _, run, peer = once(limits.format("RCPTDOMAINMAX=1") + one.format("bob", "eve") + last.replace("joe@example.org", "joe@example.test") + QUIT, *domains)
    with home:
        went_well(peer, "RCPTDOMAINMAX")
    home, _, run, peer = once(limits.format("MAILMAX=1 RCPTMAX=2") + one.format("bob", "eve") + QUIT + "next\n" + limits.format("MAILMAX=1 RCPTMAX=2") + last + QUIT, *three)
    with home:
        went_well(peer, "MAILMAX: another connection")


def main():
    for name, test in list(globals().items()):
        if name.startswith("test_"):
            test()
    done()


if __name__ == "__main__":
    main()
