#!/usr/bin/python3
"""round_trips - how often tappal-fetch waits for an IMAP server: counted, not timed. TLS takes two flights, up to the
greeting; what comes behind is ours.

run: limit=120 alone
"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import flights  # noqa: E402
import lab      # noqa: E402
import tap      # noqa: E402
from letters import numbered  # noqa: E402

TLS = 2
FOLDERS = 40


def with_folders(house):
    imap = house.imap()
    for i in range(FOLDERS - 1):
        imap.create(f"many{i}")
        imap.append(f"many{i}", None, None, numbered(i))
    imap.logout()


def waits(ada, far, what, most, count):
    """One run; the last flight, LOGOUT, is not waited for."""
    result = ada.run("tappal-fetch")
    tap.same((result.status, len(ada.fetched())), (0, count), f"{what}: fetched") or print("#", result)
    flown = far.take() - 1 - TLS
    tap.ok(flown <= most, f"{what}: at most {most} round trips behind the greeting", f"{flown}")


def one_folder(house, far):
    ada = house.person("one")
    ada.account(fetch={"port": far.port, "auth": "plain"})
    house.put(numbered(1))
    waits(ada, far, "first run", 4, 1)
    waits(ada, far, "nothing new", 1, 1)
    house.put(numbered(2))
    waits(ada, far, "one new message", 1, 2)
    house.put(*map(numbered, range(100)))
    waits(ada, far, "a hundred new messages", 2, 102)
    waits(ada, far, "nothing new again", 1, 102)


def many_folders(house, far):
    bob = house.person("many")
    bob.account(fetch={"port": far.port, "auth": "plain", "folders": "*"})
    count = 102 + FOLDERS - 1
    result = bob.run("tappal-fetch")
    tap.same((result.status, len(bob.fetched())), (0, count), f"{FOLDERS} folders: fetched") or print("#", result)
    far.take()
    waits(bob, far, f"nothing new in {FOLDERS} folders", 1, count)
    house.put(numbered(3))
    waits(bob, far, f"one new message in {FOLDERS} folders", 2, count + 1)


def another_greeting(house, far):
    """Nothing goes ahead where host or login are not those of last time: but all is fetched."""
    eve = house.person("eve")
    eve.account(fetch={"port": far.port, "auth": "plain"})
    eve.run("tappal-fetch")
    far.take()
    memory = next(eve.state.glob("fetch/*/server"))
    memory.write_text(memory.read_text().replace("greeting CAPABILITY", "greeting CAPABILITY X-OTHER"))
    count = len(eve.fetched())
    waits(eve, far, "another greeting", 2, count)
    waits(eve, far, "the same greeting again", 1, count)
    memory.write_text(memory.read_text()[:20])
    waits(eve, far, "a damaged memory", 2, count)
    eve.account(password="wrong", fetch={"port": far.port, "auth": "plain"})
    result = eve.run("tappal-fetch")
    tap.same(result.status, 77, "a refused password is one, whatever was sent behind it")
    tap.matches(result.err, "refused the password", "a refused password: said")
    far.take()
    eve.account(fetch={"port": far.port, "auth": "plain"})
    waits(eve, far, "the right password again", 1, count)


def main():
    with lab.Lab() as house, flights.Flights(house.port("IMAPS")) as far:
        one_folder(house, far)
        with_folders(house)
        many_folders(house, far)
        another_greeting(house, far)
    tap.done()


main()
