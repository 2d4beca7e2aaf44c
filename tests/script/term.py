#!/usr/bin/python3
"""term - what happens to a message that waits: the notice, the reports that were asked for, giving up."""
# run: limit=180
import email
import email.policy
import pathlib
import socket
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
from deliver_home import BUILD, Home, serve
from peer import Peer
from tap import done, matches, ok, same

HOUR, DAY = 3600, 86400
GREET = "S: 220 mail.example.test\nC: EHLO [127.0.0.1]\nS: 250 8BITMIME\n"
MAIL = "C: MAIL FROM:<ada@example.org>*\nS: 250 ok\n"
RCPT = "C: RCPT TO:<bob@example.org>\n"
QUIT = "C: QUIT\neof\n"
LATER = GREET + MAIL + RCPT + "S: 450 4.2.0 Greylisted\n" + QUIT
TAKEN = GREET + MAIL + RCPT + "S: 250 ok\nC: DATA\nS: 354 go on\ndata\nS: 250 2.0.0 queued\n" + QUIT


def letters(home):
    return [email.message_from_bytes(r, policy=email.policy.default) for r in home.reports()]


def closed_port(home):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        home.account(taken.getsockname()[1])
        home.deliver()


def test_notice():
    with Home() as home:
        home.account(1)
        first, second = home.put(), home.put("eve@example.org", "joe@example.org")
        closed_port(home)
        home.later(3 * HOUR)
        closed_port(home)
        same(home.reports(), [], "after 3 hours nobody is told")
        home.later(2 * HOUR)
        late = home.put()
        closed_port(home)
        told = letters(home)
        if same(len(told), 1, "after 4 hours: one letter for the account"):
            text = told[0].get_content()
            same((told[0]["Auto-Submitted"], told[0]["To"]), ("auto-generated", "ada@example.org"), "notice: its header")
            matches(text, r"2 messages wait to be sent by the account work", "notice: how many")
            matches(text, r"refused the connection", "notice: and why")
            ok(first in text and second in text and late not in text and "eve@example.org and 1 more" in text, "notice: which", text)
        home.later(6 * HOUR)
        closed_port(home)
        same(len(home.reports()), 1, "another one that waits: no second letter within a day")
        home.later(DAY)
        closed_port(home)
        same(len(home.reports()), 2, "but the day after")
        home.later(DAY)
        closed_port(home)
        same(len(home.reports()), 2, "and then none, for nothing is new")
    with Home() as home:
        home.write(home.config / "tappal.ini", f"[tappal]\nlog = {home.log}\n[queue]\nwarn_after = 0s\n")
        home.account(1)
        home.put()
        home.later(DAY)
        closed_port(home)
        same(home.reports(), [], "warn_after = 0s: nobody is told")
    with Home() as home:
        home.account(1, maildir=False)
        home.put()
        home.later(5 * HOUR)
        serve(home, LATER.replace(QUIT, "C: RSET\nS: 250 ok\nC: MAIL FROM:<>*\nS: 250 ok\nC: RCPT TO:<ada@example.org>\nS: 250 ok\nC: DATA\nS: 354 go on\ndata\nS: 250 ok\n" + QUIT), maildir=False)
        same((len(home.ids()), home.reports()), (1, []), "without a maildir the notice goes out by mail")


def test_delay_asked_for():
    with Home() as home:
        home.account(1)
        ident = home.put(options=("-f", "ada@example.org", "-N", "delay", "-R", "full", "-V", "QQ7"))
        home.later(5 * HOUR)
        serve(home, LATER)
        told = letters(home)
        if same(len(told), 1, "NOTIFY=DELAY: one report"):
            person, fields, text = told[0].iter_parts()
            about = fields.get_payload()
            same((about[0]["Original-Envelope-Id"], about[1]["Action"], about[1]["Status"]), ("QQ7", "delayed", "4.2.0"), "delay: fields")
            ok(about[1]["Will-Retry-Until"] is not None, "delay: until when")
            same(text.get_content_type(), "text/rfc822-headers", "delay: the header alone")
        same(home.ids(), [ident], "delay: it stays queued")
        home.later(2 * HOUR)
        serve(home, LATER)
        same(len(home.reports()), 1, "delay: told once, and by no notice")
    with Home() as home:
        home.account(1)
        home.put(options=("-f", "ada@example.org", "-N", "failure"))
        home.later(5 * HOUR)
        serve(home, LATER)
        same(home.reports(), [], "NOTIFY=FAILURE: no word of a delay")


def test_success_asked_for():
    for notify, expected in (("success", 1), ("success,failure", 1), ("failure", 0), ("never", 0)):
        with Home() as home:
            home.account(1)
            home.put(options=("-f", "ada@example.org", "-N", notify))
            _, peer = serve(home, TAKEN)
            same((peer.good, home.ids()), (True, []), f"NOTIFY={notify}: delivered")
            told = letters(home)
            if same(len(told), expected, f"NOTIFY={notify}: reports") and told:
                about = list(told[0].iter_parts())[1].get_payload()[1]
                same((about["Action"], about["Status"], about["Final-Recipient"]), ("relayed", "2.0.0", "rfc822; bob@example.org"), "success: fields")
    with Home() as home:
        home.account(1)
        home.put(options=("-f", "<>", "-N", "success"))
        serve(home, TAKEN.replace("ada@example.org", ""))
        same((home.ids(), home.ids("failed"), home.reports()), ([], [], []), "the null sender is told nothing")


def test_given_up():
    with Home() as home:
        home.account(1)
        ident = home.put()
        home.later(5 * DAY - 5 * HOUR)
        serve(home, LATER)
        same(home.ids(), [ident], "a little under 5 days: tried on")
        home.later(6 * HOUR)
        serve(home, LATER)
        same((home.ids(), home.ids("failed")), ([], [ident]), "5 days: given up, and kept in failed/")
        report = letters(home)[-1]
        person, fields, text = report.iter_parts()
        about = fields.get_payload()[1]
        same((about["Action"], about["Status"], about["Diagnostic-Code"]), ("failed", "4.2.0", "smtp; 450 4.2.0 Greylisted"), "given up: fields")
        matches(person.get_content(), r"450 4.2.0 Greylisted\n\nIt has been tried for 5 d\. .*\nThe whole message is kept in .*/failed/" + ident, "given up: words for people")
        matches(text.as_string(), r"Subject: x.*Hello", "given up: the full text")
    with Home() as home:
        home.account(1)
        ident = home.put()
        home.later(6 * DAY)
        serve(home, TAKEN)
        same((home.ids(), home.ids("failed")), ([], []), "6 days asleep: tried first")


def explained(home, ident):
    return subprocess.run([BUILD / "tappal", "queue", "explain", ident], env=home.environment(), capture_output=True, text=True, timeout=60).stdout


def test_asleep():
    with Home() as home:
        home.account(1)
        ident = home.put()
        serve(home, LATER)
        home.later(7 * DAY)
        serve(home, LATER)
        same(home.ids(), [ident], "a week asleep: the first try in vain behind it is not the last one")
        matches(explained(home, ident), r"tried until .*and for some hours more", "explain says so")
        for hours in (1, 2):
            home.later(hours * HOUR)
            serve(home, LATER)
        same(home.ids(), [ident], "nor is one three hours later")
        home.later(2 * DAY)
        serve(home, LATER)
        same(home.ids(), [ident], "asleep again: it begins anew")
        home.later(5 * HOUR)
        serve(home, LATER)
        same((home.ids(), home.ids("failed")), ([], [ident]), "tried for hours: given up")
    with Home() as home:
        home.account(1)
        tried = home.put()
        closed_port(home)
        home.later(7 * DAY)
        new = home.put()
        old = home.put(options=("-f", "ada@example.org"))
        closed_port(home)
        same(len(home.ids()), 3, "a week asleep, and no server: nothing is given up at once")
        for _ in range(5):
            home.later(HOUR)
            closed_port(home)
        same((home.ids(), home.ids("failed")), (sorted((new, old)), [tried]), "nobody reached it for five hours more: what is old is given up")
    with Home() as home:
        home.account(1)
        home.put()
        home.put()
        home.later(5 * DAY + HOUR)
        closed_port(home)
        same(len(home.ids()), 2, "5 days asleep: nothing was tried before, so it is tried on")
        home.later(5 * HOUR)
        closed_port(home)
        same((home.ids(), len(home.ids("failed"))), ([], 2), "and then given up, what stood behind the breaker too")
    with Home() as home:
        home.account(1)
        ident = home.put()
        serve(home, LATER)
        subprocess.run([BUILD / "tappal", "queue", "hold", ident], env=home.environment(), check=True, capture_output=True, timeout=60)
        home.later(20 * DAY)
        subprocess.run([BUILD / "tappal", "queue", "release", ident], env=home.environment(), check=True, capture_output=True, timeout=60)
        home.end_deliverers()
        serve(home, LATER)
        same(home.ids(), [ident], "held for long and let go: tried for some hours first")


def test_given_up_behind_the_breaker():
    with Home() as home:
        home.account(1)
        ids = [home.put(), home.put(), home.put(options=("-f", "<>"))]
        home.put(options=("-f", "ada@example.org", "-N", "never"))
        home.later(5 * DAY + 60)
        closed_port(home)
        home.later(4 * HOUR)
        closed_port(home)
        same((home.ids(), len(home.ids("failed"))), ([], 4), "no server for 5 days: all are given up")
        told = [t for t in letters(home) if t.get_content_type() == "multipart/report"]
        same(len(told), 2, "and reported, but for the null sender and for NOTIFY=NEVER")
        about = list(told[0].iter_parts())[1].get_payload()[1]
        same((about["Action"], about["Status"]), ("failed", "4.4.7"), "no server: fields")
        matches(about["Diagnostic-Code"], "x-tappal; .*refused the connection", "no server: why")
        ok(all(i in home.ids("failed") for i in ids), "they are the same")
    with Home() as home:
        home.write(home.config / "tappal.ini", f"[tappal]\nlog = {home.log}\n[queue]\ngive_up_after = 0s\n")
        home.account(1)
        ident = home.put()
        home.later(50 * DAY)
        closed_port(home)
        same(home.ids(), [ident], "give_up_after = 0s: tried for ever")


def beside(home, port=1, maildir=True):
    """A second account, as whose message nothing here goes."""
    text = f"[account]\naddress = eve@example.net\n[send]\nhost = 127.0.0.1\nport = {port}\ntls = off\nauth = none\n"
    home.write(home.config / "accounts/other.ini", text + (f"[fetch]\nhost = 127.0.0.1\nmaildir = {home.dir}/Mail\n" if maildir else ""))


def lose_account(home):
    (home.config / "accounts/work.ini").unlink()


def test_account_removed():
    with Home() as home:
        home.account(1)
        beside(home)
        first, second = home.put(), home.put("joe@example.org")
        lose_account(home)
        run = home.deliver()
        same((run.status, home.reports()), (0, []), "its account is removed: it waits")
        home.later(5 * HOUR)
        home.deliver()
        told = letters(home)
        if same(len(told), 1, "after 4 hours: one letter"):
            same((told[0]["To"], "eve@example.net" in told[0]["From"]), ("ada@example.org", True), "to the sender, from an account that is there")
            text = told[0].get_content()
            matches(text, r"2 messages wait to be sent, the oldest since", "how many")
            matches(text, r"The account it was to go by is missing: there is no .*/accounts/work.ini.\nPut the file back", "what is missing, and what to do")
            ok(first in text and second in text, "which", text)
        home.later(HOUR)
        home.deliver()
        same(len(home.reports()), 1, "no second letter at once")
        home.later(5 * DAY)
        home.deliver()
        same(len(home.ids()), 2, "5 days later, asleep meanwhile: kept")
        home.later(5 * HOUR)
        home.deliver()
        same((home.ids(), home.ids("failed")), ([], sorted((first, second))), "then given up, and kept in failed/")
        reports = [t for t in letters(home) if t.get_content_type() == "multipart/report"]
        if same(len(reports), 2, "each comes back"):
            person, fields, _ = reports[0].iter_parts()
            about = fields.get_payload()[1]
            same((about["Action"], about["Status"]), ("failed", "4.4.7"), "given up: fields")
            matches(person.get_content(), r"is missing: there is no .*work.ini. Put the file back", "given up: what is missing, and what to do")
            same(reports[0]["To"], "ada@example.org", "given up: to the sender")
        home.account(1)
        subprocess.run([BUILD / "tappal", "queue", "retry", first], env=home.environment(), check=True, capture_output=True, timeout=60)
        home.end_deliverers()
        home.later(HOUR)  # whether or not it was tried meanwhile: it is due
        serve(home, TAKEN)
        same((home.ids(), home.ids("failed")), ([], [second]), "the file is back, and it is brought back: it goes out")
    with Home() as home:
        home.account(1)
        beside(home)
        ident = home.put()
        serve(home, LATER)
        lose_account(home)
        home.deliver("--now")
        subprocess.run([BUILD / "tappal", "queue", "bounce", ident], env=home.environment(), check=True, capture_output=True, timeout=60)
        end = time.monotonic() + 30
        while not home.ids("failed") and time.monotonic() < end:  # a deliverer was started
            time.sleep(0.02)
        same((home.ids(), home.ids("failed"), len(home.reports())), ([], [ident], 1), "sent back by hand: at once, without its account too")
    with Home() as home:
        home.account(1)
        ident = home.put()
        lose_account(home)
        for _ in range(3):
            home.later(4 * DAY)
            home.deliver()
            home.later(5 * HOUR)
            home.deliver()
        same((home.ids(), home.reports()), ([ident], []), "there is no account at all: nobody can be told, so it is kept")
        home.later(HOUR)
        serve(home, TAKEN)
        same(home.ids(), [], "and goes out once there is one")
    with Home() as home, Peer(TAKEN.replace("ada@example.org", "").replace("bob@", "ada@"), limit=20) as peer:
        home.account(1, maildir=False)
        beside(home, peer.port, maildir=False)
        ident = home.put()
        lose_account(home)
        home.deliver()
        home.later(5 * HOUR)
        home.deliver()
        same((home.ids(), peer.good), ([ident], True), "without a maildir the letter goes out by another account's server")


def notified(home):
    path = home.dir / "notified"
    return path.read_text().splitlines() if path.exists() else []


def with_hook(home, how):
    home.write(home.config / "tappal.ini", f"[tappal]\nlog = {home.log}\nnotify = {how}\n")


def test_notify():
    with Home() as home:
        script = home.dir / "hook"
        script.write_text('#!/bin/sh\necho "$#|$1|$2|$3|$TAPPAL_KIND|$TAPPAL_HINT" >>"$HOME/notified"\n')
        script.chmod(0o700)
        with_hook(home, script)
        home.account(1, password="secret-of-ada", auth="plain")
        home.put()
        refused = "S: 220 hi\nC: EHLO *\nS: 250-hi\nS: 250 AUTH PLAIN\nC: AUTH PLAIN *\nS: 535 5.7.8 wrong\n" + QUIT
        for _ in range(2):
            with Peer(refused, limit=20) as peer:
                home.account(peer.port, password="secret-of-ada", auth="plain")
                home.deliver()
            home.later(2 * HOUR)
        if same(len(notified(home)), 1, "needs-login: told once"):
            matches(notified(home)[0], r"^4\|work\|needs-login\|.*refused.*\|needs-login\|.+", "needs-login: what it is told")
        home.later(3 * HOUR)
        with Peer(refused, limit=20) as peer:
            home.account(peer.port, password="secret-of-ada", auth="plain")
            home.deliver()
        matches(notified(home)[-1], r"\|cannot-send\|", "an account that fails for long")
        same(len(notified(home)), 2, "told once")
        ok("secret-of-ada" not in "".join(notified(home)), "no secret is told")
    with Home() as home:
        with_hook(home, 'sh: echo "$1 $2 $3" >>"$HOME/notified"')
        home.account(1)
        home.put()
        serve(home, GREET + MAIL + RCPT + "S: 550 5.1.1 No such user\n" + QUIT)
        matches("".join(notified(home)), r"^work returned A message was not delivered to bob@example.org: .*No such user", "returned: the shell sees it too")
        home.put(options=("-f", "<>"))
        serve(home, GREET + MAIL.replace("ada@example.org", "") + RCPT + "S: 550 5.1.1 No such user\n" + QUIT)
        matches(notified(home)[-1], "^work undeliverable ", "undeliverable")
    with Home() as home:
        with_hook(home, "/nonexistent")
        home.account(1)
        home.put()
        serve(home, GREET + MAIL + RCPT + "S: 550 5.1.1 No such user\n" + QUIT)
        same((home.ids(), len(home.reports())), ([], 1), "a command that is missing stops nothing")
        matches(home.logged(), "notify .*nonexistent", "and is logged")


for test in (test_notice, test_delay_asked_for, test_success_asked_for, test_given_up, test_asleep, test_account_removed, test_given_up_behind_the_breaker, test_notify):
    test()
done()
