#!/usr/bin/python3
"""fetch_flags - flags and deletions with IMAP servers that lie, refuse, or change their minds: what they say of a message
never deletes another one, and what was set here is not lost.

run: limit=120
"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import fetching  # noqa: E402
import tap       # noqa: E402

BOTH, SOME, NONE = " ENABLE CONDSTORE QRESYNC", " CONDSTORE", ""


def sign_in(caps):
    caps = "IMAP4rev1 SASL-IR AUTH=PLAIN UIDPLUS ESEARCH" + caps
    return f"S: * OK [CAPABILITY {caps}] ready\nC: {{tag}} AUTHENTICATE PLAIN *\nS: {{tag}} OK [CAPABILITY {caps}] in\n"


def opened(how="", verb="EXAMINE", modseq="[HIGHESTMODSEQ 50]", more="", count=2):
    return (f'C: {{tag}} {verb} "INBOX"{how}\n{more}S: * {count} EXISTS\nS: * OK [UIDVALIDITY 7] ok\nS: * OK [UIDNEXT 3] ok\nS: * OK {modseq} ok\n'
            "S: {tag} OK open\n")


def found(*uids):
    """Answers a SEARCH."""
    return "C: {tag} UID SEARCH RETURN (ALL) UID *\nS: * ESEARCH (TAG \"x\") UID" + (" ALL " + ",".join(map(str, uids)) if uids else "") + "\nS: {tag} OK\n"


def told(request, *lines):
    return f"C: {{tag}} UID FETCH 1:2 (UID FLAGS){request}\n" + "".join(f"S: * {line}\n" for line in lines) + "S: {tag} OK\n"


ENABLE = "C: {e} ENABLE QRESYNC\n"
QRESYNC = " (QRESYNC (7 50))"
BYE = "C: {tag} LOGOUT\n"
SAME = ("1 FETCH (UID 1 FLAGS ())", "2 FETCH (UID 2 FLAGS ())")


def first(caps):
    """The first run: two messages, and deletions begin to count."""
    how = " (CONDSTORE)" if caps else ""
    return (sign_in(caps) + opened(how) + "C: {list} UID FETCH 1:* *\nC: {search} UID SEARCH *\nS: * 1 FETCH (UID 1 RFC822.SIZE 3)\nS: * 2 FETCH (UID 2 RFC822.SIZE 3)\n"
            "S: {list} OK\nS: * ESEARCH (TAG \"x\") UID ALL 1:2\nS: {search} OK\nC: {tag} UID FETCH 1:2 (UID FLAGS *)\n"
            r"S| * 1 FETCH (UID 1 FLAGS () BODY[] {3}\r\na\r\n)\r\n* 2 FETCH (UID 2 FLAGS () BODY[] {3}\r\nb\r\n)\r\n" + "\nS: {tag} OK\n" + BYE)


# name, capabilities, what the person does before (message, letters), the second run, what is here then; and the third
CASES = [
    ("nothing has changed", BOTH, None, ENABLE + opened(QRESYNC) + BYE, {1: None, 2: None}, {}),
    ("VANISHED that is not so", BOTH, None, ENABLE + opened(QRESYNC, more="S: * VANISHED (EARLIER) 1:2,400\n") + found(1, 2) + BYE, {1: None, 2: None}, {}),
    ("VANISHED of one, and of strangers", BOTH, None, ENABLE + opened(QRESYNC, more="S: * VANISHED (EARLIER) 2:4294967295\n") + found() + BYE, {1: None}, {}),
    ("VANISHED that cannot be read", BOTH, None, ENABLE + 'C: {tag} EXAMINE *\nS: * VANISHED (EARLIER) 1:*\n', {1: None, 2: None}, {"status": 76, "err": "VANISHED|not a set", "whole": False}),
    ("QRESYNC is too much", BOTH, None, ENABLE + f'C: {{tag}} EXAMINE "INBOX"{QRESYNC}\nS: {{tag}} BAD what\n' + opened() + told("", *SAME) + found(1, 2) + BYE,
     {1: None, 2: None}, {}),
    ("no MODSEQ for this folder", BOTH, None, ENABLE + opened(QRESYNC, modseq="[NOMODSEQ]") + told("", "1 FETCH (UID 1 FLAGS (\\Seen))", SAME[1]) + found(1, 2) + BYE,
     {1: "S", 2: None}, {}),
    ("MODSEQ has gone back", SOME, None, opened(" (CONDSTORE)", modseq="[HIGHESTMODSEQ 20]") + told("", "1 FETCH (UID 1 FLAGS (\\Seen))", SAME[1]) + found(1, 2) + BYE,
     {1: "S", 2: None}, {}),
    ("changes only", SOME, None, opened(" (CONDSTORE)", modseq="[HIGHESTMODSEQ 60]") + told(" (CHANGEDSINCE 50)", "2 FETCH (FLAGS (\\Flagged) MODSEQ (55) UID 2)") + found(1, 2) + BYE,
     {1: None, 2: "F"}, {}),
    ("a FETCH line is missing", NONE, None, opened() + told("", SAME[0]) + found(1, 2) + BYE, {1: None, 2: None}, {}),
    ("a SEARCH finds less than FETCH", NONE, None, opened() + told("", *SAME) + found(1) + BYE, {1: None, 2: None}, {}),
    ("both leave one out, and a search for it finds it", NONE, None, opened() + told("", SAME[0]) + found(1) + found(2) + BYE, {1: None, 2: None}, {}),
    ("one is gone", NONE, None, opened(count=1) + told("", SAME[0]) + found(1) + found() + BYE, {1: None}, {}),
    ("SEARCH is refused", NONE, None, opened() + told("", SAME[0]) + "C: {tag} UID SEARCH *\nS: {tag} NO not now\n" + BYE, {1: None, 2: None}, {"status": 69, "err": "not now"}),
    ("a change of ours", SOME, (1, "S"), opened(" (CONDSTORE)", "SELECT") + told(" (CHANGEDSINCE 50)") + found(1, 2)
     + "C: {tag} UID STORE 1 (UNCHANGEDSINCE 50) +FLAGS.SILENT (\\\\Seen)\nS: {tag} OK\n".replace("\\\\", "\\") + BYE, {1: "S", 2: None},
     {"third": opened(" (CONDSTORE)") + told(" (CHANGEDSINCE 50)") + found(1, 2) + BYE}),
    ("a change of ours that meets another", SOME, (1, "S"), opened(" (CONDSTORE)", "SELECT") + told(" (CHANGEDSINCE 50)") + found(1, 2)
     + "C: {tag} UID STORE 1 (UNCHANGEDSINCE 50) +FLAGS.SILENT (\\Seen)\nS: {tag} OK [MODIFIED 1] not this one\n" + BYE, {1: "S", 2: None},
     {"third": opened(" (CONDSTORE)", "SELECT", modseq="[HIGHESTMODSEQ 51]") + told(" (CHANGEDSINCE 50)", "1 FETCH (UID 1 FLAGS (\\Flagged) MODSEQ (51))") + found(1, 2)
      + "C: {tag} UID STORE 1 (UNCHANGEDSINCE 51) +FLAGS.SILENT (\\Seen)\nS: {tag} OK\n" + BYE, "after": {1: "FS", 2: None}}),
    ("a change of ours is refused", SOME, (1, "S"), opened(" (CONDSTORE)", "SELECT") + told(" (CHANGEDSINCE 50)") + found(1, 2)
     + "C: {tag} UID STORE 1 *\nS: {tag} NO read-only\n" + BYE, {1: "S", 2: None}, {"status": 69, "err": "change flags: read-only"}),
    ("a flag that would not last", SOME, (1, "S"), opened(" (CONDSTORE)", "SELECT", more="S: * OK [PERMANENTFLAGS (\\Flagged)] some\n") + told(" (CHANGEDSINCE 50)") + found(1, 2) + BYE,
     {1: "S", 2: None}, {}),
]


def letters(ada):
    files = [p for sub in ("new", "cur") for p in (ada.maildir / sub).iterdir()]
    return {int(p.name.split("-")[2]): p.name.partition(":2,")[2] if p.parent.name == "cur" else None for p in files}


def run_case(house, name, caps, change, script, here, options):
    ada = house.person()
    settings = {"flags": "both", "deletions": "pull"}
    result, server = fetching.play(ada, first(caps), "imap", **settings)
    tap.ok(result.status == 0 and server.good, f"{name}: the first run", result, *server.transcript)
    if change:
        path = next(p for p in (ada.maildir / "new").iterdir() if f"-{change[0]:010}-" in p.name)
        path.rename(ada.maildir / "cur" / f"{path.name}:2,{change[1]}")
    for which, text, expected in ((name, script, here), (f"{name}, and again", options.get("third"), options.get("after", here))):
        if text is None:
            continue
        result, server = fetching.play(ada, sign_in(caps) + text, "imap", **settings)
        tap.same(result.status, options.get("status", 0), f"{which}: exit status") or print("#", result, *server.transcript, sep="\n# ")
        tap.matches(result.err, options.get("err", "^$"), f"{which}: what is said")
        tap.same(letters(ada), expected, f"{which}: what is here")
        if options.get("whole", True):
            tap.ok(server.good, f"{which}: the conversation", *server.transcript)


def main():
    with fetching.Alone() as house:
        for case in CASES:
            run_case(house, *case)
    tap.done()


main()
