#!/usr/bin/python3
"""fetch_cut - the connection to Dovecot ends in the middle of what it sends, behind every fifth octet, with each IMAP engine:
no message is lost, none comes twice, and none is deleted before it is here. STRIDE=1 tests/e2e/fetch_cut.py does so behind
every single octet, which takes a quarter of an hour.

run: limit=900 long
"""
import os
import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import lab      # noqa: E402
import servant  # noqa: E402
import tap      # noqa: E402

ENGINES = {"QRESYNC": (), "CONDSTORE": ("QRESYNC",), "plain": ("QRESYNC", "CONDSTORE")}
OCTETS_MAX = 5000
STRIDE = int(os.environ.get("STRIDE", 5))


def letters(n):
    return [f"Subject: {n} {which}\r\n\r\n{which}\r\n".encode() for which in ("one", "two")]


def here(text):
    return text.replace(b"\r\n", b"\n")


def empty(ada):
    for sub in ("new", "cur"):
        for path in (ada.maildir / sub).glob("*"):
            path.unlink()


def walk(house, engine, hidden):
    """Two new messages, a run that is cut, and one that is not; the memory goes on from one octet to the next."""
    wrong, cut = [], len(hidden) + 1 - STRIDE  # each engine has octets of its own
    with servant.Less(house.port("IMAP"), *hidden) as server:
        ada = house.person(engine.lower())
        ada.account(fetch={"port": server.port, "tls": "off", "tls_ca": None, "auth": "plain", "keep": "no", "flags": "pull", "timeout": 5})
        while cut < OCTETS_MAX:
            cut += STRIDE
            sent = letters(cut)
            for text in sent:
                house.put(text)
            server.cut, server.was_cut = cut, False
            first = ada.run("tappal-fetch", limit=20)
            kept = ada.fetched() + [here(text) for text in house.received()]
            if any(here(text) not in kept for text in sent):
                wrong.append(f"octet {cut}: nowhere; {first}")
            server.cut = None
            second = ada.run("tappal-fetch", limit=20)
            if second.status != 0 or sorted(ada.fetched()) != sorted(map(here, sent)) or house.received() or ada.half_written():
                wrong.append(f"octet {cut}: {len(ada.fetched())} messages, {len(house.received())} left; {first}; {second}")
                house.clear()
            empty(ada)
            if not server.was_cut:
                break
    tap.ok(not wrong and 500 < cut < OCTETS_MAX, f"{engine}: cut in {cut} octets, each time {STRIDE} later", *wrong[:5])


def main():
    with lab.Lab() as house:
        for engine, hidden in ENGINES.items():
            walk(house, engine, hidden)
    tap.done()


main()
