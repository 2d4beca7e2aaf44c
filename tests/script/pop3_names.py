#!/usr/bin/python3
"""pop3_names - what a POP3 server calls its messages: names in a new form, names of another day, a mailbox on another
machine, and a message that it does not hand out.

run: limit=60
"""
import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import fetching  # noqa: E402
import tap       # noqa: E402
from pop3d import Pop3d  # noqa: E402


def letter(n, body="text"):
    return f"Message-ID: <{n}@example.test>\r\nDate: Sun, 22 Nov 2026 03:04:{n:02} +0000\r\nSubject: {n}\r\n\r\n{body}\r\n".encode()


BOX = [(f"u{n}", letter(n)) for n in range(10, 20)]


def here(*numbers, body="text"):
    return sorted(letter(n, body).replace(b"\r\n", b"\n") for n in numbers)


def fetch(ada, port, *args, **options):
    ada.account(fetch={"protocol": "pop3", "host": "localhost", "port": port, "tls": "off", "tls_ca": None, "auth": "plain", "timeout": 5, **options})
    return ada.run("tappal-fetch", *args, limit=20)


def verbs(server):
    return [line.split()[0] for line in server.commands]


def first(house, mailbox=BOX, **options):
    ada = house.person()
    with Pop3d(mailbox) as server:
        result = fetch(ada, server.port, **options)
        tap.ok(result.status == 0 and not result.err, "fetched", result)
    return ada


def names_in_a_new_form(house):
    ada = first(house)
    with Pop3d([*BOX, ("u20", letter(20))], names=lambda _, uidl: f"<{uidl}>") as server:
        dry = fetch(ada, server.port, "--dry-run")
        tap.matches(dry.out, "INBOX: 1 new message,", "unique-ids in a new form: the dry run knows")
        result = fetch(ada, server.port)
        tap.ok(result.status == 0 and "10 of them were recognized" in result.err, "unique-ids in a new form: said", result)
        tap.same(sorted(ada.fetched()), here(*range(10, 21)), "unique-ids in a new form: no double, and the new message is fetched")
        tap.same(verbs(server).count("RETR"), 1, "unique-ids in a new form: one message was asked for")
        server.commands.clear()
        again = fetch(ada, server.port)
        tap.same((again.out, again.err, "TOP" in verbs(server)), ("work: no new messages\n", "", False), "unique-ids in a new form: and that was that")
        gone = fetch(ada, server.port, keep="no")
        tap.same((gone.status, server.mailbox), (0, []), "unique-ids in a new form: they can be deleted")


def the_same_letter_once_more(house):
    """On an ordinary day a letter that resembles one that is gone is a new letter."""
    ada = first(house)
    with Pop3d([*BOX[1:], ("again", letter(10, "TEXT"))]) as server:
        result = fetch(ada, server.port)
        tap.ok(result.status == 0 and not result.err and "TOP" not in verbs(server), "a letter like one that is gone: nothing is said", result)
        tap.same(sorted(ada.fetched()), sorted(here(*range(10, 20)) + here(10, body="TEXT")), "a letter like one that is gone: fetched")


def another_machine(house):
    ada = first(house)
    with Pop3d(BOX, names=lambda _, uidl: uidl + "-moved") as server:
        result = fetch(ada, server.port, host="127.0.0.1")
        tap.ok(result.status == 0 and "10 of them were recognized" in result.err, "another machine, other names: the same mailbox", result)
        tap.same(sorted(ada.fetched()), here(*range(10, 20)), "another machine, other names: no doubles")
    ada = first(house)
    with Pop3d([(f"v{n}", letter(n)) for n in range(30, 40)]) as server:
        result = fetch(ada, server.port, host="127.0.0.1")
        tap.ok(result.status == 78 and "does not look like the same" in result.err, "another machine, other mail: stopped", result)
        tap.same((sorted(ada.fetched()), "RETR" in verbs(server)), (here(*range(10, 20)), False), "another machine, other mail: nothing was fetched")


def no_top(house):
    ada = first(house)
    with Pop3d(BOX, no_top=True, names=lambda _, uidl: uidl.upper()) as server:
        result = fetch(ada, server.port)
        tap.ok(result.status == 0 and "10 of them were recognized" in result.err, "names in a new form, no TOP: recognized", result)
        tap.same(sorted(ada.fetched()), here(*range(10, 20)), "names in a new form, no TOP: no doubles")


def a_bad_message(house):
    ada = house.person()
    with Pop3d(BOX[:3], refuse={"u11"}) as server:
        for what, clock, status, tries in (("", 0, 69, 1), (", at once again", 1, 0, 0), (", after a day and a bit", 100000, 69, 1)):
            server.commands.clear()
            ada.env["TAPPAL_TEST_CLOCK"] = str(clock)
            result = fetch(ada, server.port, keep="no")
            tap.same((result.status, verbs(server).count("RETR") - (2 if not clock else 0)), (status, tries), f"a message that is not handed out{what}") or print("#", result)
            tap.same((sorted(ada.fetched()), [uidl for uidl, _ in server.mailbox]), (here(10, 12), ["u11"]), f"a message that is not handed out{what}: it stays, the others are fetched")
        server.odd["refuse"] = ()
        ada.env["TAPPAL_TEST_CLOCK"] = "400000"
        result = fetch(ada, server.port, keep="no")
        tap.same((result.status, sorted(ada.fetched()), server.mailbox), (0, here(10, 11, 12), []), "a message that is handed out at last")


def a_deaf_server(house):
    """It confirms deletions, and makes none: what it lists again is known by its header, then without it."""
    ada = house.person()
    with Pop3d(BOX, deaf=True) as server:
        for what, top, retr, dele, said in (("first", 0, 10, 10, "10 new messages, .*, 10 deleted"), ("again", 10, 0, 10, "no new messages$"), ("and again", 0, 0, 10, "no new messages$")):
            server.commands.clear()
            result = fetch(ada, server.port, keep="no")
            tap.same([verbs(server).count(verb) for verb in ("TOP", "RETR", "DELE")], [top, retr, dele], f"a deaf server, {what}: what it is asked") or print("#", result)
            tap.matches(result.out, said, f"a deaf server, {what}: what is said")
        server.odd["deaf"] = False
        fetch(ada, server.port, keep="no")
        fetch(ada, server.port, keep="no")
        tap.same((server.mailbox, sorted(ada.fetched())), ([], here(*range(10, 20))), "a deaf server, at last: all deleted, and each is here once")
        server.mailbox = [("u10", letter(50))]
        fetch(ada, server.port, keep="no")
        tap.same(sorted(ada.fetched()), here(*range(10, 20), 50), "a deaf server: a name is used again")


def another_message_of_that_name(house):
    ada = first(house)
    with Pop3d([("u10", letter(60, "longer than before")), *BOX[1:]]) as server:
        result = fetch(ada, server.port)
        tap.ok(result.status == 0 and verbs(server).count("RETR") == 1, "a known name, another message: fetched", result)
        tap.same(sorted(ada.fetched()), sorted(here(*range(10, 20)) + here(60, body="longer than before")), "a known name, another message: both are here")


def main():
    with fetching.Alone() as house:
        for part in (a_deaf_server, another_message_of_that_name, names_in_a_new_form, the_same_letter_once_more, another_machine, no_top, a_bad_message):
            part(house)
    tap.done()


main()
