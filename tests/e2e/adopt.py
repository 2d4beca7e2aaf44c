#!/usr/bin/python3
"""adopt - tappal adopt and tappal verify against Dovecot: what mbsync, getmail, mpop and fetchmail have fetched is taken
over without fetching it again, and what is missing, changed or gone is told.

run: limit=120
"""
import json
import pathlib
import re
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import lab      # noqa: E402
import tap      # noqa: E402
from letters import here  # noqa: E402


def letter(n, more="", body="text"):
    return (f"From: grace@example.test\r\nTo: ada@example.test\r\nMessage-ID: <{n}@example.test>\r\nDate: Sun, 22 Nov 2026 03:04:{n:02} +0000\r\n"
            f"Subject: letter\r\n {n}\r\n{more}\r\n{body}\r\n").encode()


def anew(ada, count, **options):
    ada.begin_anew(*map(letter, range(count)))
    ada.account(fetch=options)


def file(ada, name, text, folder="cur"):
    (ada.maildir / folder).mkdir(parents=True, exist_ok=True)
    (ada.maildir / folder / name).write_bytes(text)


def uids(house):
    """UIDVALIDITY of the INBOX, and the UID of each letter by its number."""
    connection = house.imap()
    connection.select("INBOX", readonly=True)
    validity = int(connection.response("UIDVALIDITY")[1][0])
    found = {}
    for item in connection.uid("fetch", "1:*", "(BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])")[1]:
        if isinstance(item, tuple):
            found[int(re.search(rb"<(\d+)@", item[1])[1])] = int(re.search(rb"UID (\d+)", item[0])[1])
    connection.logout()
    return validity, found


def adopted(ada, *args):
    """A trial changes nothing; then in earnest."""
    trial = ada.run("tappal", "adopt", *args)
    tap.ok(trial.status == 0 and "Nothing was recorded" in trial.out and not list(ada.state.glob("fetch/*/*.seen")), "a trial records nothing", trial)
    real = ada.run("tappal", "adopt", "--yes", *args)
    tap.same(real.out.split("\n")[:-2], trial.out.split("\n")[:-2], "and says what is done then")
    return real


def nothing_twice(house, ada, what, new, kept):
    before = sorted(ada.fetched())
    result = ada.run("tappal-fetch")
    came = [m for m in ada.fetched() if m not in before]
    tap.ok(result.status == 0 and sorted(came) == sorted(map(here, new)) and len(ada.fetched()) == len(before) + len(new), f"{what}: only what is new is fetched", result, *came)
    tap.same(len(house.received()), kept, f"{what}: nothing is deleted on the server")


def by_letter(house, ada, protocol):
    anew(ada, 8, protocol=protocol, port=house.port("IMAPS" if protocol == "imap" else "POP3S"))
    file(ada, "1.a.host:2,S", here(letter(0)))
    file(ada, "2.a.host", here(b"Received: by a fetcher\r\n\tof old\r\n" + letter(1)), "new")
    file(ada, "3.a.host:2,", here(letter(2).replace(b": letter\r\n 2", b":\r\n letter\r\n\t2")), ".Elsewhere/cur")
    file(ada, "4.a.host:2,", here(letter(3))[:-20])
    file(ada, "5.a.host:2,", here(letter(4)) + b"appended by a mailing list\n")
    file(ada, "6.a.host:2,", letter(5))
    real = adopted(ada)
    tap.matches(real.out, r"^INBOX: 8 on the server; 5 here by their letter, 3 to be fetched\n", f"{protocol}, by letter: the summary")
    nothing_twice(house, ada, f"{protocol}, by letter", [letter(3), letter(6), letter(7)], 8)
    tap.matches(ada.run("tappal", "adopt", "--yes").out, "8 known already\nNothing was recorded, for there is nothing to take over", f"{protocol}, by letter: once more, nothing")
    check = ada.run("tappal", "verify")
    tap.same((check.status, check.out), (0, "INBOX: 8 on the server; 8 here\n"), f"{protocol}, by letter: verified") or print("#", check)
    ada.account(fetch={"protocol": protocol, "port": house.port("IMAPS" if protocol == "imap" else "POP3S"), "keep": "no"})
    tap.same((ada.run("tappal-fetch").status, house.received()), (0, []), f"{protocol}, by letter: with keep = no they may go")


def mbsync(house, ada):
    anew(ada, 6)
    validity, uid = uids(house)
    for n, near in ((0, 11), (1, 12), (2, 13)):
        file(ada, f"1795333425.2154_{n}.host,U={near}:2,S", here(letter(n, "X-TUID: Uw4nITttpd2+\r\n")))
    file(ada, "1795333425.2154_9.host,U=11:2,S", here(letter(0, "X-TUID: Uw4nITttpd2+\r\n")), ".Copies/cur")
    pairs = "".join(f"{uid[n]} {near} S\n" for n, near in ((0, 11), (1, 12), (2, 13), (3, 14), (4, 0)))
    (ada.maildir / ".mbsyncstate").write_text(f"FarUidValidity {validity}\nNearUidValidity 5\nMaxPulledUid 5\nMaxPushedUid 14\n\n{pairs}")
    real = adopted(ada)
    tap.matches(real.out, r"\.mbsyncstate is the state of mbsync: it names 5 messages of this mailbox\.\nINBOX: 6 on the server; 3 here by the other program's state; 2 fetched by the other program and not found here; 1 to be fetched\n".replace("; 2", ", 2").replace("; 1 to", ", 1 to"), "mbsync: the summary")
    nothing_twice(house, ada, "mbsync", [letter(5)], 6)
    check = ada.run("tappal", "verify", "work")
    tap.same((check.status, check.out), (0, "INBOX: 6 on the server; 4 here, 2 fetched by another program\n"), "mbsync: verified") or print("#", check)
    anew(ada, 2)
    _, uid = uids(house)
    (ada.home / "state").write_text(f"FarUidValidity 7\nMaxPulledUid 5\nNearUidValidity 5\nMaxPushedUid 14\n\n{uid[0]} 1 \n{uid[1]} 2 \n")
    tap.matches(adopted(ada, "--from", ada.home / "state").out, r"INBOX: 2 on the server; 2 to be fetched", "mbsync: of another UIDVALIDITY it says nothing")


def unique_ids(house):
    connection = __import__("poplib").POP3("127.0.0.1", house.port("POP3"))
    connection.user(house.site["USER"])
    connection.pass_(house.site["PASSWORD"])
    found = [line.split()[1] for line in connection.uidl()[1]]
    connection.quit()
    return found


def states_of_pop3(house, ada):
    user = house.site["USER"]
    writers = {
        "getmail": lambda ids: b"".join(i + b"\x001795333469\n" for i in ids),
        "mpop": lambda ids: b"# This file was generated by mpop version 1.4.18.\n#\n 1 other.example.test eve\nu7\n" + f" {len(ids)} localhost {user}\n".encode() + b"".join(i + b"\n" for i in ids),
        "fetchmail": lambda ids: b"eve@other.example.test u7\n" + b"".join(f"{user}@localhost ".encode() + i + b"\n" for i in ids),
    }
    for name, write in writers.items():
        anew(ada, 5, protocol="pop3", port=house.port("POP3S"))
        ids = unique_ids(house)
        (ada.home / "state").write_bytes(write(ids[:3]))
        file(ada, "1.a.host:2,S", here(b"Received: by a fetcher\r\n" + letter(0)))
        file(ada, "2.a.host:2,S", here(b"Received: by a fetcher\r\n" + letter(3)))
        real = adopted(ada, "--from", ada.home / "state")
        tap.matches(real.out, rf"is the state of {name}: it names 3 messages.*\nINBOX: 5 on the server; 2 here by their letter, 2 fetched by the other program and not found here, 1 to be fetched\n", f"{name}: the summary") or print("#", real)
        nothing_twice(house, ada, name, [letter(4)], 5)
        ada.account(fetch={"protocol": "pop3", "port": house.port("POP3S"), "keep": "no"})
        ada.run("tappal-fetch")
        tap.same(sorted(house.received()), [letter(1), letter(2)], f"{name}: with keep = no, what is not here stays on the server")


def not_a_state(house, ada):
    anew(ada, 1)
    for name, text in (("empty", b""), ("prose", b"Dear Ada,\nhow are you?\n"), ("torn", b"FarUidValidity 5\nMaxPulledUid 1\n\n1 x\n"), ("short", b" 3 localhost ada\nu1\n")):
        (ada.home / "state").write_bytes(text)
        result = ada.run("tappal", "adopt", "--yes", "--from", ada.home / "state")
        tap.ok(result.status == 65 and "cannot be read as the state" in result.err and "hint: " in result.err, f"no state: {name}", result) if name != "empty" else \
            tap.ok(result.status == 0, "no state: an empty one names nothing", result)
    tap.same(ada.run("tappal", "adopt", "--from", ada.home / "nowhere").status, 64, "no state: not there")


def verify(house, ada):
    anew(ada, 6)
    ada.run("tappal-fetch")
    files = {re.search(rb"<(\d+)@", p.read_bytes())[1]: p for p in (ada.maildir / "new").iterdir()}
    files[b"0"].unlink()
    files[b"1"].write_bytes(files[b"1"].read_bytes() + b"more\n")
    files[b"2"].rename(ada.maildir / "cur" / f"{files[b'2'].name}:2,RS")
    (ada.maildir / ".Kept/cur").mkdir(parents=True)
    files[b"3"].rename(ada.maildir / ".Kept/cur/9.by-a-reader:2,S")
    _, uid = uids(house)
    connection = house.imap()
    connection.select("INBOX")
    connection.uid("store", str(uid[4]), "+FLAGS.SILENT", "\\Deleted")
    connection.expunge()
    connection.logout()
    house.put(letter(8))
    state = {p: p.read_bytes() for p in ada.state.rglob("*") if p.is_file()}
    result = ada.run("tappal", "verify")
    tap.same(result.status, 1, "verify: 1 where something is missing")
    tap.matches(result.out, rf"^INBOX: 6 on the server; 3 here, 1 not fetched, 1 missing, 1 changed, 1 here and no longer on the server\n"
                rf"(?=.*  missing: INBOX/{uid[0]}, 1\d\d bytes\n)(?=.*  changed: INBOX/{uid[1]}, 1\d\d bytes, new/\S+\n)", "verify: what is said") or print("#", result)
    tap.ok("hint: What you deleted" in result.err, "verify: the hint", result.err)
    (folder,) = json.loads(ada.run("tappal", "verify", "--json").out)
    tap.same({k: folder[k] for k in ("folder", "listed", "here", "new", "missing", "changed", "extra")},
             {"folder": "INBOX", "listed": 6, "here": 3, "new": 1, "missing": 1, "changed": 1, "extra": 1}, "verify --json: the numbers")
    tap.same({(m["finding"], m["uid"]) for m in folder["messages"]} & {("missing", str(uid[0])), ("changed", str(uid[1])), ("extra", str(uid[4]))},
             {("missing", str(uid[0])), ("changed", str(uid[1])), ("extra", str(uid[4]))}, "verify --json: the messages")
    tap.same({p: p.read_bytes() for p in ada.state.rglob("*") if p.is_file()}, state, "verify: nothing is written")
    tap.same((ada.run("tappal", "verify", "nobody").status, ada.run("tappal", "verify", "work", "x").status), (78, 64), "verify: no such account, a word too much")


def unread(house, ada):
    """What may not be read is not missing; and who takes over is told of it."""
    anew(ada, 2)
    ada.run("tappal-fetch")
    new = ada.maildir / "new"
    file = sorted(new.iterdir())[0]
    powerless = lambda *args: ada.run("tappal", *args, under=lab.without_powers())
    for closed, what in ((file, "a file"), (new, "a folder")):
        mode = closed.stat().st_mode
        closed.chmod(0)
        result = powerless("verify")
        tap.ok(result.status == 75 and result.out == "", f"verify: {what} that may not be read is not called missing", result)
        tap.matches(result.err, rf"^tappal: work: Whether message \d+ of INBOX is here cannot be told: {closed} could not be read: Permission denied\.\n  hint: Look at the owner", f"verify: {what} that may not be read is named")
        trial = powerless("adopt")
        tap.matches(trial.out, rf"^{closed} could not be read: Permission denied\. What cannot be read counts as not here, and is fetched again\.\n", f"adopt: {what} that may not be read is named") or print("#", trial)
        closed.chmod(mode)
    (memory,) = ada.state.glob("fetch/*/*.seen")
    memory.chmod(0)
    tap.matches(powerless("verify").err, rf"^tappal: work: {memory} could not be opened: Permission denied\.\n  hint: Look at the owner", "verify: a memory that may not be read")
    memory.chmod(0o600)
    file.write_bytes(file.read_bytes() + b"more\n")
    result = ada.run("tappal", "verify")
    tap.ok(result.status == 1 and "1 changed" in result.out and result.err == "", "verify: where nothing is missing nothing is said of what is missing", result)
    file.rename(file.with_name("odd\x1b[31m"))
    (ada.home / "odd\x1b[31m").write_text("FarUidValidity 7\n\n1 1 S\n")
    result = ada.run("tappal", "adopt", "--from", ada.home / "odd\x1b[31m")
    tap.ok(result.status == 0 and "\x1b" not in result.out and "odd\\x1b[31m is the state of mbsync" in result.out, "adopt: a state's name cannot write to the terminal", result)


def number_anew(house):
    """Dovecot makes the UIDVALIDITY of the time, in seconds."""
    before = uids(house)[0]
    while time.time() < before + 2:
        time.sleep(0.05)
    for path in pathlib.Path(house.site["MAILROOT"], house.site["USER"], "Maildir").glob("dovecot*"):
        path.unlink()


def anew_and_adopted(house, ada):
    """Numbered anew by the server: what was settled by the old numbers is not by the new ones."""
    anew(ada, 1, deliver="command false", maildir=None)
    number_anew(house)
    tap.matches(ada.run("tappal-fetch").err, "Message 1 of INBOX was not delivered", "numbered anew, adopted: before that, a message is set aside")
    number_anew(house)
    house.put(letter(1))
    house.put(letter(2))
    ada.account()
    file(ada, "1.a.host:2,S", here(letter(2)))
    real = ada.run("tappal", "adopt", "--yes")
    tap.matches(real.out, r"^INBOX: 3 on the server; 1 here by their letter, 2 to be fetched\n", "numbered anew, adopted: the summary") or print("#", real)
    nothing_twice(house, ada, "numbered anew, adopted", [letter(0), letter(1)], 3)


def main():
    with lab.Lab() as house:
        ada = house.person("ada")
        for protocol in ("imap", "pop3"):
            by_letter(house, ada, protocol)
        for part in (mbsync, states_of_pop3, not_a_state, verify, unread, anew_and_adopted):
            part(house, ada)
    tap.done()


main()
