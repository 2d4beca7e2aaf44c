#!/usr/bin/python3
"""fetch_renumber - folders whose UIDs mean other messages than before: what was fetched is found again, what is new is fetched,
nothing is deleted on the server, and a crash anywhere in between does not matter.

run: limit=100
"""
import pathlib
import shutil
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import fetching     # noqa: E402
import imap_script  # noqa: E402
import tap          # noqa: E402
from imap_script import BYE, CAPS, DATE, DONE, opened  # noqa: E402

OLDER = "16-Jul-1996 02:44:25 -0700"


def mail(n, subject=None):
    """Message n; its size is 100 octets whatever n is."""
    head = f"Message-ID: <{n}@example.org>\r\nDate: Mon, 1 Jan 2024 00:00:0{n} +0000\r\nSubject: {subject or n}\r\n\r\n"
    return (head + "x" * (98 - len(head)) + "\r\n").encode()


def here(n, **options):
    return mail(n, **options).replace(b"\r\n", b"\n")


class Server:
    """What it holds: UID -> (message, date, EMAILID)."""

    def __init__(self, messages, validity=7, following=None, objectid=False):
        self.messages, self.validity, self.objectid = messages, validity, objectid
        self.following = following or max(messages, default=0) + 1
        self.mark = " EMAILID" if objectid else ""
        self.sign_in = imap_script.sign_in(CAPS + (" OBJECTID" if objectid else ""))

    def open(self, examine="EXAMINE"):
        return self.sign_in + opened(len(self.messages), self.following, validity=self.validity, examine=examine)

    def facts(self, uid):
        text, date, name = self.messages[uid]
        return f'UID {uid} RFC822.SIZE {len(text)} INTERNALDATE "{date}"' + (f" EMAILID ({name})" if self.objectid else "")

    def all(self):
        """The whole folder is described."""
        return (f"C: {{tag}} UID FETCH 1:* (UID RFC822.SIZE INTERNALDATE{self.mark})\n"
                + "".join(f"S: * {i} FETCH ({self.facts(uid)})\n" for i, uid in enumerate(self.messages, 1)) + "S: {tag} OK\n")

    def headers(self, uids):
        """These headers are asked for."""
        out = f"C: {{tag}} UID FETCH {uids} (UID BODY.PEEK[HEADER.FIELDS (MESSAGE-ID DATE FROM SUBJECT)])\n"
        for uid in self.messages:
            if str(uid) in uids.split(",") or ":" in uids:
                head = self.messages[uid][0].split(b"\r\n\r\n")[0] + b"\r\n\r\n"
                out += (f"S| * 9 FETCH (UID {uid} BODY[HEADER.FIELDS (MESSAGE-ID DATE FROM SUBJECT)] {{{len(head)}}}\\r\\n"
                        + "".join(f"\\x{b:02x}" for b in head) + ")\\r\\n\n")
        return out + "S: {tag} OK\n"

    def list(self, uids):
        return imap_script.listed(uids, size=100)

    def bodies(self, uids):
        out = f"C: {{tag}} UID FETCH {','.join(map(str, uids))} (UID RFC822.SIZE INTERNALDATE{self.mark} BODY.PEEK[])\n"
        out = out.replace("1,2,3", "1:3")
        for uid in uids:
            text = self.messages[uid][0]
            out += f"S| * 9 FETCH ({self.facts(uid)} BODY[] {{{len(text)}}}\\r\\n" + "".join(f"\\x{b:02x}" for b in text) + ")\\r\\n\n"
        return out + DONE


def three(objectid=False):
    return Server({n: (mail(n), DATE, f"M{n}") for n in (1, 2, 3)}, objectid=objectid)


def first_run(ada, name, server, **options):
    fetching.run_case(ada, f"{name}: first run", server.open(options.pop("examine", "EXAMINE")) + server.list([1, 2, 3]) + server.bodies([1, 2, 3]) + BYE, "imap",
                      mail=[here(n) for n in (1, 2, 3)], **options)


def by_id(house):
    """Lasting names (OBJECTID): no header is asked for but of what has no counterpart. And nothing is deleted in this run, but in the next."""
    ada = house.person()
    first_run(ada, "by name", three(True))
    server = Server({10: (mail(3), OLDER, "M3"), 11: (mail(4), DATE, "M4"), 12: (mail(1), DATE, "M1")}, validity=8, objectid=True)
    everything = [here(n) for n in (1, 2, 3, 4)]
    run = fetching.run_case(ada, "by name", server.open("SELECT") + server.all() + server.headers("11") + server.list([10, 11, 12]) + server.bodies([11]) + BYE, "imap", mail=everything, keep="no",
                            err=r"INBOX: the server has numbered all messages anew \(UIDVALIDITY\)\. Of 3 messages fetched before, 2 were found again; 1 is new")
    tap.ok("hint" not in run.err, "by name: one line", run.err)
    old = ("C: {tag} UID FETCH 10:12 (UID RFC822.SIZE INTERNALDATE)\n" + "".join(f"S: * 1 FETCH ({server.facts(uid)})\n" for uid in (10, 11, 12)) + "S: {tag} OK\n"
           + "C: {tag} UID STORE 10:12 +FLAGS.SILENT (\\Deleted)\nS: {tag} OK\nC: {tag} UID EXPUNGE 10:12\nS: {tag} OK\n")
    fetching.run_case(ada, "by name: deleted in the next run", server.open("SELECT") + old + BYE, "imap", mail=everything, keep="no")
    server = Server({1: (mail(5), DATE, "M5")}, validity=9, objectid=True)
    fetching.run_case(ada, "where nothing was left there, new numbers are no news", server.open("SELECT") + server.all() + server.list([1]) + server.bodies([1]) + BYE, "imap",
                      mail=[*everything, here(5)], keep="no")


def by_header(house):
    """Without names: size, header and date; a message of the same size with another header is new."""
    ada = house.person()
    first_run(ada, "by header", three())
    messages = {1: (mail(2), DATE, ""), 2: (mail(3, subject="4"), DATE, ""), 3: (mail(1), OLDER, ""), 4: (mail(4) + b"x", DATE, "")}
    server = Server(messages, validity=8)
    script = server.open() + server.all() + server.headers("1:3") + server.list([1, 2, 3, 4]) + server.bodies([2, 4]) + BYE
    everything = [here(n) for n in (1, 2, 3)] + [here(3, subject="4"), here(4) + b"x"]
    dry, peer = fetching.play(ada, server.open() + server.all() + server.headers("1:3") + server.list([1, 2, 3, 4]) + BYE, "imap", args=("--dry-run",))
    tap.ok(peer.good and dry.status == 0 and "INBOX: 2 new messages" in dry.out, "by header: --dry-run looks only", dry, *peer.transcript)
    fetching.run_case(ada, "by header", script, "imap", mail=everything, err="Of 3 messages fetched before, 2 were found again; 2 are new")
    fetching.run_case(ada, "by header: and then all is known", server.open() + BYE, "imap", mail=everything)


def twins(house):
    """Copies of one message: those with its date are it; of several with other dates nobody knows which."""
    ada = house.person()
    first_run(ada, "twins", three())
    server = Server({5: (mail(1), OLDER, ""), 6: (mail(1), DATE, ""), 7: (mail(2), OLDER, ""), 8: (mail(2), OLDER, ""), 9: (mail(3), DATE, "")}, validity=8)
    script = server.open() + server.all() + server.headers("5:9") + server.list([5, 6, 7, 8, 9]) + server.bodies([5, 7, 8]).replace("5,7,8", "5,7:8") + BYE
    fetching.run_case(ada, "twins", script, "imap", mail=[here(n) for n in (1, 1, 2, 2, 2, 3)], err="3 messages fetched before, 2 were found")


def set_back(house):
    """The same UIDVALIDITY, and UIDNEXT runs backwards: a backup was played back."""
    ada = house.person()
    first_run(ada, "set back", three())
    server = Server({1: (mail(1), DATE, ""), 2: (mail(5), DATE, "")}, following=3)
    script = server.open() + server.all() + server.headers("1:2") + server.list([1, 2]) + server.bodies([2]) + BYE
    fetching.run_case(ada, "set back", script, "imap", mail=[here(n) for n in (1, 2, 3, 5)], err=r"was set back \(UIDNEXT\)\. Of 3 .* 1 was found again; 1 ")
    empty = Server({}, validity=9, following=1)
    fetching.run_case(ada, "empty under other numbers: nothing is forgotten", empty.open("SELECT") + BYE, "imap", mail=[here(n) for n in (1, 2, 3, 5)], keep="no")
    again = Server({1: (mail(5), DATE, ""), 2: (mail(6), DATE, "")}, validity=10)
    script = again.open() + again.all() + again.headers("1:2") + again.list([1, 2]) + again.bodies([2]) + BYE
    fetching.run_case(ada, "for it comes back", script, "imap", mail=[here(n) for n in (1, 2, 3, 5, 6)], err="Of 2 messages fetched before, 1 was found again; 1 ")


def moved(house):
    """Another host or login: the same mailbox under new numbers is taken for what it is; another one is not touched."""
    ada = house.person()
    first_run(ada, "moved", three())
    known = [here(n) for n in (1, 2, 3)]
    other = Server({1: (mail(7), DATE, ""), 2: (mail(8), DATE, "")}, validity=8)
    fetching.run_case(ada, "moved: another mailbox", other.open() + other.all() + other.headers("1:2") + BYE, "imap", mail=known, status=78,
                      err="does not look like the same mailbox", login="charles")
    same = Server({4: (mail(1), OLDER, ""), 5: (mail(2), OLDER, ""), 6: (mail(3), OLDER, ""), 7: (mail(4), DATE, "")}, validity=8)
    script = same.open() + same.all() + same.headers("4:7") + same.list([4, 5, 6, 7]) + same.bodies([7]) + BYE
    fetching.run_case(ada, "moved: the same one", script, "imap", mail=known + [here(4)], err="3 were found again; 1 ", login="charles")
    fetching.run_case(ada, "moved: settled", same.open() + BYE, "imap", mail=known + [here(4)], login="charles")


def rest_of(ada, server):
    """The run after a crash, by what is durable."""
    memory = b"".join(p.read_bytes() for p in ada.state.glob("fetch/*/*.seen"))
    if b"validity 8" not in memory:
        return server.open() + server.all() + server.headers("4:6") + server.list([4, 5, 6]) + server.bodies([5]) + BYE
    if b"next 7" in memory:
        return server.open() + BYE
    return server.open() + server.list([4, 5, 6]) + (BYE if b" open 5 " in memory else server.bodies([5]) + BYE)


def steps(house):
    """Killed at every step of it, and where a step fails: the next run makes it whole."""
    ada = house.person()
    first_run(ada, "steps", three())
    server = Server({4: (mail(1), OLDER, ""), 5: (mail(9), DATE, ""), 6: (mail(3), OLDER, "")}, validity=8)
    script = server.open() + server.all() + server.headers("4:6") + server.list([4, 5, 6]) + server.bodies([5]) + BYE
    before = house.dir / "before"
    shutil.copytree(ada.home, before, symlinks=True)
    wanted = sorted(here(n) for n in (1, 2, 3, 9))
    for what in ("stop:%d", "fail:%d:ENOSPC"):
        done = False
        for n in range(1, 60):
            shutil.rmtree(ada.home)
            shutil.copytree(before, ada.home, symlinks=True)
            ada.env["TAPPAL_TEST_STEP"] = what % n
            result, _ = fetching.play(ada, script, "imap")
            del ada.env["TAPPAL_TEST_STEP"]
            done = result.status == 0
            if done:
                break
            result, peer = fetching.play(ada, rest_of(ada, server), "imap")
            if sorted(ada.fetched()) != wanted or result.status != 0:
                tap.ok(False, f"{what % n}: whole after the next run", result, ada.fetched(), *peer.transcript)
        tap.ok(done and n > 8, f"{what}: walked through {n - 1} steps")
        tap.same(sorted(ada.fetched()), wanted, f"{what}: and without a fault")


def main():
    with fetching.Alone() as house:
        by_id(house)
        by_header(house)
        twins(house)
        set_back(house)
        moved(house)
        steps(house)
    tap.done()


main()
