#!/usr/bin/python3
"""fetch_idle - tappal-fetch --watch against servers that are odd while it waits: they refuse IDLE, end it by themselves,
speak of new mail without end, fall silent, or cut the connection; of several folders they tell by NOTIFY, or do not, or no more.

run: limit=120
"""
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import fetching                         # noqa: E402
import peer                             # noqa: E402
import tap                              # noqa: E402
from watching import Watch, eventually  # noqa: E402

CAPS = "IMAP4rev1 SASL-IR AUTH=PLAIN IDLE"
SIGN_IN = f"S: * OK [CAPABILITY {CAPS}] ready\nC: {{tag}} AUTHENTICATE PLAIN *\nS: {{tag}} OK [CAPABILITY {CAPS}] in\n"
LOOK = 'C: {tag} EXAMINE "INBOX"\nS: * 0 EXISTS\nS: * OK [UIDVALIDITY 7] ok\nS: * OK [UIDNEXT 1] ok\nS: {tag} OK open\n'
STIR = LOOK + "S: * 0 EXISTS\n"
IDLE = "C: {idle} IDLE\nS: + idling\n"
DONE = "C: DONE\nS: {idle} OK done\n"
BYE = "C: {tag} LOGOUT\n"
CASES = [
    ("IDLE is refused: it looks by the clock", SIGN_IN + LOOK + "C: {tag} IDLE\nS: {tag} NO not now\n" + BYE + "next\n" + SIGN_IN + LOOK + "C: {tag} IDLE\nS: {tag} BAD what\n" + BYE),
    ("the server ends IDLE by itself", SIGN_IN + LOOK + IDLE + "S: * OK still here\nS: {idle} OK that was it\n" + IDLE + "S: * 0 EXISTS\n" + DONE + LOOK + IDLE),
    ("it speaks of new mail without end: it is asked some times, then left in peace for a while", SIGN_IN + LOOK + IDLE + "S: * 0 EXISTS\n" + DONE + "".join(
        LOOK.replace("S: {tag} OK", "S: * 0 EXISTS\nS: {tag} OK") for _ in range(4)) + "delay 2\n" + BYE),
    ("each IDLE speaks of new mail at once, and there is none: it is asked some times, then left in peace for a while",
     SIGN_IN + (LOOK + IDLE + "S: * 0 EXISTS\n" + DONE) * 4 + LOOK + "delay 2\n" + BYE),
    ("each IDLE ends at once: it looks by the clock", SIGN_IN + LOOK + (IDLE + "S: {idle} OK that was it\n") * 4 + IDLE.replace("+ idling", "{idle} OK") + BYE),
    ("words that mean nothing wake, and nothing else", SIGN_IN + LOOK + IDLE + "S: * OK Still here\nS: * FLAGS (\\Seen)\nS: * 1 FETCH (FLAGS (\\Seen))\nS: * OK\ndelay 0.3\nS: * 0 EXISTS\n" + DONE + LOOK + IDLE),
    ("the connection is cut while it waits", SIGN_IN + LOOK + IDLE + "cut\nnext\n" + SIGN_IN + LOOK + IDLE),
    ("BYE while it waits", SIGN_IN + LOOK + IDLE + "S: * BYE going down\nclose\nnext\n" + SIGN_IN + LOOK + IDLE),
]


SEVERAL = CAPS + " LIST-EXTENDED LIST-STATUS"
FOLDERS = ("INBOX", "Work")


def listed(folders=FOLDERS, **following):
    """A look: what STATUS says of each folder; UIDNEXT where it is not 1."""
    return 'C: {tag} LIST "" "*" RETURN (STATUS (UIDNEXT UIDVALIDITY))\n' + "".join(
        f'S: * LIST () "/" {name}\nS: * STATUS {name} (UIDNEXT {following.get(name, 1)} UIDVALIDITY 7)\n' for name in folders) + "S: {tag} OK\n"


def opened(name, count=0):
    return LOOK.replace("INBOX", name).replace("* 0", f"* {count}").replace("NEXT 1", f"NEXT {count + 1}")


def fetched(name):
    """The first message of a folder comes."""
    return (opened(name, 1) + "C: {list} UID FETCH 1:* (UID RFC822.SIZE INTERNALDATE)\nC: {search} UID SEARCH UID 1:*\nS: * 1 FETCH (UID 1 RFC822.SIZE 3)\nS: {list} OK\n"
            "S: * SEARCH 1\nS: {search} OK\nC: {tag} UID FETCH 1 (UID *\n" r"S| * 1 FETCH (UID 1 BODY[] {3}\r\na\r\n)\r\n" "\nS: {tag} OK\n")


def notify(answer="OK", folders=FOLDERS):
    names = " ".join(f'"{name}"' for name in folders)
    return f"C: {{n}} NOTIFY SET (selected (MessageNew MessageExpunge)) (mailboxes ({names}) (MessageNew MessageExpunge))\nS: {{n}} {answer} it is\n"


def signed_in(caps):
    return SIGN_IN.replace(CAPS, caps) + listed() + opened("INBOX") + opened("Work")


WAIT = opened("INBOX") + IDLE
TOLD = "S: * STATUS Work (MESSAGES 1 UIDNEXT 2)\n" + DONE
OVER = "S: * OK [NOTIFICATIONOVERFLOW] too much\n" + DONE
NOTIFY = SEVERAL + " NOTIFY"
# The last one: how many messages are there at the end.
SEVERAL_FOLDERS = [
    ("NOTIFY: a message in another folder", signed_in(NOTIFY) + notify() + listed() + WAIT + TOLD + listed(Work=2) + fetched("Work") + WAIT, 1),
    ("NOTIFY: what came before the server heard of it", signed_in(NOTIFY) + notify() + listed(Work=2) + fetched("Work") + WAIT, 1),
    ("NOTIFY: a folder that is new is told of as well", signed_in(NOTIFY) + notify() + listed() + WAIT + TOLD + listed((*FOLDERS, "Z")) + opened("Z") + notify(folders=(*FOLDERS, "Z"))
     + listed((*FOLDERS, "Z")) + WAIT, 0),
    ("NOTIFY is given up by the server: it is asked again, and looked after what was missed",
     signed_in(NOTIFY) + notify() + listed() + WAIT + OVER + listed() + notify() + listed(Work=2) + fetched("Work") + WAIT, 1),
    ("NOTIFY is given up again and again: it is asked some times, then left in peace for a while",
     signed_in(NOTIFY) + notify() + listed() + WAIT + OVER + listed() + notify() + listed() + WAIT + OVER + listed() + "delay 2\n" + BYE, 0),
    ("NOTIFY is refused: IDLE for the INBOX, and not asked again", signed_in(NOTIFY) + notify("NO") + WAIT + "S: * 1 EXISTS\n" + DONE + listed(INBOX=2) + fetched("INBOX")
     + opened("INBOX", 1) + IDLE, 1),
    ("NOTIFY is not understood: likewise", signed_in(NOTIFY) + notify("BAD") + WAIT + "S: * 1 EXISTS\n" + DONE + listed(INBOX=2) + fetched("INBOX") + opened("INBOX", 1) + IDLE, 1),
    ("NOTIFY is not there: IDLE for the INBOX", signed_in(SEVERAL) + WAIT + "S: * 1 EXISTS\n" + DONE + listed(INBOX=2) + fetched("INBOX") + opened("INBOX", 1) + IDLE, 1),
]


def run_case(ada, name, script, messages=0, **fetch):
    """The conversation goes as the script says, whose end is where nothing more is to come."""
    with peer.Peer(script, tls=False, limit=30) as server:
        ada.account(fetch={"host": "localhost", "port": server.port, "tls": "off", "tls_ca": None, "auth": "plain", "timeout": 3, "every": "1h" if "peace" in name or "words" in name else "1s", **fetch})
        with Watch(ada) as watch:
            wanted = sum(line[:2] in ("C:", "S:") for line in script.splitlines()) - script.endswith("delay 2\n" + BYE)
            seen = eventually(lambda: sum(line[:2] in ("C:", "S:") for line in server.transcript) >= wanted, 20)
            time.sleep(2 if "in peace" in name else 0)
    tap.ok(seen and not [line for line in server.transcript if line.startswith("! expected: {tag} LOGOUT")], name, *server.transcript)
    tap.same((watch.status, watch.err, len(ada.fetched())), (0, "", messages), f"{name}: no complaint, and what came is here")


def main():
    with fetching.Alone() as house:
        for name, script in CASES:
            run_case(house.person(), name, script)
        for name, script, messages in SEVERAL_FOLDERS:
            run_case(house.person(), name, script, messages, folders="*", every="1h")
    tap.done()


main()
