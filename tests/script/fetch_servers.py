#!/usr/bin/python3
"""fetch_servers - the well-known servers' ways, each played by a script: what is odd about them costs no message, and what they
want is done. And silence, and chatter, in every state.

run: limit=150
"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import fetching     # noqa: E402
import tap          # noqa: E402
from imap_script import BYE, CAPS, DONE, described, listed, message, opened, sign_in  # noqa: E402

A = [b"a\n"]
TAKEN = message(1, b"a\r\n") + DONE


def ask(uids="1", mark=""):
    return f"C: {{tag}} UID FETCH {uids} (UID RFC822.SIZE INTERNALDATE{mark} BODY.PEEK[])\n"


def greeted(caps, greeting="hello", after=None):
    """Signed in by AUTHENTICATE PLAIN; `after`: the capabilities that are told then, by themselves or not at all."""
    told = f"S: {{tag}} OK [CAPABILITY {after}] in\n" if after else "S: {tag} OK in\n" + f"C: {{tag}} CAPABILITY\nS: * CAPABILITY {caps}\nS: {{tag}} OK\n"
    return f"S: * OK [CAPABILITY {caps}] {greeting}\nC: {{tag}} AUTHENTICATE PLAIN *\n{told}"


NAMED = 'C: {id} ID ("name" "tappal" "version" "*")\n'
ONE_LISTED = listed([1])

# name, conversation, and what comes of it
SERVERS = [
    ("Gmail: HIGHESTMODSEQ without text, capabilities untagged, X-GM-MSGID",
     "S: * OK Gimap ready for requests\nC: {tag} CAPABILITY\nS: * CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN X-GM-EXT-1\nS: {tag} OK Thats all she wrote!\n"
     "C: {tag} AUTHENTICATE PLAIN *\nS: * CAPABILITY IMAP4rev1 UIDPLUS X-GM-EXT-1 COMPRESS=DEFLATE\nS: {tag} OK ada authenticated (Success)\n"
     + opened(1, 2).replace("S: {tag} OK open", "S: * OK [HIGHESTMODSEQ 5]\nS: * FLAGS (\\Answered $NotPhishing)\nS: * OK [PERMANENTFLAGS ()] Flags permitted.\nS: {tag} OK [READ-ONLY] INBOX selected. (Success)")
     + ONE_LISTED + ask(mark=" X-GM-MSGID") + message(1, b"a\r\n", extra=" X-GM-MSGID 1278455344230334865") + DONE + BYE, {"mail": A}),
    ("Gmail: the size is another than was said", sign_in() + opened(1, 2) + listed([1], size=4711) + ask() + message(1, b"a\r\n", extra=" RFC822.SIZE 4711") + DONE + BYE, {"mail": A}),
    ("Outlook: no capabilities after the sign-in; the size is wrong", greeted("IMAP4 IMAP4rev1 SASL-IR AUTH=PLAIN UIDPLUS MOVE ID CHILDREN IDLE NAMESPACE LITERAL+", "The Microsoft Exchange IMAP4 service is ready.")
     + NAMED + "S: * ID NIL\nS: {id} OK ID completed.\n" + opened(1, 2) + ONE_LISTED + ask() + TAKEN + BYE, {"mail": A}),
    ("Outlook: authenticated but not connected", "S: * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] ready\nC: {tag} AUTHENTICATE PLAIN *\nS: {tag} OK [CAPABILITY IMAP4rev1] AUTHENTICATE completed.\n"
     + 'C: {tag} EXAMINE "INBOX"\nS: {tag} BAD User is authenticated but not connected.\n' + BYE, {"status": 69, "err": "authenticated but not connected"}),
    ("Outlook: a calendar item that cannot be had, among others", sign_in() + opened(2, 3) + listed([1, 2]) + ask("1:2") + message(1, b"a\r\n")
     + "S: * 2 FETCH (UID 2 BODY[] {0}\nS: )\nS: {tag} NO Some messages could not be FETCHed (Failure)\n" + ask("2") + "S: {tag} BAD Command Argument Error. 11\n"
     + "C: {tag} UID SEARCH UID 2\nS: * SEARCH 2\nS: {tag} OK\n" + BYE, {"mail": A, "status": 76, "err": r"UID 2\): Command Argument Error"}),
    ("Yahoo: a blank behind SEARCH's numbers, a gap in FETCH", sign_in() + opened(2, 3) + listed([1, 2]).replace("* SEARCH 1 2", "* SEARCH 1 2 ") + ask("1:2") + TAKEN + ask("2") + message(2, b"a\r\n") + DONE + BYE,
     {"mail": A * 2}),
    ("Yahoo: a gap in a list that is too long for one SEARCH", sign_in() + opened(3, 7002) + "C: {tag} UID FETCH 1:* (UID RFC822.SIZE INTERNALDATE)\n" + described([1, 7001]) + "S: {tag} OK listed\n"
     + "C: {tag} UID SEARCH UID 1:5000\nS: * SEARCH 1 2\nS: {tag} OK\nC: {tag} UID SEARCH UID 5001:*\nS: * SEARCH 7001\nS: {tag} OK\n" + ask("1:2,7001") + TAKEN.replace(DONE, "") + message(2, b"a\r\n") + message(7001, b"a\r\n") + DONE + BYE,
     {"mail": A * 3}),
    ("such a list without a gap", sign_in() + opened(2, 7002) + "C: {tag} UID FETCH 1:* (UID RFC822.SIZE INTERNALDATE)\n" + described([1, 7001]) + "S: {tag} OK listed\n" + ask("1,7001") + TAKEN.replace(DONE, "") + message(7001, b"a\r\n") + DONE + BYE,
     {"mail": A * 2}),
    ("no UIDNEXT, and a gap", sign_in() + opened(2, 3).replace("S: * OK [UIDNEXT 3] ok\n", "") + "C: {tag} UID FETCH 1:* (UID RFC822.SIZE INTERNALDATE)\n" + described([2]) + "S: {tag} OK listed\nC: {tag} UID SEARCH UID 1:*\nS: * SEARCH 1 2\nS: {tag} OK\n"
     + ask("1:2") + TAKEN.replace(DONE, "") + message(2, b"a\r\n") + DONE + BYE, {"mail": A * 2}),
    ("iCloud: an OK without the message, which comes when asked for alone", sign_in(CAPS + " XAPPLEPUSHSERVICE") + opened(1, 2) + ONE_LISTED + ask() + DONE + ask() + TAKEN + BYE, {"mail": A}),
    ("163: no folder without ID, which goes out after the sign-in", greeted("IMAP4rev1 ID SASL-IR AUTH=PLAIN UIDPLUS", "Coremail System IMap Server Ready(163com)", after="IMAP4rev1 ID UIDPLUS")
     + NAMED + 'S: * ID ("name" "Coremail Imap")\nS: {id} OK ID completed\n' + opened(1, 2) + ONE_LISTED + ask() + TAKEN + BYE, {"mail": A}),
    ("163: the folder is refused all the same", sign_in("IMAP4rev1 SASL-IR AUTH=PLAIN") + 'C: {tag} EXAMINE "INBOX"\nS: {tag} NO EXAMINE Unsafe Login. Please contact kefu@188.com for help\n' + BYE,
     {"status": 69, "err": "Unsafe Login"}),
    ("mail.de: ID is not understood", greeted("IMAP4rev1 ID SASL-IR AUTH=PLAIN UIDPLUS", after="IMAP4rev1 ID UIDPLUS") + NAMED + "S: {id} BAD invalid command\n" + opened(0, 1) + BYE, {}),
    ("Zoho: a negative HIGHESTMODSEQ", sign_in(CAPS + " CONDSTORE") + opened(1, 2).replace("S: {tag} OK open", "S: * OK [HIGHESTMODSEQ -1] ok\nS: {tag} OK open") + ONE_LISTED + ask() + TAKEN + BYE, {"mail": A}),
    ("Courier: * 0 FETCH", sign_in() + opened(1, 2) + ONE_LISTED.replace("S: {tag} OK listed", "S: * 0 FETCH (FLAGS ())\nS: {tag} OK listed") + ask() + "S: * 0 FETCH (FLAGS (\\Seen))\n" + TAKEN + BYE, {"mail": A}),
    ("Fastmail: SASL_IR and odd PERMANENTFLAGS", "S: * OK [CAPABILITY IMAP4rev1 SASL_IR AUTH=PLAIN] hello\nC: {tag} AUTHENTICATE PLAIN\nS: + \nC: *\nS: {tag} OK [CAPABILITY IMAP4rev1 UIDPLUS] in\n"
     + opened(1, 2).replace("S: {tag} OK open", "S: * OK [PERMANENTFLAGS (\\Answered \\Flagged \\* )] Limited\nS: {tag} OK open") + ONE_LISTED + ask() + TAKEN + BYE, {"mail": A}),
    ("mail.ru: sizes in floating point, answers without text", sign_in() + opened(1, 2).replace("OK open", "OK") + listed([1], size="9.37e+06").replace("OK listed", "OK").replace("OK found", "OK")
     + ask() + message(1, b"a\r\n", extra=" RFC822.SIZE 9.37e+06") + "S: {tag} OK\n" + BYE, {"mail": A}),
    ("Yandex: BYE again and again", sign_in() + opened(1, 2) + ONE_LISTED + ask() + TAKEN + "C: {tag} LOGOUT\n" + r"S| * BYE bye\r\n* BYE bye\r\n{tag} OK bye\r\n* BYE bye\r\n" + "\n", {"mail": A}),
    ("Proton Bridge: flags in the middle of everything", sign_in() + opened(1, 2) + "C: {tag} UID FETCH *:* (UID RFC822.SIZE INTERNALDATE)\nC: {search} UID SEARCH UID *\nS: * 1 FETCH (FLAGS (\\Seen))\n" + described([1])
     + "S: {tag} OK\nS: * 1 FETCH (UID 1 FLAGS ())\nS: * SEARCH 1\nS: {search} OK\n" + ask() + "S: * 1 FETCH (FLAGS (\\Seen))\n" + message(1, b"a\r\n") + "S: * 1 FETCH (UID 1 FLAGS (\\Seen))\n" + DONE + BYE, {"mail": A}),
]

# Where a conversation can fall silent, or be talked into.
STATES = [
    ("greeting", ""),
    ("capability", "S: * OK hello\nC: {tag} CAPABILITY\n"),
    ("sign-in", f"S: * OK [CAPABILITY {CAPS}] ready\nC: {{tag}} AUTHENTICATE PLAIN *\n"),
    ("opening", sign_in() + 'C: {tag} EXAMINE "INBOX"\n'),
    ("listing", sign_in() + opened(1, 2) + "C: {tag} UID FETCH 1:* (UID RFC822.SIZE INTERNALDATE)\nC: {search} UID SEARCH UID 1:*\n"),
    ("search", sign_in() + opened(1, 2) + "C: {tag} UID FETCH 1:* (UID RFC822.SIZE INTERNALDATE)\nC: {search} UID SEARCH UID 1:*\n" + described([1]) + "S: {tag} OK\n"),
    ("body", sign_in() + opened(1, 2) + ONE_LISTED + ask()),
    ("within a body", sign_in() + opened(1, 2) + ONE_LISTED + ask() + r"S| * 1 FETCH (UID 1 BODY[] {99}\r\nhalf" + "\n"),
]
CHATTER = ("S: * OK [APPENDUID 1 2] x\nS: * OK [COPYUID 1 2 3] x\nS: * OK [MODIFIED 7] x\nS: * OK [UNKNOWN-CTE] x\nS: * NO [ALERT] x\nS: * BAD x\nS: * 5 EXPUNGE\nS: * VANISHED (EARLIER) 1:99\n"
           "S: * FLAGS ()\nS: * 1 FETCH (MODSEQ (5))\nS: * LSUB () \"/\" x\nS: * LIST () NIL y\nS: * STATUS z (MESSAGES 7)\nS: * SEARCH 99\nS: * ESEARCH (TAG \"x\") UID ALL 77\nS: * ENABLED QRESYNC\nS: * QUOTA \"\" ()\nS: * NAMESPACE NIL NIL NIL\n")


def silence(house):
    """Nobody waits for ever, and nothing half-written is left."""
    for name, script in STATES:
        ada = house.person()
        fetching.run_case(ada, f"silence: {name}", script + "delay 5\n", "imap", status=69, err=".", whole=False, timeout=1)


def chatter(house):
    """Data and codes that nobody asked for change nothing, wherever they come."""
    parts = [sign_in(), opened(1, 2), ONE_LISTED, ask(), TAKEN, BYE]
    for at in range(1, len(parts)):
        head, _, tail = parts[at].partition("S: ") if "S: " in parts[at] else parts[at - 1:at] + ["", ""]
        if not tail:
            continue
        script = "".join(parts[:at]) + head + CHATTER + "S: " + tail + "".join(parts[at + 1:])
        script = script.replace("S: * SEARCH 99\nS: * ESEARCH (TAG \"x\") UID ALL 77\n", "") if at == 2 else script
        fetching.run_case(house.person(), f"chatter, {at}", script, "imap", mail=A, err=r"^(tappal-fetch: work: x\n)?$", whole=False)


def main():
    with fetching.Alone() as house:
        for name, script, expect in SERVERS:
            fetching.run_case(house.person(), name, script, "imap", **{"mail": [], **expect})
        silence(house)
        chatter(house)
    tap.done()


main()
