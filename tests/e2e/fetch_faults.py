#!/usr/bin/python3
"""fetch_faults - fetching stopped, torn and failing at each single step (tests/lib/fetch_steps.py), by IMAP and by POP3,
with few messages (each synced) and with more (all by one syncfs): a full disk, a quota, a read-only one, one that breaks.

run: limit=3000 long
"""
import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import lab      # noqa: E402
import tap      # noqa: E402
from fetch_steps import walk  # noqa: E402
from letters import growing   # noqa: E402


FAULTS = (("stop", ""), ("short", ""), ("fail", ":ENOSPC"), ("fail", ":EIO"), ("fail", ":EDQUOT"), ("fail", ":EROFS"))


def main():
    with lab.Lab() as house:
        ada = house.person("ada")
        for protocol, port in (("imap", "IMAPS_PORT"), ("pop3", "POP3S_PORT")):
            ada.account(fetch={"protocol": protocol, "port": house.site[port], "keep": "no"})
            for count in (3, 9):
                for verb, suffix in FAULTS:
                    walk(house, ada, f"{protocol}, {count} messages, {verb}{suffix}", list(growing(count)), verb, suffix)
    tap.done()


main()
