#!/usr/bin/python3
"""hostile_smtp - a table walked through: at every reply of an SMTP server, every way to answer wrongly. What must follow is
no list but a rule, that of whose failure it is: a host's or an account's fault is nobody's verdict and reports nothing; a
message's is its verdict; only where the end of the data may have been taken is there doubt.

run: limit=300
"""
import base64
import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import tap                      # noqa: E402
from deliver_home import Home   # noqa: E402
from peer import Peer           # noqa: E402

LIMIT = 25
HELLO = "S: 220 mail.example.test\nC: EHLO *\n"
SIGNED = {"password": "Secret-7of-Ada"}
PLAIN = HELLO + "S: 250-mail.example.test\nS: 250 8BITMIME\n"
AUTH = HELLO + "S: 250-mail.example.test\nS: 250 AUTH {}\n"
WHOLE = (HELLO + "S: 250-mail.example.test\nS: 250-CHUNKING\nS: 250 PIPELINING\n"
         "C: MAIL FROM:<ada@example.org>*\nC: RCPT TO:<bob@example.org>\nC: BDAT {n} LAST\nread {n}\n")
MAIL = PLAIN + "C: MAIL FROM:<ada@example.org>*\n"
RCPT = MAIL + "S: 250 ok\nC: RCPT TO:<bob@example.org>\n"
DATA = RCPT + "S: 250 ok\nC: DATA\n"
END = DATA + "S: 354 go on\ndata\n"

# state: whose failure it is, what is said up to there, options of the account
STATES = {
    "greeting": ("host", "", {}),
    "EHLO": ("host", HELLO, {}),
    "STARTTLS": ("host", HELLO + "S: 250-x\nS: 250 STARTTLS\nC: STARTTLS\n", {"tls": "starttls", "auth": "plain", "ehlo": "ada.example.org", **SIGNED}),
    "AUTH": ("account", AUTH.format("PLAIN") + "C: AUTH PLAIN *\n", {"auth": "plain", **SIGNED}),
    "AUTH's challenge": ("account", AUTH.format("LOGIN") + "C: AUTH LOGIN*\n", {"auth": "login", **SIGNED}),
    "AUTH's end": ("account", AUTH.format("LOGIN") + "C: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\nC: *\nS: 334 UGFzc3dvcmQ6\nC: *\n", {"auth": "login", **SIGNED}),
    "MAIL": ("message", MAIL, {}),
    "RCPT": ("message", RCPT, {}),
    "DATA": ("message", DATA, {}),
    "the end of data": ("message", END, {}),
    "QUIT": ("nobody", END + "S: 250 done\nC: QUIT\n", {}),
    "MAIL, all said": ("message", WHOLE, {}),
    "RCPT, all said": ("message", WHOLE + "S: 250 ok\n", {}),
    "BDAT, all said": ("message", WHOLE + "S: 250 ok\nS: 250 ok\n", {}),
}
TAKEN = ("the end of data", "MAIL, all said", "RCPT, all said", "BDAT, all said")  # here the server may have the message

# fault: what the server does, and how it counts
FAULTS = {
    "4xx": ("S: 451 4.3.0 later\n", "later"),
    "4xx in many lines": ("S: 451-4.3.0 not\nS: 451-4.3.0 right\nS: 451 4.3.0 now\n", "later"),
    "5xx": ("S: 554 5.3.0 never\n", "refused"),
    "5xx with escapes": ("S| 554 5.3.0 \\x1b[31mred\\x07\\x9b0m \\xff\\r\\n\n", "refused"),
    "421": ("S: 421 4.3.2 closing\nclose\n", "closing"),
    "a line cut short": ("S| 25\ncut\n", "cut"),
    "a reset": ("reset\n", "cut"),
    "a line of 1 MB": ("S| 250-" + "x" * 1000000 + "\\r\\n250 ok\\r\\n\n", "cut"),
    "NULs": ("S| 250\\0\\0 ok\\r\\n\n", "cut"),
    "another protocol": ("S: * OK IMAP4rev1 ready\n", "cut"),
    "two codes": ("S: 250-ok\nS: 550 no\n", "cut"),
    "a code of no class": ("S: 999 what\n", "cut"),
    "silence": ("delay 4\n", "cut"),
    "an octet a second": ("drip 1 250 2.0.0 ok\n", "cut"),
}


def play(script, options):
    """A message, one run against that server: (home, id, run)."""
    home = Home()
    home.account(1)
    ident = home.put()
    with Peer(script, limit=LIMIT) as peer:
        home.account(peer.port, timeout="2s", **options)
        run = home.deliver(ident, limit=LIMIT * 2)
        peer.hang_up()
        peer.deadline = 0
    return home, ident, run


def expected(state, scope, kind):
    """(verdicts, failures, in doubt), as the rule has it."""
    if scope == "nobody":
        return ["delivered"], 0, False
    if scope == "message" and kind in ("later", "refused"):
        return [kind], 0, False
    return [], 1, state in TAKEN and kind == "cut"


def shown(home, run):
    return "\n".join(run.lines) + home.logged() + run.err


def check(state, fault):
    scope, script, options = STATES[state]
    answer, kind = FAULTS[fault]
    home, ident, run = play(script + answer, options)
    with home:
        verdicts, failures, doubt = expected(state, scope, kind)
        journal = home.journal(ident)
        got = [v.split()[1] for v in run.verdicts()], len(run.failures()), is_doubtful(journal)
        kept = home.ids() == ([] if verdicts == ["delivered"] else [ident])
        text = shown(home, run)
        clean = not any(c in text for c in "\x1b\x07\x9b") and SIGNED["password"] not in text
        tap.ok(got == (verdicts, failures, doubt) and kept and clean and not home.reports(), f"{fault} at {state}: {scope}'s",
               f"got {got}, expected {(verdicts, failures, doubt)}, kept {home.ids()}, clean {clean}", run, *journal)


def is_doubtful(journal):
    doubt = False
    for record in journal:
        word = record.split()[0]
        doubt = word == "doubt" or doubt and word not in ("answered", "recipient")
    return doubt


# What is nobody's: behind a 554 to a command that was sent ahead, and behind a refused MAIL, the rest of the flight has answers
# of its own; wire.py and deliver.py play those to their end.
LEFT_OUT = {(state, fault) for state in STATES if "all said" in state for fault, (_, kind) in FAULTS.items() if kind in ("later", "refused")}


def test_unasked():
    """A reply that nobody asked for never stands for one that was: the message stays, whatever the line says."""
    for state in ("greeting", "EHLO", "MAIL", "RCPT"):
        scope, script, options = STATES[state]
        real = {"greeting": "220", "EHLO": "250"}.get(state, "250")
        rest = END[len(script):].split("\n", 1)[1]
        home, ident, run = play(script + f"S| {real} ok\\r\\n250 2.0.0 unasked\\r\\n\n" + rest + "delay 0.5\n", options)
        with home:
            ok = home.ids() == [ident] and not any("delivered" in v for v in run.verdicts())
            tap.ok(ok, f"a reply nobody asked for, behind that to {state}: not taken for another's", run, *home.journal(ident))


def test_echo():
    """A server may repeat what it did not understand; nobody keeps the password by that, in no coding."""
    word = SIGNED["password"]
    said = base64.b64encode(b"\0ada@example.org\0" + word.encode()).decode()
    alone = base64.b64encode(word.encode()).decode()
    login = STATES["AUTH's end"][1]
    replies = {"plain": (STATES["AUTH"][1], [f"500 5.5.2 What is AUTH PLAIN {said}?", f"500 AUTH PLAIN {said[:40]}...", f"535 5.7.8 {word} is not it", said, f"334 {said}"]),
               "login": (login, [f"454 4.7.0 {alone}", f"535 5.7.8 Wrong: {word}", f"535-{word}\nS: 535 {alone}"])}
    for mechanism, (script, answers) in replies.items():
        for answer in answers:
            home, ident, run = play(script + f"S: {answer}\n", {"auth": mechanism, **SIGNED})
            with home:
                kept = [p for p in home.dir.rglob("*") if p.is_file() and p.parent.name != "secrets"]
                text = "".join(p.read_bytes().decode(errors="replace") for p in kept) + shown(home, run)
                ok = not any(w in text for w in (word, said[:40], alone)) and home.ids() == [ident] and len(run.failures()) == 1
                tap.ok(ok, f"AUTH {mechanism.upper()} is answered with {answer[:28]!r}...: the password is nowhere", text)


def main():
    for state in STATES:
        for fault in FAULTS:
            if (state, fault) not in LEFT_OUT:
                check(state, fault)
    test_unasked()
    test_echo()
    tap.done()


main()
