#!/usr/bin/python3
"""cyrus - tappal-fetch against Cyrus: folders below "INBOX.", lasting names of messages (OBJECTID), flags and deletions both
ways by QRESYNC, moving; and its POP3 server.

run: limit=100
"""
import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import cyrus     # noqa: E402
import fetching  # noqa: E402
import tap       # noqa: E402


def letter(n):
    return f"From: grace@example.test\r\nMessage-ID: <{n}@example.test>\r\nSubject: letter {n}\r\n\r\nbody {n}\r\n.dot\r\n".encode()


def here(n):
    return letter(n).replace(b"\r\n", b"\n")


class Case:
    def __init__(self, house, server):
        self.house, self.server, self.ada = house, server, None

    def begin(self, **fetch):
        self.ada = self.house.person()
        self.set(**fetch)

    def set(self, protocol="imap", **fetch):
        settings = {"protocol": protocol, "host": "localhost", "port": self.server.ports[protocol], "tls": "off", "tls_ca": None, "auth": "plain"}
        self.ada.account(fetch={**settings, **fetch}, login=self.server.user, password=self.server.password)

    def run(self, what, *args, out=None):
        result = self.ada.run("tappal-fetch", *args)
        tap.ok(result.status == 0 and not result.err and (out is None or out in result.out), what, result)

    def files(self, folder="."):
        return sorted(p for sub in ("new", "cur") for p in (self.ada.maildir / folder / sub).glob("*"))


def folders_and_names(case):
    server = case.server
    for n in range(20):
        server.put(letter(n))
    server.put(letter(20), "INBOX.Sent")
    with server.imap() as imap:
        imap.select("INBOX")
        tap.same(imap.uid("COPY", "1:3", "INBOX.Archive")[0], "OK", "three are in another folder as well")
    case.begin(folders="*")
    case.run("all folders are fetched")
    tap.same(sorted(case.ada.fetched()), sorted([here(n) for n in range(21)] + [here(n) for n in range(3)]), "as they are")
    tap.same([len(case.files(f)) for f in (".", ".Sent", ".Archive")], [20, 1, 3], "in folders without the server's prefix")
    tap.same([p.stat().st_nlink for p in case.files(".Archive")], [2, 2, 2], "what is in two folders is one file (EMAILID)")
    server.put(letter(21))
    case.run("once more")
    tap.same(sorted(case.ada.fetched())[-1], sorted([here(n) for n in range(22)])[-1], "what is new comes")
    case.run("and nothing new")
    check = case.ada.run("tappal", "verify")
    tap.same((check.status, check.err), (0, ""), "verified") or print("#", check)


def both_ways(case):
    server = case.server
    case.begin(folders="INBOX", flags="both", deletions="both")
    case.run("flags and deletions: the first run")
    uids = sorted(server.messages())
    with server.imap() as imap:
        imap.select("INBOX")
        imap.uid("STORE", str(uids[0]), "+FLAGS", r"(\Flagged)")
        imap.uid("STORE", str(uids[1]), "+FLAGS", r"(\Deleted)")
        imap.expunge()
    by_uid = {int(p.name.split("-")[2]): p for p in case.files() if p.name.count("-") > 1}
    by_uid[uids[2]].rename(case.ada.maildir / "cur" / (by_uid[uids[2]].name.partition(":")[0] + ":2,S"))
    by_uid[uids[3]].unlink()
    case.run("and the next one")
    left = server.messages()
    tap.same((uids[1] in left, uids[3] in left, left[uids[2]], len(left)), (False, False, {"\\Seen"}, len(uids) - 2), "what was done here is done there")
    now = {int(p.name.split("-")[2]): p.name for p in case.files()}
    tap.ok(uids[1] not in now and now[uids[0]].endswith("F"), "what was done there is done here", now)
    case.run("then there is peace")
    tap.same((server.messages(), len(case.files())), (left, len(left)), "on both sides")


def moved(case):
    before = len(case.server.messages())
    archived = len(case.server.messages("INBOX.Archive"))
    case.begin(folders="INBOX", move_to="Archive")
    case.run("move_to")
    tap.same((case.server.messages(), len(case.server.messages("INBOX.Archive")), len(case.files())), ({}, archived + before, before), "what was fetched is in the archive, each once")


def by_pop3(case):
    for n in range(30, 35):
        case.server.put(letter(n))
    case.begin(protocol="pop3")
    case.run("POP3")
    case.run("POP3: nothing new")
    tap.same(sorted(case.ada.fetched()), sorted(here(n) for n in range(30, 35)), "POP3: each once")
    case.set(protocol="pop3", keep="no")
    case.run("POP3: keep = no")
    tap.same((case.server.messages(), len(case.files())), ({}, 5), "POP3: taken off the server")


def main():
    if not cyrus.UNPACKED.exists():
        tap.skip("Cyrus", "tests/deps --unpack has not been run")
        tap.done()
    with fetching.Alone() as house, cyrus.Cyrus(house.dir / "cyrus") as server:
        case = Case(house, server)
        for part in (folders_and_names, both_ways, moved, by_pop3):
            part(case)
        case.set(protocol="imap")
        case.ada.account(fetch={"host": "localhost", "port": server.ports["imap"], "tls": "off", "tls_ca": None}, login=server.user, password="wrong")
        result = case.ada.run("tappal-fetch")
        tap.ok(result.status == 77 and "refused the password" in result.err, "a wrong password", result)
    tap.done()


main()
