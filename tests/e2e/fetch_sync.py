#!/usr/bin/python3
"""fetch_sync - flags and deletions against a real server, by each engine: QRESYNC, CONDSTORE, and plain; another client
changes flags and deletes meanwhile.

run: limit=300
"""
import hashlib
import pathlib
import shutil
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import lab      # noqa: E402
import servant  # noqa: E402
import tap      # noqa: E402
from letters import numbered  # noqa: E402

ENGINES = {"QRESYNC": (), "CONDSTORE": ("QRESYNC",), "plain": ("QRESYNC", "CONDSTORE")}


class Case:
    """A person, a mailbox with so many messages, and one server."""

    def __init__(self, house, server, name, count, **fetch):
        house.clear()
        house.put(*map(numbered, range(count)))
        self.house, self.server, self.name = house, server, name
        self.person = house.person(hashlib.sha256(name.encode()).hexdigest()[:8])
        self.set(**fetch)
        self.run("the first run")
        with servant.Other(house) as other:
            self.first = min(other.flags())

    def set(self, **fetch):
        self.person.account(fetch={"port": self.server.port, "tls": "off", "tls_ca": None, "auth": "plain", **fetch})

    def run(self, what, *args, status=0, err=r"^$"):
        self.server.said.clear()
        result = self.person.run("tappal-fetch", *args)
        tap.same(result.status, status, f"{self.name}: {what}: exit status") or print("#", result)
        tap.matches(result.err, err, f"{self.name}: {what}: what is said")
        return result

    def uid(self, i):
        return str(self.first + i)

    def file(self, i):
        """The file of the i-th message, wherever it is."""
        return next((p for p in self.person.maildir.glob("**/*.tappal*") if f"-{self.first + i:010}-" in p.name), None)

    def letters(self):
        """{i: letters} of the messages that are here; those in new/ have None."""
        here = {}
        for path in self.person.maildir.glob("**/*.tappal*"):
            here[int(path.name.split("-")[2]) - self.first] = path.name.partition(":2,")[2] if path.parent.name == "cur" else None
        return here

    def read(self, i, letters):
        """What a reader does: the file gets these letters."""
        path = self.file(i)
        path.rename(self.person.maildir / "cur" / (path.name.partition(":")[0] + ":2," + letters))

    def there(self):
        with servant.Other(self.house) as other:
            return {uid - self.first: " ".join(sorted(flags)) for uid, flags in other.flags().items()}


def flags(house, server, engine):
    case = Case(house, server, f"{engine}: flags", 6, flags="both")
    with servant.Other(house) as other:
        other.flag(case.uid(0), "+", "\\Seen")
        other.flag(case.uid(1), "+", "\\Flagged \\Answered $Forwarded Other")
        case.read(2, "S")
        case.read(3, "FaZ")
        case.run("both sides")
    tap.same(case.letters(), {0: "S", 1: "FPR", 2: "S", 3: "FaZ", 4: None, 5: None}, f"{case.name}: here")
    tap.same(case.there(), {0: "\\Seen", 1: "$Forwarded Other \\Answered \\Flagged", 2: "\\Seen", 3: "\\Flagged", 4: "", 5: ""}, f"{case.name}: there")
    case.run("nothing has changed")
    tap.ok(not any(" STORE " in line or "SELECT" in line for line in case.server.said), f"{case.name}: nothing is written then", *case.server.said)
    with servant.Other(house) as other:
        other.flag(case.uid(2), "-", "\\Seen")
        other.flag(case.uid(2), "+", "\\Draft")
        other.flag(case.uid(3), "-", "\\Flagged")
    case.read(2, "FS")
    case.read(0, "")
    case.run("both sides, and one message on both")
    tap.same(case.letters(), {0: "", 1: "FPR", 2: "DF", 3: "Za", 4: None, 5: None}, f"{case.name}: merged here")
    tap.same(case.there(), {0: "", 1: "$Forwarded Other \\Answered \\Flagged", 2: "\\Draft \\Flagged", 3: "", 4: "", 5: ""}, f"{case.name}: merged there")
    case.set(flags="pull")
    case.read(4, "RS")
    with servant.Other(house) as other:
        other.flag(case.uid(4), "+", "\\Flagged")
        other.flag(case.uid(0), "+", "\\Seen")
    case.run("flags = pull")
    tap.same((case.letters()[4], case.letters()[0]), ("FRS", "S"), f"{case.name}: pull: ours stay, theirs come")
    tap.same((case.there()[4], case.there()[0]), ("\\Flagged", "\\Seen"), f"{case.name}: pull: nothing goes there")
    house.put(numbered(9))
    with servant.Other(house) as other:
        newest = max(other.flags())
        other.flag(str(newest), "+", "\\Seen")
    case.run("a new message that was read elsewhere")
    tap.same(case.letters()[newest - case.first], "S", f"{case.name}: it comes as read")


def deletions_pull(house, server, engine):
    case = Case(house, server, f"{engine}: deletions = pull", 30, deletions="pull")
    case.read(1, "S")
    moved = case.person.maildir / "archive"
    case.file(2).rename(moved)
    with servant.Other(house) as other:
        other.expunge(f"{case.uid(0)}:{case.uid(2)}")
        case.run("three deleted there")
    tap.same(sorted(case.letters()), list(range(3, 30)), f"{case.name}: two are gone here")
    tap.ok(moved.exists(), f"{case.name}: what the person moved is not touched")
    with servant.Other(house) as other:
        other.expunge(f"{case.uid(3)}:{case.uid(24)}")
        case.run("22 of 27 deleted there", status=65, err="22 of the 27 messages of INBOX are gone on the server.*--delete-many work")
        tap.same(len(case.letters()), 27, f"{case.name}: the fuse holds")
        case.run("the same again", status=65, err="22 of the 27")
        case.run("let through", "--delete-many")
    tap.same(sorted(case.letters()), list(range(25, 30)), f"{case.name}: the fuse was opened")
    case.run("nothing more")
    house.put(numbered(77))
    case.run("and new mail comes")
    tap.same(len(case.letters()), 6, f"{case.name}: new mail comes as before")


def deletions_both(house, server, engine):
    case = Case(house, server, f"{engine}: deletions = both", 30, deletions="pull")
    case.file(0).unlink()
    case.set(deletions="both")
    case.run("from now on")
    tap.same(len(case.there()), 30, f"{case.name}: what was deleted before does not count")
    case.file(1).unlink()
    case.read(2, "ST")
    elsewhere = case.person.maildir / ".Kept/cur"
    elsewhere.mkdir(parents=True)
    case.file(3).rename(elsewhere / case.file(3).name)
    case.file(4).rename(elsewhere / "1.other.name:2,S")
    case.run("deleted, trashed, moved, moved under another name")
    tap.same(sorted(set(range(30)) - set(case.there())), [1, 2], f"{case.name}: two of them are deleted there")
    case.run("nothing more")
    tap.same(len(case.there()), 28, f"{case.name}: nothing more is deleted there")
    for i in range(5, 27):
        case.file(i).unlink()
    case.run("22 deleted here", status=65, err="22 of the 28 messages of INBOX are gone here: they are not deleted on the server.*--delete-many")
    tap.same(len(case.there()), 28, f"{case.name}: the fuse holds")
    case.run("let through", "--delete-many")
    tap.same(sorted(case.there()), [0, 3, 4, 27, 28, 29], f"{case.name}: the fuse was opened")
    shutil.rmtree(case.person.maildir)
    case.run("the maildir is gone", status=65, err="tappal-.* is missing from the maildir of INBOX.*mounted")
    tap.same(len(case.there()), 6, f"{case.name}: a folder that is not mounted deletes nothing")


def main():
    with lab.Lab() as house:
        for engine, without in ENGINES.items():
            with servant.Less(house.port("IMAP"), *without) as server:
                flags(house, server, engine)
                deletions_pull(house, server, engine)
                deletions_both(house, server, engine)
                said = " ".join(server.said)
                tap.ok(("QRESYNC (" in said) == (engine == "QRESYNC") and ("CONDSTORE" in said) == (engine == "CONDSTORE"), f"{engine}: it was", *server.said)
    tap.done()


main()
