#!/usr/bin/python3
"""fetch_walk - fetching stopped or failing at every step (tests/lib/fetch_steps.py), against a real server; some of the
steps only: fetch_faults.py takes them all.

run: limit=600
"""
import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import lab      # noqa: E402
import tap      # noqa: E402
from fetch_steps import walk  # noqa: E402
from letters import growing   # noqa: E402


def main():
    with lab.Lab() as house:
        ada = house.person("ada")
        for protocol, port in (("imap", "IMAPS_PORT"), ("pop3", "POP3S_PORT")):
            ada.account(fetch={"protocol": protocol, "port": house.site[port], "keep": "no"})
            walk(house, ada, f"{protocol}, 3 messages, stopped", list(growing(3)), "stop")
        walk(house, ada, "pop3, 3 messages, disk full", list(growing(3)), "fail", ":ENOSPC", stride=2)
        walk(house, ada, "pop3, 9 messages (syncfs), input/output error", list(growing(9)), "fail", ":EIO", stride=4)
        ada.account(fetch={"keep": "no"})
        walk(house, ada, "imap, 3 messages, writes torn", list(growing(3)), "short", stride=2)
        walk(house, ada, "imap, 9 messages (syncfs), stopped", list(growing(9)), "stop", stride=3)
        walk(house, ada, "imap, 3 messages, disk full", list(growing(3)), "fail", ":ENOSPC", stride=2)
        walk(house, ada, "imap, 9 messages (syncfs), input/output error", list(growing(9)), "fail", ":EIO", stride=4)
    tap.done()


main()
