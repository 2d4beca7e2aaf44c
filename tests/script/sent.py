#!/usr/bin/python3
"""sent - copies of what was sent: into a maildir and, by APPEND, into a folder of an IMAP server. Made once, behind the
delivery; a copy that fails sends nothing again, returns nothing and is made later.

run: limit=200
"""
import pathlib
import re
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
from deliver_home import BUILD, MESSAGE
from peer import Peer
from sent_desk import Desk, bodies, letter, on_the_wire, wait_until
from small_servers import Keeper, Taker
from tap import done, matches, ok, same


CAPS = "IMAP4rev1 SASL-IR AUTH=PLAIN SPECIAL-USE LIST-EXTENDED"
LIST = 'C: {tag} LIST "" "?" RETURN (SPECIAL-USE)\nS: * LIST (\\HasNoChildren) "." INBOX\nS: * LIST (\\HasNoChildren \\Sent) "." INBOX.Gesendet\nS: {tag} OK\n'
STATUS = 'C: {tag} STATUS "INBOX.Gesendet" (UIDNEXT UIDVALIDITY)\nS: * STATUS INBOX.Gesendet (UIDNEXT 7 UIDVALIDITY 3)\nS: {tag} OK\n'
APPEND = 'C: {tag} APPEND "INBOX.Gesendet" (\\Seen) "*" {*\n'
TEXT = "C: From: *\nC: To: *\nC: Subject: x\nC: Date: *\nC: Message-ID: <1@example.org>\nC: \nC: Hello\nC: .dot\nC: \n"
ASKED = APPEND + "S: + go on\n" + TEXT
BYE = "C: {tag} LOGOUT\n"


def sign_in(caps=CAPS):
    return f"S: * OK [CAPABILITY {caps}] ready\nC: {{tag}} AUTHENTICATE PLAIN *\nS: {{tag}} OK [CAPABILITY {caps}] in\n"


# -- the conversation --

def converse(home, sent, script, message=MESSAGE):
    """A message is delivered, and its copy kept by this script."""
    with Taker() as taker, Peer(script, limit=20) as keeper:
        home.set_up(sent, taker.port, keeper.port)
        home.put(message=message)
        home.deliver()
        keeper.hang_up()
    return keeper


def test_conversation():
    for name, caps, append in (("asked first", CAPS, ASKED), ("LITERAL+", CAPS + " LITERAL+", APPEND + TEXT), ("LITERAL-", CAPS + " LITERAL-", APPEND + TEXT),
                               ("IMAP4rev2", CAPS + " IMAP4rev2", APPEND + TEXT)):
        with Desk() as home:
            asked = "C: {ns} NAMESPACE\nS: {ns} BAD what\n" if "rev2" in name else ""  # it is part of IMAP4rev2
            keeper = converse(home, "imap", sign_in(caps) + asked + LIST + STATUS + append + "S: {tag} OK [APPENDUID 3 7] done\n" + BYE)
            ok(keeper.good, f"{name}: the conversation", *keeper.transcript)
            same(home.ids(), [], f"{name}: the queue is empty")
            command = next(line for line in keeper.transcript if "APPEND" in line)
            matches(command, r" \(\\Seen\) \"[ \d]\d-\w{3}-\d{4} \d\d:\d\d:\d\d \+0000\" \{\d+" + ("" if name == "asked first" else r"\+") + r"\}$", f"{name}: APPEND")
            matches(home.logged(), r"copied id=\S+ account=work copy=\"in INBOX.Gesendet of ", f"{name}: a line in the log")


def test_which_folder():
    plain = 'C: {tag} LIST "" "?"\n'
    for name, sent, lists, folder in (
        ("no special use", "imap", 'S: * LIST () "/" Drafts\nS: * LIST () "/" "Sent Items"\n', "Sent Items"),
        ("below INBOX", "imap", 'S: * LIST () "." INBOX\nS: * LIST () "." INBOX.Sent\n', "INBOX.Sent"),
        ("not one that cannot be opened", "imap", 'S: * LIST (\\Noselect) "/" Sent\nS: * LIST () "/" "Sent Messages"\n', "Sent Messages"),
        ("by name", "imap Post/Gesendet", 'S: * LIST (\\Sent) "." Sent\nS: * LIST () "." Post.Gesendet\n', "Post.Gesendet"),
        ("by a name beyond ASCII", "imap Entwürfe", 'S: * LIST () "/" Entw&APw-rfe\n', "Entw&APw-rfe"),
        ("by name, below INBOX", "imap Archiv", 'S: * LIST () "." INBOX.Archiv\n', "INBOX.Archiv"),
    ):
        with Desk() as home:
            script = sign_in("IMAP4rev1 SASL-IR AUTH=PLAIN LITERAL+") + plain + lists + "S: {tag} OK\n" + (STATUS + APPEND + TEXT).replace("INBOX.Gesendet", folder) + "S: {tag} OK\n" + BYE
            keeper = converse(home, sent, script.replace(f"STATUS {folder} ", f'STATUS "{folder}" '))
            ok(keeper.good and not home.ids(), f"folder, {name}: the conversation", *keeper.transcript)


def test_whose_folder():
    """With NAMESPACE: a name means one's own folder, below its prefix; another's is taken only by its whole name."""
    ask = 'C: {ns} NAMESPACE\nC: {tag} LIST "" "?"\nS: * NAMESPACE (("Mail." ".")) (("user." ".")) NIL\nS: {ns} OK\n'
    lists = 'S: * LIST (\\Sent) "." user.grace.Sent\nS: * LIST () "." Mail.Sent\nS: * LIST () "." Mail.Post.Gesendet\n'
    for sent, folder in (("imap", "Mail.Sent"), ("imap Post/Gesendet", "Mail.Post.Gesendet"), ("imap Mail/Sent", "Mail.Sent"), ("imap user/grace/Sent", "user.grace.Sent")):
        with Desk() as home:
            script = sign_in("IMAP4rev1 SASL-IR AUTH=PLAIN LITERAL+ NAMESPACE") + ask + lists + "S: {tag} OK\n" + (STATUS + APPEND + TEXT).replace("INBOX.Gesendet", folder) + "S: {tag} OK\n" + BYE
            keeper = converse(home, sent, script.replace(f"STATUS {folder} ", f'STATUS "{folder}" '))
            ok(keeper.good and not home.ids(), f"whose folder, {sent}: the conversation", *keeper.transcript)


def test_no_folder():
    with Desk() as home:
        script = sign_in("IMAP4rev1 SASL-IR AUTH=PLAIN") + 'C: {tag} LIST "" "?"\nS: * LIST () "/" Drafts\nS: {tag} OK\n' + BYE
        keeper = converse(home, "imap Archiv", script)
        ok(keeper.good, "no such folder: the conversation", *keeper.transcript)
        matches(home.logged(), r"not copied id=.*has no folder ..Archiv.*sent = imap FOLDER", "no such folder: said, with what to do")
        same(len(home.ids()), 1, "no such folder: the message waits for its copy")


def test_utf8_in_the_header():
    utf8 = "From: ada@example.org\nTo: bob@example.org\nDate: Sun, 22 Nov 2026 03:04:05 +0100\nSubject: Grüße\nMessage-ID: <1@example.org>\n\nHello\n".encode()
    enable = "C: {tag} ENABLE UTF8=ACCEPT\nS: * ENABLED UTF8=ACCEPT\nS: {tag} OK\n"
    listing = 'C: {tag} LIST "" "?"\nS: * LIST (\\Sent) "/" Sent\nS: {tag} OK\n' + STATUS.replace("INBOX.Gesendet", "Sent")
    for name, message, append in (
        ("UTF-8", utf8, 'C: {tag} APPEND "Sent" (\\Seen) "*" UTF8 (~{*\nS: + go on\nread 200\n'),
        ("ASCII", MESSAGE, APPEND.replace("INBOX.Gesendet", "Sent") + TEXT),
    ):
        with Desk() as home:
            size = len(on_the_wire(utf8))
            append = append.replace("read 200", f"read {size}") + ("C: )\n" if name == "UTF-8" else "")
            keeper = converse_smtputf8(home, sign_in("IMAP4rev1 SASL-IR AUTH=PLAIN LITERAL+ ENABLE UTF8=ACCEPT") + enable + listing + append + "S: {tag} OK\n" + BYE, message)
            ok(keeper.good, f"UTF8=ACCEPT, {name}: the conversation", *keeper.transcript)


def converse_smtputf8(home, script, message):
    smtp = "S: 220 hi\nC: EHLO *\nS: 250-hi\nS: 250-8BITMIME\nS: 250 SMTPUTF8\nC: MAIL *\nS: 250 ok\nC: RCPT *\nS: 250 ok\nC: DATA\nS: 354 go\ndata\nS: 250 ok\nC: QUIT\neof\n"
    with Peer(smtp, limit=20) as taker, Peer(script, limit=20) as keeper:
        home.set_up("imap", taker.port, keeper.port)
        home.put(message=message)
        home.deliver()
        for peer in (taker, keeper):
            peer.hang_up()
    return keeper


# -- what comes of it --

def test_maildir():
    with Desk() as home, Taker() as taker:
        home.set_up(f"maildir {home.dir}/Sent", taker.port)
        for n in range(12):
            home.put(message=letter(n))
        home.deliver()
        copies = home.copies()
        same(len(taker.messages), 12, "maildir: delivered")
        same(bodies(text for _, text in copies), bodies(letter(n) for n in range(12)), "maildir: a copy of each")
        ok(all(name.endswith(".tappal:2,S") for name, _ in copies), "maildir: in cur/, marked as read", copies)
        same(home.ids(), [], "maildir: the queue is empty")
        matches(home.logged(), r"copied id=\S+ account=work copy=\"?in \S+/Sent\"?\n", "maildir: a line in the log")


def test_as_it_was_sent():
    with Desk() as home, Taker() as taker:
        home.set_up(f"maildir {home.dir}/Sent", taker.port)
        home.put(message=MESSAGE.replace(b"Subject", b"Bcc: eve@example.org\nSubject"), options=("-f", "ada@example.org", "-t"))
        home.deliver()
        same([to for to, _ in taker.messages], [["bob@example.org", "eve@example.org"]], "Bcc: it goes to all")
        ok(home.copies() and b"eve" not in home.copies()[0][1], "Bcc: the copy does not name it, as what was sent does not", home.copies())


def test_many_in_one_session():
    for caps in ((), ("LITERAL+",)):
        with Desk() as home, Taker() as taker, Keeper(caps) as keeper:
            home.set_up("imap", taker.port, keeper.port)
            for n in range(40):
                home.put(message=letter(n))
            home.deliver()
            same((len(keeper.callers), keeper.logins), (1, 1), f"40 copies {caps}: one session")
            same(bodies(text for _, _, text in keeper.messages), bodies(letter(n) for n in range(40)), f"40 copies {caps}: each once")
            ok(all(flags == "\\Seen" for _, flags, _ in keeper.messages), f"40 copies {caps}: marked as read")
            same(home.ids(), [], f"40 copies {caps}: the queue is empty")


def test_large():
    """Not sent ahead, so that a server may refuse it before it comes."""
    with Desk() as home, Taker() as taker, Keeper(("LITERAL+",), answers=["no"]) as keeper:
        home.set_up("imap", taker.port, keeper.port)
        home.put(message=MESSAGE + b"x" * 70 * 1000)
        home.deliver()
        ok(keeper.appends and keeper.appends[0].endswith("}") and not keeper.appends[0].endswith("+}"), "large: the server is asked first", keeper.appends)
        home.later(100)
        home.deliver()
        same((len(keeper.messages), len(taker.messages), home.ids()), (1, 1, []), "large: refused once, then kept")


def test_refused():
    with Desk() as home, Taker() as taker, Keeper(("LITERAL+",), answers=["ok", "no"]) as keeper:
        home.set_up("imap", taker.port, keeper.port)
        ids = [home.put(message=letter(n)) for n in range(3)]
        home.deliver()
        left = home.ids()
        same((len(keeper.messages), len(left)), (2, 1), "one refused: the others are kept")
        matches(home.logged(), r"not copied id=\S+ account=work kind=\S+ problem=.*mailbox is full.*hint=.*delivered", "one refused: said, with the server's words")
        ok(30 < home.due_in(left[0]) < 90, "one refused: due again in a minute", home.due_in(left[0]))
        home.deliver()
        same(len(keeper.appends), 3, "one refused: not before that")
        home.later(100)
        home.deliver()
        same((len(keeper.messages), len(taker.messages), home.ids()), (3, 3, []), "one refused: made later, and nothing is sent again")
        same(sorted(set(ids)), sorted(ids), "one refused: ids")


def test_cut():
    for answer in ("lost", "cut"):
        with Desk() as home, Taker() as taker, Keeper(("LITERAL+",), answers=["ok", answer]) as keeper:
            home.set_up("imap", taker.port, keeper.port)
            for n in range(3):
                home.put(message=letter(n))
            home.deliver()
            ok(1 <= len(home.ids()) <= 2, f"{answer}: some wait", home.ids())
            home.later(100)
            home.deliver()
            same(bodies(text for _, _, text in keeper.messages), bodies(letter(n) for n in range(3)), f"{answer}: looked for, so each is there once")
            same((len(taker.messages), home.ids()), (3, []), f"{answer}: nothing is sent again")


def test_looked_for_among_the_new():
    """The same Message-ID from before is another copy: what was sent again on purpose."""
    with Desk() as home, Taker() as taker, Keeper(("LITERAL+",), answers=["ok", "cut"]) as keeper:
        home.set_up("imap", taker.port, keeper.port)
        home.put(message=letter(0))
        home.deliver()
        home.put(message=letter(0))
        home.deliver()
        home.later(100)
        home.deliver()
        same((len(keeper.messages), home.ids()), (2, []), "an earlier copy is not taken for this one")


def test_server_down():
    with Desk() as home, Taker() as taker:
        home.set_up("imap", taker.port, 1)
        ids = [home.put(message=letter(n)) for n in range(3)]
        home.deliver()
        same((len(taker.messages), home.ids()), (3, ids), "IMAP server down: delivered, and kept for the copy")
        listed = home.tappal("queue", "list").stdout
        matches(listed, r"delivered, the copy for `sent` is still to be made; next try in", "queue list says so")
        matches(home.tappal("queue", "show", ids[0]).stdout, r"copy +not made yet: .*127.0.0.1", "queue show says why")
        matches(home.tappal("queue", "explain", ids[0]).stdout, r"state +delivered, the copy", "queue explain says so")
        matches(home.tappal("queue", "list", "--json").stdout, r'"copy":"due","copy_said":"', "queue list --json says so")
        matches(home.tappal("status").stdout, r"3 of them are delivered and wait only for the copy", "status says so")
        matches(home.tappal("status", "--json").stdout, r'"copies":3', "status --json says so")
        bounced = home.tappal("queue", "bounce", ids[0])
        ok(bounced.returncode != 0 and "was delivered" in bounced.stderr and len(home.ids()) == 3, "what was delivered does not go back", bounced)
        with Keeper() as keeper:
            home.set_up("imap", taker.port, keeper.port)
            home.later(100)
            home.deliver()
            same((len(keeper.messages), len(taker.messages), home.ids()), (3, 3, []), "IMAP server up again: copies are made, nothing is sent again")


def test_removed():
    with Desk() as home, Taker() as taker:
        home.set_up("imap", taker.port, 1)
        ident = home.put()
        home.deliver()
        removed = home.tappal("queue", "remove", ident)
        ok("it was delivered, and no copy is made" in removed.stdout and not home.ids(), "queue remove does without the copy", removed)


def test_standing_runner():
    with Desk() as home, Taker() as taker, Keeper(("LITERAL+",)) as keeper:
        home.set_up("imap", taker.port, keeper.port)
        for n in range(5):
            home.put(message=letter(n))
        with subprocess.Popen([BUILD / "tappal-deliver", "--watch", "--queue", home.queue], env=home.environment()) as child:
            wait_until(lambda: len(keeper.messages) == 5 and not home.ids())
            child.terminate()
        same((len(taker.messages), len(keeper.messages), home.ids()), (5, 5, []), "a standing runner makes copies")


def test_given_up():
    with Desk() as home, Taker() as taker:
        home.set_up("imap", taker.port, 1, notify=True)
        ident = home.put()
        home.deliver()
        home.later(6 * 86400)
        home.deliver()
        same(home.ids(), [ident], "six days asleep: the first try behind it is not the last one")
        home.later(5 * 3600)
        home.deliver()
        same((home.ids(), home.ids("failed"), len(taker.messages)), ([], [ident], 1), "given up: kept in failed/")
        matches((home.dir / "told").read_text(), "^not-copied .*127.0.0.1", "given up: the person's command is told")
        matches(home.logged(), r"copy given up id=", "given up: logged")
        matches(home.tappal("queue", "list").stdout, r"delivered and kept, since no copy could be made: .*127.0.0.1", "given up: queue list says why")
        with Keeper() as keeper:
            home.set_up("imap", taker.port, keeper.port)
            home.tappal("queue", "retry", ident)
            wait_until(lambda: not home.ids())  # it starts a deliverer
            same((len(keeper.messages), len(taker.messages), home.ids(), home.ids("failed")), (1, 1, [], []), "brought back: the copy is made, nothing is sent again")


def test_recipients():
    with Desk() as home, Taker({"eve@example.org": "450 later", "joe@example.org": "550 never"}) as taker, Keeper() as keeper:
        home.set_up("imap", taker.port, keeper.port)
        ident = home.put("bob@example.org", "eve@example.org")
        home.deliver()
        same((len(keeper.messages), home.ids()), (1, [ident]), "one of two delivered: the copy is made at once")
        taker.refuse.clear()
        home.later(100)
        home.deliver()
        same((len(keeper.messages), len(taker.messages), home.ids()), (1, 2, []), "the other one later: no second copy")
        taker.refuse["joe@example.org"] = "550 never"
        home.put("joe@example.org", message=letter(2))
        home.deliver()
        same((len(keeper.messages), home.ids()), (1, []), "refused: no copy")
        reports = len(home.reports())
        home.put("bob@example.org", "joe@example.org", message=letter(3))
        home.deliver()
        same((len(keeper.messages), len(home.reports()), home.ids()), (2, reports + 1, []), "one delivered, one refused: a copy and a report")


def test_not_of_reports():
    """Ours go by SMTP where there is no maildir."""
    with Desk() as home, Taker({"joe@example.org": "550 never"}) as taker:
        home.set_up(f"maildir {home.dir}/Sent", taker.port)
        home.put("joe@example.org")
        home.deliver()
        same((len(taker.messages), home.copies(), home.ids()), (1, [], []), "a report of ours is sent, and not copied")


def test_not_where_the_server_does_it():
    with Desk() as home, Taker() as taker, Keeper(("X-GM-EXT-1",)) as keeper:
        home.set_up("imap", taker.port, keeper.port)
        for n in range(3):
            home.put(message=letter(n))
        home.deliver()
        same((keeper.messages, keeper.logins, home.ids()), ([], 1, []), "Gmail: no copy is added")
        same(home.logged().count("keeps a copy of what is sent by itself"), 1, "Gmail: said once")


def test_said_beforehand():
    with Desk() as home:
        home.set_up("imap", 465, 1993, host="smtp.gmail.com", tls="implicit")
        matches(home.tappal("check").stdout, r"sent = imap. adds nothing: smtp.gmail.com keeps a copy.*is sound", "Gmail: check says so")
        matches(home.tappal("account", "show", "work").stdout, r"sent = imap", "account show shows the option")


def test_changed_mind():
    with Desk() as home, Taker() as taker:
        home.set_up("imap", taker.port, 1)
        home.put()
        home.deliver()
        home.set_up("off", taker.port)
        home.later(100)
        home.deliver()
        same((home.ids(), len(taker.messages)), ([], 1), "sent = off meanwhile: the message is done")
        home.set_up(f"maildir {home.dir}/Sent", 1)
        home.put()
        home.deliver()
        same(home.copies(), [], "not delivered: no copy")


def test_nobody_is_kept_waiting():
    with Desk() as home, Taker() as taker, Peer("delay 1\nS: * BYE later\n", limit=20) as keeper:
        home.set_up("imap", taker.port, keeper.port)
        ident = home.put()
        run = home.deliver(ident)
        same((run.verdicts(), run.lines[-1]), (["0 delivered 250 -"], "end"), "who waits hears the verdict")
    with Desk() as home, Taker() as taker, Keeper() as keeper:
        home.set_up("imap", taker.port, keeper.port)
        run = home.deliver(home.put())
        same((run.verdicts(), len(keeper.messages), home.ids()), (["0 delivered 250 -"], 1, []), "who waits hears the verdict, and the copy comes behind")
    with Desk() as home, Taker() as taker:
        (home.dir / "Sent").write_text("in the way")
        home.set_up(f"maildir {home.dir}/Sent", taker.port)
        ident = home.put()
        run = home.deliver(ident)
        same((run.status, run.verdicts(), home.ids()), (0, ["0 delivered 250 -"], [ident]), "a maildir that cannot be: delivered, and kept for the copy")


def test_damaged_meanwhile():
    with Desk() as home, Taker() as taker:
        home.set_up("imap", taker.port, 1)
        ident = home.put()
        home.deliver()
        path = home.queue / "msg" / ident
        path.write_bytes(path.read_bytes().replace(b"Hello", b"Jello"))
        with Keeper() as keeper:
            home.set_up("imap", taker.port, keeper.port)
            home.later(100)
            home.deliver()
            same((keeper.messages, home.ids()), ([], [ident]), "damaged: no copy of it")
            matches(home.logged(), "not copied .*is damaged", "damaged: said")


for name, test in sorted(globals().copy().items(), key=lambda pair: getattr(pair[1], "__code__", letter.__code__).co_firstlineno):
    if re.match("test_", name):
        test()
done()
