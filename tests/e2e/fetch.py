#!/usr/bin/python3
"""fetch - tappal-fetch against Dovecot: folders by pattern and in both layouts, TLS in all its forms, keep = yes and no,
accounts side by side, the lock, the terminal, and what stands in log and summary.

run: limit=200
"""
import fcntl
import imaplib
import json
import pathlib
import re
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import lab      # noqa: E402
import tap      # noqa: E402
from letters import here, letter, numbered  # noqa: E402


def in_folder(ada, name):
    return sorted(p.read_bytes() for sub in ("new", "cur") for p in (ada.maildir / name / sub).glob("*"))


def every_way_in(house, ada):
    for protocol, tls, port in (("imap", "implicit", "IMAPS"), ("imap", "starttls", "IMAP"), ("pop3", "implicit", "POP3S"), ("pop3", "starttls", "POP3")):
        what = f"{protocol}, {tls}"
        ada.begin_anew()
        ada.account(fetch={"protocol": protocol, "tls": tls, "port": house.port(port)})
        sent = [letter("one"), letter("two")]
        house.put(*sent)
        dry = ada.run("tappal-fetch", "--dry-run")
        result = ada.run("tappal-fetch")
        tap.ok(result.status == 0 and not result.err, f"{what}: fetched", result)
        tap.matches(result.out, r"^work: 2 new messages, \d+ bytes, 1 folder\n$", f"{what}: the summary")
        tap.same(dry.out.replace("INBOX: ", "").rstrip(), result.out.rpartition(",")[0], f"{what}: the dry run said the same")
        tap.same(sorted(ada.fetched()), sorted(map(here, sent)), f"{what}: byte for byte")
        again = ada.run("tappal-fetch")
        tap.same((again.status, again.out, again.err), (0, "work: no new messages\n", ""), f"{what}: nothing new")
        house.put(letter("three"))
        third = ada.run("tappal-fetch", "--quiet")
        tap.same((third.status, third.out, third.err, len(ada.fetched())), (0, "", "", 3), f"{what}: one more, quietly")
        tap.same(len(house.received()), 3, f"{what}: keep = yes keeps")
        ada.account(fetch={"protocol": protocol, "tls": tls, "port": house.port(port), "keep": "no"})
        last = ada.run("tappal-fetch")
        tap.same((last.status, last.out, last.err), (0, "work: no new messages, 3 deleted on the server\n", ""), f"{what}: keep = no takes them off")
        tap.same((len(house.received()), len(ada.fetched())), (0, 3), f"{what}: they are here, and here only")


def unread_stays_unread(house, ada):
    ada.begin_anew()
    ada.account()
    house.put(letter("unread"))
    ada.run("tappal-fetch")
    connection = house.imap()
    connection.select("INBOX", readonly=True)
    tap.same(connection.search(None, "UNSEEN")[1], [b"1"], "fetching sets no \\Seen")
    connection.logout()


def trouble_is_shown(ada):
    """What the last run could not do is in `tappal status` until one can: cron and services are watched by nobody."""
    tap.matches(ada.run("tappal", "status").out, r"work: .*\n  trouble with fetching: The server has no folder \"Nowhere\"\.\n  hint: It has", "status: trouble, for people")
    check = ada.run("tappal", "status", "--check")
    tap.ok(check.status == 1 and check.out.startswith("WARNING: account work has trouble with fetching"), "status: for monitoring", check)
    (failure,) = [a["fetch_failure"] for a in json.loads(ada.run("tappal", "status", "--json").out)["accounts"]]
    tap.same(failure["kind"], "config", "status: for programs")
    for patterns, said in (("Nowhere/*", "None of the server's folders is one"), ("Now*, !No*", "None of the server's folders is one")):
        ada.account(fetch={"folders": patterns})
        result = ada.run("tappal-fetch")
        tap.ok((result.status, result.out) == (78, "") and said in result.err and "Lists/git" in result.err, f"folders = {patterns}: nothing fits", result)
    ada.account(fetch={"folders": "*", "subscribed": "yes"})
    tap.matches(ada.run("tappal-fetch").err, "subscribed to is one .*\n  hint: Nothing is subscribed to", "no folder is subscribed to")
    ada.account()
    ada.run("tappal-fetch", "--uid", "INBOX/999")
    tap.ok("trouble" in ada.run("tappal", "status").out, "status: one message on demand is no run")
    ada.run("tappal-fetch")
    tap.ok("trouble" not in ada.run("tappal", "status").out and ada.run("tappal", "status", "--check").status == 0, "status: all is well again")
    ada.account(fetch={"folders": "INBOX, Nowhere"})


def folders(house, ada):
    connection = house.imap()
    names = ["Lists", "Lists/git", "Lists/c", "Lists/c/old", "Entw&APw-rfe", "spam", '"two words"']
    for name in names:
        connection.create(name)
        connection.append(name, None, None, letter(f"in {name}"))
    places = {
        "maildir++": {"Lists/git": ".Lists.git", "Lists/c": ".Lists.c", "Lists/c/old": ".Lists.c.old", "Entw&APw-rfe": ".Entwürfe", '"two words"': ".two words", "Lists": ".Lists"},
        "nested": {"Lists/git": "Lists/git", "Lists/c": "Lists/c", "Lists/c/old": "Lists/c/old", "Entw&APw-rfe": "Entwürfe", '"two words"': "two words", "Lists": "Lists"},
    }
    for layout, inbox in (("maildir++", "."), ("nested", "INBOX")):
        for patterns, wanted in (("INBOX, Lists/%, Entwürfe", ["Lists/git", "Lists/c", "Entw&APw-rfe"]), ("*, !spam, !Sent", [n for n in names if n != "spam"]), ("Lists/*", ["Lists/git", "Lists/c", "Lists/c/old"])):
            what = f"{layout}, folders = {patterns}"
            ada.begin_anew()
            for name in names:
                connection.select(name)
                if not connection.search(None, "ALL")[1][0]:
                    connection.append(name, None, None, letter(f"in {name}"))
                connection.unselect()
            house.put(letter("in INBOX"))
            ada.account(fetch={"layout": layout, "folders": patterns})
            result = ada.run("tappal-fetch")
            tap.ok(result.status == 0 and not result.err, f"{what}: fetched", result)
            count = len(wanted) + (not patterns.startswith("Lists"))
            tap.matches(result.out, rf"^work: {count} new messages, .*, {count} folders\n$", f"{what}: the summary")
            tap.same({n: in_folder(ada, places[layout][n]) for n in wanted}, {n: [here(letter(f"in {n}"))] for n in wanted}, f"{what}: where they are")
            tap.same(in_folder(ada, inbox), [] if patterns.startswith("Lists") else [here(letter("in INBOX"))], f"{what}: the INBOX")
            tap.same(len(ada.fetched()), count, f"{what}: nothing else")
            tap.same(ada.run("tappal-fetch").out, "work: no new messages\n", f"{what}: nothing new")
    ada.account(fetch={"folders": "INBOX, Nowhere"})
    result = ada.run("tappal-fetch")
    tap.ok(result.status == 78 and "\"Nowhere\"" in result.err and "Lists/git" in result.err, "a folder that is not there: said, with those that are", result)
    trouble_is_shown(ada)
    dry = ada.run("tappal-fetch", "--dry-run", "work")
    tap.matches(dry.out, r"work: INBOX: no new messages", "dry run: each folder")
    for name in names:
        connection.delete(name)
    connection.logout()


def only_some(house, ada):
    ada.begin_anew()
    connection = house.imap()
    day = 86400
    for subject, flags, age in (("new", None, 1), ("read", "\\Seen", 1), ("old", None, 90), ("old and read", "\\Seen", 90)):
        connection.append("INBOX", flags, imaplib.Time2Internaldate(time.time() - age * day), letter(subject))
    connection.logout()
    for options, count in (({"unseen": "yes", "max_age": "30d"}, 1), ({"search": 'OR SUBJECT "old and" SUBJECT nothing'}, 2), ({"unseen": "yes"}, 3), ({}, 4)):
        ada.account(fetch=options)
        result = ada.run("tappal-fetch")
        tap.ok(result.status == 0 and len(ada.fetched()) == count, f"only some: {options}", result)
        tap.same(ada.run("tappal-fetch").out, "work: no new messages\n", f"only some: {options}: nothing twice")
    tap.same(sorted(ada.fetched()), sorted(here(letter(s)) for s in ("new", "read", "old", "old and read")), "only some: in the end all, once")


def read_and_moved(house, ada):
    ada.begin_anew()
    connection = house.imap()
    connection.create("Kept")
    sent = list(map(numbered, range(70)))
    house.put(*sent)
    ada.account(fetch={"mark_seen": "yes", "move_to": "Kept", "folders": "*"})
    result = ada.run("tappal-fetch")
    tap.matches(result.out, r"^work: 70 new messages, .*, 70 moved on the server\n$", "mark_seen and move_to: the summary") or print("#", result)
    connection.select("Kept")
    tap.same(connection.search(None, "SEEN")[1][0].split()[-1:], [b"70"], "they are there, read")
    tap.same((sorted(ada.fetched()), len(house.received())), (sorted(map(here, sent)), 0), "and here, and in the INBOX no more")
    tap.same(ada.run("tappal-fetch").out, "work: no new messages\n", "and are not fetched from there")
    connection.unselect()
    connection.delete("Kept")
    connection.logout()


def accounts_side_by_side(house, ada):
    ada.begin_anew()
    ada.account("work", fetch={"maildir": ada.home / "Mail/work"})
    ada.account("copy", fetch={"maildir": ada.home / "Mail/copy", "protocol": "pop3", "port": house.port("POP3S")})
    ada.account("broken", fetch={"maildir": ada.home / "Mail/broken", "port": house.port("CLOSED")})
    house.put(*map(numbered, range(70)))
    ada.log.unlink(missing_ok=True)
    result = ada.run("tappal-fetch")
    tap.same(result.status, 69, "three accounts, one unreachable: its exit status")
    tap.same(sorted(result.out.splitlines()), [f"{n}: 70 new messages, 6.1 kB, 1 folder" for n in ("copy", "work")], "the others are fetched") or print("#", result)
    tap.matches(result.err, r"^tappal-fetch: broken: [^\n]*\n  hint: [^\n]*\n$", "one sentence and a hint for the third")
    log = ada.log.read_text()
    tap.same(len(re.findall(r"fetched account=(?:work|copy) folder=INBOX uid=\w+ size=\d+ file=\S+", log)), 140, "the log: a line for each message")
    tap.matches(log, r"trouble account=broken kind=network problem=", "the log: the trouble")
    tap.same((ada.run("tappal-fetch", "work", "copy").status, ada.run("tappal-fetch", "broken").status), (0, 69), "accounts by name")
    for name in ("copy", "broken"):
        (ada.config / "accounts" / f"{name}.ini").unlink()


def the_lock(house, ada):
    ada.begin_anew()
    ada.account()
    ada.run("tappal-fetch")
    house.put(letter("later"))
    (lock,) = ada.state.glob("fetch/*/lock")
    with open(lock, "r+b") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        result = ada.run("tappal-fetch")
    tap.ok(result.status == 0 and not ada.fetched() and "Another tappal-fetch" in result.err, "a second run leaves it to the first", result)
    tap.same((ada.run("tappal-fetch").status, len(ada.fetched())), (0, 1), "and when that is gone, it fetches")


def the_terminal(house, ada):
    ada.begin_anew()
    ada.account()
    house.put(*map(numbered, range(200)))
    result = ada.run("tappal-fetch", tty=True, TERM="vt100")
    tap.ok(result.status == 0 and re.search(r"\x1b\[1mwork\x1b\[0m  INBOX \d+/200, ", result.err) and result.err.endswith("\033[J"), "a terminal: progress, and it goes away", result)
    house.put(letter("and one"))
    result = ada.run("tappal-fetch", tty=True, TERM="vt100", NO_COLOR="1")
    tap.ok(result.status == 0 and "work  INBOX 0/1, " in result.err and "\033[1m" not in result.err, "NO_COLOR: nothing is bold", result)
    house.put(letter("one more"))
    result = ada.run("tappal-fetch", "--check")
    tap.ok(result.status == 0 and re.fullmatch(r"work: 1 new message, \d+ bytes\n", result.out) and not result.err, "--check: there is new mail", result)
    result = ada.run("tappal-fetch", "--check", "--json")
    tap.ok(result.status == 0 and re.fullmatch(r'\{"event":"found","account":"work","folder":"INBOX","messages":1,"bytes":\d+,"linked":0,"moved":0,"deleted":0\}\n', result.out), "--check --json", result)
    result = ada.run("tappal-fetch", tty=True, TERM="dumb")
    tap.same((result.status, result.err), (0, ""), "a dumb terminal: no progress")
    result = ada.run("tappal-fetch", "--check")
    tap.same((result.status, result.out, result.err), (1, "", ""), "--check: there is none")
    result = ada.run("tappal-fetch", "--check", "--watch")
    tap.ok(result.status == 64 and "--watch fetches" in result.err, "--check --watch: bad usage", result)
    result = ada.run("tappal-fetch", "-v")
    tap.ok(re.search(r"^work > T\d+ AUTHENTICATE \S+ \*\*\*$", result.err, re.M) and house.site["PASSWORD"] not in result.err, "-v: the conversation, without secrets", result)


def a_reader_at_work(house, ada):
    """Messages that a reader moved, renamed or threw away are not fetched again, and not looked for."""
    ada.begin_anew()
    ada.account()
    house.put(*map(numbered, range(3)))
    ada.run("tappal-fetch")
    first, second, third = sorted((ada.maildir / "new").iterdir())
    first.unlink()
    second.rename(ada.maildir / "cur" / f"{second.name}:2,S")
    third.rename(ada.home / "elsewhere")
    tap.same((ada.run("tappal-fetch").out, len(ada.fetched())), ("work: no new messages\n", 1), "moved and deleted mail stays so")
    ada.account(fetch={"keep": "no"})
    tap.same((ada.run("tappal-fetch").status, len(house.received())), (0, 0), "and may be deleted on the server all the same")


def told_of_after_a_stop(house, ada):
    """What a run was about to put in place when it was killed comes with the next one, and is told of as its."""
    news, log = ada.home / "news", ada.home / "steps"
    ada.account(fetch={"on_new": f"sh -c 'cat >{news}'"})
    ada.begin_anew(*map(numbered, range(3)))
    ada.run("tappal-fetch", TAPPAL_TEST_STEP_LOG=str(log))
    steps = [line.split()[1] for line in log.read_text().splitlines()]
    first = max(i for i in range(len(steps)) if steps[i:i + 3] == ["rename"] * 3) + 1
    for n in range(first, first + 4):
        ada.begin_anew(*map(numbered, range(3)))
        news.write_text("")
        stopped = ada.run("tappal-fetch", TAPPAL_TEST_STEP=f"stop:{n}:tappal-fetch")
        log.unlink(missing_ok=True)
        result = ada.run("tappal-fetch", TAPPAL_TEST_STEP_LOG=str(log))
        steps = [line.split()[1] for line in log.read_text().splitlines()]
        tap.same(steps[:steps.index("fdatasync")][-3:], ["syncdir", "syncdir", "write"], f"killed with {n - first} in place: which is made durable before it is written down")
        tap.ok(stopped.out == "" and re.fullmatch(r"work: 3 new messages, \d+ bytes, 1 folder\n", result.out) and not result.err, f"killed with {n - first} in place: the next run tells of all", result)
        tap.same(sorted(news.read_text().split()), sorted(str(p) for p in (ada.maildir / "new").iterdir()), f"killed with {n - first} in place: on_new too")


def damaged_memory(house, ada):
    ada.begin_anew()
    ada.account()
    house.put(*map(numbered, range(3)))
    ada.run("tappal-fetch")
    (memory,) = ada.state.glob("fetch/*/*.seen")
    text = memory.read_bytes()
    memory.write_bytes(text[:60] + b"?" + text[61:])
    result = ada.run("tappal-fetch")
    tap.ok(result.status == 75 and str(memory) in result.err and "hint: " in result.err, "a damaged memory is told, not guessed", result)
    memory.write_bytes(text + b"12345678 ope")
    result = ada.run("tappal-fetch")
    tap.same((result.status, result.out, memory.read_bytes() == text), (0, "work: no new messages\n", True), "a torn end is cut")


def a_glance(house, ada):
    """Where nothing is new, the last line of the memory is enough; where something is, all of it is read first."""
    for what, options in (("one folder", {}), ("by pattern", {"folders": "INBOX*"})):
        ada.begin_anew()
        ada.account(fetch=options)
        house.put(letter("one"))
        ada.run("tappal-fetch")
        memory = max(ada.state.glob("fetch/*/*.seen"), key=lambda path: b"placed" in path.read_bytes())
        text = memory.read_bytes()
        memory.write_bytes(text.replace(b"placed", b"PLACED", 1))
        result = ada.run("tappal-fetch")
        tap.same((result.status, result.out, result.err), (0, "work: no new messages\n", ""), f"{what}: with nothing new the middle of the memory is not read")
        house.put(letter("two"))
        result = ada.run("tappal-fetch")
        tap.ok(result.status == 75 and str(memory) in result.err and len(ada.fetched()) == 1, f"{what}: with something new it is, and damage is told", result)
        memory.write_bytes(text)
        result = ada.run("tappal-fetch")
        tap.same((result.status, ada.fetched()), (0, [here(letter("one")), here(letter("two"))]), f"{what}: put right, it goes on")
        text = memory.read_bytes()
        memory.write_bytes(text[:text.rindex(b"quiet") - 9])
        result = ada.run("tappal-fetch")
        tap.same((result.status, result.out), (0, "work: no new messages\n"), f"{what}: a memory without a last line says the same")
    ada.begin_anew(letter("one"))
    ada.account()
    ada.run("tappal-fetch")
    (ada.maildir / "tmp").rename(ada.maildir / "away")
    (ada.maildir / "tmp").write_text("in the way")
    result = ada.run("tappal-fetch")
    tap.ok(result.status == 75 and f"{ada.maildir}/tmp" in result.err, "with nothing new, a maildir that is none any more is told of", result)


def main():
    with lab.Lab() as house:
        ada = house.person("ada")
        for part in (every_way_in, unread_stays_unread, folders, only_some, read_and_moved, accounts_side_by_side, the_lock, the_terminal, a_reader_at_work, told_of_after_a_stop, damaged_memory, a_glance):
            part(house, ada)
    tap.done()


main()
