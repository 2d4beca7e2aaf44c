#!/usr/bin/python3
"""fetch_watch - tappal-fetch --watch against Dovecot: mail comes by itself, by IDLE, NOTIFY and looks at the clock; a lost
connection, a refused password and a child that hangs or dies end nothing but themselves; TERM ends all in good order.

run: limit=240
"""
import json
import os
import pathlib
import signal
import socket
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import between                     # noqa: E402
import lab                         # noqa: E402
import tap                         # noqa: E402
from letters import letter  # noqa: E402
from watching import Watch, eventually  # noqa: E402


def append(house, folder, message):
    imap = house.imap()
    imap.create(folder)
    imap.append(folder, None, None, message)
    imap.logout()


def subjects(person):
    return sorted(line[9:].decode() for mail in person.fetched() for line in mail.splitlines() if line.startswith(b"Subject: "))


def comes(person, *wanted):
    return eventually(lambda: subjects(person) == sorted(wanted))


class Cut(between.Forwarder):
    """Its connections can be cut."""

    def __init__(self, port):
        super().__init__(port)
        self.open = []

    def handle(self, client):
        self.open.append(client)
        super().handle(client)

    def cut(self):
        for client in self.open:
            client.shutdown(socket.SHUT_RDWR)
        self.open = []


def idle(house):
    ada = house.person("idle")
    ada.account(fetch={"every": "1h"})
    house.put(letter("before"))
    with Watch(ada, WATCHDOG_USEC="400000") as watch:
        tap.ok(watch.said("READY=1"), "the manager is told that we are ready")
        tap.ok(comes(ada, "before"), "what was there comes first")
        tap.ok(watch.said("STATUS=work: waiting for new mail"), "the manager is told what we wait for", watch.manager.said)
        house.put(letter("after"))
        tap.ok(comes(ada, "before", "after"), "IDLE: what comes is fetched at once", subjects(ada))
        other = ada.run("tappal-fetch")
        tap.same((other.status, other.err), (0, ""), "another run is not locked out meanwhile")
        house.put(letter("third"))
        tap.ok(comes(ada, "after", "before", "third"), "and again, over the same session")
        tap.ok(watch.said("WATCHDOG=1"), "the watchdog is fed")
        watch.end()
        tap.same((watch.status, watch.err), (0, ""), "TERM: status 0, and nothing to complain of")
        tap.ok(watch.said("STOPPING=1"), "the manager is told that we stop")
    tap.same(watch.out.count("1 new message,"), 3, "a line for each time that something came")
    log = ada.log.read_text()
    tap.same(log.count("fetched"), 3, "each is logged once")
    house.clear()


def notify(house):
    ada = house.person("notify")
    ada.account(fetch={"folders": "INBOX, Lists/*", "every": "1h"})
    append(house, "Lists/one", letter("list 1"))
    append(house, "Lists/two", letter("list 2"))
    with Watch(ada) as watch:
        tap.ok(comes(ada, "list 1", "list 2") and watch.said("waiting for new mail"), "several folders")
        append(house, "Lists/two", letter("list 3"))
        tap.ok(comes(ada, "list 1", "list 2", "list 3"), "NOTIFY: what comes into another folder is fetched at once", subjects(ada))
        house.put(letter("inbox"))
        tap.ok(comes(ada, "inbox", "list 1", "list 2", "list 3"), "and what comes into the INBOX")
    house.clear()


def clock(house):
    ada = house.person("clock")
    ada.account(fetch={"protocol": "pop3", "port": house.port("POP3S"), "every": "1s"})
    with Watch(ada) as watch:
        tap.ok(watch.said("STATUS=work: looking again in"), "POP3: the manager is told when we look again", watch.manager.said)
        house.put(letter("pop"))
        tap.ok(comes(ada, "pop"), "POP3: what comes is found by the next look")
    house.clear()


def lost(house):
    """Two accounts: one's password is refused, the other's server goes away and comes back."""
    ada = house.person("lost")
    with Cut(house.port("IMAPS")) as link:
        lose(house, ada, link)
    house.clear()


def lose(house, ada, link):
    ada.account(fetch={"port": link.port, "every": "1s"})
    ada.account("wrong", password="not the one", fetch={"maildir": ada.home / "Other"})
    with Watch(ada, "--json") as watch:
        tap.ok(watch.said("work: waiting for new mail") and watch.said("wrong: trying again in"), "one account waits, one has failed", watch.manager.said)
        link.cut()
        tap.ok(eventually(lambda: len(link.callers) > 1), "the session is lost: there is a new one")
        house.put(letter("back"))
        tap.ok(comes(ada, "back"), "and it brings what comes", subjects(ada))
    events = [json.loads(line) for line in watch.out.splitlines()]
    errors = [e for e in events if e["event"] == "error"]
    tap.same([(e["account"], e["kind"]) for e in errors], [("wrong", "auth")], "the refusal is told once, and nothing else is an error")
    tap.ok({"event": "done", "account": "work", "messages": 1, "folders": 1, "moved": 0, "deleted": 0}.items()
           <= next((e for e in events if e["event"] == "done"), {}).items(), "--json: what came", watch.out)
    tap.ok(any(e["event"] == "state" and e["account"] == "work" for e in events), "--json: what is waited for")


def stopped(house):
    """TERM in the middle of a pull: what has come whole is kept, the rest comes the next time, none twice."""
    ada = house.person("stopped")
    ada.account()
    for i in range(60):
        house.put(letter(f"m{i:02}", 500_000))
    with Watch(ada) as watch:
        eventually(lambda: sum(p.stat().st_size for p in ada.half_written()) > 1_000_000 or ada.fetched())
        watch.end()
        tap.same((watch.status, watch.err), (0, ""), "TERM in the middle: status 0, and nothing to complain of")
    some = len(ada.fetched())
    tap.ok(not ada.half_written(), "nothing is half-written", ada.half_written())
    print(f"# {some} of 60 had come")
    result = ada.run("tappal-fetch", limit=120)
    tap.ok(result.status == 0 and subjects(ada) == [f"m{i:02}" for i in range(60)], "the rest comes the next time, none twice", result)
    house.clear()


def hung(house):
    ada = house.person("hung")
    for name in ("a", "b"):
        ada.account(name, fetch={"maildir": ada.home / "Mail" / name, "every": "1s"})
    house.put(letter("one"))
    with Watch(ada, TAPPAL_TEST_SILENCE="3") as watch:
        tap.ok(comes(ada, "one", "one"), "two accounts of one mailbox")
        eventually(lambda: len(watch.children()) == 2)
        os.kill(min(watch.children()), signal.SIGSTOP)
        tap.ok(eventually(lambda: len(watch.children()) == 1), "a child that hangs is ended by its parent", watch.children())
        house.put(letter("two"))
        tap.ok(comes(ada, "one", "one", "two"), "the other goes on", subjects(ada))
    tap.matches(watch.err, r"^tappal-fetch: [ab]: Fetching was stopped, since nothing had happened", "it is said")
    house.clear()


def main():
    with lab.Lab() as house:
        for part in (idle, notify, clock, lost, stopped, hung):
            part(house)
    tap.done()


os.umask(0o022)
main()
