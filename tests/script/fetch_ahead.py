#!/usr/bin/python3
"""fetch_ahead - commands behind the sign-in, before its answer: when they are sent, what odd servers make of them, and
that no message is lost or doubled by it.

run: limit=120
"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import fetching  # noqa: E402
import tap       # noqa: E402

CAPS = "IMAP4rev1 SASL-IR AUTH=PLAIN ID UIDPLUS ESEARCH"
GREETING = f"S: * OK [CAPABILITY {CAPS}] ready\n"
SIGN_IN = GREETING + f"C: {{auth}} AUTHENTICATE PLAIN *\nS: {{auth}} OK [CAPABILITY {CAPS}] in\nC: {{id}} ID *\nS: {{id}} OK\n"
OPENED = "S: * {n} EXISTS\nS: * OK [UIDVALIDITY 7] ok\nS: * OK [UIDNEXT {next}] ok\nS: {{box}} OK open\n"
ASKED = ("C: {auth} AUTHENTICATE PLAIN *\nC: {caps} CAPABILITY\nC: {id} ID *\nC: {box} EXAMINE \"INBOX\"\nC: {list} UID FETCH 3:* (UID RFC822.SIZE INTERNALDATE)\n"
         "C: {search} UID SEARCH RETURN (ALL) UID 3:5002\nC: {bodies} UID FETCH 3:34 (UID RFC822.SIZE INTERNALDATE BODY.PEEK[])\n")
IN = f"S: {{auth}} OK in\nS: * CAPABILITY {CAPS}\nS: {{caps}} OK\nS: {{id}} OK\n"
REST = "S: {list} OK\nS: * ESEARCH (TAG \"x\") UID\nS: {search} OK\nS: {bodies} OK\n"
BYE = "C: {tag} LOGOUT\n"
LINE = "S: * 3 FETCH (UID 3 RFC822.SIZE 3 INTERNALDATE \"17-Jul-1996 02:44:25 -0700\")\n"
BODY = r"S| * 3 FETCH (UID 3 BODY[] {3}\r\nc\r\n)\r\n" + "\n"
NEW = OPENED.format(n=3, next=4)
FOUND = "S: * ESEARCH (TAG \"x\") UID ALL 3\nS: {search} OK\n"

FIRST = (SIGN_IN + "C: {box} EXAMINE \"INBOX\"\n" + OPENED.format(n=2, next=3)
         + "C: {list} UID FETCH 1:* *\nC: {search} UID SEARCH RETURN (ALL) UID 1:*\nS: * 1 FETCH (UID 1 RFC822.SIZE 3)\nS: * 2 FETCH (UID 2 RFC822.SIZE 3)\nS: {list} OK\n"
         "S: * ESEARCH (TAG \"x\") UID ALL 1:2\nS: {search} OK\nC: {tag} UID FETCH 1:2 *\n"
         r"S| * 1 FETCH (UID 1 BODY[] {3}\r\na\r\n)\r\n* 2 FETCH (UID 2 BODY[] {3}\r\nb\r\n)\r\n" + "\nS: {tag} OK\n" + BYE)
OLD = [b"a\n", b"b\n"]
LOCK_STEP = SIGN_IN + "C: {box} EXAMINE \"INBOX\"\n" + OPENED.format(n=2, next=3) + BYE

# name, the second run's conversation, what comes of it
CASES = [
    ("nothing new", GREETING + ASKED + IN + OPENED.format(n=2, next=3) + REST + BYE, {"mail": OLD}),
    ("one new message", GREETING + ASKED + IN + NEW + LINE + "S: {list} OK\n" + FOUND + BODY + "S: {bodies} OK\n" + BYE, {"mail": OLD + [b"c\n"]}),
    ("it comes before the list", GREETING + ASKED + IN + NEW + BODY + "S: {bodies} OK\n" + FOUND + LINE + "S: {list} OK\n" + BYE, {"mail": OLD + [b"c\n"]}),
    ("it comes before the folder is open", GREETING + ASKED + IN + BODY + "S: {bodies} OK\n" + NEW + FOUND + LINE + "S: {list} OK\n"
     + "C: {tag} UID FETCH 3 *\n" + BODY + "S: {tag} OK\n" + BYE, {"mail": OLD + [b"c\n"]}),
    ("its body is not there yet", GREETING + ASKED + IN + NEW + LINE + "S: {list} OK\n" + FOUND + "S: {bodies} OK\nC: {tag} UID FETCH 3 *\n" + BODY + "S: {tag} OK\n" + BYE,
     {"mail": OLD + [b"c\n"]}),
    ("it comes twice", GREETING + ASKED + IN + NEW + BODY + LINE + "S: {list} OK\n" + FOUND + BODY + "S: {bodies} OK\n" + BYE, {"mail": OLD + [b"c\n"]}),
    ("a message that is here comes again", GREETING + ASKED + IN + NEW + BODY.replace("UID 3", "UID 2") + LINE + "S: {list} OK\n" + FOUND + BODY + "S: {bodies} OK\n" + BYE,
     {"mail": OLD + [b"c\n"]}),
    ("cut in the middle of it", GREETING + ASKED + IN + NEW + LINE + r"S| * 3 FETCH (UID 3 BODY[] {9}\r\nc\r" + "\ncut\n", {"mail": OLD, "status": 69, "err": "hung up|closed|cut"}),
    ("another UIDVALIDITY: what was asked ahead is read over", GREETING + ASKED + IN + NEW.replace("UIDVALIDITY 7", "UIDVALIDITY 8") + BODY + LINE + REST,
     {"mail": OLD, "whole": False, "status": None}),
    ("the folder is refused", GREETING + ASKED + IN + "S: {box} NO not now\nS: {list} BAD\nS: {search} BAD\nS: {bodies} BAD\n" + BYE, {"mail": OLD, "status": 69, "err": "INBOX.*not now"}),
    ("the password is refused", GREETING + ASKED + "S: {auth} NO [AUTHENTICATIONFAILED] Wrong.\nS: {caps} BAD\n", {"mail": OLD, "status": 77, "err": "Wrong"}),
    ("another greeting", LOCK_STEP.replace("ID UIDPLUS", "ID"), {"mail": OLD}),
]


def second_run(house, name, script, mail=(), status=0, **options):
    ada = house.person()
    result, server = fetching.play(ada, FIRST, "imap", tls="implicit")
    tap.same((result.status, sorted(ada.fetched())), (0, OLD), f"{name}: the first run") or print("#", result, *server.transcript, sep="\n# ")
    memory = next(ada.state.glob("fetch/*/server"))
    server_port = f"@localhost:{server.port}\n"
    with fetching.peer.Peer(script, tls=True, limit=20) as again:
        memory.write_text(memory.read_text().replace(server_port, f"@localhost:{again.port}\n"))
        ada.account(fetch={"port": again.port, "tls_ca": again.ca, "auth": "plain", "timeout": 3})
        result = ada.run("tappal-fetch", limit=20)
        again.deadline = min(again.deadline, __import__("time").monotonic() + 1)
    if status is not None:
        tap.same(result.status, status, f"{name}: exit status") or print("#", result, *again.transcript, sep="\n# ")
        tap.matches(result.err, options.get("err", r"^$"), f"{name}: what is said")
    tap.same(sorted(ada.fetched()), mail, f"{name}: the messages")
    if options.get("whole", True):
        tap.ok(again.good, f"{name}: the conversation", *again.transcript)
    return memory.read_text()


def falling(house):
    """A server that loses its footing is met in lock step for a day."""
    for name, what in (("asks for the response again", "S: + \n"), ("hangs up", "cut\n"), ("speaks nonsense", "S: \n")):
        text = second_run(house, name, GREETING + ASKED + what, OLD, status=None, whole=False)
        tap.ok(int(text.splitlines()[0].split()[2]) > 0, f"{name}: remembered", text)
    ada = house.person()
    fetching.play(ada, FIRST, "imap", tls="implicit")
    memory = next(ada.state.glob("fetch/*/server"))
    with fetching.peer.Peer(LOCK_STEP, tls=True, limit=20) as again:
        text = memory.read_text().replace("tappal-imap 1 0", f"tappal-imap 1 {int(__import__('time').time()) - 1000}")
        memory.write_text(text.replace(text[text.index("@localhost:"):text.index("\ngreeting")], f"@localhost:{again.port}"))
        ada.account(fetch={"port": again.port, "tls_ca": again.ca, "auth": "plain", "timeout": 3})
        result = ada.run("tappal-fetch", limit=20)
    tap.ok(result.status == 0 and again.good, "in lock step for a day", *again.transcript)


def never_ahead(house):
    """Not where anybody may listen or answer in the server's name, not where signing in takes more than one step."""
    for name, how in (("no TLS", "off"), ("STARTTLS", "starttls")):
        ada = house.person()
        script = FIRST
        if how == "starttls":
            script = "S: * OK [CAPABILITY IMAP4rev1 STARTTLS] ready\nC: {tag} STARTTLS\nS: {tag} OK\nstarttls\nC: {tag} CAPABILITY\n" \
                     f"S: * CAPABILITY {CAPS}\nS: {{tag}} OK\n" + FIRST.replace(GREETING, "")
        result, server = fetching.play(ada, script, "imap", tls=how)
        tap.ok(result.status == 0 and server.good, f"{name}: fetched", result, *server.transcript)
        tap.ok(not list(ada.state.glob("fetch/*/server")), f"{name}: nothing is remembered that could be sent ahead by")


def main():
    with fetching.Alone() as house:
        for name, script, options in CASES:
            second_run(house, name, script, **options)
        falling(house)
        never_ahead(house)
    tap.done()


main()
