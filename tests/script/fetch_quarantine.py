#!/usr/bin/python3
"""fetch_quarantine - one message that cannot be had never stops a folder: it is asked for again alone, then set aside, told
once, listed by `tappal status`, and tried again when its time has come.

run: limit=100
"""
import json
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import fetching     # noqa: E402
import imap_script  # noqa: E402
import tap          # noqa: E402
from imap_script import BYE, DONE, ask, described, listed, message, opened  # noqa: E402

SIGN_IN = imap_script.sign_in()
SEARCH = "C: {tag} UID SEARCH UID 2\nS: * SEARCH 2\nS: {tag} OK\n"
REFUSED = ask(2) + "S: {tag} NO broken item\n" + SEARCH
ONE, TWO, THREE = (message(uid, b"a\r\n") for uid in (1, 2, 3))
DESCRIBE = "C: {tag} UID FETCH 2 (UID RFC822.SIZE INTERNALDATE)\n"


def status(ada, *args):
    result = ada.run("tappal", "status", *args)
    tap.ok(result.status in (0, 1), "tappal status", result)
    return json.loads(result.out) if "--json" in args else result.out


def later(ada, seconds):
    ada.env["TAPPAL_TEST_CLOCK"] = str(seconds)


def refused(house):
    """A message that is there and that the server does not hand out."""
    ada = house.person()
    first = SIGN_IN + opened(2, 3) + listed([1, 2]) + ask("1:2") + ONE + DONE + REFUSED + BYE
    run = fetching.run_case(ada, "refused", first, "imap", mail=[b"a\n"], status=76, err=r"UID 2\): broken item\n.*tappal status")
    tap.matches(run.out, r"1 new message, .*, 1 in quarantine: tappal status\n", "refused: the summary")
    quiet = SIGN_IN + opened(2, 3) + BYE
    run = fetching.run_case(ada, "refused: not asked for at once", quiet, "imap", mail=[b"a\n"])
    tap.matches(run.out, "no new messages, 1 in quarantine", "refused: still said in the summary")
    fetching.run_case(ada, "refused: others go on", SIGN_IN + opened(3, 4) + listed([3]) + ask(3) + THREE + DONE + BYE, "imap", mail=[b"a\n"] * 2)
    tap.matches(status(ada), r"work: .*\n  1 message in quarantine.*\n    INBOX/2: The server did not hand it out: broken item.*tried once", "status: for people")
    (entry,) = status(ada, "--json")["accounts"][0]["quarantine"]
    tap.same([entry[k] for k in ("folder", "uid", "tries")], ["INBOX", "2", 1], "status: for programs")
    tap.matches(status(ada, "--check"), "^WARNING: .*quarantine", "status: for monitoring")

    later(ada, 700)
    again = SIGN_IN + opened(3, 4) + DESCRIBE + described([2]) + DONE.replace("fetched", "described") + REFUSED
    fetching.run_case(ada, "refused again: nothing new is said", again + BYE, "imap", mail=[b"a\n"] * 2)
    fetching.run_case(ada, "refused again: it waits longer", SIGN_IN + opened(3, 4) + BYE, "imap", mail=[b"a\n"] * 2)
    later(ada, 700 + 3700)
    healed = SIGN_IN + opened(3, 4) + DESCRIBE + described([2]) + "S: {tag} OK\n" + ask(2) + TWO + DONE + BYE
    run = fetching.run_case(ada, "it comes at last", healed, "imap", mail=[b"a\n"] * 3)
    tap.ok("quarantine" not in run.out + status(ada), "and is in quarantine no more", run.out)


def gone(house):
    """What was refused and is there no more needs nothing."""
    ada = house.person()
    first = SIGN_IN + opened(2, 3) + listed([1, 2]) + ask("1:2") + ONE + DONE + REFUSED + BYE
    fetching.run_case(ada, "gone: refused", first, "imap", mail=[b"a\n"], status=76, err="UID 2")
    later(ada, 700)
    empty = SIGN_IN + opened(1, 3) + DESCRIBE + "S: {tag} OK\n" + ask(2) + DONE + SEARCH.replace("* SEARCH 2", "* SEARCH") + BYE
    run = fetching.run_case(ada, "gone: asked for, alone", empty, "imap", mail=[b"a\n"])
    tap.ok("quarantine" not in run.out, "gone: forgotten", run.out)
    fetching.run_case(ada, "gone: for good", SIGN_IN + opened(1, 3) + BYE, "imap", mail=[b"a\n"])


def keep_no(house):
    """Nothing in quarantine is deleted on the server."""
    ada = house.person()
    first = (SIGN_IN + opened(2, 3, examine="SELECT") + listed([1, 2]) + ask("1:2") + ONE + DONE + REFUSED
             + "C: {tag} UID STORE 1 +FLAGS.SILENT (\\Deleted)\nS: {tag} OK\nC: {tag} UID EXPUNGE 1\nS: {tag} OK\n" + BYE)
    fetching.run_case(ada, "keep = no", first, "imap", mail=[b"a\n"], status=76, err="UID 2", keep="no")


def deadly(house):
    """A message over which the server hangs up, again and again, stands in nobody's way."""
    ada = house.person()
    half = r"S| * 2 FETCH (UID 2 BODY[] {100}\r\nhalf" + "\ncut\n"
    both = SIGN_IN + opened(2, 3) + listed([1, 2])
    fetching.run_case(ada, "the server dies of it", both + ask("1:2") + half, "imap", status=69, err=".")
    fetching.run_case(ada, "again: the others first", both + ask(1) + ONE + DONE + ask(2) + half, "imap", mail=[b"a\n"], status=69, err=".")
    fetching.run_case(ada, "the third time", SIGN_IN + opened(2, 3) + listed([1, 2]) + ask(2) + half, "imap", mail=[b"a\n"], status=69, err=".")
    more = SIGN_IN + opened(3, 4) + listed([1, 2, 3]) + ask(3) + THREE + DONE + BYE
    run = fetching.run_case(ada, "then it is left alone", more, "imap", mail=[b"a\n"] * 2)
    tap.matches(run.out, "1 in quarantine", "and shown")
    ada = house.person()
    garbled = "S: * 2 FETCH (UID 2 BODY[] {9223372036854775808}\n"
    for number, script in enumerate((both + ask("1:2") + ONE + garbled, both + ask(2) + garbled, both + ask(2) + garbled, both + BYE)):
        fetching.run_case(ada, f"an answer that cannot be read, {number}", script, "imap", mail=[b"a\n"], status=76 if number < 3 else 0, err="." if number < 3 else "", whole=number == 3)


def listing(*messages):
    """Each (number, unique-id)."""
    return ("S: +OK ready\nC: CAPA\nS: +OK\nS: SASL PLAIN\nS: UIDL\nS: TOP\nS: .\nC: AUTH PLAIN *\nS: +OK in\nC: LIST\nS: +OK\n" + "".join(f"S: {n} 3\n" for n, _ in messages)
            + "S: .\nC: UIDL\nS: +OK\n" + "".join(f"S: {n} {uidl}\n" for n, uidl in messages) + "S: .\n")


def retr(number, text):
    return f"C: RETR {number}\n" + (f"S: +OK\nS: {text}\nS: .\n" if text else "S: -ERR broken\n")


def by_pop3(house):
    """--uid by POP3: what is in quarantine, and what was thrown away here, comes at once; and nothing is deleted there."""
    ada = house.person()
    both, bye = listing((1, "u1"), (2, "u2")), "C: QUIT\nS: +OK\n"
    fetching.run_case(ada, "POP3: refused", both + retr(1, None) + retr(2, "b") + bye, "pop3", mail=[b"b\n"], status=69, err="broken")
    fetching.run_case(ada, "POP3: not asked for at once", both + bye, "pop3", mail=[b"b\n"])
    (command,) = re.findall(r"hint: To try one at once: tappal fetch (work --uid INBOX/[0-9a-f]{32})\n", status(ada))
    one = {"args": command.split(), "keep": "no"}
    fetching.run_case(ada, "POP3: --uid, refused again", both + retr(1, None) + bye, "pop3", mail=[b"b\n"], status=69, err="broken", **one)
    (entry,) = status(ada, "--json")["accounts"][0]["quarantine"]
    tap.same((entry["folder"] + "/" + entry["uid"], entry["tries"]), (command.split()[-1], 2), "POP3: and waits longer")
    fetching.run_case(ada, "POP3: --uid, by its new number", listing((1, "u0"), (2, "u2"), (3, "u1")) + retr(3, "a") + bye, "pop3", mail=[b"a\n", b"b\n"], **one)
    tap.ok("quarantine" not in status(ada), "POP3: in quarantine no more")

    for path in ada.maildir.glob("new/*"):
        path.unlink()
    fetching.run_case(ada, "POP3: thrown away here, and not fetched by itself", both + bye, "pop3")
    fetching.run_case(ada, "POP3: --uid fetches it again", both + retr(1, "a") + bye, "pop3", mail=[b"a\n"], **one)
    fetching.run_case(ada, "POP3: --uid, though it is here", both + retr(1, "a") + bye, "pop3", mail=[b"a\n"], whole=False, **one)
    fetching.run_case(ada, "POP3: --uid of what is not there", listing((2, "u2")), "pop3", mail=[b"a\n"], status=65, err="There is no message [0-9a-f]{32} on the server.*\n  hint: It was deleted there", whole=False, **one)
    gone = "C: DELE 1\nS: +OK\nC: DELE 2\nS: +OK\n"
    fetching.run_case(ada, "POP3: keep = no takes them off the server, later", both + gone + bye, "pop3", mail=[b"a\n"], keep="no")


def main():
    with fetching.Alone() as house:
        by_pop3(house)
        refused(house)
        gone(house)
        keep_no(house)
        deadly(house)
    tap.done()


main()
