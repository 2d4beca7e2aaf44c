#!/usr/bin/python3
"""fetch_pop3 - tappal-fetch against POP3 servers that are odd, broken or hostile, and what it remembers of them.

run: limit=150
"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import fetching  # noqa: E402
import tap       # noqa: E402


def sign_in(more="UIDL\nTOP"):
    lines = "".join(f"S: {line}\n" for line in more.splitlines())
    return f"S: +OK ready\nC: CAPA\nS: +OK\nS: SASL PLAIN\n{lines}S: .\nC: AUTH PLAIN *\nS: +OK in\n"


def listing(*messages):
    """Each (number, size, unique-id)."""
    return ("C: LIST\nS: +OK\n" + "".join(f"S: {n} {size}\n" for n, size, _ in messages) + "S: .\n"
            "C: UIDL\nS: +OK\n" + "".join(f"S: {n} {uidl}\n" for n, _, uidl in messages) + "S: .\n")


def retr(n, text="a"):
    return f"C: RETR {n}\n" + rf"S| +OK\r\n{text}\r\n.\r\n" + "\n"


QUIT = "C: QUIT\nS: +OK bye\n"
DELE = "C: DELE {}\nS: +OK\n"

NO_UIDL = "C: LIST\nS: +OK\nS: 1 3\nS: .\nC: UIDL\nS: -ERR what\n"
NO_TOP = "C: TOP 1 0\nS: -ERR what\n"


def refused(words, capabilities=""):
    return f"S: +OK ready\nC: CAPA\nS: +OK\nS: SASL PLAIN\n{capabilities}S: .\nC: AUTH PLAIN *\nS: -ERR {words}\n"


def lines(what):
    """An answer that holds every octet but LF and CR, many times over."""
    return "S| " + what + " " + "".join(rf"\x{b:02x}" for b in range(256) if b not in (10, 13)) * 200 + r"\r\n" + "\n"


CASES = [
    ("one message", sign_in() + listing((1, 3, "u1")) + retr(1) + QUIT, {"mail": [b"a\n"]}),
    ("an empty mailbox", sign_in() + listing() + QUIT, {}),
    ("stuffed dots", sign_in() + listing((1, 9, "u1")) + retr(1, r"..\r\n...x\r\n.y") + QUIT, {"mail": [b".\n..x\ny\n"]}),
    ("a bare LF, dot, bare LF is text", sign_in() + listing((1, 9, "u1")) + retr(1, r"a\n.\nb") + QUIT, {"mail": [b"a\n.\nb\r\n"]}),
    ("NUL and 8-bit", sign_in() + listing((1, 9, "u1")) + retr(1, r"\x00\xff") + QUIT, {"mail": [b"\0\xff\n"]}),
    ("USER and PASS where there is no SASL", "S: +OK ready\nC: CAPA\nS: -ERR what\nC: USER ada@example.test\nS: +OK\nC: PASS correct horse\nS: +OK\n" + listing((1, 3, "u1")) + retr(1) + QUIT,
     {"mail": [b"a\n"]}),
    ("pipelining", sign_in("UIDL\nTOP\nPIPELINING") + "C: LIST\nC: UIDL\nS: +OK\nS: 1 3\nS: 2 3\nS: .\nS: +OK\nS: 1 u1\nS: 2 u2\nS: .\nC: RETR 1\nC: RETR 2\n"
     + r"S| +OK\r\na\r\n.\r\n+OK\r\nb\r\n.\r\n" + "\nC: DELE 1\nC: DELE 2\nS: +OK\nS: +OK\n" + QUIT, {"mail": [b"a\n", b"b\n"], "keep": "no"}),
    ("unique-ids with blanks, 8-bit, 8 kB", sign_in() + listing((1, 3, "  a  b "), (2, 3, "\u00fc"), (3, 3, "x" * 8000)) + retr(1, "a") + retr(2, "b") + retr(3, "c") + QUIT,
     {"mail": [b"a\n", b"b\n", b"c\n"]}),
    ("a size of -1", sign_in() + listing((1, -1, "u1")) + retr(1) + QUIT, {"mail": [b"a\n"]}),
    ("unique-ids of messages that are not there", sign_in() + listing((1, 3, "u1")).replace("S: 1 u1\n", "S: 1 u1\nS: 7 u7\nS: x\nS: 0 z\nS: 4294967296 y\n") + retr(1) + QUIT, {"mail": [b"a\n"]}),
    ("two messages of one unique-id", sign_in() + listing((1, 3, "u1"), (2, 3, "u1")) + "C: TOP 1 0\nS: +OK\nS: Subject: a\nS: .\nC: TOP 2 0\nS: +OK\nS: Subject: b\nS: .\n"
     + retr(1, "a") + retr(2, "b") + QUIT, {"mail": [b"a\n", b"b\n"]}),
    ("no unique-ids at all", sign_in("TOP") + listing((1, 3, "u1")).split("C: UIDL")[0] + "C: UIDL\nS: -ERR what\nC: TOP 1 0\nS: +OK\nS: Subject: a\nS: .\n" + retr(1) + QUIT, {"mail": [b"a\n"]}),
    ("no unique-ids, no TOP", sign_in("") + NO_UIDL + NO_TOP + retr(1, "Subject: a") + retr(1, "Subject: a") + QUIT, {"mail": [b"Subject: a\n"]}),
    ("no unique-ids, no TOP, and a message is refused", sign_in("") + listing((1, 3, "u1"), (2, 3, "u2")).split("C: UIDL")[0] + "C: UIDL\nS: -ERR what\n" + NO_TOP
     + "C: RETR 1\nS: -ERR broken\n" + retr(2) + retr(2) + QUIT, {"status": 69, "mail": [b"a\n"], "err": "broken"}),
    ("one message is refused", sign_in() + listing((1, 3, "u1"), (2, 3, "u2")) + "C: RETR 1\nS: -ERR broken\n" + retr(2, "b") + QUIT, {"status": 69, "mail": [b"b\n"], "err": "broken"}),
    ("an empty message", sign_in() + listing((1, 3, "u1"), (2, 3, "u2")) + "C: RETR 1\n" + r"S| +OK\r\n.\r\n" + "\n" + retr(2, "b") + DELE.format(2) + QUIT,
     {"status": 76, "mail": [b"b\n"], "err": "empty", "keep": "no"}),
    ("cut in the middle of the second message", sign_in() + listing((1, 3, "u1"), (2, 3, "u2")) + retr(1) + "C: RETR 2\n" + r"S| +OK\r\nhalf" + "\ncut\n", {"status": 69, "mail": [b"a\n"], "err": "."}),
    ("silence in the middle of a message", sign_in() + listing((1, 3, "u1")) + "C: RETR 1\n" + r"S| +OK\r\nhalf" + "\ndelay 4\n", {"status": 69, "err": "."}),
    ("numbers that do not rise", sign_in() + "C: LIST\nS: +OK\nS: 2 3\nS: 1 3\n", {"status": 76, "err": "sense", "whole": False}),
    ("LIST is refused", sign_in() + "C: LIST\nS: -ERR [SYS/TEMP] later\n", {"status": 75, "err": "later"}),
    ("IN-USE", refused("[IN-USE] locked"), {"status": 75, "err": "locked\n.*Another program has this mailbox open"}),
    ("LOGIN-DELAY", refused("[LOGIN-DELAY] wait"), {"status": 75, "err": "wait\n.*fetch less often"}),
    ("LOGIN-DELAY, and how long", refused("[LOGIN-DELAY] wait", "S: LOGIN-DELAY 900\n"), {"status": 75, "err": "wait\n.*every 900 seconds"}),
    ("SYS/TEMP", refused("[SYS/TEMP] disk"), {"status": 75, "err": "disk\n.*may pass"}),
    ("SYS/PERM", refused("[SYS/PERM] corrupt"), {"status": 69, "err": "does not let ada@example.test sign in: corrupt\n.*not the password"}),
    ("AUTH", refused("[AUTH] wrong"), {"status": 77, "err": "refused the password.*wrong"}),
    ("an unknown code", refused("[X-NEW] wrong"), {"status": 77, "err": "refused the password.*wrong"}),
    ("UTF8", sign_in("UIDL\nUTF8 USER").replace("C: AUTH", "C: UTF8\nS: +OK\nC: AUTH") + listing((1, 3, "u1")) + retr(1, r"\xc3\xa4") + QUIT, {"mail": [b"\xc3\xa4\n"]}),
    ("UTF8 is refused", sign_in("UIDL\nUTF8").replace("C: AUTH", "C: UTF8\nS: -ERR no\nC: AUTH") + listing((1, 3, "u1")) + retr(1) + QUIT, {"mail": [b"a\n"]}),
    ("UTF8 ahead of its answer", sign_in("UIDL\nUTF8\nPIPELINING").replace("C: AUTH PLAIN *\n", "C: UTF8\nC: AUTH PLAIN *\nS: -ERR no\n") + listing().replace("S: +OK\nS: .\nC: UIDL\n", "C: UIDL\nS: +OK\nS: .\n")
     + QUIT, {}),
    ("EXPIRE 0", sign_in("UIDL\nEXPIRE 0") + listing((1, 3, "u1")) + retr(1) + QUIT, {"mail": [b"a\n"], "err": "may delete mail with the session in which it was fetched.*keep"}),
    ("EXPIRE 7", sign_in("UIDL\nEXPIRE 7") + listing((1, 3, "u1")) + retr(1) + QUIT, {"mail": [b"a\n"], "err": "may delete mail after 7 days.*keep", "keep": "30d"}),
    ("EXPIRE 7, and keep is less", sign_in("UIDL\nEXPIRE 7") + listing((1, 3, "u1")) + retr(1) + QUIT, {"mail": [b"a\n"], "keep": "5d"}),
    ("EXPIRE of this user", sign_in("UIDL\nEXPIRE NEVER USER") + "C: CAPA\nS: +OK\nS: UIDL\nS: EXPIRE 1\nS: .\n" + listing() + QUIT, {"err": "may delete mail after 1 day,"}),
    ("EXPIRE of this user is not told", sign_in("UIDL\nEXPIRE 3 USER") + "C: CAPA\nS: -ERR no\n" + listing() + QUIT, {"err": "may delete mail after 3 days"}),
    ("every octet in the greeting", lines("-ERR"), {"status": 75, "err": r"\\x1b"}),
    ("every octet in a refusal", sign_in() + "C: LIST\n" + lines("-ERR"), {"status": 69, "err": r"\\x1b"}),
    ("every octet in a unique-id", sign_in() + listing((1, 3, "u1")).replace("S: 1 u1\n", lines("1")) + "C: TOP 1 0\nS: +OK\nS: Subject: a\nS: .\n" + retr(1) + QUIT, {"mail": [b"a\n"]}),
    ("no unique-id behind the number", sign_in() + listing((1, 3, "")) + "C: TOP 1 0\nS: +OK\nS: Subject: a\nS: .\n" + retr(1) + QUIT, {"mail": [b"a\n"]}),
    ("unique-ids of 1, 70 and 71 octets", sign_in() + listing((1, 3, "x"), (2, 3, "y" * 70), (3, 3, "y" * 71)) + retr(1, "a") + retr(2, "b") + retr(3, "c") + QUIT, {"mail": [b"a\n", b"b\n", b"c\n"]}),
    ("a message without a unique-id among others", sign_in() + listing((1, 3, "u1"), (2, 3, "u2")).replace("S: 2 u2\n", "") + "C: TOP 2 0\nS: +OK\nS: Subject: b\nS: .\n" + retr(1, "a") + retr(2, "b") + QUIT, {"mail": [b"a\n", b"b\n"]}),
    ("only a blank line", sign_in() + listing((1, 2, "u1")) + retr(1, "") + QUIT, {"mail": [b"\n"]}),
    ("a blank line first", sign_in() + listing((1, 5, "u1")) + retr(1, r"\r\na") + QUIT, {"mail": [b"\na\n"]}),
    ("a lone CR", sign_in() + listing((1, 5, "u1")) + retr(1, r"a\rb") + QUIT, {"mail": [b"a\rb\r\n"]}),
    ("a header line of 1 MB", sign_in() + listing((1, 5, "u1")) + retr(1, "X: " + "y" * 1000000) + QUIT, {"mail": [b"X: " + b"y" * 1000000 + b"\n"]}),
    ("RETR gives more than LIST said", sign_in() + listing((1, 1, "u1")) + retr(1, "longer") + QUIT, {"mail": [b"longer\n"]}),
    ("TOP gives the body too", sign_in("TOP") + NO_UIDL + "C: TOP 1 0\n" + r"S| +OK\r\nSubject: a\r\n\r\nbody\r\n.\r\n" + "\n" + retr(1) + QUIT, {"mail": [b"a\n"]}),
    ("a challenge that is none", "S: +OK ready\nC: CAPA\nS: +OK\nS: SASL PLAIN\nS: .\nC: AUTH PLAIN *\nS: + \xff???\n", {"status": 76, "err": ".", "whole": False}),
    ("a challenge of 1 MB", "S: +OK ready\nC: CAPA\nS: +OK\nS: SASL PLAIN\nS: .\nC: AUTH PLAIN *\nS: + " + "A" * 1000000 + "\n", {"status": 76, "err": ".", "whole": False}),
    ("silence: no greeting", "delay 4\n", {"status": 69, "err": "in time"}),
    ("silence behind the sign-in", sign_in() + "C: LIST\ndelay 4\n", {"status": 69, "err": "in time"}),
    ("silence behind QUIT", sign_in() + listing((1, 3, "u1")) + retr(1) + DELE.format(1) + "C: QUIT\ndelay 4\n", {"status": 69, "mail": [b"a\n"], "err": "again next time", "keep": "no"}),
    ("+OKAY is not +OK", "S: +OKAY ready\n", {"status": 76, "err": "POP3.*995"}),
    ("another protocol", "S: * OK IMAP4rev1\n", {"status": 76, "err": "POP3.*995"}),
    ("not now", "S: -ERR too busy\n", {"status": 75, "err": "too busy"}),
    ("STLS not offered", "S: +OK ready\nC: CAPA\nS: +OK\nS: SASL PLAIN\nS: .\n", {"tls": "starttls", "status": 69, "err": r"does not offer STLS \(STARTTLS\)\.\n  hint: .* tls = implicit, port 995\."}),
    ("STLS refused", "S: +OK ready\nC: CAPA\nS: +OK\nS: STLS\nS: .\nC: STLS\nS: -ERR not now\n", {"tls": "starttls", "status": 69, "err": "not now"}),
    ("words behind STLS's +OK", "S: +OK ready\nC: CAPA\nS: +OK\nS: STLS\nS: .\nC: STLS\n" + r"S| +OK begin\r\n+OK injected\r\n" + "\n", {"tls": "starttls", "status": 69, "err": "."}),
    ("an +OK to STLS before it was asked for", "S: +OK ready\nC: CAPA\n" + r"S| +OK\r\nSTLS\r\n.\r\n+OK begin\r\n" + "\neof\n", {"tls": "starttls", "status": 69, "err": "TLS"}),
    ("STLS, and all is asked anew", "S: +OK ready\nC: CAPA\nS: +OK\nS: STLS\nS: SASL LOGIN\nS: .\nC: STLS\nS: +OK begin\nstarttls\n" + sign_in().split("\n", 1)[1] + listing() + QUIT, {"tls": "starttls"}),
]


def second_runs(house):
    ada = house.person()
    fetching.run_case(ada, "deletion that QUIT did not confirm", sign_in() + listing((1, 3, "u1")) + retr(1) + DELE.format(1) + "C: QUIT\nS: -ERR disk\n", "pop3", status=75, mail=[b"a\n"], err="disk.*again next time",
                      keep="no")
    fetching.run_case(ada, "is asked for again without fetching", sign_in() + listing((1, 3, "u1")) + DELE.format(1) + QUIT, "pop3", mail=[b"a\n"], keep="no")
    fetching.run_case(ada, "the unique-id comes again: a new message", sign_in() + listing((1, 3, "u1")) + retr(1, "b") + DELE.format(1) + QUIT, "pop3", mail=[b"a\n", b"b\n"], keep="no")

    ada = house.person()
    fetching.run_case(ada, "a deletion that QUIT confirms", sign_in() + listing((1, 3, "u1"), (2, 3, "u2")) + retr(1) + retr(2, "b") + DELE.format(1) + DELE.format(2) + QUIT, "pop3", mail=[b"a\n", b"b\n"], keep="no")
    fetching.run_case(ada, "and the message is listed again: looked at once", sign_in() + listing((1, 3, "u1")) + retr(1) + DELE.format(1) + QUIT, "pop3", mail=[b"a\n", b"b\n"], keep="no")
    fetching.run_case(ada, "and again: known, and asked for again", sign_in() + listing((1, 3, "u1")) + DELE.format(1) + QUIT, "pop3", mail=[b"a\n", b"b\n"], keep="no")
    fetching.run_case(ada, "of another size: fetched and compared", sign_in() + listing((1, 4, "u1")) + retr(1) + DELE.format(1) + QUIT, "pop3", mail=[b"a\n", b"b\n"], keep="no")
    fetching.run_case(ada, "in the end it is not listed", sign_in() + listing() + QUIT, "pop3", mail=[b"a\n", b"b\n"], keep="no")
    fetching.run_case(ada, "and its name is free", sign_in() + listing((1, 4, "u1")) + retr(1, "c") + DELE.format(1) + QUIT, "pop3", mail=[b"a\n", b"b\n", b"c\n"], keep="no")

    ada = house.person()
    top = "C: TOP {} 0\nS: +OK\nS: Subject: {}\nS: {}\nS: .\n"
    nameless = (sign_in("TOP") + "C: LIST\nS: +OK\nS: 1 3\nS: 2 3\nS: 3 3\nS: .\nC: UIDL\nS: -ERR what\n" + top.format(1, "a", "Status: O") + top.format(2, "a", "X: y") + top.format(3, "a", "X: y"))
    fetching.run_case(ada, "no unique-ids, two of the same header", nameless + retr(1) + retr(2, "b") + retr(3, "c") + QUIT, "pop3", mail=[b"a\n", b"b\n", b"c\n"])
    fetching.run_case(ada, "the server's own notes in the header do not count", nameless.replace("Status: O", "Status: RO") + QUIT, "pop3", mail=[b"a\n", b"b\n", b"c\n"])

    ada = house.person()
    for mail in ((), [b"a\n"]):
        fetching.run_case(ada, f"EXPIRE is told once ({len(mail)})", sign_in("UIDL\nEXPIRE 0") + listing((1, 3, "u1")) + (retr(1) if not mail else "") + QUIT, "pop3", mail=[b"a\n"], err="^$" if mail else "EXPIRE 0")

    ada = house.person()
    fetching.run_case(ada, "keep = yes", sign_in() + listing((1, 3, "u1"), (2, 4, "u2")) + retr(1) + retr(2, "bb") + QUIT, "pop3", mail=[b"a\n", b"bb\n"])
    fetching.run_case(ada, "nothing new", sign_in() + listing((1, 3, "u1"), (2, 4, "u2")) + QUIT, "pop3", mail=[b"a\n", b"bb\n"])
    fetching.run_case(ada, "another size, the same message: no double", sign_in() + listing((1, 5, "u1"), (2, 4, "u2")) + retr(1) + QUIT, "pop3", mail=[b"a\n", b"bb\n"])
    fetching.run_case(ada, "and the new size is remembered", sign_in() + listing((1, 5, "u1"), (2, 4, "u2")) + QUIT, "pop3", mail=[b"a\n", b"bb\n"])
    fetching.run_case(ada, "another size, another message", sign_in() + listing((1, 9, "u1"), (2, 4, "u2")) + retr(1, "new") + QUIT, "pop3", mail=[b"a\n", b"bb\n", b"new\n"])
    fetching.run_case(ada, "keep = no takes them all off", sign_in() + listing((1, 9, "u1"), (2, 4, "u2")) + DELE.format(1) + DELE.format(2) + QUIT, "pop3", mail=[b"a\n", b"bb\n", b"new\n"], keep="no")

    ada = house.person()
    fetching.run_case(ada, "cut before QUIT", sign_in() + listing((1, 3, "u1")) + retr(1) + "C: DELE 1\ncut\n", "pop3", status=69, mail=[b"a\n"], err=".", keep="no")
    fetching.run_case(ada, "gone all the same: forgotten", sign_in() + listing() + QUIT, "pop3", mail=[b"a\n"], keep="no")
    fetching.run_case(ada, "so that its name is free", sign_in() + listing((1, 3, "u1")) + retr(1, "b") + DELE.format(1) + QUIT, "pop3", mail=[b"a\n", b"b\n"], keep="no")

    ada = house.person()
    fetching.run_case(ada, "one login", sign_in() + listing((1, 3, "u1")) + retr(1) + QUIT, "pop3", mail=[b"a\n"])
    fetching.run_case(ada, "another login, another mailbox", sign_in() + listing((1, 77, "u1")), "pop3", status=78, mail=[b"a\n"], err="does not look like the same", keep="no", login="eve")
    fetching.run_case(ada, "another login, the same mailbox", sign_in() + listing((1, 3, "u1"), (2, 3, "u2")) + retr(2, "b") + QUIT, "pop3", mail=[b"a\n", b"b\n"], login="ada")
    result, server = fetching.play(ada, sign_in() + listing((1, 3, "u1"), (2, 3, "u2"), (3, 30, "u3")), "pop3", args=("--dry-run",), login="ada")
    tap.ok(server.good and result.status == 0 and result.out == "work: INBOX: 1 new message, 30 bytes\n", "dry run", result, *server.transcript)
    result, server = fetching.play(ada, sign_in() + listing((1, 3, "u1"), (2, 3, "u2"), (3, 30, "u3")), "pop3", args=("--dry-run",), login="ada", keep="no")
    tap.same(result.out, "work: INBOX: 1 new message, 30 bytes, 3 would be deleted on the server\n", "dry run, keep = no")


def main():
    with fetching.Alone() as house:
        for name, script, expect in CASES:
            fetching.run_case(house.person(), name, script, "pop3", **expect)
        second_runs(house)
    tap.done()


main()
