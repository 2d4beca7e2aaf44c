#!/usr/bin/python3
"""readers - our maildirs in the hands of mutt and notmuch, and of a reader that renames, moves and deletes messages while
they are being fetched, and while the fetcher is killed: each message comes once.

run: limit=200
"""
import os
import pathlib
import pty
import random
import re
import subprocess
import sys
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import lab      # noqa: E402
import tap      # noqa: E402
from letters import here  # noqa: E402

NOTMUCH = lab.TOP / "build/notmuch"


def letter(n):
    return (f"From: grace@example.test\r\nTo: ada@example.test\r\nMessage-ID: <{n}@example.test>\r\nDate: Sun, 22 Nov 2026 03:{n // 60 % 60:02}:{n % 60:02} +0000\r\n"
            f"Subject: letter {n}\r\n\r\nbody {n}\r\n").encode()


def anew(ada, count, **options):
    ada.begin_anew(*map(letter, range(count)))
    ada.account(fetch=options)


def subjects(ada, folder="."):
    return sorted(int(re.search(rb"Subject: letter (\d+)", p.read_bytes())[1]) for sub in ("new", "cur") for p in (ada.maildir / folder / sub).glob("*"))


# -- mutt --

def mutt(ada, keys):
    """A session: what it showed last."""
    rc = ada.home / "muttrc"
    rc.write_text(f'set folder="{ada.maildir}" mbox_type=Maildir sort=subject confirmappend=no confirmcreate=no delete=yes move=no quit=yes header_cache="" '
                  f'tmpdir="{ada.home}" status_format="-%f Msgs:%m New:%n-"\n')
    master, slave = pty.openpty()
    said = []
    with subprocess.Popen(["mutt", "-n", "-F", rc, "-f", ada.maildir, "-e", f'push "{keys}"'], stdin=slave, stdout=slave, stderr=slave,
                          env={**ada.env, "TERM": "vt100", "LINES": "40", "COLUMNS": "120"}, start_new_session=True) as child:
        ada.started.add(child.pid)
        os.close(slave)
        reader = threading.Thread(target=lab.drain, args=(master, said))
        reader.start()
        try:
            child.wait(30)
        except subprocess.TimeoutExpired:
            child.kill()
        reader.join(10)
    ada.started.discard(child.pid)
    return child.returncode, b"".join(said).decode(errors="replace")


def with_mutt(house, ada):
    anew(ada, 5)
    ada.run("tappal-fetch")
    status, said = mutt(ada, "<quit>")
    tap.ok(status == 0 and "Msgs:5 New:5" in said, "mutt sees five new messages", status, said[-500:])
    status, said = mutt(ada, "<first-entry><delete-message><set-flag>!<save-message><kill-line>=.Kept<enter><quit>")
    tap.same((status, subjects(ada), subjects(ada, ".Kept")), (0, [1, 3, 4], [2]), "mutt deletes one, and saves one elsewhere") or print("#", said[-1500:])
    tap.ok(list(ada.maildir.glob("cur/*:2,F*")), "and flags one", *ada.maildir.glob("*/*"))
    house.put(letter(5))
    result = ada.run("tappal-fetch")
    tap.matches(result.out, "^work: 1 new message,", "what comes then is fetched, and nothing else")
    tap.same((subjects(ada), subjects(ada, ".Kept")), ([1, 3, 4, 5], [2]), "what mutt deleted stays deleted, what it moved stays there")
    tap.matches(ada.run("tappal", "verify").out, r"^INBOX: 6 on the server; 4 here, 1 missing, 1 changed\n  missing: [^\n]*\n  changed: [^\n]*, .Kept/cur/", "verify finds what mutt moved, with its own notes in the header")
    ada.account(fetch={"keep": "no"})
    tap.same((ada.run("tappal-fetch").status, house.received(), subjects(ada)), (0, [], [1, 3, 4, 5]), "keep = no takes all off the server")


# -- notmuch --

def notmuch(ada, *args):
    libraries = NOTMUCH / "usr/lib/x86_64-linux-gnu"
    done = subprocess.run([NOTMUCH / "usr/bin/notmuch", *args], env={**ada.env, "LD_LIBRARY_PATH": str(libraries), "NOTMUCH_CONFIG": str(ada.home / "notmuch-config")},
                          capture_output=True, text=True, check=False, timeout=60)
    return done.stdout.strip() if done.returncode == 0 else f"failed: {done.stdout} {done.stderr}"


def with_notmuch(house, ada):
    if not (NOTMUCH / "usr/bin/notmuch").exists():
        tap.skip("notmuch", "tests/deps --unpack has not been run")
        return
    anew(ada, 12)
    (ada.home / "notmuch-config").write_text(f"[database]\npath={ada.maildir}\n[user]\nprimary_email=ada@example.test\n[new]\ntags=unread;new\n[maildir]\nsynchronize_flags=true\n")
    ada.run("tappal-fetch")
    tap.matches(notmuch(ada, "new"), "Added 12 new messages", "notmuch finds twelve messages")
    notmuch(ada, "tag", "-unread", "+flagged", "--", "subject:7")
    tap.same(len(list(ada.maildir.glob("cur/*:2,FS"))), 1, "notmuch marks one as read and flagged, by its name") or print("#", notmuch(ada, "search", "*"))
    house.put(letter(12))
    result = ada.run("tappal-fetch")
    tap.matches(result.out, "^work: 1 new message,", "one more is fetched, none twice")
    tap.matches(notmuch(ada, "new"), "Added 1 new message", "and notmuch finds that one alone")
    tap.same((notmuch(ada, "count", "*"), notmuch(ada, "count", "--output=files", "*")), ("13", "13"), "thirteen messages, thirteen files")
    tap.same(ada.run("tappal", "verify").out, "INBOX: 13 on the server; 13 here\n", "verify finds them under notmuch's names")


# -- a reader at work --

class Reader:
    """Takes new messages over, renames, moves and deletes them, as fast as it can; keeps what it deleted."""

    def __init__(self, root):
        self.root, self.deleted, self.done = root, [], threading.Event()
        self.dice = random.Random(5)
        (root / ".Elsewhere/cur").mkdir(parents=True)
        self.thread = threading.Thread(target=self.work, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.done.set()
        self.thread.join(20)

    def work(self):
        while not self.done.is_set():
            for path in [*self.root.glob("new/*"), *list(self.root.glob("cur/*"))[:20]]:
                try:
                    self.handle(path)
                except FileNotFoundError:
                    pass
            time.sleep(0.001)

    def handle(self, path):
        choice = self.dice.randrange(4)
        if choice == 0 and path.parent.name == "cur":
            self.deleted.append(path.read_bytes())
            path.unlink()
        elif choice == 1:
            path.rename(self.root / ".Elsewhere/cur" / f"{time.monotonic_ns()}.reader:2,S")
        else:
            path.rename(self.root / "cur" / (path.name.partition(":")[0] + self.dice.choice((":2,", ":2,S", ":2,RS"))))


def meanwhile(house, ada, protocol, count, stops):
    anew(ada, count, protocol=protocol, port=house.port("IMAPS" if protocol == "imap" else "POP3S"), keep="no")
    ada.maildir.mkdir()
    what = f"{protocol}, a reader at work" + (", and the fetcher killed" if stops else "")
    with Reader(ada.maildir) as reader:
        for n in stops:
            ada.run("tappal-fetch", TAPPAL_TEST_STEP=f"stop:{n}:tappal-fetch")
        result = ada.run("tappal-fetch")
    mail = sorted(ada.fetched() + reader.deleted)
    tap.ok(result.status == 0 and not result.err, f"{what}: it gets through", result)
    tap.ok(mail == sorted(here(letter(n)) for n in range(count)), f"{what}: each message once", f"{len(mail)} of {count}, {len(set(mail))} different")
    tap.ok(reader.deleted and list(ada.maildir.glob(".Elsewhere/cur/*")), f"{what}: it has deleted and moved some")
    tap.same((house.received(), ada.half_written()), ([], []), f"{what}: nothing is left on the server or half-written")


def main():
    with lab.Lab() as house:
        ada = house.person("ada")
        with_mutt(house, ada)
        with_notmuch(house, ada)
        for protocol in ("imap", "pop3"):
            meanwhile(house, ada, protocol, 400, ())
            meanwhile(house, ada, protocol, 150, (20, 60, 110, 170, 240))
    tap.done()


main()
