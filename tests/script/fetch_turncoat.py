#!/usr/bin/python3
"""fetch_turncoat - a server that changes its mind in the middle of a session: what it says late of an open folder loses no message,
and deletes none.

run: limit=60
"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import fetching     # noqa: E402
import tap          # noqa: E402
from imap_script import BYE, CAPS, DONE, ask, listed, message, opened, sign_in  # noqa: E402

A, B = b"a\n", b"b\n"
NEXT_TOO_FAR = "S: * OK [UIDNEXT 5] more has come\n"
DELETED = "C: {tag} UID STORE 1 +FLAGS.SILENT (\\Deleted)\nS: {tag} OK\nC: {tag} UID EXPUNGE 1\nS: {tag} OK\n"


def first(late="", examine="EXAMINE", caps=CAPS):
    """A folder of one message, which arrives; then what is said too late."""
    return sign_in(caps) + opened(1, 2, examine=examine) + listed([1]) + ask(1) + message(1, b"a\r\n") + late + DONE


def late_next(house):
    """What came after the list was made is fetched by the next run, whatever UIDNEXT was told meanwhile."""
    ada = house.person()
    fetching.run_case(ada, "UIDNEXT while messages come", first(NEXT_TOO_FAR) + BYE, "imap", mail=[A])
    fetching.run_case(ada, "what had come meanwhile", sign_in() + opened(2, 5) + listed([2]) + ask(2) + message(2, b"b\r\n") + DONE + BYE, "imap", mail=[A, B])


def empty_for_once(house):
    """A folder that is called empty, and is not the next time."""
    ada = house.person()
    fetching.run_case(ada, "called empty", sign_in() + opened(0, 2) + BYE, "imap")
    fetching.run_case(ada, "not empty after all", first() + BYE, "imap", mail=[A])


def late_modseq(house):
    """Flags that changed after the folder was opened are told by the next run."""
    caps = CAPS + " CONDSTORE"
    box = opened(1, 2).replace('EXAMINE "INBOX"', 'EXAMINE "INBOX" (CONDSTORE)').replace("S: {tag} OK open", "S: * OK [HIGHESTMODSEQ 50] ok\nS: {tag} OK open")
    body = "C: {tag} UID FETCH 1 (UID FLAGS RFC822.SIZE INTERNALDATE BODY.PEEK[])\n" + message(1, b"a\r\n", extra=" FLAGS ()") + "S: * OK [HIGHESTMODSEQ 99] later\n" + DONE
    ada = house.person()
    fetching.run_case(ada, "HIGHESTMODSEQ while messages come", sign_in(caps) + box + listed([1]) + body + BYE, "imap", mail=[A], flags="pull")
    changed = "C: {tag} UID FETCH 1:1 (UID FLAGS) (CHANGEDSINCE 50)\nS: * 1 FETCH (UID 1 FLAGS (\\Flagged) MODSEQ (60))\nS: {tag} OK\n"
    fetching.run_case(ada, "what had changed meanwhile", sign_in(caps) + box.replace(" 50]", " 99]") + changed + BYE, "imap", mail=[A], flags="pull")
    tap.same([p.name.partition(":")[2] for p in ada.maildir.glob("cur/*")], ["2,F"], "what had changed meanwhile: the flag is here")


def late_validity(house):
    """Numbers that mean other messages now are not used for deleting."""
    renumbered = "S: * OK [UIDVALIDITY 8] everything is new\n"
    ada = house.person()
    fetching.run_case(ada, "the numbers stay", first("S: * OK [UIDVALIDITY 7] as before\n", "SELECT") + DELETED + BYE, "imap", mail=[A], keep="no")
    ada = house.person()
    fetching.run_case(ada, "UIDVALIDITY while messages come", first(renumbered, "SELECT"), "imap", status=76, mail=[A], keep="no", whole=False,
                      err="numbers the messages of an open folder anew")


def main():
    with fetching.Alone() as house:
        late_next(house)
        empty_for_once(house)
        late_modseq(house)
        late_validity(house)
    tap.done()


if __name__ == "__main__":
    main()
