#!/usr/bin/python3
"""fetch_imap - tappal-fetch against IMAP servers that are odd, broken or hostile: what can be used is, the rest ends
in a sentence, and nothing is stored or deleted that should not be.

run: limit=200
"""
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import fetching  # noqa: E402
import tap       # noqa: E402

CAPS = "IMAP4rev1 SASL-IR AUTH=PLAIN UIDPLUS"
SIGN_IN = f"""
S: * OK [CAPABILITY {CAPS}] ready
C: {{tag}} AUTHENTICATE PLAIN *
S: {{tag}} OK [CAPABILITY {CAPS}] in
"""


def box(uids, examine="EXAMINE", validity=7, following=None):
    """The folder is opened and listed: FETCH and SEARCH both name these UIDs."""
    following = following or max(uids, default=0) + 1
    lines = f"C: {{tag}} {examine} \"INBOX\"\nS: * {len(uids)} EXISTS\nS: * OK [UIDVALIDITY {validity}] ok\nS: * OK [UIDNEXT {following}] ok\nS: {{tag}} OK open\n"
    if uids:
        lines += "C: {tag} UID FETCH *:* (UID RFC822.SIZE INTERNALDATE)\nC: {search} UID SEARCH UID *\n"
        lines += "".join(f'S: * {i} FETCH (UID {u} RFC822.SIZE 10 INTERNALDATE "17-Jul-1996 02:44:25 -0700")\n' for i, u in enumerate(uids, 1))
        lines += f"S: {{tag}} OK listed\nS: * SEARCH {' '.join(map(str, uids))}\nS: {{search}} OK found\n"
    return lines


ASK = "C: {tag} UID FETCH {set} (UID RFC822.SIZE INTERNALDATE BODY.PEEK[])\n"
BYE = "C: {tag} LOGOUT\n"
ONE = r"S| * 1 FETCH (UID 1 BODY[] {6}\r\na\r\nb\r\n)\r\n" + "\n"
DONE = "S: {tag} OK fetched\n"


def body(text):
    """A message 1 that arrives as this literal."""
    return rf"S| * 1 FETCH (UID 1 BODY[] {{{len(text)}}}\r\n" + "".join("\\x%02x" % b for b in text) + r")\r\n" + "\n"


# name, what follows the sign-in, and what must come of it
FOLDER_CASES = [
    ("UID behind the text", box([1]) + ASK + r"S| * 1 FETCH (BODY[] {6}\r\na\r\nb\r\n UID 1)\r\n" + "\n" + DONE + BYE, {"mail": [b"a\nb\n"]}),
    ("a quoted text", box([1]) + ASK + "S: * 1 FETCH (UID 1 BODY[] \"short\")\n" + DONE + BYE, {"mail": [b"short"]}),
    ("unsolicited data everywhere", box([1]) + ASK + r"S| * 9 EXISTS\r\n* FLAGS (\\Seen)\r\n* 1 FETCH (FLAGS (\\Seen))\r\n* VANISHED 5\r\n* 3 RECENT\r\n"
     r"* OK [APPENDUID 38505 3955] what\r\n* OK [COPYUID 38505 304,319:320 3956:3958]\r\n* OK [HIGHESTMODSEQ]\r\n* X-UNKNOWN (a (b \x22c\x22)) {2}\r\nxy\r\n" + "\n" + ONE
     + "S: * STATUS INBOX (MESSAGES 0)\n" + DONE + BYE, {"mail": [b"a\nb\n"]}),
    ("a message nobody asked for", box([1]) + ASK + r"S| * 2 FETCH (UID 99 BODY[] {3}\r\nxxx)\r\n" + "\n" + ONE + DONE + BYE, {"mail": [b"a\nb\n"]}),
    ("the same message twice", box([1]) + ASK + ONE + ONE + DONE + BYE, {"mail": [b"a\nb\n"]}),
    ("a message that never says its UID", box([1]) + ASK + r"S| * 1 FETCH (BODY[] {3}\r\nxxx)\r\n" + "\n" + ONE + DONE + BYE, {"mail": [b"a\nb\n"]}),
    ("tags completed out of order", box([]).replace("* 0 EXISTS", "* 1 EXISTS").replace("UIDNEXT 1]", "UIDNEXT 2]")
     + "C: {tag} UID FETCH *:* (UID RFC822.SIZE INTERNALDATE)\nC: {search} UID SEARCH UID *\nS: * SEARCH 1 \nS: {search} OK\nS: * 1 FETCH (UID 1)\nS: {tag} OK\n"
     + ASK + ONE + DONE + BYE, {"mail": [b"a\nb\n"]}),
    ("an empty line first, no header (CVE-2021-44143)", box([1]) + ASK + body(b"\r\nx\r\n") + DONE + BYE, {"mail": [b"\nx\n"]}),
    ("NUL bytes", box([1]) + ASK + body(b"a\0b\r\n\0\0\r\n") + DONE + BYE, {"mail": [b"a\0b\n\0\0\n"]}),
    ("a lone CR keeps all bytes", box([1]) + ASK + body(b"a\r\nb\rc\r\n") + DONE + BYE, {"mail": [b"a\r\nb\rc\r\n"]}),
    ("a bare LF keeps all bytes", box([1]) + ASK + body(b"a\r\nb\nc\r\n") + DONE + BYE, {"mail": [b"a\r\nb\nc\r\n"]}),
    ("RFC822.SIZE that is no number", box([1]) + ASK + r"S| * 1 FETCH (UID 1 RFC822.SIZE 9.37e+06 BODY[] {1}\r\nx)\r\n" + "\n" + DONE + BYE, {"mail": [b"x"]}),
    ("a message left out of one list", box([1, 2]).replace("S: * 1 FETCH (UID 1 RFC822.SIZE 10 INTERNALDATE \"17-Jul-1996 02:44:25 -0700\")\n", "")
     + ASK + ONE + r"S| * 2 FETCH (UID 2 BODY[] {1}\r\nx)\r\n" + "\n" + DONE + BYE, {"mail": [b"a\nb\n", b"x"]}),
    ("one left out of an OK answer is asked for again", box([1, 2]) + ASK + ONE + DONE + ASK.replace("{set}", "2") + r"S| * 2 FETCH (UID 2 BODY[] {1}\r\nx)\r\n" + "\n" + DONE + BYE,
     {"mail": [b"a\nb\n", b"x"]}),
    ("one that has gone meanwhile", box([1, 2]) + ASK + ONE + DONE + ASK.replace("{set}", "2") + DONE + "C: {tag} UID SEARCH UID 2\nS: * SEARCH\nS: {tag} OK\n" + BYE, {"mail": [b"a\nb\n"]}),
    ("one that is there and never comes", box([1, 2]) + ASK + ONE + DONE + ASK.replace("{set}", "2") + "S: {tag} NO broken item\nC: {tag} UID SEARCH UID 2\nS: * SEARCH 2\nS: {tag} OK\n" + BYE,
     {"mail": [b"a\nb\n"], "status": 76, "err": r"UID 2\).*broken item.*hint"}),
    ("{0} and NIL are no messages", box([1, 2]) + ASK + r"S| * 1 FETCH (UID 1 BODY[] {0}\r\n)\r\n* 2 FETCH (UID 2 BODY[] NIL)\r\n" + "\n" + DONE
     + ASK.replace("{set}", "2") + ASK.replace("{tag}", "{two}").replace("{set}", "1") + DONE + "S: {two} OK\nC: {tag} UID SEARCH UID 1:2\nS: * SEARCH 1 2\nS: {tag} OK\n" + BYE,
     {"status": 76, "err": "2 of the messages"}),
    ("the newest first", box(range(1, 66)) + ASK.replace("{set}", "2:65") + ASK.replace("{tag}", "{two}").replace("{set}", "1")
     + "".join(ONE.replace("UID 1", f"UID {uid}") for uid in range(2, 66)) + DONE + ONE + "S: {two} OK\n" + BYE, {"mail": [b"a\nb\n"] * 65}),
    ("throttled", box([1]) + ASK + "S: {tag} BAD Request is throttled. Suggested Backoff Time: 5000 milliseconds\n", {"status": 75, "err": "throttled", "whole": False}),
    ("a literal of 2^63", box([1]) + ASK + "S: * 1 FETCH (UID 1 BODY[] {9223372036854775808}\n", {"status": 76, "err": "cannot be understood", "whole": False}),
    ("a literal of 2^64", box([1]) + ASK + "S: * 1 FETCH (UID 1 BODY[] {18446744073709551616}\n", {"status": 76, "whole": False, "err": "."}),
    ("a negative literal", box([1]) + ASK + "S: * 1 FETCH (UID 1 BODY[] {-1}\n", {"status": 76, "whole": False, "err": "."}),
    ("an empty literal length", box([1]) + ASK + "S: * 1 FETCH (UID 1 BODY[] {}\n", {"status": 76, "whole": False, "err": "."}),
    ("2^31 announced, then cut", box([1]) + ASK + "S: * 1 FETCH (UID 1 BODY[] {2147483648}\nS: abc\ncut\n", {"status": 69, "err": "hung up|closed|cut|end"}),
    ("4 GB announced, then silence", box([1]) + ASK + "S: * 1 FETCH (UID 1 BODY[] {4294967295}\nS: abc\ndelay 4\n", {"status": 69, "err": "."}),
    ("cut in the middle of the second message", box([1, 2]) + ASK + ONE + r"S| * 2 FETCH (UID 2 BODY[] {100}\r\nhalf" + "\ncut\n", {"status": 69, "mail": [b"a\nb\n"], "err": "."}),
    ("two texts in one response", box([1]) + ASK + r"S| * 1 FETCH (UID 1 BODY[] {1}\r\nx BODY[] {1}\r\ny)\r\n" + "\n", {"status": 76, "whole": False, "err": "twice"}),
    ("a wrong tag", box([1]) + ASK + ONE + "S: T999 OK fetched\n", {"status": 76, "mail": [b"a\nb\n"], "whole": False, "err": "not given"}),
    ("OKAY is not OK", box([1]) + ASK + ONE + "S: {tag} OKAY fetched\n", {"status": 76, "mail": [b"a\nb\n"], "whole": False, "err": "."}),
    ("a continuation out of nowhere", box([1]) + ASK + "S: + go on\n", {"status": 76, "whole": False, "err": "go on"}),
    ("BYE in the middle", box([1]) + ASK + "S: * BYE Session expired, \\x1b[2Jplease\ncut\n", {"status": 75, "err": "Session expired"}),
    ("a line of 70 kB", box([1]) + ASK + "S: * OK " + "x" * 70000 + "\n", {"status": 76, "whole": False, "err": "."}),
    ("names without end in a literal", box([1]) + ASK + "S: * 1 FETCH (UID 1 X-THING {900000000}\n", {"status": 76, "whole": False, "err": "more data"}),
    ("lists too deep", box([1]) + ASK + "S: * 1 FETCH (UID 1 X " + "(" * 50 + ")" * 50 + ")\n", {"status": 76, "whole": False, "err": "."}),
    ("no UIDVALIDITY", box([1]).split("C: {tag} UID")[0].replace("S: * OK [UIDVALIDITY 7] ok\n", "") + BYE, {"status": 76, "err": "UIDVALIDITY"}),
    ("the folder is refused", "C: {tag} EXAMINE \"INBOX\"\nS: {tag} NO [UNAVAILABLE] Unsafe Login\n" + BYE, {"status": 75, "err": "INBOX.*Unsafe Login"}),
]

GREETING_CASES = [
    ("PREAUTH before STARTTLS (CVE-2021-39272)", "S: * PREAUTH hello\n", {"tls": "starttls", "status": 69, "err": "before TLS"}),
    ("STARTTLS not offered", "S: * OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hello\n", {"tls": "starttls", "status": 69, "err": r"does not offer STARTTLS\.\n  hint: .* tls = implicit, port 993\."}),
    ("STARTTLS refused", "S: * OK [CAPABILITY IMAP4rev1 STARTTLS] hello\nC: {tag} STARTTLS\nS: {tag} NO not now\n", {"tls": "starttls", "status": 69, "err": "not now"}),
    ("a line before STARTTLS's OK", "S: * OK [CAPABILITY IMAP4rev1 STARTTLS] hello\nC: {tag} STARTTLS\nS: * OK first\nS: {tag} OK begin\n", {"tls": "starttls", "status": 69, "err": "TLS"}),
    ("words behind STARTTLS's OK", r"S: * OK [CAPABILITY IMAP4rev1 STARTTLS] hello" + "\nC: {tag} STARTTLS\n" + r"S| {tag} OK begin\r\n* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n" + "\n",
     {"tls": "starttls", "status": 69, "err": "."}),
    ("an OK to STARTTLS before it was asked for", r"S| * OK [CAPABILITY IMAP4rev1 STARTTLS] hello\r\nT1 OK begin\r\n" + "\neof\n", {"tls": "starttls", "status": 69, "err": "TLS"}),
    ("a referral is not followed", "S: * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hello\nC: {tag} AUTHENTICATE PLAIN *\nS: {tag} NO [REFERRAL imap://ada@127.0.0.1:1/] Elsewhere.\n",
     {"status": 77, "err": "Elsewhere"}),
    ("LOGINDISABLED", "S: * OK [CAPABILITY IMAP4rev1 LOGINDISABLED] hello\n", {"status": 77, "err": "."}),
    ("LOGIN where there is no SASL", "S: * OK hello\nC: {tag} CAPABILITY\nS: * CAPABILITY IMAP4rev1\nS: {tag} OK\nC: {tag} LOGIN \"ada@example.test\" \"correct horse\"\n"
     "S: {tag} OK in\nC: {tag} CAPABILITY\nS: * CAPABILITY IMAP4rev1\nS: {tag} OK\n" + box([]) + BYE, {}),
    ("no capability is taken from before TLS", "S: * OK [CAPABILITY IMAP4rev1 STARTTLS AUTH=PLAIN SASL-IR] hello\nC: {tag} STARTTLS\nS: {tag} OK begin\nstarttls\nC: {tag} CAPABILITY\n"
     "S: * CAPABILITY IMAP4rev1 AUTH=PLAIN\nS: {tag} OK\nC: {tag} AUTHENTICATE PLAIN\nS: + \nC: *\nS: {tag} OK in\nC: {tag} CAPABILITY\nS: * CAPABILITY IMAP4rev1 ID\nS: {tag} OK\n"
     "C: {id} ID (*)\nS: {id} BAD what\n" + box([]) + BYE, {"tls": "starttls"}),
    ("the password is refused", "S: * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hello\nC: {tag} AUTHENTICATE PLAIN *\nS: {tag} NO [AUTHENTICATIONFAILED] Wrong.\n", {"status": 77, "err": "Wrong"}),
    ("sign-in unavailable", "S: * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hello\nC: {tag} AUTHENTICATE PLAIN *\nS: {tag} NO [UNAVAILABLE] Later.\n", {"status": 75, "err": "Later"}),
    ("another protocol", "S: 220 smtp.example.test ESMTP\n", {"status": 76, "err": "does not speak IMAP.*993"}),
    ("a greeting of rubbish", r"S| \x00\xff\x1b[31m" + "x" * 3000 + r"\r\n" + "\n", {"status": 76, "err": "IMAP"}),
    ("BYE as greeting", "S: * BYE Too many connections\n", {"status": 75, "err": "Too many connections"}),
    ("an ALERT is shown after the sign-in, not before", "S: * OK [ALERT] send money\nC: {tag} CAPABILITY\nS: * CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN\nS: {tag} OK\nC: {tag} AUTHENTICATE PLAIN *\n"
     "S: * CAPABILITY IMAP4rev1\nS: {tag} OK in\nC: {tag} EXAMINE \"INBOX\"\nS: * OK [ALERT] quota soon reached\nS: * 0 EXISTS\nS: * OK [UIDVALIDITY 7] ok\nS: * OK [UIDNEXT 1] ok\nS: {tag} OK\n" + BYE,
     {"err": r"^(?!.*money).*quota soon reached"}),
]

LISTING = """C: {tag} LIST "" "*"
S: * LIST (\\HasNoChildren) "/" INBOX
S: * LIST () "/" "../../escape"
S: * LIST () "/" "/abs"
S: * LIST () "/" "a//b"
S| * LIST () "/" {5}\\r\\na\\x00b/c\\r\\n
S: * LIST () "/" cur
S: * LIST (\\Noselect) "/" Lists
S: * LIST () "/" &AC4ALg-
S: {tag} OK
"""


def hostile_names(house):
    """No folder is made outside of the maildir, whatever the server's names are."""
    for layout, names in (("maildir++", {".%2E%2E.%2E%2E.escape", ".cur", ".&AC4ALg-"}), ("nested", {"INBOX", "%2E.", "%63ur", "&AC4ALg-"})):
        ada = house.person()
        script = SIGN_IN + LISTING
        asked = ("INBOX", "../../escape", "cur", "&AC4ALg-")
        script += "".join(f'C: {{{tag}}} STATUS "{name}" (UIDNEXT UIDVALIDITY)\n' for tag, name in zip("abcd", asked))
        script += "".join(f"S: {{{tag}}} NO not now\n" for tag in "abcd")
        for name in asked:
            script += box([]).replace('"INBOX"', f'"{name}"')
        before = {p.name for p in house.dir.iterdir()}
        result, server = fetching.play(ada, script + BYE, "imap", folders="*", layout=layout)
        tap.ok(server.good, f"hostile names, {layout}: the conversation", *server.transcript, result)
        tap.same(result.status, 65, f"hostile names, {layout}: said by the exit status")
        tap.matches(result.err, r'"/abs" cannot be a folder here.*"a//b"', f"hostile names, {layout}: said")
        made = {p.name for p in ada.maildir.iterdir()} - {"cur", "new", "tmp"}
        tap.same(made, names, f"hostile names, {layout}: where they are")
        tap.same({p.name for p in house.dir.iterdir()}, before, f"hostile names, {layout}: nothing outside")
        tap.same({p.name for p in ada.home.iterdir()} - {".config", ".local", "Mail", "tappal.log"}, set(), f"hostile names, {layout}: nothing in the home")


def second_runs(house):
    """What is remembered from one run to the next."""
    ada = house.person()
    fetching.run_case(ada, "first run", SIGN_IN + box([1]) + ASK + ONE + DONE + BYE, "imap", mail=[b"a\nb\n"])
    fetching.run_case(ada, "n:* that gives the last message", SIGN_IN + box([2]).replace("FETCH (UID 2", "FETCH (UID 1").replace("SEARCH 2", "SEARCH 1") + BYE, "imap", mail=[b"a\nb\n"])
    store = 'C: {tag} UID FETCH 1 (UID RFC822.SIZE INTERNALDATE)\nS: * 1 FETCH (UID 1 RFC822.SIZE %d INTERNALDATE "17-Jul-1996 02:44:25 -0700")\nS: {tag} OK\n'
    fetching.run_case(ada, "not what it was: not deleted", SIGN_IN + box([], "SELECT", following=3) + store % 999 + BYE, "imap", status=76, mail=[b"a\nb\n"], err="another way", keep="no")
    other = ada.run("tappal-fetch", "--dry-run", "nobody")
    tap.ok(other.status == 78 and "nobody" in other.err, "an account that is not there", other)
    ada = house.person()
    fetching.run_case(ada, "a date and size are kept", SIGN_IN + box([1]) + ASK + r'S| * 1 FETCH (UID 1 RFC822.SIZE 6 INTERNALDATE "17-Jul-1996 02:44:25 -0700" BODY[] {6}\r\na\r\nb\r\n)\r\n' + "\n" + DONE + BYE,
                      "imap", mail=[b"a\nb\n"])
    tap.same([int(p.stat().st_mtime) for p in ada.maildir.glob("new/*")], [837596665], "INTERNALDATE is the file's time")
    gone = "C: {tag} UID STORE 1 +FLAGS.SILENT (\\Deleted)\nS: {tag} OK\n"
    fetching.run_case(ada, "without UIDPLUS only \\Deleted", SIGN_IN.replace(" UIDPLUS", "") + box([], "SELECT", following=2) + store % 6 + gone + BYE, "imap", mail=[b"a\nb\n"], err="UIDPLUS", keep="no")
    fetching.run_case(ada, "and only once", SIGN_IN + box([], "SELECT", following=2) + BYE, "imap", mail=[b"a\nb\n"], keep="no")
    tap.same(len(list(ada.state.glob("fetch/*/*.seen"))), 1, "one memory for one folder")


def unopened(house):
    """What the server tells without opening a folder decides whether it is opened."""
    state = "(UIDNEXT UIDVALIDITY)"
    ada = house.person()
    extended = SIGN_IN.replace("UIDPLUS", "UIDPLUS LIST-EXTENDED LIST-STATUS SPECIAL-USE")
    asks = f'C: {{tag}} LIST "" "*" RETURN (SPECIAL-USE STATUS {state})\n'

    def listing(inbox, lists, junk=2):
        return (f'S: * LIST () "/" INBOX\nS: * STATUS INBOX (UIDNEXT {inbox} UIDVALIDITY 7)\nS: * LIST () "/" Lists\nS: * STATUS "Lists" (MESSAGES 1 UIDVALIDITY 7 UIDNEXT {lists})\n'
                f'S: * LIST (\\Junk) "/" Rest\nS: * STATUS Rest (UIDNEXT {junk} UIDVALIDITY 7)\nS: {{tag}} OK\n')

    inbox = box([1]) + ASK + ONE + DONE
    lists = inbox.replace('"INBOX"', '"Lists"')
    wide = {"folders": '*, "!\\Junk"'}
    fetching.run_case(ada, "LIST-STATUS, first run", extended + asks + listing(2, 2) + inbox + lists + BYE, "imap", mail=[b"a\nb\n"] * 2, **wide)
    fetching.run_case(ada, "LIST-STATUS, nothing new: nothing is opened", extended + asks + listing(2, 2) + BYE, "imap", mail=[b"a\nb\n"] * 2, **wide)
    fetching.run_case(ada, "one folder has something", extended + asks + listing(2, 3) + (box([2]) + ASK + ONE.replace("UID 1", "UID 2") + DONE).replace('"INBOX"', '"Lists"') + BYE, "imap",
                      mail=[b"a\nb\n"] * 3, **wide)
    fetching.run_case(ada, "a STATUS that cannot be read: opened", extended + asks + listing(2, 3).replace("(MESSAGES 1 UIDVALIDITY 7 UIDNEXT 3)", "((((")
                      + f'C: {{tag}} STATUS "Lists" {state}\nS: {{tag}} NO\n' + box([], following=3).replace('"INBOX"', '"Lists"') + BYE, "imap", mail=[b"a\nb\n"] * 3, **wide)
    fetching.run_case(ada, "another UIDVALIDITY: opened", extended + asks + listing(2, 3).replace("INBOX (UIDNEXT 2 UIDVALIDITY 7)", "INBOX (UIDNEXT 2 UIDVALIDITY 8)")
                      + box([], validity=8) + BYE, "imap", mail=[b"a\nb\n"] * 3, **wide)
    fetching.run_case(ada, "the extended LIST is refused", extended + asks + 'S: {tag} BAD what\nC: {tag} LIST "" "*"\n' + listing(2, 3) + BYE, "imap", mail=[b"a\nb\n"] * 3, **wide)
    fetching.run_case(ada, "no LIST-STATUS: STATUS, ahead", SIGN_IN + 'C: {tag} LIST "" "*"\nS: * LIST () "/" INBOX\nS: * LIST () "/" Lists\nS: {tag} OK\n'
                      + f'C: {{one}} STATUS "INBOX" {state}\nC: {{two}} STATUS "Lists" {state}\nS: * STATUS Lists (UIDNEXT 3 UIDVALIDITY 7)\nS: * STATUS INBOX (UIDNEXT 2 UIDVALIDITY 7)\n'
                      "S: {two} OK\nS: {one} OK\n" + BYE, "imap", mail=[b"a\nb\n"] * 3, err="does not say which", **wide)
    fetching.run_case(ada, "by its use", extended + asks + listing(2, 3) + box([]).replace('"INBOX"', '"Rest"') + BYE, "imap", mail=[b"a\nb\n"] * 3, folders='"\\Junk"')
    fetching.run_case(ada, "a use that no folder has", extended + asks + listing(2, 3) + BYE, "imap", mail=[b"a\nb\n"] * 3, status=78, err=r"\\Sent.*It has: INBOX", folders='"\\Sent", INBOX')
    fetching.run_case(ada, "subscribed, LIST-EXTENDED", extended + f'C: {{tag}} LIST (SUBSCRIBED) "" "*" RETURN (SPECIAL-USE STATUS {state})\n' + listing(2, 3) + BYE, "imap", mail=[b"a\nb\n"] * 3,
                      subscribed="yes", **wide)
    fetching.run_case(ada, "subscribed, LSUB", SIGN_IN + 'C: {tag} LSUB "" "*"\nS: * LSUB () "/" INBOX\nS: {tag} OK\n' + box([], following=2) + BYE, "imap", mail=[b"a\nb\n"] * 3, subscribed="yes", **wide)


def filtered(house):
    """Only some messages; those that are left out are not forgotten."""
    ada = house.person()
    caps = SIGN_IN.replace("UIDPLUS", "UIDPLUS ESEARCH")
    opened = box([], following=4).replace("* 0 EXISTS", "* 3 EXISTS")

    def finds(program, found, uids=None):
        lines = f'C: {{tag}} UID SEARCH RETURN (ALL) UID 1:* {program}\nS: * ESEARCH (TAG "{{tag}}") UID ALL {found}\nS: {{tag}} OK\n'
        if uids:
            lines += f"C: {{tag}} UID FETCH {uids} (UID RFC822.SIZE INTERNALDATE)\n" + "".join(f"S: * {i} FETCH (UID {i} RFC822.SIZE 6)\n" for i in (1, 2, 3)) + "S: {tag} OK\n"
        return lines

    two = ASK.replace("{set}", "1,3") + ONE + ONE.replace("UID 1", "UID 3") + DONE
    both = {"unseen": "yes", "search": 'OR FROM ada SUBJECT "x y"'}
    fetching.run_case(ada, "unseen and search", caps + opened + finds('UNSEEN (OR FROM ada SUBJECT "x y")', "1,3", "1:3") + two + BYE, "imap", mail=[b"a\nb\n"] * 2, **both)
    fetching.run_case(ada, "nothing new", caps + opened + finds('UNSEEN (OR FROM ada SUBJECT "x y")', "1,3") + BYE, "imap", mail=[b"a\nb\n"] * 2, **both)
    fetching.run_case(ada, "max_age", caps + opened + finds("SINCE *", "3") + BYE, "imap", mail=[b"a\nb\n"] * 2, max_age="30d")
    wide = 'C: {tag} UID SEARCH CHARSET UTF-8 UID 1:* (SUBJECT {5+}\nC: gr\u00fcn NOT FROM "x y")\nS: * SEARCH\nS: {tag} OK\n'
    fetching.run_case(house.person(), "letters beyond ASCII", SIGN_IN.replace("UIDPLUS", "UIDPLUS LITERAL+") + opened + wide + BYE, "imap", search='SUBJECT gr\u00fcn NOT FROM "x y"')
    refused = 'C: {tag} UID SEARCH RETURN (ALL) UID 1:* (FROG ada)\nS: {tag} BAD what\n'
    fetching.run_case(ada, "a program that is none", caps + opened + refused + BYE, "imap", mail=[b"a\nb\n"] * 2, status=69, err="search for messages: what\n.*`search`", search="FROG ada")
    fetching.run_case(ada, "later without", SIGN_IN + box([1, 2, 3]) + ASK.replace("{set}", "2") + ONE.replace("UID 1", "UID 2") + DONE + BYE, "imap", mail=[b"a\nb\n"] * 3)
    fetching.run_case(house.person(), "POP3 knows no search", "", "pop3", status=78, err="POP3 knows nothing of `search`", whole=False, search="ALL", limit=3)
    ada = house.person()
    many = box([], following=7002).replace("* 0 EXISTS", "* 3 EXISTS")
    parts = "C: {tag} UID SEARCH UID 1:5000 UNSEEN\nS: * SEARCH\nS: {tag} OK\nC: {tag} UID SEARCH UID 5001:* UNSEEN\nS: * SEARCH 7001\nS: {tag} OK\n"
    listing = "C: {tag} UID FETCH 7001:7001 (UID RFC822.SIZE INTERNALDATE)\nS: {tag} OK\n"
    fetching.run_case(ada, "without ESEARCH, in parts", SIGN_IN + many + parts + listing + ASK.replace("{set}", "7001") + ONE.replace("UID 1", "UID 7001") + DONE + BYE, "imap", mail=[b"a\nb\n"], unseen="yes")


def afterwards(house):
    """Marked as read, and moved: only what is safe, and once."""
    ada = house.person()
    seen = "C: {tag} UID STORE 1 +FLAGS.SILENT (\\Seen)\nS: {tag} OK\n"
    fetching.run_case(ada, "mark_seen", SIGN_IN + box([1], "SELECT") + ASK + ONE + DONE + seen + BYE, "imap", mail=[b"a\nb\n"], mark_seen="yes")
    fetching.run_case(ada, "mark_seen, nothing new", SIGN_IN + box([], "SELECT", following=2) + BYE, "imap", mail=[b"a\nb\n"], mark_seen="yes")
    listing = 'C: {tag} LIST "" "*"\nS: * LIST () "/" INBOX\nS: * LIST (\\Archive) "." Old.&AOk-\nS: {tag} OK\n'
    fetch = box([1], "SELECT") + ASK + ONE + DONE
    gone = "C: {tag} UID STORE 1 +FLAGS.SILENT (\\Deleted)\nS: {tag} OK\nC: {tag} UID EXPUNGE 1\nS: {tag} OK\n"
    moved = 'C: {tag} UID MOVE 1 "Old.&AOk-"\nS: * OK [COPYUID 3 1 1] ok\nS: * 1 EXPUNGE\nS: {tag} OK\n'
    able = SIGN_IN.replace("UIDPLUS", "UIDPLUS MOVE")
    for name, target in (("by name", "Old/\u00e9"), ("by use", '"\\Archive"')):
        ada = house.person()
        fetching.run_case(ada, f"move_to, {name}", able + listing + fetch + moved + BYE, "imap", mail=[b"a\nb\n"], move_to=target, folders="*")
        fetching.run_case(ada, f"move_to, {name}: not again", able + listing + box([], "SELECT", following=2) + BYE, "imap", mail=[b"a\nb\n"], move_to=target, folders="*")
    ada = house.person()
    refused = 'C: {tag} UID MOVE 1 "Old.&AOk-"\nS: {tag} NO [TRYCREATE] no such folder\n'
    fetching.run_case(ada, "the move is refused", able + listing + fetch + refused + BYE, "imap", mail=[b"a\nb\n"], status=69, err="refused to move messages: no such", move_to="Old/\u00e9")
    known = 'C: {tag} UID FETCH 1 (UID RFC822.SIZE INTERNALDATE)\nS: * 1 FETCH (UID 1 RFC822.SIZE 0 INTERNALDATE "17-Jul-1996 02:44:25 -0700")\nS: {tag} OK\n'
    fetching.run_case(ada, "one that is described in another way stays", able + listing + box([], "SELECT", following=2) + known.replace("SIZE 0", "SIZE 7") + BYE, "imap", mail=[b"a\nb\n"], status=76,
                      err="another way", move_to="Old/\u00e9")
    ada = house.person()
    fetching.run_case(ada, "move_to without MOVE", SIGN_IN + listing + fetch + moved.replace("MOVE", "COPY").replace("S: * 1 EXPUNGE\n", "") + gone + BYE, "imap", mail=[b"a\nb\n"], move_to="Old/\u00e9")
    ada = house.person()
    fetching.run_case(ada, "a target that is not there", able + listing + fetch.replace("SELECT", "EXAMINE") + BYE, "imap", mail=[b"a\nb\n"], status=78, err='no folder "Older".*hint: Make it', move_to="Older")
    ada = house.person()
    fetching.run_case(ada, "keep = 30d: not yet", able + listing + fetch.replace("SELECT", "SELECT") + BYE, "imap", mail=[b"a\nb\n"], move_to="Old/\u00e9", keep="30d")
    fetching.run_case(ada, "keep = no and move_to", "", "imap", status=78, err="deletes what `move_to` would move", whole=False, mail=[b"a\nb\n"], move_to="Old", keep="no", limit=3)


def dry_run(house):
    ada = house.person()
    result, server = fetching.play(ada, SIGN_IN + box([1, 2]) + BYE, "imap", args=("--dry-run",), keep="no")
    tap.ok(server.good and result.status == 0, "dry run: the folder is only looked at", result, *server.transcript)
    tap.same(result.out, "work: INBOX: 2 new messages, 20 bytes, 2 would be deleted on the server\n", "dry run: what is new")
    tap.ok(not ada.maildir.exists(), "dry run: nothing is made")
    would_go(ada)


def would_go(ada):
    """--dry-run says what would be deleted or moved on the server: what is here already, if it is there still, and what would come."""
    three = SIGN_IN + box([1, 2, 3]) + ASK.replace("{set}", "1:3") + "".join(ONE.replace("UID 1", f"UID {u}") for u in (1, 2, 3)) + DONE + BYE
    mail = [b"a\nb\n"] * 3
    fetching.run_case(ada, "three come, and stay there", three, "imap", mail=mail)
    there = "C: {tag} UID SEARCH UID 1:3\nS: * SEARCH 1 3\nS: {tag} OK\n"
    listing = 'C: {tag} LIST "" "*"\nS: * LIST () "/" INBOX\nS: * LIST () "/" Old\nS: {tag} OK\n'
    for what, script, said, options in (
        ("keep = yes", box([1, 2, 3, 4]), "1 new message, 10 bytes", {}),
        ("keep = no", box([1, 3, 4]) + there, "1 new message, 10 bytes, 3 would be deleted on the server", {"keep": "no"}),
        ("keep = no, nothing new", box([], following=4) + there, "no new messages, 2 would be deleted on the server", {"keep": "no"}),
        ("keep = no, max_size", box([1, 3, 4]) + there, "1 new message, 10 bytes, 2 would be deleted on the server", {"keep": "no", "max_size": "5"}),
        ("keep = 30d", box([1, 3, 4]), "1 new message, 10 bytes", {"keep": "30d"}),
        ("move_to", listing + box([1, 3, 4]) + there, "1 new message, 10 bytes, 3 would be moved on the server", {"move_to": "Old"}),
        ("move_to a folder that is missing", listing + box([1, 3, 4]), "1 new message, 10 bytes", {"move_to": "Older", "err": "no folder", "status": 78}),
        ("numbered anew", box([], validity=8, following=9), "no new messages", {"keep": "no"}),
    ):
        result = fetching.run_case(ada, f"dry run, {what}", SIGN_IN + script + BYE, "imap", mail=mail, args=("--dry-run",), **options)
        tap.same(result.out, f"work: INBOX: {said}\n", f"dry run, {what}: what is said")
    check = fetching.run_case(ada, "--check", SIGN_IN + box([], following=4) + there + BYE, "imap", mail=mail, args=("--check",), keep="no", status=1)
    tap.same(check.out, "", "--check asks for new mail only")
    ada.env["TAPPAL_TEST_CLOCK"] = str(31 * 86400)
    result = fetching.run_case(ada, "dry run, 31 days later", SIGN_IN + box([], following=4) + there + BYE, "imap", mail=mail, args=("--dry-run", "--json"), keep="30d")
    tap.same(json.loads(result.out), {"event": "found", "account": "work", "folder": "INBOX", "messages": 0, "bytes": 0, "linked": 0, "moved": 0, "deleted": 2}, "dry run, 31 days later: for programs")


def main():
    with fetching.Alone() as house:
        for name, script, expect in FOLDER_CASES:
            fetching.run_case(house.person(), name, SIGN_IN + script, "imap", **expect)
        for name, script, expect in GREETING_CASES:
            fetching.run_case(house.person(), name, script, "imap", **expect)
        hostile_names(house)
        second_runs(house)
        unopened(house)
        filtered(house)
        afterwards(house)
        dry_run(house)
    tap.done()


main()
