#!/usr/bin/python3
"""fetch_folders - a Dovecot that keeps a person's folders below "INBOX." and shows her a shared one: names mean what a person
means by them, in every option that takes one, and cost no round trip.

run: limit=120 alone
"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import flights  # noqa: E402
import lab      # noqa: E402
import tap      # noqa: E402
from letters import here  # noqa: E402

TREE = {"INBOX": ".", "INBOX.Sent": ".Sent", "INBOX.Lists.git": ".Lists.git", "INBOX.Entw&APw-rfe": ".Entwürfe", "shared.all": ".shared.all"}
OWN = [name for name in TREE if name != "shared.all"]


def letter(name):
    return f"From: grace@example.test\r\nTo: bob@example.test\r\nSubject: in {name}\r\n\r\nHello\r\n".encode()


def fill(house):
    imap = house.imap("3")
    for name in TREE:
        imap.create(name)
        imap.append(name, None, None, letter(name))
    imap.logout()


def holds(house, name):
    imap = house.imap("3")
    count = int(imap.select(name, readonly=True)[1][0])
    imap.logout()
    return count


def account(house, person, **options):
    site = house.site
    person.account(password=site["PASSWORD3"], address=site["USER3"], login=site["USER3"], fetch={"auth": "plain", **options})


def whose(house):
    for patterns, wanted in (("*", OWN), ("Sent, Lists/*", ["INBOX.Sent", "INBOX.Lists.git"]), ("INBOX/Sent", ["INBOX.Sent"]), ('"\\Sent"', ["INBOX.Sent"]), ("Entwürfe, shared/*", ["INBOX.Entw&APw-rfe", "shared.all"]),
                             ("*, shared/*, !INBOX", [name for name in TREE if name != "INBOX"])):
        bob = house.person(f"bob{len(house.people)}")
        account(house, bob, folders=patterns)
        result = bob.run("tappal-fetch")
        tap.ok(result.status == 0 and not result.err, f"folders = {patterns}: fetched", result)
        tap.same({place: [p.read_bytes() for p in (bob.maildir / place / "new").glob("*")] for place in TREE.values()},
                 {place: [here(letter(name))] if name in wanted else [] for name, place in TREE.items()}, f"folders = {patterns}: what is where")
        tap.same(bob.run("tappal-fetch").out, "work: no new messages\n", f"folders = {patterns}: nothing twice")


def round_trips(house):
    with flights.Flights(house.port("IMAPS")) as far:
        bob = house.person("far")
        account(house, bob, folders="*", port=far.port)
        bob.run("tappal-fetch")
        far.take()
        result = bob.run("tappal-fetch")
        flown = far.take() - 1 - 2  # LOGOUT is not waited for; TLS takes two, up to the greeting
        tap.ok(result.status == 0 and flown <= 1, "nothing new in four folders: one round trip behind the greeting", f"{flown}", result)


def named_elsewhere(house):
    """move_to, --uid, tappal verify: the same names."""
    bob = house.person("mover")
    account(house, bob, folders="Lists/*", move_to="Sent")
    result = bob.run("tappal-fetch")
    tap.matches(result.out, "1 new message, .* 1 moved on the server", "move_to = Sent: done") or print("#", result)
    tap.same((holds(house, "INBOX.Lists.git"), holds(house, "INBOX.Sent")), (0, 2), "move_to = Sent: it is there")
    for name in ("Sent", "INBOX/Sent"):
        bob = house.person(f"one{len(house.people)}")
        account(house, bob)
        result = bob.run("tappal-fetch", "--uid", f"{name}/1")
        tap.ok(result.status == 0 and len(list((bob.maildir / ".Sent/new").glob("*"))) == 1, f"--uid {name}/1", result)
    account(house, bob, folders="Sent")
    result = bob.run("tappal", "verify", "work")
    tap.ok(result.status == 0 and result.out.startswith("Sent: "), "verify: the folder's name", result)


def targets(house):
    """Single folders stand elsewhere in the maildir, and all that follows the files finds them there."""
    bob = house.person("targets")
    account(house, bob, folders="*", targets="INBOX: in, Entwürfe: work/drafts", layout="nested", deletions="pull")
    result = bob.run("tappal-fetch")
    count = {name: len(list((bob.maildir / name / "new").glob("*"))) for name in ("in", "work/drafts", "Sent", "INBOX", "Entwürfe")}
    tap.ok(result.status == 0 and not result.err and count["in"] and count["work/drafts"] and count["Sent"] and not count["INBOX"] + count["Entwürfe"], f"targets: there and only there: {count}", result)
    result = bob.run("tappal", "verify", "work")
    tap.ok(result.status == 0 and not result.err, "targets: verify finds them", result)
    account(house, bob, folders="*", layout="nested", deletions="pull")
    result = bob.run("tappal-fetch")
    tap.same((result.out, (bob.maildir / "INBOX/new").exists()), ("work: no new messages\n", True), "targets: what is fetched stays fetched where they change")
    account(house, bob, folders="INBOX, Sent", targets="Entwürfe: drafts")
    result = bob.run("tappal-fetch")
    tap.ok(result.status == 78 and '`targets` names "Entwürfe"' in result.err and "hint: " in result.err, "targets: of a folder that is not fetched", result)


def put_elsewhere(house):
    """One folder outside of the maildir: a second account of the same login."""
    bob = house.person("two")
    account(house, bob, folders="*, !Entwürfe")
    site = house.site
    bob.account("drafts", password=site["PASSWORD3"], address=site["USER3"], login=site["USER3"],
                fetch={"auth": "plain", "folders": "Entwürfe", "layout": "nested", "maildir": bob.home / "Drafts"})
    result = bob.run("tappal-fetch")
    tap.ok(result.status == 0 and not result.err, "put elsewhere: fetched", result)
    tap.same((len(list((bob.home / "Drafts/Entwürfe/new").iterdir())), (bob.maildir / ".Entwürfe").exists(), (bob.maildir / ".Sent/new").exists()), (1, False, True), "put elsewhere: it is there, and only there")


def main():
    with lab.Lab() as house:
        fill(house)
        for part in (whose, round_trips, targets, put_elsewhere, named_elsewhere):
            part(house)
    tap.done()


main()
