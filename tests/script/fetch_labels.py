#!/usr/bin/python3
"""fetch_labels - a server whose folders are labels (Gmail), and others that name messages alike in all folders: each message
is fetched once, and its other folders get hard links of the same file; where that cannot be, it is fetched again, and
is never taken for another one.

run: limit=120
"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import fetching                  # noqa: E402
import tap                       # noqa: E402
from gmail import ALL, Gmail     # noqa: E402

CRLF = b"From: grace@example.test\r\nSubject: number %d\r\n\r\nHello %d\r\n"
INBOX, WORK, EVERYTHING = "", ".Work", ".[Gmail].All Mail"


def text(i):
    return CRLF % (i, i)


class Box:
    """A person who fetches from such a server."""

    def __init__(self, house, gmail, **fetch):
        self.ada, self.gmail = house.person(), gmail
        self.set(**fetch)

    def set(self, **fetch):
        self.ada.account(fetch={"host": "localhost", "port": self.gmail.port, "tls": "off", "tls_ca": None, "auth": "plain", "folders": "*",
                                "timeout": 5, **fetch})

    def run(self, *args, **env):
        self.gmail.handed, self.gmail.commands = [], []
        return self.ada.run("tappal-fetch", *args, **env)

    def files(self, folder):
        """Text -> file."""
        return {p.read_bytes().replace(b"\n", b"\r\n"): p for part in ("new", "cur") for p in (self.ada.maildir / folder / part).glob("*")}

    def holds(self, folder, *numbers):
        return sorted(self.files(folder)) == sorted(map(text, numbers)) and len(list((self.ada.maildir / folder).glob("[cn]*/*"))) == len(numbers)

    def linked(self, number, *folders):
        """Is it one file in all of these?"""
        return len({self.files(folder)[text(number)].stat().st_ino for folder in folders}) == 1


def once(house):
    with Gmail() as gmail:
        box = Box(house, gmail)
        first = gmail.add(text(1), "INBOX", "Work")
        gmail.add(text(2), "Work")
        gmail.add(text(3))
        result = box.run("--dry-run")
        tap.same((result.status, result.err, result.out.splitlines()),
                 (0, "", ["work: INBOX: 1 new message, 56 bytes", "work: [Gmail]/All Mail: 2 new messages, 112 bytes, 1 would be linked from other folders",
                          "work: Work: no new messages, 2 would be linked from other folders"]), "--dry-run: each counts once")
        tap.same((box.run("--check").out, gmail.handed), ("work: 3 new messages, 168 bytes\n", []), "--check: likewise")
        result = box.run()
        tap.same((result.status, result.err), (0, ""), "a first run")
        tap.ok(box.holds(INBOX, 1) and box.holds(WORK, 1, 2) and box.holds(EVERYTHING, 1, 2, 3), "each folder has its messages", *box.ada.maildir.glob("**/*"))
        tap.same(len(gmail.handed), 3, "each is fetched once") or print("#", gmail.handed)
        tap.ok(box.linked(1, INBOX, WORK, EVERYTHING) and box.linked(2, WORK, EVERYTHING), "and is one file")
        tap.same(result.out, "work: 3 new messages, 168 bytes, 2 folders, 3 linked from other folders\n", "what is said")
        tap.matches(box.ada.run("tappal", "status").out, "\n  fetched just now, 3 new messages\n", "status: what is linked is no new mail")
        log = box.ada.log.read_text()
        tap.same((log.count(" fetched "), log.count(" linked ")), (3, 3), "what is logged") or print("#", log)

        result = box.run()
        tap.same((result.out, gmail.handed, [c for c in gmail.commands if "FETCH" in c]), ("work: no new messages\n", [], []), "a second run asks for nothing")

        gmail.label(first, "Later")
        result = box.run("--dry-run")
        tap.ok("work: Later: no new messages, 1 would be linked from other folders" in result.out, "--dry-run: of what was fetched before", result.out)
        tap.same(box.run("--check").status, 1, "--check: a label is no new mail")
        gmail.add(text(4), "Later")
        result = box.run("--json")
        tap.ok(box.holds(".Later", 1, 4) and box.linked(1, INBOX, ".Later"), "a label that is added later: a link, of a file from an earlier run")
        tap.same([uid for name, uid in gmail.handed], [4], "only what is new is fetched") or print("#", gmail.handed)
        tap.matches(result.out, '"messages":1,.*"linked":2', "--json counts links by themselves")

        file = box.files(INBOX)[text(1)]
        file.rename(file.parent.parent / "cur" / (file.name + ":2,S"))
        gmail.label(first, "Read")
        box.run()
        tap.ok(gmail.handed == [] and box.holds(".Read", 1) and box.linked(1, INBOX, ".Read"), "of a file that a reader has taken over", gmail.handed)


def same_anyway(house):
    """What must not be linked, or cannot: the message is there all the same."""
    with Gmail() as gmail:
        box = Box(house, gmail)
        message = gmail.add(text(1), "INBOX")
        box.run()
        for file in (box.files(INBOX) | box.files(EVERYTHING)).values():
            file.unlink()
        for file in box.files(INBOX).values():
            file.unlink()
        gmail.label(message, "Work")
        box.run()
        tap.ok(box.holds(WORK, 1) and len(gmail.handed) == 1, "its files are gone: it is fetched", gmail.handed)

    with Gmail() as gmail:
        box = Box(house, gmail, folders="INBOX, Work")
        message = gmail.add(text(1), "INBOX")
        gmail.folders["Work"] = {}
        box.run()
        file = box.files(INBOX)[text(1)]
        file.write_bytes(file.read_bytes().replace(b"Hello", b"HELLO"))
        gmail.label(message, "Work")
        box.run()
        tap.ok(box.holds(WORK, 1) and len(gmail.handed) == 1, "its file was changed: it is fetched", gmail.handed)

    with Gmail() as gmail:
        box = Box(house, gmail, folders="INBOX, Work")
        a, b = gmail.add(text(1), "INBOX"), gmail.add(text(22), "Work")
        b.id = a.id
        box.run()
        tap.ok(box.holds(INBOX, 1) and box.holds(WORK, 22), "two messages of one name and two sizes are two")

    with Gmail() as gmail:
        box = Box(house, gmail)
        gmail.add(text(1), "INBOX")
        (box.ada.maildir / ".[Gmail].All Mail").mkdir(parents=True)
        result = box.run(TAPPAL_TEST_STEP="fail:9:EIO:tappal-fetch")
        again = box.run()
        tap.ok(result.status != 0 and again.status == 0 and box.holds(INBOX, 1) and box.holds(EVERYTHING, 1), "a fault ends the run, not the message", result, again)

    with Gmail() as gmail:
        box = Box(house, gmail, deliver="command /bin/sh -c 'cat >>$HOME/all; echo $TAPPAL_FOLDER >>$HOME/folders'", maildir=None)
        gmail.add(text(1), "INBOX")
        result = box.run()
        tap.same(len(gmail.handed), 2, "what is handed over is handed over for each folder") or print("#", result)


def flags_and_deletions(house):
    with Gmail() as gmail:
        box = Box(house, gmail, flags="both", deletions="both")
        read = gmail.add(text(1), "INBOX", "Work")
        read.flags = {"\\Seen"}
        away = gmail.add(text(2), "INBOX", "Work")
        thrown = gmail.add(text(3), "INBOX", "Work")
        box.run()
        tap.ok(box.linked(1, INBOX, WORK, EVERYTHING) and all(box.files(f)[text(1)].name.endswith(":2,S") for f in (INBOX, WORK, EVERYTHING)),
               "links have the message's flags", *box.ada.maildir.glob("**/cur/*"))
        gmail.unlabel(away, "Work")
        box.run()
        tap.ok(box.holds(WORK, 1, 3) and box.holds(INBOX, 1, 2, 3) and box.holds(EVERYTHING, 1, 2, 3), "a label that is taken away takes one link away")
        file = box.files(INBOX)[text(3)]
        file.unlink()
        box.run()
        tap.ok(thrown not in gmail.folders["INBOX"].values() and thrown in gmail.folders["Work"].values() and thrown in gmail.folders[ALL].values(),
               "a link that is deleted here takes away that label, and nothing else", gmail.commands)
        tap.ok(box.holds(WORK, 1, 3) and box.holds(EVERYTHING, 1, 2, 3), "the other links stay")
        file = box.files(INBOX)[text(2)]
        (box.ada.maildir / ".Mine" / "cur").mkdir(parents=True)
        file.rename(box.ada.maildir / ".Mine" / "cur" / "1.moved.by.hand:2,S")
        box.run()
        tap.ok(away in gmail.folders["INBOX"].values(), "one that was moved, under another name, is not taken for deleted", gmail.commands)


def kept_nowhere(house):
    with Gmail() as gmail:
        box = Box(house, gmail, folders="INBOX, Work", keep="no")
        gmail.add(text(1), "INBOX", "Work")
        result = box.run()
        tap.ok(box.holds(INBOX, 1) and box.holds(WORK, 1) and len(gmail.handed) == 1, "keep = no: linked all the same", result, gmail.handed)
        tap.ok(not gmail.folders["INBOX"] and not gmail.folders["Work"] and gmail.folders[ALL], "and both are deleted where they were fetched from")


def names_of_two(house):
    """A server that gives one lasting name to all, or none worth the name: two messages of one size stay two."""
    for number in (1278455344230334865, 0, "NIL"):
        with Gmail() as gmail:
            box = Box(house, gmail)
            gmail.add(text(1), "INBOX").id = gmail.add(text(2), "Work").id = number
            result = box.run()
            tap.ok(result.status == 0 and box.holds(INBOX, 1) and box.holds(WORK, 2) and box.holds(EVERYTHING, 1, 2), f"two messages called {number}", result)


def others(house):
    with Gmail(("OBJECTID", "EMAILID")) as server:
        box = Box(house, server)
        server.add(text(1), "INBOX")
        box.run()
        tap.ok(len(server.handed) == 1 and box.linked(1, INBOX, EVERYTHING), "EMAILID (RFC 8474) does the same")
    with Gmail(("XNONE", "XNONE")) as server:
        box = Box(house, server)
        server.add(text(1), "INBOX")
        box.run()
        tap.ok(len(server.handed) == 2 and box.holds(EVERYTHING, 1), "a server without lasting names: each folder's is fetched")


def main():
    with fetching.Alone() as house:
        for part in (once, same_anyway, flags_and_deletions, kept_nowhere, names_of_two, others):
            part(house)
    tap.done()


main()
