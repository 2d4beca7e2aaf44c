#!/usr/bin/python3
"""deliver - tappal-deliver against scripted SMTP servers: every state, every kind of answer."""
# run: limit=300
import email
import email.policy
import pathlib
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
from deliver_home import MESSAGE, Home, serve, went_well
from peer import Peer
from tap import done, matches, ok, same

GREET = "S: 220 mail.example.test\nC: EHLO [127.0.0.1]\nS: 250-mail.example.test\n"
PLAIN = GREET + "S: 250 8BITMIME\n"
PIPED = GREET + "S: 250-SIZE 1000000\nS: 250-8BITMIME\nS: 250 PIPELINING\n"
MAIL = "C: MAIL FROM:<ada@example.org>*\n"
RCPT = "C: RCPT TO:<bob@example.org>\n"
QUIT = "C: QUIT\neof\n"
TEXT = "C: DATA\nS: 354 go on\ndata\n"


def once(script, *recipients, message=MESSAGE, options=("-f", "ada@example.org"), **account):
    """A home, a message, a run: (home, id, run, peer). The caller leaves the home."""
    home = Home()
    home.account(1, **account)
    ident = home.put(*recipients, message=message, options=options)
    run, peer = serve(home, script, wait_for=ident, **account)
    return home, ident, run, peer


def test_delivered():
    for name, script in (
        ("lock step", PLAIN + MAIL + "S: 250 ok\n" + RCPT + "S: 250 2.1.5 ok\n" + TEXT + "S: 250 2.0.0 queued as 1\n" + QUIT),
        ("one flight", PIPED + MAIL + RCPT + "C: DATA\nS: 250 ok\nS: 250 ok\nS: 354 go on\ndata\nS: 250 2.0.0 queued\n" + QUIT),
    ):
        home, ident, run, peer = once(script)
        with home:
            went_well(peer, name)
            same(run.verdicts(), ["0 delivered 250 2.0.0"], f"{name}: delivered")
            same(run.lines[-1:], ["end"], f"{name}: the deliverer says that it let go")
            same(run.status, 0, f"{name}: exit status")
            same(home.ids(), [], f"{name}: the queue is empty")
            ok("C| ..dot" in peer.transcript, f"{name}: a dot at the start of a line is doubled", peer.transcript)
            matches(home.logged(), r"sent id=\S+ account=work .*to=bob@example.org.*code=\"?250", f"{name}: one line in the log")
            ok(list(home.dir.glob(".local/state/tappal/accounts/work-*.delivered")), f"{name}: the account is marked as working")


def test_mail_parameters():
    eight = MESSAGE.replace(b"Hello", "Grüße".encode())
    home, _, run, peer = once(PIPED + "C: MAIL FROM:<ada@example.org> SIZE={size} BODY=8BITMIME\n" + RCPT +
                              "C: DATA\nS: 250 ok\nS: 250 ok\nS: 354 go on\ndata\nS: 250 ok\n" + QUIT, message=eight)
    with home:
        went_well(peer, "SIZE and BODY")
        same(run.verdicts(), ["0 delivered 250 -"], "SIZE and BODY: delivered")
    home, ident, run, peer = once(GREET + "S: 250-8BITMIME\nS: 250 SIZE 100\n" + QUIT)
    with home:
        went_well(peer, "too large, nothing sent")
        same(run.verdicts(), ["0 refused 552 5.3.4"], "a message over SIZE is refused before it is sent")


def test_beyond_ascii():
    """A domain has an ASCII form, which any server takes; a local part, and a header, want SMTPUTF8."""
    utf8 = GREET + "S: 250-8BITMIME\nS: 250 SMTPUTF8\n"
    plain, wide = "C: MAIL FROM:<ada@example.org>\nS: 250 ok\n", "C: MAIL FROM:<ada@example.org> *SMTPUTF8\nS: 250 ok\n"
    taken = "S: 250 ok\n" + TEXT + "S: 250 ok\n" + QUIT
    domain, both, ascii_form = "bob@bücher.example", "jürgen@bücher.example", "C: RCPT TO:<bob@xn--bcher-kva.example>\n"
    header = MESSAGE.replace(b"Subject: x", "Subject: Grüße".encode())
    for what, to, script, message in (
        ("domain", domain, PLAIN + plain + ascii_form + taken, MESSAGE),
        ("domain, a server with SMTPUTF8", domain, utf8 + plain + ascii_form + taken, MESSAGE),
        ("local part", both, utf8 + wide + f"C: RCPT TO:<{both}>\n" + taken, MESSAGE),
        ("header", domain, utf8 + wide + f"C: RCPT TO:<{domain}>\n" + taken, header),
    ):
        home, _, run, peer = once(script, to, message=message)
        with home:
            went_well(peer, f"beyond ASCII, {what}")
            same((run.verdicts(), home.ids()), (["0 delivered 250 -"], []), f"beyond ASCII, {what}: delivered")
    home, _, run, peer = once(PLAIN + MAIL + "S: 250 ok\n" + RCPT + taken, both, "bob@example.org")
    with home:
        went_well(peer, "a local part beyond ASCII, no SMTPUTF8: the server is not asked")
        same(run.verdicts(), ["0 refused 550 5.6.7", "1 delivered 250 -"], "refused, and the other is delivered to")


def state_scripts(answer):
    """The answer, at each state of a transaction, lock step."""
    yield "greeting", answer
    yield "ehlo", "S: 220 hi\nC: EHLO *\n" + answer
    head = PLAIN + MAIL
    yield "mail", head + answer
    head += "S: 250 ok\n" + RCPT
    yield "rcpt", head + answer
    head += "S: 250 ok\nC: DATA\n"
    yield "data", head + answer
    yield "end", head + "S: 354 go on\ndata\n" + answer


# state -> what the answer means for the message
TEMPORARY = {"greeting": "failure", "ehlo": "failure"}


def test_every_state_temporary():
    for state, script in state_scripts("S: 451 4.3.0 later\n"):
        home, ident, run, _ = once(script)
        with home:
            if state in TEMPORARY:
                ok(run.failures() and not run.verdicts(), f"451 at {state}: the host's failure, not the message's", run)
            else:
                same(run.verdicts(), ["0 later 451 4.3.0"], f"451 at {state}: later")
            same(home.ids(), [ident], f"451 at {state}: stays queued")
            ok(30 < home.due_in(ident) < 90, f"451 at {state}: due again in a minute", home.due_in(ident))


def test_every_state_permanent():
    for state, script in state_scripts("S: 554 5.7.1 never\n"):
        home, ident, run, _ = once(script)
        with home:
            if state in TEMPORARY:
                ok(run.failures() and not run.verdicts(), f"554 at {state}: the host's failure, not the message's", run)
                same(home.reports(), [], f"554 at {state}: no report")
            else:
                same(run.verdicts(), ["0 refused 554 5.7.1"], f"554 at {state}: refused")
            same(home.ids(), [ident], f"554 at {state}: left for the one who waits")
            same(home.reports(), [], f"554 at {state}: who waits needs no report")


def test_every_state_closing():
    for name, answer in (("421", "S: 421 4.3.2 shutting down\nclose\n"), ("a cut", "cut\n"), ("half a line", "S| 25\ncut\n"),
                         ("no SMTP", "S: * OK IMAP4rev1 ready\n"), ("NULs", "S| 250\\0 ok\\r\\n\n"), ("a long line", "S| 250-" + "x" * 5000 + "\\r\\n\n"),
                         ("two codes", "S: 250-one\nS: 550 two\n")):
        for state, script in state_scripts(answer):
            home, ident, run, _ = once(script)
            with home:
                ok(len(run.failures()) == 1 and not run.verdicts(), f"{name} at {state}: a failure, no verdict", run)
                same(home.ids(), [ident], f"{name} at {state}: stays queued")
                doubt = state == "end" and name != "421"
                ok(any(r.startswith("doubt ") for r in home.journal(ident)) == (state == "end"), f"{name} at {state}: record of doubt", home.journal(ident))
                same(("answered" in home.journal(ident)), state == "end" and not doubt, f"{name} at {state}: answered or not")
                ok(home.due_in(ident) > 800 if doubt else home.due_in(ident) < 90, f"{name} at {state}: next try", home.due_in(ident))


def test_terminal_escapes():
    home, ident, run, _ = once(PLAIN + MAIL + "S: 250 ok\n" + RCPT + "S| 550 5.1.1 \\x1b[31mred\\x07\\xff\\r\\n\n" + QUIT)
    with home:
        same(run.verdicts(), ["0 refused 550 5.1.1"], "escapes: refused")
        ok("\x1b" not in "\n".join(run.lines + [home.logged()]) and "\x07" not in home.logged(), "escapes: none gets through", run)


def test_drip():
    home, ident, run, peer = once("drip 0.01 220 hi\nC: EHLO *\ndrip 0.01 250-a\ndrip 0.01 250 8BITMIME\n" + MAIL + "drip 0.01 250 ok\n" + RCPT +
                                  "drip 0.01 250 2.1.5 ok\n" + "C: DATA\ndrip 0.01 354 go\ndata\ndrip 0.01 250 2.0.0 done\n" + QUIT)
    with home:
        went_well(peer, "octet by octet")
        same(run.verdicts(), ["0 delivered 250 2.0.0"], "octet by octet: delivered")


def test_silence():
    home, ident, run, _ = once("S: 220 hi\nC: EHLO *\ndelay 8\n", timeout="1s")
    with home:
        ok(run.failures() and home.ids() == [ident], "silence: a failure after the time set, stays queued", run)


def test_one_of_two_greylisted():
    home, ident, run, peer = once(PIPED + MAIL + "C: RCPT TO:<bob@example.org>\nC: RCPT TO:<eve@example.org>\nC: DATA\n"
                                  "S: 250 ok\nS: 450 4.2.0 greylisted\nS: 250 ok\nS: 354 go on\ndata\nS: 250 2.0.0 ok\n" + QUIT,
                                  "bob@example.org", "eve@example.org")
    with home:
        went_well(peer, "greylisted")
        same(run.verdicts(), ["0 later 450 4.2.0", "1 delivered 250 2.0.0"], "greylisted: each has its own verdict")
        run, _ = serve(home, "delay 0.1\n")
        same(home.ids(), [ident], "greylisted: not tried before its time")
        home.later(120)
        run, peer = serve(home, PIPED + MAIL + RCPT + "C: DATA\nS: 250 ok\nS: 250 ok\nS: 354 go\ndata\nS: 250 ok\n" + QUIT)
        went_well(peer, "greylisted, second try: only who is left")
        same(home.ids(), [], "greylisted: in the end the queue is empty")
        same(home.reports(), [], "greylisted: no report")


def test_all_greylisted_ignores_data():
    home, ident, run, peer = once(PIPED + MAIL + RCPT + "C: DATA\nS: 250 ok\nS: 450 4.2.0 greylisted\nS: 554 5.5.1 no valid recipients\n" + QUIT)
    with home:
        went_well(peer, "554 behind 450")
        same(run.verdicts(), ["0 later 450 4.2.0"], "DATA's 554 is no verdict where no recipient was accepted")


def test_lone_dot():
    home, ident, run, peer = once(PIPED + MAIL + RCPT + "C: DATA\nS: 250 ok\nS: 550 5.1.1 no such user\nS: 354 go on\nC: .\nS: 250 ok\n" + QUIT)
    with home:
        went_well(peer, "354 with nobody accepted: a lone dot")
        same(run.verdicts(), ["0 refused 550 5.1.1"], "354 with nobody accepted: RCPT's answer is the verdict")


def test_mail_refused_data_accepted():
    home, ident, run, peer = once(PIPED + MAIL + RCPT + "C: DATA\nS: 553 5.1.8 not you\nS: 250 ok\nS: 354 go on\neof\n")
    with home:
        went_well(peer, "354 though MAIL was refused: nothing is sent")
        same(run.verdicts(), ["0 refused 553 5.1.8"], "354 though MAIL was refused: MAIL's answer is the verdict")


def test_refused_and_reported():
    home, ident, run, _ = once(PLAIN + MAIL + "S: 250 ok\n" + RCPT + "S: 550-5.1.1 No such user\nS: 550 5.1.1 here\n" + QUIT)
    with home:
        same(home.deliver().lines, [], "all refused: the next run leaves it to the one who waits, for a minute")
        same(home.ids(), [ident], "all refused: still there")
        home.later(61)
        run, peer = serve(home, "delay 0.1\n")
        same(home.ids(), [], "all refused: then it is reported and removed")
        check_report(home.reports())


def check_report(reports):
    if not same(len(reports), 1, "one report"):
        return
    ok(b"\r" not in reports[0], "the report has LF line ends in the maildir")
    report = email.message_from_bytes(reports[0], policy=email.policy.default)
    same(report.get_content_type(), "multipart/report", "report: its type")
    same(report["Auto-Submitted"], "auto-replied", "report: nobody's robot answers it")
    person, fields, text = report.iter_parts()
    matches(person.get_content(), r"bob@example.org\s.*550 5.1.1 No such user / here", "report: words for people")
    about = fields.get_payload()[1]
    same((about["Final-Recipient"], about["Action"], about["Status"]), ("rfc822; bob@example.org", "failed", "5.1.1"), "report: fields")
    same(text.get_content_type(), "message/rfc822", "report: the message itself")
    matches(text.as_string(), r"Subject: x.*Hello", "report: and all of it")


def test_some_refused_reported_at_once():
    home, ident, run, _ = once(PLAIN + MAIL + "S: 250 ok\nC: RCPT TO:<bob@example.org>\nS: 550-5.1.1 No such user\nS: 550 5.1.1 here\n"
                               "C: RCPT TO:<eve@example.org>\nS: 250 ok\n" + TEXT + "S: 250 ok\n" + QUIT, "bob@example.org", "eve@example.org")
    with home:
        same(run.verdicts(), ["0 refused 550 5.1.1", "1 delivered 250 -"], "some refused: verdicts")
        same(home.ids(), [], "some refused: finished")
        check_report(home.reports())


def test_no_address_is_refused_without_asking():
    home, ident, run, peer = once(PLAIN + MAIL + "S: 250 ok\nC: RCPT TO:<eve@example.org>\nS: 250 ok\n" + TEXT + "S: 250 ok\n" + QUIT, "two words", "eve@example.org")
    with home:
        went_well(peer, "no address: the server is not asked about it")
        same(run.verdicts(), ["0 refused 501 5.1.3", "1 delivered 250 -"], "no address: refused, the other one delivered")
        same((home.ids(), len(home.reports())), ([], 1), "no address: reported")
        matches(home.reports()[0].decode(), r"(?s)two words.*Final-Recipient: rfc822; two words\nAction: failed\nStatus: 5.1.3", "no address: the report says why")


def test_report_by_smtp_and_failed():
    script = PLAIN + MAIL + "S: 250 ok\n" + RCPT + "S: 550 5.1.1 no\n"
    home = Home()
    with home:
        home.account(1, maildir=False)
        home.put()
        run, peer = serve(home, script + "C: RSET\nS: 250 ok\nC: MAIL FROM:<>*\nS: 250 ok\nC: RCPT TO:<ada@example.org>\nS: 550 5.7.1 no null senders\n" + QUIT,
                          maildir=False)
        went_well(peer, "no maildir: the report goes out as a message without sender")
        same(home.ids(), [], "no maildir: the queue is empty")
        same(len(home.ids("failed")), 1, "a refused report is kept in failed/, and not reported on")
        matches(home.logged(), "undeliverable", "a refused report is in the log")


def test_null_sender_is_not_reported():
    home, ident, run, _ = once(PLAIN + "C: MAIL FROM:<>*\nS: 250 ok\n" + RCPT + "S: 550 5.1.1 no\n" + QUIT, options=("-f", "<>"))
    with home:
        home.later(61)
        home.deliver()
        same((home.ids(), home.ids("failed"), home.reports()), ([], [ident], []), "null sender: kept in failed/, no report")


def test_large_message_is_kept():
    big = MESSAGE + b"0123456789012345678901234567890123456789\n" * 40000
    home, ident, run, _ = once(PLAIN + MAIL + "S: 250 ok\n" + RCPT + "S: 550 5.1.1 no\n" + QUIT, message=big)
    with home:
        home.later(61)
        home.deliver()
        same((home.ids(), home.ids("failed")), ([], [ident]), "a message too large for its report is kept in failed/")
        ok(home.reports() and b"The whole message is kept in" in home.reports()[0] and len(home.reports()[0]) < 5000, "and the report says so")


def test_every_step():
    """Stopped at each durable step, or with each of them failing: delivered in the end, twice only out of doubt."""
    home = Home()
    with home:
        home.account(1)
        home.put()
        steps = home.dir / "steps"
        script = PLAIN + MAIL + "S: 250 ok\n" + RCPT + "S: 250 ok\n" + TEXT + "S: 250 ok\n"
        home.env["TAPPAL_TEST_STEP_LOG"] = str(steps)
        serve(home, script)
        del home.env["TAPPAL_TEST_STEP_LOG"]
        names = [line.split()[1] for line in steps.read_text().splitlines() if line.endswith("tappal-deliver")]
        same(home.ids(), [], "steps: delivered")
        for how in ("stop:{}", "fail:{}:EIO", "fail:{}:ENOSPC", "short:{}"):
            for n in range(1, len(names) + 1):
                one_step(home, script, how.format(n), names[n - 1])


def one_step(home, script, how, name):
    ident = home.put()
    home.env["TAPPAL_TEST_STEP"] = how + ":tappal-deliver"
    _, peer = serve(home, script)
    del home.env["TAPPAL_TEST_STEP"]
    sent, doubtful = (any("S: 250 ok" == line for line in peer.transcript[-1:]), any(line.startswith("C| ") for line in peer.transcript))
    records = home.journal(ident) if home.ids() else []
    recorded = any(r.startswith("recipient 0 delivered") for r in records)
    home.later(4000)
    _, again = serve(home, script)
    sent_again = any("S: 250 ok" == line for line in again.transcript[-1:])
    ok(sent + sent_again == 1 or (doubtful and sent_again and not recorded and any(r.startswith("doubt ") for r in records)), f"{how} ({name}): delivered, twice only out of doubt",
       *peer.transcript, "--", *records, "--", *again.transcript)
    same(home.ids(), [], f"{how}: nothing is left")
    same((home.ids("aside"), home.ids("failed")), ([], []), f"{how}: nothing is set aside")


def test_too_many_recipients():
    """Those who are left are asked for as many at a time as it took, not all of them each time."""
    people = ["bob@example.org", "eve@example.org", "zoe@example.org"]
    rcpt = [f"C: RCPT TO:<{p}>\n" for p in people]
    alone = "C: DATA\nS: 250 ok\nS: 250 ok\nS: 354 go\ndata\nS: 250 ok\n"
    home, ident, run, peer = once(PIPED + MAIL + "".join(rcpt) + "C: DATA\nS: 250 ok\nS: 250 ok\nS: 452 4.5.3 too many\nS: 452 4.5.3 too many\n"
                                  "S: 354 go\ndata\nS: 250 ok\n" + MAIL + rcpt[1] + alone + MAIL + rcpt[2] + alone + QUIT, *people)
    with home:
        went_well(peer, "too many recipients: the rest at once, on their own")
        same(run.verdicts(), [f"{i} delivered 250 -" for i in range(3)], "too many recipients: all delivered")


def test_no_pipelining_after_all():
    lock_step = MAIL + "S: 250 ok\n" + RCPT + "S: 250 ok\n" + TEXT + "S: 250 ok\n" + QUIT
    home, ident, run, peer = once(PIPED + MAIL + RCPT + "C: DATA\nS: 250 ok\nS: 503 5.5.1 what?\nS: 503 5.5.1 what?\nC: RSET\nS: 250 ok\n" + lock_step)
    with home:
        went_well(peer, "503 to commands sent ahead: again in lock step")
        same(run.verdicts(), ["0 delivered 250 -"], "503 to commands sent ahead is no verdict")
    home, ident, run, peer = once(PIPED + MAIL + "S: 250 ok\ncut\nnext\n" + PIPED + lock_step)
    with home:
        went_well(peer, "cut with answers outstanding: again in lock step")
        same(run.verdicts(), ["0 delivered 250 -"], "cut with answers outstanding is no verdict")


def test_many_over_one_connection():
    one = MAIL + RCPT + "C: DATA\nS: 250 ok\nS: 250 ok\nS: 354 go\ndata\nS: 250 ok\n"
    home = Home()
    with home:
        home.account(1)
        for _ in range(3):
            home.put()
        chain = one.replace("data\n", "data\nC: RSET\n" + MAIL + RCPT + "C: DATA\n") + "S: 250 reset\nS: 250 ok\nS: 250 ok\nS: 354 go\ndata\nS: 250 ok\n"
        run, peer = serve(home, PIPED + chain + one + QUIT)
        went_well(peer, "three messages over one connection")
        same(home.ids(), [], "three messages over one connection: delivered")
        for _ in range(2):
            home.put()
        lock_step = MAIL + "S: 250 ok\n" + RCPT + "S: 250 ok\n" + TEXT + "S: 250 ok\n" + QUIT
        run, peer = serve(home, PIPED + chain[:chain.index("S: 250 reset")] + "cut\nnext\n" + PIPED + lock_step)
        went_well(peer, "a connection cut between two messages is opened anew")
        same(home.ids(), [], "a connection cut between two messages: delivered")


def test_closing_blames_nobody_until_twice():
    home = Home()
    with home:
        home.account(1)
        ids = [home.put() for _ in range(4)]
        closing = PIPED + MAIL + RCPT + "C: DATA\nS: 421 4.3.2 go away\nclose\n"
        run, peer = serve(home, closing + "next\n" + PIPED + MAIL + "S: 421 4.3.2 go away\nclose\n")
        went_well(peer, "421 twice: no third connection")
        same(home.ids(), ids, "421 twice: all stay")
        same([len(home.journal(i)) > 0 for i in ids], [True, True, False, False], "421 twice: the others were not touched")
        ok(list(home.dir.glob(".local/state/tappal/accounts/*.breaker")), "421 twice: the breaker is open")


def test_account_failures():
    auth = PLAIN + MAIL + "S: 530 5.7.0 Authentication required\n"
    home, ident, run, _ = once(auth)
    with home:
        matches(" ".join(run.failures()), "^failure auth 530", "530 to MAIL is the account's failure")
        same((run.verdicts(), home.ids()), ([], [ident]), "530 to MAIL: no verdict, stays queued")
    home, ident, run, _ = once(PLAIN + MAIL + "S: 250 ok\n" + RCPT + "S: 250 ok\n" + TEXT + "S: 550 5.4.5 Daily user sending limit exceeded\n")
    with home:
        ok(run.failures() and not run.verdicts() and home.ids() == [ident], "over quota for the day: stays queued", run)
        ok("answered" in home.journal(ident), "over quota: not in doubt", home.journal(ident))
    for code, kind in (("535 5.7.8 bad password", "auth"), ("454 4.7.0 later", "refused_temp")):
        home, ident, run, _ = once(GREET + "S: 250 AUTH PLAIN\nC: AUTH PLAIN *\nS: " + code + "\n", password="secret-of-ada", auth="plain")
        with home:
            matches(" ".join(run.failures()), f"^failure {kind} {code[:3]}", f"{code} to AUTH")
            same((home.ids(), home.reports()), ([ident], []), f"{code} to AUTH: stays queued, no report")
            ok("secret-of-ada" not in home.logged() + "\n".join(run.lines), f"{code} to AUTH: the password is nowhere to be read")


def test_breaker():
    home = Home()
    with home:
        home.account(1)
        first, second = home.put(), home.put()
        run = home.deliver()
        same(home.ids(), [first, second], "closed port: both stay")
        breaker = list(home.dir.glob(".local/state/tappal/accounts/*.breaker"))
        same(len(breaker), 1, "closed port: the breaker is open")
        same(home.journal(second), [], "closed port: only one was tried")
        (breaker[0].parent / breaker[0].name.replace(".breaker", ".delivered")).touch()
        with Peer("delay 0.1\n", limit=2) as peer:
            home.account(peer.port)
            run = home.deliver(second)
            peer.hang_up()
        same([len(run.failures()), run.lines[-1]], [1, "end"], "breaker: who waits hears why, at once")
        ok("+ connection" not in peer.transcript, "breaker: no connection", peer.transcript)
        home.later(90)
        one = MAIL + RCPT + "C: DATA\nS: 250 ok\nS: 250 ok\nS: 354 go\ndata\nS: 250 ok\n"
        run, peer = serve(home, PIPED + one * 2 + QUIT)
        went_well(peer, "breaker: one probe goes through, then all the rest")
        same((home.ids(), breaker[0].exists()), ([], False), "breaker: closed")


def test_starttls():
    hello = "S: 220 hi\nC: EHLO [127.0.0.1]\nS: 250-hi\nS: 250 STARTTLS\nC: STARTTLS\n"
    for name, why, script in (
        ("not offered", "does not offer STARTTLS", "S: 220 hi\nC: EHLO [127.0.0.1]\nS: 250 AUTH PLAIN\n"),
        ("refused", "does not start TLS", hello + "S: 454 4.7.0 not now\n"),
        ("another 2xx", "does not start TLS", hello + "S: 250 ok\n"),
        ("two lines", "does not start TLS", hello + "S: 220-go\nS: 220 ahead\n"),
        ("agreed to before it was asked for", "failure tls", "S: 220 hi\nC: EHLO [127.0.0.1]\nS| 250-hi\\r\\n250 STARTTLS\\r\\n220 go\\r\\n\neof\n"),
        ("injected", "failure tls", hello + "S| 220 go\\r\\n250 injected\\r\\n\ndelay 1\n"),
    ):
        home, ident, run, peer = once(script + "delay 0.2\n", tls="starttls", auth="plain", password="secret-of-ada", ehlo="ada.example.org")
        with home:
            ok(run.failures() and home.ids() == [ident], f"STARTTLS {name}: a failure, stays queued", run)
            matches(" ".join(run.failures()), why, f"STARTTLS {name}: for the right reason")
            ok(not any("AUTH" in line or "MAIL" in line or "ada" in line for line in peer.transcript if line.startswith("C")),
               f"STARTTLS {name}: nothing of ours was said", peer.transcript)
    home = Home()
    with home:
        home.account(1)
        home.put()
        script = hello + ("S: 220 go\nstarttls\nC: EHLO ada.example.org\nS: 250-hi\nS: 250 PIPELINING\n" + MAIL + RCPT +
                          "C: DATA\nS: 250 ok\nS: 250 ok\nS: 354 go\ndata\nS: 250 ok\n" + QUIT)
        with Peer(script, certs=str(home.dir / "certs"), limit=20) as peer:
            home.account(peer.port, tls="starttls", tls_ca=peer.ca, host="localhost", ehlo="ada.example.org")
            home.deliver()
        went_well(peer, "STARTTLS: our name is said inside only")
        same(home.ids(), [], "STARTTLS: delivered")


def test_configuration():
    home = Home()
    with home:
        home.account(1)
        ident = home.put()
        home.write(home.config / "accounts/work.ini", "[send]\nhost = x\nbogus = 1\n")
        run = home.deliver(ident)
        matches(" ".join(run.failures()), r"^failure config .*work.ini:3", "broken configuration: said to who waits")
        same(home.ids(), [ident], "broken configuration: stays queued")
        matches("\n".join(home.journal(ident)), "failure config", "broken configuration: in the journal")


def test_dialogue():
    home = Home()
    with home:
        home.account(1)
        ident = home.put()
        run, _ = serve(home, GREET + "S: 250 AUTH PLAIN\nC: AUTH PLAIN *\nS: 235 ok\n" + MAIL + "S: 250 ok\n" + RCPT + "S: 250 ok\n" + TEXT + "S: 250 ok\n" + QUIT,
                       "--verbose", wait_for=ident, auth="plain", password="secret-of-ada")
        said = [line for line in run.lines if line.startswith("dialogue ")]
        ok("dialogue > AUTH PLAIN ***" in said and "dialogue < 235 ok" in said, "--verbose: the dialogue, secrets masked", said)


for name, test in sorted(globals().copy().items(), key=lambda pair: getattr(pair[1], "__code__", test_delivered.__code__).co_firstlineno):
    if re.match("test_", name):
        test()
done()
