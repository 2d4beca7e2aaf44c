#!/usr/bin/python3
"""pop3_cut - the connection to a POP3 server ends behind every single octet that it sends: no message is lost, none
comes twice, and none is deleted before it is here.

run: limit=300 long
"""
import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import fetching  # noqa: E402
import tap       # noqa: E402
from letters import here  # noqa: E402
from pop3d import Pop3d  # noqa: E402

MAIL = [("u1", b"Subject: one\r\n\r\n.dot\r\n"), ("u2", b"Subject: two\r\n\r\n\r\n")]
WANTED = sorted(here(text) for _, text in MAIL)


def fetch(ada, port, **options):
    ada.account(fetch={"protocol": "pop3", "host": "localhost", "port": port, "tls": "off", "tls_ca": None, "auth": "plain", "timeout": 5, **options})
    return ada.run("tappal-fetch", limit=20)


def walk(house, what, keep, capabilities, **oddities):
    """Says for how many octets everything was as it should be."""
    ada, wrong, cut = house.person(), [], 0
    while cut < 5000:
        cut += 1
        ada.forget()
        with Pop3d(MAIL, capabilities, cut=cut, **oddities) as server:
            first = fetch(ada, server.port, keep=keep)
            came = ada.fetched()
            if any(here(text) not in came for text in (m[1] for m in MAIL if m not in server.mailbox)):
                wrong.append(f"octet {cut}: deleted there, and not here")
            whole, server.cut = not server.was_cut, None
            second = fetch(ada, server.port, keep=keep)
            if second.status != 0 or sorted(ada.fetched()) != WANTED:
                wrong.append(f"octet {cut}: {len(ada.fetched())} messages behind the second run; {first}; {second}")
            if keep == "no" and server.mailbox or ada.half_written():
                wrong.append(f"octet {cut}: left: {server.mailbox} {ada.half_written()}")
        if whole:
            break
    tap.ok(not wrong and cut > 150, f"{what}: cut at each of {cut - 1} octets", *wrong[:5])


def main():
    with fetching.Alone() as house:
        walk(house, "keep = no", "no", ("SASL PLAIN", "UIDL", "TOP"))
        walk(house, "keep = yes, pipelining", "yes", ("SASL PLAIN", "UIDL", "TOP", "PIPELINING"))
        walk(house, "keep = no, no unique-ids", "no", ("SASL PLAIN", "TOP"), no_uidl=True)
    tap.done()


main()
