#!/usr/bin/python3
"""fetch_cut - the connection to Dovecot ends in the middle of what it sends, behind every single octet, with each IMAP engine:
no message is lost, none comes twice, and none is deleted before it is here. STRIDE=20 tests/e2e/fetch_cut.py looks at every
twentieth octet.

run: limit=1200 long
"""
import concurrent.futures
import os
import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import lab      # noqa: E402
import servant  # noqa: E402
import tap      # noqa: E402
from letters import here, letter  # noqa: E402

HIDDEN = {"QRESYNC": (), "CONDSTORE": ("QRESYNC",), "plain": ("QRESYNC", "CONDSTORE")}
OCTETS_MAX = 5000
STRIDE = int(os.environ.get("STRIDE", 1))


def cut_at(octet, house, ada, server):
    """Two new messages, a run that is cut, and one that is not: what is wrong then."""
    wrong, sent = [], [letter(f"{octet} {which}") for which in ("one", "two")]
    house.put(*sent)
    server.cut, server.was_cut = octet, False
    first = ada.run("tappal-fetch", limit=20)
    kept = ada.fetched() + [here(text) for text in house.received()]
    if any(here(text) not in kept for text in sent):
        wrong.append(f"octet {octet}: nowhere; {first}")
    server.cut = None
    second = ada.run("tappal-fetch", limit=20)
    if second.status != 0 or sorted(ada.fetched()) != sorted(map(here, sent)) or house.received() or ada.half_written():
        wrong.append(f"octet {octet}: {len(ada.fetched())} messages, {len(house.received())} left; {first}; {second}")
        house.clear()
    for path in ada.maildir.glob("*/*"):
        path.unlink()
    return wrong


def walk(engine):
    """The memory goes on from one octet to the next. What was wrong, and how many octets there are."""
    wrong, octets = [], 0
    with lab.Lab() as house, servant.Less(house.port("IMAP"), *HIDDEN[engine]) as server:
        ada = house.person()
        ada.account(fetch={"port": server.port, "tls": "off", "tls_ca": None, "auth": "plain", "keep": "no", "flags": "pull", "timeout": 5})
        for octets in range(0, OCTETS_MAX, STRIDE):
            wrong += cut_at(octets, house, ada, server)
            if not server.was_cut:
                break
    return wrong, octets


def main():
    with concurrent.futures.ProcessPoolExecutor(len(HIDDEN)) as engines:  # each has a site of its own
        for engine, (wrong, octets) in zip(HIDDEN, engines.map(walk, HIDDEN)):
            tap.ok(not wrong and 500 < octets < OCTETS_MAX - STRIDE, f"{engine}: cut in {octets} octets, each time {STRIDE} later", *wrong[:5])
    tap.done()


main()
