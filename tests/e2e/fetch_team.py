#!/usr/bin/python3
"""fetch_team - `connections`: a first pull of ten folders over several sessions of Dovecot's; with one of them killed, hung or refused; each message is here exactly once, and the next run finds nothing new.

run: limit=180
"""
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import between  # noqa: E402
import lab      # noqa: E402
import tap      # noqa: E402

FOLDERS, EACH = 10, 60


def letters():
    """Ten folders of different size; the messages of each, by its name on the disk."""
    for k in range(FOLDERS):
        folder = f".list{k}" if k else ""
        yield folder, [b"From: grace@example.test\r\nSubject: %d of %d\r\n\r\n" % (i, k) + b"x" * 60 * (i % 50) + b"\r\n" for i in range(EACH + 5 * k)]


def fill(house):
    """Straight into the site's maildirs."""
    root = pathlib.Path(house.site["MAILROOT"], house.site["USER"], "Maildir")
    for folder, texts in letters():
        for sub in (".", "cur", "new", "tmp"):
            (root / folder / sub).mkdir(parents=True, exist_ok=True)
        for i, text in enumerate(texts):
            (root / folder / "new" / f"{1000000 + i}.M{i}.team").write_bytes(text)
        if lab.ROOT:
            for path in (root / folder, *(root / folder).rglob("*")):
                shutil.chown(path, "nobody", "nogroup")


class Gate(between.Forwarder):
    """Lets in so many at a time, each at a measured pace; `most` is how many there were at once."""

    def __init__(self, port, room, pause=0.0):
        super().__init__(port)
        self.room, self.pause, self.now, self.most, self.refused = room, pause, 0, 0, 0

    def handle(self, client):
        if self.now >= self.room:
            self.refused += 1
            client.sendall(b"* BYE Too many simultaneous connections.\r\n")
            client.close()
            return
        self.now += 1
        self.most = max(self.most, self.now)
        between.join(client, socket.create_connection(("127.0.0.1", self.target)), self.slowly)
        self.now -= 1

    def slowly(self, source, target):
        try:
            while data := source.recv(16384):
                time.sleep(self.pause)
                target.sendall(data)
        except OSError:
            pass


def whole():
    return sorted(text.replace(b"\r\n", b"\n") for _, texts in letters() for text in texts)


def check(ada, what, result, err=r"^$"):
    count = sum(len(texts) for _, texts in letters())
    tap.ok(result.status == 0 and re.fullmatch(rf"work: {count} new messages, .*, 10 folders\n", result.out), f"{what}: told as one pull", result)
    tap.matches(result.err, err, f"{what}: what is said")
    tap.same(sorted(ada.fetched()) == whole(), True, f"{what}: each message once, byte for byte")
    again = ada.run("tappal-fetch")
    tap.same((again.status, again.out, ada.half_written()), (0, "work: no new messages\n", []), f"{what}: nothing is left to do")


def account(ada, line, **more):
    ada.account(auth="plain", fetch={"port": line.port, "tls": "off", "tls_ca": None, "folders": "*, !Sent", **more})


def together(house):
    ada = house.person("four")
    with Gate(house.port("IMAP"), 9, 0.01) as line:
        news = ada.home / "news"
        account(ada, line, connections=4, on_new=f"sh -c 'cat >>{news}'")
        check(ada, "four connections", ada.run("tappal-fetch"))
        tap.same(line.most, 4, "four connections: so many at once")
        tap.same(sorted(news.read_text().split()) == sorted(str(p) for p in ada.maildir.rglob("*.tappal*")), True, "on_new: has each file once")
    ada = house.person("one")
    with Gate(house.port("IMAP"), 9) as line:
        account(ada, line)
        check(ada, "by default", ada.run("tappal-fetch"))
        tap.same(line.most, 1, "by default: one connection")


def refused(house):
    ada = house.person("refused")
    with Gate(house.port("IMAP"), 1) as line:
        account(ada, line, connections=4)
        check(ada, "a server for one", ada.run("tappal-fetch"), r"^[^\n]*let in 1 of 4 connections: [^\n]*Too many simultaneous connections\.[^\n]* `connections` lower\.\n$")
        tap.same(line.refused, 3, "a server for one: the others were refused")


def helpers(pid):
    """The processes of further sessions: below the account's own, which is below that of the run."""
    below = lambda p: [int(c) for t in pathlib.Path(f"/proc/{p}/task").iterdir() for c in (t / "children").read_text().split()]
    try:
        return [h for child in below(pid) for h in below(child)]
    except FileNotFoundError:
        return []


def lives(pid):
    """A process that has ended may wait for somebody to ask how."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def started(ada):
    return subprocess.Popen([str(lab.BUILD / "tappal-fetch")], env=ada.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)


def in_the_middle(ada, run):
    """The helpers, once some messages are here."""
    end = time.monotonic() + 20
    while time.monotonic() < end and not (helpers(run.pid) and len(ada.fetched()) > 20):
        time.sleep(0.01)
    return helpers(run.pid)


def are_gone(pids):
    end = time.monotonic() + 20
    while time.monotonic() < end and any(map(lives, pids)):
        time.sleep(0.01)
    return not any(map(lives, pids))


def ended(run):
    out, err = run.communicate(timeout=60)
    return lab.Result(run.returncode, out.decode(), err.decode())


def is_whole(ada, what):
    tap.same(sorted(ada.fetched()) == whole(), True, f"{what}: each message once")
    again = ada.run("tappal-fetch")
    tap.same((again.status, again.out, ada.half_written()), (0, "work: no new messages\n", []), f"{what}: nothing is left to do")


def killed(house):
    for victim in ("a further session", "the run"):
        ada = house.person(victim.split()[-1])
        with Gate(house.port("IMAP"), 9, 0.05) as line:
            account(ada, line, connections=3)
            with started(ada) as run:
                found = in_the_middle(ada, run)
                os.kill(found[0] if victim == "a further session" else run.pid, signal.SIGKILL)
                result = ended(run)
            tap.same(len(found), 2, f"{victim} is killed: two helped")
            if victim == "the run":
                tap.ok(are_gone(found), f"{victim} is killed: and nobody is left")
                result = ada.run("tappal-fetch")
            tap.ok(result.status == 0 and not result.err, f"{victim} is killed: no complaint", result)
            is_whole(ada, f"{victim} is killed")


def hung(house):
    """Nothing is waited for without end: neither a further session nor the account's own process."""
    for victim in ("helper", "child"):
        ada = house.person(f"hung-{victim}")
        ada.env["TAPPAL_TEST_SILENCE"] = "3"
        with Gate(house.port("IMAP"), 9, 0.05) as line:
            account(ada, line, connections=3)
            with started(ada) as run:
                found = in_the_middle(ada, run)
                child = int(pathlib.Path(f"/proc/{run.pid}/task/{run.pid}/children").read_text().split()[0])
                os.kill(found[0] if victim == "helper" else child, signal.SIGSTOP)
                result = ended(run)
            tap.ok(result.status == 69 and re.fullmatch(r"tappal-fetch: work: Fetching was stopped, since nothing had happened [^\n]*\n  hint: Nothing is lost[^\n]*\n", result.err), f"a {victim} hangs: it is ended, and told", result)
            tap.ok(are_gone(found), f"a {victim} hangs: nobody is left")
            del ada.env["TAPPAL_TEST_SILENCE"]
            tap.same(ada.run("tappal-fetch").status, 0, f"a {victim} hangs: the next run goes on")
            is_whole(ada, f"a {victim} hangs")


def main():
    with lab.Lab() as house:
        fill(house)
        together(house)
        refused(house)
        killed(house)
        hung(house)
    tap.done()


main()
