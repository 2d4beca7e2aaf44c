#!/usr/bin/python3
"""fetch_idle - tappal-fetch --watch against servers that are odd while it waits: they refuse IDLE, end it by themselves,
speak of new mail without end, fall silent, or cut the connection.

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


def run_case(ada, name, script):
    """The conversation goes as the script says, whose end is where nothing more is to come."""
    with peer.Peer(script, tls=False, limit=30) as server:
        ada.account(fetch={"host": "localhost", "port": server.port, "tls": "off", "tls_ca": None, "auth": "plain", "timeout": 3, "every": "1h" if "peace" in name or "words" in name else "1s"})
        with Watch(ada) as watch:
            wanted = sum(line[:2] in ("C:", "S:") for line in script.splitlines()) - script.endswith("delay 2\n" + BYE)
            seen = eventually(lambda: sum(line[:2] in ("C:", "S:") for line in server.transcript) >= wanted, 20)
            time.sleep(2 if "in peace" in name else 0)
    tap.ok(seen and not [line for line in server.transcript if line.startswith("! expected: {tag} LOGOUT")], name, *server.transcript)
    tap.same((watch.status, watch.err), (0, ""), f"{name}: no complaint")


def main():
    with fetching.Alone() as house:
        for name, script in CASES:
            run_case(house.person(), name, script)
    tap.done()


main()
