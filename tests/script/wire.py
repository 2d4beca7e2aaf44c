#!/usr/bin/python3
"""wire - how far tappal-deliver goes ahead of a server's answers: BDAT, windows, what a host is found to bear.

run: limit=120
"""
import collections
import itertools
import pathlib
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
from deliver_home import MESSAGE, Home, serve, went_well
from peer import Peer, make_certs
from sink import Sink
from tap import done, matches, ok, same

HELLO = "S: 220 mail.example.test\nC: EHLO [127.0.0.1]\nS: 250-mail.example.test\n"
PIPED = HELLO + "S: 250-8BITMIME\nS: 250 PIPELINING\n"
CHUNKED = HELLO + "S: 250-8BITMIME\nS: 250-CHUNKING\nS: 250 PIPELINING\n"
MAIL = "C: MAIL FROM:<ada@example.org>*\n"
RCPT = "C: RCPT TO:<bob@example.org>\n"
BDAT = "C: BDAT {n} LAST\nread {n}\n"
WHOLE = MAIL + RCPT + BDAT
RSET = "C: RSET\n"
# The second message's envelope behind the first one's text.
CHAIN = MAIL + RCPT + "S: 250 ok\nS: 250 ok\n" + BDAT + RSET + MAIL + RCPT + "S: 250 done\nS: 250 reset\nS: 250 ok\nS: 250 ok\n" + BDAT + "S: 250 done\n"
FINE = "S: 250 ok\nS: 250 ok\nS: 250 2.0.0 done\n"
LOCK_STEP = MAIL + "S: 250 ok\n" + RCPT + "S: 250 ok\nC: DATA\nS: 354 go on\ndata\nS: 250 2.0.0 done\n"
QUIT = "C: QUIT\neof\n"
COUNTER = itertools.count()


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
        _, peer = serve(home, CHUNKED + CHAIN + QUIT)
        went_well(peer, "two messages over one connection")
        same(home.ids(), [], "two messages: delivered")
        same(step(home), 3, "two messages: the host bears the next MAIL behind an end of data")


def several(count, script, *options):
    """That many messages, one run: (home, ids, run, peer)."""
    home = Home()
    home.account(1)
    ids = [home.put() for _ in range(count)]
    return (home, ids, *serve(home, script, *options))


def window(count):
    return WHOLE + (RSET + WHOLE) * (count - 1)


def answers(count):
    return FINE + ("S: 250 reset\n" + FINE) * (count - 1)


# -- several messages --

def test_windows():
    home, _, _, peer = several(8, CHUNKED + CHAIN + window(2) + answers(2) + window(4) + answers(4) + QUIT)
    with home:
        went_well(peer, "a host learns: two messages in a chain, two in a window, then all")
        same((home.ids(), step(home)), ([], 4), "windows: all are delivered, and the host is remembered")


def test_window_cut():
    home, ids, _, peer = several(8, CHUNKED + CHAIN + window(2) + answers(2) + window(4) + FINE + "S: 250 reset\nS: 250 ok\ncut\n")
    with home:
        same(home.ids(), ids[5:], "a window that was cut: what was answered is delivered")
        ok(all(home.due_in(i) > 800 for i in ids[5:]), "a window that was cut: the rest is in doubt", [home.journal(i) for i in ids[5:]])
        same(step(home), 2, "a window that was cut: the host is held at 2")
        home.later(1000)
        _, peer = serve(home, CHUNKED + LOCK_STEP * 3 + QUIT)
        went_well(peer, "what was in doubt goes again in lock step")
        same(home.ids(), [], "a window that was cut: delivered in the end")


def test_window_closing():
    """Behind a 421 nothing is taken: nothing is in doubt."""
    home, ids, _, peer = several(4, CHUNKED + CHAIN + window(2) + "S: 421 4.3.2 shutting down\nclose\nnext\n" + CHUNKED + LOCK_STEP * 2 + QUIT)
    with home:
        went_well(peer, "421 in a window: the rest at once over another connection")
        same(home.ids(), [], "421 in a window: delivered")


def test_second_mail_refused():
    """Dovecot 2.3 without RSET between: 503 to MAIL behind an end of data."""
    script = CHAIN.replace("S: 250 reset\nS: 250 ok\nS: 250 ok\n" + BDAT + "S: 250 done\n", "S: 250 reset\nS: 503 5.5.0 no\nS: 503 5.5.0 no\n")
    home, _, _, peer = several(2, CHUNKED + script + RSET + "S: 250 reset\n" + LOCK_STEP + QUIT)
    with home:
        went_well(peer, "503 to a MAIL sent ahead: again in lock step")
        same((home.ids(), home.reports(), step(home)), ([], [], 2), "503 to a MAIL sent ahead: no verdict; the host is held at 2")


def test_refused_in_window():
    refused = "S: 250 ok\nS: 550 5.1.1 no such user\nS: 554 5.5.1 no valid recipients\n"
    alone = MAIL + "S: 250 ok\n" + RCPT + "S: 550 5.1.1 no such user\n"
    home, _, _, peer = several(4, CHUNKED + CHAIN + window(2) + FINE + "S: 250 reset\n" + refused + RSET + "S: 250 reset\n" + alone + QUIT)
    with home:
        went_well(peer, "refused in a window: asked again alone")
        ok(len(home.reports()) == 1 and home.ids() == [], "refused in a window: then it is a verdict", home.ids())
        same(step(home), 3, "refused in a window: the host is not to blame")


def test_damaged_in_window():
    home = Home()
    with home:
        home.account(1)
        ids = [home.put() for _ in range(4)]
        path = home.queue / "msg" / ids[3]
        path.write_bytes(path.read_bytes().replace(b"Hello", b"Hallo"))
        _, peer = serve(home, CHUNKED + CHAIN + WHOLE + FINE + QUIT)
        went_well(peer, "a damaged message in a window: nothing of it is said")
        same((home.ids(), home.ids("aside")), ([], ids[3:]), "a damaged message in a window: set aside")


def test_mailmax_in_window():
    two = CHUNKED.replace("S: 250 PIPELINING", "S: 250-LIMITS MAILMAX=2\nS: 250 PIPELINING")
    home, _, _, peer = several(4, two + CHAIN + QUIT + "next\n" + two + window(2) + answers(2) + QUIT)
    with home:
        went_well(peer, "MAILMAX: no window reaches beyond it")
        same(home.ids(), [], "MAILMAX: delivered")


# -- stopped and failing at every step --

SEVERAL = 5


def put_several(home):
    """Messages with names of their own: {id: name}."""
    names = {}
    for i in range(SEVERAL):
        name = f"m{next(COUNTER)}"
        names[home.put(message=MESSAGE.replace(b"<1@", b"<" + name.encode() + b"@") + b"last\n")] = name
    return names


def walk_step(home, sink, how, step_name):
    names = put_several(home)
    sink.taken.clear()
    home.env["TAPPAL_TEST_STEP"] = how + ":tappal-deliver"
    home.deliver()
    del home.env["TAPPAL_TEST_STEP"]
    doubtful = {name for i, name in names.items() if i in home.ids() and is_doubtful(home, i)}
    for _ in range(2):
        home.later(4000)
        home.deliver()
    counts = collections.Counter(sink.taken)
    ok(all(counts[n] == 1 or (counts[n] == 2 and n in doubtful) for n in names.values()), f"{how} ({step_name}): each is delivered, twice only out of doubt",
       counts, doubtful)
    same((home.ids(), home.ids("aside"), home.ids("failed")), ([], [], []), f"{how} ({step_name}): nothing is left, nothing set aside")


def is_doubtful(home, ident):
    """By its whole records: a torn one does not count."""
    path = home.queue / "msg" / (ident + ".j")
    words = [line.split()[1] for line in path.read_text().splitlines(keepends=True) if line.endswith("\n")] if path.exists() else []
    return "doubt" in words and "recipient" not in words and "answered" not in words


def test_every_step_of_a_window():
    home, sink = Home(), Sink()
    with home:
        home.account(sink.port)
        for _ in range(2):
            put_several(home)
            home.deliver()
        same(step(home), 4, "walk: the host is known")
        log = home.dir / "steps"
        put_several(home)
        home.env["TAPPAL_TEST_STEP_LOG"] = str(log)
        home.deliver()
        del home.env["TAPPAL_TEST_STEP_LOG"]
        steps = [line.split()[1] for line in log.read_text().splitlines() if line.endswith("tappal-deliver")]
        ok(len(steps) > 5 * SEVERAL, "walk: one window", " ".join(steps))
        for how in ("stop:{}", "fail:{}:EIO", "fail:{}:ENOSPC", "short:{}"):
            for n, name in enumerate(steps, 1):
                if not how.startswith("short") or name == "write":
                    walk_step(home, sink, how.format(n), name)
    sink.listener.close()


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


def test_require_tls():
    """Over a connection without TLS the server may offer what it likes."""
    for what, offer in (("not offered", CHUNKED), ("offered without TLS", HELLO + "S: 250-REQUIRETLS\nS: 250 PIPELINING\n")):
        home, _, run, peer = once(offer + QUIT, options=("-f", "ada@example.org", "-O", "requiretls=yes"))
        with home:
            went_well(peer, f"REQUIRETLS, {what}: nothing is sent")
            same(run.verdicts(), ["0 refused 550 5.7.30"], f"REQUIRETLS, {what}: refused")
    with tempfile.TemporaryDirectory() as certs:
        make_certs(certs)
        offer = HELLO + "S: 250-REQUIRETLS\nS: 250 PIPELINING\n"
        script = offer + "C: MAIL FROM:<ada@example.org> REQUIRETLS\n" + RCPT + "C: DATA\nS: 250 ok\nS: 250 ok\nS: 354 go\ndata\nS: 250 2.0.0 done\n" + QUIT
        home = Home()
        with home:
            home.account(1)
            ident = home.put(options=("-f", "ada@example.org", "-O", "requiretls=yes"))
            with Peer(script, tls=True, certs=certs, limit=20) as peer:
                home.account(peer.port, tls="implicit", tls_ca=certs + "/ca.pem")
                run = home.deliver(ident)
            went_well(peer, "REQUIRETLS over TLS")
            same(run.verdicts(), ["0 delivered 250 2.0.0"], "REQUIRETLS over TLS: delivered")


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
